"""Migrations: an atomic migration works on the protected tables themselves, in a window.

A protected table is a view where the application looks for it, and DDL is for tables. Before the
first statement of an atomic migration that names a protected table, its views are taken down by
``pgmask.detach_all``; before COMMIT ``pgmask.attach_all`` brings them back and compares every
protection. What a statement names is read from its text, so that ``RunSQL`` and ``RunPython`` have
their windows like any operation; a table that is named without need is only locked.

The store's schema is added to the search path, at its end: a new table of the application stands
where it always would.

A migration with ``atomic = False`` has no window. What PostgreSQL allows on a table under views
works there (CREATE INDEX CONCURRENTLY), by the table's place in the store; it refuses the rest.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresqlSchemaEditor

_LOG: Final = logging.getLogger("pgmask.django")
_TOKEN: Final = re.compile(
    r"""
      '(?:[^']|'')*'                    # a literal: no name
    | \$(\w*)\$.*?\$\1\$                # nor is a dollar-quoted one
    | --[^\n]*                          # nor a comment
    | "((?:[^"]|"")+)"                  # a quoted name
    | ([A-Za-z_\u0080-\uffff][\w$]*)    # a bare one
    """,
    re.VERBOSE | re.DOTALL,
)
_READY: Final = (
    "SELECT coalesce(pg_catalog.has_function_privilege("
    "pg_catalog.to_regprocedure('pgmask.detach_all(text[])'), 'EXECUTE'), false)"
)
_DETACH: Final = (
    "SELECT d.place, n.nspname FROM pgmask.detach_all(%s) AS d (place)"
    " JOIN pg_catalog.pg_class AS c ON c.oid = d.place::regclass"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
)
_PATH: Final = (
    "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ',"
    " nullif(pg_catalog.current_setting('search_path'), ''), pg_catalog.quote_ident(%s)), true)"
)
_PENDING: Final = (
    "SELECT pg_catalog.string_agg("
    "DISTINCT pg_catalog.format('%%I.%%I', n.nspname, k.conname), ', ')"
    " FROM pg_catalog.pg_constraint AS k"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace"
    " JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid"
    " WHERE k.contype = 'f' AND k.condeferrable"
    " AND c.relnamespace::regnamespace::text = ANY (%s)"
    " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
)
_ATTACH: Final = "SELECT * FROM pgmask.attach_all()"


def names_in(statement: str) -> frozenset[str]:
    """Every name and word of a statement outside literals and comments, bare ones in lower case."""
    found = set()
    for match in _TOKEN.finditer(statement):
        if match[2] is not None:
            found.add(match[2].replace('""', '"'))
        elif match[3] is not None:
            found.add(match[3].lower())
    return frozenset(found)


class DatabaseSchemaEditor(PostgresqlSchemaEditor):
    """As PostgreSQL's, with the windows of one migration."""

    deferred_sql: list[Any]

    def __init__(self, connection: Any, *args: Any, **options: Any) -> None:
        super().__init__(connection, *args, **options)
        self._ready: bool | None = None
        self._asked: set[str] = set()
        self._paths: set[str] = set()
        self._open = False

    def __enter__(self) -> DatabaseSchemaEditor:
        entered: DatabaseSchemaEditor = super().__enter__()
        if self.atomic_migration and not self.collect_sql:
            self.connection.migration = self
        return entered

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException:
            # Django's own would leave the transaction open where deferred SQL fails.
            self.connection.migration = None
            super().__exit__(*sys.exc_info())
            raise
        self.connection.migration = None
        super().__exit__(kind, error, trace)

    def open_windows(self, statement: str, params: Any = None) -> None:
        """Detach what the statement names, once per migration. Called before each statement.

        params: looked at where the statement asks the system catalogues, which is how Django finds
        a table's constraints before it changes them.
        """
        names = set(names_in(statement))
        if isinstance(params, Sequence) and ("pg_catalog" in names or "pg_class" in names):
            names.update(p for p in params if isinstance(p, str))
        names -= self._asked
        if not names:
            return
        self._asked |= names
        connection = self.connection.connection
        with self.connection.wrap_database_errors, connection.cursor() as cursor:
            if self._ready is None:
                self._ready = bool(cursor.execute(_READY).fetchone()[0])
            if not self._ready:
                return
            quoted = ['"{}"'.format(n.replace('"', '""')) for n in sorted(names)]
            for _, schema in cursor.execute(_DETACH, (quoted,)).fetchall():
                self._open = True
                if schema not in self._paths:
                    self._paths.add(schema)
                    cursor.execute(_PATH, (schema,))

    def _finish(self) -> None:
        """What Django has deferred, then the views again; what they lack now is said."""
        deferred, self.deferred_sql = self.deferred_sql, []
        for statement in deferred:
            self.execute(statement, None)
        if not self._open:
            return
        connection = self.connection.connection
        with self.connection.wrap_database_errors, connection.cursor() as cursor:
            # Django's foreign keys are deferred, and changed rows leave their checks pending.
            (names,) = cursor.execute(_PENDING, (sorted(self._paths),)).fetchone()
            if names:
                cursor.execute(f"SET CONSTRAINTS {names} IMMEDIATE")
            for row in cursor.execute(_ATTACH).fetchall():
                said = "  ".join(str(part) for part in row if part is not None)
                if said:
                    _LOG.warning("%s", said)
        self._open = False
