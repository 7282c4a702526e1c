"""Mistaken names, days and numbers are refused: an answer without rows would be an alibi (H2)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from pgmask.cli.main import run
from pgmask.errors import PgmaskError
from pgmask.report.questions import report_named
from pgmask.report.run import Connection, extent, statement_of
from tests.audit.reporting import UTC, acted, memberships, register_auditors, stored
from tests.harness import Server
from tests.reveal.site import Site, fill

pytestmark = pytest.mark.requirement("H2")
DAYS = ["--from", "2026-11-01", "--to", "2026-12-01"]


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        site = Site(made)
        register_auditors(site)
        with memberships(site, audra="pgmask_record_auditor"):
            yield site


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["who_saw", "--class", "foo", "--key", "1", *DAYS], "Known: customer"),
        (["who_saw_many", "--class", "foo", "--key", "1", *DAYS], "Known: customer"),
        (["history_of", "--table", "customer", "--key", "1"], "crm.customer"),
        (["history_of", "--table", "crm.nosuch", "--key", "1"], "crm.customer"),
        (["what_person_saw", "--person", "99999", *DAYS], "the register has no person 99999"),
        (["accesses_outside_hours", *DAYS, "--workdays", "9"], "from 1 (Monday) to 7"),
        (["accesses_outside_hours", *DAYS, "--zone", "Nowhere"], "time zone"),
        (["accesses_outside_hours", *DAYS, "--opens", "21:00"], "close later"),
        (["accesses_outside_hours", *DAYS, "--opens", "eight"], "--opens is not a time of day"),
        (["accesses_outside_hours", *DAYS, "--workdays", "Mo"], "--workdays is not"),
        (["accesses", "--from", "01/12/2026", "--to", "2026-12-02"], "--from is not a day"),
        (["accesses", "--from", "2026-11-31", "--to", "2026-12-02"], "--from is not a day"),
        (["reveals", "--to", "1.12.2026"], "--to is not a day"),
        (["reveals", "--columns", "at,nothing"], "has no column nothing"),
    ],
)
def test_a_mistake_is_named(
    site: Site, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["report", *words, "--dsn", site.database.dsn("audra")]) in (1, 3)
    told = capsys.readouterr()
    assert "PM845" in told.err
    assert said in told.err
    assert told.out == ""


def test_the_right_names_are_taken(site: Site) -> None:
    """The same questions with the one word mended."""
    dsn = ["--dsn", site.database.dsn("audra")]
    for words in (
        ["who_saw", "--class", "customer", "--key", "1", *DAYS],
        ["history_of", "--table", "crm.customer", "--key", "1"],
        ["what_person_saw", "--person", "11", *DAYS],
        ["accesses_outside_hours", *DAYS, "--workdays", "7", "--zone", "UTC", "--opens", "07:30"],
        ["accesses", "--from", "2026-12-01T08:30:00+08:00", "--to", "2026-12-01 09:00"],
        ["reveals", "--columns", "at,person"],
    ):
        assert run(["report", *words, *dsn]) == 0


@pytest.mark.parametrize(
    "moment",
    [
        "2026-12-01",
        "2026-12-01 08:30",
        "2026-12-01T08:30:00Z",
        "2026-12-01 08:30:00.5+08",
        "infinity",
    ],
)
def test_moments_that_are_read(site: Site, moment: str) -> None:
    given = {"from": "2000-01-01", "to": moment}
    text = statement_of(site.root, report_named("accesses"), given)
    assert moment in text
    with pytest.raises(PgmaskError) as refused:
        statement_of(site.root, report_named("accesses"), given | {"to": moment + "!"})
    assert refused.value.code == "PM845"


def test_an_answer_tells_what_the_record_could_not_know(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = ["--dsn", site.database.dsn("audra")]
    asked = ["report", "accesses", "--from", "2020-06-01", "--to", "2020-07-01", *dsn]
    assert run(asked) == 0
    told = capsys.readouterr().err
    assert "0 rows" in told
    assert "the record begins at" in told
    assert "gap" not in told
    acted(
        site.root, "gap", object="slot",
        detail='{"since": "2020-06-29 00:00:00+00", "until": "2020-07-03 00:00:00+00",'
        ' "reason": "the slot was lost", "from": "0/1", "to": "0/2", "mac": "ab"}',
    )  # fmt: skip
    assert run(asked) == 0
    assert "a gap in this period" in capsys.readouterr().err
    later = ["report", "accesses", "--from", "2020-08-01", "--to", "2100-01-01", *dsn]
    site.root.execute("ALTER TABLE pgmask_audit.era DISABLE TRIGGER ALL")
    site.root.execute("UPDATE pgmask_audit.era SET began_at = '2020-07-02'")
    stored(site.root)
    assert run(later) == 0
    told = capsys.readouterr().err
    assert "gap" not in told
    assert "begins" not in told
    # What gaps says of it is for people: no positions, no signature.
    assert run(["report", "gaps", *dsn, "--format", "csv"]) == 0
    said = capsys.readouterr().out
    assert "notes are missing: the slot was lost" in said
    assert "2020-06-29" in said
    assert "0/1" not in said
    assert "mac" not in said


@pytest.mark.requirement("G6")
def test_extent_is_for_auditors(site: Site) -> None:
    def asks(login: str) -> object:
        connection: Connection = site.connect(login)
        return extent(connection, "2026-01-01", "2027-01-01").begins

    for login in ("app", "mallory"):
        with pytest.raises(PgmaskError) as refused:
            asks(login)
        assert refused.value.code == "PM840"
    assert isinstance(asks("audra"), datetime.datetime)


@pytest.mark.requirement("G4")
@pytest.mark.parametrize("counted", [True, False])
def test_a_sample_is_of_the_period_to_the_moment(site: Site, counted: bool) -> None:
    """One day of Shanghai, and the last day of a quarter: from 16:00 UTC the day before."""
    night = datetime.datetime(2026, 9, 30, 15, 0, tzinfo=UTC)
    for minutes in range(0, 120, 2):
        stored(site.root, at=night + datetime.timedelta(minutes=minutes))
    if counted:
        site.root.execute("SELECT pgmask_private.refresh_daily()")
    audra = site.connect("audra")
    audra.execute("SET timezone = 'Asia/Shanghai'")

    def drawn(begin: str, end: str) -> tuple[int, set[int]]:
        rows = audra.execute(
            "SELECT population, access_id, at FROM pgmask_report.sample(%s, %s, 100, 'x')",
            (begin, end),
        ).fetchall()
        for _, _, at in rows:
            assert begin <= at.isoformat(sep=" ") < end
        return (rows[0][0] if rows else 0), {number for _, number, _ in rows}

    assert drawn("2026-09-30", "2026-10-01") == drawn("2026-07-01", "2026-10-01")
    assert drawn("2026-09-30", "2026-10-01")[0] == 30
    assert drawn("2026-10-01", "2026-10-02")[0] == 30
    assert drawn("2026-10-01", "2027-01-01")[0] == 30
    assert drawn("2026-07-01", "2027-01-01")[0] == 60
    assert drawn("2026-09-29", "2026-09-30") == (0, set())
    assert drawn("2026-09-30 23:30", "2026-09-30 23:40")[0] == 5


@pytest.mark.requirement("G4")
def test_a_sample_is_the_same_before_and_after_counting(site: Site) -> None:
    begin = datetime.datetime(2026, 10, 3, tzinfo=UTC)
    for hours in range(90):
        stored(site.root, at=begin + datetime.timedelta(hours=hours), person_id=11 + hours % 2)
    query = "SELECT access_id FROM pgmask_report.sample('2026-10-01', '2026-11-01', 20, 'x')"
    audra = site.connect("audra")
    fresh = audra.execute(query).fetchall()
    site.root.execute("SELECT pgmask_private.refresh_daily()")
    assert len(fresh) == 20
    assert audra.execute(query).fetchall() == fresh
