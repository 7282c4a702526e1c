"""What an expression is made from: base columns, each with how near it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pgmask.lineage.model import Column, Flow, Source, Use

# Nearness, nearest first; as numbers because they are compared often.
DIRECT: Final = 0
EXPRESSION: Final = 1
AGGREGATE: Final = 2
CONDITION: Final = 3
FLOWS: Final = (Flow.DIRECT, Flow.EXPRESSION, Flow.AGGREGATE, Flow.CONDITION)

Sources = dict[Column, int]
NO_SOURCES: Final[Sources] = {}


class Value:
    """The sources of one expression; never changed once made.

    type: as ``format_type`` writes it, ``''`` unknown; fields: of a row, by name and in order.
    """

    __slots__ = ("fields", "sources", "type")

    def __init__(
        self,
        sources: Sources = NO_SOURCES,
        type: str = "",
        fields: tuple[tuple[str, Value], ...] | None = None,
    ) -> None:
        self.sources = sources
        self.type = type
        self.fields = fields

    def typed(self, type: str) -> Value:
        """The same with another type."""
        return self if type == self.type else Value(self.sources, type)


NOTHING: Final = Value()
Fields = tuple[tuple[str, Value], ...]


def at_least(sources: Sources, flow: int) -> Sources:
    """The same columns, none nearer than ``flow``."""
    if not flow or not sources:
        return sources
    return {column: max(near, flow) for column, near in sources.items()}


def merged(parts: Iterable[Sources], flow: int = DIRECT) -> Sources:
    """All columns of the parts, of several the nearest, none nearer than ``flow``."""
    some = [part for part in parts if part]
    if not some:
        return NO_SOURCES
    if len(some) == 1:
        return at_least(some[0], flow)
    found: Sources = {}
    for part in some:
        for column, near in part.items():
            known = found.get(column, 9)
            if near < flow:
                near = flow
            if near < known:
                found[column] = near
    return found


def combine(values: Iterable[Value], flow: int, type: str = "") -> Value:
    """One value that is computed from others."""
    return Value(merged((v.sources for v in values), flow), type)


def any_of(values: Sequence[Value], type: str = "") -> Value:
    """A value that is one of these, its fields each one of theirs; of several forms none is known.

    A literal without a type takes that of the others.
    """
    rows = [v.fields for v in values if v is not NOTHING]
    fields: Fields | None = None
    first = rows[0] if rows else None
    if first is not None and all(row is not None and len(row) == len(first) for row in rows):
        several = [row for row in rows if row is not None]
        fields = tuple(
            (name, any_of([row[n][1] for row in several], one.type))
            for n, (name, one) in enumerate(first)
        )
    return Value(merged(v.sources for v in values), type, fields)


def conditioned(value: Value, conditions: Sources) -> Value:
    """The value, on which row or branch it is being decided by these too."""
    if not conditions:
        return value
    return Value(merged((value.sources, at_least(conditions, CONDITION))), value.type, value.fields)


def as_sources(sources: Sources) -> tuple[Source, ...]:
    """As the contract has them."""
    return tuple(sorted(Source(column, FLOWS[near]) for column, near in sources.items()))


def nearest(sources: Sources) -> Flow:
    """The flow of an output with these sources."""
    return FLOWS[min(sources.values())] if sources else Flow.NONE


class Notes:
    """What is found on the way: columns read, functions called.

    reads: position of the first read by column and use; named: columns that stand in a target list
    whose use is not known yet.
    """

    __slots__ = ("calls", "named", "reads")

    def __init__(self) -> None:
        self.reads: dict[tuple[Column, Use], int] = {}
        self.named: dict[Column, int] = {}
        self.calls: dict[tuple[str, str, str], int] = {}

    def note(self, sources: Sources, use: Use | None, position: int) -> None:
        """These columns are read; without a use they are only named so far."""
        if use is None:
            for column, near in sources.items():
                if near < CONDITION:
                    self.named.setdefault(column, position)
            return
        for column, near in sources.items():
            if near < CONDITION:
                self.reads.setdefault((column, use), position)

    def take(self, other: Notes, position: int) -> None:
        """All of another's notes, as found at this position."""
        for key in other.reads:
            self.reads.setdefault(key, position)
        for column in other.named:
            self.named.setdefault(column, position)
        for call in other.calls:
            self.calls.setdefault(call, position)

    def add(self, other: Notes) -> None:
        """All of another's notes, each at its own position."""
        for key, at in other.reads.items():
            self.reads.setdefault(key, at)
        for column, at in other.named.items():
            self.named.setdefault(column, at)
        for call, at in other.calls.items():
            self.calls.setdefault(call, at)


def note_all(notes: Notes, sources: Sources, use: Use, position: int) -> None:
    """Note what comes back or is kept: of aggregates only the result does."""
    for column, near in sources.items():
        if near < AGGREGATE:
            notes.reads.setdefault((column, use), position)
