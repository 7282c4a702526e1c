"""Who may read the record (G6): each refusal with what would pass if one protection were gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.audit.reporting import (
    FOREVER,
    acted,
    ask,
    code_of,
    evaluate,
    examined,
    memberships,
    register_auditors,
    stored,
)
from tests.audit.site import notes, noting
from tests.harness import Connection, Server
from tests.reveal.site import Site, fill

pytestmark = pytest.mark.requirement("G6")
NORTH, SOUTH, RICH = "1", "2", "3"
WHO_SAW = "SELECT * FROM pgmask_report.who_saw('customer', %s, %s, %s)"


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        site = Site(made)
        register_auditors(site)
        stored(site.root)
        stored(site.root, person_id=12, unit_id="south")
        examined(site.root, 2)
        examined(site.root, 10, person_id=12, unit_id="south")
        acted(site.root, "refused", code="PM405", person_id=11, unit_id="north")
        acted(site.root, "refused", code="PM405", person_id=12, unit_id="south")
        evaluate(made)
        site.request("ann", key=1, columns=["phone"])
        site.request("ben", key=2, columns=["phone"])
        yield site


def saw(connection: Connection, key: str) -> list[dict[str, Any]]:
    return ask(connection, WHO_SAW, key, *FOREVER)


@pytest.mark.parametrize("login", ["mallory", "app", "alan"])
def test_nobody_else_reads_a_report(site: Site, login: str) -> None:
    connection = site.connect(login)
    assert code_of(lambda: ask(connection, "SELECT * FROM pgmask_report.reveals")) == "42501"
    assert code_of(lambda: saw(connection, NORTH)) == "42501"
    # Control: a right on the schema and its reports alone opens nothing, the role does.
    site.root.execute(f"GRANT USAGE ON SCHEMA pgmask_report TO {login}".encode())
    site.root.execute(f"GRANT SELECT ON pgmask_report.reveals TO {login}".encode())
    site.root.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgmask_report TO {login}".encode())
    site.root.execute(
        "GRANT EXECUTE ON FUNCTION pgmask_private.audit_scope(text, boolean),"
        " pgmask_private.audit_subjects(text, text[], text, boolean),"
        " pgmask_private.scope_has_moment(text, boolean, text, text, timestamptz),"
        " pgmask_private.persons_of(text)"
        f" TO {login}".encode()
    )
    with noting(site) as root:
        assert code_of(lambda: ask(connection, "SELECT * FROM pgmask_report.reveals")) == "PM840"
        assert code_of(lambda: saw(connection, NORTH)) == "PM840"
        found = notes(root, "refused")
    assert [(n.code, n.table) for n in found] == [("PM840", "reveals"), ("PM840", "who_saw")]
    with memberships(site, **{login: "pgmask_record_auditor"}):
        assert len(ask(connection, "SELECT * FROM pgmask_report.reveals")) == 2


def test_an_application_that_acts_for_a_person_reads_nothing(site: Site) -> None:
    with site.acting("ann") as app:
        assert code_of(lambda: saw(app, NORTH)) == "42501"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM pgmask_audit.access",
        "SELECT * FROM pgmask_audit.ticket",
        "SELECT * FROM pgmask_audit.daily",
        "SELECT * FROM pgmask_audit.monthly",
        "SELECT * FROM pgmask_audit.alert",
        "SELECT * FROM pgmask_private.possible_reads('customer', '1', '-infinity', 'infinity')",
        "SELECT * FROM pgmask_private.audit_subjects('customer', '{1}', NULL, false)",
        "SELECT pgmask_private.scope_has_moment('south', true, 'customer', '2', now())",
        "SELECT * FROM pgmask_private.persons_of('south')",
        "SELECT pgmask_private.evaluate_alerts()",
        "INSERT INTO pgmask_audit.alert_close (alert_id, person_id, reason) VALUES (1, 91, 'x')",
    ],
)
def test_an_auditor_reads_by_reports_only(site: Site, statement: str) -> None:
    with memberships(site, audra="pgmask_record_auditor"):
        audra = site.connect("audra")
        assert code_of(lambda: audra.execute(statement.encode())) == "42501"
        assert len(ask(audra, "SELECT * FROM pgmask_report.reveals")) == 2


def test_an_auditor_changes_nothing(site: Site) -> None:
    """Not even by what stands in his conditions: they stay behind the barrier."""
    with memberships(site, audra="pgmask_record_auditor"):
        audra = site.connect("audra")
        for verb in ("DELETE FROM", "UPDATE"):
            rest = "" if verb == "DELETE FROM" else " SET purpose = 'x'"
            text = f"{verb} pgmask_report.reveals{rest}"
            assert code_of(audra.execute, text.encode()) in ("42501", "55000")


def test_a_unit_auditor_reads_about_the_own_unit(site: Site) -> None:
    with memberships(site, dora="pgmask_record_unit"):
        dora = site.connect("dora")
        assert saw(dora, NORTH)
        assert code_of(lambda: saw(dora, SOUTH)) == "PM840"
        many = "SELECT * FROM pgmask_report.who_saw_many('customer', %s, %s, %s)"
        assert code_of(lambda: ask(dora, many, [NORTH, SOUTH], *FOREVER)) == "PM840"
        assert [r["subject_key"] for r in ask(dora, "SELECT * FROM pgmask_report.reveals")] == ["1"]
        refused = ask(dora, "SELECT * FROM pgmask_report.refused_attempts")
        assert [r["person_id"] for r in refused] == [11]
        assert {r["person_id"] for r in ask(
            dora, "SELECT * FROM pgmask_report.accesses('2000-01-01', '2100-01-01')"
        )} == {11}  # fmt: skip
        # What a person of the south did with a customer of the north concerns the north.
        rows = ask(dora, "SELECT * FROM pgmask_report.what_person_saw(12, %s, %s)", *FOREVER)
        assert [(r["certainty"], r["subject_key"]) for r in rows] == [("examined", "10")]
        assert [r["person_id"] for r in ask(dora, "SELECT * FROM pgmask_report.alerts")
                if r["rule"] == "quota"] == [11]  # fmt: skip
        for report in ("gaps", "changes_of_rights", "keys_and_deployments", "coverage"):
            query = f"SELECT * FROM pgmask_report.{report}"
            assert code_of(ask, dora, query) == "PM840"
        # Control: the role of an auditor lets him.
        with memberships(site, dora="pgmask_record_auditor"):
            assert saw(dora, SOUTH)
            assert len(ask(dora, "SELECT * FROM pgmask_report.reveals")) == 2


def test_a_unit_auditor_without_a_person_reads_nothing(site: Site) -> None:
    with memberships(site, mallory="pgmask_record_unit"):
        mallory = site.connect("mallory")
        assert code_of(lambda: saw(mallory, NORTH)) == "PM840"
        assert code_of(lambda: ask(mallory, "SELECT * FROM pgmask_report.reveals")) == "PM840"
        site.root.execute("SELECT pgmask.register_login('mallory', 92)")
        assert saw(mallory, NORTH)


def test_a_unit_auditor_cannot_look_behind_by_a_condition(site: Site) -> None:
    """A function of his own in WHERE is not asked about rows that are not his."""
    with memberships(site, dora="pgmask_record_unit"):
        site.root.execute("CREATE SCHEMA dora AUTHORIZATION dora")
        dora = site.connect("dora")
        dora.execute(
            "CREATE FUNCTION dora.tells(text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE WARNING 'seen %', $1; RETURN true; END $$"
        )
        said: list[str] = []
        dora.add_notice_handler(lambda d: said.append(d.message_primary or ""))
        query = "SELECT * FROM pgmask_report.reveals WHERE dora.tells(subject_key)"
        ask(dora, query)
        assert set(said) == {"seen 1"}
        # Control: without the barrier he is asked about the other unit's customer.
        site.root.execute("ALTER VIEW pgmask_report.reveals RESET (security_barrier)")
        ask(dora, query)
        assert "seen 2" in said


def test_the_high_value_department_reads_about_its_customers(site: Site) -> None:
    examined(site.root, RICH, person_id=18, profile="vip")
    with memberships(site, alan="pgmask_record_high_value"):
        alan = site.connect("alan")
        assert [r["person_id"] for r in saw(alan, RICH)] == [18]
        assert code_of(lambda: saw(alan, NORTH)) == "PM840"
        assert ask(alan, "SELECT * FROM pgmask_report.reveals") == []
        rows = ask(alan, "SELECT * FROM pgmask_report.what_person_saw(18, %s, %s)", *FOREVER)
        assert [r["subject_key"] for r in rows] == [RICH]
        assert ask(alan, "SELECT * FROM pgmask_report.what_person_saw(11, %s, %s)", *FOREVER) == []
        with memberships(site, alan="pgmask_record_auditor"):
            assert len(ask(alan, "SELECT * FROM pgmask_report.reveals")) == 2


def test_set_role_widens_nothing(site: Site) -> None:
    """Who reads is who logged in: a unit auditor in the group role is still one."""
    with memberships(site, dora="pgmask_record_unit"):
        dora = site.connect("dora")
        dora.execute("SET ROLE pgmask_record_unit")
        assert code_of(lambda: saw(dora, SOUTH)) == "PM840"
        assert saw(dora, NORTH)
