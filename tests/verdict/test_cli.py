"""The verbs: forms of output, exit codes, suppressions, files and folders."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from pgmask.cli.main import run
from pgmask.facts.schema import Schema
from pgmask.facts.schema_file import dumps
from tests.harness import Database
from tests.spine.world import INSURER

pytestmark = pytest.mark.requirement("I1", "I2", "A5")

GOOD = "SELECT id, status FROM crm.customer WHERE id = 1;\n"
WARNED = "SELECT id FROM crm.customer WHERE phone = '13952992312';\n"
DENIED = "SELECT name\n  FROM crm_store.customer WHERE id = 1;\n"


class Desk:
    """A folder with a snapshot, and the command line in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def validate(self, *words: object, profile: str = "agent") -> SimpleNamespace:
        return self.run(
            "validate", "--catalogue", INSURER / "catalogue", "--profile", profile,
            "--schema", self.folder / "schema.json", *words,
        )  # fmt: skip

    def run(self, *words: object) -> SimpleNamespace:
        self.capsys.readouterr()
        code = run([str(w) for w in words])
        shown = self.capsys.readouterr()
        return SimpleNamespace(code=code, out=shown.out, err=shown.err)


@pytest.fixture
def desk(schema: Schema, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    (tmp_path / "schema.json").write_text(dumps(schema), "utf-8")
    return Desk(tmp_path, capsys)


def test_exit_codes(desk: Desk) -> None:
    assert desk.validate(desk.file("a.sql", GOOD)).code == 0
    warned = desk.file("b.sql", WARNED)
    assert desk.validate(warned).code == 0
    assert desk.validate(warned, "--strict").code == 2
    assert desk.validate(desk.file("c.sql", DENIED)).code == 2
    assert desk.validate(desk.folder / "missing.sql").code == 1
    assert "PM646" in desk.validate(desk.folder / "missing.sql").err
    assert desk.validate(desk.file("a.sql", GOOD), profile="nobody").code == 1
    bad = desk.folder / "latin.sql"
    bad.write_bytes(b"SELECT '\xe9'")
    assert "PM646" in desk.validate(bad).err


def test_text_shows_place_caret_and_way_out(desk: Desk) -> None:
    shown = desk.validate(desk.file("c.sql", GOOD + DENIED))
    assert "c.sql:3:8: deny PM620 crm_store.customer is the store of crm.customer" in shown.out
    lines = shown.out.splitlines()
    place = next(i for i, line in enumerate(lines) if "PM620" in line)
    assert lines[place + 1] == "      FROM crm_store.customer WHERE id = 1;"
    assert lines[place + 2] == "           ^"
    assert lines[place + 3] == "    Query crm.customer."
    assert "2 statements: 1 allow, 1 deny" in shown.err


def test_json_has_one_object_per_statement(desk: Desk) -> None:
    sql = "SELECT c.phone AS p, upper(name) FROM crm.customer AS c WHERE c.id = 1;\nSELECT 1"
    shown = desk.validate(desk.file("a.sql", sql), "--format", "json")
    first, second = json.loads(shown.out)
    assert shown.code == 0
    assert first["statement"]["line"] == 1
    assert first["statement"]["text"].startswith("SELECT c.phone")
    assert (first["kind"], first["verdict"], first["profile"]) == ("select", "allow", "agent")
    phone = {"schema": "crm", "table": "customer", "column": "phone"}
    assert first["outputs"][0] == {
        "name": "p", "sources": [phone], "flow": "direct", "level": 1, "form": "mask",
    }  # fmt: skip
    assert first["outputs"][1]["form"] == "truth"
    assert (first["outputs"][1]["flow"], first["outputs"][1]["level"]) == ("expression", 2)
    assert {**phone, "use": "output"} in first["reads"]
    assert {**phone, "column": "id", "use": "filter"} in first["reads"]
    assert first["writes"] == first["findings"] == []
    assert second["statement"]["line"] == 2
    assert second["outputs"][0]["level"] is None


def test_findings_and_writes_in_json(desk: Desk) -> None:
    sql = "UPDATE crm.customer SET landline = phone WHERE id = 1"
    (found,) = json.loads(desk.validate(desk.file("a.sql", sql), "--format", "json").out)
    (finding,) = [f for f in found["findings"] if f["code"] == "PM660"]
    assert set(finding) == {"code", "severity", "message", "line", "column", "hint"}
    assert (finding["severity"], finding["line"], found["verdict"]) == ("deny", 1, "deny")
    (write,) = found["writes"]
    assert (write["table"], write["action"], write["columns"]) == (
        "customer", "update", ["landline"],
    )  # fmt: skip


def test_lineage_alone_against_a_database(desk: Desk, plain: Database) -> None:
    file = desk.file("a.sql", "SELECT name FROM crm.customer ORDER BY phone")
    shown = desk.run("validate", "--lineage-only", "--dsn", plain.dsn(), "--format", "json", file)
    (found,) = json.loads(shown.out)
    assert shown.code == 0
    assert found["outputs"][0]["sources"] == [
        {"schema": "crm", "table": "customer", "column": "name"}
    ]
    assert (found["outputs"][0]["level"], found["outputs"][0]["form"]) == (None, None)
    assert {r["use"] for r in found["reads"]} == {"output", "order"}
    unknown = desk.file("b.sql", "SELECT name FROM crm.nothing")
    shown = desk.run(
        "validate", "--lineage-only", "--dsn", plain.dsn(), "--format", "json", unknown
    )
    assert shown.code == 2
    assert json.loads(shown.out)[0]["verdict"] == "deny"


def test_without_a_catalogue_what_carries_data_out_is_still_found(desk: Desk) -> None:
    file = desk.file("a.sql", "COPY (SELECT 1) TO PROGRAM 'cat'")
    shown = desk.run("validate", "--schema", desk.folder / "schema.json", file)
    assert shown.code == 2
    assert "PM631" in shown.out


def test_the_standard_input(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(DENIED.encode())))
    shown = desk.validate("-")
    assert shown.code == 2
    assert "-:2:8: deny PM620" in shown.out


def test_suppressions_need_a_reason_and_are_counted(desk: Desk) -> None:
    allowed = "-- pgmask: allow PM625 the search function comes with release 4\n" + WARNED
    shown = desk.validate(desk.file("a.sql", allowed), "--strict")
    assert shown.code == 0
    assert "1 allowed by comments (PM625 1x)" in shown.err
    (found,) = json.loads(desk.validate(desk.file("a.sql", allowed), "--format", "json").out)
    assert found["suppressed"][0]["code"] == "PM625"
    assert found["suppressed"][0]["reason"] == "the search function comes with release 4"
    for wrong, why in (
        ("-- pgmask: allow PM625\n" + WARNED, "it gives no reason"),
        ("-- pgmask: allow PM625 because\nSELECT 1;\n" + WARNED, "there is no such finding here"),
        ("SELECT '-- pgmask: allow PM625 because';\n" + WARNED, ""),
        ("-- pgmask: allow everything please\n" + WARNED, "it names no code"),
        (WARNED.strip() + "\n-- pgmask: allow PM625 because\n", "there is no such finding here"),
    ):
        shown = desk.validate(desk.file("a.sql", wrong), "--strict")
        assert shown.code == 2, wrong
        assert "PM625" in shown.out
        assert why in shown.out
        assert ("PM689" in shown.out) == bool(why)
    for right in (
        WARNED.strip() + " -- pgmask: allow PM625 at the end\n",
        "SELECT id -- pgmask: allow PM625 in the middle\n" + WARNED.removeprefix("SELECT id"),
    ):
        assert desk.validate(desk.file("a.sql", right), "--strict").code == 0, right


def test_sarif(desk: Desk) -> None:
    allowed = "-- pgmask: allow PM625 until release 4\n" + WARNED
    shown = desk.validate(desk.file("a.sql", DENIED + allowed), "--format", "sarif")
    assert shown.code == 2
    log = json.loads(shown.out)
    assert log["version"] == "2.1.0"
    Sarif.model_validate(log)
    (made,) = log["runs"]
    rules = made["tool"]["driver"]["rules"]
    assert made["tool"]["driver"]["name"] == "pgmask"
    assert len({r["id"] for r in rules}) == len(rules)
    by_code = {r["ruleId"]: r for r in made["results"]}
    denied = by_code["PM620"]
    assert denied["level"] == "error"
    assert rules[denied["ruleIndex"]]["id"] == "PM620"
    place = denied["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 2, "startColumn": 8}
    assert place["artifactLocation"]["uri"].endswith("a.sql")
    assert " " not in place["artifactLocation"]["uri"]
    suppressed = by_code["PM625"]["suppressions"]
    assert suppressed == [{"kind": "inSource", "justification": "until release 4"}]
    moved = desk.validate(desk.file("a.sql", "\n\n" + DENIED), "--format", "sarif")
    (again,) = [r for r in _results(moved.out) if r["ruleId"] == "PM620"]
    assert again["partialFingerprints"] == denied["partialFingerprints"]


def _results(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["runs"][0]["results"]
    return found


def test_github_and_junit(desk: Desk) -> None:
    file = desk.file("a b.sql", GOOD + DENIED + WARNED)
    github = desk.validate(file, "--format", "github").out
    assert "a b.sql,line=3,col=8,title=PM620 a base table instead of the view::" in github
    assert github.count("::error ") == 1
    assert "::warning " in github
    junit = Xml.fromstring(desk.validate(file, "--format", "junit").out)  # noqa: S314
    (suite,) = junit
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert [c.find("failure") is not None for c in suite] == [False, True, False]
    strict = Xml.fromstring(  # noqa: S314
        desk.validate(file, "--format", "junit", "--strict").out
    )
    assert strict[0].get("failures") == "2"


def test_a_folder_of_migrations(desk: Desk) -> None:
    desk.file("db/V10__widen.sql", "ALTER TABLE crm.customer ALTER postal_code TYPE varchar(12);")
    desk.file("db/V2__window.sql", "BEGIN; SELECT pgmask.detach('crm.customer');\n"
              "ALTER TABLE crm_store.customer ALTER postal_code TYPE varchar(12);\n"
              "SELECT * FROM pgmask.attach('crm.customer'); COMMIT;")  # fmt: skip
    desk.file("db/0003_alembic.py", "from alembic import op\n\n\ndef upgrade():\n"
              "    op.execute('ALTER TABLE crm_store.customer RENAME COLUMN phone TO mobile')\n"
              "    op.execute(f'DROP TABLE {name}')\n")  # fmt: skip
    shown = desk.validate(desk.folder / "db", "--as", "migration", "--format", "json")
    assert shown.code == 2
    found = json.loads(shown.out)
    files = list(dict.fromkeys(Path(f["file"]).name for f in found))
    assert files == ["0003_alembic.py", "V2__window.sql", "V10__widen.sql"]
    by_file = {name: [x["code"] for f in found if f["file"].endswith(name)
                      for x in f["findings"]] for name in files}  # fmt: skip
    assert by_file["V2__window.sql"] == []
    assert "PM685" in by_file["V10__widen.sql"]
    assert {"PM688", "PM635"} <= set(by_file["0003_alembic.py"])
    python = [f for f in found if f["file"].endswith(".py")]
    assert [f["statement"]["line"] for f in python] == [5, 6]


def test_explain_shows_a_masked_example(desk: Desk) -> None:
    words = (
        "explain", "SELECT name, phone, upper(email), unit_id FROM crm.customer WHERE id = 1",
        "--catalogue", INSURER / "catalogue", "--schema", desk.folder / "schema.json", "--profile",
    )  # fmt: skip
    shown = desk.run(*words, "agent", "--format", "json")
    assert shown.code == 0
    name, phone, email, unit = json.loads(shown.out)[0]["outputs"]
    assert (name["form"], name["kind"], name["level"]) == ("truth", "person_name", 2)
    assert name["example"]
    assert "*" not in name["example"]
    assert (phone["form"], phone["category"]) == ("mask", "contact")
    assert "****" in phone["example"]
    assert email["example"] == "" == unit["example"]
    text = desk.run(*words, "agent").out
    assert "crm.customer.phone" in text
    assert "a mask" in text
    assert "****" in text
    denied = desk.run("explain", "SELECT phone FROM crm_store.customer", *words[2:], "agent")
    assert denied.code == 2
    assert "refused" in denied.out
    assert desk.run("explain", "PM620").code == 0
    assert desk.run("explain", "SELECT 1", "--schema", desk.folder / "schema.json").code == 1


def test_the_applications_own_search_path(desk: Desk) -> None:
    file = desk.file("a.sql", "SELECT birth_date FROM customer WHERE id = 1")

    def codes(*words: str, profile: str = "analyst") -> set[str]:
        shown = desk.validate(file, "--format", "json", *words, profile=profile)
        return {f["code"] for v in json.loads(shown.out) for f in v["findings"]}

    assert codes() == set()
    assert codes("--search-path", "analyst, public") == set()
    assert codes("--search-path", "crm, Analyst") == {"PM621"}
    assert codes("--search-path", "public") == {"PM601"}
    # Of what a rule looks up by itself too.
    file.write_text("SELECT * FROM customer_by_phone('13952992312')")
    assert "PM601" not in codes(profile="agent")
    assert codes("--search-path", "public", profile="agent") >= {"PM604"}
    for wrong in ('"$user", crm', "crm; SELECT 1", ""):
        shown = desk.validate(file, "--search-path", wrong)
        assert (shown.code, "--search-path" in shown.err) == (1, True), wrong
    words = ("--catalogue", INSURER / "catalogue", "--schema", desk.folder / "schema.json")
    query = ("explain", "SELECT birth_date FROM customer WHERE id = 1", *words)
    assert desk.run(*query, "--profile", "analyst").code == 0
    assert desk.run(*query, "--profile", "analyst", "--search-path", "crm").code == 2
    lone = desk.file("b.sql", "SELECT name FROM customer")
    alone = ("validate", "--schema", desk.folder / "schema.json", lone)
    assert desk.run(*alone).code == 2
    assert desk.run(*alone, "--search-path", "crm").code == 0


def test_a_migrations_own_search_path(desk: Desk) -> None:
    file = desk.file("a.sql", "ALTER TABLE customer ALTER postal_code TYPE varchar(12)")
    assert "PM685" in desk.validate(file, "--as", "migration").out
    shown = desk.validate(file, "--as", "migration", "--search-path", "public")
    assert "PM601" in shown.out


def test_names_need_a_schema(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGMASK_DSN", "PGSERVICE", "PGHOST", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
    shown = desk.run("validate", desk.file("q.sql", "SELECT 1"))
    assert shown.code == 1
    assert "PM648" in shown.err
