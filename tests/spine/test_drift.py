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
    "somebody's view over a store": (
        "CREATE VIEW public.copy AS SELECT id FROM crm_store.policy;"
        "ALTER VIEW public.copy OWNER TO mallory",
        "view:public.copy", {"existence"},
    ),
    "somebody's materialised view over a store": (
        "CREATE MATERIALIZED VIEW public.copies AS SELECT id FROM crm_store.policy",
        "matview:public.copies", {"existence"},
    ),
    "function of the sealer": (
        "CREATE FUNCTION public.truth() RETURNS integer LANGUAGE sql RETURN 1;"
        "ALTER FUNCTION public.truth() OWNER TO pgmask_sealer",
        "function:public.truth()", {"existence"},
    ),
    "function of the store owner": (
        "CREATE FUNCTION public.truth() RETURNS integer LANGUAGE sql RETURN 1;"
        "ALTER FUNCTION public.truth() OWNER TO pgmask_store",
        "function:public.truth()", {"existence"},
    ),
    "function in pgmask's schema": (
        "CREATE FUNCTION pgmask.truth() RETURNS integer LANGUAGE sql RETURN 1",
        "function:pgmask.truth()", {"existence"},
    ),
    "function beside a profile's views": (
        "CREATE FUNCTION analyst.truth() RETURNS integer LANGUAGE sql RETURN 1",
        "function:analyst.truth()", {"existence"},
    ),
    "another arm of the identity's refusal": (
        "CREATE FUNCTION pgmask.refuse_identity(integer) RETURNS boolean LANGUAGE sql RETURN true",
        "function:pgmask.refuse_identity(integer)", {"existence"},
    ),
    "table in pgmask's schema": (
        "CREATE TABLE pgmask_private.aside (id integer)",
        "place:pgmask_private.aside", {"existence"},
    ),
    "trigger in pgmask's schema": (
        "CREATE TRIGGER aaa BEFORE UPDATE ON pgmask_private.person FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "trigger:aaa on pgmask_private.person", {"existence"},
    ),
    "rule in pgmask's schema": (
        "CREATE RULE silent AS ON INSERT TO pgmask_private.register_history DO INSTEAD NOTHING",
        "rule:silent on pgmask_private.register_history", {"existence"},
    ),
    "operator in pgmask's schema": (
        "CREATE OPERATOR pgmask.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
        "operator:pgmask.===(text,text)", {"existence"},
    ),
    "not null dropped": (
        "ALTER TABLE crm_store.customer ALTER COLUMN name DROP NOT NULL",
        "place:crm_store.customer", {"required"},
    ),
    "a view that lends rights": (
        "CREATE VIEW public.lends AS SELECT id FROM crm.customer",
        "view:crm.customer", {"lent"},
    ),
}  # fmt: skip

# What pgmask did not make it names and leaves; what belongs to others it may not take back.
_NOT_OURS = (
    "foreign view", "store trigger", "policy added", "store owner", "somebody's view over a store",
    "somebody's materialised view over a store", "function of the sealer",
    "function of the store owner", "function in pgmask's schema",
    "function beside a profile's views", "another arm of the identity's refusal",
    "table in pgmask's schema", "trigger in pgmask's schema", "rule in pgmask's schema",
    "operator in pgmask's schema", "not null dropped", "a view that lends rights",
)  # fmt: skip
# Changing the owner of a relation rewrites who granted what, and moves what the owner held.
_ALSO = {
    "view owner": {"grants"}, "store owner": {"grants", "column_grants"},
    "store trigger": {"trigger_functions"},
}  # fmt: skip


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


TOUCH = """\
CREATE OR REPLACE FUNCTION crm.touch() RETURNS trigger LANGUAGE plpgsql
AS $$BEGIN NEW.city := 'Bonn'; RETURN NEW; END$$
"""


@pytest.mark.parametrize(
    "change",
    [
        TOUCH.replace("Bonn", "Kiel"),
        "ALTER FUNCTION crm.touch() OWNER TO mallory",
        "ALTER FUNCTION crm.touch() SECURITY DEFINER",
        "ALTER FUNCTION crm.touch() SET search_path = public",
    ],
)
def test_a_changed_trigger_function_is_named(adopted: Database, change: str) -> None:
    """The application's own trigger sees the row before it is sealed: its source is recorded."""
    with adopted.superuser() as su:
        su.execute(TOUCH.encode())
        su.execute(
            "CREATE TRIGGER touch BEFORE UPDATE ON crm_store.customer FOR EACH ROW"
            " EXECUTE FUNCTION crm.touch()"
        )
    applied(adopted, plan_of(adopted, catalogue_of("two_tables")))
    assert drift_of(adopted) == ()
    with adopted.superuser() as su:
        su.execute(change.encode())
    found = drift_of(adopted)
    assert [(d.object, d.attribute) for d in found] == [
        ("place:crm_store.customer", "trigger_functions")
    ]
    assert "crm.touch()" in found[0].now
    assert found[0].now != found[0].recorded
    applied(adopted, plan_of(adopted, catalogue_of("two_tables")))
    assert drift_of(adopted) == ()


def test_a_view_that_reads_for_whoever_asks_is_left_alone_until_it_does_not(
    adopted: Database,
) -> None:
    with adopted.superuser() as su:
        su.execute("CREATE VIEW public.mine WITH (security_invoker) AS SELECT id FROM crm.customer")
        assert drift_of(adopted) == ()
        su.execute("ALTER VIEW public.mine SET (security_invoker = false)")
    found = drift_of(adopted)
    assert [(d.object, d.attribute) for d in found] == [("view:crm.customer", "lent")]
    assert "public.mine" in found[0].now


def test_a_deleted_record_is_named(adopted: Database) -> None:
    with adopted.superuser() as su:
        su.execute("DELETE FROM pgmask_private.managed_object")
    assert [d.object for d in drift_of(adopted)] == ["record:managed_object"]
