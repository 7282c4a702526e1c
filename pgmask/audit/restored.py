"""Heads of what a restored backup did not have: findings until somebody names the restore.

Whoever cuts the end of the record off looks like a backup that was restored. So a restore on record
excuses nothing by itself; an auditor who knows of it names the number of its era, and it excuses
heads from before the first batch that was signed after it, no later ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pgmask.audit.anchors import Anchor
from pgmask.audit.batch import Batch, Header
from pgmask.audit.keys import PublicKey
from pgmask.audit.tables import Connection
from pgmask.errors import PgmaskError


def excused(
    connection: Connection, heads: Sequence[Anchor], era: int, keys: Mapping[str, PublicKey]
) -> tuple[tuple[Anchor, ...], str]:
    """The heads without those that the restore of this era explains, and what to say of them.

    Explained is a head that a trusted key signed before it signed the era's first batch, and whose
    batch does not come before that one. Raises PgmaskError PM833 where no such era with a batch is
    on record. Times and numbers are those that were signed, not those of the table of eras.
    """
    first = _first_of(connection, era, keys)
    away = [
        head
        for head in heads
        if head.batch >= first.batch and _before(head, first) and head.signed_by(keys)
    ]
    kept = tuple(head for head in heads if head not in away)
    if not away:
        return kept, f"No head is of what the restore of era {era} took back."
    numbers = sorted(head.batch for head in away)
    return kept, (
        f"Acknowledged: the restore of era {era}, sealed from {first.made_at} on, took the record"
        f" back to batch {first.batch - 1}; {len(away)} older heads, of batches {numbers[0]} to"
        f" {numbers[-1]}, are of what it lost."
    )


def _first_of(connection: Connection, era: int, keys: Mapping[str, PublicKey]) -> Header:
    """The first header of the era that this restore, or recovery in place, began."""
    row = connection.execute(
        "SELECT b.header, b.key_id, b.signature FROM pgmask_audit.batch AS b"
        " WHERE b.era_id >= %s ORDER BY b.batch_id LIMIT 1",
        (era,),
    ).fetchone()
    if row is not None:
        batch = Batch(text=row[0], key_id=row[1], signature=bytes(row[2]))
        header = Header.parse(batch.text)
        if era in (header.era, header.line) and header.previous and batch.signed_by(keys):
            return header
    eras = connection.execute(
        "SELECT e.era_id, e.reason, e.began_at FROM pgmask_audit.era AS e ORDER BY 1"
    ).fetchall()
    raise PgmaskError(
        "PM833", f"era {era} is none that was sealed, or the first",
        hint="The eras on record: "
        + "; ".join(f"{number} {why}, {at:%Y-%m-%d %H:%M %z}" for number, why, at in eras),
    )  # fmt: skip


def _before(head: Anchor, first: Header) -> bool:
    try:
        return datetime.fromisoformat(head.anchored_at) < datetime.fromisoformat(first.made_at)
    except (ValueError, TypeError):
        return False
