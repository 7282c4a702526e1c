"""Runs statements as the logins of an application, each in a transaction that is rolled back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from pgmask.apply import Approval, apply_plan
from pgmask.catalogue import load
from pgmask.cli.main import run
from pgmask.facts.read import read_facts
from pgmask.keyfile import KeyFile
from pgmask.plan import make
from pgmask.runtime import install as install_runtime
from pgmask.runtime import keys, register
from pgmask.runtime.book import read_book
from tests.compat.model import Result, Statement
from tests.harness import Connection, Database, Server

WORLD: Final = Path(__file__).with_name("world")
LOGINS: Final = {"app": "compat_app", "owner": "compat_owner", "report": "compat_report"}


def fill(database: Database) -> None:
    """The application's own tables and rows, nothing of pgmask."""
    for login in LOGINS.values():
        database.server.role(login)
    with database.superuser() as admin:
        admin.execute(f"GRANT CREATE ON DATABASE {database.name} TO compat_owner".encode())
        admin.execute("GRANT compat_owner TO installer WITH ADMIN OPTION")
    for script in ("schema.sql", "rows.sql"):
        database.run((WORLD / script).read_text("utf-8"), user=LOGINS["owner"])


def adopt(database: Database) -> None:
    """The same tables behind views: installed, applied and sealed by a DBA who is no superuser."""
    fill(database)
    install_runtime(database.dsn())
    with database.connect() as dba:
        key = KeyFile.new(1)
        keys.register(dba, key, "loaded", None)
        keys.load(dba, key)
        register.put(dba, read_book(WORLD / "register.yml"))
    with database.connect() as dba:
        plan = make(load(WORLD / "catalogue.yml"), read_facts(dba), author="author")
    with database.connect(autocommit=True) as dba:
        apply_plan(
            dba, plan, allow=frozenset(plan.hazards), author="author",
            approval=Approval(by="approver", reference="1"),
        )  # fmt: skip
    assert run(["seal", "--all", "--dsn", database.dsn()]) == 0
    with database.superuser() as admin:
        admin.execute("GRANT pgmask_app TO compat_app")
        admin.execute("GRANT pgmask_report TO compat_report, compat_app")


@contextlib.contextmanager
def places(server: Server) -> Iterator[tuple[Database, Database]]:
    """The raw tables, and the same tables behind views."""
    raw, view = server.template("compat_raw", fill), server.template("compat_view", adopt)
    with server.database(template=raw) as one, server.database(template=view) as other:
        yield one, other


def outcome(database: Database, statement: Statement) -> Result:
    """What the statement gives here."""
    return steps(
        database, statement.sql, statement.login, statement.parameters, statement.autocommit
    )


def steps(
    database: Database,
    sql: tuple[str, ...],
    login: str = "app",
    parameters: tuple[object, ...] = (),
    autocommit: bool = False,
) -> Result:
    """What the last of the steps gives; an error in any of them is the outcome."""
    with psycopg.connect(
        database.dsn(LOGINS[login]), autocommit=autocommit, options="-c search_path=crm,public"
    ) as connection:
        try:
            for text in sql[:-1]:
                _one(connection, text, ())
            result = _one(connection, sql[-1], parameters)
        except psycopg.Error as error:
            result = Result(
                error=error.sqlstate or "", message=str(error),
                constraint=error.diag.constraint_name,
            )  # fmt: skip
        connection.rollback()
        return result


def _one(connection: Connection, text: str, parameters: tuple[object, ...]) -> Result:
    """One step; ``COPY .. FROM STDIN`` takes its lines from after the first newline."""
    command, _, lines = text.partition("\n")
    with connection.cursor() as cursor:
        if command.startswith("COPY") and "STDIN" in command:
            with cursor.copy(command.encode()) as copy:
                copy.write(lines)
            return Result(tag=cursor.statusmessage or "")
        if command.startswith("COPY") and "STDOUT" in command:
            with cursor.copy(command.encode()) as copy:
                sent = tuple((bytes(row).decode(),) for row in copy)
            return Result(tag=cursor.statusmessage or "", rows=sent)
        cursor.execute(text.encode(), parameters or None)
        rows = cursor.fetchall() if cursor.description else None
        if rows is not None and "ORDER BY" not in text:
            rows.sort(key=repr)
        return Result(
            tag=cursor.statusmessage or "", rows=None if rows is None else tuple(map(tuple, rows))
        )
