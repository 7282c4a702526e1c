"""Verification: every row and header against what was signed, in parallel (G2).

The chain of headers is walked here; its batches are handed out in chunks to processes of their own,
each with a connection, which read the rows again and build every root anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context

import psycopg

from pgmask.audit import anchors as places
from pgmask.audit import archived, fingerprint
from pgmask.audit.anchors import Anchor
from pgmask.audit.batch import Header
from pgmask.audit.chain import Chunk, Link, check_chain, chunks_of, lines_of, links_of
from pgmask.audit.finding import Finding, joined
from pgmask.audit.keys import PublicKey, ring
from pgmask.audit.rows import Away, check
from pgmask.audit.seal import read_state, snapshot, unsealed
from pgmask.audit.tables import TABLES, Connection, Reach, count, pin
from pgmask.server import connect

Progress = Callable[[int, int], None]
"""Called with the batches that are done and their number in all."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What was checked and found. notes: what an auditor should know that is no fault."""

    batches: int = 0
    rows: int = 0
    head: str = ""
    findings: tuple[Finding, ...] = ()
    notes: list[str] = field(default_factory=list)
    unsealed: dict[str, int] = field(default_factory=dict)


def verify(
    dsn: str, *, keys: Sequence[PublicKey] = (), first: int = 1, last: int | None = None,
    anchors: Sequence[Anchor] = (), archives: str | None = None, workers: int = 2,
    progress: Progress | None = None,
) -> Report:  # fmt: skip
    """Check batches ``first`` to ``last`` (all without it).

    keys: those that are trusted; without any, those that the database knows, with a note. anchors:
    heads that were left outside. archives: a folder with the files of archived months; without it
    their signed manifests stand for them.
    """
    report = Report()
    found: list[Finding] = []
    with connect(dsn, autocommit=True) as connection:
        if not keys:
            keys = registered(connection)
            report.notes.append(
                "The keys were taken from the database itself: whoever can change it can change"
                " them. Bring the key that you trust: --public-key FILE"
            )
        away = archived.absent(connection, ring(keys))
        links = tuple(links_of(connection, last, away))
        mine = [link for link in links if link.batch >= first]
        headers = [link.header for link in mine if link.header is not None]
        report.batches = len(mine)
        report.rows = sum(link.rows for link in mine)
        report.head = mine[-1].digest if mine else ""
        found += check_chain(links, first)
        found += _anchored(links, anchors, ring(keys), last, report)
        chunks = chunks_of([link for link in mine if link.header is not None], lines_of(links))
        found += _protection(connection, headers, report, whole=last is None)
        if last is None:
            found += _tail(connection, report)
        found += archived.check(connection, headers, away, ring(keys), archives, report.notes)
    found += _rows(dsn, chunks, tuple(keys), away, workers, progress)
    report.findings = joined(found)
    return report


def check_timestamps(
    connection: Connection, roots: Sequence[bytes], notes: list[str]
) -> tuple[Finding, ...]:
    """The time stamps of heads against their services' certificates, in PEM form."""
    found: list[Finding] = []
    newest = (0, "")
    for batch, moment, holds in places.timestamps(connection, roots):
        if holds:
            newest = max(newest, (batch, moment))
        else:
            found.append(Finding(batch=batch, kind="anchor", detail="its time stamp does not hold"))
    if newest[0]:
        notes.append(f"A time stamp proves that batch {newest[0]} existed at {newest[1]}.")
    return tuple(found)


def registered(connection: Connection) -> tuple[PublicKey, ...]:
    """The public keys that the database knows."""
    rows = connection.execute("SELECT public_key FROM pgmask_audit.signing_key").fetchall()
    return tuple(PublicKey(bytes(row[0])) for row in rows)


def _anchored(
    links: Sequence[Link], anchors: Sequence[Anchor], keys: Mapping[str, PublicKey],
    last: int | None, report: Report,
) -> Iterator[Finding]:  # fmt: skip
    known = {link.batch: link.digest for link in links}
    end = max(known, default=0)
    newest = 0
    for anchor in anchors:
        if last is not None and anchor.batch > last:
            continue
        if not anchor.signed_by(keys):
            yield Finding(batch=anchor.batch, kind="anchor", detail=anchor.place)
        elif anchor.batch not in known:
            detail = f"{anchor.place}, {anchor.anchored_at}; the record ends with batch {end}"
            yield Finding(batch=anchor.batch, kind="cut", detail=detail)
        elif known[anchor.batch] != anchor.digest:
            yield Finding(batch=anchor.batch, kind="replaced", detail=anchor.place)
        else:
            newest = max(newest, anchor.batch)
    if anchors:
        report.notes.append(f"Anchors outside the database agree up to batch {newest} of {end}.")
    else:
        report.notes.append(
            "No anchor was given: a record whose end was cut off together with its batches looks"
            " whole. --anchor FILE"
        )


def _rows(
    dsn: str, chunks: Sequence[Chunk], keys: tuple[PublicKey, ...],
    away: Away, workers: int, progress: Progress | None,
) -> list[Finding]:  # fmt: skip
    found: list[Finding] = []
    total = sum(chunk.last - chunk.first + 1 for chunk in chunks)
    done = 0
    if len(chunks) < 2 or workers < 2:
        for chunk in chunks:
            found += check(dsn, chunk, keys, away)
            done += chunk.last - chunk.first + 1
            if progress:
                progress(done, total)
        return found
    # Spawned, not forked: a connection must not be inherited.
    with ProcessPoolExecutor(min(workers, len(chunks)), get_context("spawn")) as pool:
        jobs = {pool.submit(check, dsn, chunk, keys, away): chunk for chunk in chunks}
        for job in as_completed(jobs):
            found += job.result()
            done += jobs[job].last - jobs[job].first + 1
            if progress:
                progress(done, total)
    return found


def _protection(
    connection: Connection, headers: Sequence[Header], report: Report, *, whole: bool
) -> Iterator[Finding]:
    """What protects the record: between each two batches, and since the last one."""
    seen: dict[str, dict[str, str | None]] = {}

    def content(header: Header) -> dict[str, str | None]:
        name = "".join(sorted(header.fingerprint.values()))
        if name not in seen:
            seen[name] = fingerprint.stored(connection, header.fingerprint)
        return seen[name]

    steps = [
        (after.batch, content(before), content(after), f"between batch {before.batch} and this one")
        for before, after in pairwise(headers)
        if dict(before.fingerprint) != dict(after.fingerprint)
    ]
    if whole and headers:
        with connection.transaction():
            pin(connection)
            now = fingerprint.read(connection)
        if fingerprint.digests(now) != dict(headers[-1].fingerprint):
            steps.append((0, content(headers[-1]), dict(now), "since the last batch"))
    for batch, before, after, when in steps:
        for change in fingerprint.changes(before, after):
            if change.weaker:
                detail = f"{change}, {when}"
                yield Finding(batch=batch, kind="protection", detail=detail)
            else:
                report.notes.append(f"{change}, {when}" + (f" ({batch})" if batch else ""))


def _tail(connection: Connection, report: Report) -> Iterator[Finding]:
    """Rows after the last batch, numbers now, and rows of transactions to come."""
    try:
        with snapshot(connection):
            state = read_state(connection)
            report.unsealed = unsealed(connection, state)
            row = connection.execute(
                "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text"
            ).fetchone()
            upto = int(row[0]) if row else 0
            for table in TABLES:
                late = Reach(above=state.floors.get(table.name, 0), lo=upto)
                ahead = count(connection, table, late) if report.unsealed[table.name] else 0
                if ahead:
                    detail = f"{ahead} rows, from {upto} on"
                    yield Finding(batch=0, kind="future", table=table.name, detail=detail)
            last = places.last_batch(connection)
    except psycopg.errors.InsufficientPrivilege:
        report.notes.append("This login may not ask what is not sealed yet: that was left out.")
        return
    if last:
        for table_name, number in Header.parse(last.text).numbers.items():
            now = state.numbers.get(table_name, 0)
            if now < number:
                detail = f"from {number} to {now}, since the last batch"
                yield Finding(batch=0, kind="sequence", table=table_name, detail=detail)
