"""The insurer's database before, adopted and sealed; and who decides about the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pgmask.cli.main import run
from pgmask.demo.data import generate, load
from pgmask.plan import Hazard
from pgmask.resources import example_dir
from tests.harness import Database, Server

EXAMPLE: Final = example_dir("insurer")
CATALOGUE: Final = EXAMPLE / "catalogue" / "pgmask.yml"
OWNER: Final = "crm_owner"
CUSTOMERS: Final = 200
LOGINS: Final = ("crm_app", "agent_li", "agent_zhao", "agent_qian", "analyst_sun", "auditor_zhou",
                 "service_wu", "claims_zheng")  # fmt: skip
DECIDERS: Final = ("rita", "dora")
"""Who asks and who approves; members of pgmask_unseal, and of nothing else."""


def create(database: Database) -> None:
    """An insurer's database as it was before anybody thought of pgmask."""
    server = database.server
    for login in LOGINS:
        server.role(login)
    with server.admin() as admin:
        for role in (OWNER, "crm_readers"):
            there = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            if there is None:
                admin.execute(f"CREATE ROLE {role} NOLOGIN".encode())
        admin.execute(f"GRANT {OWNER} TO installer".encode())
        admin.execute(f'GRANT CREATE ON DATABASE "{database.name}" TO {OWNER}'.encode())
    with database.connect() as connection:
        connection.execute(f"SET ROLE {OWNER}".encode())
        connection.execute((EXAMPLE / "schema.sql").read_bytes())
        load(connection, generate(CUSTOMERS))
        connection.execute((EXAMPLE / "grants.sql").read_bytes())


def key_file(database: Database) -> Path:
    """The key file of the adopted insurer: beside the server's data, not in it."""
    return database.server.cluster.folder / "insurer.key"


def adopt(database: Database) -> None:
    """Protect a copy of it with pgmask's commands, as ``installer``, who is no superuser."""
    server = database.server
    server.drop_database(database)
    server.create_database(template=server.template("insurer_before", create), name=database.name)
    key = key_file(database)
    key.unlink(missing_ok=True)
    command(database, "install")
    command(database, "keys", "create", str(key))
    command(database, "register", "load", str(EXAMPLE / "register.yml"))
    apply(database, CATALOGUE)
    command(database, "seal", "--all")
    prepare(server)


def apply(database: Database, catalogue: Path) -> None:
    """Apply a catalogue with whatever it carries."""
    command(
        database, "apply", str(catalogue), "--author", "高原", "--approved-by", "林海",
        "--approval-ref", "DP-1", "--yes-database", database.name,
        *(f"--allow={h.value}" for h in Hazard),
    )  # fmt: skip


def prepare(server: Server) -> None:
    """The two who decide."""
    for login in DECIDERS:
        server.role(login)
    with server.admin() as admin:
        admin.execute(f"GRANT pgmask_unseal TO {', '.join(DECIDERS)}".encode())


def load_key(database: Database) -> None:
    """Bring the key into a copy of the adopted database, as after a restore."""
    command(database, "keys", "load", str(key_file(database)))


def command(database: Database, *words: str, user: str = "installer") -> None:
    """One command line that must succeed."""
    assert run([*words, "--dsn", database.dsn(user)]) == 0, words


def opened(database: Database) -> None:
    """The adopted insurer with every table unsealed, not yet given back."""
    server = database.server
    server.drop_database(database)
    server.create_database(template=server.template("insurer_adopted", adopt), name=database.name)
    load_key(database)
    decide(database)
    command(database, "unseal", "run", "1", "--key-file", str(key_file(database)))


def decide(database: Database, *tables: str) -> None:
    """Request 1, of all tables without names, asked by one person and approved by another."""
    command(
        database, "unseal", "request", *(tables or ("--all",)), "--purpose", "leave pgmask",
        "--reference", "OP-7", user="rita",
    )  # fmt: skip
    command(database, "unseal", "approve", "1", user="dora")


def dump(database: Database, *words: str) -> str:
    """What ``pg_dump`` says of all of it, without what differs between equal databases.

    The order of rows in a table is that of its pages, which every UPDATE changes.
    """
    text = database.program("pg_dump", *words, user="postgres")
    lines: list[str] = []
    rows: list[str] | None = None
    for line in text.splitlines():
        if rows is not None:
            if line == "\\.":
                lines += sorted(rows)
                rows = None
            else:
                rows.append(line)
        elif not line.startswith(("--", "\\restrict", "\\unrestrict")) and line.strip():
            lines.append(line)
            if line.startswith("COPY "):
                rows = []
    return "\n".join(lines)
