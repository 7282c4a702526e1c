"""Two tables with what adoption takes over: unique keys, CHECKs, NOT NULL, a domain, a trigger."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.faults.world import until
from tests.harness import Connection, Database
from tests.spine.world import register
from tests.wayback import site

FOLDER: Final = Path(__file__).parent / "small"
CATALOGUE: Final = FOLDER / "catalogue.yml"
ROWS: Final = 200
SLOW: Final = ("--batch-rows", "5", "--max-wal-rate", "60kB")
"""Small batches with pauses between them, so that a kill meets one in the middle of its work."""


def create(database: Database) -> None:
    """As it was before."""
    database.run((FOLDER / "schema.sql").read_text("utf-8"))


def adopt(database: Database) -> None:
    """Adopted and sealed by ``installer``; ``app`` is an agent of unit 1."""
    create(database)
    key = key_file(database)
    key.unlink(missing_ok=True)
    site.command(database, "install")
    site.command(database, "keys", "create", str(key))
    site.apply(database, CATALOGUE)
    site.command(database, "seal", "--all")
    register(database, ("app", "agent", "1"))
    site.prepare(database.server)


def key_file(database: Database) -> Path:
    """The key file: beside the server's data, not in it."""
    return database.server.cluster.folder / "small.key"


def truths(database: Database, columns: str, table: str = "crm_store.customer") -> list[Any]:
    """Columns of all rows as they are at rest."""
    return database.rows(f"SELECT {columns} FROM {table} ORDER BY id", user="postgres")


@contextlib.contextmanager
def running(database: Database, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command line in a process of its own; ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pgmask", *words, "--dsn", database.dsn()],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def gone(root: Connection) -> None:
    """Wait until the server has noticed that its client was killed."""
    until(lambda: not _backends(root), what="the killed client's server processes to end")


def _backends(root: Connection) -> list[int]:
    return [
        pid for (pid,) in root.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'pgmask'"
        )
    ]  # fmt: skip


def end(process: subprocess.Popen[str], root: Connection, how: str) -> None:
    """Kill the client with -9, or its server processes."""
    if how == "client":
        process.send_signal(signal.SIGKILL)
        process.wait()
    else:
        for pid in _backends(root):
            root.execute("SELECT pg_terminate_backend(%s)", (pid,))
        process.wait(30)
    gone(root)
