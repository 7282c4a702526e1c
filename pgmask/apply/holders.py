"""Locks that others hold: tried again, and then who holds them, by process, login and age."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.pq import TransactionStatus

from pgmask.errors import PlanError, ServerError

Connection = psycopg.Connection[Any]
T = TypeVar("T")
LOCK_TIMEOUT_MS = 2000
ATTEMPTS = 8
_PASSING = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)


def patiently(
    connection: Connection,
    table: str,
    relation: str,
    work: Callable[[], T],
    *,
    attempts: int = ATTEMPTS,
    tell: Callable[[str], None] = lambda _: None,
    code: str = "PM323",
    again: str = "pgmask seal",
) -> T:
    """What ``work`` gives, tried again with growing pauses while somebody holds a lock.

    The session's ``lock_timeout`` bounds each wait.  table: its id for people; relation: its quoted
    name; code, again: the error at last, and what goes on then.  Raises ServerError with who
    holds it.
    """
    for attempt in range(attempts):
        try:
            return work()
        except _PASSING:
            tell("a lock")
            time.sleep(random.uniform(0.05, 0.2) * 2**attempt)  # noqa: S311  no secret
    found = holders(connection, [relation] if relation else [])
    raise ServerError(
        code, f"{table}: a lock was not to be had in {attempts} attempts",
        detail=f"the table is used by {found}" if found else "",
        hint="Let that transaction end, or end it: SELECT pg_terminate_backend(pid); then run"
        f" {again} again: it goes on where it stopped.",
    )  # fmt: skip


def holders(connection: Connection, relations: Iterable[str] = ()) -> str:
    """``pid 4711 (login app, for 12 s)``, the oldest first; '' when nobody is found any more.

    relations: quoted names; those that are not there are passed over, and with none given every
    table of pgmask's own counts.  Other sessions only, at most five.  Asked after a wait was given
    up, so a holder that has just gone is not named.  No query text: it may hold a value.
    """
    rows = connection.execute(
        "SELECT l.pid, a.usename,"
        " extract(epoch FROM pg_catalog.clock_timestamp() - min(a.xact_start))::bigint"
        "  FROM pg_catalog.pg_locks AS l"
        "  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid"
        " WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()"
        "   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d"
        "                      WHERE d.datname = pg_catalog.current_database())"
        "   AND l.relation = ANY (CASE WHEN %(names)s::text[] = '{}'"
        "         THEN ARRAY(SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relnamespace ="
        "                    pg_catalog.to_regnamespace('pgmask_private'))"
        "         ELSE ARRAY(SELECT pg_catalog.to_regclass(n.n)::oid"
        "                      FROM pg_catalog.unnest(%(names)s::text[]) AS n (n)) END)"
        # A session that only reads stands in the way of an ACCESS EXCLUSIVE lock; autovacuum goes
        # by itself and has no login.
        "   AND a.usename IS NOT NULL"
        " GROUP BY l.pid, a.usename ORDER BY min(a.xact_start) NULLS LAST LIMIT 5",
        {"names": list(relations)},
    ).fetchall()
    return ", ".join(
        f"pid {pid} (login {login}" + (f", for {seconds:,} s)" if seconds is not None else ")")
        for pid, login, seconds in rows
    )


@contextlib.contextmanager
def reading(connection: Connection, *, lock_timeout_ms: int = 10_000) -> Iterator[None]:
    """Read what the catalogues say, and do not wait for ever behind an exclusive lock.

    The session keeps the timeout.  Raises PlanError PM234 with the table and who holds it.
    """
    # Not a SELECT: the transaction's isolation level may still be set after it.
    connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(lock_timeout_ms)))
    try:
        yield
    except pg.LockNotAvailable:
        if connection.info.transaction_status == TransactionStatus.INERROR:
            connection.execute("ROLLBACK")
        rows = connection.execute(
            "SELECT DISTINCT l.relation::pg_catalog.regclass::text"
            "  FROM pg_catalog.pg_locks AS l"
            " WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.relation >= 16384"
            "   AND l.pid <> pg_catalog.pg_backend_pid()"
            "   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d"
            "                      WHERE d.datname = pg_catalog.current_database()) ORDER BY 1"
        ).fetchall()
        names = [name for (name,) in rows]
        found = holders(connection, names) if names else ""
        raise PlanError(
            "PM234", f"{', '.join(names) or 'a table'} is locked exclusively",
            detail=f"held by {found}" if found else "",
            hint="Let that transaction end, or end it: SELECT pg_terminate_backend(pid); then run"
            " the same command again.",
        ) from None  # fmt: skip


def settle(connection: Connection) -> None:
    """Prepare a session for long work, as ``pg_dump`` does for its own.

    Timeouts meant for applications do not end it half-way.  The server looks every second whether
    the client still lives: a killed command frees its locks at once, not after its statement.
    """
    for name, value in (
        ("client_connection_check_interval", "1s"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("transaction_timeout", "0"),  # from 17 on
    ):
        connection.execute(
            "SELECT pg_catalog.set_config(s.name, %s, false) FROM pg_catalog.pg_settings AS s"
            " WHERE s.name = %s",
            (value, name),
        )
