"""psycopg, sync and async: connections that log in whoever is acting, at no extra round trip.

``Connection`` and ``AsyncConnection`` are psycopg's own with one more argument, ``minter``; they
fit a ``psycopg_pool`` by ``connection_class=Connection, kwargs={"minter": minter}``. The first
statement of a transaction travels in one message with BEGIN and ``SELECT pgmask.login($1)``; in
autocommit the statement and its login are one implicit transaction. Whoever is acting comes from
``pgmask.acting_as``; where nobody is, nothing is sent and PostgreSQL answers PM101.

What the helper believes about a transaction only saves round trips. Where it is wrong, because SQL
ended the transaction or rolled back to before the login, the server refuses (PM101, PM103).

COMMIT and ROLLBACK carry ``CLOSE ALL``, so that no cursor WITH HOLD, whose rows were fetched for
this person, stays on a connection that a pool or PgBouncer gives to the next one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import psycopg
from psycopg import generators, pq
from psycopg.errors import DeadlockDetected, SerializationFailure, error_from_result
from psycopg.rows import Row, tuple_row

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import Actor, current
from pgmask.integrations.issuer import Minter

if TYPE_CHECKING:
    from psycopg._connection_base import BaseConnection
    from psycopg.abc import Params, PQGen
    from psycopg.pq.abc import PGresult

    _Base = BaseConnection[Any]
else:
    _Base = object

T = TypeVar("T")

# Always unnamed: injected SQL could put another statement in the place of a prepared one and read
# the next person's assertion.
_LOGIN: Final = b"SELECT pgmask.login($1)"
_CLOSE_ALL: Final = b"CLOSE ALL"
_IDLE: Final = pq.TransactionStatus.IDLE
_INTRANS: Final = pq.TransactionStatus.INTRANS
_ENDS: Final = (b"COMMIT", b"ROLLBACK")
RETRIED: Final = (SerializationFailure, DeadlockDetected)
"""Errors after which the same transaction may succeed: SQLSTATE 40001 and 40P01."""


class _Identity(_Base):
    """What both kinds of connection share, written as psycopg's own generators.

    Every statement of every kind of cursor passes ``_start_query``, and every BEGIN, COMMIT and
    ROLLBACK of psycopg passes ``_exec_command``. Should a release of psycopg no longer call them,
    no login is sent and every statement fails closed.
    """

    minter: Minter
    _actor: Actor | None = None  # who is logged in to this transaction, as far as is known
    _sure: bool = True  # False once a statement may have undone the login
    _begun: bool = False  # a transaction of ours has not been seen to end

    def _login_is_due(self) -> bool:
        """Whether the next statement would have to bring a login along."""
        actor = current()
        if actor is None or self._pipeline is not None:
            return False
        if self.pgconn.transaction_status == _IDLE:
            return True
        return actor != self._actor or not self._sure

    def _start_query(self) -> PQGen[None]:
        status, pipeline = self.pgconn.transaction_status, self._pipeline
        if status == _IDLE and pipeline is None:
            self._actor, self._sure = None, True
        actor = current()
        if actor is None:
            if self._actor is not None:
                raise PgmaskError("PM104", "nobody is acting, and the transaction is somebody's")
            yield from super()._start_query()
            return
        if self._autocommit and not self._num_transactions and status != _INTRANS:
            # One implicit transaction up to the next Sync: each statement brings its login.
            if pipeline is None:
                raise PgmaskError("PM106", "no identity can be sent with this in autocommit")
            self._queue(_LOGIN, self._assertion(actor))
        elif status == _IDLE and not self._autocommit:
            self._begun = True
            if pipeline is None:
                yield from self._begin_as(actor)
            else:
                self._queue(self._get_tx_start_command())
                self._queue(_LOGIN, self._assertion(actor))
        elif actor != self._actor or not self._sure:
            if pipeline is None:
                yield from self._log_in(actor)
            else:
                self._queue(_LOGIN, self._assertion(actor))
        self._actor, self._sure = actor, True

    def _exec_command(
        self, command: Any, result_format: pq.Format = pq.Format.TEXT
    ) -> PQGen[PGresult | None]:
        if command in _ENDS:
            self._actor, self._sure, self._begun = None, True, False
            if self._pipeline is None:
                return (yield from self._end(command))
            yield from super()._exec_command(command)
            command = _CLOSE_ALL
        elif isinstance(command, bytes):
            if command.startswith(b"ROLLBACK TO"):
                self._sure = False
            elif command == self._get_tx_start_command():
                self._actor, self._sure, self._begun = None, True, True
        return (yield from super()._exec_command(command, result_format))

    def _commit_gen(self) -> PQGen[None]:
        yield from super()._commit_gen()
        yield from self._sweep()

    def _rollback_gen(self) -> PQGen[None]:
        yield from super()._rollback_gen()
        yield from self._sweep()

    def _sweep(self) -> PQGen[None]:
        """Close what is left where a statement, not psycopg, has ended the transaction."""
        if self._begun and self.pgconn.transaction_status == _IDLE:
            self._begun = False
            yield from super()._exec_command(_CLOSE_ALL)

    def _end(self, command: bytes) -> PQGen[PGresult]:
        """End the transaction and close what outlives it, in one message."""
        self._check_connection_ok()
        self.pgconn.send_query(command + b"; " + _CLOSE_ALL)
        return (yield from self._answers())[0]

    def _log_in(self, actor: Actor) -> PQGen[None]:
        self.pgconn.send_query_params(_LOGIN, [self._assertion(actor)])
        yield from self._answers()

    def _begin_as(self, actor: Actor) -> PQGen[None]:
        """BEGIN and the login in one message, where the statement itself cannot ride along."""
        pgconn, failed = self.pgconn, None
        assertion = self._assertion(actor)
        pgconn.enter_pipeline_mode()
        try:
            pgconn.send_query_params(self._get_tx_start_command(), None)
            pgconn.send_query_params(_LOGIN, [assertion])
            pgconn.pipeline_sync()
            yield from generators.send(pgconn)
            for _ in range(3):
                for result in (yield from generators.fetch_many(pgconn)):
                    if failed is None and result.status == pq.ExecStatus.FATAL_ERROR:
                        failed = error_from_result(result, encoding=pgconn._encoding)
        finally:
            if pgconn.status == pq.ConnStatus.OK:
                pgconn.exit_pipeline_mode()
        if failed is not None:
            raise failed

    def _answers(self) -> PQGen[list[PGresult]]:
        results: list[PGresult] = yield from generators.execute(self.pgconn)
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise error_from_result(result, encoding=self.pgconn._encoding)
        return results

    def _queue(self, statement: bytes, value: bytes | None = None) -> None:
        pipeline = self._pipeline
        if pipeline is None:
            raise psycopg.ProgrammingError("the connection is not in pipeline mode")
        values = None if value is None else [value]
        pipeline.command_queue.append(partial(self.pgconn.send_query_params, statement, values))
        pipeline.result_queue.append(None)

    def _assertion(self, actor: Actor) -> bytes:
        return self.minter.assertion(actor).encode("ascii")

    def _note(self, tag: bytes | None) -> None:
        """Notice a transaction command that came as a statement."""
        if tag in (b"ROLLBACK", b"COMMIT", b"BEGIN", b"START TRANSACTION"):
            self._sure = False
            self._begun = True


class Cursor(psycopg.Cursor[Row]):
    """psycopg's cursor; ``execute`` sends the login in the same message where one is due."""

    _conn: Connection[Any]

    def execute(  # psycopg's two overloads, in one
        self,
        query: Any,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        """As psycopg's; PM104 where the transaction is somebody's and nobody is acting."""
        conn = self._conn
        if conn._login_is_due():
            with conn.lock, conn._pipeline_nolock():
                if _may_be_many(query, params) and not conn.autocommit:
                    conn.wait(conn._start_query())
                else:
                    conn.wait(self._execute_gen(query, params, prepare=prepare, binary=binary))
                    return self
        super().execute(query, params, prepare=prepare, binary=binary)
        conn._note(self._statusmessage)
        return self


class AsyncCursor(psycopg.AsyncCursor[Row]):
    """The same for asyncio."""

    _conn: AsyncConnection[Any]

    async def execute(  # psycopg's two overloads, in one
        self,
        query: Any,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        """As psycopg's; PM104 where the transaction is somebody's and nobody is acting."""
        conn = self._conn
        if conn._login_is_due():
            async with conn.lock, conn._pipeline_nolock():
                if _may_be_many(query, params) and not conn.autocommit:
                    await conn.wait(conn._start_query())
                else:
                    await conn.wait(
                        self._execute_gen(query, params, prepare=prepare, binary=binary)
                    )
                    return self
        await super().execute(query, params, prepare=prepare, binary=binary)
        conn._note(self._statusmessage)
        return self


class Connection(_Identity, psycopg.Connection[Row]):
    """psycopg's connection that logs in whoever is acting. ``connect(dsn, minter=...)``."""

    def __init__(self, pgconn: Any, row_factory: Any = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self.cursor_factory = Cursor

    @classmethod
    def connect(cls, conninfo: str = "", *, minter: Minter, **options: Any) -> Self:  # type: ignore[override]
        """As psycopg's, with the application's minter."""
        made = super().connect(conninfo, **options)
        made.minter = minter
        return made

    def run(self, work: Callable[[Self], T], *, attempts: int = 5) -> T:
        """What ``work(connection)`` gives, in a transaction of its own.

        It is run again after SQLSTATE 40001 and 40P01, ``attempts`` times in all: an upsert under
        contention may ask for that. It must do nothing outside the database. Raises
        psycopg.ProgrammingError inside a transaction, where nothing can be repeated.
        """
        _outside(self.info.transaction_status)
        for attempt in range(1, attempts + 1):
            try:
                with self.transaction():
                    return work(self)
            except RETRIED:
                if attempt == attempts:
                    raise
                time.sleep(pause(attempt))
        raise AssertionError("attempts is at least 1")


class AsyncConnection(_Identity, psycopg.AsyncConnection[Row]):
    """The same for asyncio."""

    def __init__(self, pgconn: Any, row_factory: Any = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self.cursor_factory = AsyncCursor

    @classmethod
    async def connect(cls, conninfo: str = "", *, minter: Minter, **options: Any) -> Self:  # type: ignore[override]
        """As psycopg's, with the application's minter."""
        made = await super().connect(conninfo, **options)
        made.minter = minter
        return made

    async def run(self, work: Callable[[Self], Awaitable[T]], *, attempts: int = 5) -> T:
        """As ``Connection.run``, with a coroutine function."""
        _outside(self.info.transaction_status)
        for attempt in range(1, attempts + 1):
            try:
                async with self.transaction():
                    return await work(self)
            except RETRIED:
                if attempt == attempts:
                    raise
                await asyncio.sleep(pause(attempt))
        raise AssertionError("attempts is at least 1")


def _may_be_many(query: Any, params: Params | None) -> bool:
    """Whether the text may hold several statements, which no pipeline takes."""
    return params is None and isinstance(query, str | bytes | psycopg.sql.Composable)


def _outside(status: pq.TransactionStatus) -> None:
    if status != _IDLE:
        raise psycopg.ProgrammingError("run() begins a transaction; one is open already")


def pause(attempt: int) -> float:
    """Seconds before the next attempt; at random, so that two do not meet again."""
    return random.uniform(0, 0.01 * 2**attempt)  # noqa: S311 - no secret
