"""The pytest plugin, as the how-to tells it: its blocks are run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from pgmask.integrations.pytest_database import Setup, TestServer
from tests.harness import Server

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "test-with-pgmask.md"
FILES = {
    "ini": "pytest.ini",
    "sql": "schema.sql",
    "yaml": "catalogue.yml",
    "python": "test_customers.py",
}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of the page."""
    for language, text in re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        if language in FILES:
            (tmp_path / FILES[language]).write_text(text, "utf-8")
    return tmp_path


def run(project: Path, server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PGMASK_TEST_DSN": server.dsn("installer"), "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT), "HOME": str(project), "LANG": "C.UTF-8",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         *_plugin(), "--rootdir", str(project), *words],
        cwd=project, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _plugin() -> list[str]:
    """By its entry point where the package is installed, by its name in a plain checkout."""
    known = entry_points(group="pytest11").names
    return [] if "pgmask" in known else ["-p", "pgmask.integrations.pytest_plugin"]


@pytest.mark.requirement("B7")
def test_the_page_can_be_followed_literally(project: Path, server: Server) -> None:
    done = run(project, server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    with server.admin() as admin:
        left = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'pgmask\\_test\\_%'"
            " UNION ALL SELECT datname FROM pg_database"
            " WHERE datname LIKE 'pgmask\\_test\\_%' AND NOT datistemplate"
        ).fetchall()
    assert left == []


def test_real_data_is_refused(project: Path, server: Server) -> None:
    """Control: the page's own catalogue is taken, above."""
    file = project / "catalogue.yml"
    file.write_text(file.read_text("utf-8").replace("persons: fake", "persons: real"), "utf-8")
    done = run(project, server)
    assert done.returncode == 1
    assert "PM354" in done.stdout


def test_the_plugin_is_inert_until_it_is_used(project: Path, server: Server) -> None:
    (project / "pytest.ini").unlink()
    (project / "test_customers.py").write_text(
        "import sys\n\ndef test_nothing():\n    assert not [m for m in sys.modules"
        " if m.startswith(('pgmask.apply', 'pgmask.server', 'pgmask.catalogue'))]\n"
    )
    done = run(project, server)
    assert done.returncode == 0, done.stdout


def test_a_small_schema_is_adopted_in_seconds_and_copied_in_less(
    project: Path, server: Server
) -> None:
    setup = Setup(catalogue=project / "catalogue.yml", schema=(project / "schema.sql",))
    made = TestServer(admin=server.dsn("installer"), setup=setup, catalogue=setup.load())
    started = time.perf_counter()
    made.prepare()
    adopted = time.perf_counter() - started
    try:
        started = time.perf_counter()
        with made.database() as database:
            copied = time.perf_counter() - started
            assert database.actor("agent", "7").person is not None
    finally:
        made.close()
    # Generous: the suite's machine is busy. Alone it is 1.2 s and 0.1 s.
    assert adopted < 10
    assert copied < 5
