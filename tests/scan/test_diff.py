"""``--diff``: what is new or changed since catalogue and decisions, and what it costs (exit 2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pgmask.catalogue import load
from pgmask.cli.main import run
from tests.catalogue.samples import write
from tests.harness import Database
from tests.spine.world import applied, plan_of

SCHEMA = """
CREATE SCHEMA crm;
CREATE TABLE crm.customer (
  id bigint PRIMARY KEY, unit_id integer NOT NULL, name text NOT NULL, phone text, note varchar(40)
);
INSERT INTO crm.customer
SELECT n, 7, '王小' || chr(19968 + n), '138' || lpad(n::text, 8, '0'), 'ok' FROM
  generate_series(1, 200) AS n;
CREATE TABLE crm.ref_bank (code text PRIMARY KEY, name text);
INSERT INTO crm.ref_bank SELECT n, '支行' || n FROM generate_series(1, 200) AS n;
CREATE TABLE crm.job_log (id bigint PRIMARY KEY, line text);
"""
CATALOGUE = """\
pgmask: 1
packs: [baseline]
store: {schema: crm, profile: agent}
subject: {table: customer, key: id, unit: unit_id}
backup: [nightly]
tables:
  customer:
    why: service
    columns:
      name: {kind: person_name}
      phone: {kind: mobile}
    level_3: [id, unit_id, note]
unprotected:
  - {tables: "ref_*", reason: code tables}
  - {tables: job_log, reason: no person}
profiles:
  agent: {rows: assigned, columns: {1: mask, 2: plain, 3: plain}, tables: {"*": write}}
"""


class Diff:
    """A database, its catalogue, and ``pgmask scan CATALOGUE --diff``."""

    def __init__(
        self, database: Database, catalogue: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.database, self.catalogue, self.capsys = database, catalogue, capsys

    def run(self, *words: str, code: int = 0) -> str:
        assert run(["scan", str(self.catalogue), "--dsn", self.database.dsn(), *words]) == code
        return str(self.capsys.readouterr().out)

    def findings(self) -> list[tuple[str, str]]:
        """Code and what, in order; the exit code is 2 exactly when there are any."""
        code = run(
            ["scan", str(self.catalogue), "--dsn", self.database.dsn(), "--diff",
             "--format", "json"]
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(self.capsys.readouterr().out)["findings"]
        assert code == (2 if found else 0)
        return [(f["code"], f["what"]) for f in found]


@pytest.fixture
def diff(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Diff:
    database.run(SCHEMA)
    return Diff(database, write(tmp_path, CATALOGUE), capsys)


@pytest.mark.requirement("A5")
def test_nothing_new_is_nothing_found(diff: Diff) -> None:
    assert diff.findings() == []


@pytest.mark.requirement("A1", "A5")
def test_new_columns_and_tables(diff: Diff) -> None:
    diff.database.run(
        "ALTER TABLE crm.customer ADD wechat text;"
        "CREATE TABLE crm.claim (id bigint PRIMARY KEY, bar text, bar_sjh text);"
        "CREATE TABLE crm.ref_new (code text);"
        "CREATE SCHEMA other; CREATE TABLE other.t (phone text)"
    )
    assert diff.findings() == [("PM693", "crm.claim"), ("PM693", "crm.customer.wechat")]
    text = diff.run("--diff", code=2)
    assert "looks personal: bar_sjh (mobile)" in text
    assert "crm.customer.wechat  (text) is not classified; proposed: touch, level 3" in text


@pytest.mark.requirement("A1", "A5")
def test_a_rejected_proposal_is_not_made_again_and_the_column_stays_named(diff: Diff) -> None:
    diff.database.run("ALTER TABLE crm.customer ADD wechat text")
    diff.run("--reject", "crm.customer.wechat", "--reviewer", "zhao", "--reason", "a flag")
    text = diff.run("--diff", code=2)
    assert "by zhao: classify it by hand" in text
    assert "proposed" not in text


@pytest.mark.requirement("A1", "A5")
def test_a_column_that_holds_more_than_its_level(diff: Diff) -> None:
    """Nobody changed the schema: somebody began to write numbers into the note."""
    diff.database.run("UPDATE crm.customer SET note = phone WHERE id > 60")
    assert diff.findings() == [("PM694", "crm.customer.note")]
    diff.run("--reject", "crm.customer.note", "--reviewer", "zhao", "--reason", "our own hotline")
    assert (diff.catalogue.parent / "scan-decisions.yml").exists()
    assert diff.findings() == []
    # What was decided about 70 % does not hold for none of them; it is told, once.
    diff.database.run("UPDATE crm.customer SET note = 'ok'")
    assert diff.findings() == [("PM696", "crm.customer.note")]


@pytest.mark.requirement("A1")
def test_a_kind_that_the_values_are_not(diff: Diff) -> None:
    diff.database.run("UPDATE crm.customer SET name = 'x' || id || '@example.com'")
    assert diff.findings() == [("PM694", "crm.customer.name")]


@pytest.mark.requirement("A1", "A5")
@pytest.mark.parametrize("column", ["line", "phone"])
def test_unprotected_tables_are_checked_again(diff: Diff, column: str) -> None:
    """By values in a column that was there, and by the name of one that is new."""
    if column == "phone":
        diff.database.run("ALTER TABLE crm.job_log ADD phone text")
    else:
        diff.database.run("INSERT INTO crm.job_log SELECT id, phone FROM crm.customer")
    assert diff.findings() == [("PM695", f"crm.job_log.{column}")]
    diff.run("--reject", f"crm.job_log.{column}", "--reviewer", "zhao", "--reason", "test numbers")
    assert diff.findings() == []


@pytest.mark.requirement("A7")
def test_texts_of_unprotected_tables_are_read(diff: Diff) -> None:
    diff.database.run(
        "INSERT INTO crm.job_log SELECT id, 'started at step ' || id || ', done' FROM crm.customer"
    )
    assert diff.findings() == []
    diff.database.run(
        "UPDATE crm.job_log SET line = 'no answer from 13800001234, will try again' WHERE id = 5"
    )
    assert diff.findings() == [("PM695", "crm.job_log.line")]


@pytest.mark.requirement("A5")
def test_only_a_part_is_compared(diff: Diff) -> None:
    diff.database.run("ALTER TABLE crm.customer ADD wechat text")
    assert "0 findings" not in diff.run("--diff", code=2)
    diff.run("--diff", "--only", "crm.job*")


@pytest.mark.requirement("A5")
def test_a_protected_database_gives_no_false_alarm(
    installed: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables moved aside, hidden from their owner, with columns of pgmask's own."""
    installed.run(SCHEMA)
    path = write(tmp_path, CATALOGUE)
    assert applied(installed, plan_of(installed, load(path))).steps
    diff = Diff(installed, path, capsys)
    assert diff.findings() == []
    installed.run("CREATE TABLE crm.claim (id bigint PRIMARY KEY, sjh text)")
    assert diff.findings() == [("PM693", "crm.claim")]
