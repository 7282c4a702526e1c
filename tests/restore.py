"""Taking a database to a fresh server as a DBA does: roles, then the backup login's dump."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from pgmask.server import Binaries, Cluster, throw_away
from tests.actors import SUPERUSER


@contextmanager
def elsewhere(
    binaries: Binaries, *, superuser: str, backup: str, folder: Path
) -> Iterator[tuple[Cluster, str]]:
    """A server that has never seen the first, and a superuser's DSN of the restored database.

    superuser, backup: DSNs of the database; the dump is taken by the backup login, who is no
    superuser and sees masks only; restoring is a superuser's work.
    """
    dump = folder / "dump.sql"
    _run(binaries, "pg_dump", "--enable-row-security", f"--file={dump}", "--dbname", backup)
    roles = _run(
        binaries, "pg_dumpall", "--roles-only", "--no-role-passwords", "--dbname", superuser
    )
    there = (f"CREATE ROLE {SUPERUSER};", f"ALTER ROLE {SUPERUSER} ")
    kept = "\n".join(line for line in roles.splitlines() if not line.startswith(there))
    name = str(conninfo_to_dict(superuser)["dbname"])
    with throw_away(major=binaries.major) as fresh:
        psql = ("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--dbname")
        _run(binaries, *psql, fresh.dsn(), given=kept)
        create = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
        _run(binaries, *psql, fresh.dsn(), "-c", create)
        _run(binaries, *psql, fresh.dsn(dbname=name), "-f", str(dump))
        yield fresh, fresh.dsn(dbname=name)


def _run(binaries: Binaries, program: str, *words: str, given: str | None = None) -> str:
    done = binaries.run(program, *words, given=given)
    assert done.returncode == 0, f"{program}: {done.stderr[-2000:]}"
    return done.stdout
