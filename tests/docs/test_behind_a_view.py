"""docs/howto/sql-behind-a-view.md says what happens; here it happens, on 15 and 18."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pgmask.apply import Approval, apply_plan
from pgmask.catalogue import load
from pgmask.facts.read import read_facts
from pgmask.keyfile import KeyFile
from pgmask.plan import make
from pgmask.resources import example_dir
from pgmask.runtime import install as install_runtime
from pgmask.runtime import keys, register
from pgmask.runtime.book import read_book
from tests.docs.behind_a_view import CASES, WORKS, Case, table
from tests.docs.pages import ROOT
from tests.harness import Database, Server

PAGE = ROOT / "docs/howto/sql-behind-a-view.md"
LOGINS = ("crm_app", "nightly", "agent_li", "agent_zhao", "analyst_sun")


def _adopt(database: Database) -> None:
    """The insurer of the first hour, applied."""
    with database.superuser() as admin:
        for role in ("crm_owner", *LOGINS):
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                admin.execute(f"CREATE ROLE {role}".encode())
        admin.execute("GRANT crm_owner TO installer")
        admin.execute(f"GRANT CREATE ON DATABASE {database.name} TO crm_owner".encode())
    install_runtime(database.dsn())
    with database.connect() as dba:
        dba.execute("SET ROLE crm_owner")
        dba.execute((example_dir("insurer") / "schema.sql").read_bytes())
        dba.execute((ROOT / "docs/tutorial/first-hour/customers.sql").read_bytes())
        dba.execute("RESET ROLE")
        key = KeyFile.new(1)
        keys.register(dba, key, "loaded", None)
        keys.load(dba, key)
        register.put(dba, read_book(example_dir("insurer") / "register.yml"))
    with database.connect() as dba:
        catalogue = load(example_dir("insurer") / "catalogue" / "pgmask.yml")
        plan = make(catalogue, read_facts(dba), author="author")
    with database.connect(autocommit=True) as dba:
        apply_plan(
            dba, plan, allow=frozenset(plan.hazards), author="author",
            approval=Approval(by="approver", reference="1"),
        )  # fmt: skip
        dba.execute("GRANT pgmask_agent TO agent_li")


@pytest.fixture(scope="session")
def adopted(server: Server) -> Iterator[Database]:
    """One database for all cases, which roll back."""
    with server.database(template=server.template("insurer_views", _adopt)) as made:
        yield made


@pytest.mark.requirement("B7")
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.what)
def test_a_statement_does_what_the_page_says(adopted: Database, case: Case) -> None:
    wanted = case.on[0] if adopted.major < 17 else case.on[1]
    with adopted.superuser(autocommit=False) as connection:
        connection.execute("SET SESSION AUTHORIZATION agent_li")
        got = WORKS
        try:
            if case.copies:
                with connection.cursor().copy(case.sql.encode()) as copy:
                    if "STDOUT" in case.sql:
                        list(copy)
            else:
                connection.execute(case.sql.encode())
        except psycopg.Error as error:
            got = error.sqlstate or ""
        connection.rollback()
    assert got == wanted


def test_the_page_shows_this_table() -> None:
    text = PAGE.read_text("utf-8")
    assert table() in text, f"python -m tests.docs.behind_a_view:\n{table()}"
