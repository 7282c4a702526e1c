"""Whether an archived month left the database as a month may leave it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pgmask.audit.batch import Header
from pgmask.audit.fingerprint import lines_of, stored
from pgmask.audit.tables import Connection

if TYPE_CHECKING:
    from pgmask.audit.archived import Manifest


def left(
    connection: Connection, manifest: Manifest, away: Mapping[tuple[str, str], int],
    chain: Sequence[Header], notes: list[str],
) -> Iterator[str]:  # fmt: skip
    """What speaks against it that the month left by pgmask audit archive, past its retention."""
    if not manifest.removed:
        yield "its manifest is that of a copy"
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pgmask_audit.activity AS a"
        " WHERE a.kind = 'archive' AND a.object = %s AND a.detail ->> 'month' = %s"
        " AND a.detail ->> 'digest' = %s AND a.detail ->> 'removed' = 'true')",
        (manifest.table, manifest.month, manifest.sha256),
    ).fetchone()
    if row is None or not row[0]:
        when = manifest.made_at[:7]
        if ("activity", when) not in away:
            yield "no activity tells that it was removed"
        else:
            notes.append(f"Who removed {manifest.table} {manifest.month} is archived with {when}.")
    held = _retentions(connection, manifest, chain) if chain else []
    if held and not any(_past(connection, manifest, keep) for keep in held):
        yield f"it was to be kept longer when it was archived ({manifest.made_at[:10]})"


def _retentions(
    connection: Connection, manifest: Manifest, chain: Sequence[Header]
) -> list[list[str]]:  # fmt: skip
    """What held for its table in the batches before and after it was archived, and now."""
    made = [header for header in chain if "settings" in header.fingerprint]
    place = bisect_right(made, manifest.made_at, key=lambda header: header.made_at)
    contents = [
        stored(connection, header.fingerprint)["settings"]
        for header in made[max(0, place - 1) : place + 1]
    ]
    found = []
    for content in contents:
        states = [
            state.partition(" ")
            for name, state in lines_of(content).items()
            if name.startswith("retention ")
        ]
        found.append(
            [
                rest.partition(" / ")[0]
                for tables, _, rest in states
                if manifest.table in tables.split(",")
            ]
        )
    if place >= len(made):
        rows = connection.execute(
            "SELECT r.keep::text FROM pgmask_audit.retention AS r WHERE %s = ANY (r.tables)",
            (manifest.table,),
        ).fetchall()
        found.append([row[0] for row in rows])
    return [keeps for keeps in found if keeps]


def _past(connection: Connection, manifest: Manifest, keeps: Sequence[str]) -> bool:
    row = connection.execute(
        "SELECT (%s::timestamp + interval '1 month' + max(k.keep::interval)) AT TIME ZONE 'UTC'"
        " <= %s::timestamptz + interval '1 day' FROM pg_catalog.unnest(%s::text[]) AS k (keep)",
        (f"{manifest.month}-01", manifest.made_at, list(keeps)),
    ).fetchone()
    return row is not None and bool(row[0])
