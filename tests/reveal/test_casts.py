"""A cast of the application's type is its owner's code: nothing that opens values runs it (F1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pgmask.catalogue import load
from pgmask.compile import Kind, check
from pgmask.compile.sealing import spec_of_table
from pgmask.compile.sealing_casts import casts
from pgmask.compile.sealing_objects import mask_checks, objects
from pgmask.facts.read import read_facts
from pgmask.keyfile import KeyFile
from pgmask.runtime import install
from tests.attack import place
from tests.attack.people import CARED, FRESH, OURS, RICH
from tests.harness import Database, Server
from tests.reveal.site import FIXTURES, Site

pytestmark = pytest.mark.requirement("B2", "F1")

TYPES = {
    "state": ("open", "closed", "pending"),
    "grade": ("basic", "diamond"),
    "region": ("Riverside", "SecretCity", "Hilltop"),
    "unit": ("north", "south"),
    "blood": ("A", "B", "O"),
    "channel": ("web", "shop"),
}
SCHEMA = """
ALTER TABLE crm.customer DROP CONSTRAINT customer_unit_id_fkey;
ALTER TABLE crm.policy DROP CONSTRAINT policy_unit_id_fkey;
ALTER TABLE crm.customer ALTER card_grade DROP DEFAULT, ALTER card_grade TYPE crm.grade
  USING card_grade::crm.grade, ALTER card_grade SET DEFAULT 'basic',
  ALTER region TYPE crm.region USING region::crm.region,
  ALTER unit_id TYPE crm.unit_no USING unit_id::crm.unit_no,
  ADD blood crm.blood CHECK (blood <> 'O'::crm.blood), ADD UNIQUE (unit_id, owner_id);
UPDATE crm.customer SET blood = 'A';
ALTER TABLE crm.policy ALTER unit_id TYPE crm.unit_no USING unit_id::crm.unit_no;
ALTER TABLE crm.claim ALTER status TYPE crm.state USING status::crm.state;
CREATE TABLE crm.account (
  channel crm.channel, no bigint, customer_id bigint NOT NULL REFERENCES crm.customer,
  value varchar(40), other varchar(40), PRIMARY KEY (channel, no), UNIQUE (customer_id, channel)
);
INSERT INTO crm.account VALUES ('web', 1, 1, '13912345678'), ('shop', 1, 3, '13912345679');
"""
ACCOUNT = """  account:
    subject: customer_id
    columns:
      value: {level: 1, category: contact, kind: mobile, search: exact, why: service}
      other:
        level: 1
        category: contact
        kind_by: {column: channel, web: mobile, else: free_text}
        why: service
    level_3: [channel, no, customer_id]
"""
CASTS = """
CREATE FUNCTION dev.told_{0}(v crm.{0}) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO dev.ran VALUES (CURRENT_USER, '{0} as text');
  RETURN pg_catalog.format('%s', v); END $$;
CREATE FUNCTION dev.json_{0}(v crm.{0}) RETURNS json LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO dev.ran VALUES (CURRENT_USER, '{0} as json');
  RETURN pg_catalog.to_json(pg_catalog.format('%s', v)); END $$;
CREATE FUNCTION dev.read_{0}(v text) RETURNS crm.{0} LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO dev.ran VALUES (CURRENT_USER, '{0} of text');
  RETURN (pg_catalog.enum_range(NULL::crm.{0}))[1]; END $$;
CREATE CAST (crm.{0} AS text) WITH FUNCTION dev.told_{0}(crm.{0}) AS ASSIGNMENT;
CREATE CAST (crm.{0} AS json) WITH FUNCTION dev.json_{0}(crm.{0}) AS ASSIGNMENT;
CREATE CAST (text AS crm.{0}) WITH FUNCTION dev.read_{0}(text) AS ASSIGNMENT;
"""


def _catalogue() -> str:
    text = (FIXTURES / "catalogue.yml").read_text("utf-8")
    agent = "  agent:\n    rows: own_unit\n"
    for old, new in (
        (agent, agent + "    column: {customer.blood: mask, account.other: mask}\n"),
        ("      region: {", "      blood: {level: 1, category: basic, kind: free_text, why: x}\n"
         "      region: {"),
        ("  claim:\n    subject", ACCOUNT + "  claim:\n    subject"),
        ("columns: [customer.phone, customer.id_no, customer.email, policy.insured_id_no]\n",
         "columns: [customer.phone, customer.blood, account.value, claim.status]\n"),
        ("search: {columns: [customer.phone, customer.id_no],",
         "search: {columns: [customer.phone, account.value],"),
    ):  # fmt: skip
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def fill(database: Database) -> None:
    """The reveal database with types of the application's wherever a column may have one."""
    place.make_schema(database)
    database.run((FIXTURES / "claim.sql").read_text("utf-8"))
    for name, labels in TYPES.items():
        database.run(
            f"CREATE TYPE crm.{name.replace('unit', 'unit_no')} AS ENUM"
            f" ({', '.join(repr(label) for label in labels)})"
        )
    database.run(SCHEMA)
    install(database.dsn())
    place.fill_register(database)
    place.register_key(database, KeyFile.new(1))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.yml"
        path.write_text(_catalogue(), "utf-8")
        place.protect(database, path)
    place.seal(database)
    with database.superuser() as root:
        for profile in ("agent", "chief", "care", "vip", "hunter", "desk", "analyst"):
            root.execute(f"GRANT pgmask_{profile} TO app".encode())
        root.execute("GRANT pgmask_analyst TO alan")
        root.execute(
            "CREATE SCHEMA dev AUTHORIZATION olga; GRANT USAGE ON SCHEMA crm TO PUBLIC;"
            "GRANT USAGE ON SCHEMA dev TO PUBLIC;"
            "CREATE TABLE dev.ran (who name, what text); GRANT ALL ON dev.ran TO PUBLIC"
        )
        for name in TYPES:
            root.execute(f"ALTER TYPE crm.{name.replace('unit', 'unit_no')} OWNER TO olga".encode())
    database.close()


@dataclass
class Application:
    """What agents and desks do all day, over every column of such a type."""

    site: Site

    def work(self) -> dict[str, object]:
        """Write, upsert, become high-value, reveal, search, verify; what was seen."""
        seen: dict[str, object] = {}
        site = self.site
        with site.acting() as one:
            one.execute(
                "INSERT INTO crm.customer (id, unit_id, name, phone, region, blood)"
                f" VALUES (2000, 'north', '王明', '{FRESH}', 'Riverside', 'B')"
            )
            one.execute("UPDATE crm.customer SET note = 'n', blood = 'B' WHERE id = 4")
            one.execute("UPDATE crm.customer SET region = 'Hilltop' WHERE id = 4")
            upsert = (
                "INSERT INTO crm.account VALUES ('web', 1, 1, %s)"
                " ON CONFLICT (channel, no) DO UPDATE SET value = EXCLUDED.value"
            )
            one.execute(upsert, ("13912340000",))
            one.execute("INSERT INTO crm.account VALUES ('shop', 7, 2000, '13912349999', 'mail')")
        site.root.execute("UPDATE crm_store.customer SET card_grade = 'diamond' WHERE id = 2000")
        ticket = site.request(columns=["phone", "blood"], purpose="claim", reference="C-1-open")
        with site.acting() as one:
            row = one.execute("SELECT phone, blood FROM crm.customer_reveal(%s)", (ticket,))
            seen["revealed"] = row.fetchone()
            found = one.execute(f"SELECT id FROM crm.customer_by_phone('{OURS.phone}')")
            seen["searched"] = found.fetchall()
        account = self._account()
        with site.acting() as one:
            row = one.execute("SELECT channel, value FROM crm.account_reveal(%s)", (account,))
            seen["account"] = row.fetchone()
            found = one.execute("SELECT channel, no FROM crm.account_by_value('13912340000')")
            seen["found"] = found.fetchall()
        claim = site.request(key="C-1-open", columns=["status"], table="crm.claim")
        with site.acting() as one:
            row = one.execute("SELECT status FROM crm.claim_reveal(%s)", (claim,))
            seen["status"] = row.fetchone()
        rich = "SELECT region FROM crm_store.customer WHERE id = %s"
        seen["rich"] = site.rows(rich, RICH.id)
        for table in ("customer", "account", "policy"):
            seen[f"wrong {table}"] = site.rows(
                f'SELECT v FROM crm_store.{table} t, LATERAL pgmask_private."seal_crm.{table}_verify"(t)'  # noqa: E501
                " v WHERE v IS NOT NULL"
            )
        seen["flags"] = site.rows(
            "SELECT pgmask_high_value, pgmask_unit FROM crm_store.account WHERE no = 7"
        )
        return seen

    def _account(self) -> object:
        with self.site.acting() as one:
            row = one.execute(
                "SELECT pgmask.reveal_request('crm.account', ARRAY['web', '1'], NULL, 'callback')"
            ).fetchone()
        assert row is not None
        return row[0]

    def ran(self) -> set[str]:
        """The roles as which a cast of the application's has run."""
        return {who for (who,) in self.site.rows("SELECT DISTINCT who FROM dev.ran")}


@pytest.fixture
def application(server: Server) -> Iterator[Application]:
    with server.database(template=server.template("reveal_enums", fill)) as made:
        yield Application(Site(made))


def make_casts(application: Application) -> None:
    """Their owner makes them, after pgmask has generated all it has."""
    for name in TYPES:
        casts = CASTS.format(name.replace("unit", "unit_no"))
        application.site.database.run(casts, user="olga")


SEEN = {
    "revealed": (OURS.phone, "A"),
    "searched": [(1,)],
    "account": ("web", "13912340000"),
    "found": [("web", 1)],
    "status": ("open",),
    "rich": [(None,)],
    "wrong customer": [],
    "wrong account": [],
    "wrong policy": [],
    "flags": [(True, "north")],
}


def test_the_application_works(application: Application) -> None:
    assert application.work() == SEEN


def test_no_cast_runs_with_rights_of_pgmask(application: Application) -> None:
    """``follow`` may: it reaches no key (ADR 0032). Views come back from their text with none."""
    make_casts(application)
    site = application.site
    site.root.execute("GRANT pgmask_store TO olga")
    try:
        olga = site.connect("olga")
        for table in ("customer", "account", "claim"):
            with olga.transaction():
                olga.execute("SELECT pgmask.detach(%s)", (f"crm.{table}",))
                olga.execute("SELECT pgmask.attach(%s)", (f"crm.{table}",))
    finally:
        site.root.execute("REVOKE pgmask_store FROM olga")
    seen = application.work()
    assert seen.pop("flags") is not None
    assert seen == {k: v for k, v in SEEN.items() if k != "flags"}
    assert application.ran() <= {"pgmask_keyless", "app"}


UNCAST = re.compile(r"\(CASE WHEN (\S+) IS DISTINCT FROM NULL THEN pg_catalog\.concat\(\1\) END\)")
POPULATED = re.compile(
    r"\(jsonb_populate_record\((?:NEW|v_row), jsonb_build_object\('(\w+)', (\w+)\)\)\)\.\"\1\""
)


@pytest.mark.parametrize(
    ("pattern", "with_cast", "what"),
    [(UNCAST, r"\1::text", "as text"), (POPULATED, r"(\2)::crm.\1", "of text")],
    ids=["to text", "from text"],
)
def test_the_control_casts(
    application: Application, pattern: re.Pattern[str], with_cast: str, what: str
) -> None:
    """The same functions with casts in the place of output and input functions."""
    changed = 0
    for (definition,) in application.site.rows(
        "SELECT pg_get_functiondef(oid) FROM pg_proc"
        " WHERE proowner = 'pgmask_sealer'::regrole AND prokind = 'f'"
    ):
        text, found = pattern.subn(with_cast, definition)
        changed += found
        if found:
            application.site.root.execute(text.encode())
    assert changed
    make_casts(application)
    application.work()
    assert "pgmask_sealer" in application.ran()
    assert [w for (w,) in application.site.rows(
        "SELECT DISTINCT what FROM dev.ran WHERE who = 'pgmask_sealer'") if what in w]  # fmt: skip


def test_nor_on_the_way_back(application: Application) -> None:
    """The triggers that open, in the place of those that seal: no cast either, and the truth."""
    site = application.site
    with TemporaryDirectory() as folder, site.database.connect() as connection:
        path = Path(folder) / "catalogue.yml"
        path.write_text(_catalogue(), "utf-8")
        catalogue, facts = load(path), read_facts(connection)
    table = catalogue.table("crm.customer")
    assert table is not None
    spec = spec_of_table(catalogue, facts, table)
    assert spec is not None
    for name, expression in mask_checks(spec):
        assert expression
        site.root.execute(f"ALTER TABLE {spec.store.quoted} DROP CONSTRAINT {name.quoted}".encode())
    for one in sorted(objects(replace(spec, unsealing=True)), key=lambda o: o.phase):
        for statement in one.create:
            if one.kind in (Kind.FUNCTION, Kind.COLUMN):
                site.root.execute(statement.text.encode())
    make_casts(application)
    site.root.execute("UPDATE crm_store.customer SET pgmask_opened = NULL WHERE id IN (1, 3)")
    with site.acting() as app:
        app.execute(
            "INSERT INTO crm.customer (id, unit_id, name, phone, region, blood)"
            f" VALUES (2001, 'north', '王明', '{FRESH}', 'Riverside', 'B')"
        )
        app.execute("UPDATE crm.customer SET blood = 'B' WHERE id = 4")
    opened = "SELECT id, blood, region, phone FROM crm_store.customer WHERE id IN (1, 3, 4, 2001)"
    assert site.rows(opened + " ORDER BY id") == [
        (1, "A", "Riverside", OURS.phone), (3, "A", "Hilltop", RICH.phone),
        (4, "B", "Riverside", CARED.phone), (2001, "B", "Riverside", FRESH),
    ]  # fmt: skip
    assert application.ran() <= {"pgmask_keyless", "app"}


OWN_TYPES = {"state": "crm.state", "Mood": '"Schéma".mood'}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("state = 'open'::crm.state", None),
        ("state = ANY (ARRAY['open'::crm.state, 'closed'::crm.state])", None),
        ("(state IS NOT NULL) OR (n > 3 AND lower(name) <> 'x')", None),
        ('"Mood" <> \'a\'::"Schéma".mood', None),
        ("state", None),
        ("(state)::text = 'open'::text", "column 'state'"),
        ("state = 'open'::text", "column 'state'"),
        ("state = 'open'", "column 'state'"),
        ("COALESCE(state, 'open'::crm.state) = 'open'::crm.state", "column 'state'"),
        ("lower(state) = 'open'::text", "column 'state'"),
        ("CASE WHEN n > 1 THEN state END IS NULL", "column 'state'"),
        ("(name)::crm.state IS NULL", "a value of type crm.state"),
        ("name = 'x'::crm.short", "a value of type crm.short"),
        ("(name)::public.citext = 'x'::public.citext", None),
        ("(name)::pg_catalog.text = 'x'", None),
    ],
)
def test_what_may_be_read_anew(expression: str, found: str | None) -> None:
    assert casts(expression, OWN_TYPES) == found


def refused(database: Database) -> set[tuple[str, str]]:
    with database.connect() as connection:
        found = check(load(FIXTURES / "catalogue.yml"), read_facts(connection))
    return {(p.code, p.what) for p in found}


def test_what_cannot_do_without_a_cast_is_refused(installed: Database) -> None:
    place.make_schema(installed)
    installed.run((FIXTURES / "claim.sql").read_text("utf-8"))
    installed.run(
        "CREATE TYPE crm.no AS ENUM ('C-1-open', 'C-1-closed', 'C-1-old', 'C-2-open', 'C-10-open');"
        "CREATE TYPE crm.mark AS ENUM ('a', 'b');"
        "ALTER TABLE crm.customer ADD mark crm.mark,"
        " ADD CONSTRAINT compared CHECK (mark <> 'a'::crm.mark OR salary > 0)"
    )
    before = refused(installed)
    assert ("PM420", "claim") not in before
    assert ("PM251", "compared") not in before
    installed.run(
        "ALTER TABLE crm.claim ALTER claim_no TYPE crm.no USING claim_no::crm.no;"
        "ALTER TABLE crm.customer ADD CONSTRAINT told CHECK (mark::text <> 'a' OR salary > 0)"
    )
    assert {("PM420", "claim"), ("PM251", "told")} <= refused(installed)
