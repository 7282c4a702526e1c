"""``pgmask plan | apply | drift | revision`` as an operator types them; the insurer's example."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pgmask.cli.main import run
from tests.harness import Database
from tests.spine.world import CORPUS, INSURER, fill

pytestmark = pytest.mark.requirement("A4", "A5")

CASE = str(CORPUS / "two_tables" / "catalogue.yml")
SIGNED = ["--approved-by", "dora", "--approval-ref", "OP-7"]


def _pgmask(*words: str) -> int:
    return run(list(words))


@pytest.fixture
def crm(installed: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    fill(installed, "two_tables")
    monkeypatch.setenv("PGMASK_DSN", installed.dsn())
    monkeypatch.setenv("PGMASK_AUTHOR", "ann")
    return installed


def test_from_plan_to_drift(
    crm: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan.json"
    assert _pgmask("plan", CASE, "--out", str(file), "--check") == 2
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) <= 12
    assert "2 tables change" in shown.out
    assert _pgmask("plan", CASE, "--explain-access") == 0
    page = capsys.readouterr().out
    assert "+ analyst" in page
    assert "health" in page
    # Refused without an approval, and by the author himself: exit code 3, nothing changed.
    assert _pgmask("apply", str(file)) == 3
    assert _pgmask("apply", str(file), "--approved-by", "Ann", "--approval-ref", "x") == 3
    assert "PM232" in capsys.readouterr().err
    assert crm.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
    assert _pgmask("apply", str(file), "--rehearse") == 0
    assert crm.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
    assert _pgmask("apply", str(file), *SIGNED) == 0
    capsys.readouterr()
    assert _pgmask("plan", CASE, "--check") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert _pgmask("apply", str(file), *SIGNED) == 1, "the plan was for the state before"
    assert "PM230" in capsys.readouterr().err
    assert _pgmask("drift", CASE) == 0
    crm.run("COMMENT ON VIEW crm.customer IS 'mine'")
    capsys.readouterr()
    assert _pgmask("drift", "--format", "json") == 2
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["object"], one["attribute"], one["now"]) == (
        "view:crm.customer", "comment", "mine",
    )  # fmt: skip
    assert _pgmask("plan", CASE, "--tables") == 0
    assert "changed by hand: view:crm.customer: comment" in capsys.readouterr().out


def test_a_catalogue_asks_for_the_database(
    crm: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _pgmask("apply", CASE, *SIGNED) == 3
    assert "PM239" in capsys.readouterr().err
    assert _pgmask("apply", CASE, *SIGNED, "--yes-database", "other") == 3
    assert _pgmask("apply", CASE, *SIGNED, "--yes-database", crm.name) == 0
    assert _pgmask("apply", CASE) == 0
    assert "nothing to do" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "PM240"), ("{}", "PM240"), ('{"pgmask_plan": 1}', "PM240"), ("[1]", "PM240")],
)
def test_what_is_no_plan(
    crm: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: str
) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    assert _pgmask("apply", str(file)) == 1
    assert code in capsys.readouterr().err
    assert _pgmask("apply", str(tmp_path / "none.json")) == 1


def test_a_page_that_lies_is_refused(
    crm: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan.json"
    assert _pgmask("plan", CASE, "--out", str(file)) == 0
    plan = json.loads(file.read_text())
    plan["needs_approval"] = False
    plan["page"] = "nothing of importance"
    file.write_text(json.dumps(plan))
    assert _pgmask("apply", str(file)) == 3
    assert "PM240" in capsys.readouterr().err
    assert crm.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]


def test_without_the_runtime(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, "two_tables")
    monkeypatch.setenv("PGMASK_DSN", database.dsn())
    assert _pgmask("plan", CASE) == 1
    assert "PM238" in capsys.readouterr().err
    assert _pgmask("drift") == 1


def test_the_insurers_example(
    installed: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGMASK_DSN", installed.dsn())
    installed.run((INSURER / "schema.sql").read_text("utf-8"))
    folder = str(INSURER / "catalogue")
    words = ["--author", "ann", *SIGNED, "--yes-database", installed.name]
    assert _pgmask("apply", folder, *words) == 0, capsys.readouterr().err
    assert _pgmask("plan", folder, "--check") == 0
    assert _pgmask("drift", folder) == 0
    # Profiles that open when sealed wait for it; then the next plan lets them in, and only that.
    closed = "SELECT has_table_privilege('pgmask_analyst', 'analyst.customer', 'SELECT')"
    assert installed.rows(closed) == [(False,)]
    with installed.superuser() as su:
        su.execute("UPDATE pgmask_private.store_table SET sealed_at = now()")
        for relation, name in su.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint"
            " WHERE NOT convalidated AND contype = 'c' AND conparentid = 0"
        ).fetchall():
            su.execute(f"ALTER TABLE {relation} VALIDATE CONSTRAINT {name}".encode())
    capsys.readouterr()
    assert _pgmask("plan", folder, "--format", "json") == 0
    plan = json.loads(capsys.readouterr().out)
    changed = {o["kind"] for s in plan["steps"] for o in s["objects"] if o["action"] != "keep"}
    # The service desk only reads: its masks were computed until now, and are the stored ones then.
    assert changed == {"grant", "view"}
    assert _pgmask("apply", folder, "--author", "ann", "--yes-database", installed.name) == 0
    assert installed.rows(closed) == [(True,)]
    assert _pgmask("plan", folder, "--check") == 0


@pytest.mark.parametrize(
    ("statement", "key", "attribute"),
    [
        (
            "ALTER TABLE crm_store.customer DISABLE TRIGGER USER",
            "trigger:",
            "enabled",
        ),
        (
            "ALTER TABLE crm_store.customer DISABLE TRIGGER ALL;"
            "ALTER TABLE crm_store.customer ENABLE TRIGGER ALL",
            "trigger:",
            "enabled",
        ),
        (
            "ALTER TABLE crm_store.customer DROP CONSTRAINT pgmask_mask_phone",
            "check:",
            "existence",
        ),
        (
            'ALTER FUNCTION pgmask_private."seal_crm.customer_insert"() SECURITY INVOKER',
            "function:",
            "definer",
        ),
        (
            'ALTER FUNCTION pgmask_private."seal_crm.customer_insert"() RESET search_path',
            "function:",
            "config",
        ),
        (
            'GRANT EXECUTE ON FUNCTION pgmask_private."seal_crm.customer_insert"() TO PUBLIC',
            "function:",
            "grants",
        ),
    ],
)
def test_the_sealing_of_a_table_is_watched(
    insurer: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    statement: str,
    key: str,
    attribute: str,
) -> None:
    monkeypatch.setenv("PGMASK_DSN", insurer.dsn())
    folder = str(INSURER / "catalogue")
    words = ["--author", "ann", *SIGNED, "--yes-database", insurer.name]
    with insurer.superuser() as su:
        for one in statement.split(";"):
            su.execute(one.encode())
    capsys.readouterr()
    assert _pgmask("drift", "--format", "json") == 2
    found = json.loads(capsys.readouterr().out)
    ours = [d for d in found if d["object"].startswith(key)]
    assert ours
    assert attribute in {d["attribute"] for d in ours}
    # The application's own triggers on the table were switched as well; nothing else is named.
    assert {d["object"].partition(":")[0] for d in found} <= {key.rstrip(":"), "place"}
    assert _pgmask("apply", folder, *words) == 0, capsys.readouterr().err
    assert _pgmask("plan", folder, "--check") == 0
