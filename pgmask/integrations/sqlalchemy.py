"""SQLAlchemy, sync and async: an engine whose transactions log in whoever is acting.

``protect(engine, minter)`` once, right after ``create_engine`` or ``create_async_engine``. With
the driver psycopg the engine gets the connections of ``pgmask.integrations.psycopg``: the login
rides on the first statement, AUTOCOMMIT works, COMMIT closes cursors. With another driver an event
at the begin of a transaction logs in, one round trip each; AUTOCOMMIT is refused there (PM106).

Sessions, autobegin, savepoints and two-phase commits need nothing more: whoever is acting when the
first statement of a transaction is sent is who it is for. An object loaded for one person and kept
in a session for the next shows the first one's view of it: one session, one person.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from pgmask.errors import PgmaskError
from pgmask.integrations import psycopg as ours
from pgmask.integrations.acting import current
from pgmask.integrations.issuer import Minter

if TYPE_CHECKING:  # importing it asks for greenlet, which synchronous engines do without
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
RETRIED = ("40001", "40P01")


def protect(engine: Engine | AsyncEngine, minter: Minter) -> None:
    """Let every transaction of the engine log in whoever is acting.

    Connections that the engine's pool holds already are let go. Raises PM104 for an engine that is
    not PostgreSQL's.
    """
    sync: Engine = getattr(engine, "sync_engine", engine)  # type: ignore[arg-type]
    asynchronous = sync is not engine
    if sync.dialect.name != "postgresql":
        raise PgmaskError("PM104", f"this is an engine of {sync.dialect.name}, not of PostgreSQL")
    if sync.dialect.driver not in ("psycopg", "psycopg_async"):
        event.listen(sync, "begin", partial(_log_in, minter))
        return

    def connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        if asynchronous:
            creator: Any = ours.AsyncConnection.connect
            options.setdefault("async_creator_fn", partial(creator, minter=minter))
            return None
        return ours.Connection.connect(*arguments, minter=minter, **options)

    event.listen(sync, "do_connect", connect)
    # close=False: connections in use are left to whoever uses them.
    sync.dispose(close=not asynchronous)


def run(factory: Any, work: Callable[[Any], T], *, attempts: int = 5) -> T:
    """What ``work(session)`` gives, in a transaction of its own.

    factory: a ``sessionmaker`` or an ``Engine``; work gets the session or connection. It is run
    again after SQLSTATE 40001 and 40P01, ``attempts`` times in all, and must do nothing outside the
    database.
    """
    for attempt in range(1, attempts + 1):
        try:
            with factory.begin() as session:
                return work(session)
        except DBAPIError as error:
            if attempt == attempts or _state(error) not in RETRIED:
                raise
        time.sleep(ours.pause(attempt))
    raise AssertionError("attempts is at least 1")


async def arun(factory: Any, work: Callable[[Any], Awaitable[T]], *, attempts: int = 5) -> T:
    """The same with an ``async_sessionmaker`` or ``AsyncEngine`` and a coroutine function."""
    for attempt in range(1, attempts + 1):
        try:
            async with factory.begin() as session:
                return await work(session)
        except DBAPIError as error:
            if attempt == attempts or _state(error) not in RETRIED:
                raise
        await asyncio.sleep(ours.pause(attempt))
    raise AssertionError("attempts is at least 1")


def _log_in(minter: Minter, connection: Connection) -> None:
    """The event of drivers other than psycopg, before a transaction's first statement."""
    actor = current()
    if actor is None:
        return
    raw = connection.connection.dbapi_connection
    autocommit = False
    with contextlib.suppress(NotImplementedError):
        autocommit = raw is not None and connection.dialect.detect_autocommit_setting(raw)
    if autocommit:
        raise PgmaskError(
            "PM106", "no identity can be sent in AUTOCOMMIT with this driver",
            hint="Use a transaction, or the driver psycopg (postgresql+psycopg://).",
        )  # fmt: skip
    mark = {"format": "%s", "pyformat": "%s", "numeric_dollar": "$1", "qmark": "?"}
    style = mark.get(connection.dialect.paramstyle, "$1")
    connection.exec_driver_sql(f"SELECT pgmask.login({style})", (minter.assertion(actor),))


def _state(error: DBAPIError) -> str | None:
    """The SQLSTATE of whatever the driver raised."""
    for name in ("sqlstate", "pgcode"):
        found = getattr(error.orig, name, None)
        if found:
            return str(found)
    return None
