"""The edges of a window: who, twice, savepoints, other endings, what left or was renamed."""

from __future__ import annotations

import psycopg
import pytest

from tests.harness import Database
from tests.migrate.test_detach import attach, code, detached, view_of
from tests.spine.world import drift_of

pytestmark = pytest.mark.requirement("B7")


def refused(database: Database, *statements: str) -> str | None:
    """SQLSTATE of the last statement, which must fail; the others must not."""
    connection = database.connect("olga")
    for statement in statements[:-1]:
        connection.execute(statement.encode())
    with pytest.raises(psycopg.Error) as error:
        connection.execute(statements[-1].encode())
    connection.rollback()
    return code(error)


DETACH = "SELECT pgmask.detach('crm.customer')"
ATTACH = "SELECT * FROM pgmask.attach('crm.customer')"


@pytest.mark.parametrize(
    "name", ["crm.customer", "crm_store.customer", "customer", '"crm"."customer"']
)
def test_a_table_is_meant_by_any_of_its_names(flyway: Database, name: str) -> None:
    with flyway.connect("olga") as connection:
        row = connection.execute("SELECT pgmask.detach(%s)", (name,)).fetchone()
        assert row == ("crm_store.customer",)
        assert attach(connection, name)


@pytest.mark.parametrize("name", ["crm.nothing", "", "a.b.c.d", "NULL", "'; DROP TABLE x"])
def test_other_names_are_refused(flyway: Database, name: str) -> None:
    given = "NULL" if name == "NULL" else "'" + name.replace("'", "''") + "'"
    assert refused(flyway, f"SELECT pgmask.detach({given})") == "PM261"
    assert refused(flyway, f"SELECT pgmask.attach({given})") == "PM261"


def test_detach_twice_is_once(flyway: Database) -> None:
    with detached(flyway) as connection:
        connection.execute(DETACH)
        assert attach(connection)
        with pytest.raises(psycopg.Error) as error:
            attach(connection)
    assert code(error) == "PM261"


def test_other_ways_to_end_the_transaction_are_refused_too(flyway: Database) -> None:
    assert refused(flyway, DETACH, "SET CONSTRAINTS ALL IMMEDIATE") == "PM210"
    assert refused(flyway, DETACH, "PREPARE TRANSACTION 'mine'") == "PM210"
    assert refused(flyway, DETACH, ATTACH, DETACH, "COMMIT") == "PM210"
    assert refused(flyway, DETACH, "DELETE FROM pgmask_private.detached") == "42501"
    off = "ALTER TABLE pgmask_private.detached DISABLE TRIGGER ALL"
    assert refused(flyway, DETACH, off) == "42501"
    assert drift_of(flyway) == ()


def test_a_savepoint_takes_a_detach_back(flyway: Database) -> None:
    with flyway.connect("olga") as connection:
        connection.execute("SAVEPOINT s")
        connection.execute(DETACH)
        connection.execute("ROLLBACK TO s")
    assert drift_of(flyway) == ()
    with detached(flyway) as connection:
        connection.execute("SAVEPOINT s")
        connection.execute("ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY")
        with pytest.raises(psycopg.Error):
            attach(connection)
        connection.execute("ROLLBACK TO s")
        assert attach(connection)
    assert drift_of(flyway) == ()


def test_without_detach_postgresql_says_what_hangs_on_the_column(flyway: Database) -> None:
    alter = "ALTER TABLE crm_store.customer ALTER born TYPE timestamp"
    assert refused(flyway, alter) == "0A000"
    assert refused(flyway, DETACH, alter, ATTACH, "SELECT 1/0") == "22012"  # the control


def test_taken_off_just_before_detach_is_noticed(flyway: Database) -> None:
    off = "ALTER TABLE crm_store.customer DISABLE TRIGGER zzz_pgmask_insert"
    assert refused(flyway, off, DETACH) == "PM213"


def test_taken_off_outside_a_window_is_found_by_drift(flyway: Database) -> None:
    with flyway.connect("olga") as connection:
        connection.execute("ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY")
    assert {(d.object, d.attribute) for d in drift_of(flyway)} == {
        ("security:crm_store.customer", "enabled")
    }
    assert refused(flyway, DETACH) == "PM213"


def test_a_renamed_or_moved_store_is_refused(flyway: Database) -> None:
    for ddl in ("RENAME TO client", "SET SCHEMA public"):
        with flyway.superuser() as su:
            su.execute("GRANT CREATE ON SCHEMA public TO pgmask_store")
        alter = f"ALTER TABLE crm_store.customer {ddl}"
        assert refused(flyway, DETACH, alter, ATTACH) == "PM262"
    change = "ALTER TABLE crm_store.customer RENAME TO x; CREATE TABLE crm_store.customer (id int)"
    assert refused(flyway, DETACH, change, ATTACH) == "PM262"


def test_a_dropped_table_is_told(flyway: Database) -> None:
    with flyway.connect("olga") as connection:
        connection.execute("SELECT pgmask.detach('crm.policy')")
        connection.execute("DROP TABLE crm_store.policy CASCADE")
        assert "DROPPED" in attach(connection, "crm.policy")["crm.policy"]
    assert any(d.attribute == "existence" for d in drift_of(flyway))


def test_another_table_does_not_take_the_place_of_a_dropped_one(flyway: Database) -> None:
    """Its triggers would run as the sealer when the flags of a customer are carried to it."""
    with flyway.connect("olga") as connection:
        connection.execute("SELECT pgmask.detach('crm.policy')")
        connection.execute("DROP TABLE crm_store.policy CASCADE")
        connection.execute("CREATE TABLE crm_store.policy (customer_id bigint)")
        with pytest.raises(psycopg.Error) as error:
            attach(connection, "crm.policy")
        connection.rollback()
    assert code(error) == "PM262"


def test_swapped_and_reused_names_follow_the_columns(flyway: Database) -> None:
    """A new column under an old name must not get what the old one had."""
    with detached(flyway) as connection:
        for ddl in (
            "RENAME born TO x", "RENAME card_grade TO born", "RENAME x TO card_grade",
            "DROP owner_id", "ADD owner_id text DEFAULT 'plain'",
        ):  # fmt: skip
            connection.execute(f"ALTER TABLE crm_store.customer {ddl}".encode())
        attach(connection)
    columns = view_of(flyway, "crm.customer")["columns"]
    assert "owner_id" not in columns
    assert columns["card_grade"] == "date"
    assert columns["born"] == "text"
    assert drift_of(flyway) == ()


def test_rights_and_comments_of_views_come_back(flyway: Database) -> None:
    with flyway.superuser() as su:
        su.execute("COMMENT ON COLUMN crm.customer.name IS 'It''s a name'")
        su.execute("GRANT SELECT (city) ON crm.customer TO mallory WITH GRANT OPTION")
        su.execute("ALTER VIEW crm.customer ALTER COLUMN city SET DEFAULT 'Wuhan'")
    question = (
        "SELECT json_agg(json_build_array(a.attname, a.attacl::text, col_description(a.attrelid,"
        " a.attnum), (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d WHERE"
        " d.adrelid = a.attrelid AND d.adnum = a.attnum)) ORDER BY a.attnum)::text"
        " FROM pg_attribute AS a WHERE a.attrelid = 'crm.customer'::regclass AND a.attnum > 0"
    )
    before = flyway.rows(question, user="postgres")
    with detached(flyway) as connection:
        attach(connection)
    assert flyway.rows(question, user="postgres") == before
    assert "mallory" in str(before)
