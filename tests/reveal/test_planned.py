"""Code of the application that PostgreSQL runs while it plans a query: never with a way to a key.

An index predicate is evaluated by whoever plans a query on its table.  Here every store carries one
that looks for the key; what pgmask's functions do is done all the same, and the code finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext

import psycopg
import pytest

from pgmask.errors import PgmaskError
from pgmask.facts.read import read_facts
from pgmask.keyfile import KeyFile
from pgmask.plan.drift import drift
from pgmask.runtime import install
from tests.attack import place
from tests.attack.people import FRESH, OURS
from tests.harness import Connection, Database
from tests.reveal.site import FIXTURES, Site, ask

pytestmark = [pytest.mark.attack, pytest.mark.requirement("F1", "G2")]

_SPY = """
CREATE SCHEMA dev AUTHORIZATION olga;
GRANT USAGE ON SCHEMA dev TO PUBLIC;
SET ROLE olga;
CREATE FUNCTION dev.spy() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
RESET ROLE;
CREATE INDEX planted ON crm_store.customer (region) WHERE dev.spy();
CREATE INDEX planted_too ON crm_store.claim (due_on) WHERE dev.spy();
SET ROLE olga;
CREATE OR REPLACE FUNCTION dev.spy() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'ran as %', current_user;
  RAISE NOTICE 'took %', pg_catalog.encode(
    pgmask_private.key_content(pgmask_private.current_kek()), 'hex');
  RETURN true;
EXCEPTION WHEN insufficient_privilege THEN
  RETURN true;
END $$;
RESET ROLE;
"""
_WITH_KEYS = """
DO $$
DECLARE
  r record;
BEGIN
  GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA crm_store TO pgmask_sealer;
  GRANT SELECT ON ALL TABLES IN SCHEMA crm, hunter TO pgmask_sealer;
  GRANT SELECT ON ALL TABLES IN SCHEMA pgmask_private TO pgmask_sealer;
  FOR r IN
    SELECT p.oid::regprocedure AS name, pg_get_functiondef(p.oid) AS definition
      FROM pg_proc AS p WHERE p.proowner = 'pgmask_lookup'::regrole
  LOOP
    EXECUTE replace(r.definition, '''pgmask_lookup''', '''pgmask_sealer''');
    EXECUTE format('ALTER FUNCTION %s OWNER TO pgmask_sealer', r.name);
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA pgmask_note TO pgmask_sealer
"""
"""The control: the functions that read belong to the role that opens."""


def _asks(one: Connection) -> None:
    ask(one, 1, ["phone"], "claim", "C-1-open")


def _shares(one: Connection) -> None:
    ask(one, 1, ["phone"])


def _finds(one: Connection) -> None:
    one.execute("SELECT id FROM crm.customer_by_phone(%s)", (OURS.phone,)).fetchall()


def _inserts(one: Connection) -> None:
    one.execute(
        "INSERT INTO crm.customer (id, unit_id, name, phone, region)"
        " VALUES (900100, 'north', 'x', %s, 'r')", (FRESH,),
    )  # fmt: skip


def _upserts(one: Connection) -> None:
    one.execute(
        "INSERT INTO crm.customer (id, unit_id, name, phone, region)"
        " VALUES (1, 'north', 'x', %s, 'r') ON CONFLICT (id) DO UPDATE SET phone = excluded.phone",
        (FRESH,),
    )


def _follows_a_subject(one: Connection) -> None:
    one.execute(
        "INSERT INTO crm.claim (claim_no, customer_id, status, due_on)"
        " VALUES ('C-new', 1, 'open', current_date)"
    )


@pytest.mark.parametrize(
    ("actor", "act"),
    [("ann", _asks), ("hugo", _shares), ("ann", _finds), ("ann", _inserts), ("ann", _upserts),
     ("ann", _follows_a_subject)],
)  # fmt: skip
def test_what_it_finds(site: Site, actor: str, act: Callable[[Connection], None]) -> None:
    site.root.execute(_SPY)
    ran, loot = _spied(site, actor, act)
    assert "pgmask_lookup" in ran
    assert not ran & {"pgmask_sealer", "pgmask_owner", "pgmask_migrator"}
    assert not loot
    site.root.execute(_WITH_KEYS)
    ran, loot = _spied(site, actor, act)
    assert "pgmask_sealer" in ran
    assert len(loot[0]) > 64


def _spied(
    site: Site, actor: str, act: Callable[[Connection], None], refused: str = ""
) -> tuple[set[str], list[str]]:
    """As whom the code ran, and the keys it got; refused: words of the error that must come."""
    said: list[str] = []
    one = site.connect()
    one.add_notice_handler(lambda d: said.append(d.message_primary or ""))
    met = pytest.raises(psycopg.Error, match=refused) if refused else nullcontext()
    with met, one.transaction(force_rollback=True):
        site.log_in(one, actor)
        act(one)
    one.close()
    ran, took = "ran as ", "took "
    return (
        {w.removeprefix(ran) for w in said if w.startswith(ran)},
        [w.removeprefix(took) for w in said if w.startswith(took)],
    )


def test_no_function_with_keys_plans_a_query_on_a_store_or_view(site: Site) -> None:
    """Read in every function of a role that reaches keys; the control reads one that does."""
    named = re.compile(r'(?<!DISTINCT )(?:FROM|JOIN|UPDATE|INTO|ONLY|TABLE)\s+"?([^\s".(;]+)"?\.')
    quiet = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
    there = {n for (n,) in site.rows("SELECT nspname::text FROM pg_namespace")}

    def schemas(owners: str) -> set[str]:
        rows = site.rows(f"SELECT p.prosrc FROM pg_proc AS p WHERE p.proowner IN ({owners})")
        assert rows
        return {s for (text,) in rows for s in named.findall(quiet.sub("''", text))} & there

    ours = {n for n in there if n.startswith("pgmask")} | {"pg_catalog"}
    keyed = "'pgmask_sealer'::regrole, 'pgmask_owner'::regrole, 'pgmask_migrator'::regrole"
    assert schemas(keyed) <= ours
    assert {"crm_store", "crm"} <= schemas("'pgmask_lookup'::regrole")


def test_what_its_owner_may_alter_does_not_help(site: Site) -> None:
    """With its caller's rights and a path of the attacker's, it refuses before any operator."""
    site.root.execute(_SPY)
    site.root.execute(
        "SET ROLE olga; CREATE FUNCTION dev.same(name, name) RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM dev.spy(); RETURN false; END $$;"
        "CREATE OPERATOR dev.= (PROCEDURE = dev.same, LEFTARG = name, RIGHTARG = name);"
        "CREATE OPERATOR dev.<> (PROCEDURE = dev.same, LEFTARG = name, RIGHTARG = name);"
        "RESET ROLE; SET ROLE pgmask_lookup;"
        'ALTER FUNCTION pgmask_private."read_crm.customer_agent_find"(text[]) SECURITY INVOKER;'
        'ALTER FUNCTION pgmask_private."read_crm.customer_agent_find"(text[])'
        " SET search_path = dev, pg_catalog; RESET ROLE"
    )
    assert _spied(site, "ann", _shares, "altered") == (set(), [])
    name = 'pgmask_private."read_crm.customer_agent_find"(text[])'
    definition = site.rows(f"SELECT pg_get_functiondef('{name}'::regprocedure)")[0][0]
    # The control: the same guard with an operator that the path decides about.
    site.root.execute(
        definition.replace("OPERATOR(pg_catalog.=)", "=").replace("::pg_catalog.name", "").encode()
    )
    assert "pgmask_sealer" in _spied(site, "ann", _shares, "altered")[0]


def test_the_role_that_reads_changes_nothing(site: Site) -> None:
    """It may lock rows; the control is the policy that lets a change pass."""
    change = "UPDATE crm_store.customer SET pgmask_restricted = true WHERE id = 1"
    with site.root.transaction(force_rollback=True):
        site.root.execute("SET LOCAL ROLE pgmask_lookup")
        site.root.execute("SELECT FROM crm_store.customer WHERE id = 1 FOR UPDATE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), site.root.transaction():
            site.root.execute(change)
        site.root.execute("RESET ROLE")
        site.root.execute(
            "ALTER POLICY pgmask_lookup_locks ON crm_store.customer WITH CHECK (true)"
        )
        site.root.execute("SET LOCAL ROLE pgmask_lookup")
        assert site.root.execute(change).rowcount == 1


_BEFORE = """
SET ROLE installer;
CREATE FUNCTION crm.live() RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION crm.alike(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2';
CREATE OPERATOR crm.=== (PROCEDURE = crm.alike, LEFTARG = text, RIGHTARG = text);
RESET ROLE;
"""


@pytest.mark.requirement("A1")
@pytest.mark.parametrize(
    "made",
    [
        "CREATE INDEX planted ON crm.customer (region) WHERE crm.live()",
        "CREATE INDEX planted ON crm.customer ((region OPERATOR(crm.===) 'x'))",
        "CREATE STATISTICS crm.planted ON (crm.live()), region FROM crm.customer",
        "ALTER TABLE crm.customer ADD CONSTRAINT planted CHECK (crm.live())",
    ],
)
def test_such_code_from_before(database: Database, made: str) -> None:
    """A plan names it; where a superuser has taken the function over, nobody else can change it."""
    place.make_schema(database)
    database.run((FIXTURES / "claim.sql").read_text("utf-8"))
    with database.superuser() as root:
        root.execute(_BEFORE.encode())
        root.execute(made.encode())
    install(database.dsn())
    place.fill_register(database)
    place.register_key(database, KeyFile.new(1))
    with pytest.raises(PgmaskError) as error:
        place.protect(database, FIXTURES / "catalogue.yml")
    assert "PM257" in str(error.value.detail or error.value)
    with database.superuser() as root:
        root.execute(
            "ALTER FUNCTION crm.live() OWNER TO CURRENT_USER;"
            "ALTER FUNCTION crm.alike(text, text) OWNER TO CURRENT_USER"
        )
    place.protect(database, FIXTURES / "catalogue.yml")
    with psycopg.connect(database.dsn()) as connection:
        assert not [d for d in drift(read_facts(connection)) if d.attribute == "code"]
    with database.superuser() as root:
        root.execute("ALTER FUNCTION crm.live() OWNER TO olga")
        root.execute("ALTER FUNCTION crm.alike(text, text) OWNER TO olga")
    # What works through the rows as the sealer does not begin.
    with pytest.raises(PgmaskError) as error:
        place.seal(database)
    assert error.value.code == "PM257"
    with psycopg.connect(database.dsn()) as connection:
        assert [d.now for d in drift(read_facts(connection)) if d.attribute == "code"]
