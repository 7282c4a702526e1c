"""Reveal: a complete value without its ticket, or with one that is not its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.attack import asking, strongly
from tests.attack.cutting import (
    HOLDER,
    LOGIN,
    READS_CASE,
    READS_OWN,
    READS_ROW,
    SHOWS,
    TICKET,
    UNCOMMITTED,
    UNLIMITED,
    Cut,
    Flag,
)
from tests.attack.model import Attack, Gets, Hides, Outcome, Refused
from tests.attack.people import FRESH, OURS, THEIRS, customers
from tests.attack.place import Play

_TRUTH: Final = (OURS.phone,)
_GRADE: Final = Cut((HOLDER, "(p_grade = 'challenge' OR", "(true OR"))
_ANY_ROW: Final = (SHOWS, "v_ticket.digest = pgmask_private", "v_ticket.digest <> pgmask_private")
_RIGHT: Final = Flag("right")
_REQUEST: Final = asking.ASK.format(key=1)
_TICKETS: Final = (
    "GRANT USAGE ON SCHEMA pgmask_audit TO {0}; GRANT {1} ON pgmask_audit.ticket TO {0}"
)
_COUNTER: Final = (
    "SELECT {0}(c.oid::regclass{1}) FROM pg_class AS c"
    " WHERE c.relkind = 'S' AND c.relname = 'counter_reveal_day_11'"
)
_COUNTERS: Final = (
    "GRANT USAGE ON SCHEMA pgmask_private TO {0};"
    "GRANT ALL ON SEQUENCE pgmask_private.counter_reveal_day_11 TO {0}"
)


def padded_share(play: Play) -> Outcome:
    """A request for each own customer, among two hundred that a savepoint has brought."""
    own = [c.id for c in customers() if c.unit == "north" and c.grade == "basic"]
    answered = 0
    for key in own:
        session = play.session("app").begin("hugo")
        session.run("SAVEPOINT a")
        session.run(
            "INSERT INTO hunter.customer (id, unit_id, name, region)"
            " SELECT 910000 + n, 'north', 'x', 'r' FROM generate_series(1, 200) AS n"
        )
        session.run("RELEASE a")
        asking.ask(session, key)
        session.run("DELETE FROM hunter.customer WHERE id > 910000").run("COMMIT")
        answered += session.failed is None
        session.connection.rollback()
    return Outcome(words=f"answered {answered}")


def _refused(
    id_: str, does: str, attempt: object, control: object, code: str, **more: object
) -> Attack:
    return Attack(
        id=id_, actor=str(more.pop("actor", "ann")), does=does, attempt=attempt, control=control,  # type: ignore[arg-type]
        expect=Hides(_TRUTH, sqlstate=code), proves=("B2",), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _asks(
    id_: str, does: str, attempt: object, control: object, code: str, **more: object
) -> Attack:
    return Attack(
        id=id_, actor=str(more.pop("actor", "ann")), does=does, attempt=attempt, control=control,  # type: ignore[arg-type]
        expect=Refused(code), proves=("B2", "C2"), **more,  # type: ignore[arg-type]
    )  # fmt: skip


_TABLE: Final = (
    _refused("B01-same-transaction", "see a value before its ticket is committed",
             asking.Within(), UNCOMMITTED, "PM412"),
    _refused("B05-open-savepoint", "see it after the ticket's savepoint",
             asking.Within("SAVEPOINT a"), UNCOMMITTED, "PM412"),
    _refused("B05-released-savepoint", "see it after releasing the ticket's savepoint",
             asking.Within("SAVEPOINT a", "RELEASE a"), UNCOMMITTED, "PM412"),
    _refused("B05-exception-block", "see it after an exception block that wrote the ticket",
             asking.in_exception_block, UNCOMMITTED, "PM412"),
    _refused("B06-rolled-back", "bring a ticket whose request was rolled back",
             asking.rolled_back, Flag("committed"), "PM410"),
    _refused("B06-prepared", "bring a ticket of a prepared transaction that is not committed",
             asking.prepared, Flag("committed"), "PM410"),
    _refused("B06-older-snapshot", "bring a ticket in a snapshot of before its commit",
             asking.older_snapshot, Flag("committed"), "PM410"),
    _asks("B06-read-only", "ask in a transaction that cannot write the ticket",
          asking.read_only, Flag("committed"), "25006"),
    _refused("B06-stolen-by-person", "bring a colleague's ticket",
             asking.of_another_person,
             Cut((TICKET, "v_ticket.person_id = v_person", "true")), "PM410"),
    _refused("B06-stolen-by-login", "bring a ticket over another database login",
             asking.of_another_login, Cut((TICKET, "v_ticket.login = SESSION_USER", "true")),
             "PM410", undo="REVOKE pgmask_agent FROM mallory"),
    _refused("B06-other-database", "bring a ticket in a restored copy of the database",
             asking.Rewritten("database = 'elsewhere'"),
             Cut((TICKET, "v_ticket.database = current_database()", "true")), "PM410"),
    _refused("B06-expired", "bring a ticket after its life",
             asking.Rewritten("expires_at = clock_timestamp()"),
             Cut((TICKET, "(clock_timestamp() < v_ticket.expires_at)", "(true)")), "PM411"),
    _refused("B06-from-the-future", "bring a ticket of a transaction that is yet to come",
             asking.Rewritten("xid = '9000000000000'"), UNCOMMITTED, "PM412"),
    _refused("B06-one-message", "ask, commit and see in one message, the identity put back",
             asking.one_message, Flag("honest"), "PM103"),
    Attack(
        id="B06-another-row-in-its-place",
        actor="ann",
        does="see many customers with one ticket, by giving them its number one after the other",
        attempt=asking.another_row_in_its_place,
        control=Cut(_ANY_ROW),
        expect=Hides((str(int(FRESH) + 5002),), sqlstate="PM407"),
        proves=("B2",),
    ),
    Attack(
        id="B06-all-at-once",
        actor="ann",
        does="see other records than those of one's tickets by COPY, LATERAL and recursion",
        attempt=asking.all_tickets_at_once,
        control=Cut(
            (READS_ROW, 'WHERE v."id" = v_key_1;', 'WHERE v."id" = (SELECT min(x.id) FROM'
             ' crm.customer AS x WHERE x.id > v_key_1);'),
            _ANY_ROW,
            (SHOWS, "(v_class = v_ticket.subject_class AND v_subject = v_ticket.subject_key)",
             "(true)"),
        ),
        expect=Hides(("10",), shows="('4\\n',)"),
        proves=("B2",),
    ),
    Attack(
        id="B09-padded-share",
        actor="hugo",
        does="enter customers for the count of the own ones, and take them back before COMMIT",
        attempt=padded_share,
        control=Cut((READS_OWN, "AND age(s.xmin) NOT BETWEEN -1000000000 AND 0", "")),
        expect=Hides(("answered 27",), shows="answered 6"),
        proves=("B3",),
    ),
    Attack(
        id="B09-loop",
        actor="ann",
        does="ask forty times in a loop that undoes each request",
        attempt=asking.Loop("pgmask.reveal_request('crm.customer', '1', NULL, 'callback')", 40),
        control=UNLIMITED,
        expect=Hides(("answered 40",), shows="answered 30"),
        proves=("B2", "B3"),
    ),
    _asks("B09-lateral", "ask for every key in one statement",
          "SELECT t FROM generate_series(1, 31) AS n,"
          " LATERAL crm.customer_reveal_request('{1}', NULL, 'callback', 'n-' || n) AS t",
          UNLIMITED, "PM405"),
    _asks("B09-recursive", "ask for every key in one recursive query",
          "WITH RECURSIVE k (n, t) AS (SELECT 1,"
          " crm.customer_reveal_request('{1}', NULL, 'callback') UNION ALL SELECT n + 1,"
          " crm.customer_reveal_request('{1}', NULL, 'callback') FROM k WHERE n < 31)"
          " SELECT n FROM k", UNLIMITED, "PM405"),
    Attack(
        id="B09-reset-counter",
        actor="ann",
        does="set one's counter back, by its number",
        attempt=_COUNTER.format("setval", ", 1"),
        control=_COUNTERS.format("app"),
        expect=Refused("42501"),
        proves=("B2", "B3"),
    ),
    Attack(
        id="B09-reset-counter-migrator",
        actor="olga",
        does="set a counter back as a member of the stores' owner",
        setup="GRANT pgmask_store TO olga",
        attempt=("SET ROLE pgmask_store", _COUNTER.format("setval", ", 1")),
        control=_COUNTERS.format("pgmask_store"),
        undo="REVOKE pgmask_store FROM olga",
        expect=Refused("42501"),
        proves=("B2", "B7"),
    ),
    Attack(
        id="B09-alter-counter",
        actor="olga",
        does="restart a counter as a member of the stores' owner",
        setup="GRANT pgmask_store TO olga",
        attempt=("SET ROLE pgmask_store",
                 "ALTER SEQUENCE pgmask_private.counter_reveal_day_11 RESTART"),
        control="GRANT USAGE ON SCHEMA pgmask_private TO pgmask_store;"
        "ALTER SEQUENCE pgmask_private.counter_reveal_day_11 OWNER TO pgmask_store",
        undo="REVOKE pgmask_store FROM olga",
        expect=Refused("42501"),
        proves=("B2", "B7"),
    ),
    _asks("B06-weak-grade", "ask with an assertion that answers no challenge",
          strongly.weak_reveal, _GRADE, "PM401"),
    _asks("B06-outsourced", "ask as an outsourced person",
          "SELECT pgmask.reveal_request('crm.customer', '1', '{phone}', 'callback')",
          Cut((HOLDER, "(p_outsourced) IS NOT FALSE", "false")), "PM402", actor="otto"),
    _asks("B06-old-second-factor", "ask with a second factor of an hour ago",
          strongly.Strong("carl", second_factor_at=1),
          Cut((HOLDER, "(p_second_factor_at > clock_timestamp() - p_second_factor)", "(true)")),
          "PM401", actor="carl"),
    _asks("B06-case-of-another", "ask with the business case of another customer",
          "SELECT pgmask.reveal_request('crm.customer', '1', '{phone}', 'claim', 'C-10-open')",
          Cut((READS_CASE,
               "AND (v_for_class = 'customer' AND c.\"customer_id\"::text = v_for_subject)", "")),
          "PM404"),
    _asks("A50-other-unit", "ask for another unit's customer",
          asking.ASK.format(key=THEIRS.id),
          Cut((READS_ROW, 'FROM "crm"."customer" AS v', 'FROM "crm_store"."customer" AS v')),
          "PM407"),
    _asks("C04-strong-replayed", "answer the challenge of an earlier transaction",
          strongly.Overheard("later"), _RIGHT, "PM103"),
    _asks("C04-strong-other-backend", "answer another connection's challenge",
          strongly.Overheard("backend"), _RIGHT, "PM103"),
    _asks("C04-strong-chained", "answer the challenge of the transaction before COMMIT AND CHAIN",
          strongly.Overheard("chained"), _RIGHT, "PM103"),
    _asks("C04-chained-token", "keep the strong identity over COMMIT AND CHAIN",
          strongly.chained, _RIGHT, "PM103"),
    _asks("C04-strong-forged", "sign the answer with a key of one's own",
          strongly.Strong(key=b"x" * 32), _RIGHT, "PM103"),
    _asks("C04-strong-expired", "use an answer after its end", strongly.Strong(age=3600), _RIGHT,
          "PM102"),
    _asks("C04-strong-clock-ahead", "use an answer of an issuer whose clock is ahead",
          strongly.Strong(age=-600), _RIGHT, "PM103"),
    _asks("C04-strong-clock-behind", "use an answer of an issuer whose clock is behind",
          strongly.Strong(age=90), _RIGHT, "PM102"),
    _asks("C04-strong-other-login", "use an answer made for another database login",
          strongly.Strong(login="mallory"), _RIGHT, "PM103"),
    _asks("C04-strong-other-database", "use an answer made for another database",
          strongly.Strong(database="elsewhere"), _RIGHT, "PM103"),
    _asks("C04-strong-future-factor", "claim a second factor that is yet to be given",
          strongly.Strong(second_factor_at=9999999999),
          Cut((LOGIN, "AND (v_second_factor <= v_now + c_skew) IS NOT TRUE", "AND false")),
          "PM103"),
    _asks("C04-strong-second-person", "log in as somebody else in the same transaction, strongly",
          strongly.somebody_else_after, _RIGHT, "PM103"),
    Attack(
        id="C04-seen-by-others",
        actor="app",
        does="steal an identity from what pg_stat_activity shows",
        attempt=strongly.seen_by_others,
        control=Flag("literal"),
        expect=Hides(("eyJ",), shows="SELECT"),
        proves=("C2",),
    ),
    Attack(
        id="A47-left-prepared",
        actor="app",
        does="steal an identity from the prepared statements left on a pooled connection",
        attempt=strongly.left_prepared,
        control=Flag("literal"),
        expect=Hides(("eyJ",), shows="pgmask.login($1)"),
        proves=("C2",),
    ),
    Attack(
        id="A47-planted-token",
        actor="ann",
        does="be given the identity that the one before planted on the connection",
        attempt=strongly.planted_before,
        control=Flag("nobody"),
        expect=Hides(("south",), shows="north"),
        proves=("C2",),
    ),
    Attack(
        id="A38-planted-operator",
        actor="ann",
        does="have an operator of one's own run as pgmask's role while a ticket is checked",
        attempt=asking.planted_operator,
        control=f"ALTER FUNCTION {SHOWS} RESET search_path;"
        f"ALTER FUNCTION {TICKET} RESET search_path",
        expect=Hides(("ran as pgmask_",), shows=OURS.phone),
        proves=("G2",),
    ),
    Attack(
        id="A38-planted-function",
        actor="ann",
        does="have a function of one's own take part in the login, which pins no search path",
        attempt=asking.planted_function,
        control=Cut(("pgmask.login(text)", "pg_catalog.set_config(", "set_config(")),
        expect=Hides(("took search_path",), shows="27"),
        proves=("G2", "C2"),
    ),
    Attack(
        id="B10-forge-ticket",
        actor="app",
        does="put a ticket into the record by hand",
        attempt=asking.forged_ticket,
        control=_TICKETS.format("app", "INSERT"),
        expect=Refused("42501"),
        proves=("B2",),
    ),
    Attack(
        id="A20-held-reveal-closed",
        actor="ben",
        does="read a revealed row in a cursor that the one before left, after CLOSE ALL",
        attempt=asking.Held("CLOSE ALL"),
        control=Flag("dirty"),
        expect=Hides(_TRUTH, sqlstate="34000"),
        proves=("C2",),
    ),
    Attack(
        id="A20-held-reveal",
        actor="ben",
        does="read a revealed row in a cursor WITH HOLD left on a pooled connection",
        attempt=asking.Held(),
        expect=Gets(OURS.phone),
        limit=True,
        why="disclosed to who left it, on record; close cursors at check-in, as the helpers do",
    ),
    Attack(
        id="A47-temporary-in-front",
        actor="ann",
        does="meet a temporary table of the one before under a view's name",
        attempt=asking.temporary_in_front,
        expect=Gets("planted"),
        limit=True,
        why="no value of anybody's; take TEMP from application roles, DISCARD TEMP at check-in",
    ),
    Attack(
        id="B06-written-down",
        actor="ann",
        does="write a revealed value into an open column",
        attempt=asking.written_down,
        expect=Gets(OURS.phone),
        limit=True,
        why="whoever has seen a value can write it down; the disclosure is on record",
    ),
)  # fmt: skip


def _changes(actor: str, role: str) -> tuple[Attack, ...]:
    """UPDATE, DELETE and TRUNCATE of the record."""
    statements = {
        "UPDATE": "UPDATE pgmask_audit.ticket SET purpose = 'x'",
        "DELETE": "DELETE FROM pgmask_audit.ticket",
        "TRUNCATE": "TRUNCATE pgmask_audit.ticket",
    }
    return tuple(
        Attack(
            id=f"B10-{verb.lower()}-tickets-{actor}",
            actor=actor,
            does=f"{verb} the tickets",
            setup=f"GRANT {role} TO {actor}" if role != actor else "SELECT 1",
            attempt=(f"SET ROLE {role}", statement),
            control=_TICKETS.format(role, "SELECT, UPDATE, DELETE, TRUNCATE")
            + "; ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER a_only_added",
            undo=f"REVOKE {role} FROM {actor}" if role != actor else "",
            expect=Refused("42501"),
            proves=("B2", "D5"),
        )
        for verb, statement in statements.items()
    )


def _granted() -> Attack:
    return Attack(
        id="B10-only-added",
        actor="app",
        does="delete tickets with the right to do so",
        setup=_TICKETS.format("app", "SELECT, DELETE"),
        attempt="DELETE FROM pgmask_audit.ticket",
        control="ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER a_only_added",
        expect=Refused("PM418"),
        proves=("B2", "D5"),
    )


ROWS: tuple[Attack, ...] = tuple(
    replace(row, reveals=True)
    for row in (*_TABLE, *_changes("app", "app"), *_changes("olga", "pgmask_store"), _granted())
)
