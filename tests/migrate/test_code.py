"""What a migration may not leave behind: code of the application that runs as a role of pgmask."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pgmask.catalogue import load
from pgmask.compile import check
from pgmask.facts.read import read_facts
from tests.attack import place
from tests.attack.people import FRESH
from tests.harness import Connection, Database, Server
from tests.migrate.test_detach import code
from tests.reveal.site import FIXTURES, Site, ask, fill

pytestmark = pytest.mark.requirement("B7", "F1")

SPY = """
CREATE TABLE dev.ran (who name); GRANT ALL ON dev.ran TO PUBLIC;
CREATE FUNCTION dev.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO dev.ran VALUES (CURRENT_USER); RETURN OLD; END $$;
CREATE TYPE dev.state AS ENUM ('open', 'closed', 'pending');
CREATE FUNCTION dev.told(v dev.state) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO dev.ran VALUES (CURRENT_USER); RETURN pg_catalog.format('%s', v); END $$;
"""
CAST = "CREATE CAST (dev.state AS text) WITH FUNCTION dev.told(dev.state) AS ASSIGNMENT"


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    """The reveal database; olga migrates, and owns a schema with code of hers."""
    with server.database(template=server.template("reveal", fill)) as made:
        one = Site(made)
        one.root.execute(
            "CREATE SCHEMA dev AUTHORIZATION olga; GRANT USAGE ON SCHEMA dev TO PUBLIC;"
            "GRANT pgmask_store TO olga"
        )
        made.run(SPY, user="olga")
        yield one
        one.root.execute("REVOKE pgmask_store FROM olga")


def migrate(site: Site, *statements: str, table: str = "crm.claim") -> None:
    """A migration as the owner of the stores, committed."""
    olga = site.connect("olga")
    with olga.transaction():
        olga.execute("SELECT pgmask.detach(%s)", (table,))
        olga.execute("SET LOCAL ROLE pgmask_store")
        for statement in statements:
            olga.execute(statement.encode())
        olga.execute("RESET ROLE")
        olga.execute("SELECT pgmask.attach(%s)", (table,))


def without(site: Site, function: str, old: str, new: str) -> None:
    """The control: one text of one function taken out or replaced."""
    query = "SELECT pg_get_functiondef(%s::regprocedure)"
    definition = str(site.rows(query, function)[0][0])
    assert old in definition
    site.root.execute(definition.replace(old, new).encode())


def ran(site: Site) -> set[str]:
    return {who for (who,) in site.rows("SELECT DISTINCT who FROM dev.ran")}


RETYPED = "ALTER TABLE crm_store.claim ALTER status TYPE dev.state USING status::dev.state"
READDED = (
    "ALTER TABLE crm_store.claim DROP status",
    "ALTER TABLE crm_store.claim ADD status dev.state DEFAULT 'open'",
)


@pytest.mark.parametrize("statements", [(RETYPED,), READDED], ids=["retyped", "dropped and added"])
def test_a_type_of_ones_own_in_what_reveals(site: Site, statements: tuple[str, ...]) -> None:
    """Functions over another table name the claim's status; no apply mends them in time."""
    with pytest.raises(psycopg.Error) as error:
        migrate(site, *statements)
    assert code(error) == "PM218"
    assert "status of type dev.state" in str(error.value.diag.message_detail)
    without(
        site, "pgmask_private.refuse_own_types(text, oid, text, jsonb)",
        "IF v_found IS NOT NULL", "IF false",
    )  # fmt: skip
    migrate(site, *statements)
    site.database.run(CAST, user="olga")
    with site.acting() as one:
        ask(one, 1, ["phone"], "claim", "C-1-open")
    assert ran(site) == {"pgmask_lookup"}


def test_a_type_of_ones_own_where_nothing_names_it(site: Site) -> None:
    migrate(site, "ALTER TABLE crm_store.claim ADD how dev.state")


def test_a_cast_in_a_policy_that_comes_back(site: Site) -> None:
    """Made again from its text, a policy would take the cast that is there by now."""
    site.database.run(CAST.replace("AS ASSIGNMENT", "AS IMPLICIT"), user="olga")
    retyped = "ALTER TABLE crm_store.customer ALTER unit_id TYPE dev.state USING 'open'"
    keys = "ALTER TABLE crm_store.customer DROP CONSTRAINT customer_unit_id_fkey"
    with pytest.raises(psycopg.Error) as error:
        migrate(site, keys, retyped, table="crm.customer")
    assert code(error) == "PM218"


CASCADE = "ALTER TABLE crm_store.claim DROP CONSTRAINT claim_customer_id_fkey"
ACTIONS = {
    "ON DELETE CASCADE": "DELETE",
    "ON DELETE SET NULL": "UPDATE",
    "ON UPDATE CASCADE": "UPDATE",
}


def behind(action: str, event: str) -> tuple[str, ...]:
    return (
        CASCADE,
        "ALTER TABLE crm_store.claim ALTER customer_id DROP NOT NULL, ADD CONSTRAINT mine"
        f" FOREIGN KEY (customer_id) REFERENCES crm_store.customer {action} NOT VALID",
        f"CREATE TRIGGER a_spy BEFORE {event} ON crm_store.claim"
        " FOR EACH ROW EXECUTE FUNCTION dev.spy()",
    )


@pytest.mark.parametrize(("action", "event"), ACTIONS.items(), ids=ACTIONS)
def test_a_trigger_behind_a_referential_action(site: Site, action: str, event: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        migrate(site, *behind(action, event))
    assert code(error) == "PM258"
    assert "a_spy" in str(error.value.diag.message_detail)
    # An event that the action does not cause, and a key that restricts.
    other = "INSERT" if event == "UPDATE" else "UPDATE"
    with pytest.raises(ZeroDivisionError):
        migrate_then_fail(site, *behind(action, other))
    with pytest.raises(ZeroDivisionError):
        migrate_then_fail(site, *behind("", event))


def migrate_then_fail(site: Site, *statements: str) -> None:
    """The migration is let, and rolled back."""
    olga = site.connect("olga")
    with olga.transaction():
        olga.execute("SELECT pgmask.detach('crm.claim')")
        olga.execute("SET LOCAL ROLE pgmask_store")
        for statement in statements:
            olga.execute(statement.encode())
        olga.execute("RESET ROLE")
        olga.execute("SELECT pgmask.attach('crm.claim')")
        raise ZeroDivisionError


def test_the_control_with_the_trigger(site: Site) -> None:
    """Let in, it runs as the owner of the stores when an agent deletes a customer."""
    without(
        site, "pgmask_private.refuse_cascades(text, oid[])", "IF v_found IS NOT NULL", "IF false"
    )
    migrate(site, *behind("ON DELETE CASCADE", "DELETE"))
    with site.acting() as one:
        for table, column in (("policy", "holder_id"), ("contact_log", "customer_id")):
            one.execute(f"DELETE FROM crm.{table} WHERE {column} = 10".encode())
        one.execute("DELETE FROM crm.customer WHERE id = 10")
    assert ran(site) == {"pgmask_store"}


def test_a_plan_refuses_it(installed: Database) -> None:
    place.make_schema(installed)
    installed.run((FIXTURES / "claim.sql").read_text("utf-8"))
    installed.run(
        "ALTER TABLE crm.claim DROP CONSTRAINT claim_customer_id_fkey,"
        " ADD CONSTRAINT mine FOREIGN KEY (customer_id) REFERENCES crm.customer ON DELETE CASCADE"
    )
    assert ("PM258", "late") not in refused(installed)
    installed.run(
        "CREATE TRIGGER late AFTER DELETE ON crm.claim"
        " FOR EACH STATEMENT EXECUTE FUNCTION crm.touched()"
    )
    assert ("PM258", "late") in refused(installed)
    installed.run(
        "ALTER TABLE crm.claim DROP CONSTRAINT mine, ADD CONSTRAINT mine"
        " FOREIGN KEY (customer_id) REFERENCES crm.customer ON UPDATE CASCADE"
    )
    assert ("PM258", "late") not in refused(installed)


def refused(database: Database) -> set[tuple[str, str]]:
    with database.connect() as connection:
        found = check(load(FIXTURES / "catalogue.yml"), read_facts(connection))
    return {(p.code, p.what) for p in found}


LATE = (
    "CREATE CONSTRAINT TRIGGER {name} AFTER UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION dev.spy()"
)
SETTLE = "pgmask_private.settle_constraints(oid[], boolean)"
OTHER = (
    "CREATE TABLE crm_store.other (id integer)",
    "INSERT INTO crm_store.other VALUES (1)",
    "ALTER TABLE crm_store.claim ALTER CONSTRAINT claim_customer_id_fkey DEFERRABLE",
    LATE.format(name="claim_customer_id_fkey", table="crm_store.other"),
    "UPDATE crm_store.other SET id = 2",
)
OWN = (
    LATE.format(name="late", table="crm_store.claim"),
    "UPDATE crm_store.claim SET due_on = due_on WHERE claim_no = 'C-1-open'",
)


def test_attach_sets_off_no_deferred_trigger(site: Site) -> None:
    """It waits for COMMIT or its own SET CONSTRAINTS, with the rights of whoever migrates."""
    with pytest.raises(psycopg.Error) as error:
        migrate(site, *OWN)
    assert code(error) == "55006"  # pending, so no ALTER TABLE: PostgreSQL's own words
    assert ran(site) == set()
    migrate(site, *OWN, "SET CONSTRAINTS crm_store.late IMMEDIATE")
    assert ran(site) == {"pgmask_store"}


def test_attach_sets_off_no_trigger_under_a_keys_name(site: Site) -> None:
    """SET CONSTRAINTS takes every constraint of the name in the schema."""
    with pytest.raises(psycopg.Error) as error:
        migrate(site, *OTHER)
    assert code(error) == "PM260"
    assert ran(site) == set()


@pytest.mark.pg("< 18")  # from 18 on a trigger runs as who queued it
@pytest.mark.parametrize("statements", [OWN, OTHER], ids=["its own name", "a key's name"])
def test_the_controls_with_the_deferred_trigger(site: Site, statements: tuple[str, ...]) -> None:
    if statements is OWN:
        without(site, SETTLE, "k.contype IN ('f', 'u', 'p')", "true")
    without(site, SETTLE, "IF v_shared IS NOT NULL", "IF false")
    migrate(site, *statements)
    assert ran(site) == {"pgmask_migrator"}


INSERTS = 'pgmask_private."seal_crm.customer_insert"()'


def borrowed(site: Site) -> Connection:
    """The sealing trigger, lent as in a window, on a table with a type of one's own."""
    site.root.execute(f"GRANT EXECUTE ON FUNCTION {INSERTS} TO olga".encode())
    site.root.execute("GRANT USAGE ON SCHEMA pgmask_private, crm_store TO olga")
    olga = site.connect("olga")
    olga.execute(CAST)
    columns = site.rows(
        "SELECT string_agg(format('%%I %%s', attname, CASE attname WHEN 'phone' THEN 'dev.state'"
        " ELSE format_type(atttypid, atttypmod) END), ', ') FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", "crm_store.customer",
    )[0][0]  # fmt: skip
    olga.execute(f"CREATE TABLE dev.fake ({columns})".encode())
    olga.execute(
        "CREATE TRIGGER b BEFORE INSERT ON dev.fake"
        f" FOR EACH ROW EXECUTE FUNCTION {INSERTS}".encode()
    )
    return olga


def test_a_borrowed_sealing_trigger_seals_no_other_table(site: Site) -> None:
    olga = borrowed(site)
    insert = (
        "INSERT INTO dev.fake (id, unit_id, name, phone, region, card_grade, pgmask_high_value,"
        " pgmask_restricted) VALUES (1, 'north', 'x', 'open', 'r', 'basic', false, false)"
    )
    with pytest.raises(psycopg.Error) as error:
        olga.execute(insert)
    assert code(error) == "PM901"
    assert ran(site) == set()
    guard = 'TG_RELID = \'"crm_store"."customer"\'::regclass'
    without(site, INSERTS, guard, "true")
    with pytest.raises(psycopg.Error):  # what the cast gives is no phone
        olga.execute(insert)
    # The row of the loot went with the error: the phone's cast tells by its message.
    told = "RAISE EXCEPTION 'as %', CURRENT_USER"
    olga.execute(
        "CREATE OR REPLACE FUNCTION dev.told(v dev.state) RETURNS text LANGUAGE plpgsql"
        f" AS $$ BEGIN {told}; END $$".encode()
    )
    with pytest.raises(psycopg.Error, match="as pgmask_sealer"):
        olga.execute(insert)


def test_a_partition_is_the_stores_own(site: Site) -> None:
    with site.acting() as one:
        one.execute(
            "INSERT INTO crm.contact_log (id, customer_id, value, purpose, at)"
            f" VALUES (5000, 1, '{FRESH}', 'service', '2026-03-01')"
        )


def test_the_migrator_replaces_nothing(site: Site) -> None:
    replace = (
        "CREATE OR REPLACE FUNCTION pgmask.attach_all() RETURNS TABLE (object text, what text)"
        " LANGUAGE sql AS 'SELECT NULL::text, NULL::text'"
    )
    with site.root.transaction():
        site.root.execute("SET LOCAL ROLE pgmask_migrator")
        with pytest.raises(psycopg.Error) as error, site.root.transaction():
            site.root.execute(replace)
        assert code(error) == "42501"
        site.root.execute("RESET ROLE")
        site.root.execute("GRANT CREATE ON SCHEMA pgmask TO pgmask_migrator")
        site.root.execute("SET LOCAL ROLE pgmask_migrator")
        site.root.execute(replace)
        raise psycopg.Rollback
