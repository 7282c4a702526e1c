"""Reading sealed rows again, batch by batch, and comparing them with what was sealed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Final

from pgmask.audit.batch import Batch, Header, Index, Part, PartMaker
from pgmask.audit.chain import Chunk, Line
from pgmask.audit.finding import Finding, compare
from pgmask.audit.seal import snapshot
from pgmask.audit.tables import TABLES, Connection, Reach, SealedTable, lines
from pgmask.server import connect

LATE: Final = timedelta(minutes=15)
"""How far a row's time may lie before that of the batch before it: two clocks, and a long seal."""
Key = tuple[int, str, str, bool]
"""Batch, table, month, carried."""
Away = Mapping[tuple[str, str], int]
"""Archived months, table and month: the last batch whose rows are in the archive."""


def check(dsn: str, chunk: Chunk, away: Away) -> list[Finding]:
    """What is wrong with the rows of a chunk, over a connection of its own."""
    with connect(dsn, autocommit=True) as connection:
        return check_on(connection, chunk, away)


def check_on(connection: Connection, chunk: Chunk, away: Away | None = None) -> list[Finding]:
    """As ``check``, over this connection."""
    found: list[Finding] = []
    with snapshot(connection):
        headers = [
            Header.parse(batch.text) for batch in batches(connection, chunk.first, chunk.last)
        ]
        made = read_parts(connection, chunk.line, headers)
        for header in headers:
            found += _differing(connection, header, made, away or {})
        for (number, *_), (part, index) in made.items():
            found += compare(number, None, None, part, index)
        found += _backdated(connection, chunk, headers)
    return found


def _backdated(
    connection: Connection, chunk: Chunk, headers: Sequence[Header]
) -> Iterator[Finding]:
    """Rows that say a time before a batch after which their number was given out.

    Not those that the collector stores: notes say when something was read, and are stored later.
    """
    known = [(chunk.since[0], chunk.since[1])] if chunk.since else []
    known += [(header.numbers, header.made_at) for header in headers]
    for table in TABLES:
        if table.name == "access":
            continue
        reach = Reach(
            above=chunk.line.floors.get(table.name, 0), lo=headers[0].xid_from,
            hi=headers[-1].xid_to,
        )  # fmt: skip
        own = " AND position IS NULL AND node IS NULL" if table.name == "activity" else ""
        steps = list(accumulate((numbers.get(table.name, 0) + 1 for numbers, _ in known), max))
        rows = connection.execute(
            f"SELECT {table.number}, {table.xid}::text::bigint FROM {table.qualified}"  # noqa: S608
            f" WHERE {reach.where(table)}{own} AND {table.at} < (%s::timestamptz[])"
            f"[pg_catalog.width_bucket({table.number}, %s::bigint[])] - %s ORDER BY 1".encode(),
            ([moment for _, moment in known], steps, LATE),
        ).fetchall()
        ends = [header.xid_to for header in headers]
        for number, xid in rows:
            batch = headers[bisect_right(ends, xid)].batch
            yield Finding(batch=batch, kind="backdated", table=table.name, number=number)


def batches(connection: Connection, first: int, last: int) -> list[Batch]:
    """Batches by number, as they are stored."""
    rows = connection.execute(
        "SELECT b.header, b.key_id, b.signature FROM pgmask_audit.batch AS b"
        " WHERE b.batch_id BETWEEN %s AND %s ORDER BY b.batch_id",
        (first, last),
    ).fetchall()
    return [Batch(text=text, key_id=key, signature=bytes(sign)) for text, key, sign in rows]


def read_parts(
    connection: Connection, line: Line, headers: Sequence[Header]
) -> dict[Key, tuple[Part, Index]]:
    """The parts of these batches as their rows are now, by batch, table, month and carried.

    headers: contiguous, of one line.
    """
    return {key: made.made() for key, made in read_makers(connection, line, headers).items()}


def read_makers(
    connection: Connection, line: Line, headers: Sequence[Header], *, keep: bool = False,
    tables: Sequence[SealedTable] = TABLES, month: str | None = None,
) -> dict[Key, PartMaker]:  # fmt: skip
    """As ``read_parts``, not yet closed; keep: they keep their lines. Of some tables, one month."""
    ends = [header.xid_to for header in headers]
    numbers = [header.batch for header in headers]
    makers: dict[Key, PartMaker] = {}
    for table in tables:
        reach = Reach(
            month=month,
            above=line.floors.get(table.name, 0),
            upto=None if line.next_floors is None else line.next_floors.get(table.name, 0),
            lo=headers[0].xid_from, hi=ends[-1],
        )  # fmt: skip
        near: dict[tuple[bytes, bytes], PartMaker] = {}
        for text in lines(connection, table, reach):
            _, number, xid, _ = text.split(b"\t", 3)
            place = (text[:7], xid)
            maker = near.get(place)
            if maker is None:
                if len(near) > 10_000:
                    near.clear()
                batch = numbers[bisect_right(ends, int(xid))]
                maker = near[place] = _maker(makers, batch, table, text, False, keep)
            maker.add(text, int(number))
        if headers[0].xid_from == 0:
            for text in lines(connection, table, _carried(table, line, month)):
                maker = _maker(makers, headers[0].batch, table, text, True, keep)
                maker.add(text, int(text.split(b"\t", 2)[1]))
    return makers


def _maker(
    makers: dict[Key, PartMaker], batch: int, table: SealedTable, text: bytes, carried: bool,
    keep: bool,
) -> PartMaker:  # fmt: skip
    month = text[:7].decode("utf-8", "replace")
    key = (batch, table.name, month, carried)
    if key not in makers:
        makers[key] = PartMaker(table.name, month, carried, keep=keep)
    return makers[key]


def _carried(table: SealedTable, line: Line, month: str | None) -> Reach:
    before = line.before
    return Reach(
        month=month,
        above=None if before is None else before.floors.get(table.name, 0),
        upto=line.floors.get(table.name, 0),
        lo=None if before is None else before.upto,
    )


def _differing(
    connection: Connection, header: Header, made: dict[Key, tuple[Part, Index]],
    away: Away,
) -> Iterator[Finding]:  # fmt: skip
    for place, part in enumerate(header.parts):
        if header.batch <= away.get((part.table, part.month), 0):
            continue
        key = (header.batch, part.table, part.month, part.carried)
        now, index = made.pop(key, (None, None))
        if now is not None and (now.root, now.rows) == (part.root, part.rows):
            continue
        sealed = stored_index(connection, header.batch, place, part)
        if sealed is None:
            yield Finding(batch=header.batch, kind="index", table=part.table, detail=part.month)
        yield from compare(header.batch, part, sealed, now, index)


def stored_index(connection: Connection, batch: int, place: int, part: Part) -> Index | None:
    """The index of a part, None where it is not the one that was sealed."""
    row = connection.execute(
        "SELECT l.ids, l.hashes FROM pgmask_audit.leaf AS l WHERE l.batch_id = %s AND l.part = %s",
        (batch, place),
    ).fetchone()
    index = Index.unpack(bytes(row[0]), bytes(row[1]), part.rows) if row else None
    return index if index is not None and index.digest == part.index else None
