"""The frozen SQL of a revision: which files, in which order, and that they are the right ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pgmask.errors import InternalError
from pgmask.resources import migrations_dir


def sql_files(directory: Path) -> tuple[Path, ...]:
    """The ``.sql`` files directly in a directory, in the order in which they run."""
    return tuple(sorted(directory.glob("*.sql"), key=lambda path: path.name))


def digest(directory: Path) -> str:
    """SHA-256 over names and contents of the SQL files of a directory, in their order."""
    total = hashlib.sha256()
    for path in sql_files(directory):
        data = path.read_bytes()
        total.update(f"{path.name} {len(data)}\n".encode())
        total.update(data)
    return total.hexdigest()


def frozen(revision: str, expected: str) -> tuple[tuple[str, str], ...]:
    """Names and texts of a revision's SQL files.

    Raises InternalError (PM901) when the files are not those that the revision was made with.
    """
    directory = migrations_dir() / "sql" / revision
    if digest(directory) != expected:
        raise InternalError(
            "PM901", f"the SQL of revision {revision} is not what the revision was made with"
        )
    return tuple((path.name, path.read_text("utf-8")) for path in sql_files(directory))
