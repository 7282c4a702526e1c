"""The window of a migration: views go and come back, and nothing of the protection is lost."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.harness import Connection, Database
from tests.spine.world import drift_of

pytestmark = pytest.mark.requirement("B7")


def view_of(database: Database, name: str) -> dict[str, Any]:
    """Columns with types, owner, rights and comment of a view."""
    with database.superuser() as su:
        row = su.execute(
            "SELECT c.relowner::regrole::text, c.relacl::text, obj_description(c.oid, 'pg_class'),"
            " (SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))"
            "    FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0)"
            " FROM pg_class AS c WHERE c.oid = %s::regclass",
            (name,),
        ).fetchone()
    assert row is not None
    return dict(zip(("owner", "acl", "comment", "columns"), row, strict=True))


def detached(database: Database, user: str = "olga") -> Connection:
    connection = database.connect(user)
    connection.execute("SELECT pgmask.detach('crm.customer')")
    return connection


def code(error: pytest.ExceptionInfo[psycopg.Error]) -> str | None:
    return error.value.sqlstate


def attach(connection: Connection, table: str = "crm.customer") -> dict[str, str]:
    """What attach says, by object."""
    said: dict[str, str] = {}
    for name, what in connection.execute("SELECT * FROM pgmask.attach(%s)", (table,)):
        said[name] = f"{said[name]}; {what}" if name in said else what
    return said


def test_a_migration_changes_the_table_and_the_views_follow(flyway: Database) -> None:
    before = view_of(flyway, "crm.customer")
    with detached(flyway) as connection:
        for ddl in (
            "RENAME card_grade TO grade", "ADD region text", "DROP owner_id",
            "ALTER name TYPE varchar(80), ALTER born TYPE timestamp",
        ):  # fmt: skip
            connection.execute(f"ALTER TABLE crm_store.customer {ddl}".encode())
        changed = connection.execute("UPDATE crm_store.customer SET region = 'x'").rowcount
        said = attach(connection)
    assert changed == 10, "the owner's UPDATE changes rows inside the window"
    assert said["crm.customer.region"].startswith("NEW COLUMN, not classified")
    assert said["crm.customer.grade"].startswith("RENAMED from card_grade")
    assert "DROPPED" in said["crm.customer.owner_id"]
    after = view_of(flyway, "crm.customer")
    assert {k: v for k, v in after.items() if k != "columns"} == {
        k: v for k, v in before.items() if k != "columns"
    }
    wanted = {k: v for k, v in before["columns"].items() if k != "owner_id"}
    wanted["grade"] = wanted.pop("card_grade")
    wanted["name"] = "character varying(80)"
    wanted["born"] = "timestamp without time zone"
    assert after["columns"] == wanted
    assert view_of(flyway, "analyst.customer")["columns"] == wanted
    assert drift_of(flyway) == ()


def test_a_forgotten_attach_refuses_the_commit(flyway: Database) -> None:
    connection = detached(flyway)
    connection.execute("ALTER TABLE crm_store.customer ADD region text")
    with pytest.raises(psycopg.Error) as error:
        connection.commit()
    assert code(error) == "PM210"
    assert drift_of(flyway) == ()
    assert "region" not in view_of(flyway, "crm_store.customer")["columns"]


def test_only_members_of_the_owner_may_detach(adopted: Database) -> None:
    with pytest.raises(psycopg.Error) as error:
        detached(adopted, "app")
    assert code(error) == "PM217"


def test_foreign_dependants_are_named(flyway: Database) -> None:
    with flyway.superuser() as su:
        su.execute("CREATE VIEW public.bi2 AS SELECT id FROM analyst.customer")
    with pytest.raises(psycopg.Error) as error:
        detached(flyway)
    assert code(error) == "PM260"
    assert "public.bi2" in str(error.value.diag.message_detail)


OFF = {
    "row level security": "ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY",
    "standing policy": "DROP POLICY pgmask_owner_refused ON crm_store.customer",
    "new policy": "CREATE POLICY mine ON crm_store.customer USING (true)",
    "trigger off": "ALTER TABLE crm_store.customer DISABLE TRIGGER zzz_pgmask_insert",
    "trigger demoted": "ALTER TABLE crm_store.customer ENABLE TRIGGER zzz_pgmask_update",
    "trigger gone": "DROP TRIGGER zzz_pgmask_update ON crm_store.customer",
    "check gone": "ALTER TABLE crm_store.customer DROP CONSTRAINT pgmask_mask_pgmask_shadow_remark",
    "column gone": "ALTER TABLE crm_store.customer DROP pgmask_restricted CASCADE",
    "right given": "GRANT SELECT ON crm_store.customer TO mallory",
    "right on a column given": "GRANT SELECT (name) ON crm_store.customer TO PUBLIC",
    "right of a profile widened":
        "GRANT SELECT ON crm_store.customer TO pgmask_analyst_views",
    "rule": "CREATE RULE r AS ON INSERT TO crm_store.customer DO ALSO NOTIFY x",
    "unlogged": "ALTER TABLE crm_store.policy DROP CONSTRAINT policy_holder_id_fkey;"
        " ALTER TABLE crm_store.customer SET UNLOGGED",
}  # fmt: skip


@pytest.mark.requirement("A5")
@pytest.mark.parametrize("statement", OFF.values(), ids=OFF)
def test_a_protection_taken_off_inside_is_refused(flyway: Database, statement: str) -> None:
    connection = detached(flyway)
    connection.execute(statement.encode())
    with pytest.raises(psycopg.Error) as error:
        attach(connection)
    assert code(error) == "PM213", error.value
    connection.rollback()
    assert drift_of(flyway) == ()
    # The control: without it the same window closes.
    connection.execute("SELECT pgmask.detach('crm.customer')")
    assert attach(connection)
