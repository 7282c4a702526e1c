"""Tests of an application: a test case whose whole course, set-up and flush, is somebody's.

``TestCase`` keeps one transaction open over the whole test, and a transaction has one person:
for a second person within a test use ``TransactionTestCase``, where each ``atomic()`` and each
statement in autocommit is a transaction of its own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pgmask.integrations.acting import Actor, acting_as


class ActingMixin:
    """Set before ``TestCase`` or ``TransactionTestCase``; ``actor`` says who the test is.

    ``setUpTestData``, ``setUp``, the test, ``tearDown`` and the flush after a TransactionTestCase
    run as ``actor``. Flush deletes what this actor's profile may delete.
    """

    actor: ClassVar[Actor]

    @classmethod
    def setUpClass(cls) -> None:
        """As the test case's, acting."""
        with acting_as(cls.actor):
            super().setUpClass()  # type: ignore[misc]

    def __call__(self, result: Any = None) -> Any:
        """Run one test, acting: its fixtures, itself and what cleans up after it."""
        with acting_as(self.actor):
            return super().__call__(result)  # type: ignore[misc]
