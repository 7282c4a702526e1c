"""What one statement reads, gives out and writes, as frozen values.

``lineage.trace`` makes them from SQL text and a ``Schema``; ``verdict`` lays a profile over them.
Positions are offsets in characters of the text that was given to ``trace``, -1 where none is known.
Tuples are sorted where they are sets (reads, writes, sources) and in the order of the text where
they are lists (outputs, findings).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Use(StrEnum):
    """What a statement does with a base column that it reads."""

    OUTPUT = "output"
    """Its value is part of what comes back, or of what is written elsewhere."""
    FILTER = "filter"
    """WHERE, HAVING, FILTER, CASE conditions, ON CONFLICT .. WHERE."""
    JOIN = "join"
    """ON, USING, NATURAL."""
    GROUP = "group"
    """GROUP BY, DISTINCT, set operations without ALL, PARTITION BY."""
    ORDER = "order"
    """ORDER BY, also in windows and aggregates."""
    AGGREGATE = "aggregate"
    """An argument of an aggregate."""
    LOCK = "lock"
    """Named only by FOR UPDATE and the like, or read by the server to do the statement."""
    WRITE = "write"
    """Read to compute a value that is written into a table."""


class Flow(StrEnum):
    """How near an output column is to its sources; of several, the nearest counts."""

    DIRECT = "direct"
    """The value itself, also through views, CTEs and set operations."""
    EXPRESSION = "expression"
    """Computed from it, one row at a time."""
    AGGREGATE = "aggregate"
    """Computed from many rows' values."""
    CONDITION = "condition"
    """Its value only decides which value or row comes back."""
    NONE = "none"
    """No base column is behind it."""


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """A column of a table, materialised view or foreign table (or of a view that is a boundary).

    schema, table, column as the system catalogues hold them, unquoted.
    """

    schema: str
    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Read:
    """One base column and one use of it; position: where it is first used so."""

    column: Column
    use: Use
    position: int = -1


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """One base column behind an output, and how near it is."""

    column: Column
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One column of what comes back.

    name: as PostgreSQL would call it; sources: sorted, those of flow ``condition`` included; flow:
    the nearest of them; type: ``format_type``'s text where known, else ``''``; position: of the
    expression in the text.
    """

    name: str
    sources: tuple[Source, ...] = ()
    flow: Flow = Flow.NONE
    type: str = ""
    position: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One target of a write.

    action: ``insert``, ``update``, ``delete``, ``merge``, ``truncate``, ``copy``; columns: those
    that are given a value, sorted, empty for whole rows that go; sources: per column, what its
    value is computed from.
    """

    schema: str
    table: str
    action: str
    columns: tuple[str, ...] = ()
    sources: tuple[tuple[str, tuple[Source, ...]], ...] = ()
    position: int = -1


@dataclass(frozen=True, slots=True, order=True)
class Called:
    """One function that the statement calls; args: types of the chosen overload, joined by ``, ``.

    position: of the call.  Operators and casts count with the function behind them only where that
    function is neither of ``pg_catalog`` nor of a known extension.
    """

    schema: str
    name: str
    args: str
    position: int = -1


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """One relation that the text names (not what views stand on), and how it was meant.

    kind: ``r`` table, ``p`` partitioned, ``v`` view, ``m`` materialised, ``f`` foreign; use:
    ``read``, ``write``, ``define``.
    """

    schema: str
    name: str
    kind: str
    use: str
    position: int = -1


@dataclass(frozen=True, slots=True, order=True)
class Unresolved:
    """Why a statement's lineage is not known; one is enough for a denial.

    code: ``PM6nn`` of the registry; message: one sentence, never a literal of the statement; path:
    from the statement to the node, as ``SelectStmt.targetList[0].ResTarget.val.ColumnRef``.
    """

    position: int
    code: str
    message: str
    path: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """All that was found out about one statement.

    text: the statement as written; start: its offset in the whole text; line: of its first
    character, from 1; kind: ``select``, ``insert``, ``create view`` .. in lower case; reads,
    writes, outputs, calls, relations: see their types; unresolved: empty, or the statement is
    refused; inner: statements inside (bodies of functions, EXPLAIN, PREPARE, COPY's query, DO).
    """

    text: str
    start: int
    line: int
    kind: str
    reads: tuple[Read, ...] = ()
    outputs: tuple[Output, ...] = ()
    writes: tuple[Write, ...] = ()
    calls: tuple[Called, ...] = ()
    relations: tuple[Relation, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    inner: tuple[Lineage, ...] = ()

    @property
    def columns(self) -> frozenset[Column]:
        """Every base column that is read, whatever for."""
        return frozenset(r.column for r in self.reads)
