"""Ways round the gate: each is denied by its rule, and its harmless twin is not.

The last statement of each text is the one that is asked about, or with ``any`` one of them.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgmask.facts.schema import Function, Relation, Schema, function_row
from pgmask.verdict.formats import Judged, as_text
from pgmask.verdict.model import Severity
from pgmask.verdict.validator import Validator
from tests.verdict.world import codes, found, insurer

pytestmark = pytest.mark.requirement("I1", "I2")

TRIGGER = "CREATE TRIGGER aaa BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION crm.tr()"
# name: (denied, its code, twin that is not)
MIGRATION = {
    "trigger on a store": (
        TRIGGER.format("crm_store.customer"), "PM643", TRIGGER.format("crm.ref_product"),
    ),
    "trigger on a child of a store": (
        TRIGGER.format("crm_store.contact_log_2025h1"), "PM643", TRIGGER.format("crm.ref_region"),
    ),
    "trigger switched on": (
        "ALTER TABLE crm_store.customer ENABLE ALWAYS TRIGGER t", "PM643",
        "ALTER TABLE crm.ref_product ENABLE TRIGGER t",
    ),
    "rule switched on": (
        "ALTER TABLE crm_store.customer ENABLE RULE t", "PM643",
        "ALTER TABLE crm.ref_product ENABLE RULE t",
    ),
    "rule": (
        "CREATE RULE r AS ON UPDATE TO crm_store.customer DO INSTEAD NOTHING", "PM643", "SELECT 1",
    ),
    "child of a foreign parent": (
        "CREATE TABLE crm.ref_p (id bigint); ALTER TABLE crm_store.customer INHERIT crm.ref_p",
        "PM643",
        "CREATE TABLE crm.ref_p (id bigint); ALTER TABLE crm.ref_bank INHERIT crm.ref_p",
    ),
    "partition of a foreign parent": (
        "CREATE TABLE crm.ref_p (id bigint) PARTITION BY HASH (id); ALTER TABLE crm.ref_p"
        " ATTACH PARTITION crm_store.customer FOR VALUES WITH (MODULUS 2, REMAINDER 0)", "PM643",
        "ALTER TABLE crm_store.contact_log ATTACH PARTITION crm_store.contact_log_2025h1 DEFAULT",
    ),
    "truncate cascade": ("TRUNCATE crm.ref_product CASCADE", "PM643", "TRUNCATE crm.ref_product"),
    "drop cascade": ("DROP TABLE crm.ref_bank CASCADE", "PM643", "DROP TABLE crm.ref_bank"),
    "drop of a temporary table": (
        "DROP TYPE crm.x CASCADE", "PM643", "CREATE TEMP TABLE x (a int); DROP TABLE x CASCADE",
    ),
    "materialised view": (
        "CREATE MATERIALIZED VIEW public.mv AS SELECT name FROM crm_store.customer", "PM685",
        "CREATE MATERIALIZED VIEW public.mv AS SELECT name FROM crm.ref_product",
    ),
    "table as": (
        "CREATE TABLE public.t AS SELECT name FROM crm_store.customer", "PM685",
        "CREATE TABLE public.t AS SELECT name FROM crm.ref_product",
    ),
    "select into": (
        "SELECT name INTO public.t FROM crm_store.customer", "PM636",
        "SELECT status INTO public.t FROM crm_store.customer",
    ),
    "insert of a query": (
        "INSERT INTO crm.ref_region SELECT id::text, name FROM crm_store.customer", "PM685",
        "INSERT INTO crm.ref_region SELECT code, name FROM crm.ref_bank",
    ),
    "insert of a query, in a window": (
        "SELECT pgmask.detach('crm.customer'); INSERT INTO crm.ref_region SELECT id::text, name"
        " FROM crm_store.customer", "PM636",
        "SELECT pgmask.detach('crm.customer'); INSERT INTO crm.ref_region SELECT id::text, status"
        " FROM crm_store.customer",
    ),
    "insert of a renamed column, in a window": (
        "SELECT pgmask.detach('crm.customer'); ALTER TABLE crm_store.customer RENAME COLUMN"
        " employer TO company; INSERT INTO crm.ref_region SELECT id::text, company"
        " FROM crm_store.customer", "PM636",
        "SELECT pgmask.detach('crm.customer'); ALTER TABLE crm_store.customer RENAME COLUMN"
        " status TO state; INSERT INTO crm.ref_region SELECT id::text, state"
        " FROM crm_store.customer",
    ),
    "insert below WITH": (
        "WITH x AS (INSERT INTO crm.ref_region SELECT 'a', name FROM crm_store.customer"
        " RETURNING 1) SELECT * FROM x", "PM636", "WITH x AS (SELECT 1) SELECT * FROM x",
    ),
    "copy of a query": (
        "COPY (SELECT name FROM crm_store.customer) TO STDOUT", "PM685",
        "COPY (SELECT name FROM crm.ref_product) TO STDOUT",
    ),
    "copy of a query, in a window": (
        "SELECT pgmask.detach('crm.customer'); COPY (SELECT name FROM crm_store.customer) TO"
        " STDOUT",
        "PM624",
        "SELECT pgmask.detach('crm.customer'); COPY (SELECT id FROM crm_store.customer) TO STDOUT",
    ),
    "explain analyze": (
        "EXPLAIN ANALYZE DELETE FROM crm_store.customer", "PM685",
        "EXPLAIN ANALYZE DELETE FROM crm.ref_bank WHERE code = 'x'",
    ),
    "in a body": (
        "DO $$ BEGIN DELETE FROM crm_store.lead; END $$", "PM685",
        "DO $$ BEGIN DELETE FROM crm.ref_bank; END $$",
    ),
    "a function that is only made": (
        "SELECT name FROM crm.customer", "PM685",
        "CREATE FUNCTION crm.f() RETURNS text LANGUAGE sql AS 'SELECT max(name) FROM crm.customer'",
    ),
    "superuser": ("ALTER ROLE app SUPERUSER", "PM642", "ALTER ROLE app NOSUPERUSER"),
    "bypassing rows": ("CREATE ROLE z BYPASSRLS", "PM642", "CREATE ROLE z NOBYPASSRLS LOGIN"),
    "replication": ("ALTER ROLE app REPLICATION", "PM642", "ALTER ROLE app CONNECTION LIMIT 5"),
    "role that makes roles": ("ALTER ROLE app CREATEROLE", "PM642", "ALTER ROLE app NOCREATEROLE"),
    "predefined role": (
        "GRANT pg_read_all_data TO app", "PM642", "REVOKE pg_read_all_data FROM app",
    ),
    "in a predefined role": (
        "CREATE ROLE z IN ROLE pg_execute_server_program", "PM642", "CREATE ROLE z IN ROLE staff",
    ),
    "reveal for all": (
        "GRANT EXECUTE ON FUNCTION crm.customer_reveal(uuid) TO PUBLIC", "PM642",
        "GRANT EXECUTE ON FUNCTION crm.first_three(text) TO PUBLIC",
    ),
    "search dropped": (
        "DROP FUNCTION crm.customer_by_phone(text)", "PM644",
        "DROP FUNCTION crm.first_three(text)",
    ),
    "schema dropped": ("DROP SCHEMA crm_store", "PM644", "DROP SCHEMA leftover"),
    "schema dropped with all": ("DROP SCHEMA pgmask CASCADE", "PM644", "DROP SCHEMA leftover"),
    "schema of another owner": (
        "ALTER SCHEMA pgmask_private OWNER TO app", "PM642", "ALTER SCHEMA shop OWNER TO app",
    ),
    "schema renamed": (
        "ALTER SCHEMA crm_store RENAME TO old", "PM644", "ALTER SCHEMA shop RENAME TO old",
    ),
    "database of another owner": (
        "ALTER DATABASE shop OWNER TO app", "PM642", "ALTER DATABASE shop CONNECTION LIMIT 5",
    ),
    "view dropped": ("DROP VIEW crm.customer", "PM644", "DROP VIEW IF EXISTS crm.calls"),
    "a view that is only made": (
        "SELECT count(*) FROM crm_store.customer", "PM685",
        "CREATE VIEW public.v WITH (security_invoker) AS SELECT id FROM crm.customer",
    ),
}  # fmt: skip
INVOKER = "CREATE VIEW public.cl WITH (security_invoker) AS SELECT id FROM crm.customer;"
PLAIN = "CREATE FUNCTION crm.one() RETURNS text LANGUAGE sql AS 'SELECT 1';"
CONFIG = "CREATE FUNCTION crm.sr() RETURNS text LANGUAGE sql AS $$ SELECT {} $$; SELECT crm.sr()"
TELL = (
    "CREATE FUNCTION crm.tell(p text) RETURNS void LANGUAGE sql AS"
    " $$ SELECT pg_notify('c', $1) $$; SELECT crm.tell({}) FROM crm.customer"
)
KEPT = "CREATE TEMP TABLE tt AS SELECT name, status FROM crm.customer;"
TEXT_MADE = (
    "CREATE FUNCTION pg_temp.f(k bigint) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN"
    " (SELECT {} FROM crm.customer WHERE id = k); END $$;"
    " INSERT INTO crm.ref_bank SELECT 'x', pg_temp.f(1), 'y'"
)
APPLICATION = {
    "definer of the text": (
        "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ BEGIN RETURN 'x'; END $$; SELECT pg_temp.f()", "PM638",
        "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT 1'; SELECT pg_temp.f()",
    ),
    "definer in a default": (
        "CREATE TEMP TABLE t (x text DEFAULT crm.full_name(1))", "PM638",
        "CREATE TEMP TABLE t (x text DEFAULT crm.first_three('x'))",
    ),
    "definer in a check": (
        "CREATE DOMAIN crm.dd AS text CHECK (crm.full_name(1) IS NULL)", "PM638",
        "CREATE DOMAIN crm.dd AS text CHECK (VALUE <> 'x')",
    ),
    "definer in a parameter's default": (
        "CREATE FUNCTION pg_temp.f(x text DEFAULT crm.full_name(1)) RETURNS text LANGUAGE sql AS"
        " 'SELECT x'", "PM638",
        "CREATE FUNCTION pg_temp.f(x text DEFAULT 'a') RETURNS text LANGUAGE sql AS 'SELECT x'",
    ),
    "a language that nobody reads": (
        "CREATE FUNCTION crm.q() RETURNS text LANGUAGE plperl AS 'return 1'", "PM635",
        "CREATE FUNCTION crm.q() RETURNS text LANGUAGE sql AS 'SELECT 1'",
    ),
    "through a temporary table": (
        f"{KEPT} INSERT INTO crm.ref_bank SELECT 'x', name, 'y' FROM tt", "PM636",
        "CREATE TEMP TABLE tt AS SELECT status FROM crm.customer;"
        " INSERT INTO crm.ref_bank SELECT 'x', status, 'y' FROM tt",
    ),
    "through a function of the text": (
        TEXT_MADE.format("name"), "PM636", TEXT_MADE.format("status"),
    ),
    "invoker taken back": (
        f"{INVOKER} ALTER VIEW public.cl RESET (security_invoker)", "PM637",
        f"{INVOKER} ALTER VIEW public.cl RESET (security_barrier)",
    ),
    "invoker set false": (
        f"{INVOKER} ALTER VIEW public.cl SET (security_invoker = false)", "PM637",
        f"{INVOKER} ALTER VIEW public.cl SET (security_invoker = true)",
    ),
    "owner of a view": (
        f"{INVOKER} ALTER VIEW public.cl OWNER TO installer", "PM637",
        "ALTER TABLE crm.ref_product OWNER TO installer",
    ),
    "function made a definer": (
        f"{PLAIN} ALTER FUNCTION crm.one() SECURITY DEFINER", "PM637",
        f"{PLAIN} ALTER FUNCTION crm.one() SECURITY INVOKER",
    ),
    "owner of a function": (
        f"{PLAIN} ALTER FUNCTION crm.one() OWNER TO installer", "PM637",
        f"{PLAIN} ALTER FUNCTION crm.one() STABLE",
    ),
    "path of a function": (
        f"{PLAIN} ALTER FUNCTION crm.one() SET search_path = shadow", "PM637",
        f"{PLAIN} ALTER FUNCTION crm.one() SET search_path = pg_catalog, pg_temp",
    ),
    "view in a new schema": (
        "CREATE SCHEMA leak CREATE VIEW v AS SELECT name FROM crm.customer", "PM637",
        "CREATE SCHEMA leak CREATE VIEW v WITH (security_invoker) AS SELECT id FROM crm.customer",
    ),
    "grant in a new schema": (
        "CREATE SCHEMA x GRANT SELECT ON crm_store.customer TO public", "PM642",
        "CREATE SCHEMA x CREATE TABLE t (a int) GRANT SELECT ON t TO public",
    ),
    "view in a body": (
        "DO $$ BEGIN CREATE VIEW crm.leak AS SELECT name FROM crm.customer; END $$", "PM637",
        "DO $$ BEGIN CREATE VIEW crm.leak AS SELECT name FROM crm.ref_product; END $$",
    ),
    "function in a body": (
        "DO $$ BEGIN CREATE FUNCTION pg_temp.leak() RETURNS text LANGUAGE plpgsql SECURITY DEFINER"
        " AS $f$ BEGIN RETURN (SELECT max(name) FROM crm.customer); END $f$; END $$", "PM637",
        "DO $$ BEGIN CREATE FUNCTION pg_temp.fine() RETURNS text LANGUAGE sql AS $f$ SELECT 1 $f$;"
        " END $$",
    ),
    "rule over another table": (
        "CREATE RULE r AS ON UPDATE TO crm.ref_product DO ALSO INSERT INTO crm.ref_region"
        " SELECT name FROM crm.customer", "PM637",
        "CREATE RULE r AS ON UPDATE TO crm.ref_product DO INSTEAD NOTHING",
    ),
    "role in an assignment": (
        "DO $$ DECLARE x text; BEGIN x := set_config('role', 'pgmask_store', false); END $$",
        "PM640",
        "DO $$ DECLARE x text; BEGIN x := set_config('statement_timeout', '1s', false); END $$",
    ),
    "setting in a condition": (
        "DO $$ BEGIN IF set_config('standard_conforming_strings', 'off', false) IS NOT NULL THEN"
        " NULL; END IF; END $$", "PM641", "DO $$ BEGIN IF 1 IS NOT NULL THEN NULL; END IF; END $$",
    ),
    "setting in a function that is called": (
        CONFIG.format("set_config('row_security', 'off', false)"), "PM641",
        CONFIG.format("set_config('statement_timeout', '1s', false)"),
    ),
    "a setting's table": (
        "UPDATE pg_settings SET setting = 'off' WHERE name = 'row_security'", "PM641",
        "SELECT setting FROM pg_settings WHERE name = 'row_security'",
    ),
    "role of later sessions": (
        "ALTER ROLE app SET role = pgmask_store", "PM640", "ALTER ROLE app RESET role",
    ),
    "notify in a body": (
        "DO $$ DECLARE y text; x text; BEGIN SELECT name INTO y FROM crm.customer WHERE id = 1;"
        " x := pg_notify('c', y); END $$", "PM633",
        "DO $$ BEGIN PERFORM pg_notify('c', 'x'); END $$",
    ),
    "notify in a function": (TELL.format("name"), "PM633", TELL.format("status")),
    "the application's name": (
        "SELECT set_config('application_name', name, false) FROM crm.customer", "PM633",
        "SELECT set_config('application_name', status, false) FROM crm.customer",
    ),
    "trigger on a store": (
        TRIGGER.format("crm_store.customer"), "PM643", TRIGGER.format("crm.ref_product"),
    ),
}  # fmt: skip


@pytest.fixture
def owner(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent", migration=True)


@pytest.fixture
def agent(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent")


def hold(validator: Validator, denied: str, code: str, twin: str) -> None:
    verdicts = validator.validate(denied)
    told = "\n".join(found(verdicts))
    assert any(
        f.code == code and f.severity is Severity.DENY for v in verdicts for f in v.findings
    ), told
    verdicts = validator.validate(twin)
    assert code not in codes(verdicts), "\n".join(found(verdicts))


@pytest.mark.parametrize("way", MIGRATION)
def test_migration(owner: Validator, way: str) -> None:
    hold(owner, *MIGRATION[way])


@pytest.mark.parametrize("way", APPLICATION)
def test_application(agent: Validator, way: str) -> None:
    hold(agent, *APPLICATION[way])


def test_a_setting_behind_a_view(schema: Schema) -> None:
    def asked(call: str) -> list[str]:
        view = Relation(schema="crm", name="v", kind="v", columns=("x",), types=("text",),
                        definition=f"SELECT {call} AS x")  # fmt: skip
        changed = replace(schema, relations={**schema.relations, ("crm", "v"): view})
        validator = Validator(changed, catalogue=insurer(), profile="agent")
        return codes(validator.validate("SELECT x FROM crm.v"))

    assert "PM641" in asked("set_config('row_security', 'off', false)")
    assert asked("current_setting('row_security')") == []


# Functions that the database has besides, and calls of them: one that may reach crm.full_name(),
# which is SECURITY DEFINER, and its twin.
OPAQUE = {
    "plpgsql that calls a definer": (
        Function(schema="crm", name="outer_", args=("bigint",), returns="text", language="plpgsql",
                 body="BEGIN RETURN crm.full_name(1); END"),
        "SELECT crm.outer_(1)",
        Function(schema="crm", name="outer_", args=("bigint",), returns="text", language="plpgsql",
                 body="BEGIN RETURN crm.shout('x'); END"),
    ),
    "plpgsql that calls an aggregate over one": (
        Function(schema="crm", name="outer_", args=("bigint",), returns="text", language="plpgsql",
                 body="BEGIN RETURN (SELECT crm.named('x')); END"),
        "SELECT crm.outer_(1)",
        Function(schema="crm", name="outer_", args=("bigint",), returns="text", language="plpgsql",
                 body="BEGIN RETURN (SELECT crm.longest('x')); END"),
    ),
    "aggregate": (
        Function(schema="crm", name="spy", kind="a", args=("bigint",), returns="text",
                 behind=(("crm", "full_name", "bigint"),)),
        "SELECT crm.spy(1)",
        Function(schema="crm", name="spy", kind="a", args=("bigint",), returns="text"),
    ),
    "default": (
        Function(schema="crm", name="dflt", args=("text",), defaults=1, returns="text",
                 language="sql", body="SELECT $1", default_text="crm.full_name((1)::bigint)"),
        "SELECT crm.dflt()",
        Function(schema="crm", name="dflt", args=("text",), defaults=1, returns="text",
                 language="sql", body="SELECT $1", default_text="'x'::text"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", OPAQUE)
def test_what_may_reach_a_definer(schema: Schema, way: str) -> None:
    def severities(function: Function) -> list[Severity]:
        rows = {**schema.function_rows, function.name: (tuple(function_row(function)),)}
        changed = replace(schema, function_rows=rows)
        verdicts = Validator(changed, catalogue=insurer(), profile="agent").validate(sql)
        return [f.severity for v in verdicts for f in v.findings if f.code == "PM638"]

    denied, sql, twin = OPAQUE[way]
    assert Severity.DENY in severities(denied)
    assert Severity.DENY not in severities(twin)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT crm.joined(status) FROM crm.customer", []),
        ("SELECT crm.longest(status) FROM crm.customer", []),
        ("SELECT crm.longest(status) OVER (ORDER BY id) FROM crm.customer", []),
        ("SELECT crm.named(status) FROM crm.customer", [Severity.DENY]),
        ("SELECT crm.named(status) OVER () FROM crm.customer", [Severity.DENY]),
        ("SELECT crm.full_name(1, 2)", []),
        ("SELECT crm.full_name(1)", [Severity.DENY]),
    ],
)
def test_an_aggregate_is_what_its_functions_are(
    agent: Validator, sql: str, expected: list[Severity]
) -> None:
    found = [f for v in agent.validate(sql) for f in v.findings if f.code == "PM638"]
    assert [f.severity for f in found] == expected


@pytest.mark.parametrize(
    ("sql", "twin"),
    [
        ("INSERT INTO crm.ticket_note (id) VALUES (1)", "DELETE FROM crm.ticket_note"),
        ("UPDATE crm.ticket SET code = DEFAULT", "UPDATE crm.ticket SET code = 'x'"),
        ("UPDATE crm.ticket SET asked = 'x'", "UPDATE crm.ticket SET note = 'x'"),
        ("INSERT INTO crm.ticket (id) VALUES (1)", "SELECT id, asked FROM crm.ticket"),
        ("SELECT 'x'::crm.asked", "SELECT asked::text FROM crm.ticket"),
    ],
)
def test_what_a_write_runs_beside_itself_denies(agent: Validator, sql: str, twin: str) -> None:
    assert "PM638" in codes(agent.validate(sql))
    assert "PM638" not in codes(agent.validate(twin))


def test_what_a_temporary_table_holds_comes_back_as_what_it_is(agent: Validator) -> None:
    verdict = agent.validate(f"{KEPT} SELECT name, status FROM tt")[-1]
    assert [(o.level, o.form) for o in verdict.outputs] == [(2, "truth"), (None, "truth")]
    assert "PM624" in codes(agent.validate(f"{KEPT} COPY tt TO STDOUT"))


def test_a_mask_beside_a_value_is_a_value(agent: Validator) -> None:
    (verdict,) = agent.validate("SELECT name || phone, phone || id FROM crm.customer WHERE id = 1")
    mixed, masked = verdict.outputs
    assert (mixed.level, mixed.form) == (1, "truth")
    assert (masked.level, masked.form) == (1, "mask")


@pytest.mark.parametrize("many", [490, 3000])
def test_what_is_too_deep_is_no_error(agent: Validator, many: int) -> None:
    deep = "SELECT " + "||".join(["'x'"] * many)
    for ask in (agent.validate, agent.check):
        verdicts = ask(deep)
        assert verdicts[0].verdict == "allow" or {"PM600", "PM605"} & set(codes(verdicts))


def test_half_a_character_is_no_sql(agent: Validator) -> None:
    for ask in (agent.validate, agent.check):
        assert "PM600" in codes(ask("SELECT '\ud800'"))


def test_a_number_in_distinct_on_is_not_forgotten(agent: Validator) -> None:
    sql = "SELECT DISTINCT ON ({}) status, phone FROM crm.customer"
    for number in (1, 2, 1):
        (remembered,), (fresh,) = (
            agent.check(sql.format(number)),
            agent.validate(sql.format(number)),
        )
        assert codes((remembered,)) == codes((fresh,))


def test_a_window_is_opened_by_what_is_called(owner: Validator) -> None:
    change = "ALTER TABLE crm_store.customer ALTER postal_code TYPE varchar(12)"
    never = f"SELECT pgmask.detach('crm.customer') WHERE false; {change}"
    assert "PM685" in codes(owner.validate(never))
    assert "PM685" not in codes(owner.validate(never.replace("WHERE false", "")))


def test_no_text_steers_a_terminal(agent: Validator) -> None:
    (verdict,) = agent.validate("SELECT '\x1b[2J', name FROM crm_store.customer")
    assert all("\x1b" not in f.caret for f in verdict.findings)
    shown = as_text([Judged(file="a\nb", verdicts=(verdict,))])
    assert "\x1b" not in shown
    assert "a\nb" not in shown


def test_what_hints_advise_is_known_before_installation(schema: Schema) -> None:
    rows = {
        name: kept
        for name, some in schema.function_rows.items()
        if (kept := tuple(row for row in some if not row[0].startswith("pgmask")))
    }
    bare = replace(schema, function_rows=rows)
    window = (
        "BEGIN; SELECT pgmask.detach('crm.customer');"
        " ALTER TABLE crm_store.customer ALTER COLUMN postal_code TYPE varchar(12);"
        " SELECT object, what FROM pgmask.attach('crm.customer'); COMMIT;"
        " SELECT pgmask.detach_all(); SELECT * FROM pgmask.attach_all()"
    )
    owner = Validator(bare, catalogue=insurer(), profile="agent", migration=True)
    assert codes(owner.validate(window)) == []
    # Control: what pgmask does not have is not known.
    assert codes(owner.validate("SELECT pgmask.detached('crm.customer')")) == ["PM604"]
