"""Taking a database to a fresh server as a DBA does: roles, the backup login's dump, the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pgmask.server import throw_away
from tests.actors import BACKUP, SUPERUSER
from tests.harness import Database, Server


@contextmanager
def elsewhere(database: Database, folder: Path) -> Iterator[str]:
    """A superuser's DSN of the restored database on a server that has never seen the first.

    The dump is taken by the backup login, who is no superuser; the restore is a superuser's work.
    """
    dump = folder / "dump.sql"
    database.program(
        "pg_dump", "--enable-row-security", f"--file={dump}", user=BACKUP.name
    )
    roles = _roles(database.server)
    with throw_away(major=database.major) as fresh:
        run = fresh.binaries.run
        at = ("--host", str(fresh.socket_dir), "--port", str(fresh.port), "--username", SUPERUSER)
        for words, given in (
            (("psql", *at, "-X", "-q", "-v", "ON_ERROR_STOP=1", "postgres"), roles),
            (("createdb", *at, "-T", "template0", "-E", "UTF8", database.name), None),
            (("psql", *at, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump), database.name),
             None),
        ):  # fmt: skip
            done = run(words[0], *words[1:], password=fresh.password, given=given)
            assert done.returncode == 0, done.stderr[-2000:]
        yield fresh.dsn(dbname=database.name)


def _roles(server: Server) -> str:
    """What ``pg_dumpall --roles-only`` gives, without the superuser who is there already."""
    done = server.binaries.run(
        "pg_dumpall", "--roles-only", "--no-role-passwords",
        "--dbname", server.dsn(), password=server.cluster.password,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    there = (f"CREATE ROLE {SUPERUSER};", f"ALTER ROLE {SUPERUSER} ")
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(there))


def text_of(folder: Path) -> str:
    """The dump that ``elsewhere`` has taken."""
    return (folder / "dump.sql").read_text("utf-8")


__all__ = ["elsewhere", "text_of"]
