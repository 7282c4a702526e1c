"""The ten-minute starts run as printed: the first makes the database that all begin with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pgmask.server import Cluster, throw_away
from tests.conftest import required
from tests.docs.hour import run
from tests.docs.pages import ROOT, blocks, missing_lines

JARS: Final = ("/usr/share/java/HikariCP.jar", "/usr/share/java/postgresql.jar")
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "spring": JARS, "django": (), "psycopg": (), "sqlalchemy": (),
}  # fmt: skip
MADE: Final = ("CREATE ROLE dba", "first-hour/protect.sh")


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Cluster, list[str]]]:
    """A server, and the pages that have run on it: from the second on its database is there."""
    with throw_away(major=18) as cluster:
        yield cluster, []


@pytest.mark.requirement("B7")
@pytest.mark.parametrize("name", NEEDS)
def test_a_start_runs_and_prints_what_it_says(
    name: str, started: tuple[Cluster, list[str]], tmp_path: Path
) -> None:
    missing = [jar for jar in NEEDS[name] if not Path(jar).exists()]
    if NEEDS[name] and (missing or shutil.which("javac") is None):
        assert not required("java"), f"PGMASK_TEST_REQUIRE asks for java: {missing}"
        pytest.skip(f"not here: Java or {', '.join(missing)}")
    page = ROOT / f"docs/tutorial/start-{name}.md"
    cluster, before = started
    ran, environ = run(page, cluster, tmp_path, without=MADE if before else ())
    before.append(name)
    shown = {b.line: b for b in blocks(page) if b.mark == "prints"}
    wrong = [f"{r.block.place} ended with {r.code}\n{r.printed}" for r in ran if r.code != r.wanted]
    for one in ran:
        following = min((r.block.line for r in ran if r.block.line > one.block.line), default=10**6)
        for line in [n for n in shown if one.block.line < n < following]:
            lost = missing_lines(shown.pop(line).text, one.printed)
            if lost is not None:
                wrong.append(f"{one.block.place} does not print: {lost}\nbut\n{one.printed}")
    assert not shown, "an output that belongs to no block"
    assert not wrong, "\n\n".join(wrong)
    # Step 1 is for the first page alone; by mistake it says so and changes nothing.
    as_dba = {**environ, "PGUSER": "dba", "PGPASSWORD": "first-hour", "PGDATABASE": "insurer"}
    again = subprocess.run(
        ["sh", "docs/tutorial/first-hour/protect.sh"],
        cwd=tmp_path, env=as_dba, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.count("\n") == 1
    assert "the first hour or another start" in again.stderr
