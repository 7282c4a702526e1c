"""Who saw a customer, what a person saw, and what the answers rest on (H2, G4)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from pgmask.report.questions import REPORTS
from tests.audit.reporting import (
    FOREVER,
    UTC,
    acted,
    ask,
    evaluate,
    examined,
    memberships,
    register_auditors,
    stored,
)
from tests.audit.site import notes, noting
from tests.harness import Connection, Server
from tests.reveal.site import Site, fill, shown

pytestmark = pytest.mark.requirement("H2")
NOW = datetime.datetime.now(UTC)


@pytest.fixture
def audited(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        site = Site(made)
        register_auditors(site)
        with memberships(site, audra="pgmask_record_auditor"):
            yield site


def auditor(site: Site) -> Connection:
    return site.connect("audra")


def who_saw(site: Site, key: int | str = 1, *period: Any) -> list[dict[str, Any]]:
    return ask(
        auditor(site), "SELECT * FROM pgmask_report.who_saw('customer', %s, %s, %s)", str(key),
        *(period or FOREVER),
    )  # fmt: skip


def certain(rows: list[dict[str, Any]], word: str) -> list[tuple[Any, ...]]:
    return [(r["person_id"], r["profile"], r["table_id"]) for r in rows if r["certainty"] == word]


def changed(root: Connection, at: datetime.datetime, before: str, after: str) -> None:
    root.execute(
        "INSERT INTO pgmask_audit.change (at, era_id, operation, table_id, row_key, subject_class,"
        " subject_key, login, backend, statement_at, before, after, person_id, unit_id, profile)"
        " VALUES (%s, 1, 'update', 'crm.customer', '{1}', 'customer', '1', 'app', 1, %s,"
        " %s::jsonb, %s::jsonb, 11, 'north', 'agent')",
        (at, at, before, after),
    )


def test_shown_examined_and_possible_are_told_apart(audited: Site) -> None:
    with audited.acting("ann", connection=audited.connect()) as app:
        app.execute("SELECT 1")
    ticket = audited.request("ann", key=1, columns=["phone"])
    with audited.acting("ann") as app:
        assert shown(app, ticket)["phone"]
    examined(audited.root, 1, person_id=15, profile="chief")
    stored(audited.root)
    stored(audited.root, person_id=12, unit_id="south")
    rows = who_saw(audited)
    assert certain(rows, "shown") == [(11, "agent", "crm.customer")]
    assert rows[0]["columns"] == ["phone"]
    assert rows[0]["purpose"] == "callback"
    assert rows[0]["person"] == "Ann"
    assert rows[0]["evidence"] == f"ticket {ticket}"
    assert certain(rows, "examined") == [(15, "chief", "crm.customer")]
    # Ben of the south could not see a customer of the north.
    assert certain(rows, "possible") == [(11, "agent", "crm.customer")]
    assert certain(who_saw(audited, 2), "possible") == [(12, "agent", "crm.customer")]


def test_a_report_is_on_record_itself(audited: Site) -> None:
    with noting(audited) as root:
        connection = auditor(audited)
        with connection.transaction():
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("SELECT * FROM pgmask_report.reveals").fetchall()
        ask(connection, "SELECT * FROM pgmask_report.gaps")
        found = notes(root, "audit")
    assert [(n.table, n.login, n.person) for n in found] == [
        ("reveals", "audra", "91"), ("gaps", "audra", "91"),
    ]  # fmt: skip
    stored(audited.root, kind="audit", table_id="reveals", login="audra", person_id=91)
    rows = ask(auditor(audited), "SELECT * FROM pgmask_report.audit_readers")
    assert [(r["report"], r["person"]) for r in rows] == [("reveals", "Audra")]


@pytest.mark.parametrize("counted", [True, False])
def test_the_unit_of_that_time_decides(audited: Site, counted: bool) -> None:
    """The customer came from the south: before and after other people could see him."""
    root = audited.root
    moved = NOW - datetime.timedelta(days=10)
    changed(root, moved, '{"unit_id": "south"}', '{"unit_id": "north"}')
    before, after = moved - datetime.timedelta(days=1), moved + datetime.timedelta(days=1)
    for at in (before, after):
        stored(root, at=at)  # Ann, north
        stored(root, at=at, person_id=12, unit_id="south")  # Ben
    if counted:
        evaluate(audited.database)
    rows = [r for r in who_saw(audited) if r["certainty"] == "possible"]
    assert {(r["person_id"], r["first_at"]) for r in rows} == {(11, after), (12, before)}
    assert [r["times"] for r in rows] == [1, 1]


@pytest.mark.parametrize("counted", [True, False])
def test_assignments_of_that_time_decide(audited: Site, counted: bool) -> None:
    root = audited.root
    ended = NOW - datetime.timedelta(days=3)
    root.execute(
        "INSERT INTO pgmask_private.assignment VALUES (16, 'customer', '1', %s, %s)",
        (ended - datetime.timedelta(hours=2), ended),
    )
    for minutes in (-150, -60, -30, 30):
        stored(root, at=ended + datetime.timedelta(minutes=minutes), person_id=16, profile="care")
    if counted:
        evaluate(audited.database)
    (row,) = [r for r in who_saw(audited) if r["certainty"] == "possible"]
    # The day is cut through: the notes themselves are counted, two of four.
    assert (row["person_id"], row["times"]) == (16, 2)
    assert row["last_at"] == ended - datetime.timedelta(minutes=30)


def test_a_customer_of_high_value_is_examined_or_not_seen(audited: Site) -> None:
    """Every reader of such a row leaves a note, so a statement without one has not met it."""
    stored(audited.root)
    stored(audited.root, person_id=18, profile="vip")
    assert who_saw(audited, 3) == []
    examined(audited.root, 3, person_id=18, profile="vip")
    assert certain(who_saw(audited, 3), "examined") == [(18, "vip", "crm.customer")]


def test_who_became_of_high_value_was_possible_before(audited: Site) -> None:
    became = NOW - datetime.timedelta(days=10)
    audited.root.execute("UPDATE crm_store.customer SET card_grade = 'diamond' WHERE id = 1")
    changed(audited.root, became, '{"card_grade": "basic"}', '{"card_grade": "diamond"}')
    before = stored(audited.root, at=became - datetime.timedelta(days=1))
    stored(audited.root, at=became + datetime.timedelta(days=1))
    (row,) = who_saw(audited)
    assert before
    assert (row["certainty"], row["times"]) == ("possible", 1)
    assert row["last_at"] < became


def test_searches_and_backups_may_have_met_the_customer(audited: Site) -> None:
    with audited.acting("ann") as app:
        app.execute("SELECT id FROM crm.customer_by_phone('13912345678')").fetchall()
    stored(audited.root, kind="backup", person_id=None, profile=None, unit_id=None, login="nightly")
    rows = [r for r in who_saw(audited) if r["certainty"] == "possible"]
    assert [(r["via"], r["person_id"], r["login"]) for r in rows] == [
        ("search", 11, None), ("backup", None, "nightly"),
    ]  # fmt: skip


def test_counts_per_day_are_what_the_notes_say(audited: Site) -> None:
    for hours in range(0, 200, 7):
        stored(audited.root, at=NOW - datetime.timedelta(hours=hours), person_id=11 + hours % 2)
    fresh = who_saw(audited)
    evaluate(audited.database)
    stored(audited.root, at=NOW - datetime.timedelta(hours=90))  # late, and not counted yet
    again = who_saw(audited)
    assert sum(r["times"] for r in again) == sum(r["times"] for r in fresh) + 1
    evaluate(audited.database)
    evaluate(audited.database)
    assert who_saw(audited) == again
    count = audited.rows("SELECT sum(count), sum((SELECT sum(h) FROM unnest(by_hour) AS h))"
                         " FROM pgmask_audit.daily")  # fmt: skip
    assert count == audited.rows("SELECT count(*), count(*) FROM pgmask_audit.access")
    assert audited.rows("SELECT sum(count) FROM pgmask_audit.monthly") == [(count[0][0],)]


def test_months_days_and_notes_give_one_number(audited: Site) -> None:
    """However the period cuts through months and days."""
    begin = datetime.datetime(2026, 8, 20, 1, tzinfo=UTC)
    moments = [begin + datetime.timedelta(hours=11 * n) for n in range(200)]
    for at in moments:
        stored(audited.root, at=at)
    evaluate(audited.database)
    audra = auditor(audited)
    query = "SELECT sum(times) FROM pgmask_report.who_saw('customer', '1', %s, %s)"
    for first, last in ((0, 199), (0, 40), (3, 170), (27, 28), (60, 61), (100, 199)):
        found = audra.execute(query, (moments[first], moments[last])).fetchone()
        assert found == (last - first,)


def test_numbers_of_transactions_that_go_back_lose_and_double_nothing(audited: Site) -> None:
    stored(audited.root)
    evaluate(audited.database)
    # As after a restore into a cluster whose transactions have smaller numbers.
    audited.root.execute("UPDATE pgmask_audit.report_state SET next_xid = next_xid + 1000000")
    stored(audited.root)
    evaluate(audited.database)
    evaluate(audited.database)
    assert audited.rows("SELECT sum(count) FROM pgmask_audit.daily") == [(2,)]


def test_what_a_person_saw(audited: Site) -> None:
    audited.request("ann", key=1, columns=["email"])
    for customer in (1, 1, 10):
        examined(audited.root, customer)
    stored(audited.root, table_id="crm.policy")
    rows = ask(
        auditor(audited), "SELECT * FROM pgmask_report.what_person_saw(11, %s, %s)", *FOREVER
    )
    told = [(r["certainty"], r["subject_key"], r["table_id"], r["times"]) for r in rows]
    assert told == [
        ("shown", "1", "crm.customer", 1),
        ("examined", "1", "crm.customer", 2),
        ("examined", "10", "crm.customer", 1),
        ("read", None, "crm.policy", 1),
    ]
    assert rows[0]["columns"] == ["email"]
    assert rows[1]["levels"] == "plain 2, 3; mask 1"


def test_history_follows_a_row_whose_key_was_changed(audited: Site) -> None:
    root = audited.root
    at = NOW - datetime.timedelta(days=1)
    changed(root, at, '{"region": "Hilltop", "phone": "139••••5678"}', '{"region": "Riverside"}')
    root.execute(
        "INSERT INTO pgmask_audit.change (at, era_id, operation, table_id, row_key, new_key, login,"
        " backend, statement_at, before, after) VALUES (%s, 1, 'update', 'crm.customer', '{1}',"
        " '{5001}', 'app', 1, %s, '{\"id\": 1}', '{\"id\": 5001}')",
        (NOW, NOW),
    )
    rows = ask(auditor(audited), "SELECT * FROM pgmask_report.history_of('crm.customer', '{5001}')")
    assert [(r["column_name"], r["before"], r["after"], r["person"]) for r in rows] == [
        ("phone", "139••••5678", None, "Ann"),
        ("region", "Hilltop", "Riverside", "Ann"),
        ("id", "1", "5001", None),
    ]


@pytest.mark.requirement("G4")
def test_accesses_outside_hours_and_across_units(audited: Site) -> None:
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    for hour, person in ((10, 11), (23, 11), (3, 15)):
        stored(
            audited.root, at=datetime.datetime(2026, 11, 25, hour, 30, tzinfo=shanghai),
            person_id=person,
        )  # fmt: skip
    examined(audited.root, 2)  # of the south, met for the north
    examined(audited.root, 1)
    evaluate(audited.database)
    audra = auditor(audited)
    week = ("2026-11-23", "2026-11-28")
    rows = ask(audra, "SELECT * FROM pgmask_report.accesses_outside_hours(%s, %s)", *week)
    assert [(r["day"].day, r["person"], r["reads"]) for r in rows] == [
        (25, "Ann", 1),
        (25, "Carl", 1),
    ]
    rows = ask(
        audra,
        "SELECT * FROM pgmask_report.accesses_outside_hours(%s, %s, '02:00', '23:59')", *week,
    )  # fmt: skip
    assert rows == []
    rows = ask(audra, "SELECT * FROM pgmask_report.cross_unit('2000-01-01', '2100-01-01')")
    assert [
        (r["via"], r["person"], r["subject_key"], r["unit_id"], r["subject_unit"]) for r in rows
    ] == [("examined", "Ann", "2", "north", "south")]
    rows = ask(audra, "SELECT * FROM pgmask_report.accesses('2000-01-01', '2100-01-01')")
    assert sum(r["statements"] for r in rows) == 3
    assert sum(r["customers_examined"] for r in rows) == 2


@pytest.mark.requirement("G4")
def test_permissions_that_nobody_used(audited: Site) -> None:
    root = audited.root
    for table in ("person_post", "post_profile", "document_form", "document"):
        column = {"document_form": "in_force_from", "document": "signed_at"}.get(
            table, "valid_from"
        )
        root.execute(f"UPDATE pgmask_private.{table} SET {column} = '2020-01-01'".encode())
    stored(root)
    evaluate(audited.database)
    rows = ask(auditor(audited), "SELECT * FROM pgmask_report.dormant_permissions(30)")
    people = {r["person"] for r in rows}
    assert "Ann" not in people
    assert {"Ben", "Carl"} <= people


def test_the_same_seed_draws_the_same_sample(audited: Site) -> None:
    for number in range(120):
        stored(audited.root, at=NOW - datetime.timedelta(days=3, minutes=number))
    evaluate(audited.database)
    audra = auditor(audited)
    query = "SELECT * FROM pgmask_report.sample('2000-01-01', '2100-01-01', 25, %s)"
    first, again, other = (ask(audra, query, seed) for seed in ("Q3", "Q3", "Q4"))
    assert first == again
    assert len({r["access_id"] for r in first}) == 25
    assert {r["access_id"] for r in first} != {r["access_id"] for r in other}
    assert first[0]["population"] == 120


def test_gaps_name_what_is_missing(audited: Site) -> None:
    acted(audited.root, "gap", object="slot")
    stored(audited.root, at=datetime.datetime(2020, 1, 1, tzinfo=UTC))
    audited.root.execute(
        "INSERT INTO pgmask_audit.batch SELECT n, now(), 1, n * 10 + n / 3, n * 10 + 10, '', "
        "sha256(''), '0', sha256('') || sha256('') FROM generate_series(1, 3) AS n"
    )
    rows = ask(auditor(audited), "SELECT * FROM pgmask_report.gaps")
    found = {(r["what"], r["subject"]) for r in rows}
    assert {("gap", "slot"), ("default", "access_default"), ("batch", "3"), ("era", "1"),
            ("collector", "none")} <= found  # fmt: skip
    assert not [r for r in rows if r["what"] == "partition"]


def test_every_report_is_listed_with_its_question(audited: Site) -> None:
    views = dict(audited.rows(
        "SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class AS c"
        " WHERE c.relnamespace = 'pgmask_report'::regnamespace AND c.relkind = 'v'"
    ))  # fmt: skip
    functions = {
        name: (says, args)
        for name, says, args in audited.rows(
            "SELECT p.proname, obj_description(p.oid, 'pg_proc'),"
            " p.proargnames[1:p.pronargs] FROM pg_proc AS p"
            " WHERE p.pronamespace = 'pgmask_report'::regnamespace AND p.proretset"
        )
    }
    assert {r.name: r.question for r in REPORTS if r.view} == {
        name: says for name, says in views.items() if name != "alert_rules"
    }
    assert {
        r.name: (r.question, [f"p_{p.name}" for p in r.parameters]) for r in REPORTS if not r.view
    } == functions
    assert all(says.endswith(("?", ".")) for says in views.values())
    audra = auditor(audited)
    for name in views:
        ask(audra, f"SELECT * FROM pgmask_report.{name}")
