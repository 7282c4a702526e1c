"""What a table brings along that cannot stay: refused by name, all at once, nothing touched."""

from __future__ import annotations

import pytest

from pgmask.compile import Severity, check
from pgmask.errors import PlanError
from tests.harness import Database
from tests.spine.world import applied, catalogue_of, facts_of, fill, plan_of

pytestmark = pytest.mark.requirement("A1", "A5")

STANDS_IN_THE_WAY = {
    "view": ("CREATE VIEW crm.ref_v AS SELECT name FROM crm.customer", "PM208", "crm.ref_v"),
    "materialised view": (
        "CREATE MATERIALIZED VIEW crm.ref_mv AS SELECT id FROM crm.policy", "PM208", "crm.ref_mv",
    ),
    "function with an SQL body": (
        "CREATE FUNCTION crm.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC"
        " SELECT count(*) FROM crm.customer; END",
        "PM208", "crm.f()",
    ),
    "function over its row type": (
        "CREATE FUNCTION crm.g(crm.policy) RETURNS int LANGUAGE sql RETURN 1", "PM208",
        "crm.g(crm.policy)",
    ),
    "rule": (
        "CREATE RULE r AS ON DELETE TO crm.policy DO INSTEAD NOTHING", "PM208", "r",
    ),
    "policy of its own": (
        "CREATE POLICY own ON crm.policy USING (true)", "PM209", "own",
    ),
    "column without a class": (
        "ALTER TABLE crm.customer ADD COLUMN region text", "PM202", "region",
    ),
    "table without a class": (
        "CREATE TABLE crm.extra (id int PRIMARY KEY)", "PM202", "crm.extra",
    ),
    "column that is gone": (
        "ALTER TABLE crm.customer DROP COLUMN health", "PM201", "health",
    ),
    "table that is gone": (
        "ALTER TABLE crm.policy RENAME TO ref_policies", "PM201", "crm.policy",
    ),
    "no primary key": (
        "ALTER TABLE crm.ref_note DROP CONSTRAINT ref_note_policy_id_fkey;"
        "ALTER TABLE crm.policy DROP CONSTRAINT policy_pkey", "PM206", "crm.policy",
    ),
    "unlogged": (
        "ALTER TABLE crm.ref_note DROP CONSTRAINT ref_note_policy_id_fkey;"
        "ALTER TABLE crm.policy SET UNLOGGED", "PM204", "crm.policy",
    ),
    "our own prefix": (
        "ALTER TABLE crm.policy ADD COLUMN pgmask_x text", "PM204", "pgmask_x",
    ),
    "name of a view": (
        "CREATE SCHEMA analyst; CREATE TABLE analyst.policy (id int)", "PM211", "analyst.policy",
    ),
    "name of a store": (
        "CREATE SCHEMA crm_store; CREATE TABLE crm_store.policy (id int)", "PM211",
        "crm_store.policy",
    ),
    "publication with full identity": (
        "ALTER TABLE crm.policy REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE crm.policy",
        "PM214", "p",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STANDS_IN_THE_WAY)
def test_is_refused_by_name(installed: Database, name: str) -> None:
    statement, code, what = STANDS_IN_THE_WAY[name]
    fill(installed, "two_tables")
    catalogue = catalogue_of("two_tables")
    assert [p for p in check(catalogue, facts_of(installed)) if p.severity is Severity.REFUSE] == []
    installed.run(statement)
    found = [p for p in check(catalogue, facts_of(installed)) if p.severity is Severity.REFUSE]
    assert (code, what) in {(p.code, p.what) for p in found}, found
    assert all(p.hint for p in found if p.code == code)
    with pytest.raises(PlanError) as caught:
        plan_of(installed, catalogue)
    assert caught.value.code == "PM200"
    assert code in caught.value.detail


def test_all_problems_come_together(installed: Database) -> None:
    fill(installed, "two_tables")
    for name in (
        "view",
        "rule",
        "column without a class",
        "table without a class",
        "our own prefix",
    ):
        installed.run(STANDS_IN_THE_WAY[name][0])
    with pytest.raises(PlanError) as caught:
        plan_of(installed, catalogue_of("two_tables"))
    for name in (
        "view",
        "rule",
        "column without a class",
        "table without a class",
        "our own prefix",
    ):
        assert STANDS_IN_THE_WAY[name][2] in caught.value.detail


def test_a_view_over_a_profiles_view_stops_a_change_of_shape_only(adopted: Database) -> None:
    with adopted.superuser() as su:
        su.execute("CREATE VIEW public.report AS SELECT product FROM analyst.policy")
    catalogue = catalogue_of("two_tables")
    applied(adopted, plan_of(adopted, catalogue)) if not plan_of(adopted, catalogue).empty else None
    with adopted.superuser() as su:
        su.execute("SET session_replication_role = replica")
        su.execute("DROP VIEW crm.policy, analyst.policy CASCADE")
        su.execute("ALTER TABLE crm_store.policy ALTER COLUMN product TYPE varchar(20)")
    applied(adopted, plan_of(adopted, catalogue))
    with adopted.superuser() as su:
        su.execute("CREATE VIEW public.report AS SELECT product FROM analyst.policy")
        su.execute("ALTER TABLE crm_store.policy RENAME COLUMN product TO product_code")
    with pytest.raises(PlanError) as caught:
        plan_of(adopted, catalogue)
    assert "product" in caught.value.detail


@pytest.mark.parametrize("columns", ["", " (id, holder_id)"])
def test_a_publication_sends_the_applications_columns_only(
    installed: Database, columns: str
) -> None:
    fill(installed, "two_tables")
    installed.run(f"CREATE PUBLICATION feed FOR TABLE crm.policy{columns}, crm.ref_note")
    catalogue = catalogue_of("two_tables")
    plan = plan_of(installed, catalogue)
    assert ("TOUCHES_UNMANAGED_OBJECT" in plan.hazards) is (columns == "")
    applied(installed, plan)
    sent = installed.rows(
        "SELECT attnames::text[] FROM pg_publication_tables WHERE tablename = 'policy'"
    )
    wanted = ["id", "holder_id", "product", "amount"] if columns == "" else ["id", "holder_id"]
    assert sent == [(wanted,)]
    assert plan_of(installed, catalogue).empty


def test_a_publication_of_everything_is_named(installed: Database) -> None:
    fill(installed, "two_tables")
    with installed.superuser() as su:
        su.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    plan = plan_of(installed, catalogue_of("two_tables"))
    assert any("everything" in w for w in plan.warnings)


def test_an_index_that_tells_of_other_units_is_named(installed: Database) -> None:
    """A warning for an index led by a level 2 column, none once the unit leads (A09)."""
    fill(installed, "two_tables")

    def named() -> list[tuple[str, str]]:
        found = check(catalogue_of("two_tables"), facts_of(installed))
        assert all(p.severity is Severity.WARN for p in found if p.code == "PM216")
        return [(p.table, p.what) for p in found if p.code == "PM216"]

    assert named() == []
    installed.run("CREATE INDEX by_name ON crm.customer (name)")
    assert named() == [("crm.customer", "by_name")]
    installed.run(
        "DROP INDEX crm.by_name; CREATE INDEX by_unit_name ON crm.customer (unit_id, name);"
        "CREATE INDEX by_owner ON crm.customer (owner_id)"
    )
    assert named() == []
