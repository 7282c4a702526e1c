"""Running the application's own tool as the login of the window."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pgmask.errors import PlanError
from pgmask.migrate.window import Connection, Window

PASSWORD: Final = "PGMASK_MIGRATE_PASSWORD"  # noqa: S105  the name of a variable
"""The variable with the login's password; PGPASSFILE is the better place for it."""

# What would make the tool another login than the window's, or tell it the DBA's secret.
_TAKEN: Final = ("PGMASK_DSN", "PGSERVICE", "PGUSER", "PGPASSWORD", "PGHOSTADDR", PASSWORD)
_FROM_DSN: Final = {
    "host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "hostaddr": "PGHOSTADDR",
}  # fmt: skip


def path_of(connection: Connection) -> str:
    """The search_path of a migration: the application's schemas, then those of their stores.

    New tables stand where they always did; a detached one, whose view is gone from the first
    schema, is found under its own name in the second.
    """
    found = connection.execute(
        "SELECT DISTINCT s.original_schema, s.schema_name FROM pgmask_private.store_table AS s"
        " ORDER BY 1, 2"
    ).fetchall()
    names = dict.fromkeys([*(r[0] for r in found), *(r[1] for r in found), "public"])
    return ", ".join(psycopg.sql.Identifier(n).as_string() for n in names)


def environment(
    connection: Connection, window: Window, environ: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the tool: libpq's variables for the login, acting as the owner.

    The DBA's password is never in it.  PGOPTIONS sets role and search_path; a tool that does not
    use libpq runs ``SET ROLE`` itself.
    """
    found = {k: v for k, v in environ.items() if k not in _TAKEN}
    given = conninfo_to_dict(connection.info.dsn)
    for key, variable in _FROM_DSN.items():
        value = given.get(key)
        if value is not None and value != "":
            found[variable] = str(value)
    found.setdefault("PGDATABASE", connection.info.dbname)
    found["PGUSER"] = window.login
    if PASSWORD in environ:
        found["PGPASSWORD"] = environ[PASSWORD]
    options = [environ.get("PGOPTIONS", "")]
    for name, value in (("role", window.owner), ("search_path", path_of(connection))):
        # libpq splits at spaces unless a backslash stands before them.
        options.append("-c " + re.sub(r"([\\\s])", r"\\\1", f"{name}={value}"))
    found["PGOPTIONS"] = " ".join(options).strip()
    found["PGMASK_WINDOW"] = str(window.id)
    found["PGMASK_STORE_OWNER"] = window.owner
    return found


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """The tool's exit code, 128 + n where signal n ended it; its output is passed through.

    Ended by SIGTERM, this process ends the tool first and raises KeyboardInterrupt, so that the
    window is closed.  Raises PlanError (PM263) when there is no such program.
    """
    try:
        tool = subprocess.Popen(list(command), env=dict(environ))
    except OSError as error:
        raise PlanError("PM263", f"{command[0]}: {error.strerror}") from None
    with _ending(tool):
        code = tool.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _ending(tool: subprocess.Popen[bytes]) -> Iterator[None]:
    def end(number: int, frame: types.FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        tool.terminate()
        try:
            tool.wait(timeout=10)
        except subprocess.TimeoutExpired:
            tool.kill()
            tool.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def words(command: Sequence[str]) -> str:
    """The command as it is recorded: the program and its verb, no option (one may be a secret)."""
    kept = [os.path.basename(command[0])]
    for word in command[1:]:
        if word.startswith("-") or "=" in word or ":" in word:
            break
        kept.append(word)
    return " ".join(kept)[:200]
