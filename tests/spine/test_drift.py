"""Every managed attribute changed by hand: drift names that attribute and nothing else."""

from __future__ import annotations

import pytest

from pgmask.plan import Hazard
from tests.harness import Database
from tests.spine.world import applied, catalogue_of, drift_of, plan_of

pytestmark = pytest.mark.requirement("A4")

# statement by a superuser; object whose drift is named; attributes.
TAMPERED = {
    "view owner": (
        "ALTER VIEW crm.customer OWNER TO pgmask_owner",
        "view:crm.customer", {"owner"},
    ),
    "view option": (
        "ALTER VIEW crm.customer SET (security_barrier = true)",
        "view:crm.customer", {"options"},
    ),
    "view definition": (
        "CREATE OR REPLACE VIEW analyst.policy AS SELECT id, holder_id, product,"
        " amount FROM crm_store.policy",
        "view:analyst.policy", {"definition"},
    ),
    "view comment": (
        "COMMENT ON VIEW crm.customer IS 'mine'", "view:crm.customer", {"comment"},
    ),
    "view default": (
        "ALTER VIEW crm.customer ALTER COLUMN city SET DEFAULT 'x'",
        "view:crm.customer", {"defaults"},
    ),
    "view grant": (
        "GRANT SELECT ON crm.customer TO mallory", "view:crm.customer", {"grants"},
    ),
    "group role grant": (
        "GRANT TRIGGER ON crm.customer TO pgmask_agent",
        "grant:relation crm.customer to pgmask_agent", {"privileges"},
    ),
    "group role revoke": (
        "REVOKE SELECT ON crm.customer FROM pgmask_agent",
        "grant:relation crm.customer to pgmask_agent", {"privileges"},
    ),
    "view owner column grant": (
        "GRANT SELECT (health) ON crm_store.customer TO pgmask_agent_views",
        "grant:relation crm_store.customer to pgmask_agent_views", {"columns"},
    ),
    "policy expression": (
        "ALTER POLICY pgmask_agent_select ON crm_store.customer USING (true)",
        "policy:crm_store.customer.pgmask_agent_select", {"using"},
    ),
    "policy check": (
        "ALTER POLICY pgmask_agent_insert ON crm_store.customer WITH CHECK (true)",
        "policy:crm_store.customer.pgmask_agent_insert", {"check"},
    ),
    "policy role": (
        "ALTER POLICY pgmask_agent_select ON crm_store.customer TO PUBLIC",
        "policy:crm_store.customer.pgmask_agent_select", {"roles"},
    ),
    "policy dropped": (
        "DROP POLICY pgmask_owner_refused ON crm_store.policy",
        "policy:crm_store.policy.pgmask_owner_refused", {"existence"},
    ),
    "policy added": (
        "CREATE POLICY mine ON crm_store.policy TO mallory USING (true)",
        "security:crm_store.policy", {"policies"},
    ),
    "row security off": (
        "ALTER TABLE crm_store.policy DISABLE ROW LEVEL SECURITY",
        "security:crm_store.policy", {"enabled"},
    ),
    "force off": (
        "ALTER TABLE crm_store.policy NO FORCE ROW LEVEL SECURITY",
        "security:crm_store.policy", {"forced"},
    ),
    "store owner": (
        "ALTER TABLE crm_store.policy OWNER TO olga", "place:crm_store.policy", {"owner"},
    ),
    "store grant": (
        "GRANT SELECT ON crm_store.policy TO mallory", "place:crm_store.policy", {"grants"},
    ),
    "store column grant": (
        "GRANT SELECT (amount) ON crm_store.policy TO PUBLIC",
        "place:crm_store.policy", {"column_grants"},
    ),
    "store trigger": (
        "CREATE TRIGGER aaa BEFORE UPDATE ON crm_store.policy FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "place:crm_store.policy", {"triggers"},
    ),
    "flag default": (
        "ALTER TABLE crm_store.policy ALTER COLUMN pgmask_high_value SET DEFAULT true",
        "column:crm_store.policy.pgmask_high_value", {"default"},
    ),
    "flag not null": (
        "ALTER TABLE crm_store.policy ALTER COLUMN pgmask_restricted DROP NOT NULL",
        "column:crm_store.policy.pgmask_restricted", {"not_null"},
    ),
    "schema grant": (
        "GRANT USAGE ON SCHEMA crm_store TO mallory", "schema:crm_store", {"grants"},
    ),
    "explained columns": (
        "UPDATE pgmask_private.profile_column SET form = 'plain' WHERE form = 'hidden'"
        " AND table_id = 'crm.policy'",
        "row:profile_column crm.policy", {"rows"},
    ),
    "identity view": (
        "CREATE OR REPLACE VIEW pgmask_private.identity_agent AS SELECT i.* FROM"
        " pgmask_private.identity AS i",
        "view:pgmask_private.identity_agent", {"definition"},
    ),
    "foreign view": (
        "CREATE VIEW public.mine AS SELECT * FROM crm_store.policy;"
        "ALTER VIEW public.mine OWNER TO pgmask_agent_views",
        "view:public.mine", {"existence"},
    ),
}  # fmt: skip

# What pgmask did not make it names and leaves; what belongs to others it may not take back.
_NOT_OURS = ("foreign view", "store trigger", "policy added", "store owner")
# Changing the owner of a relation rewrites who granted what, and moves what the owner held.
_ALSO = {"view owner": {"grants"}, "store owner": {"grants", "column_grants"}}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_named_and_put_back(adopted: Database, name: str) -> None:
    statement, key, attributes = TAMPERED[name]
    assert drift_of(adopted) == ()
    with adopted.superuser() as su:
        for one in statement.split(";"):
            su.execute(one.encode())
    found = drift_of(adopted)
    assert {d.object for d in found} == {key}
    named = {d.attribute for d in found}
    assert attributes <= named <= attributes | _ALSO.get(name, set())
    if name in _NOT_OURS:
        return
    catalogue = catalogue_of("two_tables")
    plan = plan_of(adopted, catalogue)
    assert Hazard.OVERWRITES_DRIFT.value in plan.hazards
    assert key in {k for s in plan.steps for k, _ in s.drifted}
    applied(adopted, plan)
    assert drift_of(adopted, catalogue) == ()
    assert plan_of(adopted, catalogue).empty


def test_roles_are_watched(adopted: Database) -> None:
    with adopted.superuser() as su:
        su.execute("ALTER ROLE pgmask_agent_views LOGIN")
        try:
            found = drift_of(adopted)
        finally:
            su.execute("ALTER ROLE pgmask_agent_views NOLOGIN")
    assert [(d.object, d.attribute) for d in found] == [("role:pgmask_agent_views", "login")]


@pytest.mark.requirement("A1", "A5")
def test_a_new_column_is_named_as_unclassified(adopted: Database) -> None:
    with adopted.superuser() as su:
        su.execute("ALTER TABLE crm_store.customer ADD COLUMN region text")
        su.execute("CREATE TABLE crm.extra (id integer PRIMARY KEY)")
    found = drift_of(adopted, catalogue_of("two_tables"))
    assert {(d.object, d.now) for d in found} == {
        ("column:crm.customer.region", "unclassified"),
        ("table:crm.extra", "unclassified"),
    }
