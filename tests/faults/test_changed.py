"""The application's migrations between plan and apply, and after: refused, invisible, reported."""

from __future__ import annotations

import psycopg
import pytest

from tests.faults.world import (
    APPROVED,
    LEVEL_1,
    ROWS,
    Site,
    failed,
    finished,
    held,
    until,
    waits_for_lock,
)  # fmt: skip

pytestmark = pytest.mark.requirement("A4", "A5", "A6")

BETWEEN = {
    "a column added": "ALTER TABLE crm.customer ADD COLUMN second_phone text",
    "a column dropped": "ALTER TABLE crm.customer DROP COLUMN remark",
    "a type changed": "ALTER TABLE crm.customer ALTER COLUMN phone TYPE varchar(30)",
    "a column renamed": "ALTER TABLE crm.customer RENAME COLUMN phone TO mobile",
    "a grant": "GRANT SELECT ON crm.customer TO mallory",
    "a default": "ALTER TABLE crm.customer ALTER COLUMN remark SET DEFAULT 'none'",
    "an index": "CREATE INDEX later ON crm.customer (phone)",
    "a trigger": "CREATE FUNCTION crm.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;"  # noqa: E501
    " CREATE TRIGGER late BEFORE UPDATE ON crm.customer FOR EACH ROW EXECUTE FUNCTION crm.f()",
    "the owner": "GRANT olga TO installer; ALTER TABLE crm.customer OWNER TO olga;"
    " REVOKE olga FROM installer",
    "the table dropped": "DROP TABLE crm.customer CASCADE",
    "row-level security": "ALTER TABLE crm.customer ENABLE ROW LEVEL SECURITY",
}


def state(site: Site) -> list[str]:
    """Everything that a failed apply must leave alone."""
    text = site.database.program("pg_dump", "--schema-only", "--schema", "crm*", user="postgres")
    # Newer versions write a random word into the first and last line.
    return [line for line in text.splitlines() if not line.startswith(("--", "\\"))]


@pytest.mark.parametrize("change", BETWEEN)
def test_a_migration_between_plan_and_apply(plain: Site, change: str) -> None:
    plain.database.run(BETWEEN[change], user="postgres")
    before = state(plain)
    done = plain.run("apply", "plan.json", *APPROVED)
    assert (done.returncode, "PM230" in done.stderr) == (3, True), done.stderr
    assert "crm.customer" in done.stderr
    assert "plan" in done.stderr.lower()
    assert state(plain) == before
    assert plain.database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
    assert plain.database.rows("SELECT count(*) FROM pgmask.deployed") == [(0,)]


def test_the_other_table_is_changed_while_apply_runs(plain: Site) -> None:
    """The first table stands, the second is refused untouched; a new plan goes on."""
    with held(plain.database, "LOCK TABLE crm.customer IN ACCESS SHARE MODE") as other:
        process = plain.start("apply", "plan.json", *APPROVED)
        with plain.database.superuser() as su:
            until(lambda: waits_for_lock(su) or process.poll() is not None)
        plain.database.run("ALTER TABLE crm.policy ADD COLUMN note text")
        other.rollback()
        failed(finished(process), code="PM230", exit_code=3, says="crm.policy")
    assert plain.database.rows(
        "SELECT to_regclass('crm_store.customer') IS NULL, to_regclass('crm_store.policy') IS NULL"
    ) == [(False, True)]
    plain.people()
    plain.closed()
    text = plain.catalogue.read_text("utf-8")
    plain.catalogue.write_text(
        text.replace("holder_id, product]", "holder_id, product, note]"), "utf-8"
    )
    plain.make_plan()
    plain.apply()
    plain.people()
    plain.seal()
    plain.whole()


def test_a_column_added_after_apply(sealed: Site) -> None:
    """By a hand that may (a superuser): seen by nobody, and named by check and drift."""
    with sealed.database.superuser() as su:
        su.execute(
            "ALTER TABLE crm_store.customer ADD COLUMN second_phone text DEFAULT '13912345678'"
        )
    for login, view in (("app", "crm.customer"), ("alan", "analyst.customer")):
        shown = sealed.sees(login, f"SELECT * FROM {view}")
        assert shown
        assert LEVEL_1.search(str(shown)) is None
        with pytest.raises(psycopg.errors.UndefinedColumn):
            sealed.sees(login, f"SELECT second_phone FROM {view}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sealed.sees("app", "SELECT second_phone FROM crm_store.customer")
    done = sealed.run("check", "catalogue.yml", "--dsn", sealed.database.dsn())
    assert done.returncode == 2, done.stdout
    assert "second_phone" in done.stdout
    assert "PM015" in done.stdout
    done = sealed.run("drift", "catalogue.yml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "second_phone" in done.stdout
    done = sealed.refused("plan", "catalogue.yml", code="PM200", says="second_phone")
    # Classified, planned, applied: sealed as the others are.
    text = sealed.catalogue.read_text("utf-8")
    sealed.catalogue.write_text(
        text.replace(
            "      remark: {",
            "      second_phone: {level: 1, category: basic, kind: mobile}\n      remark: {",
        ),
        "utf-8",
    )
    sealed.make_plan()
    sealed.fine("apply", "plan.json", *APPROVED, "--allow", "DROPS_PROTECTION")
    sealed.closed()
    # Until it is sealed, whoever waits for sealed tables waits again.
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sealed.sees("alan", "SELECT * FROM analyst.customer")
    # A write to another column in between loses nothing of the value that is still plain.
    sealed.app_writes(key=2)
    sealed.seal()
    sealed.fine("seal", "--all", "--verify")
    assert sealed.truths(column="second_phone") == dict.fromkeys(range(1, ROWS + 1), "13912345678")
    sealed.whole(changed={2: "13900001111"})
    assert LEVEL_1.search(str(sealed.sees("app", "SELECT second_phone FROM crm.customer"))) is None
    sealed.closed_but_masked()
    assert sealed.sees("alan", "SELECT count(*) FROM analyst.customer") == [(ROWS,)]
    assert sealed.truths()[1] is not None
    assert sealed.app_reads() == ROWS // 2
