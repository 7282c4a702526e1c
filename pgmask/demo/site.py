"""Where the demonstration runs: a server, the insurer's database, its people's logins.

On a server of our own a superuser makes one role, ``dba``, and is not needed again. On somebody
else's server (``--dsn``) the given login does what ``dba`` does; everything made there is taken
away at the end: the database and every role that was not there before.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import secrets
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgmask.errors import Refused, ServerError
from pgmask.keyfile import KeyFile
from pgmask.keyfile import write as write_key
from pgmask.runtime.keys import GRANT as KEY_GRANT
from pgmask.server import Binaries, Cluster, connect, create_cluster, find_binaries, open_cluster

DATABASE: Final = "insurer"
BEFORE: Final = "insurer_before"
AFTER: Final = "insurer_after"
OWNER: Final = "crm_owner"
"""The role that owns the application's schema; nobody logs in as it."""
APPLICATION: Final = "crm_app"
"""The login of the application's connection pool."""
BACKUP: Final = "nightly"
PEOPLE: Final = (
    "agent_li", "agent_zhao", "agent_qian", "analyst_sun", "auditor_zhou", "service_wu",
    "claims_zheng",
)  # fmt: skip
"""Persons with a database login of their own, as the register names them."""
KEEPER: Final = "record_keeper"
"""Collects and seals the record; a member of the two groups for that, and nothing else."""
READERS: Final = "crm_readers"
"""The group that could read everything until today."""

KEY_LINK: Final = "pgmask.key"
# Old log segments hold what was written before; a recycled one would keep it on disk.
_SETTINGS: Final = {
    "wal_recycle": "off",
    "wal_level": "logical",
    "min_wal_size": "32MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "30min",
    "timezone": "Asia/Shanghai",
}
_LOGINS: Final = (APPLICATION, BACKUP, KEEPER, *PEOPLE)


@dataclass(slots=True, kw_only=True)
class Site:
    """The database of one run.

    dba: login that owns the database, installs and applies; no superuser on a server of our own;
    cluster: the server when it is ours; folder: what is kept beside it, the key file above all.
    """

    dba: str = field(repr=False)
    folder: Path
    cluster: Cluster | None = None
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    def dsn(self, login: str | None = None, *, dbname: str = DATABASE) -> str:
        """The DSN of a person, the application or the backup; of ``dba`` without a name."""
        parts: dict[str, Any] = {"dbname": dbname}
        if login is not None:
            parts |= {"user": login, "password": self.passwords[login]}
        return make_conninfo(self.dba, **parts)

    def connect(
        self, login: str | None = None, *, dbname: str = DATABASE, autocommit: bool = False
    ) -> psycopg.Connection[Any]:
        """A connection as that login. Raises ServerError (PM020)."""
        return connect(self.dsn(login, dbname=dbname), autocommit=autocommit)

    @property
    def key_file(self) -> Path:
        """The key file: outside the data directory, so outside every backup of it."""
        return self.folder / "keys" / "1.key"

    def put_key(self, key: KeyFile) -> tuple[str, str | None]:
        """Write the key file; the provider to register it with, and where the server finds it.

        Our own server reads the file itself, through a link in its data directory: the key is in
        no copy of that directory. Elsewhere it has to be loaded.
        """
        self.key_file.parent.mkdir(mode=0o700)
        write_key(self.key_file, key)
        if self.cluster is None:
            return "loaded", None
        for path in (self.key_file.parent, self.key_file):
            self.cluster.account.own(path)
        (self.cluster.data / KEY_LINK).symlink_to(self.key_file)
        with psycopg.connect(self.cluster.dsn(dbname=DATABASE), autocommit=True) as admin:
            admin.execute(KEY_GRANT.encode())
        return "file", KEY_LINK

    @property
    def binaries(self) -> Binaries:
        """Client programs: the server's own, or the newest found for another server."""
        return self.cluster.binaries if self.cluster is not None else find_binaries()


@contextlib.contextmanager
def own_server(folder: Path | None) -> Iterator[Site]:
    """A server of our own; without a folder all of it is gone afterwards.

    A failure takes a kept one away as well: half a demonstration is of no use.
    """
    cluster = create_cluster(folder, settings=_SETTINGS)
    made = False
    try:
        cluster.start()
        password = secrets.token_urlsafe(16)
        with connect(cluster.dsn(), autocommit=True) as admin:
            _role(admin, "dba", "LOGIN CREATEROLE CREATEDB", password)
        site = Site(
            dba=cluster.dsn(user="dba", password=password),
            folder=cluster.folder,
            cluster=cluster,
        )
        _people(site)
        _database(site)
        yield site
        made = True
    finally:
        if folder is None:
            cluster.stop()
        elif not made:
            cluster.stop()
            shutil.rmtree(cluster.folder, ignore_errors=True)


@contextlib.contextmanager
def other_server(dsn: str, folder: Path, *, keep: bool) -> Iterator[Site]:
    """A database on a server that is there already; it and our roles are dropped at the end.

    Raises Refused (PM035) when a database or role of the demonstration is there already.
    """
    site = Site(dba=dsn, folder=folder)
    with connect(dsn, autocommit=True) as there:
        before = _roles(there)
        taken = sorted(before & {OWNER, READERS, *_LOGINS})
        databases = there.execute(
            "SELECT datname FROM pg_catalog.pg_database WHERE datname = ANY (%s)",
            ([DATABASE, BEFORE, AFTER],),
        ).fetchall()
    if taken or databases:
        names = ", ".join(
            [f"role {name}" for name in taken] + [f"database {d}" for (d,) in databases]
        )
        raise Refused("PM035", f"the demonstration would use what is there already: {names}")
    done = False
    try:
        _people(site)
        _database(site)
        yield site
        done = True
    finally:
        if not (keep and done):
            _remove(site, before)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A private folder for the length of a ``with`` block."""
    with tempfile.TemporaryDirectory(prefix="pgmask-demo-") as name:
        yield Path(name)


def keep_folder() -> Path:
    """Where a kept demonstration lives: PGMASK_DEMO, else a folder of this user.

    Root's home cannot be entered by the account that runs the server, and a unix socket's path
    must be short.
    """
    asked = os.environ.get("PGMASK_DEMO")
    if asked:
        return Path(asked).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/pgmask-demo")
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return state / "pgmask-demo"


def open_kept(folder: Path) -> Site:
    """A kept demonstration, through the passwords of its service file."""
    found = configparser.ConfigParser(interpolation=None)
    found.read(folder / "pg_service.conf", "utf-8")
    dba = make_conninfo("", **dict(found["dba"]))
    return Site(
        dba=dba, folder=folder,
        passwords={name: part["password"] for name, part in found.items() if "password" in part},
    )  # fmt: skip


def stop_kept() -> Path:
    """Stop the kept demonstration and remove its files. Raises ServerError (PM022)."""
    folder = keep_folder()
    if not folder.exists():
        raise ServerError(
            "PM022", f"no demonstration is kept in {folder}",
            hint="There is nothing to stop. pgmask demo --keep keeps one; PGMASK_DEMO says where.",
        )  # fmt: skip
    cluster = open_cluster(folder)
    cluster.stop()
    shutil.rmtree(folder)
    return folder


def write_doors(site: Site) -> Path:
    """Files that let every person in without typing: a service file and a small ``psql``.

    Gives the path of the latter: ``psql agent_li -c 'TABLE crm.customer'``.
    """
    services = site.folder / "pg_service.conf"
    lines = []
    for login in (*_LOGINS, "dba"):
        parts = conninfo_to_dict(site.dsn(None if login == "dba" else login))
        lines.append(f"[{login}]\n" + "".join(f"{k}={v}\n" for k, v in parts.items()))
    _write(services, "\n".join(lines), 0o600)
    assignments = {"PGSERVICEFILE": str(services)}
    if site.binaries.lib is not None:
        assignments["LD_LIBRARY_PATH"] = str(site.binaries.lib)
    shown = " ".join(f"{name}={shlex.quote(value)}" for name, value in assignments.items())
    script = site.folder / "psql"
    _write(
        script,
        "#!/bin/sh\n"
        "# psql as one of the demonstration's logins: psql LOGIN [psql's own options]\n"
        "login=${1:?give a login: agent_li, crm_app, dba, ...}; shift\n"
        f'{shown} exec {shlex.quote(str(site.binaries.bin / "psql"))} "service=$login" "$@"\n',
        0o700,
    )
    return script


def _write(path: Path, text: str, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    path.chmod(mode)


def _people(site: Site) -> None:
    with connect(make_conninfo(site.dba, dbname="postgres"), autocommit=True) as dba:
        _role(dba, OWNER, "NOLOGIN", None)
        _role(dba, READERS, "NOLOGIN", None)
        for login in _LOGINS:
            site.passwords[login] = secrets.token_urlsafe(16)
            _role(dba, login, "LOGIN", site.passwords[login])
        dba.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
        dba.execute(
            sql.SQL("GRANT {} TO {}").format(
                sql.Identifier(READERS), sql.SQL(", ").join(map(sql.Identifier, PEOPLE))
            )
        )


def _database(site: Site) -> None:
    with connect(make_conninfo(site.dba, dbname="postgres"), autocommit=True) as dba:
        dba.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
            sql.Identifier(DATABASE)
        ))  # fmt: skip
    with site.connect() as dba:
        dba.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                sql.Identifier(DATABASE), sql.Identifier(OWNER)
            )
        )


def _role(
    connection: psycopg.Connection[Any], name: str, attributes: str, password: str | None
) -> None:
    secret: sql.Composable = sql.SQL("")
    if password is not None:
        # Hashed here, so that no log of any server can hold it.
        hashed = connection.pgconn.encrypt_password(
            password.encode(), name.encode(), b"scram-sha-256"
        )
        secret = sql.SQL(" PASSWORD {}").format(sql.Literal(hashed.decode()))
    connection.execute(
        sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(name), sql.SQL(attributes)) + secret
    )


def _roles(connection: psycopg.Connection[Any]) -> set[str]:
    return {n for (n,) in connection.execute("SELECT rolname FROM pg_catalog.pg_roles").fetchall()}


def _remove(site: Site, before: set[str]) -> None:
    with connect(make_conninfo(site.dba, dbname="postgres"), autocommit=True) as dba:
        for name in (DATABASE, BEFORE, AFTER):
            dba.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        ours = [
            name
            for name in _roles(dba) - before
            if name.startswith("pgmask_") or name in {OWNER, READERS, *_LOGINS}
        ]
        for name in sorted(ours):
            dba.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
