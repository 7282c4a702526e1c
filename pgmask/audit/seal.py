"""Sealing: one signed batch over the rows of finished transactions that no batch has yet (G2).

Three transactions: notice a new era; record what changed of what protects the record; then one
snapshot reads the rows, and the batch is added, if it still follows the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel
from psycopg.types.json import Jsonb

from pgmask.audit import fingerprint
from pgmask.audit.batch import Batch, Header, Index, Part, PartMaker
from pgmask.audit.keys import SigningKey
from pgmask.audit.tables import TABLES, Connection, Reach, SealedTable, count, lines, pin
from pgmask.errors import Refused

MOST_ROWS: Final = 1_000_000
"""A batch is cut before it has more rows of one table than this, where transactions allow."""
IDLE: Final = timedelta(hours=1)
"""A batch is made at least this often, an empty one too: it shows that sealing goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the next batch follows; the fields are ``pgmask_private.seal_state``'s."""

    batch: int
    previous: str
    era: int
    system: str
    line: int
    floors: Mapping[str, int]
    last_line: int | None
    last_floors: Mapping[str, int] | None
    last_xid: int | None
    horizon: int
    numbers: Mapping[str, int]
    fingerprint: Mapping[str, str] | None
    made_at: datetime | None

    @property
    def new_line(self) -> bool:
        """Whether the next batch is the first of its line of transactions."""
        return self.line != self.last_line

    @property
    def xid_from(self) -> int:
        """Where it begins."""
        return 0 if self.new_line else self.last_xid or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A batch that was added.

    changes: of what protects the record, since the batch before; more: it was cut, and rows of
    finished transactions are left for the next one; gone: numbers that are passed over, whose
    batches somebody deleted and left traces of (PM832).
    """

    batch: Batch
    header: Header
    changes: tuple[fingerprint.Change, ...]
    more: bool
    gone: range


def register_key(connection: Connection, key: SigningKey) -> str:
    """Let the database know the public key; gives its id."""
    with connection.transaction():
        row = connection.execute(
            "SELECT pgmask_private.add_signing_key(%s)", (key.public.raw,)
        ).fetchone()
    return str(row[0]) if row else ""


def seal(
    connection: Connection, key: SigningKey, *, idle: timedelta = IDLE, most: int = MOST_ROWS
) -> Sealed | None:
    """Make one batch; None where nothing is new and the last one is younger than ``idle``.

    connection: autocommit, of a member of pgmask_record_sealer.
    Raises Refused PM823 when another program sealed meanwhile.
    """
    connection.execute("SELECT pgmask_private.current_era()")
    changed = _note_changes(connection)
    with snapshot(connection):
        state = read_state(connection)
        now = fingerprint.read(connection)
        digests = fingerprint.digests(now)
        if state.horizon <= state.xid_from:
            # A transaction that is older than the last batch's end, or the era is still beginning.
            return None
        upto = _cut(connection, state, most)
        made = tuple(_parts(connection, state, upto))
    young = state.made_at is not None and datetime.now(UTC) - state.made_at < idle
    if not made and not state.new_line and digests == state.fingerprint and young:
        return None
    gone = _gone(connection, state)
    header = Header(
        batch=state.batch, previous=state.previous, era=state.era, system=state.system,
        line=state.line, floors=state.floors, xid_from=state.xid_from, xid_to=upto,
        made_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        parts=tuple(part for part, _ in made), fingerprint=digests, numbers=state.numbers,
        key=key.public.key_id,
    )  # fmt: skip
    text = header.text()
    batch = Batch(text=text, key_id=header.key, signature=key.sign(text.encode()))
    _add(connection, batch, [index for _, index in made], now)
    more = upto < state.horizon
    return Sealed(batch=batch, header=header, changes=changed, more=more, gone=gone)


def read_state(connection: Connection) -> State:
    """What the next batch follows."""
    cursor = connection.execute("SELECT s.* FROM pgmask_private.seal_state() AS s")
    names = [column.name for column in cursor.description or ()]
    row: Sequence[Any] = cursor.fetchone() or ()
    return State(**dict(zip(names, row, strict=True)))


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """One snapshot for the body, with the settings that lines depend on; nothing is written."""
    kept = connection.isolation_level
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            pin(connection)
            yield
    finally:
        connection.isolation_level = kept


def carried(table: SealedTable, state: State) -> Reach:
    """Rows that were there when the line of transactions began, and that no batch covers."""
    return Reach(
        above=(state.last_floors or {}).get(table.name),
        upto=state.floors.get(table.name, 0),
        lo=state.last_xid,
    )


def _note_changes(connection: Connection) -> tuple[fingerprint.Change, ...]:
    """Record what protects the record otherwise than at the last batch, before this one is made."""
    with connection.transaction():
        pin(connection)
        state = read_state(connection)
        if state.fingerprint is None or state.horizon <= state.xid_from:
            return ()  # there is no batch before, or there will be none now
        now = fingerprint.read(connection)
        if fingerprint.digests(now) == dict(state.fingerprint):
            return ()
        before = fingerprint.stored(connection, state.fingerprint)
        found = tuple(fingerprint.changes(before, now))
        for part in dict.fromkeys(change.part for change in found):
            mine = [change for change in found if change.part == part]
            connection.execute(
                "SELECT pgmask_private.seal_note(%s, %s, %s)",
                (
                    "right" if part in fingerprint.RIGHTS else "definition", part,
                    Jsonb({
                        "after_batch": state.batch - 1,
                        "weaker": any(change.weaker for change in mine),
                        "objects": [f"{change.name} {change.what}" for change in mine[:200]],
                        "count": len(mine),
                    }),
                ),
            )  # fmt: skip
        return found


def _gone(connection: Connection, state: State) -> range:
    """The batches between the last one and the next, which are not there; that goes on record."""
    row = connection.execute("SELECT max(b.batch_id) FROM pgmask_audit.batch AS b").fetchone()
    gone = range((row[0] or 0) + 1 if row else 1, state.batch)
    if gone:
        connection.execute(
            "SELECT pgmask_private.seal_note('seal', 'batches', %s)",
            (Jsonb({"gone_from": gone[0], "gone_to": gone[-1]}),),
        )
    return gone


def _cut(connection: Connection, state: State, most: int) -> int:
    """Where the batch ends, so that no table gives it more than ``most`` rows if it can be."""
    upto = state.horizon
    for table in TABLES:
        reach = _reach(table, state, upto)
        query = (
            f"SELECT {table.xid} FROM {table.qualified} WHERE {reach.where(table)}"  # noqa: S608
            f" ORDER BY {table.xid} OFFSET {int(most)} LIMIT 1"
        )
        probe = (
            f"SELECT pg_catalog.count(*) FROM (SELECT FROM {table.qualified}"  # noqa: S608
            f" WHERE {reach.where(table)} LIMIT {int(most) + 1}) AS x"
        )
        row = connection.execute(probe.encode()).fetchone()
        if row is not None and row[0] > most:
            row = connection.execute(query.encode()).fetchone()
            # One transaction cannot be divided.
            upto = max(int(row[0]), state.xid_from + 1) if row else upto
    return upto


def _reach(table: SealedTable, state: State, upto: int) -> Reach:
    return Reach(above=state.floors.get(table.name, 0), lo=state.xid_from, hi=upto)


def _parts(connection: Connection, state: State, upto: int) -> Iterator[tuple[Part, Index]]:
    for table in TABLES:
        reaches = [(False, _reach(table, state, upto))]
        if state.new_line:
            reaches.insert(0, (True, carried(table, state)))
        for old, reach in reaches:
            makers: dict[bytes, PartMaker] = {}
            for line in lines(connection, table, reach):
                month = line[:7]
                maker = makers.get(month)
                if maker is None:
                    made = PartMaker(table.name, month.decode("utf-8", "replace"), old)
                    maker = makers[month] = made
                maker.add(line, int(line.split(b"\t", 2)[1]))
            for month in sorted(makers):
                yield makers[month].made()


def _add(
    connection: Connection, batch: Batch, indexes: Sequence[Index], now: Mapping[str, str]
) -> None:
    try:
        with connection.transaction():
            connection.execute(
                "SELECT pgmask_private.add_batch(%s, %s, %s, %s::bytea[], %s::bytea[], %s, %s)",
                (
                    batch.text, batch.key_id, batch.signature, [i.packed for i in indexes],
                    [i.hashes for i in indexes], list(now), list(now.values()),
                ),
            )  # fmt: skip
    except psycopg.Error as error:
        if error.sqlstate == "PM823":
            raise Refused("PM823", error.diag.message_primary or "") from None
        raise


def unsealed(connection: Connection, state: State) -> dict[str, int]:
    """Per table how many rows no batch covers yet."""
    found = {}
    for table in TABLES:
        reach = Reach(above=state.floors.get(table.name, 0), lo=state.xid_from)
        found[table.name] = count(connection, table, reach)
    return found
