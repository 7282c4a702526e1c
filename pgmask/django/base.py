"""The engine: Django's PostgreSQL backend, told who is asking.

``OPTIONS`` of its own, beside those of Django's backend:

``pgmask_issuer_key``  the issuer's key file (``pgmask issuer add --out``). Without it the alias
                       sends no identity and works by its own database login: the alias for
                       migrations, a nightly job
``pgmask_login``       the login that PostgreSQL sees, where it is another than USER (a pooler that
                       maps logins)
``pgmask_database``    the database's name in PostgreSQL, where a pooler gives it another
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from pgmask.django import checks as checks  # registers the system checks
from pgmask.django.cursors import Cursor, ServerBindingCursor
from pgmask.django.features import DatabaseFeatures
from pgmask.django.identity import Identity
from pgmask.django.introspection import DatabaseIntrospection
from pgmask.django.operations import DatabaseOperations
from pgmask.django.schema import DatabaseSchemaEditor
from pgmask.integrations.issuer import Minter

OPTIONS: Final = ("pgmask_issuer_key", "pgmask_login", "pgmask_database")


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """One connection of one thread, as ``django.db.connections[alias]`` gives it."""

    display_name = "PostgreSQL under pgmask"
    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures
    introspection_class = DatabaseIntrospection
    ops_class = DatabaseOperations

    def __init__(self, settings_dict: dict[str, Any], *args: Any, **options: Any) -> None:
        if not is_psycopg3:
            raise ImproperlyConfigured("pgmask.django needs psycopg 3, not psycopg2.")
        # A cursor that outlives its statement outlives the identity in autocommit.
        settings_dict.setdefault("DISABLE_SERVER_SIDE_CURSORS", True)
        super().__init__(settings_dict, *args, **options)
        self.pgmask = Identity(None)
        self.migration: DatabaseSchemaEditor | None = None

    def get_connection_params(self) -> dict[str, Any]:
        """As Django's, without the options that are ours and with our cursors."""
        params: dict[str, Any] = super().get_connection_params()
        for name in OPTIONS:
            params.pop(name, None)
        binding = self.settings_dict["OPTIONS"].get("server_side_binding") is True
        given = params["cursor_factory"]
        if given in (postgresql.Cursor, postgresql.ServerBindingCursor):
            params["cursor_factory"] = ServerBindingCursor if binding else Cursor
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As Django's. Raises PM105 where the issuer's key cannot be used."""
        options = self.settings_dict["OPTIONS"]
        path = options.get("pgmask_issuer_key")
        minter = None
        if path and self.settings_dict["NAME"] is not None:
            minter = Minter(Path(path), "", "")
        connection = super().get_new_connection(conn_params)
        if minter is not None:
            # As libpq has resolved them: NAME and USER may come from a service file.
            minter.login = options.get("pgmask_login") or connection.info.user
            minter.database = options.get("pgmask_database") or connection.info.dbname
        self.pgmask = Identity(minter)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """As Django's; a named cursor lives in a transaction, so it needs ``atomic()``."""
        if name:
            self.pgmask.settle(self.connection, "a server-side cursor")
        cursor = super().create_cursor(name)
        if not name:
            cursor.engine = self
        return cursor

    def before_statement(self, statement: str, params: Any = None) -> None:
        """In a migration, detach the protected tables that this statement names."""
        if self.migration is not None:
            self.migration.open_windows(statement, params)

    def _commit(self) -> Any:
        """COMMIT, and in the same round trip CLOSE ALL: a cursor WITH HOLD outlives its person."""
        connection = self.connection
        if connection is None or not self.pgmask.logged_in(connection):
            return super()._commit()
        with self.wrap_database_errors, connection.pipeline():
            postgresql.Database.Cursor(connection).execute("CLOSE ALL")
            return connection.commit()
