"""The frame of the command line: verbs, exit codes, what is printed where, nothing leaked."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import typer

from pgmask.cli import main
from pgmask.errors import REGISTRY, PgmaskError, Refused
from tests.harness import Database

CLI = Path(main.__file__).parent
SECRET = "6222020200112233445"


@pytest.mark.parametrize("verb", main.VERBS, ids=lambda v: v.module)
def test_verb_registers_the_commands_it_should(verb: main.Verb) -> None:
    app = main.build_app([verb])
    names = {c.name for c in app.registered_commands} | {g.name for g in app.registered_groups}
    assert names == set(verb.commands)


@pytest.mark.parametrize("command", [c for v in main.VERBS for c in v.commands])
def test_help_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([command, "--help"]) == 0
    shown = capsys.readouterr()
    assert f"pgmask {command}" in shown.out
    assert shown.err == ""


def test_every_file_that_registers_is_listed() -> None:
    listed = {verb.module for verb in main.VERBS}
    there = {p.stem for p in CLI.glob("*.py") if "\ndef register(" in p.read_text("utf-8")}
    # `audit` is one verb in several files.
    assert {name for name in there if not name.startswith("audit_")} == listed


def test_one_word_names_one_sort_of_thing() -> None:
    """``--schema`` is a snapshot's file; ``check``, which takes none, prints that of its format."""
    command = typer.main.get_command(main.build_app())
    found: dict[str, dict[str, str | None]] = {}
    todo = [("pgmask", command)]
    while todo:
        path, one = todo.pop()
        todo += [(f"{path} {n}", c) for n, c in getattr(one, "commands", {}).items()]
        for option in one.params:
            if not getattr(option, "is_flag", False):
                for word in option.opts:
                    found.setdefault(word, {})[path] = option.metavar
    assert set(found["--schema"].values()) == {"FILE"}
    assert set(found["--in-schema"].values()) == {"NAME"}
    assert set(found["--in-schema"]) == {"pgmask init", "pgmask scan"}


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "Exit codes" in shown
    assert all(command in shown for verb in main.VERBS for command in verb.commands)


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    for spelled in ("PM101", "pm101", "101"):
        assert main.run(["explain", spelled]) == 0
        shown = capsys.readouterr().out
        entry = REGISTRY["PM101"]
        assert all(part in shown for part in (entry.code, entry.title, entry.cause, entry.way_out))
    assert main.run(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(REGISTRY)
    assert main.run(["explain", "--format", "json"]) == 0
    assert {e["code"] for e in json.loads(capsys.readouterr().out)} == set(REGISTRY)


@pytest.mark.parametrize("words", [["nope"], ["explain", "PM777"], ["explain", "--nope"]])
def test_wrong_use_is_an_error_and_not_a_finding(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(words) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("pgmask: ")
    assert "--help" in shown.err


def _raising(error: BaseException) -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)

    @app.command("fail")
    def fail() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (PgmaskError("PM010", "no", where="c.yml:3:5", detail="more"), 1, "c.yml:3:5: PM010 no"),
        (Refused("PM901", "no"), 3, "PM901"),
        (typer.Exit(2), 2, ""),
        (typer.Exit(0), 0, ""),
        (typer.Abort(), 130, "interrupted"),
        (KeyboardInterrupt(), 130, ""),
        (ValueError(SECRET), 1, "ValueError in main.py, line"),
        (psycopg.OperationalError(SECRET), 1, "PM020"),
        (psycopg.errors.UniqueViolation(SECRET), 1, "23505"),
        (psycopg.errors.InsufficientPrivilege(SECRET), 1, "PM242"),
        (psycopg.errors.InvalidSchemaName(SECRET), 1, "PM027"),
        (psycopg.errors.UndefinedTable(SECRET), 1, "PM027"),
        (psycopg.errors.ReadOnlySqlTransaction(SECRET), 1, "standby"),
        (psycopg.errors.DiskFull(SECRET), 1, "disk is full"),
        (psycopg.errors.AdminShutdown(SECRET), 1, "PM020"),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, BaseException) else "",
)
def test_errors_become_exit_codes(
    error: BaseException,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("PGMASK_DEBUG", raising=False)
    monkeypatch.setattr(main, "build_app", lambda verbs: _raising(error))
    assert main.run(["fail"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in shown.err
    assert SECRET not in shown.err
    if isinstance(error, PgmaskError):
        assert error.hint in shown.err
        assert f"pgmask explain {error.code}" in shown.err


def test_an_error_of_the_server_does_not_repeat_a_value(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(psycopg.Error) as caught, database.connect() as connection:
        connection.execute(f"SELECT '{SECRET}x'::bigint")
    assert SECRET in str(caught.value)
    monkeypatch.setattr(main, "build_app", lambda verbs: _raising(caught.value))
    assert main.run(["fail"]) == 1
    shown = capsys.readouterr().err
    assert "22P02" in shown
    assert SECRET not in shown


def test_an_error_code_of_the_runtime_keeps_its_words(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(psycopg.Error) as caught, database.connect() as connection:
        connection.execute(f"DO $$ BEGIN RAISE '{SECRET}' USING ERRCODE = 'PM042'; END $$")
    monkeypatch.setattr(main, "build_app", lambda verbs: _raising(caught.value))
    assert main.run(["fail"]) == 1
    shown = capsys.readouterr().err
    assert REGISTRY["PM042"].title in shown
    assert SECRET not in shown


def test_one_verb_loads_one_file() -> None:
    code = (
        "import sys; from pgmask.cli.main import run; run(['explain', 'PM101']);"
        "sys.exit(any(m.startswith(('pglast', 'sqlalchemy', 'alembic', 'faker'))"
        " for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    script = f"{shlex.quote(sys.executable)} -m pgmask explain --format json | head -c 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "["


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["valdate"], ["demo", "--help"]])
def test_no_extra_is_needed_to_be_told_what_there_is(words: list[str]) -> None:
    """README installs without the extras that a demonstration, an archive or a driver needs."""
    extras = (
        "faker", "django", "asyncpg", "boto3", "prometheus_client", "rfc3161_client", "pg0",
        "sqlglot", "pytest", "hypothesis", "moto", "pydantic_sarif",
    )  # fmt: skip
    code = (
        "import sys\n"
        f"for name in {extras!r}: sys.modules[name] = None\n"
        "from pgmask.cli.main import main\n"
        f"sys.argv = ['pgmask', *{words!r}]\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "ModuleNotFoundError" not in done.stderr, done.stderr
    assert "PM901" not in done.stderr, done.stderr
