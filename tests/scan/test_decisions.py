"""Decisions are remembered, silence what was rejected, and end with their evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pgmask.cli.main import run
from pgmask.errors import PgmaskError
from pgmask.scan import decisions
from pgmask.scan.decisions import Decision
from tests.harness import Database

SCHEMA = """
CREATE SCHEMA crm;
CREATE TABLE crm.customer (
  id bigint PRIMARY KEY, name text, phone text, col1 text, remark text, created_at timestamptz
);
INSERT INTO crm.customer
SELECT n, '王小' || chr(19968 + n), '138' || lpad(n::text, 8, '0'),
       'x' || n || '@example.com', 'ok', now()
  FROM generate_series(1, 400) AS n;
"""


class Scan:
    """``pgmask scan`` in a folder of its own."""

    def __init__(self, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
        self.database = database
        self.capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        assert run(["scan", "--dsn", self.database.dsn(), *words]) == code
        out, err = self.capsys.readouterr()
        self.err = err
        return str(out)

    def columns(self, *words: str) -> dict[str, Any]:
        found = json.loads(self("--format", "json", *words))["columns"]
        return {c["column"]: c for c in found}


@pytest.fixture
def scan(
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Scan:
    monkeypatch.chdir(tmp_path)
    database.run(SCHEMA)
    return Scan(database, capsys)


FILE = Path("scan-decisions.yml")


@pytest.mark.requirement("A1", "A5")
def test_accepted_and_rejected_are_remembered(scan: Scan) -> None:
    scan("--accept", "crm.customer.col1", "--reviewer", "zhao")
    scan("--reject", "crm.customer.phone", "--reviewer", "qian", "--reason", "test numbers")
    kept = yaml.safe_load(FILE.read_text("utf-8"))["decisions"]
    assert [(d["column"], d["decision"], d["reviewer"]) for d in kept] == [
        ("crm.customer.col1", "accepted", "zhao"),
        ("crm.customer.phone", "rejected", "qian"),
    ]
    assert kept[1]["reason"] == "test numbers"
    assert kept[0]["evidence"] == {"type": "text", "seen": 400, "shares": {"email": 100}}
    text = scan()
    assert "crm.customer.col1  email, contact, level 1  (text, about" in text
    assert "[accepted]" in text
    assert "crm.customer.phone" not in text
    assert "1 rejected before" in scan.err
    assert "[rejected]" in scan("--all")
    assert scan.columns()["phone"]["decided"] == "rejected"


@pytest.mark.requirement("A5")
def test_a_rejected_proposal_comes_back_with_new_evidence(scan: Scan) -> None:
    orders = "UPDATE crm.customer SET col1 = 'DD2024' || lpad(id::text, 10, '0')"
    scan.database.run(orders)
    scan.database.run("UPDATE crm.customer SET col1 = 'a' || id || '@example.com' WHERE id <= 100")
    scan("--reject", "crm.customer.col1", "--reviewer", "zhao", "--reason", "a few test rows")
    assert "crm.customer.col1" not in scan()
    # Somewhat more of the same is no news; three times as much is.
    scan.database.run("UPDATE crm.customer SET col1 = 'a' || id || '@example.com' WHERE id <= 140")
    assert "crm.customer.col1" not in scan()
    scan.database.run("UPDATE crm.customer SET col1 = 'a' || id || '@example.com' WHERE id <= 300")
    assert "crm.customer.col1  email" in scan()
    assert "changed since it was rejected" in scan()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE crm.customer ALTER phone TYPE varchar(40)",
        "COMMENT ON COLUMN crm.customer.phone IS '投保人手机号码'",
    ],
)
def test_type_and_comment_are_evidence_too(scan: Scan, change: str) -> None:
    scan("--reject", "crm.customer.phone", "--reviewer", "zhao", "--reason", "no")
    assert "crm.customer.phone" not in scan()
    scan.database.run(change)
    assert "crm.customer.phone  mobile" in scan()


def test_who_reads_no_values_cannot_say_they_changed(scan: Scan) -> None:
    scan("--reject", "crm.customer.phone", "--reviewer", "zhao", "--reason", "no")
    assert "crm.customer.phone" not in scan("--no-values")


def test_many_are_accepted_at_once(scan: Scan) -> None:
    scan("--accept-above", "0.95", "--reviewer", "zhao")
    sure = {c for c, p in scan.columns().items() if p["decided"] == "accepted"}
    assert sure == {"id", "name", "phone", "col1", "created_at"}
    assert scan.columns()["remark"]["decided"] is None


def test_a_decision_needs_a_person_and_a_reason(scan: Scan) -> None:
    scan("--accept", "crm.customer.col1", code=1)
    assert "PM692" in scan.err
    scan("--reject", "crm.customer.col1", "--reviewer", "zhao", code=1)
    assert "PM692" in scan.err
    scan("--accept", "crm.customer.nothing", "--reviewer", "zhao", code=1)
    assert "PM691" in scan.err
    assert not FILE.exists()


def test_the_file_reads_back_as_it_was_written() -> None:
    one = Decision(
        column='crm."odd.name".x', accepted=False, kind="mobile", category="contact", level=1,
        reason='he said: "no" # really', reviewer="赵", on="2026-11-28", type="varchar(20)",
        name="name matches `sjh`", seen=500, shares=(("email", 3), ("mobile", 40)),
    )  # fmt: skip
    file = Path("x.yml")
    file.write_text(decisions.text([one]), "utf-8")
    assert decisions.read(file) == {one.column: one}
    file.write_text(decisions.text([]), "utf-8")
    assert decisions.read(file) == {}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pgmask_decisions: 2\ndecisions: []\n", "bad.yml:1:19"),
        ("pgmask_decisions: 1\n", "no 'decisions'"),
        ("", "empty"),
        ("pgmask_decisions: 1\ndecisions:\n  - {column: a, decision: maybe}\n", "maybe"),
        ("pgmask_decisions: 1\ndecisions: [&x {}]\n", "anchor"),
        ("pgmask_decisions: 1\ndecisions: []\nmore: 1\n", "unknown key 'more'"),
        (
            "pgmask_decisions: 1\ndecisions:\n"
            + 2
            * "  - {column: a, decision: accepted, reviewer: x, on: 2026-01-01,"
            " evidence: {type: text}}\n",
            "decided twice",
        ),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(text: str, says: str) -> None:
    Path("bad.yml").write_text(text, "utf-8")
    with pytest.raises(PgmaskError) as refused:
        decisions.read(Path("bad.yml"))
    assert refused.value.code == "PM690"
    assert says in refused.value.detail
