"""The operating-system account a server runs under.

PostgreSQL refuses to run as root. An ordinary user runs the server as himself; root hands it to an
unprivileged account: the one named by ``PGMASK_SERVER_USER``, else ``postgres``, else ``nobody``.
The switch is made by Python's own ``subprocess(user=...)``, so no ``su`` or ``setpriv`` is needed.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pgmask.errors import ServerError

_PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who runs the server. switch: whether this process must change its user for that."""

    name: str
    uid: int
    gid: int
    switch: bool

    def own(self, path: Path) -> None:
        """Give a file or folder to the account; nothing to do when it is ourselves."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        environ: Mapping[str, str],
        cwd: Path,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program under the account; its words come back, its standard input is empty.

        Raises ServerError (PM022) when the program cannot be started at all.
        """
        words = [str(a) for a in argv]
        try:
            # Output goes through a file: a server that lives on must not hold our pipe open.
            with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
                done = subprocess.run(
                    words,
                    env=dict(environ),
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                    check=False,
                    user=self.uid if self.switch else None,
                    group=self.gid if self.switch else None,
                    extra_groups=[] if self.switch else None,
                )
                out.seek(0)
                return subprocess.CompletedProcess(words, done.returncode, out.read(), "")
        except subprocess.TimeoutExpired as error:
            raise ServerError("PM022", f"{words[0]} did not end within {timeout:.0f} s") from error
        except OSError as error:
            raise ServerError(
                "PM022",
                f"{words[0]} cannot be started as {self.name}: {error.strerror}",
                hint="Choose another account with PGMASK_SERVER_USER, or run as an ordinary user.",
            ) from error

    def can_enter(self, path: Path) -> bool:
        """Whether the account may walk down to this folder (search permission all the way)."""
        return all(self._may_search(folder) for folder in (path, *path.parents))

    def _may_search(self, folder: Path) -> bool:
        if not self.switch:
            return os.access(folder, os.X_OK)
        try:
            info = folder.stat()
        except OSError:
            return False
        if info.st_uid == self.uid:
            return bool(info.st_mode & 0o100)
        if info.st_gid == self.gid:
            return bool(info.st_mode & 0o010)
        return bool(info.st_mode & 0o001)


def server_account() -> Account:
    """The account that runs servers started by this process.

    Raises ServerError (PM022) when root finds no unprivileged account to hand over to.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(name=_name_of(uid), uid=uid, gid=os.getegid(), switch=False)
    asked = os.environ.get("PGMASK_SERVER_USER")
    for name in (asked,) if asked else _PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
    raise ServerError(
        "PM022",
        f"no unprivileged account to run PostgreSQL as (tried {asked or ', '.join(_PREFERRED)})",
        hint="PostgreSQL refuses to run as root: name an account with PGMASK_SERVER_USER.",
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError as error:
        # initdb itself needs the entry, and says less clearly what is wrong.
        raise ServerError(
            "PM022",
            f"the user id {uid} has no entry in the passwd database; PostgreSQL needs one",
            hint="Run under an account that exists, or give --dsn.",
        ) from error


def scratch_dir(account: Account, prefix: str) -> Path:
    """A new folder of the account for a throw-away server, short enough for a unix socket.

    ``TMPDIR`` is used when the account can reach it, else /tmp or /var/tmp.
    Raises ServerError (PM022) when none of them can be used.
    """
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108
        place = Path(parent).resolve()
        # A socket's path may have 107 bytes; the folder below adds about 40.
        if len(str(place).encode()) > 60 or not account.can_enter(place):
            continue
        try:
            made = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        except OSError:
            continue
        account.own(made)
        made.chmod(0o755 if account.switch else 0o700)
        return made
    raise ServerError(
        "PM022",
        f"no temporary folder that {account.name} can use",
        hint="Point TMPDIR to a folder with a short path that this account can reach.",
    )
