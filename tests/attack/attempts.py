"""Attempts and controls that more than one row uses, or that need more than statements."""

from __future__ import annotations

from tests.attack.model import Outcome
from tests.attack.people import FRESH, NEAR, OURS, RICH, THEIRS, id_no
from tests.attack.place import Play

LEAK = """\
CREATE SCHEMA app_ws AUTHORIZATION app;
SET ROLE app;
CREATE FUNCTION app_ws.leak(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
  AS $$ BEGIN RAISE NOTICE 'saw %', t; RETURN true; END $$;
CREATE FUNCTION app_ws.cast_it(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
  AS $$ BEGIN RETURN t <> 'Riverside' AND t NOT LIKE '*%' AND t::integer = 1; END $$;
CREATE FUNCTION app_ws.divide(n bigint, t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
  AS $$ BEGIN RETURN 1 / CASE WHEN n = 2 AND t = 'SecretCity' THEN 0 ELSE 1 END = 1; END $$;
CREATE FUNCTION app_ws.lk(a text, b text) RETURNS boolean LANGUAGE plpgsql
  AS $$ BEGIN RAISE NOTICE 'fed %, %', a, b; RETURN true; END $$;
CREATE OPERATOR app_ws.<<< (
  PROCEDURE = app_ws.lk, LEFTARG = text, RIGHTARG = text, RESTRICT = scalarltsel
);
RESET ROLE
"""

SEES_ALL = """\
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT policyname FROM pg_catalog.pg_policies
            WHERE schemaname = 'crm_store' AND tablename = 'customer'
              AND 'pgmask_agent_views' = ANY (roles)
  LOOP
    EXECUTE format('DROP POLICY %I ON crm_store.customer', r.policyname);
  END LOOP;
END $$;
CREATE POLICY everything ON crm_store.customer TO pgmask_agent_views USING (true)
"""
"""Takes the row rules of a profile from a table; nothing else changes."""

NAIVE_VIEW = """\
ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE 'CREATE OR REPLACE VIEW crm.customer AS '
    || rtrim(pg_get_viewdef('crm.customer'::regclass), ';') || ' AND unit_id = ''north''';
END $$
"""
"""The row rule as a WHERE clause of the view instead of row-level security."""


def unasked(profile: str, person: int = 11) -> str:
    """Puts a fixed person of unit north in the place of whoever the profile asks for."""
    claims = f"'', '{person}', '{profile}', 'north', 'assertion', '', '', 'f', '', ''"
    return (
        "CREATE OR REPLACE FUNCTION pgmask.identity_claims(p_profile text, p_grades text[],"
        " p_issuers text[], p_login boolean) RETURNS text LANGUAGE sql VOLATILE PARALLEL RESTRICTED"
        f" AS $$ SELECT concat_ws(U&'\\001F', {claims}) WHERE p_profile = '{profile}' $$"
    )


UNCHECKED = """\
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT conrelid::regclass AS t, conname FROM pg_catalog.pg_constraint
            WHERE contype = 'c' AND conname LIKE 'pgmask%' AND coninhcount = 0
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', r.t, r.conname);
  END LOOP;
END $$
"""
"""Drops the CHECKs that hold "only a mask is stored"."""

UNSEALED = "ALTER TABLE crm_store.customer DISABLE TRIGGER USER"
"""Switches the sealing trigger off."""

_RESEALED = """\
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT tgname FROM pg_catalog.pg_trigger
            WHERE tgrelid = 'crm_store.customer'::regclass AND NOT tgisinternal
  LOOP
    EXECUTE format('ALTER TABLE crm_store.customer ENABLE ALWAYS TRIGGER %I', r.tgname);
  END LOOP;
END $$
"""

SWAP = (
    UNSEALED
    + ";"
    + "UPDATE crm_store.customer AS c SET pgmask_sealed = o.pgmask_sealed"
    + " FROM crm_store.customer AS o WHERE (c.id, o.id) IN ((1, 4), (4, 1));"
    + _RESEALED
)
"""Exchanges the sealed values of two customers; done twice, all is as before."""

FLIP = (
    UNSEALED
    + ";"
    + "UPDATE crm_store.customer SET pgmask_sealed = set_byte(pgmask_sealed, 30,"
    + " get_byte(pgmask_sealed, 30) # 1) WHERE id = 1;"
    + _RESEALED
)
"""Flips a bit of a sealed value; done twice, all is as before."""

PLAIN_AT_REST = (
    UNCHECKED
    + ";"
    + UNSEALED
    + ";"
    + f"UPDATE crm_store.customer SET phone = '{OURS.phone}', id_no = '{OURS.id_no}',"
    f" email = '{OURS.email}' WHERE id = {OURS.id}"
)
"""One customer's level-1 values stand in their columns as they are."""


def cached_plan(play: Play) -> Outcome:
    """A generic plan prepared as ann and executed as ben, on one pooled connection."""
    session = play.session("app")
    session.run("SET plan_cache_mode = force_generic_plan")
    session.begin("ann").run("SET LOCAL naive.unit = 'north'")
    session.run("PREPARE p AS SELECT DISTINCT unit_id FROM crm.customer", keep=False)
    session.run("EXECUTE p", keep=False).run("COMMIT")
    session.begin("ben").run("SET LOCAL naive.unit = 'south'").run("EXECUTE p")
    return session.run("ROLLBACK").outcome()


def held_cursor(play: Play) -> Outcome:
    """A cursor WITH HOLD that ann leaves on the connection, read by ben."""
    session = play.session("app").begin("ann")
    session.run("DECLARE c CURSOR WITH HOLD FOR SELECT name FROM crm.customer ORDER BY id")
    session.run("COMMIT").forget()
    return session.begin("ben").run("FETCH ALL FROM c").outcome()


def parallel_count(play: Play) -> Outcome:
    """A count that PostgreSQL is made to run in a parallel worker."""
    session = play.session("app")
    setting = "debug_parallel_query" if play.major >= 16 else "force_parallel_mode"
    for change in (f"{setting} = on", "parallel_setup_cost = 0", "parallel_tuple_cost = 0"):
        session.run(f"SET {change}", keep=False)
    return session.begin("ann").run("SELECT count(*) FROM crm.customer").outcome()


def contact_probe(play: Play) -> Outcome:
    """A contact for a customer of another unit, and for one that does not exist."""
    return _probe(
        play,
        "INSERT INTO crm.contact_log (customer_id, value, purpose, at)"
        f" VALUES ({{n}}, '{FRESH}', 'service', '2026-03-01')",
    )


def policy_probe(play: Play) -> Outcome:
    """The same in a table with a unit column of its own: one row, ``exists`` or ``alike``."""
    rows = _probe(
        play,
        "INSERT INTO crm.policy (holder_id, insured_id, unit_id, product)"
        " VALUES ({n}, {n}, 'north', 'life')",
    ).rows
    return Outcome(rows=(("exists" if rows[0] != rows[1] else "alike",),))


def hidden_probe(play: Play) -> Outcome:
    """A contact for a high-value customer of the own unit, and for one that does not exist."""
    seen = []
    for number in (RICH.id, 987654):
        session = play.session("app").begin("ann")
        session.run(
            "INSERT INTO crm.policy (holder_id, insured_id, unit_id, product)"
            f" VALUES ({number}, {number}, 'north', 'life')"
        )
        seen.append(session.failed)
        session.connection.rollback()
    return Outcome(rows=(("exists" if seen[0] != seen[1] else "alike",),))


def why_probe(play: Play) -> Outcome:
    """What why() says of a customer of another unit, and of one that does not exist."""
    return _probe(play, "SELECT * FROM pgmask.why('crm.customer', '{n}')")


def _probe(play: Play, statement: str) -> Outcome:
    seen = []
    for number in (THEIRS.id, 987654):
        session = play.session("app").begin("ann").run(statement.format(n=number))
        seen.append((session.failed, session.outcome().text))
        session.connection.rollback()
    return Outcome(rows=tuple(seen))


def other_activity(play: Play) -> Outcome:
    """What mallory sees of a statement that the application's login has run."""
    play.session("app").run("SELECT 'a-secret-literal'")
    seen = play.session("mallory").run(
        "SELECT query FROM pg_stat_activity WHERE query LIKE '%a-secret-literal%'"
        " AND pid <> pg_backend_pid()"
    )
    return seen.outcome()


def upsert_probe(play: Play) -> Outcome:
    """An upsert that acts only where the proposed phone equals the stored one: right, wrong guess.

    Both guesses have the same mask as the stored phone, so only their truths differ.
    """
    seen = []
    for guess in (OURS.phone, NEAR):
        session = play.session("app").begin("ann")
        session.run(
            "INSERT INTO crm.customer (id, unit_id, name, phone, region)"
            f" VALUES (1, 'north', '王小明', '{guess}', 'R') ON CONFLICT (id)"
            " DO UPDATE SET note = 'hit' WHERE customer.phone = EXCLUDED.phone"
            " RETURNING note, phone"
        )
        outcome = session.outcome()
        seen.append((outcome.sqlstate, outcome.rows, outcome.status, outcome.words))
        session.connection.rollback()
    return Outcome(rows=tuple(seen))


def hidden_upsert(play: Play) -> Outcome:
    """An upsert onto another unit's customer with a condition on his name: true, then false.

    A setting set inside the statement says that it is none, as an injected one could.
    """
    seen = []
    for pattern in (f"{THEIRS.name[0]}%", "no such name%"):
        both = []
        for taken_back in ("", ", set_config('pgmask.up_' || n, '', true)"):
            session = play.session("app").begin("ann")
            session.run(
                "INSERT INTO crm.customer (id, unit_id, name, region)"
                f" SELECT {THEIRS.id}, 'north', '王小明', 'R' FROM (SELECT n{taken_back} FROM"
                " (SELECT left(encode(sha256('crm.customer'), 'hex'), 12) AS n) AS a OFFSET 0) AS s"
                " ON CONFLICT (id) DO UPDATE SET note = 'hit'"
                f" WHERE customer.name LIKE '{pattern}'"
            )
            outcome = session.outcome()
            both.append((outcome.sqlstate, outcome.status, outcome.words))
            session.connection.rollback()
        seen.append(tuple(both))
    return Outcome(rows=tuple(seen))


SHOWN_HIDDEN = """\
CREATE OR REPLACE VIEW pgmask_private.identity_state AS
SELECT 'valid'::text AS standing, false AS by_token, 11::bigint AS person_id,
       'nobody'::text AS profile, 'north'::text AS unit_id, 'login'::text AS grade,
       NULL::text AS purpose, NULL::timestamptz AS second_factor_at, false AS outsourced,
       'login'::text AS issuer, NULL::timestamptz AS expires_at, NULL::text AS service
"""
"""The sealing trigger does not know the profile, so it hides no row from an upsert."""

LATER_TRIGGER = f"""\
CREATE FUNCTION crm.put_back() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN NEW.phone := '{FRESH}'; RETURN NEW; END $$;
CREATE TRIGGER zzzz_put_back BEFORE UPDATE ON crm_store.customer
  FOR EACH ROW EXECUTE FUNCTION crm.put_back();
ALTER TABLE crm_store.customer ENABLE ALWAYS TRIGGER zzzz_put_back
"""
EARLIER_TRIGGER = """\
CREATE FUNCTION crm.spy() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE LOG '%', NEW.phone; RETURN NEW; END $$;
CREATE TRIGGER aaa_spy BEFORE UPDATE ON crm_store.customer
  FOR EACH ROW EXECUTE FUNCTION crm.spy()
"""
REPLACED_FUNCTION = """\
CREATE OR REPLACE FUNCTION crm.touched() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE LOG '%', NEW.phone; RETURN NEW; END $$
"""
REPLICA_ROLE = "GRANT SET ON PARAMETER session_replication_role TO app"

PLANTED = """\
CREATE SCHEMA app_ws AUTHORIZATION app;
SET ROLE app;
-- Without this PostgreSQL skips the schema where the function's owner resolves a name.
GRANT USAGE ON SCHEMA app_ws TO PUBLIC;
CREATE FUNCTION app_ws.eq(a text, b text) RETURNS boolean LANGUAGE plpgsql
  AS $$ BEGIN RAISE NOTICE 'PLANTED by %', current_user; RETURN a OPERATOR(pg_catalog.=) b; END $$;
CREATE OPERATOR app_ws.= (PROCEDURE = app_ws.eq, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION app_ws."left"(a text, b integer) RETURNS text LANGUAGE plpgsql
  AS $$ BEGIN RAISE NOTICE 'PLANTED by %', current_user; RETURN pg_catalog."left"(a, b); END $$;
CREATE FUNCTION app_ws.length(a text) RETURNS integer LANGUAGE plpgsql
  AS $$ BEGIN RAISE NOTICE 'PLANTED by %', current_user; RETURN pg_catalog.length(a); END $$;
CREATE FUNCTION app_ws.hmac(a bytea, b bytea, c text) RETURNS bytea LANGUAGE plpgsql
  AS $$ BEGIN RAISE NOTICE 'PLANTED by %', current_user; RETURN a; END $$;
CREATE FUNCTION app_ws.split_part(a text, b text, c integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE NOTICE 'PLANTED by %', current_user; RETURN pg_catalog.split_part(a, b, c); END $$;
RESET ROLE
"""
"""Operators and functions of the attacker under the names that ours use."""

UNPINNED = """\
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT p.oid::regprocedure AS f FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE n.nspname IN ('pgmask', 'pgmask_private') AND p.proconfig IS NOT NULL
  LOOP
    EXECUTE format('ALTER FUNCTION %s RESET search_path', r.f);
  END LOOP;
END $$
"""
"""Takes the pinned search path from every function of ours."""

LATE_BOUND_MASK = """\
CREATE OR REPLACE FUNCTION pgmask.mask_mobile(p_value text) RETURNS text LANGUAGE plpgsql
  IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN left(p_value, 3) || '****'; END $$
"""

_TEMPORARY = (
    "CREATE TEMP TABLE token_key (only_row boolean, secret text)",
    "CREATE TEMP TABLE identity (person_id bigint, profile text, unit_id text)",
    "CREATE TEMP TABLE data_key (subject_class text, wrapped bytea)",
)


def planted_login(play: Play) -> Outcome:
    """A login with the planted names, and temporary tables of ours' names, in front."""
    session = play.session("app")
    session.run("SET search_path = app_ws, pg_catalog")
    for statement in _TEMPORARY:
        session.run(statement)
    return session.begin("ann").run("SELECT unit_id FROM crm.customer WHERE id = 1").outcome()


def planted_write(play: Play) -> Outcome:
    """An insert through the sealing trigger with the planted names in front."""
    session = play.session("app")
    session.run("SET search_path = app_ws, pg_catalog")
    for statement in _TEMPORARY:
        session.run(statement)
    session.begin("ann")
    return session.run(
        "INSERT INTO crm.customer (unit_id, name, phone, region)"
        f" VALUES ('north', '李四', '{FRESH}', 'R') RETURNING phone"
    ).outcome()


def stale_mask(play: Play) -> Outcome:
    """A form that shows a mask is sent back after somebody else has changed the phone."""
    session = play.session("app").begin("ann")
    session.run("SELECT phone FROM crm.customer WHERE id = 1").run("COMMIT")
    mask = session.rows[0][0]
    other = play.session("app").begin("ann")
    other.run("UPDATE crm.customer SET phone = %s WHERE id = 1", FRESH).run("COMMIT")
    assert other.failed is None, other.outcome()
    session.forget().begin("ann")
    return session.run("UPDATE crm.customer SET phone = %s WHERE id = 1", mask).outcome()


def estimates(play: Play) -> Outcome:
    """The planner's row estimates for a value another unit has, and for one nobody has."""
    seen = []
    for value in ("SecretCity", "Nowhere"):
        session = play.session("app").begin("ann")
        session.run(f"EXPLAIN SELECT * FROM crm.customer WHERE region = '{value}'")
        seen.append("\n".join(r[0].replace(value, "V") for r in session.rows))
        session.connection.rollback()
    return Outcome(rows=(("differ" if seen[0] != seen[1] else "alike",),))


def duplicate_in_own_unit(play: Play) -> Outcome:
    """An identity number of the own unit, written a second time."""
    return _duplicate(play, OURS.id_no)


def duplicate_of_other_unit(play: Play) -> Outcome:
    """An identity number of the other unit, written in this one."""
    return _duplicate(play, THEIRS.id_no)


def duplicate_without_error(play: Play) -> Outcome:
    """The same probe as an upsert that does nothing: no error, so no line in any log."""
    session = play.session("app").begin("ann")
    session.run(
        "INSERT INTO crm.customer (unit_id, name, id_no, region)"
        f" VALUES ('north', '李四', '{OURS.id_no}', 'R') ON CONFLICT DO NOTHING RETURNING id"
    )
    assert session.failed is None, session.outcome()
    return Outcome(rows=(("unknown" if session.rows else "exists",),))


def many_guesses(play: Play) -> Outcome:
    """Three hundred numbers, the right one last, inserted and undone in one block."""
    return _guess(
        play,
        "INSERT INTO crm.customer (unit_id, name, id_no, region)"
        " VALUES ('north', '李四', v_guess, 'R')",
    )


def many_updates(play: Play) -> Outcome:
    """The same numbers, written into one row of the own unit."""
    return _guess(play, "UPDATE crm.customer SET id_no = v_guess WHERE id = 10")


def _guess(play: Play, statement: str) -> Outcome:
    guesses = ", ".join(f"'{number}'" for number in [*map(id_no, range(600, 899)), OURS.id_no])
    session = play.session("app").begin("ann")
    session.run(
        "DO $$ DECLARE v_guess text; v_over boolean := false;"
        f" BEGIN FOREACH v_guess IN ARRAY ARRAY[{guesses}] LOOP"
        f" BEGIN {statement}; RAISE EXCEPTION 'undo';"
        " EXCEPTION WHEN unique_violation THEN RAISE NOTICE 'HIT'; WHEN OTHERS THEN"
        " IF NOT v_over AND SQLERRM <> 'undo' THEN RAISE NOTICE '%', SQLSTATE; v_over := true;"
        " END IF; END; END LOOP; END $$"
    )
    outcome = session.outcome()
    session.connection.rollback()
    return outcome


def removed_by_name(play: Play) -> Outcome:
    """What EXPLAIN ANALYZE counts for another unit's customer's name, and one nobody has."""
    seen = []
    for name in (THEIRS.name, "无此人"):
        session = play.session("app").begin("hugo")
        session.run(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)"
            f" SELECT 1 FROM hunter.customer WHERE name = '{name}'"
        )
        assert session.failed is None, session.outcome()
        seen.append("\n".join(r[0].replace(name, "N") for r in session.rows))
        session.connection.rollback()
    return Outcome(rows=(("differ" if seen[0] != seen[1] else "alike",),))


def same_message(play: Play) -> Outcome:
    """Login, keep the token, commit; a second transaction of the same message uses it."""
    session = play.session("app")
    assertion = play.assertion("ann")
    return session.run(
        f"BEGIN; SELECT pgmask.login('{assertion}');"
        " SELECT set_config('app.kept', current_setting('pgmask.token'), false); COMMIT; BEGIN;"
        " SELECT set_config('pgmask.token', current_setting('app.kept'), true);"
        " SELECT name FROM crm.customer WHERE id = 1; COMMIT"
    ).outcome()


def _duplicate(play: Play, number: str) -> Outcome:
    session = play.session("app").begin("ann")
    session.run(
        "INSERT INTO crm.customer (unit_id, name, id_no, region)"
        f" VALUES ('north', '李四', '{number}', 'R')"
    )
    assert session.failed in (None, "23505"), session.outcome()
    return Outcome(rows=(("exists" if session.failed == "23505" else "unknown",),))


def replaced_statement(play: Play) -> Outcome:
    """A statement under a driver's name, replaced by what was injected before."""
    session = play.session("app")
    session.run("PREPARE s1 AS SELECT name FROM crm.customer")
    session.run("DEALLOCATE s1").run("PREPARE s1 AS SELECT 'replaced'")
    return session.begin("ben").run("EXECUTE s1").outcome()


def colliding_masks(play: Play) -> Outcome:
    """Another customer's phone with the same mask, assigned by a subquery."""
    session = play.session("app").begin("ann")
    session.run(f"UPDATE crm.customer SET phone = '{NEAR}' WHERE id = 4")
    session.run(
        "UPDATE crm.customer SET phone = (SELECT phone FROM crm.customer WHERE id = 4)"
        " WHERE id = 1 RETURNING 'unchanged'"
    )
    return session.outcome()
