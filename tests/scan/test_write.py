"""``--write``: a catalogue that ``check`` accepts, but for what a person must decide."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pgmask.cli.main import run
from tests.catalogue.samples import write
from tests.harness import Database
from tests.scan.test_diff import CATALOGUE, SCHEMA


def rules(capsys: pytest.CaptureFixture[str], *words: str) -> set[tuple[str, str]]:
    """Rule and message of every error of ``pgmask check``."""
    run(["check", *words, "--format", "json"])
    found = json.loads(capsys.readouterr().out)["problems"]
    return {(p["rule"], p["message"]) for p in found if p["severity"] == "error"}


def decide(folder: Path) -> None:
    """What a person would do: every TODO answered."""
    for file in folder.rglob("*.yml"):
        text = file.read_text("utf-8")
        text = re.sub(r"level: TODO, category: \w+", "level: 2, category: finance", text)
        text = re.sub(r"(  t_khxx:\n)    subject: TODO.*\n", r"\1", text)
        text = text.replace("subject: TODO", "subject: none").replace("level: TODO", "level: 1")
        text = text.replace("table: TODO, key: TODO", "table: t_khxx, key: khbh")
        text = text.replace("rows: TODO", "rows: assigned").replace("TODO", "decided")
        file.write_text(text, "utf-8")


@pytest.mark.requirement("A1", "A5")
def test_a_new_catalogue(
    insurer: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    insurer.run("ALTER TABLE crm.tmp_import ADD id bigserial PRIMARY KEY;")
    for table in ("t_lpaj", "ref_jg"):
        insurer.run(f"ALTER TABLE crm.{table} ADD id bigserial PRIMARY KEY")
    dsn = insurer.dsn()
    assert run(["scan", "--dsn", dsn, "--pack", "taikang", "--write", "catalogue"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert "decisions are left" in err
    text = Path("catalogue/domains/tables.yml").read_text("utf-8")
    assert re.search(r"col2: \{kind: cn_id_card, level: 1\}   # text; 100 % of 500 sampled", text)
    assert re.search(r"phone: \{level: TODO, category: TODO\}", text)
    assert "col7" in text
    left = rules(capsys, "catalogue")
    assert {rule for rule, _ in left} == {"todo"}, left
    decide(Path("catalogue"))
    assert rules(capsys, "catalogue", "--dsn", dsn) == set()
    # What the scan says of the same database is then no news, but for what stands open.
    assert run(["scan", "--dsn", dsn, "--write", "catalogue"]) == 1
    assert "PM010" in capsys.readouterr().err


@pytest.mark.requirement("A1")
def test_accepted_and_rejected_proposals_are_written_so(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database.run(
        "CREATE SCHEMA crm; CREATE TABLE crm.customer (id bigint PRIMARY KEY, phone text, "
        "fax text, premium numeric)"
    )
    who = ["--dsn", database.dsn(), "--reviewer", "zhao"]
    # By its name alone the phone is no better than likely: its level waits for a person.
    assert run(["scan", "--dsn", database.dsn(), "--write", "before"]) == 0
    assert "phone: {kind: mobile, level: TODO}" in Path("before/domains/tables.yml").read_text()
    assert run(["scan", *who, "--accept", "crm.customer.phone"]) == 0
    assert run(["scan", *who, "--reject", "crm.customer.fax", "--reason", "a yes or no"]) == 0
    assert run(["scan", "--dsn", database.dsn(), "--write", "after"]) == 0
    after = Path("after/domains/tables.yml").read_text("utf-8")
    assert "phone: {kind: mobile, level: 1}   # text; accepted by zhao" in after
    assert "fax: {level: TODO, category: TODO}" in after


@pytest.mark.requirement("A1", "A5")
def test_what_a_catalogue_does_not_know(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.run(SCHEMA)
    text = CATALOGUE.replace(
        "tables:\n  customer", "include:\n  - {file: new/*.yml, owner: me}\ntables:\n  customer"
    )
    path = write(tmp_path, text, new__empty="tables: {}\n")
    words = ["scan", str(path), "--dsn", database.dsn()]
    target = tmp_path / "new" / "claim.yml"
    assert run([*words, "--write", str(target)]) == 0
    assert not target.exists()  # nothing is missing
    database.run(
        "ALTER TABLE crm.customer ADD wechat text;"
        "CREATE TABLE crm.claim (id bigint PRIMARY KEY, customer_id bigint, sjh text, zt text)"
    )
    assert run([*words, "--write", str(target)]) == 0
    written = target.read_text("utf-8")
    assert "# To be added under columns: of crm.customer:\n#   wechat:" in written
    assert "  claim:\n    subject: customer_id\n" in written
    assert "      sjh: {kind: mobile" in written
    assert "    level_3: [id, customer_id, zt]" in written
    capsys.readouterr()
    left = rules(capsys, str(path), "--dsn", database.dsn())
    assert {rule for rule, _ in left} == {"todo", "unclassified-column"}, left
