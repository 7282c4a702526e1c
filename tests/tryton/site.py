"""A database made by Tryton's own tools, and Tryton's models over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from psycopg import sql

from pgmask.cli.main import run
from pgmask.plan import Hazard
from pgmask.resources import example_dir
from tests.actors import INSTALLER, password
from tests.harness import Database, Server

OWNER: Final = "tryton"
"""Owner of all of Tryton's tables and login of its service, as its manual has it."""
PARTIES: Final = 60
MODULES: Final = ("ir", "res", "country", "currency", "party", "bank")
EXAMPLE: Final = example_dir("tryton")
CATALOGUE: Final = EXAMPLE / "catalogue" / "pgmask.yml"
SECRETS: Final[dict[str, list[str]]] = {}
"""What was filled in, by kind of value; the same for every version."""
_ROOT: Final = Path(__file__).resolve().parents[2]


def create(database: Database) -> None:
    """Fill an empty database of ``installer``: extensions, Tryton's tables, parties."""
    prepare(database.server)
    database.run(
        "CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent; GRANT ALL ON SCHEMA public TO tryton"
    )
    with tempfile.TemporaryDirectory() as folder:
        phrase = Path(folder) / "phrase"
        phrase.write_text("not-used-by-the-tests\n", "utf-8")
        admin = Path(sys.executable).with_name("trytond-admin")
        _run(
            [str(admin), "-c", str(_configuration(database, folder)), "-d", database.name,
             "-u", *MODULES, "--email", "admin@example.com"],
            {"TRYTONPASSFILE": str(phrase)},
        )  # fmt: skip
    database.run((EXAMPLE / "compact.sql").read_text("utf-8"), user=OWNER)
    SECRETS.update(client(database, "fill", PARTIES))


def adopt(database: Database) -> None:
    """Protect a copy of it with pgmask's commands, as ``installer``, who is no superuser."""
    server, dsn = database.server, database.dsn()
    server.drop_database(database)
    server.create_database(template=server.template("tryton", create), name=database.name)
    server.role("report_luo")
    key = key_file(database)
    key.unlink(missing_ok=True)
    hazards = [f"--allow={h.value}" for h in Hazard]
    for words in (
        ["install"],
        ["keys", "create", str(key)],
        ["register", "load", str(EXAMPLE / "register.yml")],
        ["apply", str(CATALOGUE), "--author", "高原", "--approved-by", "林海",
         "--approval-ref", "DP-1", "--yes-database", database.name, *hazards],
        ["seal", "--all", "--rewrite"],
    ):  # fmt: skip
        assert run([*words, "--dsn", dsn]) == 0, words
    with server.admin() as admin:
        admin.execute("GRANT pgmask_tryton TO tryton")


def key_file(database: Database) -> Path:
    """The key file of the adopted database: beside the server's data, not in it."""
    return database.server.cluster.folder / "tryton.key"


def load_key(database: Database) -> None:
    """Bring the key into a copy of the adopted database, as after a restore."""
    assert run(["keys", "load", str(key_file(database)), "--dsn", database.dsn()]) == 0


def prepare(server: Server) -> None:
    """Tryton's login, with ``installer`` as a member so that it may adopt the tables."""
    server.role(OWNER)
    with server.admin() as connection:
        connection.execute(
            # From 16 on, who gives a role to the migrations' window must hold its ADMIN OPTION.
            sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(
                sql.Identifier(OWNER), sql.Identifier(INSTALLER.name)
            )
        )


def client(database: Database, task: str, *words: int) -> Any:
    """Run one task of ``tests.tryton.client`` as Tryton's login; its answer."""
    with tempfile.TemporaryDirectory() as folder:
        done = _run(
            [sys.executable, "-m", "tests.tryton.client", str(_configuration(database, folder)),
             database.name, task, *map(str, words)],
            {},
        )  # fmt: skip
    return json.loads(done)


def actions(database: Database) -> dict[str, str]:
    """The outcomes of ``tests.tryton.orm`` as Tryton's login."""
    with tempfile.TemporaryDirectory() as folder:
        done = _run(
            [sys.executable, "-m", "tests.tryton.orm", str(_configuration(database, folder)),
             database.name],
            {},
        )  # fmt: skip
    found: dict[str, str] = json.loads(done)
    return found


def _configuration(database: Database, folder: str) -> Path:
    cluster = database.server.cluster
    path = Path(folder) / "trytond.conf"
    path.write_text(
        f"[database]\nuri = postgresql://{OWNER}:{quote(password(OWNER))}"
        f"@127.0.0.1:{cluster.port}/\n",
        "utf-8",
    )
    return path


def _run(argv: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(
        argv, env={**os.environ, **environ}, cwd=_ROOT, text=True, check=False,
        capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
