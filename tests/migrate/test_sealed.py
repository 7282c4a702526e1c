"""Columns that the sealing names, and partitions that come and go."""

from __future__ import annotations

import psycopg
import pytest

from pgmask.catalogue import load
from tests.harness import Connection, Database
from tests.migrate.conftest import CASE
from tests.migrate.test_detach import attach, code, view_of
from tests.spine.world import applied, drift_of, plan_of

pytestmark = pytest.mark.requirement("B7")


def begin(database: Database, *statements: str, table: str = "crm.customer") -> Connection:
    connection = database.connect("olga")
    connection.execute("SELECT pgmask.detach(%s)", (table,))
    for statement in statements:
        connection.execute(statement.encode())
    return connection


def window(database: Database) -> None:
    """A window in which an apply follows, as ``pgmask migrate --catalogue`` opens it."""
    with database.superuser() as su:
        su.execute(
            "INSERT INTO pgmask_private.migration_window"
            " (login, owner, ticket, ends_at, granted, apply_follows)"
            " VALUES ('olga', 'pgmask_store', 'T-1', now() + interval '5 min', false, true)"
        )


CUSTOMER = "ALTER TABLE crm_store.customer "
CHANGES = {
    "type of a sealed column": "ALTER phone TYPE varchar(40)",
    "type of the key": "ALTER id TYPE bigint",
    "type of the unit": "ALTER unit_id TYPE bigint",
    "rename of the unit": "RENAME unit_id TO branch_id",
    "drop of a sealed column": "DROP phone",
}


@pytest.mark.requirement("F1")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_the_sealing_names_is_refused_without_an_apply(sealed: Database, change: str) -> None:
    connection = begin(sealed, CUSTOMER + change)
    with pytest.raises(psycopg.Error) as error:
        attach(connection)
    assert code(error) == "PM218"
    connection.rollback()
    assert drift_of(sealed) == ()


def test_a_rename_of_a_sealed_column_is_refused_whatever_follows(sealed: Database) -> None:
    window(sealed)
    connection = begin(sealed, CUSTOMER + "RENAME phone TO mobile")
    with pytest.raises(psycopg.Error) as error:
        attach(connection)
    assert code(error) == "PM218"
    assert "cannot be renamed" in str(error.value)


@pytest.mark.requirement("F1")
def test_with_an_apply_the_table_waits_for_it(sealed: Database) -> None:
    """Reads go on, every write is refused, and the apply makes the sealing anew."""
    window(sealed)
    with begin(sealed, CUSTOMER + "ALTER phone TYPE varchar(40), ALTER id TYPE bigint") as one:
        said = attach(one)
    assert "PM219" in said["crm.customer"]
    app = sealed.connect("app")
    app.execute("SELECT phone FROM crm.customer WHERE id = 1").fetchall()
    for write in (
        "INSERT INTO crm.customer VALUES (3, 1, 'Wang Wu', '13800003333')",
        "UPDATE crm.customer SET phone = '13800003333' WHERE id = 1",
        "DELETE FROM crm.customer WHERE id = 1",
    ):
        with pytest.raises(psycopg.Error) as error:
            app.execute(write.encode())
        assert code(error) == "PM219"
        app.rollback()
    plan = plan_of(sealed, load(CASE / "catalogue.yml"))
    applied(sealed, plan)
    with sealed.connect("app") as app:
        app.execute("INSERT INTO crm.customer VALUES (3, 1, 'Wang Wu', '13800003333')")
        row = app.execute("SELECT phone FROM crm.customer WHERE id = 3").fetchone()
    assert row is not None
    assert "*" in row[0]
    assert view_of(sealed, "crm.customer")["columns"]["phone"] == "character varying(40)"
    assert drift_of(sealed) == ()
    assert sealed.rows("SELECT * FROM pgmask_private.migration_hold", user="postgres") == []


def test_an_ordinary_column_of_a_sealed_table_just_follows(sealed: Database) -> None:
    with begin(
        sealed, CUSTOMER + "RENAME status TO state", CUSTOMER + "ALTER state TYPE varchar(20)",
        CUSTOMER + "ADD region text NOT NULL DEFAULT 'x'",
    ) as connection:  # fmt: skip
        attach(connection)
    assert drift_of(sealed) == ()
    with sealed.connect("app") as app:
        app.execute("UPDATE crm.customer SET state = 'gone', phone = '13800009999' WHERE id = 1")
        row = app.execute("SELECT state, phone FROM crm.customer WHERE id = 1").fetchone()
    assert row is not None
    assert row[0] == "gone"
    assert "*" in row[1]


NEW = "CREATE TABLE crm_store.visit_2027 PARTITION OF crm_store.visit"
BOUNDS = " FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"


@pytest.mark.requirement("C1")
@pytest.mark.parametrize("owner", ["SET LOCAL ROLE pgmask_store", None])
def test_a_new_partition_is_protected_before_commit(sealed: Database, owner: str | None) -> None:
    connection = begin(sealed, table="crm.visit")
    if owner is None:  # made by the login itself: not its owner's to protect
        with sealed.superuser() as su:
            su.execute("GRANT CREATE ON SCHEMA crm_store TO olga")
        connection.execute((NEW + BOUNDS).encode())
        with pytest.raises(psycopg.Error) as error:
            attach(connection, "crm.visit")
        assert code(error) == "PM262"
        return
    connection.execute(owner.encode())
    connection.execute((NEW + BOUNDS).encode())
    connection.execute("GRANT SELECT ON crm_store.visit_2027 TO mallory")
    said = attach(connection, "crm.visit")
    connection.commit()
    assert said["crm_store.visit_2027"].startswith("NEW PARTITION")
    with sealed.superuser() as su:
        row = su.execute(
            "SELECT c.relrowsecurity, c.relforcerowsecurity, c.relacl::text,"
            " (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid),"
            " (SELECT array_agg(format('%s %s', t.tgname, t.tgenabled) ORDER BY t.tgname)"
            "    FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)"
            " FROM pg_class AS c WHERE c.oid = 'crm_store.visit_2027'::regclass"
        ).fetchone()
    assert row is not None
    assert row[:2] == (True, True)
    assert "mallory" not in row[2]
    assert row[3] == 4
    changes = [f"change_{event}" for event in ("delete", "insert", "own", "truncate", "update")]
    assert row[4] == [f"zzz_pgmask_{name} A" for name in (*changes, "insert", "marked", "update")]
    assert drift_of(sealed) == ()
    with sealed.connect("app") as app:
        app.execute("INSERT INTO crm.visit VALUES (9, 1, '2027-05-05', '13800001111', 'x')")
        found = app.execute("SELECT caller FROM crm.visit WHERE id = 9").fetchone()
    assert found is not None
    assert "*" in found[0]
    applied(sealed, plan_of(sealed, load(CASE / "catalogue.yml")))
    assert plan_of(sealed, load(CASE / "catalogue.yml")).empty
    assert drift_of(sealed) == ()


def test_a_partition_made_beside_a_window_is_named_and_put_right(sealed: Database) -> None:
    """The owner cannot make one without a window; a partition manager with more rights can."""
    with sealed.connect("olga") as connection:
        connection.execute("SET ROLE pgmask_store")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute((NEW + BOUNDS).encode())
        connection.rollback()
    with sealed.superuser() as su:
        su.execute((NEW + BOUNDS).encode())
        su.execute("ALTER TABLE crm_store.visit_2027 OWNER TO pgmask_store")
    assert any(d.attribute == "children" for d in drift_of(sealed))
    with begin(sealed, table="crm.visit") as connection:
        said = attach(connection, "crm.visit")
    assert said["crm_store.visit_2027"].startswith("NEW PARTITION")
    assert drift_of(sealed) == ()


def test_a_trigger_switched_off_on_one_partition_is_refused(sealed: Database) -> None:
    off = "ALTER TABLE crm_store.visit_2026 DISABLE TRIGGER zzz_pgmask_insert"
    connection = begin(sealed, off, table="crm.visit")
    with pytest.raises(psycopg.Error) as error:
        attach(connection, "crm.visit")
    assert code(error) == "PM213"


def test_a_partition_that_leaves_is_told_and_stays_shut(sealed: Database) -> None:
    leave = "ALTER TABLE crm_store.visit DETACH PARTITION crm_store.visit_2025"
    with begin(sealed, leave, table="crm.visit") as connection:
        said = attach(connection, "crm.visit")
    assert said["crm_store.visit_2025"].startswith("LEFT THE TABLE")
    with sealed.connect("olga") as connection, pytest.raises(psycopg.Error) as error:
        connection.execute("SELECT * FROM crm_store.visit_2025")
    assert code(error) == "PM220"
