"""Flyway's callbacks: the files that it runs around each migration, in the same transaction.

``beforeEachMigrate.sql`` and ``afterEachMigrate.sql`` (several of them with ``__description``) are
around every versioned, repeatable and baseline migration, ``beforeEachUndo`` and ``afterEachUndo``
around every undo.  They count for the files of their own folder, and for all below the folder that
was named, which is taken for Flyway's location.  Of other callbacks each runs by itself, also
``afterEachMigrateError``, which comes when the migration's transaction is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pgmask.lineage.parse import parse_all
from pgmask.verdict.tree import only

_MIGRATION: Final = re.compile(r"([VRUB])(\d[\d._]*)?__.*\.sql$", re.IGNORECASE)
_RUN: Final = re.compile(r"(?:[VUB]\d[\d._]*|R)__.*\.sql$")
"""What Flyway itself takes for a migration: as it is written, not in other case."""
_KINDS: Final = ("v", "b", "r", "u")
_EVENT: Final = re.compile(r"(before|after)[A-Z][A-Za-z]*(?:__.*)?\.sql$")
_AROUND: Final = re.compile(r"(before|after)Each(Migrate|Undo)(?:__(.*))?\.sql$")
_ALONE: Final = frozenset(
    {"CreatedbStmt", "DropdbStmt", "AlterSystemStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt",
     "CreateSubscriptionStmt", "DropSubscriptionStmt"}
)  # fmt: skip
_APART: Final = re.compile(r"(?im)^\s*executeInTransaction\s*[=:\s]\s*false\s*$")


def order(name: str) -> tuple[int, tuple[int, ...], str]:
    """Versions by number, then repeatable ones, then undoing ones, then callbacks that come after;
    other files first.
    """
    match = _MIGRATION.match(name)
    if match is None:
        late = _EVENT.match(name) is not None and name.startswith("after")
        kind = 5 if _AROUND.match(name) else 4 if late else -1
        return (kind, tuple(int(n) for n in re.findall(r"\d+", name[:20])), name)
    numbers = tuple(int(n) for n in re.findall(r"\d+", match[2] or ""))
    return (_KINDS.index(match[1].lower()), numbers, name)


def migrates(name: str) -> bool:
    """Whether a file of this name is a migration that Flyway runs."""
    return _RUN.match(name) is not None


def stands_around(name: str) -> bool:
    """Whether a file of this name is run around each migration."""
    return _AROUND.match(name) is not None


def callbacks(path: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """The files that Flyway runs right before and right after this one, in their order."""
    if not migrates(path.name):
        return [], []
    event = "Undo" if path.name.startswith("U") else "Migrate"
    before: list[Path] = []
    after: list[Path] = []
    for folder in dict.fromkeys((root, path.parent)):
        for file, side in sorted(_found(folder, event), key=lambda one: one[0].name):
            (before if side == "before" else after).append(file)
    return before, after


def _found(folder: Path, event: str) -> Iterator[tuple[Path, str]]:
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        match = _AROUND.match(file.name)
        if match is not None and match[2] == event and file.is_file():
            yield file, match[1]


def apart(path: Path, text: str) -> bool:
    """Whether Flyway runs the file outside of a transaction: its ``.conf`` says so, or PostgreSQL
    runs one of its statements nowhere else.
    """
    configured = path.with_name(f"{path.name}.conf")
    if configured.is_file() and _APART.search(configured.read_text("utf-8", "replace")):
        return True
    trees = parse_all(text) or []
    return any(_nowhere_else(*only(tree)) for tree, _, _ in trees)


def _nowhere_else(kind: str, body: dict[str, object]) -> bool:
    wide = ("REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE")
    return bool(
        kind in _ALONE
        or (kind == "VacuumStmt" and body.get("is_vacuumcmd"))
        or (kind in ("IndexStmt", "DropStmt") and body.get("concurrent"))
        or (kind == "DiscardStmt" and body.get("target") == "DISCARD_ALL")
        or (kind == "ReindexStmt" and body.get("kind") in wide)
        or (kind == "ReindexStmt" and "concurrently" in str(body.get("params", "")))
    )
