"""The pages about reports: the regulator's question is followed literally (H1, H2)."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pgmask.cli.main import run
from pgmask.report.questions import REPORTS
from tests.audit.reporting import examined, memberships, register_auditors, stored
from tests.audit.test_report_cli import keys
from tests.docs.pages import ROOT, blocks
from tests.harness import Server
from tests.reveal.site import Site, fill

PAGE = ROOT / "docs/howto/answer-a-regulators-question.md"


@pytest.mark.requirement("H2")
def test_the_question_is_answered_as_the_page_says(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with server.database(template=server.template("reveal", fill)) as made:
        site = Site(made)
        register_auditors(site)
        root = site.root
        for key in (4711, 4712):
            root.execute(
                "INSERT INTO pgmask_audit.ticket (at, kind, person_id, profile, unit_id, grade,"
                " issuer, purpose, table_id, row_key, subject_class, subject_key, columns)"
                " VALUES ('2026-06-10 10:00+08', 'reveal', 11, 'agent', 'north', 'challenge',"
                " 'crm-web', 'callback', 'crm.customer', ARRAY[%s::text], 'customer', %s::text,"
                " '{phone}')",
                (key, key),
            )
        examined(root, 4711, at="2026-06-11 23:59+08", person_id=12, unit_id="south")
        examined(root, 4711, at="2026-06-12 00:00+08", person_id=15)  # too late
        stored(root, at="2026-06-05 12:00+08", kind="audit", table_id="who_saw", person_id=91)
        monkeypatch.setenv("PGMASK_DSN", made.dsn("audra"))
        monkeypatch.chdir(tmp_path)
        keys(tmp_path)
        said = []
        with memberships(site, audra="pgmask_record_auditor"):
            for block in blocks(PAGE):
                if block.mark == "run":
                    for line in block.text.splitlines():
                        words = shlex.split(line)
                        assert words[0] == "pgmask"
                        assert run(words[1:]) == 0, line
                        said.append(capsys.readouterr().out)
    who, person, many, gaps, page, readers, quarter, _ = said
    assert who.index("shown") < who.index("examined")
    assert "Ann" in who
    assert "Ben" in who
    assert "Carl" not in who
    assert "4711" in person
    assert "4712" in person
    assert "4712,shown" in many
    assert "era" in gaps
    assert "<html" in page
    assert "who_saw" in readers
    assert quarter == ""
    assert (tmp_path / "2026Q2" / "index.html").exists()


def test_the_page_of_rules_names_every_rule(server: Server) -> None:
    text = (ROOT / "docs/howto/watch-for-anomalies.md").read_text("utf-8")
    with server.database(template=server.template("reveal", fill)) as made:
        rules = Site(made).rows("SELECT rule FROM pgmask_audit.alert_rule")
    assert [rule for (rule,) in rules if f"| `{rule}` |" not in text] == []


def test_the_reference_names_every_report() -> None:
    text = (ROOT / "docs/reference/reports.md").read_text("utf-8")
    assert [r.name for r in REPORTS if f"## {r.name}\n\n{r.question}" not in text] == []
