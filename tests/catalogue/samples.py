"""Small catalogues for tests: written to a folder, read, and asked for their problems."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

from pgmask.catalogue import Catalogue, Loaded, read

CORPUS: Final = Path(__file__).parents[1] / "corpus" / "catalogue"
TODAY: Final = datetime.date(2026, 11, 21)

HEAD: Final = """\
pgmask: 1
packs: [taikang]
store: {schema: crm, profile: agent}
subject: {table: customer, key: id, unit: unit_id}
backup: [nightly]
"""
PROFILES: Final = """\
profiles:
  agent: {rows: assigned, columns: {1: mask, 2: plain, 3: plain}, tables: {"*": write}}
"""


def table(columns: str, *, why: str = "service", level_3: str = "id, unit_id") -> str:
    """A catalogue with one table; columns: lines ``name: {...}``."""
    lines = "".join(f"      {line}\n" for line in columns.strip().splitlines())
    middle = f"tables:\n  customer:\n    why: {why}\n    columns:\n{lines}"
    return f"{HEAD}{middle}    level_3: [{level_3}]\n{PROFILES}"


def write(folder: Path, text: str, **more: str) -> Path:
    """The main file; ``more``: further files by path with ``__`` for ``/`` and no ending."""
    folder.mkdir(parents=True, exist_ok=True)
    main = folder / "pgmask.yml"
    main.write_text(text, "utf-8")
    for name, content in more.items():
        path = folder / (name.replace("__", "/") + ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return main


def look(path: Path, environment: str | None = None) -> Loaded:
    """Read with a fixed day."""
    return read(path, environment=environment, today=TODAY)


def accepted(loaded: Loaded) -> Catalogue:
    """The catalogue, or a failure that names the problems."""
    assert loaded.accepted, "\n".join(map(str, loaded.problems))
    assert loaded.catalogue is not None
    return loaded.catalogue


def found(loaded: Loaded) -> list[str]:
    """``line:column severity code rule``, of everything but notes, in order."""
    return [
        f"{p.position.line}:{p.position.column} {p.severity} {p.code} {p.rule}"
        for p in loaded.problems
        if p.severity != "note"
    ]


def rules(loaded: Loaded) -> list[str]:
    """The names of the rules that refuse it, in order of place."""
    return [p.rule for p in loaded.problems if p.severity == "error"]
