"""What a query gives back while it is being read."""

from __future__ import annotations

from dataclasses import dataclass, field

from pgmask.lineage.values import Notes, Sources, Value


@dataclass(slots=True)
class Out:
    """One column of what comes back; notes: what only this column reads, where it was asked."""

    name: str
    value: Value
    position: int = -1
    notes: Notes | None = None


@dataclass(slots=True)
class Rows:
    """The columns of a query, and what decides which rows there are."""

    columns: list[Out] = field(default_factory=list)
    conditions: Sources = field(default_factory=dict)
