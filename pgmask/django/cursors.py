"""The engine's cursors: every statement passes here, and gets the identity of whoever acts.

They are what Django's PostgreSQL backend uses, with ``execute``, ``executemany``, ``copy`` and
``stream`` led through ``identity.Identity``. A cursor that somebody opens on the driver's own
connection has no ``pgmask`` and sends nothing: PM101.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from django.db.backends.postgresql import base as postgresql
from psycopg import sql

from pgmask.django.identity import Identity


class Passing(Protocol):
    """What a cursor asks of its engine before each statement."""

    pgmask: Identity

    def before_statement(self, statement: str, params: Any = None) -> None:
        """Open what a migration needs open for this statement."""


class Guarded:
    """Mixed into the cursors of Django's backend; ``engine`` is set by the engine."""

    engine: Passing | None = None
    connection: Any

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """As psycopg's, after the login of whoever acts."""
        inner: Callable[..., Any] = super().execute  # type: ignore[misc]
        if self.engine is None:
            return inner(query, params, **options)
        text = _text(query, self.connection)
        self.engine.before_statement(text, params)
        # Without parameters a text may be a script of several statements, which one message of
        # the extended protocol cannot carry.
        single = bool(params) or ";" not in text.strip().rstrip(";")
        return self.engine.pgmask.run(
            self.connection, text, lambda: inner(query, params, **options), single=single
        )

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> Any:
        """As psycopg's, after the login of whoever acts; in autocommit all or nothing."""
        inner: Callable[..., Any] = super().executemany  # type: ignore[misc]
        if self.engine is None:
            return inner(query, params_seq, **options)
        text = _text(query, self.connection)
        self.engine.before_statement(text)
        return self.engine.pgmask.run(
            self.connection, text, lambda: inner(query, params_seq, **options), single=False
        )

    def copy(self, statement: Any, *args: Any, **options: Any) -> Any:
        """As psycopg's; PM440 in autocommit while somebody acts."""
        if self.engine is not None:
            self.engine.before_statement(_text(statement, self.connection))
            self.engine.pgmask.settle(self.connection, "COPY")
        return super().copy(statement, *args, **options)  # type: ignore[misc]

    def stream(self, query: Any, *args: Any, **options: Any) -> Any:
        """As psycopg's; PM440 in autocommit while somebody acts."""
        if self.engine is not None:
            self.engine.before_statement(_text(query, self.connection))
            self.engine.pgmask.settle(self.connection, "stream()")
        return super().stream(query, *args, **options)  # type: ignore[misc]


class Cursor(Guarded, postgresql.Cursor):
    """Parameters merged by the client: Django's default."""


class ServerBindingCursor(Guarded, postgresql.ServerBindingCursor):
    """Parameters bound by the server: OPTIONS ``server_side_binding``."""


def _text(query: Any, connection: Any) -> str:
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode("utf-8", "replace")
    if isinstance(query, sql.Composable):
        return query.as_string(connection)
    return str(query)
