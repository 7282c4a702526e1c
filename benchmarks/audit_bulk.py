"""A record of a hundred million reads, filled in bulk: two sessions, indexes last, plain counts.

The collector counts notes as they come, with everything that reports ask; here the counts per day
and month are made at once, with all that ``who_saw`` asks of them, and nothing by the hour. The
tests hold both ways to be alike in that.

``python -m benchmarks.audit_bulk [--events N] [--version 15]``
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg

from benchmarks import audit_report

Connection = psycopg.Connection[Any]
_PARTS: Final = 24
_INDEXES: Final = """
SELECT c.oid::regclass::text, pg_get_indexdef(c.oid)
  FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
 WHERE i.indrelid = 'pgmask_audit.access'::regclass
"""
_DAILY: Final = """
INSERT INTO pgmask_audit.daily (
  kind, table_id, profile, unit_id, person_id, day, count, by_hour, first_at, last_at, refreshed_at
)
SELECT a.kind, coalesce(a.table_id, ''), coalesce(a.profile, ''), coalesce(a.unit_id, ''),
       coalesce(a.person_id, 0), (a.at AT TIME ZONE 'UTC')::date, count(*),
       array_fill(0, ARRAY[24]), min(a.at), max(a.at), now()
  FROM {partition} AS a
 GROUP BY 1, 2, 3, 4, 5, 6
"""
_MONTHLY: Final = """
INSERT INTO pgmask_audit.monthly (
  table_id, profile, unit_id, person_id, month, count, first_at, last_at
)
SELECT d.table_id, d.profile, d.unit_id, d.person_id, date_trunc('month', d.day)::date,
       sum(d.count), min(d.first_at), max(d.last_at)
  FROM pgmask_audit.daily AS d WHERE d.kind = 'statement'
 GROUP BY 1, 2, 3, 4, 5
"""
_COUNTED: Final = """
UPDATE pgmask_audit.report_state
   SET next_xid = pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       access_seen = (SELECT max(access_id) FROM pgmask_audit.access)
"""


def fill(connection: Connection, events: int, tell: Callable[[str], None]) -> tuple[float, float]:
    """As ``audit_report.fill``: seconds of making the reads with their indexes, and of counting."""
    audit_report.prepare(connection)
    begin = time.monotonic()
    indexes = connection.execute(_INDEXES.encode()).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    parts = [audit_report.slice_of(events, part, _PARTS) for part in range(_PARTS)]
    _beside(connection, [(audit_report.READS, part) for part in parts], tell)
    for _, definition in indexes:
        connection.execute(definition.replace(" ON ONLY ", " ON ").encode())
        tell(f"indexed, {time.monotonic() - begin:.0f} s")
    made = time.monotonic() - begin
    begin = time.monotonic()
    partitions = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_catalog.pg_inherits"
        " WHERE inhparent = 'pgmask_audit.access'::regclass"
    ).fetchall()
    _beside(connection, [(_DAILY.format(partition=p).encode(), {}) for (p,) in partitions], tell)
    connection.execute(_MONTHLY.encode())
    connection.execute(_COUNTED.encode())
    counted = time.monotonic() - begin
    connection.execute("VACUUM (ANALYZE) pgmask_audit.daily, pgmask_audit.monthly")
    connection.execute("ANALYZE pgmask_audit.access")
    return made, counted


def _beside(
    connection: Connection, statements: list[tuple[bytes, dict[str, float]]],
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Run statements in two sessions beside each other."""
    begin, done = time.monotonic(), iter(range(1, len(statements) + 1))
    info = connection.info

    def half(which: int) -> None:
        with psycopg.connect(info.dsn, password=info.password, autocommit=True) as one:
            one.execute("SET work_mem = '1GB'")
            for statement, values in statements[which::2]:
                one.execute(statement, values)
                tell(f"{next(done)} of {len(statements)}, {time.monotonic() - begin:.0f} s")

    with ThreadPoolExecutor(2) as pool:
        for ended in [pool.submit(half, which) for which in range(2)]:
            ended.result()


def main(argv: Sequence[str] | None = None) -> int:
    """Fill a throw-away server and ask who saw a customer; 2 where the target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit_bulk", description=__doc__)
    parser.add_argument("--events", type=int, default=audit_report.FULL, help="how many reads")
    parser.add_argument("--version", type=int, default=18, help="major version of the server")
    given = parser.parse_args(argv)
    asked = ("who_saw", "who_saw_hours", "who_saw_many_10")
    return audit_report.measure_alone(given.version, given.events, only=asked, filled=fill)


if __name__ == "__main__":
    sys.exit(main())
