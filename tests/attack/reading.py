"""Reading what one may not: base tables, other units' rows, high-value customers, old copies."""

from __future__ import annotations

from tests.attack.attempts import (
    LEAK,
    NAIVE_VIEW,
    PLAIN_AT_REST,
    SEES_ALL,
    UNCHECKED,
    UNSEALED,
    cached_plan,
    parallel_count,
    unasked,
)
from tests.attack.impersonating import designated
from tests.attack.model import Answers, Attack, Hides, Nothing, Refused
from tests.attack.people import CARED, FOREIGN, OURS, RICH, SEALED, THEIRS, VISIBLE_TO_ANN

_STORE_GRANT = "GRANT USAGE ON SCHEMA crm_store TO app; GRANT SELECT ON crm_store.customer TO app"

ROWS: tuple[Attack, ...] = (
    Attack(
        id="A01-store-table",
        actor="ann",
        does="read the store table instead of the view",
        attempt="SELECT pgmask_sealed FROM crm_store.customer",
        control=_STORE_GRANT,
        expect=Refused("42501"),
        proves=("B1", "B6"),
    ),
    Attack(
        id="A01-store-table-granted",
        actor="ann",
        does="read the store table after somebody granted SELECT on it",
        setup=_STORE_GRANT,
        attempt="SELECT pgmask_sealed FROM crm_store.customer",
        control="ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY",
        expect=Nothing(),
        proves=("B6",),
    ),
    Attack(
        id="A01-analyst-store-table",
        actor="alan",
        does="read the store table",
        attempt="SELECT name, phone FROM crm_store.customer",
        control=_STORE_GRANT.replace("app", "alan"),
        expect=Refused("42501"),
    ),
    Attack(
        id="A01-private-tables",
        actor="ann",
        does="read pgmask's own tables: keys, register, token secret",
        attempt="SELECT wrapped FROM pgmask_private.data_key",
        control="GRANT USAGE ON SCHEMA pgmask_private TO app;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA pgmask_private TO app",
        expect=Refused("42501"),
        proves=("C3",),
    ),
    Attack(
        id="A01-token-secret-granted",
        actor="ann",
        does="read the token secret after somebody granted SELECT on it",
        setup="GRANT USAGE ON SCHEMA pgmask_private TO app;"
        "GRANT SELECT ON pgmask_private.token_key TO app",
        attempt="SELECT secret FROM pgmask_private.token_key",
        control="ALTER TABLE pgmask_private.token_key DISABLE ROW LEVEL SECURITY",
        expect=Nothing(),
        proves=("C3",),
    ),
    Attack(
        id="A01-no-right",
        actor="mallory",
        does="read a profile's view without being in the profile",
        attempt="SELECT name FROM crm.customer",
        control="GRANT USAGE ON SCHEMA crm TO mallory; GRANT SELECT ON crm.customer TO mallory;"
        + unasked("agent"),
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="C1-other-unit",
        actor="ann",
        does="read another unit's customer by key",
        attempt=f"SELECT name FROM crm.customer WHERE id = {THEIRS.id}",
        control=SEES_ALL,
        expect=Nothing(),
        proves=("C1",),
    ),
    Attack(
        id="C1-other-unit-child",
        actor="ann",
        does="read another unit's contacts, in a table without a unit column",
        attempt=f"SELECT purpose FROM crm.contact_log WHERE customer_id = {THEIRS.id}",
        control=SEES_ALL.replace("customer", "contact_log"),
        expect=Nothing(),
        proves=("C1",),
    ),
    Attack(
        id="C1-not-assigned",
        actor="cora",
        does="read a customer of the own unit who is not assigned to him",
        attempt=f"SELECT name FROM care.customer WHERE id = {OURS.id}",
        control=SEES_ALL.replace("pgmask_agent_views", "pgmask_care_views"),
        expect=Nothing(),
        proves=("C1",),
    ),
    Attack(
        id="B4-hidden-level-2",
        actor="alan",
        does="read names and salaries in a profile that hides level 2",
        attempt="SELECT name, salary, region, phone FROM analyst.customer",
        control="GRANT SELECT (name, salary, region, phone) ON crm_store.customer"
        " TO pgmask_analyst_views; "
        "CREATE OR REPLACE VIEW analyst.open AS SELECT name, salary, region, phone"
        " FROM crm_store.customer; ALTER VIEW analyst.open OWNER TO pgmask_analyst_views;"
        "DROP VIEW analyst.customer; ALTER VIEW analyst.open RENAME TO customer;"
        "GRANT SELECT ON analyst.customer TO pgmask_analyst",
        expect=Hides((*FOREIGN, OURS.name), shows="None"),
        proves=("B4", "B6"),
    ),
    Attack(
        id="B4-view-owner-columns",
        actor="alan",
        does="see a hidden column after the view was rewritten to show it",
        setup="CREATE OR REPLACE VIEW analyst.open AS SELECT salary, name FROM crm_store.customer;"
        "ALTER VIEW analyst.open OWNER TO pgmask_analyst_views;"
        "GRANT SELECT ON analyst.open TO pgmask_analyst",
        attempt="SELECT name, salary FROM analyst.open",
        control="GRANT SELECT (name, salary) ON crm_store.customer TO pgmask_analyst_views",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="D5-high-value-row",
        actor="ann",
        does="read a high-value customer of the own unit",
        attempt=f"SELECT id, name FROM crm.customer WHERE id = {RICH.id}",
        control=SEES_ALL,
        expect=Nothing(),
        proves=("D1", "D2"),
    ),
    Attack(
        id="D6-high-value-count",
        actor="ann",
        does="count high-value customers by grade",
        attempt="SELECT count(*) FROM crm.customer WHERE card_grade = 'diamond'",
        control=SEES_ALL,
        expect=Answers(((0,),)),
        proves=("D1",),
    ),
    Attack(
        id="D6-high-value-count-all-rows",
        actor="alan",
        does="count high-value customers in a profile with all rows",
        attempt="SELECT count(*) FROM analyst.customer WHERE card_grade = 'diamond'",
        control=SEES_ALL.replace("pgmask_agent_views", "pgmask_analyst_views"),
        expect=Answers(((0,),)),
        proves=("D1",),
    ),
    Attack(
        id="D2-high-value-child",
        actor="ann",
        does="read the contacts of a high-value customer of the own unit",
        attempt=f"SELECT purpose FROM crm.contact_log WHERE customer_id = {RICH.id}",
        control=SEES_ALL.replace("customer", "contact_log"),
        expect=Nothing(),
        proves=("D2",),
    ),
    Attack(
        id="D3-surname-only",
        actor="vera",
        does="read name, income and region of a high-value customer, being designated",
        setup=designated(18),
        attempt=f"SELECT name, salary, region FROM vip.customer WHERE id = {RICH.id}",
        control=(
            UNCHECKED,
            UNSEALED,
            f"UPDATE crm_store.customer SET name = '{RICH.name}' WHERE id = {RICH.id}",
        ),
        expect=Hides((RICH.name, str(RICH.salary), RICH.region), shows="诸葛"),
        proves=("D2", "D3"),
    ),
    Attack(
        id="A6-restricted-row",
        actor="ann",
        does="read a restricted customer of the own unit",
        setup=f"UPDATE crm_store.customer SET pgmask_restricted = true WHERE id = {CARED.id}",
        attempt=f"SELECT id FROM crm.customer WHERE id = {CARED.id}",
        control=SEES_ALL,
        expect=Nothing(),
        proves=("A6",),
    ),
    Attack(
        id="A6-restricted-child",
        actor="ann",
        does="read the contacts of a restricted customer of the own unit",
        setup=f"UPDATE crm_store.customer SET pgmask_restricted = true WHERE id = {CARED.id}",
        attempt=f"SELECT id FROM crm.contact_log WHERE customer_id = {CARED.id}",
        control=SEES_ALL.replace("customer", "contact_log"),
        expect=Nothing(),
        proves=("A6",),
    ),
    Attack(
        id="A6-restricted-assigned",
        actor="cora",
        does="read a restricted customer who is assigned to him",
        setup=f"UPDATE crm_store.customer SET pgmask_restricted = true WHERE id = {CARED.id}",
        attempt=f"SELECT id FROM care.customer WHERE id = {CARED.id}",
        control=SEES_ALL.replace("pgmask_agent_views", "pgmask_care_views"),
        expect=Nothing(),
        proves=("A6",),
    ),
    Attack(
        id="A02-leaky-function",
        actor="ann",
        does="let a cheap function of one's own look at every row before the filter",
        setup=LEAK,
        attempt="SELECT count(*) FROM crm.customer WHERE app_ws.leak(region)",
        control=NAIVE_VIEW,
        expect=Hides(("SecretCity",), shows="Riverside"),
        proves=("C1",),
    ),
    Attack(
        id="A03-estimator",
        actor="ann",
        does="have the planner feed its statistics to an operator of one's own",
        setup=LEAK,
        attempt="EXPLAIN SELECT * FROM crm.customer WHERE region OPERATOR(app_ws.<<<) 'x'",
        control=NAIVE_VIEW,
        expect=Hides(("SecretCity",)),
        proves=("C1",),
    ),
    Attack(
        id="A04-cast-error",
        actor="ann",
        does="read another unit's value in the message of a failing cast",
        setup=LEAK,
        attempt="SELECT count(*) FROM crm.customer WHERE app_ws.cast_it(region)",
        control=NAIVE_VIEW,
        expect=Hides(("SecretCity",), shows="0"),
        proves=("C1",),
    ),
    Attack(
        id="A05-division",
        actor="ann",
        does="learn a hidden row's value by a division by zero",
        setup=LEAK,
        attempt="SELECT count(*) FROM crm.customer WHERE app_ws.divide(id, region)",
        control=NAIVE_VIEW,
        expect=Hides(("division by zero",)),
        proves=("C1",),
    ),
    Attack(
        id="A06-guess-in-where",
        actor="ann",
        does="confirm a guessed phone in WHERE",
        attempt=f"SELECT id FROM crm.customer WHERE phone = '{OURS.phone}'",
        control=PLAIN_AT_REST,
        expect=Nothing(),
        proves=("B1",),
    ),
    Attack(
        id="A07-guess-by-join",
        actor="ann",
        does="confirm guesses by joining a list of all numbers",
        attempt="SELECT c.id FROM crm.customer AS c JOIN (SELECT '139' || lpad(n::text, 8, '0')"
        " AS p FROM generate_series(12345670, 12345680) AS n) AS g ON g.p = c.phone",
        control=PLAIN_AT_REST,
        expect=Nothing(),
        proves=("B1",),
    ),
    Attack(
        id="A08-statistics",
        actor="ann",
        does="read samples of the table in pg_stats",
        attempt="SELECT * FROM pg_catalog.pg_stats WHERE schemaname = 'crm_store'",
        control="GRANT SELECT ON crm_store.customer TO app;"
        "ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY",
        expect=Nothing(),
        proves=("B1",),
    ),
    Attack(
        id="A08-statistics-hold-masks",
        actor="rex",
        does="find level-1 values in the planner's statistics",
        attempt="SELECT most_common_vals::text, histogram_bounds::text FROM pg_catalog.pg_stats"
        " WHERE schemaname = 'crm_store' AND tablename = 'customer'",
        control=(PLAIN_AT_REST, "ANALYZE crm_store.customer"),
        expect=Hides((OURS.phone,), shows="SecretCity"),
        proves=("B1", "F1"),
    ),
    Attack(
        id="A18-copy-table",
        actor="alan",
        does="copy all rows into a table of one's own",
        setup="CREATE SCHEMA app_ws AUTHORIZATION alan",
        attempt=(
            "CREATE TABLE app_ws.copy AS SELECT * FROM analyst.customer",
            "SELECT * FROM app_ws.copy",
        ),
        control=PLAIN_AT_REST + "; GRANT SELECT ON crm_store.customer TO pgmask_analyst_views;"
        " DROP VIEW analyst.customer;"
        " CREATE VIEW analyst.customer AS SELECT * FROM crm_store.customer;"
        " ALTER VIEW analyst.customer OWNER TO pgmask_analyst_views;"
        " GRANT SELECT ON analyst.customer TO pgmask_analyst",
        expect=Hides(SEALED, shows="basic"),
        proves=("B1",),
    ),
    Attack(
        id="A19-copy-out",
        actor="ann",
        does="COPY the view's rows out",
        attempt="COPY (SELECT * FROM crm.customer) TO STDOUT",
        control=PLAIN_AT_REST,
        expect=Hides(SEALED, shows=OURS.name),
        proves=("B1",),
    ),
    Attack(
        id="A19-copy-store",
        actor="ann",
        does="COPY the store table out",
        attempt="COPY crm_store.customer TO STDOUT",
        control=_STORE_GRANT,
        expect=Refused("42501"),
    ),
    Attack(
        id="A21-cached-plan",
        actor="ann",
        does="run a prepared plan that was made under another person's identity",
        attempt=cached_plan,
        control=(
            "CREATE FUNCTION public.naive_unit() RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
            " $$ BEGIN RETURN current_setting('naive.unit', true); END $$",
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT policyname FROM pg_policies"
            " WHERE schemaname = 'crm_store' AND tablename = 'customer'"
            " AND 'pgmask_agent_views' = ANY (roles) LOOP"
            " EXECUTE format('DROP POLICY %I ON crm_store.customer', r.policyname);"
            " END LOOP; END $$",
            "CREATE POLICY naive ON crm_store.customer TO pgmask_agent_views"
            " USING (unit_id = public.naive_unit())",
        ),
        expect=Answers((("south",),)),
        proves=("C1",),
    ),
    Attack(
        id="A38-partition",
        actor="ann",
        does="address a partition directly",
        attempt="SELECT value FROM crm_store.contact_log_h1",
        control="GRANT USAGE ON SCHEMA crm_store TO app;"
        "GRANT SELECT ON crm_store.contact_log_h1 TO app",
        expect=Refused("42501"),
        proves=("B6",),
    ),
    Attack(
        id="A38-partition-granted",
        actor="ann",
        does="address a partition directly after somebody granted SELECT on it",
        setup="GRANT USAGE ON SCHEMA crm_store TO app;"
        "GRANT SELECT ON crm_store.contact_log_h1 TO app",
        attempt="SELECT value FROM crm_store.contact_log_h1",
        control="ALTER TABLE crm_store.contact_log_h1 DISABLE ROW LEVEL SECURITY",
        expect=Nothing(),
        proves=("B6", "C1"),
    ),
    Attack(
        id="A39-system-columns",
        actor="ann",
        does="read ctid, xmin or the sealed value through the view",
        attempt="SELECT pgmask_sealed FROM crm.customer",
        control="DROP VIEW crm.customer; GRANT SELECT ON crm_store.customer TO pgmask_agent_views;"
        "CREATE VIEW crm.customer AS SELECT * FROM crm_store.customer;"
        "ALTER VIEW crm.customer OWNER TO pgmask_agent_views;"
        "GRANT SELECT ON crm.customer TO pgmask_agent",
        expect=Refused("42703"),
    ),
    Attack(
        id="A39-whole-row",
        actor="ann",
        does="read the whole row as JSON",
        attempt="SELECT to_jsonb(c) FROM crm.customer AS c",
        control=PLAIN_AT_REST,
        expect=Hides(SEALED, shows=OURS.name),
        proves=("B1",),
    ),
    Attack(
        id="A43-parallel",
        actor="ann",
        does="read in parallel workers, which have another process number",
        attempt=parallel_count,
        control=SEES_ALL,
        expect=Answers(((VISIBLE_TO_ANN,),)),
        proves=("C1",),
    ),
)
