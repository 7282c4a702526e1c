"""PgBouncer in transaction mode before a server of the tests, as applications meet it.

It refuses to run as root, so it runs under the server's account, on a unix socket (and, for drivers
that know no other, on a TCP port of the loopback interface where one is given), with two
server connections per database and login: any two clients soon share one.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo

from tests.actors import ACTORS, password
from tests.harness import Database, Server

PROGRAM: Final = Path("/usr/sbin/pgbouncer")
PORT: Final = 6432  # of the socket's name only
_INI: Final = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = {listen}
listen_port = {pooled}
unix_socket_dir = {folder}
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
logfile = {folder}/pgbouncer.log
log_connections = 0
log_disconnections = 0
"""


class Pooler:
    """A running PgBouncer.

    size: server connections per database and login; tcp: a free port to listen on besides.
    """

    def __init__(self, server: Server, *, size: int = 2, tcp: int | None = None) -> None:
        self.server, self.size, self.port = server, size, tcp or PORT
        self.listen = "127.0.0.1" if tcp else ""
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        account = self.server.cluster.account
        folder = self._folder = Path(tempfile.mkdtemp(prefix="pgb-"))
        users = folder / "users.txt"
        users.write_text("".join(f'"{a.name}" "{password(a.name)}"\n' for a in ACTORS), "utf-8")
        users.chmod(0o600)
        ini = folder / "pgbouncer.ini"
        ini.write_text(
            _INI.format(
                host=self.server.cluster.socket_dir, port=self.server.cluster.port,
                pooled=self.port, listen=self.listen, folder=folder, size=self.size,
            ),
            "utf-8",
        )  # fmt: skip
        for path in (users, ini, folder):
            account.own(path)
        switch: dict[str, Any] = (
            {"user": account.uid, "group": account.gid, "extra_groups": []}
            if account.switch
            else {}
        )
        self._process = subprocess.Popen(
            [str(PROGRAM), "-q", str(ini)], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **switch,
        )  # fmt: skip
        socket = folder / f".s.PGSQL.{self.port}"
        for _ in range(500):
            if socket.exists():
                return
            assert self._process.poll() is None, "pgbouncer ended at once"
            time.sleep(0.01)
        raise AssertionError("pgbouncer does not answer")

    def stop(self) -> None:
        """Stop it and remove its files."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        if self._folder is not None:
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()

    def dsn(self, database: Database, user: str, **options: Any) -> str:
        """The DSN of a login through the pooler."""
        assert self._folder is not None
        parts: dict[str, Any] = {
            "host": str(self._folder), "port": self.port, "user": user, "password": password(user),
            "dbname": database.name,
        }  # fmt: skip
        return make_conninfo("", **(parts | options))

    def servers(self, database: Database, user: str) -> int:
        """How many server connections it holds for this database and login."""
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_catalog.pg_stat_activity"
                " WHERE datname = %s AND usename = %s",
                (database.name, user),
            ).fetchone()
        assert row is not None
        return int(row[0])
