"""A crash right after the read: what is lost, and that nothing is stored twice (G1).

A note of a transaction that wrote nothing else reaches the disk with the next flush of the log: the
writer of the log does that every ``wal_writer_delay`` (200 ms), at the latest at its third round,
and each visit of the collector does.  What ``synchronous_commit`` says makes no difference to it.
"""

from __future__ import annotations

import time

import psycopg
import pytest

from pgmask.audit.collect import Collector
from tests.audit.collecting import (
    CARL,
    READ,
    access,
    activity,
    collecting,
    drop_slot,
    prepare,
    read,
)
from tests.harness import Connection, Database, Server, binaries_of
from tests.reveal.site import Site, fill

pytestmark = pytest.mark.requirement("G1")
WINDOW = 1.0
"""Seconds before the crash in which notes may be lost: three rounds of the writer, and some."""


@pytest.mark.parametrize("commit", ["on", "off"])
def test_crash_right_after_the_read(server: Server, commit: str) -> None:
    own = Server(binaries_of(server.major))
    try:
        own.start()
        database = own.create_database()
        fill(database)
        site = Site(database)
        prepare(site)
        with Collector(database.connect(CARL, autocommit=True)) as collector:
            collector.set_up()
            collector.catch_up()
        read_at = _reading(site, database.connect("app", autocommit=True), commit)
        crashed_at = time.time()
        database.close()
        own.cluster._pg_ctl("-w", "-m", "immediate", "stop")
        own.cluster.start()
        site = Site(Database(own, database.name))
        with Collector(site.database.connect(CARL, autocommit=True)) as collector:
            collector.catch_up()
        stored = [r["at"].timestamp() for r in access(site, "statement")]
        # Everything up to some moment is there, once, and that moment was just now.
        assert stored == sorted(set(stored))
        assert len(stored) <= len(read_at)
        print(f"{len(read_at) - len(stored)} of {len(read_at)} notes were lost")
        if len(stored) < len(read_at):
            assert crashed_at - read_at[len(stored)] < WINDOW
        assert len(activity(site, "gap")) == 1  # from before the first visit
        assert site.rows("SELECT count(*) FROM pgmask_audit.era") == [(1,)]
        site.database.close()
    finally:
        own.stop()


def _reading(site: Site, app: Connection, commit: str) -> list[float]:
    """Read for two seconds; when each read was done."""
    app.execute(f"SET synchronous_commit = {commit}".encode())
    done: list[float] = []
    end = time.monotonic() + 2
    while time.monotonic() < end:
        with app.transaction():
            site.log_in(app, "ann", strong=False)
            app.execute(READ.encode()).fetchall()
        done.append(time.time())
    return done


def test_a_visit_makes_what_was_noted_durable(server: Server) -> None:
    """The server of the tests does not flush by itself: begin_collecting does."""
    with server.database(template=server.template("reveal", fill)) as database:
        site = Site(database)
        prepare(site)
        try:
            with collecting(site) as collector:
                read(site)
                with psycopg.connect(database.dsn(CARL), autocommit=True) as other:
                    before = site.rows("SELECT pg_current_wal_insert_lsn()")[0][0]
                    other.execute("SELECT pgmask_private.begin_collecting()")
                    assert site.rows("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", before) == [
                        (True,)
                    ]
                collector.catch_up()
            assert len(access(site, "statement")) == 1
        finally:
            drop_slot(site)
