"""Verification: every row and header against what was signed, in parallel (G2).

The chain of headers is walked here; its batches are handed out in chunks to processes of their own,
each with a connection, which read the rows again and build every root anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import psycopg

from pgmask.audit import anchors as places
from pgmask.audit import archived, protection
from pgmask.audit.anchors import Anchor
from pgmask.audit.batch import Header
from pgmask.audit.chain import Begun, Chunk, Link, check_chain, chunks_of, lines_of, links_of
from pgmask.audit.finding import CARRIED, Finding, joined
from pgmask.audit.keys import PublicKey, ring
from pgmask.audit.rows import Away, check
from pgmask.audit.seal import read_state, snapshot, unsealed
from pgmask.audit.tables import TABLES, Connection, Reach, count
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
        links = tuple(links_of(connection, last, away, keys=ring(keys)))
        mine = [link for link in links if link.batch >= first]
        signed = [link.header for link in mine if link.header is not None and link.signed]
        report.batches = len(mine)
        report.rows = sum(link.rows for link in mine)
        report.head = mine[-1].digest if mine else ""
        found += check_chain(links, first)
        found += _anchored(links, anchors, ring(keys), last, report)
        begun = _begun(connection, signed[-1] if signed else None)
        lines = lines_of(links)
        if begun is not None:
            newest = max(lines)
            lines[newest] = replace(lines[newest], next_floors=begun.floors)
        chunks = chunks_of(mine, lines)
        found += protection.check(
            connection, mine, away, report.notes, whole=last is None, begun=begun
        )
        if last is None:
            found += _tail(connection, signed[-1] if signed else None, report)
        found += archived.check(
            connection, signed, away, ring(keys), archives, report.notes,
            chain=[link.header for link in links if link.header is not None and link.signed],
        )  # fmt: skip
    found += _rows(dsn, chunks, away, workers, progress)
    report.findings = _without_innocent(joined(found))
    return report


def _without_innocent(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """An era that is not true is named, and not the rows that no batch covers because of it."""
    eras = {one.batch for one in findings if one.kind == "era"}
    taken = [
        one
        for one in findings
        if one.batch in eras and one.kind == "inserted" and one.detail.endswith(CARRIED)
    ]
    kept = [one for one in findings if one not in taken]
    return tuple(
        replace(one, detail=f"{one.detail}; {len(taken)} rows are in no batch because of it")
        if taken and one.kind == "era" and one.batch in {row.batch for row in taken}
        else one
        for one in kept
    )  # fmt: skip


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
    dsn: str, chunks: Sequence[Chunk], away: Away, workers: int, progress: Progress | None,
) -> list[Finding]:  # fmt: skip
    found: list[Finding] = []
    total = sum(chunk.last - chunk.first + 1 for chunk in chunks)
    done = 0
    if len(chunks) < 2 or workers < 2:
        for chunk in chunks:
            found += check(dsn, chunk, away)
            done += chunk.last - chunk.first + 1
            if progress:
                progress(done, total)
        return found
    # Spawned, not forked: a connection must not be inherited.
    with ProcessPoolExecutor(min(workers, len(chunks)), get_context("spawn")) as pool:
        jobs = {pool.submit(check, dsn, chunk, away): chunk for chunk in chunks}
        for job in as_completed(jobs):
            found += job.result()
            done += jobs[job].last - jobs[job].first + 1
            if progress:
                progress(done, total)
    return found


def _begun(connection: Connection, last: Header | None) -> Begun | None:
    """The line that began in another cluster and has no batch yet: its transactions have lower
    numbers, so its rows would be taken for some of the batches before.
    """
    try:
        state = read_state(connection)
    except psycopg.errors.InsufficientPrivilege:
        return None
    if last is None or last.batch != state.batch - 1 or state.system == last.system:
        return None
    return Begun(line=state.line, floors=state.floors)


def _tail(connection: Connection, last: Header | None, report: Report) -> Iterator[Finding]:
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
    except psycopg.errors.InsufficientPrivilege:
        report.notes.append("This login may not ask what is not sealed yet: that was left out.")
        return
    if last is not None:
        for table_name, number in last.numbers.items():
            now = state.numbers.get(table_name, 0)
            if now < number:
                detail = f"from {number} to {now}, since the last batch"
                yield Finding(batch=0, kind="sequence", table=table_name, detail=detail)
