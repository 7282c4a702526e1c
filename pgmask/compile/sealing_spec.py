"""What the sealing triggers of one store table must do, as one frozen value.

It is the only input of the generator, so that the same value gives the same function bodies, byte
for byte.  ``pgmask.compile.sealing`` makes it from a catalogue and the facts of a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from pgmask.names import Name, QualName, derived

PLAIN_GLYPH = "*"
OTHER_GLYPH = "•"
MARKED = "\\x00"
"""What an upsert's proposed row has for a sealed value; such a row is never stored."""


class Coding(StrEnum):
    """How a value becomes the text that is sealed, independent of every session setting."""

    TEXT = "text"
    """Character types: the only ones that can hold a mask."""
    CAST = "cast"
    ISO = "iso"
    """date and timestamp."""
    UTC = "utc"
    """timestamp with time zone."""
    HEX = "hex"
    """bytea."""
    INTEGER = "integer"
    """A number in the associated data, a cast elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A column of the store as the triggers read and write it.

    type: as ``format_type`` writes it, with a qualified name where it is not PostgreSQL's own.
    foreign: the type, or the one beneath a domain, is not PostgreSQL's own.  A cast of it is its
    owner's to make and runs as whoever casts, so values of it are never cast (ADR 0033).
    """

    name: Name
    type: str
    coding: Coding
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The functions of one kind: qualified names; valid and normal may be missing."""

    mask: str
    valid: str | None = None
    normal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The rule by the discriminator's value as text, in order; the column's own rule else.

    foreign: the discriminator's type is not PostgreSQL's own.
    """

    discriminator: Name
    cases: tuple[tuple[str, Rule], ...]
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """A column whose truth lies in a bundle: always (level 1), or in high-value rows only.

    always: False for level 2; rule: of the kind; high_rule: mask in high-value rows where it is
    another one (the name to its surname); bundle: name of one of the table's bundles;
    refuse: an invalid value is refused, else flagged; check: validate at all; search: has a
    64-bit blind index in ``index``, or 128 bits where unique; index_column: the blind index column;
    unique_with: columns before it in its
    index (the unit); index_name: the constraint's whose place it takes; index_where: the condition
    of that constraint, over columns that stay plain; cross: (check, other
    column); shared_by: flag a value that as many other rows have; null_at_rest: a text that must
    not repeat as a mask, because a unique key holds it;
    not_null: the table said NOT NULL and the column is NULL at rest: NULL is refused here.
    """

    column: Typed
    bundle: str
    always: bool
    rule: Rule
    high_mask: str | None = None
    chosen: Chosen | None = None
    validate: bool = True
    refuse: bool = True
    required: bool = False
    index_column: Name | None = None
    unique: bool = False
    unique_with: tuple[Name, ...] = ()
    index_name: Name | None = None
    index_where: str | None = None
    cross: tuple[tuple[str, str], ...] = ()
    shared_by: int | None = None
    null_at_rest: bool = False
    not_null: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name.text

    @property
    def text(self) -> bool:
        """Whether the column stores a mask; else it is NULL at rest."""
        return self.column.coding is Coding.TEXT and not self.null_at_rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowColumn:
    """A stored column that stands for another one in some writable views.

    hidden: always NULL, a write is refused; else the mask, and a write is a write of the column.
    source: the column it stands for; mask: function for text, None: NULL for other types.
    """

    name: Name
    source: Typed
    hidden: bool
    mask: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """Where a bundle's subject is looked up: flags and unit come from its row (D1, C1).

    relation, key: of the subject's store table; unit: its unit column where this table keeps it
    in ``pgmask_unit``; high_value: whether the class has a high-value rule.
    """

    relation: QualName
    key: Name
    high_value: bool
    unit: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The sealed values of a row that speak of one subject.

    name: part of the associated data; sealed: the bytea column; subject_class; subject: the column
    with the subject's key, None where each row is its own subject; row: its row, None for the
    subject's own table and for rows without a subject.
    """

    name: str
    sealed: Name
    subject_class: str
    subject: Typed | None = None
    row: SubjectRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueKey:
    """A unique index an upsert could infer: the probe finds what the proposed row may meet.

    parts: expressions over the table's columns as ``pg_get_indexdef`` writes them; predicate of a
    partial index; nulls_equal: NULLS NOT DISTINCT; foreign: per part the schema of its type's
    operators where that is not pg_catalog (citext), '' else; empty: all of pg_catalog; own: the
    parts, by number, of a type of the application's.
    """

    name: str
    parts: tuple[str, ...]
    predicate: str | None = None
    nulls_equal: bool = False
    foreign: tuple[str, ...] = ()
    own: frozenset[int] = frozenset()

    def schema(self, number: int) -> Name | None:
        """The schema of the operators of a part, None for PostgreSQL's own."""
        found = self.foreign[number] if self.foreign else ""
        return Name(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedCheck:
    """A CHECK over a sealed column: evaluated by the trigger on the truth, not by the table."""

    name: Name
    expression: str
    domain: tuple[Name, str] | None = None
    """Of a domain that gave way: the function that casts to it, and the domain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HighRule:
    """Own subject table: the grade column and the grades that count.

    foreign: the column's type is not PostgreSQL's own.
    """

    column: Name
    grades: tuple[str, ...]
    foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependant:
    """A table whose rows follow this subject's flags: its subject column, and what it keeps."""

    relation: QualName
    subject: Name
    high_value: bool
    unit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSpec:
    """Everything the generator knows of one table.

    table_id: ``schema.table`` as the application knows it; store: where it is; key: primary key in
    order; columns: sealed always or in high-value rows, in the table's order; extra: other columns
    that moved checks and cross checks read; unit: the subject's unit column where dependants keep
    it; own_high: subject table's rule; upserts: (profile, condition of its UPDATE policy, and
    that the row's customer is noted) for the profiles that may both insert and update; unsealing:
    the table is on its way back, and its triggers put truths into the columns instead of masks.
    """

    table_id: str
    store: QualName
    key: tuple[Typed, ...]
    columns: tuple[SealedColumn, ...]
    bundles: tuple[Bundle, ...]
    shadows: tuple[ShadowColumn, ...] = ()
    unique_keys: tuple[UniqueKey, ...] = ()
    moved: tuple[MovedCheck, ...] = ()
    others: tuple[Typed, ...] = ()
    own_high: HighRule | None = None
    unit: Name | None = None
    unit_type: str = ""
    unit_foreign: bool = False
    keeps_unit: bool = False
    dependants: tuple[Dependant, ...] = ()
    subject_class: str | None = None
    upserts: tuple[tuple[str, str], ...] = ()
    unsealing: bool = False

    @property
    def has_high(self) -> bool:
        """Whether rows of this table can be high-value ones."""
        return self.own_high is not None or any(
            b.row is not None and b.row.high_value for b in self.bundles
        )

    @property
    def setting(self) -> str:
        """The transaction-local setting in which an upsert carries its truths."""
        return "pgmask.up_" + sha256(self.table_id.encode()).hexdigest()[:12]

    def function(self, part: str) -> Name:
        """The name of a generated function in ``pgmask_private``."""
        return derived("seal_", self.table_id, part)

    def bundle(self, name: str) -> Bundle:
        """The bundle of that name."""
        return next(b for b in self.bundles if b.name == name)

    def of_bundle(self, bundle: Bundle) -> tuple[SealedColumn, ...]:
        """The columns whose truth lies in that bundle."""
        return tuple(c for c in self.columns if c.bundle == bundle.name)


_TEXT = {"text", "character varying", "varchar", "character", "char", "bpchar", "citext", "name"}
_INTEGER = {"smallint", "integer", "bigint"}
_CAST = {
    "numeric", "boolean", "uuid", "inet", "cidr", "macaddr", "macaddr8", "json", "jsonb", "oid",
    "time without time zone", "xml", "bit", "bit varying",
}  # fmt: skip


def coding_of(type_: str, *, kind: str = "b") -> Coding | None:
    """How values of a type are sealed, None for a type whose text depends on session settings.

    kind: ``typtype``; an enum is one whatever its name.
    """
    if kind != "b":
        return Coding.CAST if kind == "e" else None
    base = type_.split("(")[0].strip()
    rest = type_.rpartition(")")[2].strip() if "(" in type_ else ""
    base = f"{base} {rest}".strip()
    if base in _TEXT or base.rpartition(".")[2] == "citext":
        return Coding.TEXT
    if base in _INTEGER:
        return Coding.INTEGER
    if base in ("date", "timestamp without time zone"):
        return Coding.ISO
    if base == "timestamp with time zone":
        return Coding.UTC
    if base == "bytea":
        return Coding.HEX
    if base in _CAST:
        return Coding.CAST
    if base.endswith("[]") and (base[:-2] in _TEXT | _INTEGER | {"numeric", "boolean", "uuid"}):
        return Coding.CAST
    return None
