"""Install and upgrade the runtime: Alembic revisions that run frozen, hand-written SQL.

Everything happens in one transaction under one lock: of twenty installs at once one does the work
and the others find it done. No superuser is needed (see ``sql/00_preflight.sql`` for what is).
"""

from __future__ import annotations

import contextlib
import io
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from pgmask.errors import REGISTRY, PgmaskError, ServerError
from pgmask.resources import migrations_dir
from pgmask.runtime.frozen import frozen
from pgmask.server.connect import connect, require_dsn

VERSION_SCHEMA: Final = "pgmask_private"
VERSION_TABLE: Final = "alembic_version"

_LOCK: Final = 0x70676D61736B  # "pgmask"
_ATTEMPTS: Final = 5
_REMEMBER: Final = """
UPDATE pgmask_private.runtime_object AS o
   SET hash = n.hash
  FROM pgmask_private.runtime_now() AS n
 WHERE n.kind = o.kind AND n.identity = o.identity AND n.hash <> o.hash;
"""
_RECORD: Final = """
SELECT pgmask_private.record_activity(
  'command', 'install',
  pg_catalog.jsonb_build_object('of', 'install', 'was', %s::text, 'revision', %s::text))
"""
_ALEMBIC: Final = threading.Lock()
"""Alembic keeps its context in a global of the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What an install or upgrade found and did.

    revision: the runtime's revision now; was: before, None when there was no runtime;
    token_key_made: whether a missing token key was made (after a restore there is none).
    """

    revision: str
    was: str | None
    token_key_made: bool = False

    @property
    def changed(self) -> bool:
        """Whether this call did anything."""
        return self.revision != self.was or self.token_key_made


def head() -> str:
    """The newest revision this program carries."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None  # noqa: S101  a package without revisions does not exist
    return found


def prologue() -> tuple[str, ...]:
    """What runs before the first revision of every install and upgrade, in its transaction.

    Names resolve in pg_catalog only, strings mean what they say, one session at a time; then the
    pre-flight check, and the schema of Alembic's table.
    """
    settings = "; ".join(
        f"SET LOCAL {name} = {value}"
        for name, value in (
            ("search_path", "pg_catalog, pg_temp"),
            ("standard_conforming_strings", "on"),
            ("check_function_bodies", "on"),
            ("client_min_messages", "warning"),
            ("lock_timeout", "'60s'"),
        )
    )
    preflight = (migrations_dir() / "sql" / head() / "00_preflight.sql").read_text("utf-8")
    return (
        f"{settings};",
        f"SELECT pg_catalog.pg_advisory_xact_lock({_LOCK});",
        preflight,
        f"CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA};",
    )


def run_frozen(revision: str, digest: str) -> None:
    """Run, or print when Alembic prints, the frozen SQL of a revision, file by file in name order.

    Raises InternalError (PM901) when the files are not those the revision was made with.
    """
    files = frozen(revision, digest)
    migration = context.get_context()
    if migration.as_sql:
        for name, text in files:
            migration.impl.static_output(f"-- {name}\n{text}")
        return
    connection = migration.connection
    assert connection is not None  # noqa: S101  online mode has one
    for name, text in files:
        try:
            run_script(connection, text)
        except psycopg.Error as error:
            error.add_note(name)
            raise


def run_script(connection: Connection, text: str) -> None:
    """Run several statements in the connection's transaction, as they stand: no parameters."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)  # noqa: S101  the engine is over psycopg
    connection.exec_driver_sql("SELECT 1")  # lets SQLAlchemy begin its transaction first
    raw.execute(text.encode())


def connect_engine(dsn: str) -> Engine:
    """An SQLAlchemy engine over psycopg that keeps no connection."""
    return create_engine(
        "postgresql+psycopg://", creator=lambda: connect(require_dsn(dsn)), poolclass=NullPool
    )


def state(dsn: str) -> str | None:
    """The revision installed in a database, None when there is none.

    Raises ServerError (PM020) when the server cannot be reached.
    """
    with connect(dsn, autocommit=True) as connection:
        return installed_revision(connection)


def install(dsn: str, *, dry_run: bool = False) -> Installed:
    """Install the runtime, or find it installed.

    dry_run: do everything in a transaction that is rolled back.
    Raises ServerError PM020 (no connection), PM023..PM029 (pre-flight, self-check; nothing is
    changed), PM027 when the database is at another revision than this program.
    """
    was = state(dsn)
    if was is not None and was != head():
        raise ServerError(
            "PM027",
            f"this database is at revision {was}, this program at {head()}",
            hint="pgmask upgrade" if was < head() else "Use a newer pgmask.",
        )
    return _run(dsn, dry_run=dry_run)


def upgrade(dsn: str, *, dry_run: bool = False) -> Installed:
    """Bring an installed runtime to this program's revision.

    Raises ServerError PM027 when there is none, or a newer one than this program; else as
    ``install``.
    """
    was = state(dsn)
    if was is None:
        raise ServerError("PM027", "there is no runtime in this database", hint="pgmask install")
    if was > head():
        raise ServerError(
            "PM027",
            f"this database is at revision {was}, newer than this program's {head()}",
            hint="Use a newer pgmask.",
        )
    return _run(dsn, dry_run=dry_run)


def script(*, since: str | None = None) -> str:
    """The SQL that brings a database from a revision (None: no runtime) to this program's."""
    out = io.StringIO()
    config = _config(out)
    with _ALEMBIC:
        command.upgrade(config, f"{since}:head" if since else "head", sql=True)
    return out.getvalue()


def _config(out: io.StringIO | None = None) -> Config:
    # Alembic would print its own progress on stdout, which is for data.
    config = Config(output_buffer=out, stdout=io.StringIO())
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def installed_revision(connection: psycopg.Connection[Any]) -> str | None:
    """The revision installed in the connection's database, None when there is none.

    Raises ServerError PM026 when this login may not see it.
    """
    table = f"{VERSION_SCHEMA}.{VERSION_TABLE}"
    try:
        known = connection.execute("SELECT pg_catalog.to_regclass(%s)", (table,)).fetchone()
        if known is None or known[0] is None:
            return None
        row = connection.execute(f"SELECT version_num FROM {table}".encode()).fetchone()  # noqa: S608
    except psycopg.errors.InsufficientPrivilege:
        raise ServerError(
            "PM026",
            "this login may not see which revision is installed",
            hint="Use the login that installed pgmask; it is a member of pgmask_owner.",
        ) from None
    return None if row is None else str(row[0])


def _run(dsn: str, *, dry_run: bool) -> Installed:
    engine = connect_engine(dsn)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with _errors(), engine.connect() as connection, connection.begin() as transaction:
                result = _migrate(connection)
                if dry_run:
                    transaction.rollback()
                return result
        except _Busy:
            # Roles are cluster-wide: an install in another database changed the same one.
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.2 * attempt)
    raise AssertionError  # unreachable: the loop returns or raises


def _migrate(connection: Connection) -> Installed:
    connection.exec_driver_sql("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (_LOCK,))
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)  # noqa: S101  the engine is over psycopg
    was = installed_revision(raw)
    config = _config()
    config.attributes["connection"] = connection
    with _ALEMBIC:
        command.upgrade(config, "head")
    made = connection.exec_driver_sql("SELECT pgmask_private.ensure_token_key()").scalar_one()
    connection.exec_driver_sql("SELECT pgmask_private.ensure_audit_key()")
    connection.exec_driver_sql("SELECT pgmask_private.ensure_counters()")
    restored = bool(made) and was is not None
    if restored:
        # The server writes some definitions in other words once they were dumped and restored.
        run_script(connection, _REMEMBER)
    if was is not None and (was != head() or restored):
        # What the seal finds changed after it, whoever verifies looks for here.
        connection.exec_driver_sql(_RECORD, (was, head()))
    return Installed(revision=head(), was=was, token_key_made=restored)


class _Busy(ServerError):
    """Another session of the cluster changed the same role at the same moment."""


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Turn the server's errors during an install into ours; their texts hold no data."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        origin = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(origin, psycopg.Error):
            raise
        message = origin.diag.message_primary or type(origin).__name__
        if re.search(r"tuple concurrently (updated|deleted)", message):
            raise _Busy("PM029", "roles of pgmask are being changed by another install") from None
        if isinstance(origin, psycopg.errors.LockNotAvailable):
            raise ServerError(
                "PM027",
                "another session is installing or upgrading and did not finish in a minute",
                hint="Look for it in pg_stat_activity, then repeat.",
            ) from None
        code = origin.sqlstate or ""
        if code in REGISTRY:
            raise ServerError(
                code,
                message,
                detail=origin.diag.message_detail or "",
                hint=origin.diag.message_hint or "",
            ) from None
        if isinstance(origin, psycopg.errors.InsufficientPrivilege):
            raise ServerError(
                "PM026", "the login lacks a right", detail=message,
                hint="Nothing was changed. Have that object's owner or a superuser give the right,"
                " then run pgmask install again.",
            ) from None  # fmt: skip
        notes = getattr(error, "__notes__", [])
        raise PgmaskError(
            "PM901",
            f"{notes[0] if notes else 'the installation'}: {message} (SQLSTATE {code})",
            detail=origin.diag.message_detail or "",
        ) from error


__all__ = [
    "VERSION_SCHEMA",
    "VERSION_TABLE",
    "Installed",
    "connect_engine",
    "head",
    "install",
    "installed_revision",
    "prologue",
    "run_frozen",
    "run_script",
    "script",
    "state",
    "upgrade",
]
