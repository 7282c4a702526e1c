"""Repeating a transaction that PostgreSQL gave back with 40001."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction

from pgmask.errors import PgmaskError

P = ParamSpec("P")
T = TypeVar("T")
AGAIN: Final = frozenset({"40001", "40P01"})
"""serialization_failure, which an upsert under contention may be, and deadlock_detected."""


def retry_on_conflict(
    *, attempts: int = 3, using: str = DEFAULT_DB_ALIAS, pause: float = 0.02
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: the function runs in ``atomic()`` and again, whole, after 40001 or 40P01.

    attempts: at most so many runs; using: the database alias; pause: seconds before the second
    run, doubled for each further one, and spread so that two rivals do not meet again.

    It stands outside every ``atomic()``, also ATOMIC_REQUESTS, for only a whole transaction can be
    repeated: PM442 otherwise. What the function does besides the database is done again too.
    """
    if attempts < 1:
        raise ValueError("attempts is at least 1")

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def run(*args: P.args, **named: P.kwargs) -> T:
            for attempt in range(attempts):
                if connections[using].in_atomic_block:
                    raise PgmaskError("PM442", f"{function.__qualname__} within atomic()")
                try:
                    with transaction.atomic(using=using, durable=True):
                        return function(*args, **named)
                except DatabaseError as error:
                    state = getattr(error.__cause__, "sqlstate", None)
                    if state not in AGAIN or attempt + 1 == attempts:
                        raise
                time.sleep(pause * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
            raise AssertionError("unreachable")

        return run

    return decorate
