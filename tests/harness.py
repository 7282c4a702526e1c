"""Clusters and databases for the tests: one cluster per version and worker, one clone per test.

A cluster starts in half a second without fsync, and roles are cluster-wide, so every worker of
pytest-xdist has clusters of its own: tests may create and drop roles and not meet.
"""

from __future__ import annotations

import contextlib
import itertools
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from pytest_postgresql.executors import PostgreSQLExecutor

from pgmask.server.binaries import Binaries, find_binaries
from pgmask.server.cluster import Cluster, create_cluster
from tests import watch
from tests.actors import ACTORS, INSTALLER, SUPERUSER, password

VERSIONS = (15, 18)
Connection = psycopg.Connection[Any]

# Small limits: many databases, few connections, and a lock table the size of a default server's.
_SETTINGS = {
    "max_connections": "60",
    "autovacuum_naptime": "5min",
    "timezone": "Asia/Shanghai",
    "max_prepared_transactions": "5",
    "wal_level": "logical",
    "wal_sender_timeout": "0",
    "wal_keep_size": watch.KEPT,
}
_SHIM = """\
import os, sys
user = {user!r}
if user is not None:
    os.setgroups([]); os.setgid(user[1]); os.setuid(user[0])
os.chdir({cwd!r})
os.execve({program!r}, [{program!r}, *sys.argv[1:]], {environ!r})
"""


# Roles outlive the database of a test: whoever was let in to one of pgmask's own is put out again.
_TAKE_BACK = r"""
DO $$
DECLARE
  v_one record;
BEGIN
  FOR v_one IN
    SELECT r.rolname AS role, m.rolname AS member, g.rolname AS grantor
      FROM pg_auth_members AS a
      JOIN pg_roles AS r ON r.oid = a.roleid
      JOIN pg_roles AS m ON m.oid = a.member
      JOIN pg_roles AS g ON g.oid = a.grantor
     WHERE r.rolname IN ('pgmask_owner', 'pgmask_sealer', 'pgmask_store', 'pgmask_migrator',
                         'pgmask_keyless', 'pgmask_lookup', 'pgmask_recorder', 'pgmask_slots')
       AND m.rolname NOT LIKE 'pgmask\_%' AND m.rolname NOT LIKE 'installer%'
  LOOP
    IF current_setting('server_version_num')::integer >= 160000 THEN
      EXECUTE format('REVOKE %I FROM %I GRANTED BY %I', v_one.role, v_one.member, v_one.grantor);
    ELSE
      EXECUTE format('REVOKE %I FROM %I', v_one.role, v_one.member);
    END IF;
  END LOOP;
END;
$$
"""


class ClusterExecutor(PostgreSQLExecutor):
    """pytest-postgresql's executor around a cluster as pgmask makes it (scram, TLS, account).

    Its ``pg_ctl`` is a two-line script that changes to the server's account, because PostgreSQL
    refuses to run as root, and sets the embedded programs' library path.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        super().__init__(
            executable=str(_shim(cluster)),
            host="127.0.0.1",
            port=cluster.port,
            datadir=str(cluster.data),
            unixsocketdir=str(cluster.socket_dir),
            logfile=str(cluster.log),
            startparams="-w",
            dbname="postgres",
            user=SUPERUSER,
            password=cluster.password,
        )

    def init_directory(self) -> None:
        """Nothing to do: ``create_cluster`` has run initdb."""

    def clean_directory(self) -> None:
        """Remove the whole cluster, its socket and log included."""
        self.cluster.stop()


def _shim(cluster: Cluster) -> Path:
    account = cluster.account
    code = cluster.folder / "pg_ctl.py"
    code.write_text(
        _SHIM.format(
            user=(account.uid, account.gid) if account.switch else None,
            cwd=str(cluster.folder),
            program=str(cluster.binaries.bin / "pg_ctl"),
            environ=cluster.binaries.environ(),
        ),
        "utf-8",
    )
    shim = cluster.folder / "pg_ctl"
    shim.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I {shlex.quote(str(code))} "$@"\n', "utf-8"
    )
    shim.chmod(0o755)
    # The executor opens the log through pg_ctl, which runs under the account.
    cluster.log.touch()
    account.own(cluster.log)
    return shim


class Database:
    """One database of a test server. Connections made through it are closed with it."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self._open: list[Connection] = []

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.server.major

    def dsn(self, user: str = INSTALLER.name, **options: Any) -> str:
        """The DSN of a login; ``installer`` owns the database."""
        return self.server.dsn(user, dbname=self.name, **options)

    def connect(
        self, user: str = INSTALLER.name, *, autocommit: bool = False, **options: Any
    ) -> Connection:
        """A connection as this login; closed at the end of the test."""
        made: Connection = psycopg.connect(self.dsn(user), autocommit=autocommit, **options)
        self._open.append(made)
        return made

    def superuser(self, *, autocommit: bool = True) -> Connection:
        """A connection as superuser: for setting up and for looking, never for the attempt."""
        return self.connect(SUPERUSER, autocommit=autocommit)

    def run(self, statements: str, user: str = INSTALLER.name) -> None:
        """Run a script in one transaction as this login."""
        with psycopg.connect(self.dsn(user)) as connection:
            connection.execute(statements.encode())

    def rows(self, query: str, *values: Any, user: str = INSTALLER.name) -> list[tuple[Any, ...]]:
        """The rows of one query, in a transaction of its own that is rolled back."""
        with psycopg.connect(self.dsn(user)) as connection:
            found = connection.execute(query.encode(), values or None).fetchall()
            connection.rollback()
            return found

    def program(
        self, name: str, *words: str, user: str = INSTALLER.name, given: str | None = None
    ) -> str:
        """What ``pg_dump``, ``pg_restore`` or ``psql`` of the server's version prints for this
        database and login; fails the test with its words when it fails.
        """
        done = self.attempt(name, *words, user=user, given=given)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        return done.stdout

    def attempt(
        self, name: str, *words: str, user: str = INSTALLER.name, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """As ``program``, for one that is expected to fail."""
        return self.server.binaries.run(
            name, "--dbname", self.dsn(user), *words, given=given,
        )  # fmt: skip

    def close(self) -> None:
        """Close every connection that was made through ``connect``."""
        self._close(self._open)

    def spare(self) -> Connection | None:
        """A superuser's connection that is left, as one anew; all others are closed."""
        for one in self._open:
            if one.closed or one.info.transaction_status != TransactionStatus.IDLE:
                continue
            if one.info.user == SUPERUSER:
                with contextlib.suppress(psycopg.Error):
                    one.autocommit = True
                    one.row_factory = tuple_row
                    one.execute("DISCARD ALL")
                    self._close([other for other in self._open if other is not one])
                    return one
        self.close()
        return None

    def _close(self, connections: list[Connection]) -> None:
        for connection in connections:
            with contextlib.suppress(psycopg.Error):
                connection.close()
        self._open = [one for one in self._open if one not in connections]


class Server:
    """A running throw-away cluster of one version with the actors of the tests."""

    def __init__(self, binaries: Binaries) -> None:
        self.binaries = binaries
        self.major = binaries.major
        self.cluster = create_cluster(binaries=binaries, settings=_SETTINGS)
        self.executor = ClusterExecutor(self.cluster)
        self.watch = watch.Watch(self.cluster)
        self._hand: Connection | None = None
        self._numbers = itertools.count(1)
        self._templates: dict[str, Exception | None] = {}
        self.left = False
        """Whether a database was dropped since memberships were last taken back."""
        self._known = {SUPERUSER: self.cluster.password}

    def start(self) -> Self:
        """Start the cluster and create the actors."""
        self.executor.start()
        self.executor.wait_for_postgres()
        for actor in ACTORS:
            self.role(actor.name, actor.attributes)
        with self.admin() as connection:
            self.watch.look_at_messages(connection)
        return self

    def stop(self) -> None:
        """Look at all that is left, stop the cluster and remove its files. Raises watch.Leak."""
        try:
            if self.cluster.running():
                self._last_look()
        finally:
            if self._hand is not None:
                self._hand.close()
            self.executor.stop()
            self.executor.clean_directory()

    def _last_look(self) -> None:
        self.watch.look_at_log()
        with self.admin() as connection:
            names = connection.execute(
                "SELECT datname FROM pg_catalog.pg_database"
                " WHERE datallowconn AND NOT datistemplate"
            ).fetchall()
            for (name,) in names:
                self.watch.look_at_record(self.dsn(dbname=name))
            self.watch.look_at_messages(connection, now=True)

    def role(self, name: str, attributes: str = "") -> None:
        """Create a login with a password the harness knows, unless it exists."""
        with self.admin() as connection:
            exists = connection.execute(
                "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (name,)
            ).fetchone()
            if exists is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                        sql.Identifier(name),
                        sql.SQL(attributes),  # text of the tests only
                        sql.Literal(password(name)),
                    )
                )

    def dsn(self, user: str = SUPERUSER, *, dbname: str = "postgres", **options: Any) -> str:
        """A DSN over the unix socket; ``host="127.0.0.1"`` as an option makes it TCP with TLS."""
        parts: dict[str, Any] = {
            "host": str(self.cluster.socket_dir),
            "port": self.cluster.port,
            "user": user,
            "password": self._known.get(user, password(user)),
            "dbname": dbname,
        }
        return make_conninfo("", **(parts | options))

    def admin(self) -> Connection:
        """A superuser's autocommit connection to the maintenance database."""
        return psycopg.connect(self.dsn(), autocommit=True)

    def _own(self) -> Connection:
        """The harness's own connection as ``admin``: kept, as three a test would take its time."""
        if self._hand is not None:
            with contextlib.suppress(psycopg.OperationalError):
                self._hand.execute("SELECT 1")
                return self._hand
        self._hand = self.admin()
        return self._hand

    def create_database(
        self, *, template: str = "template0", name: str | None = None, owner: str = INSTALLER.name
    ) -> Database:
        """A new database, empty or a copy of a template with its grants and settings."""
        name = name or f"t{next(self._numbers)}"
        connection = self._own()
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY {}").format(
                sql.Identifier(name),
                sql.Identifier(owner),
                sql.Identifier(template),
                # Copying files writes no WAL for every page; without fsync it is the faster.
                sql.SQL("file_copy" if template != "template0" else "wal_log"),
            )
        )
        if template != "template0":
            # CREATE DATABASE copies neither the grants on a database nor its settings.
            connection.execute(
                "UPDATE pg_catalog.pg_database AS d SET datacl = t.datacl"
                " FROM pg_catalog.pg_database AS t WHERE d.datname = %s AND t.datname = %s",
                (name, template),
            )
            connection.execute(
                "INSERT INTO pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)"
                " SELECT d.oid, s.setrole, s.setconfig FROM pg_catalog.pg_database AS d,"
                " pg_catalog.pg_db_role_setting AS s"
                " JOIN pg_catalog.pg_database AS t ON t.oid = s.setdatabase"
                " WHERE d.datname = %s AND t.datname = %s",
                (name, template),
            )
        return Database(self, name)

    def template(self, name: str, fill: Callable[[Database], None]) -> str:
        """The name of a database that ``fill`` made ready, once per cluster, for cloning.

        name: unique among the tests; fill: gets an empty database of ``installer`` and must leave
        no connection behind. A failure is repeated to every test that asks, without trying again.
        """
        if name not in self._templates:
            made = self.create_database(name=name)
            try:
                fill(made)
                self._templates[name] = None
            except Exception as error:
                self._templates[name] = error
            finally:
                made.close()
        failure = self._templates[name]
        if failure is not None:
            raise failure
        return name

    def drop_database(self, database: Database) -> None:
        """Look at its record and drop it, whoever is connected. Raises watch.Leak."""
        try:
            self.watch.look_at_record(self.dsn(dbname=database.name), database.spare())
        finally:
            database.close()
            self._own().execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                    sql.Identifier(database.name)
                )
            )
            self.left = True
            self.watch.look_at_messages(self._own())

    def take_back(self) -> None:
        """Put everybody out of pgmask's own roles whom a test has let in."""
        if self.left:
            self.left = False
            self._own().execute(_TAKE_BACK.encode())

    @contextlib.contextmanager
    def database(self, *, template: str = "template0") -> Iterator[Database]:
        """A database for the length of a ``with`` block."""
        made = self.create_database(template=template)
        try:
            yield made
        finally:
            self.drop_database(made)


class Servers:
    """The clusters of one worker, one per version, started when first asked for.

    They stay up when tests change from one version to the other and back.
    """

    def __init__(self) -> None:
        self._running: dict[int, Server] = {}

    def get(self, major: int) -> Server:
        """The running cluster of this version. Raises pgmask.errors.ServerError."""
        if major not in self._running:
            made = Server(binaries_of(major))
            try:
                self._running[major] = made.start()
            except BaseException:
                made.stop()
                raise
        return self._running[major]

    def take_back(self) -> None:
        """As of each one."""
        for server in self._running.values():
            server.take_back()

    def look_at_logs(self) -> None:
        """As the watch of each one. Raises watch.Leak."""
        for server in self._running.values():
            server.watch.look_at_log()

    def stop(self) -> None:
        """Stop and remove them all."""
        for server in self._running.values():
            server.stop()
        self._running.clear()


def binaries_of(major: int) -> Binaries:
    """The programs of one version. Raises pgmask.errors.ServerError when it is not there."""
    return find_binaries(major)
