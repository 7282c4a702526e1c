"""The statements that give one table invented truths, and what its columns need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from pgmask.apply.seal_table import Key, SealTable
from pgmask.catalogue.model import Catalogue, Column, KindBy, Subject, Table
from pgmask.compile.sealing_spec import Bundle
from pgmask.compile.sealing_sql import DEFAULT_SUBJECT as ROW_CLASS
from pgmask.compile.sealing_sql import glyph, text_of
from pgmask.facts.model import Facts, RelationFact
from pgmask.fake.values import BORN, SEX
from pgmask.kinds.types import family_of
from pgmask.names import Name
from pgmask.sqltext import literal

Connection = psycopg.Connection[Any]
HIGH = "pgmask_high_value"
_BORN = re.compile(r"birth|born|dob|出生|生日", re.IGNORECASE)
_SEX = re.compile(r"(^|_)(sex|gender)$|性别", re.IGNORECASE)
_LIMIT = re.compile(r"^(?:character varying|varchar|character|char|bpchar)\((\d+)\)$")


@contextmanager
def as_sealer(connection: Connection) -> Iterator[None]:
    """Act as the role that owns keys and triggers; a failed transaction ends it by itself."""
    connection.execute("SET ROLE pgmask_sealer")
    try:
        yield
    finally:
        usable = not (connection.closed or connection.broken)
        if usable and connection.info.transaction_status != TransactionStatus.INERROR:
            connection.execute("RESET ROLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeColumn:
    """A column to fill.

    type: as ``format_type`` writes it, of the domain's base type where there is one; text: it holds
    a mask, else it is NULL at rest; kind: of ``pgmask.kinds``, ``born``, ``sex`` or None; subject:
    the column with the key of the person it speaks of, None for the row itself; sealed: where its
    truth lies once it has one.
    """

    name: str
    type: str
    text: bool
    level: int
    kind: str | None
    kind_by: KindBy | None
    subject: str | None
    subject_class: str
    sealed: str
    unique: bool
    limit: int

    @property
    def quoted(self) -> str:
        """The name as SQL."""
        return Name(self.name).quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A subject's own table: where its day of birth, sex and identity numbers are read."""

    store: str
    key: str
    key_type: str
    born: str | None
    sex: str | None
    numbers: tuple[str, ...]

    def look(
        self, connection: Connection, keys: Sequence[str]
    ) -> list[tuple[str, str | None, str | None, tuple[str | None, ...]]]:
        """Of each subject: key, day of birth, sex, identity numbers (masks), all as text."""
        shown = (self.born, self.sex, *self.numbers)
        columns = ", ".join(f"h.{Name(c).quoted}::text" if c else "NULL" for c in shown)
        key = f"h.{Name(self.key).quoted}"
        query = (
            f"SELECT {key}::text, {columns} FROM {self.store} AS h WHERE {key} IN"
            f" (SELECT k.k::{self.key_type} FROM pg_catalog.unnest(%s::text[]) AS k (k))"
        )
        rows = connection.execute(_escaped(query, keys).encode(), (list(keys),)).fetchall()
        return [(r[0], r[1], r[2], tuple(r[3:])) for r in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeTable:
    """One table; every statement runs as ``pgmask_sealer``."""

    seal: SealTable
    columns: tuple[FakeColumn, ...]

    @property
    def id(self) -> str:
        """The table's id."""
        return self.seal.id

    @property
    def subjects(self) -> tuple[str, ...]:
        """The columns that hold keys of persons."""
        return tuple(sorted({c.subject for c in self.columns if c.subject}))

    @property
    def helpers(self) -> tuple[str, ...]:
        """The columns that decide the kind of another one."""
        return tuple(sorted({c.kind_by.column for c in self.columns if c.kind_by}))

    @property
    def _store(self) -> str:
        return self.seal.spec.store.quoted

    @property
    def _key(self) -> str:
        return ", ".join(f"t.{k.name.quoted}::text" for k in self.seal.spec.key)

    @property
    def left(self) -> str:
        """The condition of a row that still has a mask without a truth."""
        tests = []
        for bundle in self.seal.spec.bundles:
            own = [c for c in self.seal.spec.of_bundle(bundle) if c.always]
            if own:
                masked = " OR ".join(
                    f"coalesce(t.{c.column.name.quoted}::text, '') <> ''" if c.text else "TRUE"
                    for c in own
                )
                tests.append(f"(t.{bundle.sealed.quoted} IS NULL AND ({masked}))")
        for column in self.columns:
            if column.level == 2 and column.text:
                tests.append(f"(NOT t.pgmask_high_value AND {glyph(f't.{column.quoted}::text')})")
        return "(" + (" OR ".join(tests) or "FALSE") + ")"

    @property
    def real(self) -> str:
        """The condition of a row that holds a level-1 value which is neither a mask nor sealed."""
        tests = []
        for bundle in self.seal.spec.bundles:
            for c in self.seal.spec.of_bundle(bundle):
                if c.always:
                    at = f"t.{c.column.name.quoted}"
                    plain = (
                        f"coalesce({at}::text, '') <> '' AND NOT {glyph(f'{at}::text')}"
                        if c.text
                        else f"{at} IS NOT NULL AND t.{bundle.sealed.quoted} IS NULL"
                    )
                    tests.append(f"({plain})")
        return "(" + (" OR ".join(tests) or "FALSE") + ")"

    def count(self, connection: Connection, condition: str) -> int:
        """How many rows meet a condition."""
        row = connection.execute(
            f"SELECT pg_catalog.count(*) FROM {self._store} AS t WHERE {condition}".encode()
        ).fetchone()
        return int(row[0]) if row else 0

    def sealed_otherwise(self, connection: Connection) -> int:
        """How many sealed values are not under a key for development: they may be real."""
        found = 0
        for bundle in self.seal.spec.bundles:
            if not any(c.always for c in self.seal.spec.of_bundle(bundle)):
                continue
            class_, key = _subject(self.seal, bundle)
            found += self.count(
                connection,
                f"t.{bundle.sealed.quoted} IS NOT NULL AND NOT EXISTS (SELECT FROM"
                " pgmask_private.data_key AS d JOIN pgmask_private.kek AS k USING (kek_id)"
                f" WHERE k.provider = 'dev' AND d.subject_class = {class_}"
                f" AND d.subject_key = {key})",
            )
        return found

    def kept(self, connection: Connection) -> frozenset[str]:
        """Columns that hold no mask and were given out as they are: their NULL is no gap."""
        asked = [c for c in self.columns if c.level == 2 and not c.text]
        if not asked:
            return frozenset()
        tests = ", ".join(
            f"coalesce(pg_catalog.bool_or(t.{c.quoted} IS NOT NULL), FALSE)" for c in asked
        )
        row = connection.execute(
            f"SELECT {tests} FROM {self._store} AS t WHERE {self.left}".encode()
        ).fetchone()
        return frozenset(c.name for c, there in zip(asked, row or (), strict=False) if there)

    def batch(
        self, connection: Connection, last: Sequence[str] | None, rows: int
    ) -> list[tuple[Key, dict[str, str | None]]]:
        """The next rows that are left, locked, in key order: key, and columns as text."""
        names = list(
            dict.fromkeys([*(c.name for c in self.columns), *self.subjects, *self.helpers])
        )
        columns = ", ".join(f"t.{Name(n).quoted}::text" for n in names)
        flags = sorted({c.sealed for c in self.columns})
        names += [*flags, HIGH]
        columns += "".join(f", (t.{Name(n).quoted} IS NOT NULL)::text" for n in flags)
        columns += f", t.{HIGH}::text"
        order = ", ".join(f"t.{k.name.quoted}" for k in self.seal.spec.key)
        values = ", ".join(f"%s::{k.type}" for k in self.seal.spec.key)
        after = f" AND ({order}) > ({values})" if last else ""
        width = len(self.seal.spec.key)
        query = (
            f"SELECT {self._key}, {columns} FROM {self._store} AS t"
            f" WHERE {self.left}{after} ORDER BY {order} LIMIT {int(rows)}"
            " FOR NO KEY UPDATE OF t"
        )
        return [
            (tuple(row[:width]), dict(zip(names, row[width:], strict=True)))
            for row in connection.execute(
                _escaped(query, last).encode(), tuple(last) if last else None
            )
        ]

    def write(self, connection: Connection, rows: Sequence[tuple[Key, Mapping[str, str]]]) -> None:
        """Write the values through the sealing trigger; what a row does not name stays."""
        keys = self.seal.spec.key
        filled = [c for c in self.columns if any(c.name in values for _, values in rows)]
        if not filled:
            return
        names = ", ".join(
            [f"k{n}" for n, _ in enumerate(keys)] + [f"v{n}" for n, _ in enumerate(filled)]
        )
        arrays = ", ".join("pg_catalog.unnest(%s::text[])" for _ in [*keys, *filled])
        sets = ", ".join(
            f"{c.quoted} = coalesce(w.v{n}::{c.type}, t.{c.quoted})" for n, c in enumerate(filled)
        )
        match = " AND ".join(f"t.{k.name.quoted} = w.k{n}::{k.type}" for n, k in enumerate(keys))
        query = (
            f"UPDATE {self._store} AS t SET {sets}"
            f" FROM ROWS FROM ({arrays}) AS w ({names}) WHERE {match}"
        )
        given: list[list[str | None]] = [[k[n] for k, _ in rows] for n, _ in enumerate(keys)]
        given += [[values.get(c.name) for _, values in rows] for c in filled]
        connection.execute(_escaped(query, given).encode(), given)


def _escaped(query: str, values: object) -> str:
    """A quoted name may hold a per cent sign; the driver's own marks are left as they are."""
    return query.replace("%", "%%").replace("%%s", "%s") if values else query


def _subject(seal: SealTable, bundle: Bundle) -> tuple[str, str]:
    """Class and key of a bundle's subject as SQL over ``t``."""
    keys = ", ".join(
        f"t.{k.name.quoted}" if k.coding.value == "integer" else text_of(k, f"t.{k.name.quoted}")
        for k in seal.spec.key
    )
    row, whole = literal(ROW_CLASS + seal.id), f"pg_catalog.jsonb_build_array({keys})::text"
    if bundle.subject is None:
        return row, whole
    name = f"t.{bundle.subject.name.quoted}"
    return (
        f"CASE WHEN {name} IS NULL THEN {row} ELSE {literal(bundle.subject_class)} END",
        f"coalesce({text_of(bundle.subject, name)}, {whole})",
    )


def fake_table(catalogue: Catalogue, facts: Facts, seal: SealTable) -> FakeTable | None:
    """The table's columns of level 1 and 2 that can be filled, None without any."""
    table = catalogue.table(seal.id)
    relation = facts.store_relation(table.id, table.schema, table.name) if table else None
    if table is None or relation is None:
        return None
    born, sex = anchors(table, relation)
    found = []
    for column in table.columns:
        fact = relation.column(column.name)
        if column.level > 2 or fact is None or fact.generated or fact.name in relation.primary_key:
            continue
        type_ = fact.base_type or fact.type
        family = family_of(type_)
        if family is None or fact.kind == "e":
            continue
        kind = BORN if column.name == born else SEX if column.name == sex else column.kind
        limit = _LIMIT.match(type_)
        bundle = _bundle_of(seal, column, table)
        found.append(
            FakeColumn(
                name=column.name, type=fact.base_type or fact.type, text=family == "text",
                level=column.level, kind=kind, kind_by=column.kind_by,
                subject=bundle.subject.name.text if bundle.subject else None,
                subject_class=bundle.subject_class if bundle.subject else ROW_CLASS + seal.id,
                sealed=bundle.sealed.text,
                unique=column.unique.value != "no", limit=int(limit[1]) if limit else 0,
            )
        )  # fmt: skip
    return FakeTable(seal=seal, columns=tuple(found)) if found else None


def _bundle_of(seal: SealTable, column: Column, table: Table) -> Bundle:
    wanted = column.subject or table.subject
    for bundle in seal.spec.bundles:
        if bundle.subject is not None and bundle.subject.name.text == wanted:
            return bundle
    return seal.spec.bundles[0]


def anchors(table: Table, relation: RelationFact) -> tuple[str | None, str | None]:
    """The columns with the day of birth and the sex of the table's own subject."""
    checks = dict(check for c in table.columns for check in c.checks)
    own = {c.name for c in table.columns if c.subject in (None, table.subject)}

    def find(check: str, pattern: re.Pattern[str]) -> str | None:
        if check in checks:
            return checks[check]
        names = (c.name for c in relation.columns if c.name in own and pattern.search(c.name))
        return next(names, None)

    return find("birth_date", _BORN), find("sex", _SEX)


def home_of(catalogue: Catalogue, facts: Facts, subject: Subject) -> Home | None:
    """Where a subject's own row is."""
    table = catalogue.table(subject.table)
    relation = facts.store_relation(table.id, table.schema, table.name) if table else None
    fact = relation.column(subject.key) if relation is not None else None
    if table is None or relation is None or fact is None:
        return None
    born, sex = anchors(table, relation)
    numbers = tuple(
        c.name for c in table.columns
        if c.kind == "cn_id_card" and c.subject in (None, table.subject)
    )  # fmt: skip
    store = f"{Name(relation.schema).quoted}.{Name(relation.name).quoted}"
    return Home(
        store=store, key=subject.key, key_type=fact.type, born=born, sex=sex, numbers=numbers
    )
