"""What applications meet: the same names, types and SQL; masks, hidden columns, rows by unit."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.harness import Database

pytestmark = pytest.mark.requirement("B6", "B7", "C1")


@pytest.fixture
def crm(adopted: Database) -> Database:
    return adopted


def as_(database: Database, user: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.dsn(user)) as connection:
        cursor = connection.execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description is not None else []


def refused(database: Database, user: str, query: str) -> str:
    with (
        psycopg.connect(database.dsn(user)) as connection,
        pytest.raises(psycopg.Error) as caught,
    ):
        connection.execute(query.encode())
    return caught.value.sqlstate or ""


def test_every_profile_has_the_tables_own_shape(crm: Database) -> None:
    shape = (
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation"
        " FROM pg_attribute AS a WHERE a.attrelid = %s::regclass AND a.attnum > 0"
        " AND NOT a.attisdropped AND a.attname !~ '^pgmask_' ORDER BY a.attnum"
    )
    for table in ("customer", "policy"):
        store = crm.rows(shape, f"crm_store.{table}")
        assert crm.rows(shape, f"crm.{table}") == store
        assert crm.rows(shape, f"analyst.{table}") == store
    options = crm.rows(
        "SELECT DISTINCT reloptions FROM pg_class WHERE relkind = 'v' AND"
        " relnamespace IN ('crm'::regnamespace, 'analyst'::regnamespace)"
    )
    assert options == [(None,)], "plain views: a barrier ruins plans"


def test_rows_of_the_own_unit_only(crm: Database) -> None:
    assert as_(crm, "app", "SELECT DISTINCT unit_id FROM crm.customer") == [(1,)]
    assert as_(crm, "app", "SELECT count(*) FROM crm.customer") == [(5,)]
    # A table without a unit column follows its subject's.
    crm.run("SET ROLE pgmask_sealer; UPDATE crm_store.policy AS p SET pgmask_unit = c.unit_id"
            " FROM crm_store.customer AS c WHERE c.id = p.holder_id")  # fmt: skip
    assert as_(crm, "app", "SELECT count(*) FROM crm.policy") == [(5,)]
    assert as_(crm, "alan", "SELECT count(*) FROM analyst.customer") == [(10,)]
    # Control: without row-level security the same view shows every row.
    with crm.superuser() as su:
        su.execute("ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY")
    assert as_(crm, "app", "SELECT count(*) FROM crm.customer") == [(10,)]


@pytest.mark.requirement("D1")
@pytest.mark.parametrize("flag", ["pgmask_high_value", "pgmask_restricted"])
def test_flagged_rows_are_left_out(crm: Database, flag: str) -> None:
    crm.run(f"SET ROLE pgmask_sealer; UPDATE crm_store.customer SET {flag} = true WHERE id = 2")
    before = as_(crm, "alan", "SELECT count(*) FROM analyst.customer")
    assert before == [(9,)]
    assert as_(crm, "app", "SELECT id FROM crm.customer WHERE id = 2") == []
    assert as_(crm, "app", "UPDATE crm.customer SET city = city WHERE id = 2 RETURNING id") == []


def test_masked_and_hidden_columns(crm: Database) -> None:
    rows = as_(crm, "alan", "SELECT name, remark, health, born FROM analyst.customer LIMIT 1")
    name, remark, health, born = rows[0]
    assert "*" in name
    assert "walks" not in (remark or "*")
    assert (health, born) == (None, None)
    own = as_(crm, "app", "SELECT name, remark, health FROM crm.customer LIMIT 1")
    assert own[0][0] == "Zhang San"
    assert own[0][2] is None


def test_no_identity_is_an_error_and_no_grant_is_none(crm: Database) -> None:
    with crm.superuser() as su:
        su.execute("GRANT pgmask_agent TO mallory")
    try:
        assert refused(crm, "mallory", "SELECT count(*) FROM crm.customer")[:4] == "PM10"
        assert refused(crm, "mallory", "INSERT INTO crm.policy (holder_id) VALUES (1)")[:2] == "PM"
    finally:
        with crm.superuser() as su:
            su.execute("REVOKE pgmask_agent FROM mallory")
    assert refused(crm, "mallory", "SELECT count(*) FROM crm.customer") == "42501"
    for query in (
        "SELECT * FROM crm_store.customer",
        "UPDATE crm_store.customer SET name = 'x'",
        "TRUNCATE crm.policy",
        "CREATE TRIGGER t INSTEAD OF UPDATE ON crm.customer EXECUTE FUNCTION pg_catalog.now()",
        "CREATE VIEW crm.mine AS SELECT 1",
        "SELECT * FROM pgmask_private.managed_object",
    ):
        assert refused(crm, "app", query) in ("42501", "42P17", "42809", "42883", "42P01"), query


def test_views_are_updatable_with_defaults_and_sequences(crm: Database) -> None:
    with psycopg.connect(crm.dsn("app")) as connection:
        run = connection.execute
        made = run(
            "INSERT INTO crm.customer (unit_id, name) VALUES (1, 'Li Si')"
            " RETURNING id, card_grade, city"
        ).fetchone()
        assert made is not None
        assert made[1] == "standard", "the table's own default"
        serial = run(
            "INSERT INTO crm.policy (holder_id, product, amount) VALUES (%s, 'life', 5)"
            " RETURNING id, amount",
            (made[0],),
        )
        # The new row carries its subject's unit only through the sealing trigger.
        assert serial.fetchone() is not None
        # A whole-row writer: every column of a writable view is a stored one.
        run(
            "UPDATE crm.customer SET unit_id = unit_id, owner_id = 7, name = name, remark = remark,"
            " city = city, health = health, born = born, card_grade = card_grade WHERE id = %s",
            (made[0],),
        )
        run(
            "INSERT INTO crm.customer (id, unit_id, name) VALUES (%s, 1, 'Wang Wu')"
            " ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
            (made[0],),
        )
        assert run("SELECT name FROM crm.customer WHERE id = %s", (made[0],)).fetchone() == (
            "Wang Wu",
        )
        assert run("DELETE FROM crm.customer WHERE id = %s", (made[0],)).rowcount == 1
        connection.rollback()
    # Another unit's row is neither written nor made.
    assert as_(crm, "app", "UPDATE crm.customer SET city = 'x' WHERE unit_id = 2 RETURNING 1") == []
    assert (
        refused(crm, "app", "INSERT INTO crm.customer (unit_id, name) VALUES (2, 'x')") == "42501"
    )
    assert refused(crm, "app", "UPDATE crm.customer SET unit_id = 2") == "42501"


def test_foreign_keys_to_a_store_hold(crm: Database) -> None:
    # An unprotected table refers to the store: its owner writes as before.
    crm.run("INSERT INTO crm.ref_note (policy_id, note) VALUES (1, 'x')")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        crm.run("INSERT INTO crm.ref_note (policy_id, note) VALUES (4711, 'x')")
    # ON DELETE CASCADE runs as the owner of the table it reaches.
    assert as_(crm, "app", "DELETE FROM crm.customer WHERE id = 4 RETURNING id") == [(4,)]
    assert crm.rows("SELECT count(*) FROM crm_store.policy WHERE holder_id = 4",
                    user="postgres") == [(0,)]  # fmt: skip


def test_opens_when_sealed_waits(crm: Database) -> None:
    # Nothing in this catalogue is sealed, so the analyst was let in at once.
    assert as_(crm, "alan", "SELECT has_table_privilege('pgmask_analyst', 'analyst.policy',"
                            " 'SELECT')") == [(True,)]  # fmt: skip


@pytest.mark.requirement("C3")
def test_nobody_can_pass_a_right_on(crm: Database) -> None:
    grants = crm.rows(
        "SELECT count(*) FROM (SELECT aclexplode(relacl) AS e, relowner FROM pg_class"
        " WHERE relnamespace IN ('crm'::regnamespace, 'analyst'::regnamespace,"
        " 'crm_store'::regnamespace) AND relkind IN ('r', 'v', 'p')) AS x"
        " WHERE (x.e).is_grantable AND (x.e).grantee <> x.relowner"
        " AND (x.e).grantee IN (SELECT oid FROM pg_roles WHERE rolname ~ '^pgmask')"
    )
    assert grants == [(0,)]
    wide = crm.rows(
        "SELECT count(*) FROM (SELECT aclexplode(relacl) AS e FROM pg_class"
        " WHERE relnamespace IN ('crm'::regnamespace, 'analyst'::regnamespace) AND relkind = 'v')"
        " AS x WHERE (x.e).grantee = 'pgmask_agent'::regrole"
        " AND (x.e).privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')"
    )
    assert wide == [(0,)]
