"""The watch over the whole run: no complete value of level 1 in what pgmask writes (G2).

Looked at are every table of ``pgmask_audit`` when a database is dropped, every logical message in
the servers' logs of transactions, and the servers' log files. A test that is found to have left a
value fails in its teardown. ``@pytest.mark.leaves_values("why")`` is for tests that put values
there by a hand that nothing stops: a superuser's, or the control of an attack.

Rows of the heap are not looked at: tests put values into tables before pgmask is there. Nor are
servers that a test makes for itself without the harness, and messages while ``letting_go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from pgmask.server.cluster import Cluster
from tests.truths import truths_in

Connection = psycopg.Connection[Any]
KEPT: Final = "1GB"
"""How much of the log of transactions a watched server keeps (``wal_keep_size``)."""
_EVERY: Final = 32 * 1024 * 1024
_PAYLOAD: Final = re.compile(r'prefix "[^"]*"; payload \([0-9]+ bytes\): ([0-9A-F ]*)')
_TABLES: Final = """
SELECT string_agg(format('SELECT %L, t::text FROM %s AS t', c.oid::regclass, c.oid::regclass),
                  ' UNION ALL ')
  FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n
                          WHERE n.nspname = 'pgmask_audit')
   AND c.relkind = 'r' AND pg_catalog.pg_relation_size(c.oid) > 0
"""


class Leak(AssertionError):
    """Complete values where none may be."""


@dataclass(slots=True, kw_only=True)
class Excuse:
    """Why the test that runs may leave values; None: it may not."""

    reason: str | None = None


EXCUSE: Final = Excuse()


@dataclass(slots=True)
class Watch:
    """What was looked at of one cluster.

    databases, messages, log: how many, and how many bytes of the log file.
    """

    cluster: Cluster
    databases: int = 0
    messages: int = 0
    log: int = 0
    _wal: int | None = field(default=None)

    def look_at_record(self, dsn: str, spare: Connection | None = None) -> None:
        """Every row of the record of a database. Raises Leak.

        dsn: a superuser's; spare: a connection to it that may be used instead, and is closed.
        """
        try:
            connection = spare or psycopg.connect(dsn, autocommit=True)
        except psycopg.OperationalError as error:
            if "does not exist" in str(error):  # dropped by the test itself
                return
            raise
        with connection:
            name = connection.info.dbname
            connection.execute("SET lock_timeout = '10s'")
            row = connection.execute(_TABLES.encode()).fetchone()
            if row is None or row[0] is None:
                return
            found = [
                f"{table}: {', '.join(values)}"
                for table, text in connection.execute(row[0].encode()).fetchall()
                if (values := truths_in(text.encode()))
            ]
        self.databases += 1
        _judge(f"the record of {name}", found)

    def look_at_log(self) -> None:
        """What the server has written to its log file since the last look. Raises Leak."""
        with self.cluster.log.open("rb") as file:
            file.seek(self.log)
            text = file.read()
        self.log += len(text)
        _judge("the server's log", [
            f"{', '.join(values)} in: {line.decode('utf-8', 'replace')}"
            for line in text.splitlines() if (values := truths_in(line))
        ])  # fmt: skip

    def look_at_messages(self, admin: Connection, *, now: bool = False) -> None:
        """The logical messages since the last look, when much was written since. Raises Leak.

        admin: a superuser's, in autocommit mode; now: however little was written.
        """
        end = _position(admin, "pg_current_wal_insert_lsn()")
        if self._wal is None or (not now and end - self._wal < _EVERY):
            self._wal = end if self._wal is None else self._wal
            return
        # A position where a record ends, and flushed when the statement has returned.
        with admin.transaction():
            admin.execute("SET LOCAL synchronous_commit = on")
            end = _position(admin, "pg_logical_emit_message(true, 'watch', '')")
        done = self.cluster.binaries.run(
            "pg_waldump", "--rmgr=LogicalMessage", f"--path={self.cluster.data / 'pg_wal'}",
            f"--start={_lsn(self._wal)}", f"--end={_lsn(end)}",
            _segment(self._wal), _segment(end),
        )  # fmt: skip
        assert done.returncode == 0, f"the log of transactions was not read: {done.stderr}"
        self._wal = end
        payloads = [bytes.fromhex(one) for one in _PAYLOAD.findall(done.stdout)]
        self.messages += len(payloads)
        _judge("logical messages", [
            f"{', '.join(values)} in: {text.decode('utf-8', 'replace')}"
            for text in payloads if (values := truths_in(text))
        ])  # fmt: skip

    @contextmanager
    def letting_go(self, admin: Connection) -> Iterator[None]:
        """The server may remove its log while the body runs: its messages are not looked at."""
        self.look_at_messages(admin, now=True)
        try:
            _keep(admin, "SET wal_keep_size = 0")
            yield
        finally:
            _keep(admin, "RESET wal_keep_size")
            self._wal = _position(admin, "pg_current_wal_insert_lsn()")


def _keep(admin: Connection, change: str) -> None:
    admin.execute(f"ALTER SYSTEM {change}".encode())
    admin.execute("SELECT pg_reload_conf()")


def _position(admin: Connection, expression: str) -> int:
    row = admin.execute(f"SELECT {expression} - '0/0'::pg_lsn".encode()).fetchone()
    assert row is not None
    return int(row[0])


def _lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _segment(position: int) -> str:
    # Named, because pg_waldump would look for the size of one in a file that is not begun.
    return f"{1:08X}{position >> 32:08X}{(position & 0xFFFFFFFF) >> 24:08X}"


def _judge(place: str, found: list[str]) -> None:
    if found and EXCUSE.reason is None:
        raise Leak(f"complete values in {place}:\n" + "\n".join(found[:20]))
