"""Whose transaction it is: sends the login before a statement, in the same round trip.

The server's word is what counts: an identity ends with its transaction, and a rollback to a
savepoint takes back a login made after it. This module only remembers what it has sent, forgets
whenever that may have become untrue, and then says it again. Nobody acting means that nothing is
sent and the server answers PM101.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import psycopg
from psycopg import capabilities
from psycopg.pq import TransactionStatus

from pgmask.errors import PgmaskError
from pgmask.integrations import acting
from pgmask.integrations.acting import Actor
from pgmask.integrations.issuer import Minter

T = TypeVar("T")
_LOGIN: Final = "SELECT pgmask.login(%s)"
_LOGOUT: Final = "SELECT pg_catalog.set_config('pgmask.token', '', true)"
_FIRST_WORD: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
# What may read or write rows. Everything else goes out as it is; it would be refused, not leak.
_ROWS: Final = frozenset(
    "SELECT INSERT UPDATE DELETE MERGE WITH VALUES TABLE EXPLAIN CALL EXECUTE DECLARE FETCH COPY DO"
    .split()
)  # fmt: skip
# After these the server's idea of the identity is another one than ours.
_ENDS: Final = frozenset({"ROLLBACK", "COMMIT", "ABORT", "END", "PREPARE", "DISCARD", "RESET"})
_NOBODY: Final = (
    "Nobody is acting in this code. Per request: pgmask.django.middleware.PgmaskMiddleware; in"
    " commands, tasks and tests: with pgmask.acting_as(...)."
)
_NO_KEY: Final = (
    "This database alias has no OPTIONS 'pgmask_issuer_key', so it works by its own login, which"
    " the register does not know."
)


class _Unknown:
    """The transaction may hold an identity or none: neither is to be relied on."""


_UNKNOWN: Final = _Unknown()


def first_word(statement: str) -> str:
    """The statement's first word in upper case, past comments and parentheses; '' without one."""
    found = _FIRST_WORD.match(statement)
    return found[1].upper() if found else ""


class Identity:
    """The identity of one connection's open transaction, as far as this side knows.

    minter: signs for the connection's login and database; None where the alias has no issuer key
    and works by its own database login.
    """

    def __init__(self, minter: Minter | None) -> None:
        self.minter = minter
        self._sent: Actor | _Unknown | None = None

    def forget(self) -> None:
        """The transaction's identity may have changed without us."""
        self._sent = _UNKNOWN

    def logged_in(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether the open transaction was given an identity by us."""
        status = connection.pgconn.transaction_status
        return status == TransactionStatus.INTRANS and self._sent is not None

    def run(
        self, connection: psycopg.Connection[Any], statement: str, call: Callable[[], T],
        *, single: bool,
    ) -> T:  # fmt: skip
        """Run ``call``, which executes ``statement``, as whoever acts.

        single: it is one statement that may share a message with the login. Others get it in a
        message before, and in autocommit a transaction around both, as a script of one simple
        message would have. Raises what psycopg raises; PM101 tells where an actor comes from.
        """
        if self.minter is None:
            try:
                return call()
            except psycopg.Error as error:
                raise _told(error, _NO_KEY) from error.__cause__
        status = connection.pgconn.transaction_status
        if status == TransactionStatus.IDLE:
            self._sent = None
        word = first_word(statement)
        actor = acting.current()
        hint = _NOBODY if actor is None else ""
        if status == TransactionStatus.INERROR or self._sent == actor or word not in _ROWS:
            try:
                return call()
            except psycopg.Error as error:
                raise _told(error, hint) from error.__cause__
            finally:
                if word in _ENDS or not single:
                    self.forget()
        try:
            if connection.autocommit and status == TransactionStatus.IDLE:
                # No BEGIN: login and statement are one implicit transaction, up to the Sync.
                around = connection.pipeline() if single and _can_pipeline() else None
                with around or connection.transaction():
                    self._say(connection, actor)
                    return call()
            with _pipeline(connection) if single else contextlib.nullcontext():
                self._say(connection, actor)
                result = call()
            self._sent = actor if single else _UNKNOWN
            return result
        except psycopg.Error as error:
            raise _told(error, hint) from error.__cause__

    def settle(self, connection: psycopg.Connection[Any], what: str) -> None:
        """Log in now, for work that cannot share a message with the login: COPY, a named cursor.

        what: names it for the error. Raises PM440 in autocommit, where the login would be over
        before the work begins.
        """
        if self.minter is None:
            return
        actor = acting.current()
        status = connection.pgconn.transaction_status
        if status == TransactionStatus.IDLE:
            self._sent = None
        if self._sent == actor:
            return
        if connection.autocommit and status == TransactionStatus.IDLE:
            raise PgmaskError("PM440", f"{what} in autocommit")
        self._say(connection, actor)
        self._sent = actor

    def _say(self, connection: psycopg.Connection[Any], actor: Actor | None) -> None:
        # A cursor of psycopg's own, whatever the connection's factory: the assertion must be a
        # bound parameter, for a literal stands in pg_stat_activity and in the log. Never prepared:
        # injected SQL could put another statement in the place of a prepared one.
        cursor = psycopg.Cursor(connection)
        if actor is not None and self.minter is not None:
            cursor.execute(_LOGIN, (self.minter.assertion(actor),), prepare=False)
        else:
            cursor.execute(_LOGOUT, prepare=False)


def _can_pipeline() -> bool:
    return capabilities.has_pipeline()


@contextlib.contextmanager
def _pipeline(connection: psycopg.Connection[Any]) -> Iterator[None]:
    if not _can_pipeline():
        yield
        return
    with connection.pipeline():
        yield


def _told(error: psycopg.Error, hint: str) -> psycopg.Error:
    """PM101 with the way out that a Django developer has; everything else as it is."""
    if error.sqlstate == "PM101" and hint and error.args:
        error.args = (f"{error.args[0]}\n{hint}", *error.args[1:])
    return error
