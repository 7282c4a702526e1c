"""A customer's number that was another customer's before opens nothing of that one (G6)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from tests.audit.reporting import (
    FOREVER,
    UTC,
    acted,
    ask,
    code_of,
    evaluate,
    examined,
    memberships,
    register_auditors,
    stored,
)
from tests.harness import Connection, Server
from tests.reveal.site import Site, fill

pytestmark = pytest.mark.requirement("G6")
KEY = 7007
INSERT = "INSERT INTO crm.customer (id, unit_id, name, phone, region) VALUES (%s, %s, %s, %s, 'x')"
OPEN = """
CREATE OR REPLACE FUNCTION pgmask_private.scope_periods(
  p_unit text, p_high_value boolean, p_class text, p_key text)
  RETURNS tstzmultirange LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT tstzmultirange(tstzrange(NULL, NULL)) $$
"""
NOW_FOREVER = """
CREATE OR REPLACE FUNCTION pgmask_private.subject_timeline(
  p_class text, p_key text, p_what text, p_strict boolean)
  RETURNS TABLE (value text, during tstzmultirange)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT s.unit_id, tstzmultirange(tstzrange(NULL, NULL))
          FROM pgmask_private.audit_subjects(p_class, ARRAY[p_key], NULL, false) AS s $$
"""


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        site = Site(made)
        register_auditors(site)
        with memberships(site, dora="pgmask_record_unit", audra="pgmask_record_auditor"):
            yield site


def put(site: Site, actor: str, unit: str, key: int = KEY) -> None:
    with site.acting(actor) as app:
        app.execute(INSERT, (key, unit, "a name", f"1390000{key}"))


def met(site: Site, person: int, unit: str) -> None:
    """What a person leaves on record about the customer: a reveal, a note, and a statement."""
    site.request({11: "ann", 12: "ben"}[person], key=KEY, columns=["phone"])
    now = datetime.datetime.now(UTC)
    examined(site.root, KEY, person_id=person, unit_id=unit, at=now)
    stored(site.root, person_id=person, unit_id=unit, at=now)


def given_again(site: Site) -> None:
    """The south's customer is deleted, and the north takes his number."""
    put(site, "ben", "south")
    met(site, 12, "south")
    with site.acting("ben") as app:
        app.execute("DELETE FROM crm.customer WHERE id = %s", (KEY,))
    put(site, "ann", "north")
    met(site, 11, "north")


def people(connection: Connection, query: str, *values: Any) -> set[int]:
    return {row["person_id"] for row in ask(connection, query, *values)}


QUERIES = (
    ("SELECT * FROM pgmask_report.who_saw('customer', %s, %s, %s)", (str(KEY), *FOREVER)),
    ("SELECT * FROM pgmask_report.history_of('crm.customer', %s, %s, %s)", ([str(KEY)], *FOREVER)),
    ("SELECT * FROM pgmask_report.what_person_saw(12, %s, %s)", FOREVER),
    ("SELECT * FROM pgmask_report.reveals", ()),
    ("SELECT * FROM pgmask_report.reveals_counted", ()),
    ("SELECT * FROM pgmask_report.downloads", ()),
    ("SELECT * FROM pgmask_report.cross_unit(%s, %s)", FOREVER),
)


def about(connection: Connection, query: str, values: tuple[Any, ...]) -> set[Any]:
    """Persons in the answer; where all are the same one, customers."""
    name = "subject_key" if "what_person_saw" in query else "person_id"
    return {row[name] for row in ask(connection, query, *values)}


@pytest.mark.parametrize(("query", "values"), QUERIES[:-1])
def test_a_number_given_again_opens_nothing_of_before(
    site: Site, query: str, values: tuple[Any, ...]
) -> None:
    given_again(site)
    dora, audra = site.connect("dora"), site.connect("audra")
    before = about(dora, query, values)
    assert 12 not in before
    assert str(KEY) not in before
    if "what_person_saw" not in query:
        assert 11 in before
    everything = about(audra, query, values)
    assert everything & {12, str(KEY)}
    # Control: where a row's own moment is not asked, the north reads the south's customer.
    site.root.execute(OPEN.encode())
    assert about(dora, query, values) & {12, str(KEY)}


def test_no_crossing_is_told_of_the_customer_before(site: Site) -> None:
    given_again(site)
    query, values = QUERIES[-1]
    audra, dora = site.connect("audra"), site.connect("dora")
    assert ask(audra, query, *values) == []
    assert ask(dora, query, *values) == []
    # Control: by the unit that the number has now, the north reads of the south's customer.
    site.root.execute(NOW_FOREVER.encode())
    for connection in (audra, dora):
        rows = ask(connection, query, *values)
        assert [(r["via"], r["person_id"], r["unit_id"], r["subject_unit"]) for r in rows] == [
            ("reveal", 12, "south", "north")
        ]


def test_the_unit_that_had_the_customer_keeps_his_record(site: Site) -> None:
    """With his end: who deleted him is in the history."""
    given_again(site)
    site.root.execute("UPDATE pgmask_private.person SET unit_id = 'south' WHERE person_id = 92")
    site.root.execute(
        "UPDATE pgmask_private.person_post SET unit_id = 'south' WHERE person_id = 92"
    )
    dora = site.connect("dora")
    rows = ask(dora, QUERIES[0][0], *QUERIES[0][1])
    assert {r["person_id"] for r in rows} == {12}
    assert {r["certainty"] for r in rows} == {"shown", "examined", "possible"}
    told = ask(dora, QUERIES[1][0], *QUERIES[1][1])
    assert {r["operation"] for r in told} == {"insert", "delete"}
    assert {r["person_id"] for r in told} == {12}


@pytest.mark.parametrize("known", [True, False], ids=["recorded", "older than the record"])
def test_a_number_taken_by_renumbering_opens_nothing_either(site: Site, known: bool) -> None:
    put(site, "ben", "south")
    met(site, 12, "south")
    put(site, "ann", "north", 7009)
    if not known:
        site.root.execute("ALTER TABLE pgmask_audit.change DISABLE TRIGGER ALL")
        site.root.execute("DELETE FROM pgmask_audit.change")
    site.root.execute("UPDATE crm_store.customer SET id = 7008 WHERE id = %s", (KEY,))
    site.root.execute("UPDATE crm_store.customer SET id = %s WHERE id = 7009", (KEY,))
    dora = site.connect("dora")
    assert people(dora, *_flat(QUERIES[0])) <= {11}
    # The south's customer is on record under both numbers, for who may read everything.
    assert 12 in people(site.connect("audra"), *_flat(QUERIES[0]))
    site.root.execute(OPEN.encode())
    assert 12 in people(dora, *_flat(QUERIES[0]))


def _flat(query: tuple[str, tuple[Any, ...]]) -> tuple[Any, ...]:
    return (query[0], *query[1])


def test_who_left_the_unit_is_told_until_then(site: Site) -> None:
    """A customer who moves: each unit reads its own time, and not the other's."""
    met_before = datetime.datetime.now(UTC)
    examined(site.root, 1, person_id=12, unit_id="south", at=met_before)
    site.root.execute("UPDATE crm_store.customer SET unit_id = 'south' WHERE id = 1")
    examined(site.root, 1, person_id=15, unit_id="south", at=datetime.datetime.now(UTC))
    dora = site.connect("dora")
    query = "SELECT * FROM pgmask_report.who_saw('customer', '1', %s, %s)"
    assert people(dora, query, *FOREVER) == {12}
    begin = datetime.datetime.now(UTC)
    later = begin + datetime.timedelta(days=1)
    assert code_of(lambda: ask(dora, query, begin, later)) == "PM840"


MOVED = "UPDATE pgmask_private.person SET unit_id = %s WHERE person_id = 12"
PERSONS_NOW = """
CREATE OR REPLACE FUNCTION pgmask_private.persons_of(p_unit text)
  RETURNS TABLE (person_id bigint, during tstzmultirange)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT p.person_id, tstzmultirange(tstzrange(NULL, NULL))
          FROM pgmask_private.person AS p WHERE p.unit_id = p_unit $$
"""
TICKET = (
    "INSERT INTO pgmask_audit.ticket (kind, at, person_id, profile, unit_id, grade, issuer,"
    " purpose, table_id, columns, digest, subject_class, subject_key, row_key) VALUES ('reveal',"
    " %s, 12, 'agent', 'west', 'login', 'login', 'callback', 'crm.customer', '{phone}', NULL,"
    " 'customer', '2', '{2}')"
)
CHANGE = (
    "INSERT INTO pgmask_audit.change (at, era_id, operation, table_id, row_key, subject_class,"
    " subject_key, person_id, unit_id, login, backend, statement_at, before, after) VALUES"
    " (%s, 1, 'update', 'crm.customer', '{2}', 'customer', '2', 12, 'west', 'app', 1, %s,"
    ' \'{"region": "a"}\', \'{"region": "b"}\')'
)
ALERT = (
    "INSERT INTO pgmask_audit.alert (at, rule, kind, severity, about, person_id, unit_id,"
    " window_from, window_to, detail)"
    " VALUES (%s, 'breadth', 'breadth', 'low', %s, 12, 'west', %s, %s, '{}')"
)
OF_PERSONS = {
    "reveals": ("SELECT * FROM pgmask_report.reveals", ()),
    "reveals_counted": ("SELECT * FROM pgmask_report.reveals_counted", ()),
    "downloads": ("SELECT * FROM pgmask_report.downloads", ()),
    "refused_attempts": ("SELECT * FROM pgmask_report.refused_attempts", ()),
    "alerts": ("SELECT * FROM pgmask_report.alerts WHERE rule = 'breadth'", ()),
    "audit_readers": ("SELECT * FROM pgmask_report.audit_readers WHERE person_id = 12", ()),
    "accesses": ("SELECT * FROM pgmask_report.accesses(%s, %s)", FOREVER),
    "accesses_outside_hours": (
        "SELECT * FROM pgmask_report.accesses_outside_hours(%s, %s, p_workdays => '{}')", FOREVER,
    ),
    "history_of": (
        "SELECT * FROM pgmask_report.history_of('crm.customer', '{2}', %s, %s)", FOREVER,
    ),
    "cross_unit": ("SELECT * FROM pgmask_report.cross_unit(%s, %s)", FOREVER),
    "what_person_saw": ("SELECT 12 AS person_id, w.* FROM pgmask_report.what_person_saw(12, %s, %s)"
                        " AS w", FOREVER),
}  # fmt: skip


def did(site: Site, at: datetime.datetime) -> None:
    """What Ben did at a moment, for a third unit and with a customer of the south."""
    root = site.root
    root.execute(TICKET.encode(), (at,))
    root.execute(CHANGE.encode(), (at, at))
    root.execute(ALERT.encode(), (at, f"12 at {at}", at, at))
    for kind in ("statement", "audit"):
        stored(root, kind=kind, person_id=12, unit_id="west", at=at)
    examined(root, 2, person_id=12, unit_id="west", at=at)
    acted(root, "refused", code="PM405", person_id=12, unit_id="west", at=at)


@pytest.mark.parametrize("report", OF_PERSONS)
def test_what_a_person_did_is_told_to_the_unit_he_was_of_then(site: Site, report: str) -> None:
    now = datetime.datetime.now(UTC)
    query, values = OF_PERSONS[report]
    dora = site.connect("dora")

    def told() -> int:
        return sum(row["person_id"] == 12 for row in ask(dora, query, *values))

    did(site, now - datetime.timedelta(days=1))
    evaluate(site.database)
    assert told() == 0
    site.root.execute(MOVED.encode(), ("north",))
    assert told() == 0, "what he did before he came is his unit's of then"
    did(site, now + datetime.timedelta(hours=3))
    evaluate(site.database)
    since = told()
    assert since > 0
    # The unit keeps what he did while he was its own; the clock of the register is put forward.
    site.root.execute("ALTER TABLE pgmask_private.register_history DISABLE TRIGGER ALL")
    site.root.execute(MOVED.encode(), ("south",))
    site.root.execute(
        "UPDATE pgmask_private.register_history SET changed_at = now() + interval '1 day'"
        " WHERE history_id = (SELECT max(history_id) FROM pgmask_private.register_history)"
    )
    assert told() == since
    # Control: by the register of now, the north reads what he did before.
    site.root.execute(PERSONS_NOW.encode())
    assert told() == 0
    site.root.execute(MOVED.encode(), ("north",))
    assert told() > since
