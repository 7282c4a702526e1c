"""Reveal and search in one call: both steps on a connection of their own (B2, B3).

``reveal`` asks for the ticket, commits, and only then brings it, so that what was shown is on
record whatever becomes of the application's own transaction. It never uses a connection on which
the application works. Reveal asks for the grade ``challenge``, which holds for one transaction:
there are two challenges, and two answers by the application's issuer. A person with a database
login of his own needs no issuer.

Nothing here writes a value anywhere; keep what comes back out of logs and caches.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import Actor, current
from pgmask.integrations.issuer import Minter

Connect = str | Callable[[], psycopg.Connection[Any]]
AsyncConnect = str | Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]

_BEGIN = "BEGIN; SELECT pgmask.challenge()"
_LOGIN = "SELECT pgmask.login(%s)"
_RULE = (
    "SELECT table_id, view_schema, reveal_function, searches, left_today, searches_left_today"
    " FROM pgmask.my_reveals(%s)"
)
_REQUEST = "SELECT pgmask.reveal_request(%s, %s::text[], %s::text[], %s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """One record. row: in the shape of the view, complete in ``columns`` and masked elsewhere;
    ticket: its number on record; left_today: how many more reveals this person has today.

    ``repr`` names no value.
    """

    row: Mapping[str, Any] = field(repr=False)
    columns: tuple[str, ...]
    ticket: UUID
    left_today: int | None

    @property
    def values(self) -> dict[str, Any]:
        """The columns that were asked for, complete."""
        return {name: self.row[name] for name in self.columns}


def reveal(
    connect: Connect,
    table: str,
    key: object | Sequence[object],
    columns: Sequence[str] = (),
    purpose: str = "",
    reference: str | None = None,
    *,
    minter: Minter | None = None,
    actor: Actor | None = None,
) -> Revealed:
    """The complete values of one record, after they are on record.

    connect: a DSN, or what gives a psycopg connection of its own, which is closed afterwards;
    table: as the application knows it (``crm.customer``); key: the primary key, a sequence where it
    has several columns; columns: none for all that the profile may reveal; purpose, reference: why,
    and the key of the business case; minter: the application's issuer, None for a person's own
    database login; actor: who is asking, ``acting_as`` when it is not given.

    Raises psycopg.Error with the server's code (PM101..PM103, PM401..PM419), PgmaskError PM104
    where a minter is given and nobody is acting.
    """
    asked = _Asked.of(table, key, columns, purpose, reference, minter, actor)
    with _own(connect) as connection:
        with _transaction(connection, asked):
            rules = connection.execute(_RULE, (table,))
            request = connection.execute(_REQUEST, asked.request)
            connection.execute("COMMIT")
        rule, ticket = rules.fetchone(), _value(request.fetchone())
        with _transaction(connection, asked):
            found = connection.execute(_second(rule), (ticket,))
            names = connection.execute("SELECT columns FROM pgmask.my_ticket(%s)", (ticket,))
            after = connection.execute(_RULE, (table,))
            connection.execute("COMMIT")
        return _revealed(found.fetchone(), names.fetchone(), after.fetchone(), ticket)


async def areveal(
    connect: AsyncConnect,
    table: str,
    key: object | Sequence[object],
    columns: Sequence[str] = (),
    purpose: str = "",
    reference: str | None = None,
    *,
    minter: Minter | None = None,
    actor: Actor | None = None,
) -> Revealed:
    """``reveal`` for asyncio."""
    asked = _Asked.of(table, key, columns, purpose, reference, minter, actor)
    connection = await _aown(connect)
    try:
        login = await _abegin(connection, asked)
        async with connection.pipeline():
            if login is not None:
                await connection.execute(_LOGIN, (login,), prepare=False)
            rules = await connection.execute(_RULE, (table,))
            request = await connection.execute(_REQUEST, asked.request)
            await connection.execute("COMMIT")
        rule, ticket = await rules.fetchone(), _value(await request.fetchone())
        login = await _abegin(connection, asked)
        async with connection.pipeline():
            if login is not None:
                await connection.execute(_LOGIN, (login,), prepare=False)
            found = await connection.execute(_second(rule), (ticket,))
            names = await connection.execute("SELECT columns FROM pgmask.my_ticket(%s)", (ticket,))
            after = await connection.execute(_RULE, (table,))
            await connection.execute("COMMIT")
        return _revealed(
            await found.fetchone(), await names.fetchone(), await after.fetchone(), ticket
        )
    finally:
        await connection.close()


def search(
    connect: Connect,
    table: str,
    column: str,
    value: str,
    *,
    minter: Minter | None = None,
    actor: Actor | None = None,
) -> list[dict[str, Any]]:
    """The caller's rows whose complete value is this one, masked as the view shows them.

    connect, table, minter, actor: as ``reveal``; the actor's purpose is recorded. One search is
    counted and noted before it answers. Raises as ``reveal``, PM419 where the profile does not
    search this column, PM415 where the value is not one of its kind.
    """
    asked = _Asked.of(table, (), (), "", None, minter, actor)
    with _own(connect) as connection:
        with _transaction(connection, asked):
            rules = connection.execute(_RULE, (table,))
        query = _by(rules.fetchone(), column)
        found = connection.execute(query, (value,)).fetchall()
        connection.execute("COMMIT")
        return list(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    request: tuple[Any, ...]
    minter: Minter | None
    actor: Actor | None

    @classmethod
    def of(
        cls, table: str, key: object, columns: Sequence[str], purpose: str,
        reference: str | None, minter: Minter | None, actor: Actor | None,
    ) -> _Asked:  # fmt: skip
        several = isinstance(key, Sequence) and not isinstance(key, str | bytes)
        parts = [str(part) for part in key] if several else [str(key)]  # type: ignore[attr-defined]
        actor = actor or current()
        if minter is not None and actor is None:
            raise PgmaskError("PM104", "nobody is acting: complete values are for a person")
        if actor is not None and purpose:
            actor = actor.for_purpose(purpose)
        return cls(
            request=(table, parts, list(columns), purpose, reference), minter=minter, actor=actor
        )

    def login(self, challenge: Any) -> str | None:
        """The answer to the challenge; None for a database login of the person's own."""
        if self.minter is None or self.actor is None:
            return None
        return self.minter.answer(self.actor, str(challenge))


@contextmanager
def _own(connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    made: Any = psycopg.connect(connect) if isinstance(connect, str) else connect()
    try:
        made.autocommit, made.row_factory = True, dict_row
        made.prepare_threshold = None
        yield made
    finally:
        made.close()


async def _aown(connect: AsyncConnect) -> psycopg.AsyncConnection[Any]:
    made: Any
    if isinstance(connect, str):
        made = await psycopg.AsyncConnection.connect(connect)
    else:
        made = await connect()
    await made.set_autocommit(True)
    made.row_factory = dict_row
    made.prepare_threshold = None
    connection: psycopg.AsyncConnection[Any] = made
    return connection


@contextmanager
def _transaction(connection: psycopg.Connection[Any], asked: _Asked) -> Iterator[None]:
    """BEGIN and the challenge in one message; the login and whatever follows in the next."""
    cursor = connection.execute(_BEGIN)
    cursor.nextset()
    login = asked.login(_value(cursor.fetchone()))
    with connection.pipeline():
        if login is not None:
            connection.execute(_LOGIN, (login,), prepare=False)
        yield


async def _abegin(connection: psycopg.AsyncConnection[Any], asked: _Asked) -> str | None:
    cursor = await connection.execute(_BEGIN)
    cursor.nextset()
    return asked.login(_value(await cursor.fetchone()))


def _value(row: Mapping[str, Any] | None) -> Any:
    return None if row is None else next(iter(row.values()))


def _second(rule: Mapping[str, Any] | None) -> sql.Composed:
    if rule is None or rule["reveal_function"] is None:
        raise PgmaskError("PM419", "the profile reveals nothing of this table")
    name = sql.Identifier(rule["view_schema"], rule["reveal_function"])
    return sql.SQL("SELECT * FROM {}(%s)").format(name)


def _by(rule: Mapping[str, Any] | None, column: str) -> sql.Composed:
    if rule is None or column not in (rule["searches"] or {}):
        raise PgmaskError("PM419", f"the profile does not search column {column} of this table")
    name = sql.Identifier(rule["view_schema"], rule["searches"][column])
    return sql.SQL("SELECT * FROM {}(%s)").format(name)


def _revealed(
    row: Mapping[str, Any] | None, names: Mapping[str, Any] | None,
    rule: Mapping[str, Any] | None, ticket: UUID,
) -> Revealed:  # fmt: skip
    if row is None or names is None:
        raise PgmaskError("PM407", "the row is no longer there")
    return Revealed(
        row=dict(row), columns=tuple(names["columns"]), ticket=ticket,
        left_today=None if rule is None else rule["left_today"],
    )  # fmt: skip
