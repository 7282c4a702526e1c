"""What a scan works on and finds, as frozen values; none of them holds a value of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pgmask.catalogue.schema_source import SchemaTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One table to scan.

    table: as the application knows it; schema: where it lies now (a protected one was moved aside);
    comments: by column, '' for the table's own; keys: columns of primary and foreign keys; rows:
    the planner's estimate, from the pages where it has none, -1 for a foreign table; pages: of
    8 kB; foreign: a foreign table, never sampled.
    """

    table: SchemaTable
    schema: str
    comments: Mapping[str, str] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    rows: int = -1
    pages: int = 0
    foreign: bool = False

    @property
    def id(self) -> str:
        """``schema.table`` as the application knows it."""
        return self.table.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts over the sampled values of one column.

    seen: values that are not NULL and not empty; distinct: different ones among them; masked: with
    a mask glyph; hits: by kind, values that hardly are anything else; fitting: by kind, values that
    could be of it, masked ones left out; inside: by kind, longer values in which one occurs;
    length: the mean number of characters looked at.
    """

    seen: int = 0
    distinct: int = 0
    masked: int = 0
    hits: Mapping[str, int] = field(default_factory=dict)
    fitting: Mapping[str, int] = field(default_factory=dict)
    inside: Mapping[str, int] = field(default_factory=dict)
    length: float = 0.0

    def share(self, kind: str) -> float:
        """The part of the values, 0 to 1, that are of the kind."""
        return self.hits.get(kind, 0) / self.seen if self.seen else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What ANALYZE knows and the caller may read: part of NULLs, number of distinct values.

    distinct: as in ``pg_stats``, negative for a part of the rows.
    """

    null_part: float
    distinct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One reason; source: name, comment, type, values, statistics; points: see ``judge``."""

    source: str
    text: str
    points: float


class Verdict(StrEnum):
    """What a scan says of a column."""

    PERSONAL = "personal"
    PLAIN = "plain"
    """Nothing speaks of a person: level 3."""
    OPEN = "open"
    """The evidence is too thin or contradicts itself: a person must look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a column probably holds.

    confidence: 0 to 1, that this verdict is right; kind '' where none has a form; level None where
    a person must decide; type: as the server writes it; rows: the table's, -1 unknown; shares: by
    kind, per cent of the values seen; inside: kinds of level 1 found within texts; seen: how many
    values without a mask; mixed: more than one kind in it.
    """

    table: str
    column: str
    type: str
    rows: int
    verdict: Verdict
    kind: str
    category: str
    level: int | None
    confidence: float
    evidence: tuple[Evidence, ...]
    shares: Mapping[str, int] = field(default_factory=dict)
    inside: Mapping[str, int] = field(default_factory=dict)
    seen: int = 0
    mixed: bool = False

    @property
    def id(self) -> str:
        """``schema.table.column``."""
        return f"{self.table}.{self.column}"

    @property
    def unsure(self) -> float:
        """0 to 1, 1 where a person is needed most."""
        return 1.0 if self.verdict is Verdict.OPEN else 1.0 - self.confidence

    @property
    def order(self) -> tuple[float, int, str]:
        """Sort key: the unsure first, of these the ones with many rows (A1)."""
        return (-round(self.unsure, 1), -self.rows, self.id)

    @property
    def said(self) -> str:
        """``mobile, contact, level 1``, in words."""
        if self.verdict is Verdict.OPEN:
            return "open"
        if self.verdict is Verdict.PLAIN:
            return "level 3"
        level = f"level {self.level}" if self.level else "level of its content"
        return ", ".join(p for p in (self.kind, self.category, level) if p)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """The result: proposals in the order a person should read them; unread: table -> why no values
    were looked at; sampled: tables whose values were.
    """

    proposals: tuple[Proposal, ...]
    unread: Mapping[str, str]
    sampled: int

    def of(self, column: str) -> Proposal | None:
        """The proposal for ``schema.table.column``, or None."""
        return next((p for p in self.proposals if p.id == column), None)
