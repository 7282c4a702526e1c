"""Collecting: notes a second out of the slot into the record."""

from __future__ import annotations

import time
from typing import Final

import psycopg

from benchmarks.measure import Backend, Measurement, at_least, figure
from benchmarks.place import Place
from pgmask.audit.collect import Collector

# Signed as the views sign them. Every note is about another table or customer: none folds away.
_STATEMENTS: Final = """
SELECT count(*) FROM (
  SELECT pgmask_private.leave_note(pgmask_private.sign_note(
           'statement', %(claims)s, 'crm.t' || g, g, NULL, NULL, false)) AS left
    FROM generate_series(1, %(count)s) AS g) AS n WHERE n.left
"""
_SUBJECTS: Final = """
SELECT count(*) FROM (
  SELECT pgmask_note.examined(h.note, 'crm.customer' || U&'\\001F' || (h.n * 100 + g)) AS left
    FROM (SELECT n, pgmask_private.sign_note(
                   'subject', %(claims)s, 'crm.customer', NULL, NULL, NULL, false) AS note
            FROM generate_series(1, %(count)s / 100) AS n OFFSET 0) AS h
   CROSS JOIN generate_series(1, 100) AS g) AS n WHERE n.left
"""
_CLAIMS: Final = "\x1f".join(
    ("", "1", "agent", "7", "assertion", "service", "f", "f", "bench-web", "2030-01-01", "")
)


def run(place: Place) -> list[Measurement]:
    """The group ``collect``."""
    count = max(2_000, place.scale.customers)
    found = []
    with place.owner() as root, psycopg.connect(place.admin, autocommit=True) as connection:
        if root.execute("SHOW wal_level").fetchone() != ("logical",):
            return [figure("collect.skipped", 0, "wal_level is not logical")]
        root.execute("ALTER ROLE pgmask_slots REPLICATION")
        try:
            with Collector(connection) as collector:
                collector.set_up()
                backend = Backend(connection.info.backend_pid)
                collector.catch_up()
                for name, query, how in (
                    ("statements", _STATEMENTS, "each with a signature of its own"),
                    ("subjects", _SUBJECTS, "a hundred customers to a signature"),
                ):
                    best = work = 0.0
                    for _ in range(3):
                        root.execute(query.encode(), {"claims": _CLAIMS, "count": count})
                        began, cpu = time.perf_counter(), backend.cpu()
                        done = collector.catch_up()
                        seconds = time.perf_counter() - began
                        assert (done.stored, done.rejected) == (count, 0), done
                        best = max(best, count / seconds)
                        after = backend.cpu()
                        if cpu is not None and after is not None:
                            work = max(work, count * 1e9 / (after - cpu))
                    found.append(
                        at_least(
                            f"collect.{name}",
                            best,
                            20_000,
                            f"{count} notes, {how}",
                            unit="notes/s",
                        )
                    )
                    if work:
                        found.append(
                            figure(
                                f"collect.{name}.work",
                                work,
                                "the same in CPU time of the backend",
                                unit="notes/s",
                            )
                        )
        finally:
            root.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    return found
