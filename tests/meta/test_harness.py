"""The harness itself: what it leaves out, it leaves out visibly; what must be there, must be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import Database, Server

ROOT = Path(__file__).resolve().parents[2]
CASES = """\
import pytest

def test_both(server): pass

@pytest.mark.pg(">= 16")
def test_new(server): pass

def test_text(golden, request):
    golden(request.path.parent / "text.sql", "SELECT 1;\\n")

@pytest.mark.extra
def test_long(): pass

def test_plain(): pass
"""
FAKE = "import tests.harness\ntests.harness.VERSIONS = (9, 18)\n"


def run(folder: Path, *options: str, **environ: str) -> str:
    (folder / "test_cases.py").write_text(CASES)
    (folder / "fake.py").write_text(FAKE)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-v",
         "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(folder), *options,
         str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**kept, "PYTHONPATH": f"{folder}:{ROOT}", **environ},
    )  # fmt: skip
    return done.stdout + done.stderr


def names(shown: str) -> set[str]:
    return {ln.split("::")[1].split()[0] for ln in shown.splitlines() if "test_cases.py::" in ln}


def test_versions_and_long_tests_are_chosen(tmp_path: Path) -> None:
    shown = run(tmp_path, "-p", "tests.conftest", "--collect-only", "-qq")
    assert names(shown) == {
        "test_both[pg15]",
        "test_both[pg18]",
        "test_new[pg18]",
        "test_text",
        "test_plain",
    }
    shown = run(tmp_path, "-p", "tests.conftest", "--collect-only", "-qq", "-m", "extra")
    assert names(shown) == {"test_long"}


def test_golden_text_is_compared_and_written_anew_when_asked(tmp_path: Path) -> None:
    assert "1 failed" in run(tmp_path, "-p", "tests.conftest", "-k", "test_text")
    shown = run(tmp_path, "-p", "tests.conftest", "--golden")
    assert names(shown) == {"test_text"}
    assert "1 passed" in shown
    assert (tmp_path / "text.sql").read_text() == "SELECT 1;\n"
    assert "1 passed" in run(tmp_path, "-p", "tests.conftest", "-k", "test_text")
    (tmp_path / "text.sql").write_text("SELECT 2;\n")
    assert "1 failed" in run(tmp_path, "-p", "tests.conftest", "-k", "test_text")


def test_a_missing_version_is_a_visible_skip(tmp_path: Path) -> None:
    shown = run(tmp_path, "-p", "fake", "-p", "tests.conftest", "-k", "both and pg9")
    assert "PostgreSQL 9: MISSING, its tests are skipped" in shown
    assert "no PostgreSQL 9 here: PM021" in shown
    assert "1 skipped" in shown


def test_a_missing_version_that_must_be_there_fails(tmp_path: Path) -> None:
    shown = run(
        tmp_path, "-p", "fake", "-p", "tests.conftest", "-k", "both and pg9",
        PGMASK_TEST_REQUIRE="9,18",
    )  # fmt: skip
    assert "1 error" in shown


def test_the_run_says_on_which_servers(pytestconfig: pytest.Config, server: Server) -> None:
    lines = [ln for found in pytestconfig.hook.pytest_report_header(
        config=pytestconfig, start_path=ROOT) for ln in found]  # fmt: skip
    assert any(ln.startswith(f"PostgreSQL {server.major}.") for ln in lines)


def test_a_template_is_filled_once_and_its_failure_repeated(server: Server) -> None:
    calls = []

    def fill(database: Database) -> None:
        calls.append(database.name)
        database.run("CREATE TABLE filled ()")

    def fail(database: Database) -> None:
        calls.append(database.name)
        raise LookupError("no")

    assert server.template("meta_good", fill) == server.template("meta_good", fill) == "meta_good"
    with server.database(template="meta_good") as clone:
        assert clone.rows("SELECT count(*) FROM filled") == [(0,)]
    for _ in range(2):
        with pytest.raises(LookupError):
            server.template("meta_bad", fail)
    assert calls == ["meta_good", "meta_bad"]


def test_programs_of_the_servers_version(database: Database) -> None:
    database.run("CREATE TABLE shown (id int)")
    text = database.program("pg_dump", "--schema-only")
    assert f"Dumped from database version {database.major}." in text
    assert "CREATE TABLE public.shown" in text
    assert database.program("psql", "-XAt", given="SELECT 1 + 1") == "2\n"
    assert database.attempt("pg_dump", user="mallory").returncode == 1
