"""Search: asking without end, around a mask, or for what is not one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.attack.asking import Loop
from tests.attack.attempts import SEES_ALL
from tests.attack.cutting import (
    FINDS,
    HOLDER,
    READS_PHONE,
    READS_ROW,
    UNCIRCLED,
    UNLIMITED,
    Cut,
    Flag,
)
from tests.attack.model import Alike, Attack, Gets, Hides, Outcome, Refused
from tests.attack.people import FRESH, OURS, RICH, THEIRS
from tests.attack.place import Play
from tests.attack.strongly import weak_search

_FIND: Final = "SELECT id FROM crm.customer_by_phone(%s)"
_COUNT_IN_TABLE: Final = (
    "CREATE TABLE pgmask_private.naive (person bigint);"
    "ALTER TABLE pgmask_private.naive OWNER TO pgmask_owner;"
    "CREATE OR REPLACE FUNCTION pgmask_private.count_up(p_what text, p_person bigint)"
    " RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    " AS $$ BEGIN INSERT INTO pgmask_private.naive VALUES (p_person);"
    " RETURN (SELECT count(*) FROM pgmask_private.naive AS n WHERE n.person = p_person); END $$"
)


class Pair:
    """The same statement with a right and a wrong guess, each in a transaction of its own."""

    def __init__(self, statement: str, right: str, wrong: str = FRESH, actor: str = "ann") -> None:
        self.statement, self.guesses, self.actor = statement, (right, wrong), actor

    def __call__(self, play: Play) -> Outcome:
        seen = []
        for guess in self.guesses:
            session = play.session("app").begin(self.actor)
            statement = self.statement
            if "run" in play.flags:
                statement = statement.replace(" LIMIT 0", "").replace(
                    "EXPLAIN ", "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF) "
                )
            session.run(statement.replace("%s", f"'{guess}'"))
            found = session.outcome()
            session.connection.rollback()  # one search of a person at a time
            text = found.text.replace(f"'{guess}'", "?")
            seen.append((found.sqlstate, text))
        return Outcome(rows=tuple(seen))


def rows_met(play: Play) -> Outcome:
    """How many rows of the store the transaction has read, by its own counters."""
    seen = []
    for guess in (THEIRS.phone, FRESH):
        session = play.session("app").begin("ann")
        session.run(_FIND, guess, keep=False)
        seen.append(
            session.one(
                "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables"
                " WHERE schemaname = 'crm_store' AND relname = 'customer'"
            )
        )
        session.connection.rollback()  # one search of a person at a time
    return Outcome(rows=(("differ" if seen[0] != seen[1] else "alike",),))


def planted_guesses(play: Play) -> Outcome:
    """Ten numbers with the mask of a customer's; each is written to another row and undone."""
    answered = 0
    for i in range(10):
        guess = f"{OURS.phone[:3]}{1000 + i}{OURS.phone[-4:]}"
        session = play.session("app").begin("ann")
        session.run(f"UPDATE crm.customer SET phone = '{guess}' WHERE id = 4")
        found = session.run(_FIND, guess)
        answered += found.failed is None
        session.connection.rollback()
    return Outcome(words=f"answered {answered}")


def only_without_a_hit(play: Play) -> None:
    """The control: a near miss counts where nothing was found; and a new day."""
    Cut((FINDS, "IF v_near IS NOT FALSE THEN", "IF v_near AND v_hits = '{}' THEN"))(play)
    play.rex(
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT c.oid::regclass AS name FROM pg_class AS c"
        " WHERE c.relkind = 'S' AND c.relname LIKE 'counter\\_near\\_day\\_%'"
        " LOOP EXECUTE format('ALTER SEQUENCE %s RESTART', r.name); END LOOP; END $$"
    )


_LOOP: Final = "crm.customer_by_phone('134' || (10000000 + i))"
_TABLE: Final = (
    Attack(
        id="A44-loop",
        actor="ann",
        does="search seventy values in a loop that undoes each search",
        attempt=Loop(_LOOP, 70),
        control=UNLIMITED,
        expect=Hides(("answered 70",), shows="answered 60"),
        proves=("B3",),
    ),
    Attack(
        id="A44-loop-counter",
        actor="ann",
        does="undo the count of a search with the search",
        attempt=Loop(_LOOP, 61),
        control=_COUNT_IN_TABLE,
        expect=Hides(("answered 61",), shows="answered 60"),
        proves=("B3",),
    ),
    Attack(
        id="B3-circling",
        actor="ann",
        does="try the numbers behind a customer's mask one by one",
        attempt=Loop(f"crm.customer_by_phone('{OURS.phone[:3]}' || (1000 + i) || '5678')", 10),
        control=UNCIRCLED,
        expect=Hides(("answered 10",), shows="answered 3"),
        proves=("B3",),
    ),
    Attack(
        id="B3-circling-planted",
        actor="ann",
        does="try them with each guess planted in another row of one's own, which is found",
        attempt=planted_guesses,
        control=only_without_a_hit,
        expect=Hides(("answered 10",), shows="answered 3"),
        proves=("B3",),
    ),
    Attack(
        id="B3-many-at-once",
        actor="ann",
        does="search by many values in one statement",
        attempt="SELECT count(*) FROM generate_series(1, 61) AS i, LATERAL " + _LOOP,
        control=UNLIMITED,
        expect=Refused("PM405"),
        proves=("B3",),
    ),
    Attack(
        id="B3-weak-grade",
        actor="ann",
        does="search with an assertion that answers no challenge",
        attempt=weak_search,
        control=Cut((HOLDER, "(p_grade = 'challenge' OR", "(true OR")),
        expect=Refused("PM401"),
        proves=("B3", "C2"),
    ),
    Attack(
        id="A50-search-other-unit",
        actor="ann",
        does="learn by a search whether another unit has the customer",
        attempt=Pair(_FIND, THEIRS.phone),
        control=SEES_ALL,
        expect=Alike(),
        proves=("B3", "C1"),
    ),
    Attack(
        id="A50-search-explain",
        actor="ann",
        does="learn it by EXPLAIN ANALYZE of the search",
        attempt=Pair(
            "EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF, COSTS OFF, SUMMARY OFF) " + _FIND,
            THEIRS.phone,
        ),
        control=SEES_ALL,
        expect=Alike(),
        proves=("B3", "C1"),
    ),
    Attack(
        id="B3-search-unrun",
        actor="ann",
        does="learn by a search that is planned and not run, so that it is not counted",
        attempt=Pair("EXPLAIN " + _FIND, OURS.phone),
        control=Flag("run"),
        expect=Alike(),
        proves=("B3",),
    ),
    Attack(
        id="B3-search-limit-0",
        actor="ann",
        does="learn by a search with LIMIT 0, so that it is not counted",
        attempt=Pair(_FIND + " LIMIT 0", OURS.phone),
        control=Flag("run"),
        expect=Alike(),
        proves=("B3",),
    ),
    Attack(
        id="D1-search-high-value",
        actor="ben",
        does="learn by a search whether another unit has this high-value customer",
        attempt=Pair(_FIND, RICH.phone, actor="ben"),
        control=Cut((READS_PHONE, "CONTINUE WHEN (EXISTS (", "CONTINUE WHEN (true OR EXISTS (")),
        expect=Alike(),
        proves=("D1", "C1"),
    ),
    Attack(
        id="D1-ask-high-value",
        actor="ben",
        does="learn by a request whether another unit's customer is of high value",
        attempt=Pair(
            "SELECT pgmask.reveal_request('crm.customer', %s, '{phone}', 'callback')",
            str(RICH.id), str(THEIRS.id + 900), actor="ben",
        ),
        control=Cut(
            (READS_ROW, 'AND s."pgmask_high_value"', 'AND s."pgmask_high_value" OR s."id" = 3')
        ),
        expect=Alike(),
        proves=("D1", "C1"),
    ),
    Attack(
        id="B3-rows-met",
        actor="ann",
        does="learn by the counters of one's own transaction that a search met a hidden row",
        attempt=rows_met,
        expect=Gets("differ"),
        limit=True,
        why="each is a search: counted, recorded, within the limit of the day; no value, no unit",
    ),
)  # fmt: skip

ROWS: tuple[Attack, ...] = tuple(replace(row, reveals=True) for row in _TABLE)
