"""The chain of batches: that numbers have no gaps, headers name each other and intervals meet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from pgmask.audit.batch import Batch, Header
from pgmask.audit.finding import Finding
from pgmask.audit.keys import PublicKey
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
    signed: whether a trusted key signed it, where that was asked; key_id: which it names.
    """

    batch: int
    digest: str
    header: Header | None
    rows: int
    sound: bool
    signed: bool = True
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of transactions: what its rows are known by, and up to where it is sealed."""

    line: int
    floors: Mapping[str, int]
    upto: int
    next_floors: Mapping[str, int] | None = None
    before: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A line that has begun in another cluster and has no batch yet."""

    line: int
    floors: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Batches of one line that one process checks.

    since: the numbers of the batch before, and when it was made.
    """

    first: int
    last: int
    line: Line
    since: tuple[Mapping[str, int], str] | None = None


def links_of(
    connection: Connection, last: int | None, away: Collection[tuple[str, str]] = (), *,
    keys: Mapping[str, PublicKey] | None = None,
) -> Iterator[Link]:  # fmt: skip
    """The batches up to ``last``, in order; away: archived months.

    keys: those that are trusted; None: signatures are not asked for.
    """
    before: Header | None = None
    with connection.transaction(), connection.cursor(name="pgmask_links") as cursor:
        cursor.itersize = 5000
        cursor.execute(
            "SELECT b.batch_id, b.header, b.digest, b.key_id, b.xid_from, b.xid_to, b.era_id,"
            " b.signature FROM pgmask_audit.batch AS b WHERE %s::bigint IS NULL OR b.batch_id <= %s"
            " ORDER BY b.batch_id",
            (last, last),
        )
        for number, text, digest, key_id, xid_from, xid_to, era, signature in cursor:
            batch = Batch(text=text, key_id=key_id, signature=bytes(signature))
            signed = keys is None or batch.signed_by(keys)
            sound = batch.digest == bytes(digest).hex()
            try:
                header = Header.parse(text)
            except PgmaskError:
                yield Link(
                    batch=number, digest=batch.digest, header=None, rows=0, sound=sound,
                    signed=signed, key_id=key_id,
                )  # fmt: skip
                continue
            said = (header.batch, header.key, header.xid_from, header.xid_to, header.era)
            sound = sound and said == (number, key_id, xid_from, xid_to, era)
            rows = header.rows
            kept = tuple(p for p in header.parts if (p.table, p.month) in away)
            header = replace(header, parts=kept)
            # Most headers repeat these: one copy of each is kept.
            if before is not None and before.fingerprint == header.fingerprint:
                header = replace(header, fingerprint=before.fingerprint)
            if before is not None and before.floors == header.floors:
                header = replace(header, floors=before.floors)
            before = header
            yield Link(
                batch=number, digest=batch.digest, header=header, rows=rows, sound=sound,
                signed=signed, key_id=key_id,
            )  # fmt: skip


def check_chain(links: Sequence[Link], first: int) -> Iterator[Finding]:
    """Numbers without gaps, each header naming the one before, intervals that meet.

    A header that nobody trusted signed is named once, and what it claims is compared with nothing.
    """
    before: Link | None = None
    for link in links:
        if link.batch >= first:
            expected = before.batch + 1 if before else 1
            if link.batch != expected:
                yield Finding(
                    batch=link.batch, kind="missing", detail=f"{expected} to {link.batch - 1}"
                )
            yield from _check_link(before, link)
        before = link


def _check_link(before: Link | None, link: Link) -> Iterator[Finding]:
    header = link.header
    # A text that was changed needs no signature to be told; one that never could be read does.
    if not link.signed and (header is not None or link.sound):
        yield Finding(batch=link.batch, kind="signature", detail=f"key {link.key_id}")
    if not link.sound or (header is None and link.signed):
        yield Finding(batch=link.batch, kind="header")
    if header is None:
        return
    if not _follows(before, header) and (link.signed or not link.sound):
        yield Finding(batch=link.batch, kind="chain")
    last = before.header if before is not None and before.signed else None
    if not link.signed or last is None:
        return
    if last.line != header.line:
        yield from _check_era(last, header)
    for table, number in last.numbers.items():
        now = header.numbers.get(table, 0)
        if now < number:
            yield Finding(
                batch=link.batch, kind="sequence", table=table, detail=f"from {number} to {now}"
            )


def _check_era(last: Header, header: Header) -> Iterator[Finding]:
    """Whether the era that began a line says where the numbers were then."""
    # In another cluster rows were numbered that no batch of here knows.
    most = last.numbers if last.system == header.system else header.numbers
    beyond = [
        f"{table} {floor} for {most.get(table, 0)}"
        for table, floor in sorted(header.floors.items())
        if floor > most.get(table, 0)
    ]
    if beyond:
        detail = f"era {header.line}: {', '.join(beyond)}"
        yield Finding(batch=header.batch, kind="era", detail=detail)


def _follows(before: Link | None, header: Header) -> bool:
    if before is None:
        return header.previous == "" and header.xid_from == 0
    if header.previous != before.digest:
        return False
    last = before.header
    if last is None or not before.signed:
        return True  # told already
    if last.line == header.line:
        return header.xid_from == last.xid_to and dict(header.floors) == dict(last.floors)
    return header.line > last.line and header.xid_from == 0


def lines_of(links: Sequence[Link]) -> dict[int, Line]:
    """The lines of transactions, by the era that began each."""
    found: dict[int, Line] = {}
    for link in links:
        header = link.header
        if header is None or not link.signed:
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
    """Contiguous batches of one line that are signed, about ``CHUNK_ROWS`` rows each."""
    chunks: list[Chunk] = []
    first: int | None = None
    since: tuple[Mapping[str, int], str] | None = None
    last: Header | None = None
    rows = 0
    for place, link in enumerate(links):
        header = link.header
        if header is None or not link.signed:
            continue
        if first is None and last is not None:
            since = (last.numbers, last.made_at)
        last = header
        first = link.batch if first is None else first
        rows += link.rows
        following = links[place + 1] if place + 1 < len(links) else None
        after = following.header if following is not None and following.signed else None
        full = rows >= CHUNK_ROWS or link.batch - first >= CHUNK_BATCHES
        if full or after is None or after.line != header.line or after.batch != link.batch + 1:
            line = known[header.line]
            chunks.append(Chunk(first=first, last=link.batch, line=line, since=since))
            first, rows = None, 0
    return chunks
