"""What the tree holds: nothing of one machine, the packed files, fresh generated pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pgmask.errors import REGISTRY
from tools import docs, requirements, sql_lint

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".git", ".venv", ".nox", ".hypothesis", "__pycache__", "dist", "build", "node_modules"}
# Put together here so that this file does not hold what it looks for.
FOREIGN = {
    "a machine path": r"/(?:work|opt)/(?:main|shared|brief|venv|py" + r"pi)\b|/root/\.(?:py|ca)",
    "a home folder": r"/home/(?!user\b)[a-z]+/",
    "a package registry": r"py" + r"pi\.org|python" + r"hosted\.org|registry\.npm" + r"js",
}


def files() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED and not f.endswith("_cache")]
        found += [Path(folder) / name for name in names]
    return sorted(found)


def foreign(text: str) -> list[str]:
    return [what for what, pattern in FOREIGN.items() if re.search(pattern, text)]


def test_the_tree_knows_no_machine() -> None:
    found = {}
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if wrong := foreign(text):
            found[str(path.relative_to(ROOT))] = wrong
    assert found == {}


def test_foreign_text_would_be_noticed() -> None:
    assert foreign("see /work" + "/main/x")
    assert foreign("https://py" + "pi.org/simple")
    assert foreign("/home/" + "jane/x")
    assert not foreign("/home/user/x")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


def test_wheel_holds_the_sql_the_migrations_and_the_examples(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        for outside in ("sql", "migrations", "examples/insurer"):
            inside = f"pgmask/_{outside}"
            ours = {
                f"{inside}/{p.relative_to(ROOT / outside).as_posix()}": p.read_bytes()
                for p in (ROOT / outside).rglob("*")
                if p.is_file() and "__pycache__" not in p.parts
            }
            assert ours, f"{outside} is empty"
            theirs = {n for n in names if n.startswith(f"{inside}/")}
            assert theirs == set(ours)
            assert all(packed.read(name) == data for name, data in ours.items())
    assert "pgmask/py.typed" in names
    assert not [n for n in names if n.split("/")[0] in ("tests", "tools", "docs", "benchmarks")]


def test_wheel_finds_its_files_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    code = "from pgmask.resources import *; print(sql_dir()); print(migrations_dir())\n"
    code += "print(example_dir('insurer'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.split() == [
        str(tmp_path / "pgmask" / n) for n in ("_sql", "_migrations", "_examples/insurer")
    ]


@pytest.mark.parametrize("page", sorted(set(docs.PAGES) - {"docs/requirements.md"}))
def test_generated_page_is_fresh(page: str) -> None:
    assert (ROOT / page).read_text("utf-8") == docs.PAGES[page](), "run: nox -s docs"


def test_error_page_tells_every_code() -> None:
    told = re.findall(r"^### (PM\d{3}) ", docs.errors_page(), re.MULTILINE)
    assert sorted(told) == sorted(REGISTRY)


def test_sql_has_its_marks() -> None:
    found = [p for path in sorted((ROOT / "sql").glob("*.sql")) for p in sql_lint.problems(path)]
    assert found == []


GOOD = """\
CREATE FUNCTION pgmask.one(p_value text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN p_value; END $$;
REVOKE ALL ON FUNCTION pgmask.one(text) FROM PUBLIC;
COMMENT ON FUNCTION pgmask.one(text) IS 'Gives back what it gets.';
"""


@pytest.mark.parametrize(
    ("taken", "put", "complaint"),
    [
        ("", "", None),
        ("  VOLATILE\n", "", "VOLATILE, STABLE or IMMUTABLE"),
        ("  CALLED ON NULL INPUT\n", "", "CALLED ON NULL INPUT"),
        ("  PARALLEL UNSAFE\n", "", "PARALLEL"),
        ("  SECURITY DEFINER\n", "", "SECURITY INVOKER or SECURITY DEFINER"),
        ("  SET search_path = pg_catalog, pg_temp\n", "", "without SET search_path"),
        ("pg_catalog, pg_temp", "public, pg_temp", "without SET search_path"),
        ("REVOKE ALL ON FUNCTION pgmask.one(text) FROM PUBLIC;\n", "", "REVOKE"),
        ("FROM PUBLIC", "FROM pgmask_owner", "REVOKE"),
        ("COMMENT ON FUNCTION pgmask.one(text) IS 'Gives back what it gets.';\n", "", "COMMENT"),
    ],
)
def test_sql_lint_notices(tmp_path: Path, taken: str, put: str, complaint: str | None) -> None:
    path = tmp_path / "20_one.sql"
    path.write_text(GOOD.replace(taken, put) if taken else GOOD, "utf-8")
    found = list(sql_lint.problems(path))
    if complaint is None:
        assert found == []
    else:
        assert len(found) == 1
        assert complaint in found[0]
        assert found[0].startswith("20_one.sql:1: ")


def test_every_requirement_has_a_test_and_every_marker_a_requirement() -> None:
    listed = requirements.listed(requirements.PAGE.read_text("utf-8"))
    collected = requirements.collected()
    assert sorted(set(collected) - set(listed)) == [], "markers that name no row of the page"
    assert sorted(set(listed) - set(collected)) == [], "rows that no collected test names"
    stale = {k: v for k, v in listed.items() if sorted(v) != collected[k]}
    assert stale == {}, "run: nox -s docs"


def test_the_map_is_of_the_rows_it_should_be() -> None:
    listed = requirements.listed(requirements.PAGE.read_text("utf-8"))
    wanted = (
        [f"A{n}" for n in range(1, 9)]
        + [f"B{n}" for n in (1, 4, 5, 6, 7, 8)]
        + [f"C{n}" for n in (1, 2, 3, 4, 6, 7, 8)]
        + ["D1", "D2", "D3", "F1", "F3", "F4"]
    )
    assert set(wanted) <= set(listed)
