"""Forced row-level security: the owner fails loudly, foreign keys do not lie, dumps hold."""

from __future__ import annotations

import psycopg
import pytest

from tests.harness import Database
from tests.spine.world import adopt

pytestmark = pytest.mark.requirement("B6")


def _as_owner(database: Database, statement: str) -> None:
    """The store's owner, as a migration login with no other role would be."""
    with database.superuser() as su:
        with su.transaction(force_rollback=False):
            su.execute("SET LOCAL ROLE pgmask_store")
            su.execute(statement.encode())


def test_owner_statements_fail_loudly(installed: Database) -> None:
    adopt(installed, "two_tables")
    for statement in (
        "UPDATE crm_store.customer SET city = 'x'",
        "DELETE FROM crm_store.policy",
        "SELECT count(*) FROM crm_store.customer",
        "INSERT INTO crm_store.customer (unit_id, name) VALUES (1, 'x')",
    ):
        with pytest.raises(psycopg.Error) as caught:
            _as_owner(installed, statement)
        assert caught.value.sqlstate == "PM220", statement
    # Control: without the policy the same statement changes nothing, without a word.
    with installed.superuser() as su:
        su.execute("DROP POLICY pgmask_owner_refused ON crm_store.customer")
        su.execute("BEGIN; SET LOCAL ROLE pgmask_store")
        assert su.execute("UPDATE crm_store.customer SET city = 'x'").rowcount == 0
        su.execute("ROLLBACK")
        assert su.execute("SELECT count(*) FROM crm_store.customer").fetchone() == (10,)


def test_foreign_key_validation_cannot_lie(installed: Database) -> None:
    adopt(installed, "two_tables")
    with installed.superuser() as su:
        su.execute("CREATE TABLE crm_store.unit (id integer PRIMARY KEY)")
        su.execute("ALTER TABLE crm_store.unit OWNER TO pgmask_store")
    wrong = (
        "ALTER TABLE crm_store.customer ADD CONSTRAINT u FOREIGN KEY (unit_id)"
        " REFERENCES crm_store.unit"
    )
    with pytest.raises(psycopg.Error) as caught:
        _as_owner(installed, wrong)
    assert caught.value.sqlstate == "PM220"
    # Control: FORCE without the policy accepts a key that no row meets.
    with installed.superuser() as su:
        su.execute("DROP POLICY pgmask_owner_refused ON crm_store.customer")
    _as_owner(installed, wrong)
    found = installed.rows("SELECT convalidated FROM pg_constraint WHERE conname = 'u'")
    assert found == [(True,)]


@pytest.mark.parametrize("case", ["two_tables", "family"])
def test_the_backup_role_dumps_every_row(installed: Database, case: str) -> None:
    adopt(installed, case)
    tables = installed.rows(  # names of the corpus
        "SELECT format('%I.%I', schema_name, table_name) FROM pgmask_private.store_table"
    )
    with installed.superuser() as su:
        su.execute("GRANT pgmask_backup TO nightly")
        rows = [su.execute(f"SELECT count(*) FROM {t}".encode()).fetchall() for (t,) in tables]
    schemas = [f"--schema={s}" for s in ("crm_store", "app", "archive", "crm", "agent")]
    dumped = installed.program(
        "pg_dump", "--data-only", "--enable-row-security", "--inserts", *schemas, user="nightly"
    )
    assert dumped.count("INSERT INTO") >= sum(r[0][0] for r in rows) > 3
    # Controls: without the flag it fails, without the policy it is empty and says nothing.
    assert installed.attempt("pg_dump", "--data-only", *schemas, user="nightly").returncode != 0
    with installed.superuser() as su:
        for (table,) in tables:
            su.execute(f"DROP POLICY pgmask_all_backup ON {table}".encode())
    empty = installed.program(
        "pg_dump", "--data-only", "--enable-row-security", "--inserts",
        *(f"--table={t}" for (t,) in tables), user="nightly",
    )  # fmt: skip
    assert empty.count("INSERT INTO") == 0


@pytest.mark.requirement("A1")
def test_partitions_and_children_are_closed_too(installed: Database) -> None:
    adopt(installed, "family")
    for child in ("app.event_2026", "app.event_2026_n", "archive.event_2026_rest", "app.worker"):
        flags = installed.rows(
            "SELECT relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner) FROM pg_class"
            " WHERE oid = %s::regclass",
            child,
        )
        assert flags == [(True, True, "pgmask_store")], child
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            installed.rows(f"SELECT * FROM {child}", user="app")
    with installed.superuser() as su:  # control
        su.execute("GRANT USAGE ON SCHEMA app TO app")
        su.execute("GRANT SELECT ON app.event_2026_n TO app")
        su.execute("ALTER TABLE app.event_2026_n DISABLE ROW LEVEL SECURITY")
    assert installed.rows("SELECT count(*) FROM app.event_2026_n", user="app") == [(1,)]
