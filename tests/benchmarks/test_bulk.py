"""The record filled in bulk is counted as the collector counts it, in what ``who_saw`` asks."""

from __future__ import annotations

from benchmarks import audit_bulk
from tests.harness import Connection, Database

DAILY = (
    "SELECT kind, table_id, profile, unit_id, person_id, day, count, first_at, last_at"
    " FROM pgmask_audit.daily ORDER BY 1, 2, 3, 4, 5, 6"
)
MONTHLY = "SELECT * FROM pgmask_audit.monthly ORDER BY table_id, profile, unit_id, person_id, month"


def counts(root: Connection) -> tuple[list[object], list[object]]:
    return list(root.execute(DAILY.encode())), list(root.execute(MONTHLY.encode()))


def test_both_ways_count_alike(installed: Database) -> None:
    root = installed.superuser()
    audit_bulk.fill(root, 5_000, lambda _: None)
    bulk = counts(root)
    assert len(bulk[0]) > 1_000
    for table in ("daily", "monthly"):
        root.execute(f"ALTER TABLE pgmask_audit.{table} DISABLE TRIGGER ALL".encode())
        root.execute(f"DELETE FROM pgmask_audit.{table}".encode())
        root.execute(f"ALTER TABLE pgmask_audit.{table} ENABLE TRIGGER ALL".encode())
    assert counts(root) == ([], [])
    root.execute("UPDATE pgmask_audit.report_state SET next_xid = 0, access_seen = 0")
    root.execute("SELECT pgmask_private.refresh_daily()")
    assert counts(root) == bulk
