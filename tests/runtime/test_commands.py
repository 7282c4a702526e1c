"""The verbs install, upgrade, register and issuer, as a person types them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from pgmask.cli.main import run
from pgmask.identity import IssuerKey
from pgmask.runtime import state
from tests.harness import Database
from tests.runtime.world import ANN, World, login

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "insurer" / "register.yml"
Capture = pytest.CaptureFixture[str]


def test_install_then_again(database: Database, capsys: Capture) -> None:
    dsn = database.dsn()
    assert run(["install", "--dry-run", "--dsn", dsn]) == 0
    assert "nothing was changed" in capsys.readouterr().err
    assert state(dsn) is None
    assert run(["install", "--dsn", dsn]) == 0
    assert "installed, revision 0001" in capsys.readouterr().err
    assert run(["install", "--dsn", dsn]) == 0
    assert "already installed" in capsys.readouterr().err
    assert run(["upgrade", "--dsn", dsn]) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_install_refused_by_preflight(database: Database, capsys: Capture) -> None:
    assert run(["install", "--dsn", database.dsn("mallory")]) == 1
    told = capsys.readouterr().err
    assert "PM026" in told
    assert "ALTER ROLE mallory CREATEROLE" in told


def test_scripts_go_to_stdout(installed: Database, capsys: Capture) -> None:
    assert run(["install", "--sql"]) == 0
    assert "CREATE FUNCTION pgmask.login" in capsys.readouterr().out
    words = ["install", "--superuser-sql", "--login", "app", "--dsn", installed.dsn()]
    assert run(words) == 0
    out = capsys.readouterr().out
    # Each statement of it is one that a superuser can run here.
    admin = installed.superuser()
    admin.execute("BEGIN")
    for line in out.splitlines():
        text = line.split("  -- ")[0].strip()
        if text and not text.startswith(("--", "ALTER SYSTEM")):
            admin.execute(text.encode())
    admin.execute("ROLLBACK")
    assert 'ALTER ROLE "app" SET log_parameter_max_length = 0;' in out


def test_register_load_and_gaps(installed: Database, capsys: Capture, tmp_path: Path) -> None:
    dsn = installed.dsn()
    assert run(["register", "load", str(EXAMPLE), "--dry-run", "--dsn", dsn]) == 0
    assert installed.rows("SELECT count(*) FROM pgmask_private.person") == [(0,)]
    assert run(["register", "load", str(EXAMPLE), "--dsn", dsn]) == 0
    capsys.readouterr()
    assert run(["register", "gaps", "--format", "json", "--dsn", dsn]) == 2
    told = json.loads(capsys.readouterr().out)
    assert {g["what"] for g in told} == {"person", "login"}
    bad = tmp_path / "bad.yml"
    bad.write_text("units:\n  - {id: a}\n", "utf-8")
    assert run(["register", "load", str(bad), "--dsn", dsn]) == 2
    assert "bad.yml:2:5" in capsys.readouterr().err


def test_issuer_keys_are_handed_over_once(world: World, capsys: Capture, tmp_path: Path) -> None:
    dsn = world.database.dsn()
    file = tmp_path / "key"
    words = ["issuer", "add", "crm", "--profile", "agent", "--dsn", dsn, "--out", str(file)]
    assert run(words) == 0
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    key = IssuerKey.read(file)
    told = capsys.readouterr()
    assert key.secret.hex() not in told.out + told.err
    app = world.database.connect("app")
    login(app, world.assertion(ANN, key=key))

    assert run(["issuer", "rotate", "crm", "--dsn", dsn, "--out", str(file)]) == 1  # it exists
    capsys.readouterr()
    assert run(["issuer", "rotate", "crm", "--dsn", dsn]) == 0
    second = IssuerKey.parse(capsys.readouterr().out)
    app.rollback()
    for valid in (key, second):
        login(app, world.assertion(ANN, key=valid))
        app.rollback()

    assert run(["issuer", "list", "--format", "json", "--dsn", dsn]) == 0
    listed = capsys.readouterr().out
    assert second.secret.hex() not in listed
    crm = next(i for i in json.loads(listed) if i["issuer"] == "crm")
    assert [k["key_id"] for k in crm["keys"]] == [key.key_id, second.key_id]
    assert run(["issuer", "revoke", "crm", "--dsn", dsn]) == 0
    with pytest.raises(Exception, match="refused"):
        login(app, world.assertion(ANN, key=second))
