"""The catalogue as frozen values: what is classified, who sees it in which form.

Levels are numbers, 1 the most sensitive.  Everything short in the YAML (includes, defaults, name
patterns, templates, ``level_3`` lists) is written out here; this form is hashed and deployed (A4).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from pgmask.catalogue.patterns import pattern
from pgmask.hashing import digest


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a catalogue: path relative to its folder, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Position("", 0, 0)


class Form(StrEnum):
    """The form in which a profile sees a column."""

    PLAIN = "plain"
    """The stored column; for a sealed column that is the mask."""
    MASK = "mask"
    HIDDEN = "hidden"
    """NULL of the exact type."""


class Rows(StrEnum):
    """Which rows a profile reaches; several are combined with OR."""

    ALL = "all"
    OWN_UNIT = "own_unit"
    UNITS = "units"
    ASSIGNED = "assigned"
    GRANTED = "granted"


class Operation(StrEnum):
    """What a profile may do with a view."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class Unique(StrEnum):
    """How far a sealed value must be unique."""

    NO = "no"
    GLOBAL = "global"
    PER_UNIT = "per_unit"


class Recorded(StrEnum):
    """What the record of changes holds of a column's values (G1)."""

    PLAIN = "plain"
    MASK = "mask"
    OMIT = "omit"
    HASH = "hash"
    """SHA-256 of the value as text."""


class Opens(StrEnum):
    """When a profile's grants on a table are given."""

    ALWAYS = "always"
    WHEN_SEALED = "when_sealed"


class Grade(StrEnum):
    """The identity a profile honours, weakest first."""

    ASSERTION = "assertion"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindBy:
    """Kind of a value by a discriminator column of the same row.

    column: the discriminator; cases: (its value as text, kind); otherwise: the kind of all others.
    """

    column: str
    cases: tuple[tuple[str, str], ...]
    otherwise: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One classified column (A1).

    level 1..3; category: of the packs in force; kind: of ``pgmask.kinds``, or None for level 3 and
    for level 2 without one; mask: name of the kind's mask rule, None for its default; subject: the
    column of the same table that names the person this value speaks of, None for the table's own
    subject; search: offered by blind index; unique; required: may not be NULL or empty; validate:
    ``refuse`` a value that is not valid for the kind, or ``flag`` it in ``pgmask_quality``;
    why, basis: A8; derived_from: ``column`` or ``schema.table.column``; derivation: the pack's name
    of a derivation that may stand below its sources (sex, age, ...); checks: cross checks such as
    birth date and sex against the number, as (check name, other column); subject_class: the class
    of ``subject`` when it is not the table's; hidden_as: ``shadow`` (a stored column beside it) or
    ``computed`` (in the view, read-only there); never_shown: no profile, reveal or extract shows it
    (B8); hidden_by_default: media, seen only where a profile names the column (A7); audit: what the
    record of changes holds of it, None for what follows from level, kind and type.
    """

    name: str
    level: int
    category: str
    kind: str | None = None
    kind_by: KindBy | None = None
    mask: str | None = None
    subject: str | None = None
    search: bool = False
    unique: Unique = Unique.NO
    required: bool = False
    validate: str = "refuse"
    why: str | None = None
    basis: str | None = None
    derived_from: tuple[str, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    derivation: str | None = None
    subject_class: str | None = None
    hidden_as: str = "shadow"
    never_shown: bool = False
    hidden_by_default: bool = False
    audit: Recorded | None = None
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def sealed(self) -> bool:
        """Level 1: the column stores the mask and the truth lies encrypted beside it (B1, F1)."""
        return self.level == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HighValue:
    """The rule that marks high-value subjects (D1): the grade column of the subject table.

    order: the grades from lowest to highest; at_least: the lowest one that counts.
    """

    column: str
    order: tuple[str, ...]
    at_least: str

    @property
    def grades(self) -> tuple[str, ...]:
        """The grades at or above the threshold."""
        return self.order[self.order.index(self.at_least) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A class of persons: the table that holds one row each.

    name: the subject class (the catalogue's table key unless named); table: ``schema.table`` as the
    application knows it; key: its single key column; unit: the column with the unit that collected
    the person (C1), None where no unit rule applies; owner: the column with the assigned person,
    None to use the register's assignments.
    """

    name: str
    table: str
    key: str
    unit: str | None = None
    owner: str | None = None
    high_value: HighValue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One protected table.

    schema, name: as the application knows it; subject_class and subject: whose rows these are, and
    the column with the subject's key (for the subject's own table its key); subject None: the table
    speaks of no person by key, each row is its own subject; unit: a column of this table with the
    unit, None: kept from the subject's row in ``pgmask_unit`` when a profile needs it;
    columns: every column of the table, by name, level 3 included; owner, channel:
    who answers for it and how it was collected; domain: its group in reports; rollout: the stage,
    ``observe``, ``views``, ``sealing`` or ``enforced``; conflict_target: what upserts conflict on;
    keep_sealed: the record of changes keeps sealed values of before, sealed as they were.
    """

    schema: str
    name: str
    subject_class: str | None
    subject: str | None
    unit: str | None = None
    owner: str = ""
    domain: str = ""
    columns: tuple[Column, ...] = ()
    conflict_target: tuple[str, ...] = ()
    channel: str = ""
    rollout: str = "enforced"
    keep_sealed: bool = False
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def id(self) -> str:
        """``schema.table`` as the application knows it: the name in associated data and reports."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    @property
    def sealed_columns(self) -> tuple[Column, ...]:
        """The level-1 columns, in order."""
        return tuple(c for c in self.columns if c.sealed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where the tables of one application schema are kept.

    schema: as the application knows it; mode ``aside``: protected tables move to ``as_`` and the
    views of ``profile`` take the name ``schema``; ``beside``: tables stay, every profile has a
    schema of its own name.
    """

    schema: str
    mode: str = "aside"
    as_: str = ""
    profile: str | None = None

    @property
    def store_schema(self) -> str:
        """The schema that holds the store tables."""
        return self.as_ if self.mode == "aside" else self.schema


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRule:
    """Who is honoured: lowest grade, life of an assertion in seconds, issuers, direct logins."""

    grade: Grade = Grade.ASSERTION
    max_ttl: int = 60
    issuers: tuple[str, ...] = ()
    login: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One purpose of a reveal, and the business case it needs.

    case: id of the table that must hold the case, None without; when: (column of it, the values it
    may have, as text); within: (date column of it, days before or after today).
    """

    name: str
    case: str | None = None
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()
    within: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """Complete values one record at a time (B2).

    columns: ``schema.table.column``; per_day, per_month: showings per person; per_subject_per_day:
    of one subject, by whomever; share_per_month: per cent of the customers the person's view shows;
    second_factor_within: seconds since the second factor; grade: the identity asked for.
    """

    columns: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    per_day: int
    per_month: int | None = None
    per_subject_per_day: int | None = None
    share_per_month: int | None = None
    second_factor_within: int | None = None
    grade: Grade = Grade.CHALLENGE
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Exact search by blind index (B3).

    columns: ``schema.table.column``; per_day: searches per person; near_per_day: those among them
    that match a customer's mask and not the value.
    """

    columns: tuple[str, ...]
    per_day: int
    near_per_day: int = 5
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class _ProfileIndex:
    """Look-ups by key: a thousand tables are asked for one by one."""

    operations: dict[str, tuple[Operation, ...]]
    forms: dict[int, Form]
    column_forms: dict[str, Form]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One access profile.

    rows: how its rows are chosen; forms: (level, form) for levels 1..3; column_forms: exceptions as
    (``schema.table.column``, form), stricter only; operations: (table id, operations) for every
    protected table, empty operations = no view; direct_service: its people serve the customer
    directly, so level 2 may be plain (B4); posts: the register's posts that give this profile;
    outsourced: its people are not employees; reveal: complete values, None without; search: exact
    search, None without; audit: (table id, ``statement`` or ``subject``) as the notes of its reads
    are kept; notes_query: notes name the statement's number in pg_stat_statements;
    notes_text: they hold its text, encrypted to the auditors' public key.
    """

    name: str
    rows: tuple[Rows, ...]
    forms: tuple[tuple[int, Form], ...]
    column_forms: tuple[tuple[str, Form], ...] = ()
    operations: tuple[tuple[str, tuple[Operation, ...]], ...] = ()
    identity: IdentityRule = IdentityRule()
    opens: Opens = Opens.WHEN_SEALED
    direct_service: bool = False
    sees_high_value: bool = False
    posts: tuple[str, ...] = ()
    outsourced: bool = False
    reveal: Reveal | None = None
    search: Search | None = None
    audit: tuple[tuple[str, str], ...] = ()
    notes_query: bool = False
    notes_text: bool = False
    position: Position = field(default=NOWHERE, compare=False)
    _index: _ProfileIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index = _ProfileIndex(dict(self.operations), dict(self.forms), dict(self.column_forms))
        object.__setattr__(self, "_index", index)

    def notes_subjects(self, table: Table) -> bool:
        """Whether every customer whose row this profile examines in the table is noted."""
        return dict(self.audit).get(table.id) == "subject"

    def form(self, table: Table, column: Column) -> Form:
        """How this profile sees the column: its own exception, else the form of its level.

        Never-shown kinds are hidden from everybody (B8), media unless the profile names it (A7).
        """
        if column.never_shown:
            return Form.HIDDEN
        if self.column_forms:
            own = self._index.column_forms.get(f"{table.id}.{column.name}")
            if own is not None:
                return own
        if column.hidden_by_default:
            return Form.HIDDEN
        return self._index.forms[column.level]

    def may(self, table: Table) -> tuple[Operation, ...]:
        """The operations on that table; empty: no view."""
        return self._index.operations.get(table.id, ())

    def writes(self, table: Table) -> bool:
        """Whether whole-row writers may use this profile's view."""
        return any(o in (Operation.INSERT, Operation.UPDATE) for o in self.may(table))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprotected:
    """Tables without personal information and the reason.

    tables: names and patterns such as ``ref_*`` or ``crm.ref_*``, one each (a bare name means every
    store); matched: the ids that the lock file says they matched, empty without a lock file.
    """

    tables: tuple[str, ...]
    reason: str
    matched: tuple[str, ...] = ()
    position: Position = field(default=NOWHERE, compare=False)

    def covers(self, schema: str, name: str) -> bool:
        """Whether the entry means that table."""
        return any(pattern(text).matches(schema, name) for text in self.tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exception_:
    """A derogation (A2): ``schema.table.column`` stands at ``level`` instead of ``instead_of``.

    until: the last day, ``YYYY-MM-DD``; only those in force are kept in a catalogue.
    """

    column: str
    level: int
    instead_of: int
    reason: str
    approved_by: str
    until: str
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """The organisation's own reading of a clause that a pack leaves open (A2)."""

    pack: str
    row: str
    chosen: str
    by: str
    since: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The written-out catalogue.

    Table ids, profile names and subject classes are unique; tuples are in a stable order that does
    not depend on the order of files or keys.  categories: the organisation's own, (name, what they
    hold); environment: its name, '' for none.
    """

    packs: tuple[str, ...]
    stores: tuple[Store, ...]
    subjects: tuple[Subject, ...]
    tables: tuple[Table, ...]
    profiles: tuple[Profile, ...]
    unprotected: tuple[Unprotected, ...] = ()
    exceptions: tuple[Exception_, ...] = ()
    backup: tuple[str, ...] = ()
    store_owner: str = "pgmask_store"
    migrations_tool: str | None = None
    roles_prefix: str = "pgmask_"
    environment: str = ""
    key_provider: str = "file"
    key_escrow: bool = False
    when_audit_stalls: str = "lose_with_alarm"
    data: str = "real"
    persons: str = "real"
    migrations_owner: str | None = None
    migrations_login: str | None = None
    categories: tuple[tuple[str, str], ...] = ()
    interpretations: tuple[Interpretation, ...] = ()
    _index: dict[str, Table] = field(init=False, repr=False, compare=False)
    _hash: list[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {t.id: t for t in self.tables})
        object.__setattr__(self, "_hash", [])

    def table(self, id_: str) -> Table | None:
        """The protected table with that id (``schema.table``), or None."""
        return self._index.get(id_)

    def unprotected_by(self, schema: str, name: str) -> Unprotected | None:
        """The entry that declares the table free of personal information, or None."""
        return next((u for u in self.unprotected if u.covers(schema, name)), None)

    def store(self, schema: str) -> Store | None:
        """The store of an application schema, or None."""
        return next((s for s in self.stores if s.schema == schema), None)

    def subject(self, name: str) -> Subject | None:
        """The subject class of that name, or None."""
        return next((s for s in self.subjects if s.name == name), None)

    def group_role(self, profile: Profile) -> str:
        """The role applications are members of."""
        return f"{self.roles_prefix}{profile.name}"

    def view_owner(self, profile: Profile) -> str:
        """The NOLOGIN role that owns the profile's views and is the TO of its policies."""
        return f"{self.roles_prefix}{profile.name}_views"

    def view_schema(self, profile: Profile, store: Store) -> str:
        """The schema of this profile's views over that store."""
        if store.mode == "aside" and store.profile == profile.name:
            return store.schema
        return profile.name

    @property
    def hash(self) -> str:
        """SHA-256 of the written-out form; positions do not count."""
        if not self._hash:
            self._hash.append(digest(self.written_out))
        return self._hash[0]

    @property
    def written_out(self) -> dict[str, object]:
        """The catalogue as JSON types, without positions: what is hashed and deployed (A4)."""
        found = _written_out(self)
        assert isinstance(found, dict)  # noqa: S101 - a dataclass becomes an object
        return found


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(value: Any) -> tuple[str, ...]:
    kind = type(value)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(
            f.name for f in fields(kind) if f.name != "position" and not f.name.startswith("_")
        )
    return _FIELDS[kind]


def _written_out(value: object) -> object:
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, tuple):
        return [_written_out(v) for v in value]
    if isinstance(value, StrEnum):
        return value.value
    return {name: _written_out(getattr(value, name)) for name in _fields(value)}
