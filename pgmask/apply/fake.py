"""Give the masks of a test database invented truths: in batches, through the sealing trigger.

A subject's own table comes last: while it is not filled, no other table takes the subject for a
high-value one, so that the trigger never seals a mask for a truth.  A batch is a transaction; a
killed run goes on where it stopped, because a row that has its truths is not looked at again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from pgmask.apply.fake_table import (
    HIGH,
    FakeColumn,
    FakeTable,
    Home,
    as_sealer,
    fake_table,
    home_of,
)
from pgmask.apply.holders import ATTEMPTS, LOCK_TIMEOUT_MS, patiently, settle
from pgmask.apply.seal import RefusedRow
from pgmask.apply.seal_finish import Deployed, deployed
from pgmask.apply.seal_table import Key
from pgmask.errors import KeyFault, Refused
from pgmask.fake import Frame, Person, draw, invent, person
from pgmask.kinds.show import GLYPHS
from pgmask.runtime.environment import environment

Connection = psycopg.Connection[Any]
Values = Mapping[str, str | None]
_TRIES = 8
"""How often a row that the database refuses is drawn anew."""
_MALE = {"m", "male", "1", "男", "男性"}
_FEMALE = {"f", "female", "0", "2", "女", "女性"}
_KEYS = ("PM310", "PM311", "PM312", "PM313", "PM351")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How far a table is: rows filled by this run, rows it began with."""

    table: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a run did with one table. refused: rows that no attempt could fill, by key."""

    table: str
    rows: int
    seconds: float
    refused: tuple[RefusedRow, ...] = ()


def fakeable(connection: Connection) -> tuple[Deployed, tuple[FakeTable, ...]]:
    """What is deployed here, and its tables that invented truths may be given to.

    Raises Refused PM354 with every reason at once: the database is not marked as a test, its key is
    none for development, a table holds plain or sealed values that may be real.  PM320 without an
    apply.
    """
    known = deployed(connection)
    homes = {s.table for s in known.catalogue.subjects}
    ordered = sorted(known.tables, key=lambda t: (t.id in homes, t.id))
    made = (fake_table(known.catalogue, known.facts, t) for t in ordered)
    tables = tuple(t for t in made if t is not None)
    says = environment(connection)
    reasons = []
    if says is None or says.production is not False:
        reasons.append(
            "the database is production" if says is not None
            else "nobody has said that the database holds invented data only"
        )  # fmt: skip
    found = connection.execute(
        "SELECT k.kek_id, k.provider FROM pgmask_private.kek AS k ORDER BY 1"
    ).fetchall()
    reasons += [f"key {k} (provider {p}) is none for development" for k, p in found if p != "dev"]
    if not found:
        reasons.append("no key is registered: pgmask keys create FILE --provider dev")
    with as_sealer(connection):
        for table in tables:
            if real := table.count(connection, table.real):
                reasons.append(f"{table.id}: {real:,} rows hold values that are no masks")
            if sealed := table.sealed_otherwise(connection):
                reasons.append(f"{table.id}: {sealed:,} sealed values are not of this key")
    if reasons:
        raise Refused("PM354", "nothing was changed", detail="\n".join(reasons))
    return known, tables


def fill(
    connection: Connection,
    known: Deployed,
    table: FakeTable,
    *,
    seed: int = 0,
    batch_rows: int = 500,
    report: Callable[[Filling], None] = lambda _: None,
) -> Filled:
    """Fill one table over an autocommit connection of the installer.

    The same seed gives the same values wherever the rows are the same.  Call ``fakeable`` first: it
    refuses where this could meet a truth.  Raises KeyFault when the key does not work, ServerError
    PM323 when a lock is not to be had.
    """
    run = _Run(
        connection=connection, table=table, seed=seed, report=report,
        homes={
            s.name: home for s in known.catalogue.subjects
            if (home := home_of(known.catalogue, known.facts, s)) is not None
        },
    )  # fmt: skip
    with _told(), as_sealer(connection):
        settle(connection)
        connection.execute(
            "SELECT pg_catalog.set_config('lock_timeout', %s, false)", (str(LOCK_TIMEOUT_MS),)
        )
        run.total = table.count(connection, table.left)
        run.kept = table.kept(connection)
        run.tell()
        last: Key | None = None
        while keys := run.batch(last, batch_rows):
            last = keys[-1]
            run.tell()
    return Filled(
        table=table.id, rows=run.done, seconds=time.monotonic() - run.started,
        refused=tuple(run.refused),
    )  # fmt: skip


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A key that does not work, in the words of the registry."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate not in _KEYS:
            raise
        raise KeyFault(
            error.sqlstate, error.diag.message_primary or "", hint=error.diag.message_hint or ""
        ) from None


@dataclass(slots=True, kw_only=True)
class _Run:
    connection: Connection
    table: FakeTable
    seed: int
    homes: Mapping[str, Home]
    report: Callable[[Filling], None]
    total: int = 0
    done: int = 0
    kept: frozenset[str] = frozenset()
    refused: list[RefusedRow] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def tell(self) -> None:
        total = max(self.total, self.done)
        self.report(Filling(table=self.table.id, done=self.done, total=total))

    def batch(self, last: Key | None, size: int, attempt: int = 0) -> list[Key]:
        """One transaction; what the database refuses is tried row by row, and drawn anew."""
        try:
            return patiently(
                self.connection, self.table.id, self.table.seal.spec.store.quoted,
                lambda: self._try(last, size, attempt),
                attempts=ATTEMPTS, again="pgmask fake",
            )  # fmt: skip
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            if error.sqlstate in _KEYS:
                raise
            if size > 1:
                return self.batch(last, max(1, size // 8))
            if attempt < _TRIES:
                return self.batch(last, 1, attempt + 1)
            return self._refuse(last, error)

    def _try(self, last: Key | None, size: int, attempt: int) -> list[Key]:
        with self.connection.transaction():
            rows = self.table.batch(self.connection, last, size)
            if not rows:
                return []
            keys = [key for key, _ in rows]
            self.table.seal.make_keys(self.connection, keys)
            people = self._people(rows)
            made = [(key, self._row(key, values, people, attempt)) for key, values in rows]
            self.table.write(self.connection, made)
        self.done += len(rows)
        return keys

    def _refuse(self, last: Key | None, error: psycopg.Error) -> list[Key]:
        with self.connection.transaction():
            rows = self.table.batch(self.connection, last, 1)
        self.refused += [
            RefusedRow(
                key=key, code=error.sqlstate or "",
                object=error.diag.constraint_name or error.diag.column_name,
            )
            for key, _ in rows
        ]  # fmt: skip
        return [key for key, _ in rows]

    def _people(self, rows: Sequence[tuple[Key, Values]]) -> dict[tuple[str, str], Person]:
        """The person behind every subject of the rows, as the subject's own row shows him."""
        wanted: dict[str, set[str]] = {}
        for _, values in rows:
            for column in self.table.columns:
                key = values.get(column.subject) if column.subject else None
                if key is not None:
                    wanted.setdefault(column.subject_class, set()).add(key)
        found: dict[tuple[str, str], Person] = {}
        for class_, keys in wanted.items():
            for key in keys:
                found[class_, key] = person(self.seed, class_, key)
            if class_ in self.homes:
                for key, born, sex, numbers in self.homes[class_].look(
                    self.connection, sorted(keys)
                ):
                    who = found[class_, key]
                    for number in numbers:
                        frame = Frame.of(number)
                        who = who.with_number(frame.prefix, frame.length)
                    found[class_, key] = _known(who, born, sex)
        return found

    def _row(
        self, key: Key, values: Values, people: Mapping[tuple[str, str], Person], attempt: int
    ) -> dict[str, str]:
        made: dict[str, str] = {}
        for column in self.table.columns:
            value = self._value(key, column, values, people, attempt)
            if value is not None:
                made[column.name] = value
        return made

    def _value(
        self,
        key: Key,
        column: FakeColumn,
        values: Values,
        people: Mapping[tuple[str, str], Person],
        attempt: int,
    ) -> str | None:
        now = values[column.name]
        if values[column.sealed] == "true" and (column.level == 1 or values[HIGH] == "true"):
            return None
        if column.text and not (now and any(glyph in now for glyph in GLYPHS)):
            return None
        if not column.text and (now is not None or column.name in self.kept):
            return None
        subject = values.get(column.subject) if column.subject else None
        if subject is None:
            class_, subject = f"row:{self.table.id}", "/".join(key)
            who = person(self.seed, class_, subject)
        else:
            class_ = column.subject_class
            who = people[class_, subject]
        kind = column.kind
        if column.kind_by is not None:
            case = values[column.kind_by.column]
            kind = dict(column.kind_by.cases).get(case or "", column.kind_by.otherwise)
        frame = Frame.of(now, column.limit)
        if kind == "cn_id_card":
            who = who.with_number(frame.prefix, frame.length)
        # The same mask of the same kind is the same value wherever this subject has it.
        words = [class_, subject, kind or column.name, now or ""]
        if attempt and (column.unique or attempt > 1):
            words.append(str(attempt))
        return invent(kind, column.type, frame, draw(self.seed, *words), who)


def _known(who: Person, born: str | None, sex: str | None) -> Person:
    """The person with what the row shows in plain."""
    with contextlib.suppress(ValueError):
        who = replace(who, born=dt.date.fromisoformat((born or "")[:10]))
    said = (sex or "").strip().lower()
    if said in _MALE | _FEMALE:
        who = replace(who, male=said in _MALE)
    return who
