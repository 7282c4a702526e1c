"""A finding of ``doctor``: how urgent, who must act, what is wrong, the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg

from pgmask.errors import REGISTRY

Connection = psycopg.Connection[Any]


class Urgency(StrEnum):
    """How soon somebody must act: what is open now, what will be, what belongs to today's work."""

    NOW = "NOW"
    SOON = "SOON"
    TODAY = "TODAY"
    INFO = "INFO"
    """Nothing to do; not counted as a finding by the exit code."""


class Who(StrEnum):
    """Who must act."""

    SUPERUSER = "superuser"
    DBA = "DBA"
    REGISTER = "register"
    KEYS = "key custodian"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding.

    code: PM7xx; what: one line without any person's data but names of roles and objects; way_out:
    a command or statement, the registry's words when empty.
    """

    code: str
    urgency: Urgency
    who: Who
    what: str
    way_out: str = ""

    def __post_init__(self) -> None:
        if self.code not in REGISTRY:
            raise KeyError(f"{self.code} is not in the registry of errors")
        if not self.way_out:
            object.__setattr__(self, "way_out", REGISTRY[self.code].way_out)


Check = Callable[[Connection], Iterator[Finding]]


def rows(connection: Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return connection.execute(query.encode(), values or None).fetchall()
