"""Attempts on reveal: tickets of the same transaction, stolen, replayed, forged and overtaken."""

from __future__ import annotations

from typing import Any, Final

from tests.attack.impersonating import standing
from tests.attack.model import Outcome
from tests.attack.people import FRESH
from tests.attack.place import Play
from tests.attack.session import Session

ASK: Final = "SELECT pgmask.reveal_request('crm.customer', '{key}', '{{phone}}', 'callback')"
_PLANTED: Final = """\
CREATE SCHEMA IF NOT EXISTS app_ws AUTHORIZATION app;
GRANT USAGE ON SCHEMA app_ws TO PUBLIC;
SET ROLE app;
CREATE OR REPLACE FUNCTION app_ws.same(a text, b text) RETURNS boolean LANGUAGE plpgsql
  AS $$ BEGIN RAISE NOTICE 'ran as %', current_user; RETURN pg_catalog.texteq(a, b); END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app_ws TO PUBLIC;
DO $$ BEGIN
  CREATE OPERATOR app_ws.= (PROCEDURE = app_ws.same, LEFTARG = text, RIGHTARG = text);
EXCEPTION WHEN duplicate_function THEN NULL; END $$
"""
BRING: Final = "SELECT id, phone FROM crm.customer_reveal(%s::uuid)"


def ask(session: Session, key: int = 1) -> Any:
    """Step one; the ticket, None where it was refused."""
    return session.one(ASK.format(key=key))


def given(play: Play, actor: str = "ann", key: int = 1) -> Any:
    """A committed ticket, come by honestly."""
    session = play.session("app").begin(actor)
    ticket = ask(session, key)
    assert session.run("COMMIT").failed is None, session.outcome()
    return ticket


def bring(play: Play, ticket: Any, actor: str = "ann", view: str = "crm.customer") -> Outcome:
    """Step two in a transaction of its own."""
    session = play.session("app").begin(actor)
    return session.run(BRING.replace("crm.customer", view), ticket).outcome()


class Within:
    """Both steps in one transaction, with these statements before and after the first."""

    def __init__(self, before: str = "SELECT 1", after: str = "SELECT 1") -> None:
        self.before, self.after = before, after

    def __call__(self, play: Play) -> Outcome:
        session = play.session("app").begin("ann").run(self.before, keep=False)
        ticket = ask(session)
        session.run(self.after, keep=False)
        return session.run(BRING, ticket).outcome()


def in_exception_block(play: Play) -> Outcome:
    """Both steps in one DO, the first in an exception block."""
    session = play.session("app").begin("ann")
    session.run(
        "DO $$ DECLARE t uuid; r record; BEGIN"
        " BEGIN t := pgmask.reveal_request('crm.customer', '1', '{phone}', 'callback');"
        " EXCEPTION WHEN division_by_zero THEN NULL; END;"
        " SELECT * INTO r FROM crm.customer_reveal(t); RAISE NOTICE 'saw %', r.phone; END $$"
    )
    return session.outcome()


def one_message(play: Play) -> Outcome:
    """Step one, COMMIT and step two in one simple-query message, the token put back between."""
    session = play.session("app").begin("ann")
    token = session.one("SELECT current_setting('pgmask.token')")
    ticket = given(play)
    between = "" if "honest" in play.flags else "COMMIT; BEGIN;"
    session.run(
        f"{ASK.format(key=1)}; {between} SELECT set_config('pgmask.token', '{token}', true);"
        f" SELECT phone FROM crm.customer_reveal('{ticket}')"
    )
    return session.outcome()


def rolled_back(play: Play) -> Outcome:
    """The request is rolled back before its ticket is brought."""
    session = play.session("app").begin("ann")
    ticket = ask(session)
    session.run("COMMIT" if "committed" in play.flags else "ROLLBACK")
    return bring(play, ticket)


def prepared(play: Play) -> Outcome:
    """The request is prepared for commit, and not committed."""
    name = f"ticket_{play.database.name}_{len(play.flags)}"
    session = play.session("app").begin("ann")
    ticket = ask(session)
    session.run(f"PREPARE TRANSACTION '{name}'", keep=False)
    assert session.failed is None, session.outcome()
    if "committed" in play.flags:
        session.run(f"COMMIT PREPARED '{name}'")
        return bring(play, ticket)
    outcome = bring(play, ticket)
    session.run(f"ROLLBACK PREPARED '{name}'")
    return outcome


def older_snapshot(play: Play) -> Outcome:
    """The ticket is brought in a snapshot of before its commit."""
    session = play.session("app").begin("ann")
    if "committed" not in play.flags:
        session.run("ROLLBACK").run("BEGIN ISOLATION LEVEL REPEATABLE READ", keep=False)
        claims = {"challenge": session.challenge()}
        assertion = play.assertion("ann", **claims)
        session.login(str(assertion)).run("SELECT count(*) FROM crm.customer", keep=False)
    return session.run(BRING, given(play)).outcome()


def read_only(play: Play) -> Outcome:
    """A request where nothing can be written."""
    mode = "READ WRITE" if "committed" in play.flags else "READ ONLY"
    session = play.session("app").begin("ann").run(f"SET TRANSACTION {mode}")
    return session.run(ASK.format(key=1)).outcome()


def of_another_person(play: Play) -> Outcome:
    """Nina brings Ann's ticket."""
    play.rex(standing("sign", 14))
    return bring(play, given(play), "nina")


def of_another_login(play: Play) -> Outcome:
    """Ann herself brings it over another database login than the one it was written for."""
    ticket = given(play)
    play.rex("GRANT pgmask_agent TO mallory")
    session = play.session("mallory").run("BEGIN")
    challenge = session.challenge()
    assertion = play.assertion("ann", login="mallory", challenge=challenge)
    return session.login(str(assertion)).run(BRING, ticket).outcome()


class Rewritten:
    """A ticket as a restored copy of the database, or the passing of time, would have it."""

    def __init__(self, change: str) -> None:
        self.change = change

    def __call__(self, play: Play) -> Outcome:
        ticket = given(play)
        play.rex(
            "ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER a_only_added;"
            f"UPDATE pgmask_audit.ticket SET {self.change} WHERE ticket_id = '{ticket}';"
            "ALTER TABLE pgmask_audit.ticket ENABLE ALWAYS TRIGGER a_only_added"
        )
        return bring(play, ticket)


def another_row_in_its_place(play: Play) -> Outcome:
    """One ticket, and one customer after the other under the number it names."""
    mine = play.session("app").begin("ann")
    for number in (5001, 5002):
        mine.run(
            "INSERT INTO crm.customer (id, unit_id, name, phone, region)"
            f" VALUES ({number}, 'north', 'x', '{int(FRESH) + number}', 'R')"
        )
    mine.run("COMMIT")
    assert mine.failed is None, mine.outcome()
    ticket = given(play, key=5001)
    again = play.session("app").begin("ann")
    again.run("UPDATE crm.customer SET id = 6001 WHERE id = 5001")
    again.run("UPDATE crm.customer SET id = 5001 WHERE id = 5002").run("COMMIT")
    assert again.failed is None, again.outcome()
    outcome = bring(play, ticket)
    play.rex(
        "SET session_replication_role = replica; DELETE FROM crm_store.customer WHERE id > 5000"
    )
    return outcome


def forged_ticket(play: Play) -> Outcome:
    """A row put into the record by hand, and brought."""
    session = play.session("app").run(
        "INSERT INTO pgmask_audit.ticket (kind, person_id, profile, unit_id, grade, issuer,"
        " purpose, table_id, row_key, subject_class, subject_key, columns)"
        " VALUES ('reveal', 11, 'agent', 'north', 'challenge', 'crm-web', 'callback',"
        " 'crm.customer', '{1}', 'customer', '1', '{phone}')"
    )
    return session.outcome()


class Loop:
    """A statement many times over in one DO, each undone; tells how many were answered."""

    def __init__(self, statement: str, rounds: int, actor: str = "ann") -> None:
        self.statement, self.rounds, self.actor = statement, rounds, actor

    def __call__(self, play: Play) -> Outcome:
        session = play.session("app").begin(self.actor)
        session.run(
            "DO $$ DECLARE n integer := 0; BEGIN"
            f" FOR i IN 1 .. {self.rounds} LOOP BEGIN PERFORM {self.statement}; n := n + 1;"
            " RAISE EXCEPTION 'undo'; EXCEPTION WHEN raise_exception THEN NULL;"
            " WHEN OTHERS THEN IF SQLSTATE NOT IN ('PM405', 'PM416') THEN RAISE; END IF;"
            " END; END LOOP;"
            " RAISE NOTICE 'answered %', n; END $$"
        )
        return session.outcome()


def all_tickets_at_once(play: Play) -> Outcome:
    """As many records as tickets in one COPY, by LATERAL and recursion, and none without."""
    tickets = [str(given(play, key=k)) for k in (1, 4)]
    session = play.session("app").begin("ann")
    array = "ARRAY['" + "','".join(tickets) + "']::uuid[]"
    session.run(
        "COPY (WITH RECURSIVE k (t, n) AS (SELECT t, 0 FROM unnest(" + array + ") AS t"
        " UNION ALL SELECT t, n + 1 FROM k WHERE n < 20)"
        " SELECT DISTINCT r.id FROM k, LATERAL crm.customer_reveal(k.t) AS r ORDER BY r.id)"
        " TO STDOUT"
    )
    return session.outcome()


def planted_operator(play: Play) -> Outcome:
    """Operators of one's own in front of the search path, while a ticket is asked for."""
    play.rex(_PLANTED)
    ticket = given(play)
    session = play.session("app").begin("ann")
    session.run("SET LOCAL search_path = app_ws, pg_catalog", keep=False)
    return session.run(BRING, ticket).outcome()


def planted_function(play: Play) -> Outcome:
    """Functions of one's own in front of the search path, while somebody logs in."""
    play.rex(
        "CREATE SCHEMA IF NOT EXISTS app_ws AUTHORIZATION app; SET ROLE app;"
        " CREATE OR REPLACE FUNCTION app_ws.set_config(text, text, boolean) RETURNS text"
        " LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'took %', $1;"
        " RETURN pg_catalog.set_config($1, $2, $3); END $$"
    )
    session = play.session("app")
    session.run("SET search_path = app_ws, pg_catalog", keep=False)
    return session.begin("ann").run("SELECT count(*) FROM crm.customer").outcome()


def temporary_in_front(play: Play) -> Outcome:
    """A temporary table under a view's name, left on the connection for the next one."""
    session = play.session("app").begin("ann")
    session.run("CREATE TEMP TABLE customer AS SELECT 7 AS id, 'planted' AS name", keep=False)
    session.run("COMMIT").forget()
    return session.begin("ann").run("SELECT name FROM customer").outcome()


class Held:
    """A cursor WITH HOLD over a revealed row, left on the connection for the next one."""

    def __init__(self, check_in: str = "") -> None:
        self.check_in = check_in

    def __call__(self, play: Play) -> Outcome:
        ticket = given(play)
        session = play.session("app").begin("ann")
        session.run(
            "DECLARE left_over CURSOR WITH HOLD FOR SELECT phone FROM"
            f" crm.customer_reveal('{ticket}')"
        )
        session.run("COMMIT").forget()
        if self.check_in and "dirty" not in play.flags:
            session.run(self.check_in)
        return session.begin("ben").run("FETCH ALL FROM left_over").outcome()


def written_down(play: Play) -> Outcome:
    """A revealed value in a note that everybody of the unit may read."""
    ticket = given(play)
    session = play.session("app").begin("ann")
    session.run(
        f"UPDATE crm.customer SET note = (SELECT phone FROM crm.customer_reveal('{ticket}'))"
        " WHERE id = 1"
    )
    return session.run("SELECT note FROM crm.customer WHERE id = 1").outcome()
