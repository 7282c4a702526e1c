"""The code's floors: a module imports downwards only, and few modules see a connection."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pgmask"

FLOORS = {
    0: {"errors", "names", "sqltext", "hashing", "resources", "keyfile", "sealing", "identity"},
    1: {"catalogue", "facts", "kinds"},
    2: {"compile", "fake", "lineage", "scan"},
    3: {"emit", "verdict"},
    4: {"plan", "runtime", "report", "server"},
    5: {"apply", "migrate", "audit"},
    6: {"cli", "demo", "django", "integrations", "__main__"},
}
FLOOR_OF = {part: floor for floor, parts in FLOORS.items() for part in parts}
# Sideways on one floor, from the one to the other and not back.
SIDEWAYS = {
    ("catalogue", "kinds"),
    ("runtime", "server"),
    ("cli", "demo"),
    ("cli", "integrations"),
    ("demo", "integrations"),
    ("demo", "cli"),
    ("__main__", "cli"),
    ("django", "integrations"),
}
# What else may be asked of the driver is composing SQL and reading a DSN.
SEES_A_CONNECTION = {
    "apply", "audit", "runtime", "report", "server", "demo", "cli", "django", "integrations",
    "migrate",
}  # fmt: skip
SEES_A_CONNECTION_FILES = {"facts/read.py", "facts/snapshot.py", "scan/read.py"}
HARMLESS = {"psycopg.sql", "psycopg.conninfo"}

MODULES = sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")
PACKAGES = sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*/__init__.py"))


def part_of(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def imports(source: str) -> list[tuple[int, str]]:
    """Every imported name with its line, the ones inside functions and type checks included."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def upwards(part: str, source: str) -> list[str]:
    """The imports of a module that its floor does not allow."""
    wrong = []
    for line, name in imports(source):
        words = name.split(".")
        if words[0] != "pgmask" or len(words) < 2 or words[1] in (part, "__version__"):
            continue
        other = words[1]
        if other not in FLOOR_OF:
            # `from pgmask import x`: only a module can be meant.
            wrong.append(f"line {line}: pgmask.{other} has no floor")
            continue
        below = FLOOR_OF[other] < FLOOR_OF[part]
        ground = FLOOR_OF[other] == FLOOR_OF[part] == 0
        if not below and not ground and (part, other) not in SIDEWAYS:
            wrong.append(f"line {line}: {part} may not import {other}")
    return wrong


def connections(module: str, source: str) -> list[str]:
    """The imports of a module that let it see a connection though it is not one that may."""
    part = module.split("/")[0].removesuffix(".py")
    if part in SEES_A_CONNECTION or module in SEES_A_CONNECTION_FILES:
        return []
    return [
        f"line {line}: {name}"
        for line, name in imports(source)
        if name.split(".")[0] in ("psycopg", "sqlalchemy", "alembic")
        and not any(name == safe or name.startswith(f"{safe}.") for safe in HARMLESS)
    ]


@pytest.mark.parametrize("module", [*MODULES, *PACKAGES], ids=str)
def test_imports_go_downwards(module: Path) -> None:
    part = part_of(module)
    assert part == "__init__" or part in FLOOR_OF, f"give {part} a floor"
    if part != "__init__":
        assert upwards(part, (PACKAGE / module).read_text("utf-8")) == []


@pytest.mark.parametrize("module", [*MODULES, *PACKAGES], ids=str)
def test_few_modules_see_a_connection(module: Path) -> None:
    assert connections(module.as_posix(), (PACKAGE / module).read_text("utf-8")) == []


def test_the_checks_notice_what_they_look_for() -> None:
    assert upwards("catalogue", "from pgmask.plan import diff")
    assert upwards("compile", "def f():\n    import pgmask.apply.run")
    assert upwards("plan", "from pgmask.runtime import install")
    assert upwards("facts", "from pgmask.catalogue import model")
    assert not upwards("plan", "from pgmask.catalogue.model import Catalogue")
    assert connections("plan/diff.py", "import psycopg")
    assert connections("facts/model.py", "from psycopg import connect")
    assert not connections("emit/ddl.py", "from psycopg import sql")
    assert not connections("facts/read.py", "import psycopg")


def test_every_floor_is_of_a_part_that_may_exist() -> None:
    parts = {part_of(module) for module in MODULES} - {"__init__"}
    assert parts <= set(FLOOR_OF)
