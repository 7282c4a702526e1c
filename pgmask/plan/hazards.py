"""Hazards: a closed vocabulary, one sentence each; which of them ``apply`` must be told to accept.

``WIDENS_ACCESS`` needs an approval instead of ``--allow`` (A5).
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Hazard(StrEnum):
    """What a statement of a plan may do to people who use the database."""

    WIDENS_ACCESS = "WIDENS_ACCESS"
    NARROWS_ACCESS = "NARROWS_ACCESS"
    DROPS_PROTECTION = "DROPS_PROTECTION"
    REWRITES_TABLE = "REWRITES_TABLE"
    TAKES_ACCESS_EXCLUSIVE_LOCK = "TAKES_ACCESS_EXCLUSIVE_LOCK"
    NEEDS_KEY = "NEEDS_KEY"
    IRREVERSIBLE = "IRREVERSIBLE"
    TOUCHES_UNMANAGED_OBJECT = "TOUCHES_UNMANAGED_OBJECT"
    OVERWRITES_DRIFT = "OVERWRITES_DRIFT"
    BASE_TABLE_IN_USE = "BASE_TABLE_IN_USE"


SAYS: Final = MappingProxyType(
    {
        Hazard.WIDENS_ACCESS: "Somebody will see or do more than before.",
        Hazard.NARROWS_ACCESS: "Somebody will see or do less; their statements may fail.",
        Hazard.DROPS_PROTECTION: "A policy, trigger or check that protects values is taken away.",
        Hazard.REWRITES_TABLE: "The whole table is rewritten while nobody can use it.",
        Hazard.TAKES_ACCESS_EXCLUSIVE_LOCK: "For a moment nobody can use the table.",
        Hazard.NEEDS_KEY: "From then on writing the protected columns needs the key.",
        Hazard.IRREVERSIBLE: "What is dropped cannot be made again from what remains.",
        Hazard.TOUCHES_UNMANAGED_OBJECT: "An object that pgmask did not make is changed.",
        Hazard.OVERWRITES_DRIFT: "A change made by hand is undone.",
        Hazard.BASE_TABLE_IN_USE: "Logins met at the observed table lose their rights on it.",
    }
)

MUST_ALLOW: Final = frozenset(
    {
        Hazard.DROPS_PROTECTION,
        Hazard.REWRITES_TABLE,
        Hazard.IRREVERSIBLE,
        Hazard.TOUCHES_UNMANAGED_OBJECT,
        Hazard.BASE_TABLE_IN_USE,
    }
)
"""``apply`` refuses these (PM231) unless each is named by ``--allow``."""
