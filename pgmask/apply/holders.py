"""Who holds a lock that was not to be had: server processes by id, login and age."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


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


def notice_a_killed_client(connection: Connection) -> None:
    """Have the server look every second whether we still live, while it waits or works for us.

    A killed command then frees its locks at once instead of at the end of its statement.
    """
    connection.execute("SELECT pg_catalog.set_config('client_connection_check_interval', '1s', false)")
