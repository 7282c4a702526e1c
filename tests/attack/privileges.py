"""Rights one does not have, objects one may not make, names one plants in the way."""

from __future__ import annotations

from tests.attack.attempts import (
    LATE_BOUND_MASK,
    NAIVE_VIEW,
    PLANTED,
    SEES_ALL,
    UNPINNED,
    other_activity,
    planted_login,
    planted_write,
)
from tests.attack.detecting import Drift
from tests.attack.model import Attack, Hides, Nothing, Noticed, Refused
from tests.attack.stealing import careless_function, key_in_definitions

_OWN_VIEW = "GRANT pgmask_agent_views TO app; GRANT CREATE ON SCHEMA crm TO pgmask_agent_views"
_DISOWN = "REVOKE pgmask_agent_views FROM app"
_FUNCTION = (
    "CREATE FUNCTION app_ws.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
)
_WORKSPACE = "CREATE SCHEMA app_ws AUTHORIZATION app"

ROWS: tuple[Attack, ...] = (
    Attack(
        id="A22-set-role-view-owner",
        actor="ann",
        does="become the owner of the views",
        attempt="SET ROLE pgmask_agent_views",
        control="GRANT pgmask_agent_views TO app",
        undo=_DISOWN,
        expect=Refused("42501"),
        proves=("C3",),
    ),
    Attack(
        id="A22-set-role-sealer",
        actor="ann",
        does="become the role that holds the keys",
        attempt="SET ROLE pgmask_sealer",
        control="GRANT pgmask_sealer TO app",
        undo="REVOKE pgmask_sealer FROM app",
        expect=Refused("42501"),
        proves=("C3",),
    ),
    Attack(
        id="A22-set-role-other-profile",
        actor="alan",
        does="become a member of another profile",
        attempt="SET ROLE pgmask_agent",
        control="GRANT pgmask_agent TO alan",
        undo="REVOKE pgmask_agent FROM alan",
        expect=Refused("42501"),
        proves=("C3",),
    ),
    Attack(
        id="A22-session-authorization",
        actor="ann",
        does="take another login's session authorization",
        attempt="SET SESSION AUTHORIZATION alan",
        control="ALTER ROLE app SUPERUSER",
        undo="ALTER ROLE app NOSUPERUSER",
        expect=Refused("42501"),
        proves=("C3",),
    ),
    Attack(
        id="C3-pass-on-role",
        actor="ann",
        does="pass the profile on to somebody else",
        attempt="GRANT pgmask_agent TO mallory",
        control="GRANT pgmask_agent TO app WITH ADMIN OPTION",
        undo="REVOKE ADMIN OPTION FOR pgmask_agent FROM app; REVOKE pgmask_agent FROM mallory",
        expect=Refused("42501"),
        proves=("C3",),
    ),
    Attack(
        id="C3-pass-on-privilege",
        actor="ann",
        does="pass the right to read on to somebody else",
        attempt=(
            "GRANT SELECT ON crm.customer TO mallory",
            "SELECT 1 WHERE has_table_privilege('mallory', 'crm.customer', 'SELECT')",
        ),
        control="GRANT SELECT ON crm.customer TO app WITH GRANT OPTION",
        expect=Nothing(),
        proves=("C3",),
    ),
    Attack(
        id="A24-planted-operators-login",
        actor="app",
        does="plant operators and tables in the search path of login",
        setup=PLANTED,
        attempt=planted_login,
        control=UNPINNED,
        expect=Hides(("PLANTED",), shows="north"),
        proves=("C2",),
    ),
    Attack(
        id="A24-planted-operators-trigger",
        actor="app",
        does="plant operators and tables in the search path of the sealing trigger",
        setup=PLANTED,
        attempt=planted_write,
        control=UNPINNED,
        expect=Hides(("PLANTED",), shows="134"),
        proves=("F1",),
    ),
    Attack(
        id="A25-planted-mask-helper",
        actor="ann",
        does="plant functions of the names a mask function uses",
        setup=PLANTED + "; GRANT EXECUTE ON FUNCTION pgmask.mask_mobile(text) TO app",
        attempt=(
            "SET LOCAL search_path = app_ws, pg_catalog",
            "SELECT pgmask.mask_mobile('13912345678')",
        ),
        control=LATE_BOUND_MASK,
        expect=Hides(("PLANTED",), shows="139"),
        proves=("B1",),
    ),
    Attack(
        id="A27-definitions",
        actor="ann",
        does="find a key in the definitions of functions, views, policies or settings",
        attempt=key_in_definitions,
        control=careless_function,
        expect=Nothing(),
        proves=("F1",),
    ),
    Attack(
        id="A31-dblink",
        actor="ann",
        does="open a second connection from inside the database",
        setup="GRANT CREATE ON DATABASE {database} TO app",
        attempt="CREATE EXTENSION IF NOT EXISTS dblink",
        control="CREATE EXTENSION dblink",
        expect=Refused("42501"),
    ),
    Attack(
        id="A32-publication",
        actor="ann",
        does="publish the store table",
        setup="GRANT CREATE ON DATABASE {database} TO app",
        attempt="CREATE PUBLICATION p FOR TABLE crm_store.customer",
        control="GRANT USAGE ON SCHEMA crm_store TO app;"
        "ALTER TABLE crm_store.customer OWNER TO app",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A32-replication-slot",
        actor="ann",
        does="read all changes by logical decoding",
        attempt="SELECT count(*) FROM pg_logical_slot_peek_changes('stolen', NULL, NULL)",
        setup="SELECT pg_create_logical_replication_slot('stolen', 'test_decoding')",
        control="ALTER ROLE app REPLICATION",
        undo="ALTER ROLE app NOREPLICATION; SELECT pg_drop_replication_slot('stolen')",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A33-notify",
        actor="rex",
        does="find a function or trigger of ours that sends values by NOTIFY",
        attempt="SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n"
        " ON n.oid = p.pronamespace WHERE n.nspname IN ('pgmask', 'pgmask_private')"
        " AND (p.prosrc ILIKE '%pg_notify%' OR p.prosrc ~* '\\mnotify\\M')",
        control="CREATE FUNCTION pgmask_private.loud() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM pg_notify('c', NEW.phone); RETURN NEW; END $$",
        expect=Nothing(),
    ),
    Attack(
        id="A35-trigger-on-view",
        actor="ann",
        does="put a trigger on the view",
        setup=_WORKSPACE,
        attempt=(
            _FUNCTION,
            "CREATE TRIGGER t INSTEAD OF UPDATE ON crm.customer FOR EACH ROW"
            " EXECUTE FUNCTION app_ws.f()",
        ),
        control="GRANT TRIGGER ON crm.customer TO app",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A35-trigger-on-store",
        actor="ann",
        does="put a trigger on the store table, where it would see plain text",
        setup=_WORKSPACE + "; GRANT USAGE ON SCHEMA crm_store TO app",
        attempt=(
            _FUNCTION,
            "CREATE TRIGGER aaa BEFORE UPDATE ON crm_store.customer FOR EACH ROW"
            " EXECUTE FUNCTION app_ws.f()",
        ),
        control="GRANT TRIGGER ON crm_store.customer TO app",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A35-rule",
        actor="ann",
        does="put a rule on the view",
        attempt="CREATE RULE r AS ON INSERT TO crm.customer DO ALSO NOTHING",
        control=_OWN_VIEW,
        undo=_DISOWN,
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A35-event-trigger",
        actor="ann",
        does="make an event trigger",
        setup=_WORKSPACE + "; CREATE FUNCTION app_ws.e() RETURNS event_trigger LANGUAGE plpgsql"
        " AS $$ BEGIN END $$",
        attempt="CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION app_ws.e()",
        control="ALTER ROLE app SUPERUSER; ALTER FUNCTION app_ws.e() OWNER TO app",
        undo="ALTER ROLE app NOSUPERUSER",
        expect=Refused("42501"),
    ),
    Attack(
        id="A36-alter-view",
        actor="ann",
        does="give the view to oneself",
        attempt="ALTER VIEW crm.customer SET (security_invoker = true)",
        control=_OWN_VIEW,
        undo=_DISOWN,
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A36-replace-view",
        actor="ann",
        does="replace the view",
        setup="GRANT CREATE ON SCHEMA crm TO app",
        attempt="CREATE OR REPLACE VIEW crm.customer AS SELECT NULL::bigint AS id",
        control="DROP VIEW crm.customer",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A36-drift-view",
        actor="rex",
        does="change a view by hand and hope that nobody notices",
        attempt=Drift(NAIVE_VIEW.split(";", 1)[1]),
        control=Drift.forget,
        expect=Noticed(("crm.customer",)),
        proves=("A4",),
    ),
    Attack(
        id="A36-drift-policy",
        actor="rex",
        does="widen a policy by hand",
        attempt=Drift(SEES_ALL),
        control=Drift.forget,
        expect=Noticed(("policy",)),
        proves=("A4",),
    ),
    Attack(
        id="A36-drift-force",
        actor="rex",
        does="switch row-level security off by hand",
        attempt=Drift("ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY"),
        control=Drift.forget,
        expect=Noticed(("customer",)),
        proves=("A4",),
    ),
    Attack(
        id="A36-drift-grant",
        actor="rex",
        does="grant a column by hand",
        attempt=Drift("GRANT SELECT (pgmask_sealed) ON crm_store.customer TO pgmask_agent_views"),
        control=Drift.forget,
        expect=Noticed(("pgmask_agent_views",)),
        proves=("A4",),
    ),
    Attack(
        id="A46-drift-definer",
        actor="rex",
        does="leave a function that runs with the sealer's rights",
        attempt=Drift(
            "CREATE FUNCTION public.helpdesk() RETURNS integer LANGUAGE sql SECURITY DEFINER"
            " RETURN 1;"
            "ALTER FUNCTION public.helpdesk() OWNER TO pgmask_sealer"
        ),
        control=Drift.forget,
        expect=Noticed(("function:public.helpdesk()",)),
        proves=("A4",),
    ),
    Attack(
        id="A46-drift-view",
        actor="rex",
        does="leave a view of one's own over the store, or over what the sealing role sees",
        attempt=Drift("CREATE VIEW public.helpdesk AS SELECT * FROM crm_store.customer"),
        control=Drift.forget,
        expect=Noticed(("view:public.helpdesk",)),
        proves=("A4",),
    ),
    Attack(
        id="A36-drift-function",
        actor="rex",
        does="replace the body of a sealing function by hand",
        attempt=Drift(
            "DO $$ BEGIN EXECUTE replace(pg_get_functiondef((SELECT min(oid) FROM pg_proc"
            " WHERE proname LIKE 'seal\\_%customer\\_insert')), 'BEGIN', 'BEGIN /* spy */');"
            " END $$"
        ),
        control=Drift.forget,
        expect=Noticed(("function:", "insert")),
        proves=("A4",),
    ),
    Attack(
        id="A39-toast",
        actor="ann",
        does="read the TOAST relation of the store",
        attempt="SELECT 1 FROM pg_toast.pg_toast_{store_oid}",
        control="GRANT USAGE ON SCHEMA pg_toast TO app;"
        "GRANT SELECT ON pg_toast.pg_toast_{store_oid} TO app",
        setup="SET allow_system_table_mods = on",
        expect=Refused("42501"),
    ),
    Attack(
        id="A41-read-file",
        actor="ann",
        does="read a file of the server",
        attempt="SELECT pg_read_file('PG_VERSION')",
        control="GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app",
        expect=Refused("42501"),
        proves=("F1",),
    ),
    Attack(
        id="D01-read-binary-file",
        actor="dba",
        does="read the key file with the privilege that the sealing role may have",
        attempt="SELECT length(pg_read_binary_file('PG_VERSION'))",
        control="GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO installer",
        expect=Refused("42501"),
        proves=("F1",),
    ),
    Attack(
        id="A42-leakproof",
        actor="ann",
        does="declare a function of one's own LEAKPROOF",
        setup=_WORKSPACE,
        attempt="CREATE FUNCTION app_ws.lp(text) RETURNS boolean LANGUAGE sql LEAKPROOF"
        " AS 'SELECT true'",
        control="ALTER ROLE app SUPERUSER",
        undo="ALTER ROLE app NOSUPERUSER",
        expect=Refused("42501"),
        proves=("C1",),
    ),
    Attack(
        id="A42-statistics",
        actor="ann",
        does="create extended statistics on the store",
        setup=_WORKSPACE + "; GRANT USAGE ON SCHEMA crm_store TO app",
        attempt="CREATE STATISTICS app_ws.s ON unit_id, region FROM crm_store.customer",
        control="ALTER TABLE crm_store.customer OWNER TO app",
        expect=Refused("42501"),
    ),
    Attack(
        id="A46-cursor-from-definer",
        actor="rex",
        does="find a definer function that returns a cursor or a row of a store table",
        attempt="SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n"
        " ON n.oid = p.pronamespace JOIN pg_type AS t ON t.oid = p.prorettype"
        " WHERE p.prosecdef AND n.nspname IN ('pgmask', 'pgmask_private')"
        " AND (t.typname = 'refcursor' OR t.typrelid IN (SELECT c.oid FROM pg_class AS c"
        " WHERE c.relnamespace = 'crm_store'::regnamespace))",
        control="CREATE FUNCTION pgmask_private.c() RETURNS refcursor LANGUAGE plpgsql"
        " SECURITY DEFINER AS $$ BEGIN RETURN 'x'; END $$",
        expect=Nothing(),
    ),
    Attack(
        id="A51-public-execute",
        actor="mallory",
        does="call a private function of pgmask that opens, seals or reads keys",
        attempt="SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n"
        " ON n.oid = p.pronamespace WHERE n.nspname = 'pgmask_private'"
        " AND has_schema_privilege('pgmask_private', 'USAGE')"
        " AND has_function_privilege(p.oid, 'EXECUTE')",
        control="GRANT USAGE ON SCHEMA pgmask_private TO mallory;"
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgmask_private TO mallory",
        expect=Nothing(),
        proves=("F1", "C3"),
    ),
    Attack(
        id="A51-private-function",
        actor="ann",
        does="call the function that opens sealed values",
        attempt="SELECT pgmask_private.siv_open(NULL, NULL, NULL, NULL)",
        control="GRANT USAGE ON SCHEMA pgmask_private TO app;"
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgmask_private TO app",
        expect=Refused("42501"),
        proves=("F1", "C3"),
    ),
    Attack(
        id="D08-dba-takes-key-role",
        actor="mallory",
        does="give oneself the key role with CREATEROLE (from PostgreSQL 16 on)",
        setup="ALTER ROLE mallory CREATEROLE",
        attempt=("GRANT pgmask_sealer TO mallory", "SET ROLE pgmask_sealer"),
        control="GRANT pgmask_sealer TO mallory WITH ADMIN OPTION",
        undo="REVOKE pgmask_sealer FROM mallory; ALTER ROLE mallory NOCREATEROLE",
        versions=">= 16",
        expect=Refused("42501"),
        proves=("C3",),
    ),
    Attack(
        id="U3-owner-reads-nothing-silently",
        actor="dba",
        does="work on a store table as its owner and find it empty without a word",
        attempt=("SET ROLE pgmask_store", "UPDATE crm_store.customer SET note = 'x'"),
        control="ALTER TABLE crm_store.customer NO FORCE ROW LEVEL SECURITY",
        expect=Refused("PM220"),
        proves=("B6",),
    ),
    Attack(
        id="A28-other-activity",
        actor="mallory",
        does="read another login's running statement in pg_stat_activity",
        attempt=other_activity,
        control="GRANT pg_read_all_stats TO mallory",
        undo="REVOKE pg_read_all_stats FROM mallory",
        expect=Nothing(),
    ),
)
