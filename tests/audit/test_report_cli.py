"""``pgmask report`` and ``pgmask audit alerts`` as typed, and the folder of a quarter (G4)."""

from __future__ import annotations

import base64
import csv
import datetime
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pgmask.cli.main import run
from tests.audit.reporting import (
    UTC,
    acted,
    evaluate,
    examined,
    memberships,
    register_auditors,
    stored,
)
from tests.harness import Server
from tests.reveal.site import Site, fill

pytestmark = pytest.mark.requirement("G4")
QUARTER = ("2026Q4", datetime.datetime(2026, 11, 20, 3, tzinfo=UTC))


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        site = Site(made)
        register_auditors(site)
        with memberships(site, audra="pgmask_record_auditor"):
            yield site


def fill_quarter(site: Site) -> None:
    _, day = QUARTER
    site.request("ann", key=1, columns=["phone"])
    for number in range(40):
        stored(site.root, at=day + datetime.timedelta(hours=number))
    examined(site.root, 2, at=day)
    acted(site.root, "refused", code="PM405", person_id=11, unit_id="north", at=day)
    evaluate(site.database)


def keys(folder: Path) -> tuple[Path, Path]:
    made = Ed25519PrivateKey.generate()
    private, public = folder / "report.pem", folder / "report.pub"
    private.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        made.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def test_a_leak_is_answered_on_one_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.request("ann", key=1, columns=["phone"])
    dsn = ["--dsn", site.database.dsn("audra")]
    asked = ["report", "who_saw", "--class", "customer", "--key", "1", "--from", "2000-01-01",
             "--to", "2100-01-01"]  # fmt: skip
    assert run([*asked, *dsn, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["certainty"], row["person"], row["columns"]) == ("shown", "Ann", ["phone"])
    assert run([*asked, *dsn, "--format", "csv"]) == 0
    (line,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (line["certainty"], line["columns"]) == ("shown", '["phone"]')
    assert run([*asked, *dsn, "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert "<td>Ann</td>" in page
    assert "pgmask_report&#34;.&#34;who_saw" in page
    assert run([*asked, *dsn]) == 0
    shown = capsys.readouterr()
    assert "1 row" in shown.err
    assert "shown" in shown.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["report", "who_saw_many", "--class", "customer", "--key", "1", "--key", "2",
          "--from", "2000-01-01", "--to", "2100-01-01"], 0),
        (["report", "what_person_saw", "--person", "11", "--from", "2026-01-01", "--to",
          "2027-01-01"], 0),
        (["report", "history_of", "--table", "crm.customer", "--key", "1"], 0),
        (["report", "reveals", "--from", "2026-01-01"], 0),
        (["report", "accesses_outside_hours", "--from", "2026-01-01", "--to", "2027-01-01",
          "--opens", "08:30", "--workdays", "1", "--workdays", "2"], 0),
        (["report", "gaps"], 0),
        (["report", "accesses", "--from", "not a day", "--to", "2027-01-01"], 1),
        (["report", "accesses", "--from", "2027-01-01", "--to", "2026-01-01"], 3),
        (["report", "nothing"], 1),
        (["report", "who_saw", "--key", "1"], 1),
    ],
)  # fmt: skip
def test_every_way_to_ask(site: Site, words: list[str], code: int) -> None:
    takes_dsn = words[-1] != "nothing"
    assert run([*words, *(["--dsn", site.database.dsn("audra")] if takes_dsn else [])]) == code


@pytest.mark.requirement("G6")
def test_who_is_no_auditor_is_told_so(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "reveals", "--dsn", site.database.dsn("mallory")]) == 3
    assert "PM840" in capsys.readouterr().err


def test_list_names_the_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "list"]) == 0
    told = capsys.readouterr().out
    assert "who_saw_many" in told
    assert "--keys" not in told
    assert run(["report", "list", "--json"]) == 0
    assert {r["report"] for r in json.loads(capsys.readouterr().out)} >= {"gaps", "sample"}


def test_the_folder_of_a_quarter(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_quarter(site)
    private, public = keys(tmp_path)
    out = tmp_path / "out"
    words = ["report", "quarter", QUARTER[0], "--dsn", site.database.dsn("audra")]
    assert run([*words, "--out", str(out), "--sign", str(private)]) == 0
    told = capsys.readouterr().err
    assert "2026Q4 is not over" in told
    assert "the record begins on" in told
    assert told.count("\n") == 3  # no spinner and no empty line where nobody looks on
    assert run([*words, "--out", str(out)]) == 1  # not empty
    manifest = json.loads((out / "manifest.json").read_bytes())
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    page = (out / "index.html").read_text("utf-8")
    assert "<svg" in page
    assert 'src="' not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "The quarter is not over" in page
    assert (manifest["over"], manifest["record_begins_later"]) == (False, True)
    assert (out / "reveals.csv").read_bytes().startswith(b"\xef\xbb\xbfat,")
    sample = list(csv.DictReader(io.StringIO((out / "sample.csv").read_text("utf-8-sig"))))
    assert len(sample) == 25
    assert {sample[0][c] for c in ("Sample", "Criteria", "Condition", "Cause", "Effect")} == {""}
    # The SQL beside a number is what gives it.
    reveals = (out / "reveals_counted.sql").read_text("utf-8")
    audra = site.connect("audra")
    audra.execute("SET TimeZone = 'Asia/Shanghai'")
    assert len(audra.execute(reveals.encode()).fetchall()) == 1
    check = ["report", "check", str(out), "--public-key", str(public)]
    capsys.readouterr()
    assert run(check) == 0
    assert "signed" in capsys.readouterr().err
    assert run(check[:3]) == 0
    assert "the signature was not checked" in capsys.readouterr().err
    other = tmp_path / "other"
    assert run([*words, "--out", str(other)]) == 0
    assert (other / "sample.csv").read_bytes() == (out / "sample.csv").read_bytes()
    capsys.readouterr()
    for name, change in (
        ("reveals.csv", (b"Ann", b"Ben")),
        ("manifest.json", (b"2026Q4", b"2026Q3")),
    ):
        before = (out / name).read_bytes()
        (out / name).write_bytes(before.replace(*change))
        assert run(check) == 2
        (out / name).write_bytes(before)
    (out / "extra.txt").write_text("x")
    (out / "gaps.csv").unlink()
    assert run(check) == 2
    said = capsys.readouterr().out
    assert "extra.txt is not in the manifest" in said
    assert "gaps.csv is missing" in said
    assert "reveals.csv was changed" in said
    assert "not signed by this key" in said


def test_a_quarter_by_its_name_alone(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    dsn = ["--dsn", site.database.dsn("audra")]
    assert run(["report", "quarter", "2026q3", *dsn]) == 0
    assert "not over" not in capsys.readouterr().err
    manifest = json.loads((tmp_path / "2026Q3" / "manifest.json").read_bytes())
    assert (manifest["quarter"], manifest["seed"], manifest["over"]) == ("2026Q3", "2026Q3", True)
    assert run(["report", "quarter", "9998Q1", *dsn]) == 1
    assert "9998Q1 has not begun" in capsys.readouterr().err
    assert not (tmp_path / "9998Q1").exists()


def test_many_notes_are_one_line_per_person(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        examined(site.root, 1)
    examined(site.root, 1, person_id=15, profile="chief")
    asked = ["report", "who_saw", "--class", "customer", "--key", "1", "--from", "2000-01-01",
             "--to", "2100-01-01", "--dsn", site.database.dsn("audra")]  # fmt: skip
    assert run([*asked, "--by-person", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["person"], r["certainty"], r["times"]) for r in rows] == [
        ("Ann", "examined", 5), ("Carl", "examined", 1),
    ]  # fmt: skip
    assert run([*asked, "--columns", "times,person", "--format", "excel"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == ["\ufefftimes,person", "1,Ann"]
    # What all rows have in common is said once.
    assert run(asked) == 0
    out = capsys.readouterr().out
    assert out.count("crm.customer") == 1
    assert "every row: certainty examined" in out


def test_a_folder_holds_no_complete_value(site: Site, tmp_path: Path) -> None:
    fill_quarter(site)
    out = tmp_path / "out"
    words = [
        "report",
        "quarter",
        QUARTER[0],
        "--dsn",
        site.database.dsn("audra"),
        "--out",
        str(out),
    ]
    assert run(words) == 0
    text = b"".join(p.read_bytes() for p in out.iterdir())
    assert b"13912345678" not in text
    assert b"wang.xiaoming" not in text


@pytest.mark.parametrize("name", ["2026Q5", "2026", "26Q1", "9998Q1x"])
def test_what_is_no_quarter(name: str, tmp_path: Path) -> None:
    assert run(["report", "quarter", name, "--out", str(tmp_path / "x"), "--dsn", "dbname=x"]) == 1


def test_a_key_that_cannot_sign(site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(base64.b64encode(b"nothing"))
    words = ["report", "quarter", "2026Q4", "--out", str(tmp_path / "x"), "--sign", str(wrong)]
    assert run([*words, "--dsn", site.database.dsn("audra")]) == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.requirement("G5")
def test_alerts_from_evaluation_to_closing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    acted(site.root, "refused", code="PM405", person_id=11, unit_id="north")
    audra = ["--dsn", site.database.dsn("audra")]
    with memberships(site, mallory="pgmask_collector"):
        evaluating = ["audit", "alerts", "evaluate", "--dsn", site.database.dsn("mallory")]
        assert run(evaluating) == 2
        assert run(evaluating) == 0
    capsys.readouterr()
    assert run(["audit", "alerts", "evaluate", *audra]) == 3
    assert "members of pgmask_collector" in capsys.readouterr().err
    capsys.readouterr()
    assert run(["audit", "alerts", "list", *audra, "--format", "json"]) == 2
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["rule"], found["person"]) == ("quota", "Ann")
    closing = ["audit", "alerts", "close", str(found["alert_id"]), *audra]
    assert run([*closing, "--reason", " "]) == 3
    assert run([*closing, "--reason", "asked her; a list of callbacks"]) == 0
    assert run(["audit", "alerts", "list", *audra]) == 0
    capsys.readouterr()
    assert run(["audit", "alerts", "list", "--all", *audra, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["reason"] == "asked her; a list of callbacks"


@pytest.mark.requirement("G5")
def test_rules_are_changed_from_the_command_line(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    audra = ["--dsn", site.database.dsn("audra")]
    change = ["audit", "alerts", "set-rule"]
    assert run([*change, "quota", "--numbers", '{"minimum": 9}', "--action", "freeze", *audra]) == 0
    assert run([*change, "night", "--numbers", '{"minimum": 5}', *audra]) == 1
    assert run([*change, "night", "--kind", "unusual_hour", "--severity", "low", "--says",
                "At night.", "--numbers", '{"minimum": 5}', "--off", *audra]) == 0  # fmt: skip
    assert run([*change, "quota", "--numbers", "{", *audra]) == 1
    assert run([*change, "quota", "--numbers", "5", *audra]) == 1
    assert run([*change, "quota", *audra]) == 1  # nothing to set
    assert run([*change, "quota", "--kind", "breadth", *audra]) == 3
    assert run([*change, "quota", "--numbers", '{"other": 9}', *audra]) == 3
    capsys.readouterr()
    assert run(["audit", "alerts", "rules", *audra, "--format", "json"]) == 0
    rules = {r["rule"]: r for r in json.loads(capsys.readouterr().out)}
    assert (rules["quota"]["parameters"], rules["quota"]["action"]) == ({"minimum": 9}, "freeze")
    assert rules["night"]["enabled"] is False
