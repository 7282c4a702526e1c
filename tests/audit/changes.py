"""What stands in the record of changes."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.harness import Connection


class Change(NamedTuple):
    """One row of it."""

    operation: str
    table: str
    key: list[str] | None
    new_key: list[str] | None
    subject: tuple[str | None, str | None]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    person: int | None
    profile: str | None
    login: str
    sealed: list[bytes | None] | None


def mark(root: Connection) -> int:
    """Where the record stands now."""
    row = root.execute("SELECT coalesce(max(change_id), 0) FROM pgmask_audit.change").fetchone()
    assert row is not None
    return int(row[0])


def since(root: Connection, place: int, table: str | None = None) -> list[Change]:
    """What was recorded after ``mark``, in order."""
    rows = root.execute(
        "SELECT operation, table_id, row_key, new_key, subject_class, subject_key, before, after,"
        " person_id, profile, login, before_sealed FROM pgmask_audit.change"
        " WHERE change_id > %s AND (%s::text IS NULL OR table_id = %s) ORDER BY change_id",
        (place, table, table),
    ).fetchall()
    return [Change(r[0], r[1], r[2], r[3], (r[4], r[5]), *r[6:]) for r in rows]
