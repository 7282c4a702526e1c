"""What is unusual raises one alert, and somebody else closes it with a reason (G5)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.audit.reporting import (
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

pytestmark = pytest.mark.requirement("G5")
DAY = datetime.datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
"""A Wednesday, ten o'clock in Shanghai."""


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        site = Site(made)
        register_auditors(site)
        site.root.execute("UPDATE pgmask_audit.collector SET moved_at = now()")
        evaluate(made)
        with memberships(site, audra="pgmask_record_auditor", dora="pgmask_record_unit"):
            yield site


def raised(site: Site) -> list[tuple[Any, ...]]:
    return site.rows("SELECT rule, person_id FROM pgmask_audit.alert ORDER BY alert_id")


def only(site: Site, rule: str, **numbers: int) -> None:
    site.root.execute("UPDATE pgmask_audit.alert_rule SET enabled = rule = %s", (rule,))
    for name, value in numbers.items():
        site.root.execute(
            "UPDATE pgmask_audit.alert_rule SET parameters = parameters"
            " || jsonb_build_object(%s::text, %s::integer) WHERE rule = %s",
            (name, value, rule),
        )


def reads(site: Site, count: int, at: datetime.datetime = DAY, **row: Any) -> None:
    for number in range(count):
        stored(site.root, at=at + datetime.timedelta(seconds=number), **row)


def test_nothing_is_raised_twice(site: Site) -> None:
    only(site, "quota")
    acted(site.root, "refused", code="PM405", person_id=11, unit_id="north", profile="agent")
    assert evaluate(site.database) == 1
    assert evaluate(site.database) == 0
    acted(site.root, "refused", code="PM405", person_id=11, unit_id="north", profile="agent")
    assert evaluate(site.database) == 0
    assert raised(site) == [("quota", 11)]
    assert site.rows("SELECT count(*) FROM pgmask_audit.activity WHERE kind = 'alert'") == [(1,)]


def test_a_transaction_that_ends_late_is_not_missed(site: Site) -> None:
    only(site, "quota")
    with site.database.superuser(autocommit=False) as late:
        acted(late, "refused", code="PM405", person_id=12)
        stored(late, person_id=12)
        acted(site.root, "refused", code="PM405", person_id=11)
        evaluate(site.database)
        late.commit()
    evaluate(site.database)
    assert sorted(raised(site)) == [("quota", 11), ("quota", 12)]
    assert site.rows("SELECT sum(count) FROM pgmask_audit.daily WHERE person_id = 12") == [(1,)]


def test_more_than_in_the_weeks_before(site: Site) -> None:
    only(site, "volume_own", minimum=20)
    for days in range(1, 8):
        reads(site, 5, DAY - datetime.timedelta(days=days))
        reads(site, 5, DAY - datetime.timedelta(days=days), person_id=15, profile="chief")
    reads(site, 30)
    reads(site, 19, person_id=15, profile="chief")
    evaluate(site.database)
    assert raised(site) == [("volume_own", 11)]
    (detail,) = site.rows("SELECT detail FROM pgmask_audit.alert")[0]
    assert detail == {"reads": 30, "usual": 5.0, "days": 7}


def test_more_than_others_of_the_same_profile(site: Site) -> None:
    only(site, "volume_peers", minimum=20)
    for person in (12, 14, 19):
        reads(site, 4, person_id=person)
    reads(site, 25)
    reads(site, 25, person_id=15, profile="chief")  # nobody to compare him with
    evaluate(site.database)
    assert raised(site) == [("volume_peers", 11)]


def test_an_unusual_hour(site: Site) -> None:
    only(site, "unusual_hour", minimum=3)
    reads(site, 5)
    reads(site, 3, DAY + datetime.timedelta(hours=13), person_id=12)
    reads(site, 3, DAY + datetime.timedelta(days=3), person_id=15)  # a Saturday
    evaluate(site.database)
    assert sorted(raised(site)) == [("unusual_hour", 12), ("unusual_hour", 15)]


def test_many_different_customers(site: Site) -> None:
    only(site, "breadth", minimum=10)
    for key in range(10, 20):
        examined(site.root, key, at=DAY)
        examined(site.root, 10, at=DAY, person_id=12)
    evaluate(site.database)
    assert raised(site) == [("breadth", 11)]


def test_customers_of_another_unit(site: Site) -> None:
    only(site, "cross_unit")
    examined(site.root, 1)
    examined(site.root, 2)
    evaluate(site.database)
    ((detail,),) = site.rows("SELECT detail FROM pgmask_audit.alert")
    assert detail == {"customers": 1, "units": ["south"]}


def test_refusals_by_somebody_unknown(site: Site) -> None:
    only(site, "refusals", minimum=4)
    for second in range(4):
        acted(site.root, "refused", code="PM103", at=DAY + datetime.timedelta(seconds=second))
    for hour in range(4):
        acted(
            site.root, "refused", code="PM101", person_id=11,
            at=DAY + datetime.timedelta(hours=hour),
        )  # fmt: skip
    evaluate(site.database)
    assert site.rows("SELECT rule, person_id, login FROM pgmask_audit.alert") == [
        ("refusals", None, "app")
    ]


def test_probing(site: Site) -> None:
    only(site, "probing", statements=50)
    acted(site.root, "refused", code="PM416", person_id=12, unit_id="south")
    reads(site, 50)
    reads(site, 50, person_id=15, profile="chief")
    examined(site.root, 1, at=DAY, person_id=15, profile="chief")  # his customers are noted
    evaluate(site.database)
    assert sorted(raised(site)) == [("probing", 11), ("probing", 12)]


def test_a_changed_definition_and_a_stalled_collector(site: Site) -> None:
    site.root.execute(
        "UPDATE pgmask_audit.alert_rule SET enabled = rule IN ('definition', 'stalled')"
    )
    acted(site.root, "definition", object="crm_store.customer")
    acted(site.root, "gap", object="slot")
    site.root.execute(
        "INSERT INTO pgmask_audit.collector (source, era_id, position, moved_at)"
        " VALUES ('a slot', 1, '0/0', now() - interval '1 hour')"
    )
    evaluate(site.database)
    assert sorted(raised(site)) == [("definition", None), ("stalled", None), ("stalled", None)]


def test_what_the_sealer_found_is_not_laid_to_the_sealer(site: Site) -> None:
    only(site, "definition")
    acted(
        site.root, "right", object="members", login="record_keeper",
        detail='{"after_batch": 3, "objects": ["pgmask_record_auditor: mallory appeared"]}',
    )  # fmt: skip
    acted(site.root, "right", object="TABLE", login="dba")
    evaluate(site.database)
    found = {r["detail"]["object"]: r for r in ask(
        site.connect("audra"), "SELECT * FROM pgmask_report.alerts"
    )}  # fmt: skip
    assert (found["members"]["login"], found["TABLE"]["login"]) == (None, "dba")
    assert found["members"]["detail"]["by"].startswith("not known")
    assert "mallory" in str(found["members"]["detail"]["objects"])


def test_freeze_suspends_at_once(site: Site) -> None:
    only(site, "quota")
    site.root.execute("UPDATE pgmask_audit.alert_rule SET action = 'freeze' WHERE rule = 'quota'")
    acted(site.root, "refused", code="PM405", person_id=11, unit_id="north")
    with site.acting("ann", strong=False) as app:
        app.execute("SELECT 1")
    evaluate(site.database)
    with pytest.raises(psycopg.Error) as refused, site.acting("ann", strong=False):
        pass
    assert refused.value.sqlstate == "PM103"
    assert site.rows("SELECT action FROM pgmask_audit.alert") == [("freeze",)]
    ((standing, reason),) = site.rows(
        "SELECT standing, standing_reason FROM pgmask_private.person WHERE person_id = 11"
    )
    assert (standing, reason.endswith("(quota)")) == ("suspended", True)
    # Control: without the action he goes on.
    site.root.execute("UPDATE pgmask_audit.alert_rule SET action = 'none'")
    acted(site.root, "refused", code="PM405", person_id=12, unit_id="south")
    evaluate(site.database)
    with site.acting("ben", strong=False) as app:
        app.execute("SELECT 1")


@pytest.mark.requirement("G6")
def test_evaluating_is_for_the_collector(site: Site) -> None:
    for login in ("app", "audra", "mallory"):
        assert code_of(evaluate, site.database, login) == "42501"
    with memberships(site, mallory="pgmask_collector"):
        assert evaluate(site.database, "mallory") >= 0


def alert(site: Site, person: int, unit: str = "north") -> int:
    only(site, "quota")
    acted(site.root, "refused", code="PM405", person_id=person, unit_id=unit)
    evaluate(site.database)
    return int(
        site.rows("SELECT alert_id FROM pgmask_audit.alert WHERE person_id = %s", person)[0][0]
    )


def close(connection: Connection, number: int, reason: str | None = "looked into it") -> str:
    return code_of(
        lambda: connection.execute("SELECT pgmask_report.close_alert(%s, %s)", (number, reason))
    )


def test_an_alert_is_closed_once_with_a_reason(site: Site) -> None:
    number = alert(site, 11)
    audra = site.connect("audra")
    for nothing in ("", "  ", None):
        assert close(audra, number, nothing) == "PM842"
    assert close(audra, number + 100) == "PM843"
    assert close(audra, number) == ""
    assert close(audra, number, "again") == "PM843"
    (row,) = ask(audra, "SELECT * FROM pgmask_report.alerts")
    assert (row["closed_by"], row["reason"]) == ("Audra", "looked into it")
    assert site.rows(
        "SELECT object FROM pgmask_audit.activity WHERE object LIKE %s", "%closed"
    ) == [(f"alert {number} closed",)]


def test_nobody_closes_the_alert_about_himself(site: Site) -> None:
    number = alert(site, 91)
    assert close(site.connect("audra"), number) == "PM841"
    with memberships(site, mallory="pgmask_record_auditor"):
        mallory = site.connect("mallory")
        assert close(mallory, number) == "PM841"  # nobody of the register
        site.root.execute("SELECT pgmask.register_login('mallory', 92)")
        assert close(mallory, number) == ""


def test_a_unit_auditor_closes_those_of_the_own_unit(site: Site) -> None:
    north, south = alert(site, 11), alert(site, 12, "south")
    dora = site.connect("dora")
    assert close(dora, south) == "PM843"
    assert close(dora, north) == ""
    assert close(site.connect("audra"), south) == ""
    assert close(site.connect("app"), south) == "42501"


@pytest.mark.parametrize("table", ["alert", "alert_close"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET alert_id = DEFAULT", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_alerts_are_only_added(site: Site, table: str, statement: str) -> None:
    number = alert(site, 11)
    assert close(site.connect("audra"), number) == ""
    text = statement.format(f"pgmask_audit.{table}").replace(
        "alert_id = DEFAULT", "alert_id = alert_id" if table == "alert_close" else "rule = rule"
    )
    assert code_of(lambda: site.root.execute(text.encode())) == "PM801"
    site.root.execute("ALTER TABLE pgmask_audit.alert_close DISABLE TRIGGER a_only_added")
    site.root.execute("ALTER TABLE pgmask_audit.alert DISABLE TRIGGER a_only_added")
    if "DELETE" in text and table == "alert":
        site.root.execute("DELETE FROM pgmask_audit.alert_close")
    site.root.execute(text.encode())


def test_rules_are_data_and_their_changes_on_record(site: Site) -> None:
    audra = site.connect("audra")
    put = "SELECT pgmask_report.put_alert_rule(%s, %s, %s::jsonb, %s, true, %s, 'Says.')"

    def give(
        rule: str, kind: str, numbers: str, severity: str = "low", action: str = "none"
    ) -> str:
        return code_of(lambda: audra.execute(put, (rule, kind, numbers, severity, action)))

    assert give("quota", "quota", '{"minimum": 3}') == ""
    assert give("new_one", "breadth", '{"minimum": 7}', "high", "freeze") == ""
    assert give("factor", "volume_own", '{"factor": 1.5}') == ""
    for wrong in (
        ("new_one", "quota", "{}"),  # a rule keeps its kind
        ("x", "quota", '{"minimum": -5}'), ("x", "quota", '{"minimum": 0}'),
        ("x", "quota", '{"minimum": 1.5}'), ("x", "definition", '{"kinds": []}'),
        ("x", "definition", '{"kinds": [1]}'),
        ("x", "nothing", "{}"), ("x", "quota", '{"most": 1}'), ("x", "quota", '{"minimum": "1"}'),
        ("X y", "quota", "{}"), ("x", "quota", "{}", "severe"),
        ("x", "quota", "{}", "low", "shoot"),
    ):  # fmt: skip
        assert give(*wrong) == "PM847"
    rows = {r["rule"]: r for r in ask(audra, "SELECT * FROM pgmask_report.alert_rules")}
    assert rows["quota"]["parameters"] == {"minimum": 3}
    assert rows["new_one"]["action"] == "freeze"
    assert site.rows(
        "SELECT object, login FROM pgmask_audit.activity WHERE kind = 'alert' ORDER BY activity_id"
    ) == [("rule quota", "audra"), ("rule new_one", "audra"), ("rule factor", "audra")]
    dora = site.connect("dora")
    assert code_of(lambda: dora.execute(put, ("quota", "quota", "{}", "low", "none"))) == "42501"


def test_office_hours_are_set_by_an_auditor(site: Site) -> None:
    audra = site.connect("audra")
    put = "SELECT pgmask_report.put_office_hours(%s, %s, %s, %s)"
    audra.execute(put, ("Asia/Shanghai", "09:00", "10:00", [3]))
    only(site, "unusual_hour", minimum=3)
    reads(site, 3)  # ten o'clock is too late now
    evaluate(site.database)
    assert raised(site) == [("unusual_hour", 11)]
    for wrong in (("Nowhere", "09:00", "10:00", [1]), ("Asia/Shanghai", "10:00", "09:00", [1]),
                  ("Asia/Shanghai", "09:00", "10:00", [8])):  # fmt: skip
        assert code_of(audra.execute, put, wrong) == "PM845"
