"""``pgmask check`` and ``pgmask init`` as a person runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pgmask.catalogue import load
from pgmask.catalogue.reference import catalogue_page, json_schema_text
from pgmask.cli.main import run
from tests.catalogue.samples import CORPUS, table, write
from tests.catalogue.test_cover import COLUMNS, DUMP, UNPROTECTED
from tests.harness import Database
from tests.spine.world import applied, plan_of

GOOD = str(CORPUS / "good" / "several")
BAD = str(CORPUS / "bad" / "references.yml")


def test_problems_are_printed_with_place_and_fix(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", BAD]) == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "references.yml:8:5: error PM013 there is no kind 'moblie'"
    assert lines[1] == "    Did you mean 'mobile'?"
    assert "\x1b" not in out
    assert "errors" in err


def test_json_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", BAD, "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["accepted"] is False
    assert found["problems"][0] == {
        "severity": "error",
        "code": "PM013",
        "rule": "unknown-kind",
        "file": "references.yml",
        "line": 8,
        "column": 5,
        "message": "there is no kind 'moblie'",
        "fix": "Did you mean 'mobile'?",
    }


def test_a_good_catalogue_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", GOOD, "--environment", "production"]) == 0
    assert "4 tables, 32 columns classified, 3 profiles" in capsys.readouterr().err
    assert run(["check", GOOD, "--environment", "prod"]) == 2
    assert "unknown-environment" not in capsys.readouterr().out


def test_expand_prints_origins(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", GOOD, "--expand", "customer"]) == 0
    out = capsys.readouterr().out
    assert "# defaults.columns '*_phone|tel' (pgmask.yml:25:27)" in out
    assert run(["check", GOOD, "--expand", "custmer"]) == 1
    assert "Did you mean 'customer'?" in capsys.readouterr().err


def test_coverage_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", GOOD, "--coverage", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(d["domain"], d["tables"], d["by_rule"]) for d in found["domains"]] == [
        ("hr", 1, 1),
        ("hr", 1, 0),
        ("sales", 2, 1),
    ]
    assert run(["check", GOOD, "--coverage"]) == 0
    assert "sales" in capsys.readouterr().out


def test_the_schema_is_printed_and_packed(capsys: pytest.CaptureFixture[str]) -> None:
    import pgmask.catalogue

    assert run(["check", "--schema"]) == 0
    assert capsys.readouterr().out == json_schema_text()
    packed = Path(pgmask.catalogue.__file__).with_name("catalogue.schema.json")
    assert packed.read_text("utf-8") == json_schema_text()


def test_the_reference_page_is_fresh() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "catalogue.md"
    assert page.read_text("utf-8") == catalogue_page()


@pytest.mark.requirement("A5")
def test_a_dump_gates_in_ci(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "c", table(COLUMNS) + UNPROTECTED)
    dump = tmp_path / "dump.sql"
    dump.write_text(DUMP, "utf-8")
    assert run(["check", str(path), "--sql", str(dump), "--write-lock"]) == 0
    assert "catalogue.lock" in capsys.readouterr().err
    assert run(["check", str(path), "--sql", str(dump), "--strict"]) == 0
    migration = tmp_path / "0002.sql"
    migration.write_text("ALTER TABLE crm.customer ADD COLUMN wechat text;", "utf-8")
    assert run(["check", str(path), "--sql", str(dump), "--sql", str(migration)]) == 2
    assert "crm.customer.wechat (text) is not classified" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["check", "x.yml", "--write-lock"],
        ["check", "x.yml", "--dsn", "a", "--sql", "b"],
    ],
)
def test_wrong_use_is_told(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGMASK_CATALOGUE", raising=False)
    assert run(words) == 1


@pytest.mark.requirement("A1", "A5")
def test_check_against_a_live_schema(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.run(DUMP)
    path = write(tmp_path, table(COLUMNS) + UNPROTECTED)
    dsn = database.dsn("installer")
    assert run(["check", str(path), "--dsn", dsn]) == 0
    database.run("ALTER TABLE crm.customer ADD COLUMN wechat text; CREATE TABLE crm.claim (id int)")
    capsys.readouterr()
    assert run(["check", str(path), "--dsn", dsn, "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)
    errors = [(p["rule"], p["message"]) for p in found["problems"] if p["severity"] == "error"]
    assert errors == [
        ("unclassified-table", "the table crm.claim is neither classified nor under unprotected"),
        ("unclassified-column", "crm.customer.wechat (text) is not classified"),
    ]


def test_init_proposes_from_a_live_schema(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.run(DUMP)
    folder = tmp_path / "catalogue"
    words = ["init", str(folder), "--in-schema", "crm", "--dsn", database.dsn("installer")]
    assert run(words) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        str(folder / name) for name in ("pgmask.yml", "domains/tables.yml", "profiles/profiles.yml")
    ]
    assert "decisions are left" in err
    proposed = (folder / "domains" / "tables.yml").read_text("utf-8")
    assert "phone: {kind: mobile}" in proposed
    assert "name: {kind: person_name, level: 2}" in proposed
    # Nothing is accepted before a person has decided.
    assert run(["check", str(folder)]) == 2
    found = capsys.readouterr().out
    assert "not decided yet" in found
    assert all("not decided" in line for line in found.splitlines() if ": error " in line)
    assert run(words) == 1
    assert "already there" in capsys.readouterr().err


def test_a_decided_starter_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text(DUMP, "utf-8")
    folder = tmp_path / "catalogue"
    assert run(["init", str(folder), "--sql", str(dump), "--in-schema", "crm"]) == 0
    for file in folder.rglob("*.yml"):
        text = file.read_text("utf-8")
        text = re.sub(r"level: TODO, category: \w+", "level: 2, category: finance", text)
        text = text.replace("subject: TODO", "subject: none")
        text = text.replace("rows: TODO", "rows: assigned").replace("TODO", "decided")
        file.write_text(text, "utf-8")
    capsys.readouterr()
    assert run(["check", str(folder), "--sql", str(dump)]) == 0, capsys.readouterr().out


@pytest.mark.requirement("A5")
def test_an_adopted_database_is_covered_as_before(
    installed: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Store tables moved aside, added columns and views do not show as unclassified."""
    installed.run(DUMP)
    path = write(tmp_path, table(COLUMNS) + UNPROTECTED)
    outcome = applied(installed, plan_of(installed, load(path)))
    assert outcome.steps
    dsn = installed.dsn("installer")
    assert installed.rows("SELECT to_regclass('crm_store.customer') IS NOT NULL") == [(True,)]
    assert run(["check", str(path), "--dsn", dsn]) == 0, capsys.readouterr().out
    installed.run("CREATE TABLE crm.claim (id int)")
    assert run(["check", str(path), "--dsn", dsn]) == 2
