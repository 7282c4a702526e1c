"""Making, starting and stopping a PostgreSQL server of our own.

Every server listens on a unix socket and on loopback only, asks for scram passwords, has TLS and
the settings pgmask recommends. Kept ones write durably (fsync, data checksums); throw-away ones do
not, and are removed when they stop.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import make_conninfo

from pgmask.errors import ServerError
from pgmask.server.account import Account, scratch_dir, server_account
from pgmask.server.binaries import Binaries, find_binaries
from pgmask.server.tls import write_certificate

SUPERUSER: Final = "postgres"
_STATE: Final = "server.json"
_PREFIX: Final = "pgmask-"

# What pgmask asks of any server that holds customer information: values travel as parameters,
# and neither parameters nor failed statements may reach the log.
RECOMMENDED: Final[Mapping[str, str]] = {
    "password_encryption": "scram-sha-256",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_error_verbosity": "terse",
}
_THROW_AWAY: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
}
_KEPT: Final[Mapping[str, str]] = {"fsync": "on", "shared_buffers": "128MB"}
_HBA: Final = """\
# Written by pgmask: a password for everybody, on this machine only.
local  all          all                scram-sha-256
host   all          all  127.0.0.1/32  scram-sha-256
host   all          all  ::1/128       scram-sha-256
local  replication  all                scram-sha-256
host   replication  all  127.0.0.1/32  scram-sha-256
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One data directory with what is needed to run it.

    folder: holds ``data``, ``socket``, ``server.log`` and ``server.json`` (the superuser's
    password, mode 0600); keep: whether it outlives its user.
    """

    folder: Path
    binaries: Binaries
    account: Account
    port: int
    password: str = field(repr=False)
    keep: bool

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def socket_dir(self) -> Path:
        """The folder of the unix socket; as ``host`` of a DSN it selects the socket."""
        return self.folder / "socket"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / "server.log"

    def dsn(
        self, *, user: str = SUPERUSER, password: str | None = None, dbname: str = "postgres"
    ) -> str:
        """A DSN over the unix socket, with the password: for connecting, never for printing.

        Print it through ``pgmask.server.redact``.
        """
        if user == SUPERUSER and password is None:
            password = self.password
        return make_conninfo(
            "", host=str(self.socket_dir), port=self.port, user=user, password=password,
            dbname=dbname,
        )  # fmt: skip

    def start(self) -> None:
        """Start the server and wait until it answers. Raises ServerError (PM022)."""
        done = self._pg_ctl("-w", "-t", "60", "-l", str(self.log), "start")
        if done != 0:
            raise ServerError(
                "PM022", "the server did not start", detail=self._last_words(),
                hint=f"Its log: {self.log}",
            )  # fmt: skip

    def stop(self, *, fast: bool = True) -> None:
        """Stop the server if it runs; a throw-away one is removed with all its files."""
        if self.running():
            mode = "fast" if self.keep and fast else "immediate"
            self._pg_ctl("-w", "-t", "60", "-m", mode, "stop")
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def running(self) -> bool:
        """Whether a server runs on the data directory."""
        return (self.data / "PG_VERSION").exists() and self._pg_ctl("status") == 0

    def _pg_ctl(self, *words: str) -> int:
        argv: list[str | Path] = [self.binaries.bin / "pg_ctl", "-D", self.data, *words]
        return self.account.run(argv, environ=self.binaries.environ(), cwd=self.folder).returncode

    def _last_words(self) -> str:
        try:
            return self.log.read_text("utf-8", "replace").strip()[-1500:]
        except OSError:
            return ""


def create_cluster(
    folder: Path | None = None,
    *,
    binaries: Binaries | None = None,
    major: int | None = None,
    settings: Mapping[str, str] | None = None,
) -> Cluster:
    """Make a new data directory: kept in ``folder``, or throw-away when no folder is given.

    settings: further lines for the configuration, stronger than ours. The server is not started.
    Raises ServerError: PM021 no programs, PM022 initdb failed or the place cannot be used.
    """
    account = server_account()
    binaries = binaries or find_binaries(major)
    keep = folder is not None
    if folder is None:
        remove_abandoned()
        folder = scratch_dir(account, _PREFIX)
    else:
        folder = _kept_folder(folder, account)
    cluster = Cluster(
        folder=folder, binaries=binaries, account=account, port=_free_port(),
        password=secrets.token_urlsafe(24), keep=keep,
    )  # fmt: skip
    try:
        _write_state(cluster)
        _initdb(cluster)
        _configure(cluster, settings or {})
    except BaseException:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return cluster


def open_cluster(folder: Path) -> Cluster:
    """A kept cluster made earlier by ``create_cluster``.

    Raises ServerError (PM022) when the folder holds none of ours, or its PostgreSQL is gone.
    """
    folder = folder.resolve()
    try:
        state: dict[str, Any] = json.loads((folder / _STATE).read_text("utf-8"))
        major, port, password = int(state["major"]), int(state["port"]), str(state["password"])
        account = server_account()
        owner = (folder / "data").stat().st_uid
    except (OSError, ValueError, KeyError) as error:
        raise ServerError("PM022", f"{folder} is not a server kept by pgmask") from error
    if owner != account.uid:
        raise ServerError(
            "PM022", f"the data directory in {folder} belongs to another account",
            hint="Run the command as the user who made it, or choose it with PGMASK_SERVER_USER.",
        )  # fmt: skip
    return Cluster(
        folder=folder, binaries=find_binaries(major), account=account, port=port,
        password=password, keep=True,
    )  # fmt: skip


@contextlib.contextmanager
def throw_away(
    *, major: int | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A running server for the length of a ``with`` block; all of it is gone afterwards."""
    cluster = create_cluster(major=major, settings=settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def remove_abandoned() -> None:
    """Stop and remove throw-away servers whose process was killed before it could do so.

    Only folders of this user are looked at, and only those whose recorded process is gone.
    """
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108
        for state_file in Path(place).glob(f"{_PREFIX}*/{_STATE}"):
            with contextlib.suppress(OSError, ValueError, KeyError, ServerError):
                if state_file.stat().st_uid != os.geteuid():
                    continue
                state = json.loads(state_file.read_text("utf-8"))
                if state["keep"] or _born(int(state["process"])) == state["born"]:
                    continue
                folder = state_file.parent
                Cluster(
                    folder=folder, binaries=find_binaries(int(state["major"])),
                    account=server_account(), port=int(state["port"]), password="", keep=False,
                ).stop()  # fmt: skip


def _born(process: int) -> int | None:
    """When a living process started, in clock ticks; None when it is gone.

    A process id alone may have been given to another process meanwhile.
    """
    try:
        # The name in brackets may hold blanks; state is field 3, the start field 22 (proc(5)).
        fields = (
            Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        )
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _kept_folder(folder: Path, account: Account) -> Path:
    # Links first: the server is given the path behind them, and that may be the longer one.
    folder = folder.expanduser().resolve()
    if len(str(folder).encode()) > 80:
        raise ServerError(
            "PM022", f"the path {folder} is too long for a unix socket (at most 80 bytes)",
            hint="Choose a folder with a shorter path.",
        )  # fmt: skip
    if folder.exists() and any(folder.iterdir()):
        raise ServerError("PM022", f"{folder} is not empty", hint="Choose a new folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        account.own(folder)
        folder.chmod(0o755 if account.switch else 0o700)
    except OSError as error:
        raise ServerError("PM022", f"{folder} cannot be made: {error.strerror}") from error
    if not account.can_enter(folder):
        raise ServerError(
            "PM022", f"the account {account.name}, which runs the server, cannot enter {folder}",
            hint="Choose a folder outside a private home, such as below /var/lib or /srv.",
        )  # fmt: skip
    return folder


def _write_state(cluster: Cluster) -> None:
    state = {
        "major": cluster.binaries.major,
        "port": cluster.port,
        "password": cluster.password,
        "keep": cluster.keep,
        "process": os.getpid(),
        "born": _born(os.getpid()),
    }
    handle = os.open(cluster.folder / _STATE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(state, out)


def _initdb(cluster: Cluster) -> None:
    pwfile = cluster.folder / "pwfile"
    handle = os.open(pwfile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(cluster.password)
        cluster.account.own(pwfile)
        for folder in (cluster.data, cluster.socket_dir):
            folder.mkdir(mode=0o700)
            cluster.account.own(folder)
        # Passwords guard the socket; the caller (root, or another user's psql) must reach it.
        cluster.socket_dir.chmod(0o755)
        argv = [
            str(cluster.binaries.bin / "initdb"), "-D", str(cluster.data), "-U", SUPERUSER,
            "-A", "scram-sha-256", f"--pwfile={pwfile}", "-E", "UTF8", "--locale=C.UTF-8",
            "--data-checksums" if cluster.keep else "--no-sync",
        ]  # fmt: skip
        done = cluster.account.run(argv, environ=cluster.binaries.environ(), cwd=cluster.folder)
    finally:
        pwfile.unlink(missing_ok=True)
    if done.returncode != 0:
        raise ServerError("PM022", "initdb failed", detail=done.stdout.strip()[-1500:])


def _configure(cluster: Cluster, settings: Mapping[str, str]) -> None:
    chosen: dict[str, str] = {
        "listen_addresses": "127.0.0.1",
        "port": str(cluster.port),
        "unix_socket_directories": str(cluster.socket_dir),
        "logging_collector": "off",
        "ssl": "on",
        **RECOMMENDED,
        **(_KEPT if cluster.keep else _THROW_AWAY),
        **settings,
    }
    for name in chosen:
        if not re.fullmatch(r"[a-z_][a-z0-9_.]*", name):
            raise ServerError("PM022", f"not the name of a setting: {name!r}")
    lines = [f"{name} = '{_quoted(value)}'\n" for name, value in chosen.items()]
    for path in write_certificate(cluster.data):
        cluster.account.own(path)
    with (cluster.data / "postgresql.conf").open("a", encoding="utf-8") as out:
        out.write("\n# Written by pgmask.\n")
        out.writelines(lines)
    (cluster.data / "pg_hba.conf").write_text(_HBA, "utf-8")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _free_port() -> int:
    # Below the range from which outgoing connections take their ports, so that none of them sits
    # on it when a kept server starts again; chosen at random, so that two starts do not meet.
    for _ in range(200):
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerError("PM022", "no free port between 20000 and 32000 on 127.0.0.1")
