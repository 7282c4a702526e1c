"""The chain of batches: that numbers have no gaps, headers name each other and intervals meet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from pgmask.audit.batch import Batch, Header
from pgmask.audit.finding import Finding
from pgmask.audit.tables import Connection
from pgmask.errors import PgmaskError

CHUNK_ROWS: Final = 100_000
"""Rows that one process checks at a time; a chunk has whole batches."""
CHUNK_BATCHES: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the chain needs of one header.

    header: with the parts of archived months only, for it is kept for all batches at once; None
    where it cannot be read. rows: of all its parts. sound: whether the columns beside it agree.
    """

    batch: int
    digest: str
    header: Header | None
    rows: int
    sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of transactions: what its rows are known by, and up to where it is sealed."""

    line: int
    floors: Mapping[str, int]
    upto: int
    next_floors: Mapping[str, int] | None = None
    before: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Batches of one line that one process checks."""

    first: int
    last: int
    line: Line


def links_of(
    connection: Connection, last: int | None, away: Collection[tuple[str, str]] = ()
) -> Iterator[Link]:
    """The batches up to ``last``, in order; away: archived months."""
    before: Header | None = None
    with connection.transaction(), connection.cursor(name="pgmask_links") as cursor:
        cursor.itersize = 5000
        cursor.execute(
            "SELECT b.batch_id, b.header, b.digest, b.key_id, b.xid_from, b.xid_to, b.era_id"
            " FROM pgmask_audit.batch AS b WHERE %s::bigint IS NULL OR b.batch_id <= %s"
            " ORDER BY b.batch_id",
            (last, last),
        )
        for number, text, digest, key_id, xid_from, xid_to, era in cursor:
            mine = Batch(text=text, key_id=key_id, signature=b"").digest
            try:
                header = Header.parse(text)
            except PgmaskError:
                yield Link(batch=number, digest=mine, header=None, rows=0, sound=False)
                continue
            said = (header.batch, header.key, header.xid_from, header.xid_to, header.era)
            sound = said == (number, key_id, xid_from, xid_to, era) and mine == bytes(digest).hex()
            rows = header.rows
            kept = tuple(p for p in header.parts if (p.table, p.month) in away)
            header = replace(header, parts=kept)
            if before is not None and before.fingerprint == header.fingerprint:
                header = replace(header, fingerprint=before.fingerprint, floors=before.floors)
            before = header
            yield Link(batch=number, digest=mine, header=header, rows=rows, sound=sound)


def check_chain(links: Sequence[Link], first: int) -> Iterator[Finding]:
    """Numbers without gaps, each header naming the one before, intervals that meet."""
    before: Link | None = None
    for link in links:
        expected = before.batch + 1 if before else 1
        header = link.header
        if link.batch >= first:
            if link.batch != expected:
                yield Finding(
                    batch=link.batch, kind="missing", detail=f"{expected} to {link.batch - 1}"
                )
            if header is None or not link.sound:
                yield Finding(batch=link.batch, kind="header")
            if header is not None and not _follows(before, header):
                yield Finding(batch=link.batch, kind="chain")
            if header is not None and before is not None and before.header is not None:
                for table, number in before.header.numbers.items():
                    now = header.numbers.get(table, 0)
                    if now < number:
                        yield Finding(
                            batch=link.batch, kind="sequence", table=table,
                            detail=f"from {number} to {now}",
                        )  # fmt: skip
        before = link


def _follows(before: Link | None, header: Header) -> bool:
    if before is None:
        return header.previous == "" and header.xid_from == 0
    if header.previous != before.digest:
        return False
    last = before.header
    if last is None:
        return True  # told already
    if last.line == header.line:
        return header.xid_from == last.xid_to and dict(header.floors) == dict(last.floors)
    return header.line > last.line and header.xid_from == 0


def lines_of(links: Sequence[Link]) -> dict[int, Line]:
    """The lines of transactions, by the era that began each."""
    found: dict[int, Line] = {}
    for link in links:
        header = link.header
        if header is None:
            continue
        before = found[max(found)] if found and header.line not in found else None
        known = found.get(header.line)
        found[header.line] = Line(
            line=header.line, floors=header.floors, upto=header.xid_to,
            before=known.before if known else before,
        )  # fmt: skip
    order = sorted(found)
    for here, after in pairwise(order):
        one = found[here]
        found[here] = Line(
            line=one.line, floors=one.floors, upto=one.upto, before=one.before,
            next_floors=found[after].floors,
        )  # fmt: skip
    return found


def chunks_of(links: Sequence[Link], known: Mapping[int, Line]) -> list[Chunk]:
    """Contiguous batches of one line, about ``CHUNK_ROWS`` rows each."""
    chunks: list[Chunk] = []
    first: int | None = None
    rows = 0
    for place, link in enumerate(links):
        header = link.header
        if header is None:
            continue
        first = link.batch if first is None else first
        rows += link.rows
        after = links[place + 1].header if place + 1 < len(links) else None
        full = rows >= CHUNK_ROWS or link.batch - first >= CHUNK_BATCHES
        if full or after is None or after.line != header.line or after.batch != link.batch + 1:
            chunks.append(Chunk(first=first, last=link.batch, line=known[header.line]))
            first, rows = None, 0
    return chunks
