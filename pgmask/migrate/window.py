"""A window: for a time, for a ticket, one login is a member of the role that owns the stores.

PostgreSQL's memberships do not end by themselves.  So the end is kept in
``pgmask_private.migration_window``: from then on ``pgmask.detach`` refuses (PM217), ``doctor``
complains (PM267), and the next ``migrate`` or ``close`` takes the membership away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import errors as pg
from psycopg import sql

from pgmask.errors import PlanError, Refused

Connection = psycopg.Connection[Any]
LOCK: Final = 0x70676D61736C
"""One ``pgmask migrate`` at a time; not the lock of apply, which the tool's transactions share."""
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours"}
_LONGEST: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """An open window; granted: whether the membership came with it and goes with it."""

    id: int
    login: str
    owner: str
    ticket: str
    ends_at: datetime
    granted: bool


def duration(text: str) -> timedelta:
    """``30m``, ``2h`` or ``90s``; at most a day.  Raises PlanError (PM265)."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text)
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found is not None else None
    if length is None or length > _LONGEST:
        raise PlanError(
            "PM265", f"{text!r} is no length of a window", hint="Such as 30m, 2h, 90s; at most 24h."
        )
    return length


def owners(connection: Connection) -> tuple[str, ...]:
    """The roles that own the stores, by name."""
    found = connection.execute(
        "SELECT DISTINCT c.relowner::regrole::text FROM pgmask_private.store_table AS s"
        " JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schema_name"
        " JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.table_name"
        " WHERE s.stage <> 'observe' ORDER BY 1"
    ).fetchall()
    return tuple(r[0] for r in found)


def open_window(
    connection: Connection,
    *,
    login: str,
    owner: str,
    ticket: str,
    length: timedelta,
    apply_follows: bool = False,
    tool: str | None = None,
) -> Window:
    """Make the login a member of the owner and record it, in one transaction.

    An overdue window of the login is closed first.  Raises PlanError: PM265 no such role, or a
    window is open; PM266 this login may not give the membership.  Raises Refused (PM265) for a
    superuser, whom no window holds.
    """
    if not ticket.strip():
        raise PlanError("PM265", "a window needs the reference of a change", hint="Give --ticket.")
    with connection.transaction():
        connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s, 1)", (LOCK % 2**31,))
        _judge(connection, login, owner)
        open_now = connection.execute(
            "SELECT w.ends_at <= pg_catalog.clock_timestamp(), w.ticket"
            "  FROM pgmask_private.migration_window AS w"
            " WHERE w.login = %s AND w.closed_at IS NULL",
            (login,),
        ).fetchone()
        if open_now is not None and not open_now[0]:
            raise PlanError(
                "PM265", f"a window of login {login} is open already, for {open_now[1]}",
                hint=f"pgmask migrate close --login {login}",
            )  # fmt: skip
        if open_now is not None:
            close_windows(connection, login=login)
        granted = not _member(connection, login, owner)
        if granted:
            _grant(connection, login, owner)
        row = connection.execute(
            "INSERT INTO pgmask_private.migration_window"
            " (login, owner, ticket, ends_at, granted, apply_follows, tool)"
            " VALUES (%s, %s, %s, pg_catalog.clock_timestamp() + %s, %s, %s, %s)"
            " RETURNING id, ends_at",
            (login, owner, ticket.strip(), length, granted, apply_follows, tool),
        ).fetchone()
    assert row is not None  # noqa: S101  INSERT .. RETURNING
    return Window(
        id=row[0], login=login, owner=owner, ticket=ticket.strip(), ends_at=row[1], granted=granted
    )


def close_windows(
    connection: Connection,
    *,
    login: str | None = None,
    of_tools: bool = False,
    exit_code: int | None = None,
) -> tuple[Window, ...]:
    """Close the open windows (of this login; of tools only), taking back what they gave.

    Raises PlanError (PM266) when a membership stays; nothing is closed then.
    """
    with connection.transaction():
        found = connection.execute(
            "UPDATE pgmask_private.migration_window AS w"
            "   SET closed_at = pg_catalog.clock_timestamp(), closed_by = session_user,"
            "       exit_code = %s"
            " WHERE w.closed_at IS NULL AND (%s::text IS NULL OR w.login = %s)"
            "   AND (w.tool IS NOT NULL OR NOT %s)"
            " RETURNING w.id, w.login, w.owner, w.ticket, w.ends_at, w.granted",
            (exit_code, login, login, of_tools),
        ).fetchall()
        closed = tuple(
            Window(id=r[0], login=r[1], owner=r[2], ticket=r[3], ends_at=r[4], granted=r[5])
            for r in found
        )
        for one in closed:
            if one.granted:
                _revoke(connection, one)
    return closed


def sessions(connection: Connection, login: str) -> tuple[int, ...]:
    """Processes of a login that are still connected: one that ran SET ROLE keeps that role."""
    found = connection.execute(
        "SELECT a.pid FROM pg_catalog.pg_stat_activity AS a WHERE a.usename = %s AND a.pid <>"
        " pg_catalog.pg_backend_pid() ORDER BY 1",
        (login,),
    ).fetchall()
    return tuple(r[0] for r in found)


def waiting(connection: Connection) -> tuple[str, ...]:
    """Tables that refuse writes until an apply (PM219)."""
    found = connection.execute(
        "SELECT h.table_id FROM pgmask_private.migration_hold AS h ORDER BY 1"
    ).fetchall()
    return tuple(r[0] for r in found)


def _judge(connection: Connection, login: str, owner: str) -> None:
    for role, what in ((login, "login"), (owner, "owner")):
        row = connection.execute(
            "SELECT r.rolcanlogin, r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s",
            (role,),
        ).fetchone()
        if row is None or (what == "login" and not row[0]):
            raise PlanError(
                "PM265", f"there is no {what} {role!r}" if row is None else f"{role} cannot log in",
                hint="Make it with CREATE ROLE; or name another under migrations: in the catalogue,"
                " or with --login.",
            )  # fmt: skip
        if row[1]:
            raise Refused(
                "PM265", f"{role} is a superuser: no window holds it",
                hint="Let migrations run as a login of their own.",
            )  # fmt: skip


def _member(connection: Connection, login: str, owner: str) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_auth_members AS a"
        " WHERE a.roleid = %s::regrole AND a.member = %s::regrole)",
        (sql.Identifier(owner).as_string(), sql.Identifier(login).as_string()),
    ).fetchone()
    return row is not None and bool(row[0])


def _grant(connection: Connection, login: str, owner: str) -> None:
    options = " WITH INHERIT TRUE, SET TRUE" if connection.info.server_version >= 160000 else ""
    try:
        connection.execute(
            sql.SQL("GRANT {} TO {}" + options).format(sql.Identifier(owner), sql.Identifier(login))
        )
    except pg.InsufficientPrivilege:
        raise PlanError(
            "PM266", f"this login may not make {login} a member of {owner}",
            hint=f"GRANT {owner} TO this login WITH ADMIN OPTION",
        ) from None  # fmt: skip


def _revoke(connection: Connection, window: Window) -> None:
    names = (sql.Identifier(window.owner), sql.Identifier(window.login))
    try:
        with connection.transaction():
            connection.execute(sql.SQL("REVOKE {} FROM {}").format(*names))
    except (pg.InsufficientPrivilege, pg.UndefinedObject):
        pass  # judged by what holds
    row = connection.execute(
        "SELECT 1 FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s", (window.login,)
    ).fetchone()
    if row is not None and _member(connection, window.login, window.owner):
        raise PlanError(
            "PM266", f"{window.login} is still a member of {window.owner}",
            hint=f"Whoever gave it takes it back: REVOKE {window.owner} FROM {window.login}",
        )  # fmt: skip


__all__ = [
    "LOCK", "Connection", "Window", "close_windows", "duration", "open_window", "owners",
    "sessions", "waiting",
]  # fmt: skip
