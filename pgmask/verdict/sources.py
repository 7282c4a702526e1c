"""Where SQL to validate comes from: files, folders in the order of a migration tool, strings.

Of Python files constant SQL of migrations is taken (``python_files``); what they run otherwise is
told: ``alembic upgrade --sql`` and ``manage.py sqlmigrate`` say what they would run.  A migration
of Flyway comes with the callbacks that it runs around it (``flyway``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from pgmask.errors import PgmaskError
from pgmask.verdict.flyway import apart, callbacks, order, stands_around
from pgmask.verdict.piece import Text
from pgmask.verdict.python_files import texts_in

__all__ = ["SUFFIXES", "Text", "order", "read_sql", "texts"]

SUFFIXES: Final = frozenset({".sql", ".psql", ".pgsql", ".ddl", ".dml"})
"""Of files of SQL, in any case."""


def texts(path: Path) -> Iterator[Text]:
    """The texts of a file, or of every SQL and Python file below a folder, in order.

    Raises PgmaskError PM646 for what is missing or is not UTF-8.
    """
    if path.is_dir():
        known = SUFFIXES | {".py"}
        files = [p for p in _below(path) if p.suffix.lower() in known and p.is_file()]
        for file in sorted(files, key=lambda p: (p.parent.as_posix(), order(p.name))):
            yield from _of_file(file, path)
        return
    yield from _of_file(path, path.parent)


def _below(folder: Path) -> Iterator[Path]:
    """What stands below a folder, also behind links, as the tools find it; each folder once."""
    seen: set[Path] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place)
        if here.resolve() in seen:
            folders.clear()
            continue
        seen.add(here.resolve())
        yield from (here / name for name in files)


def _of_file(path: Path, root: Path) -> Iterator[Text]:
    text = read_sql(path)
    if path.suffix == ".py":
        yield from texts_in(str(path), text)
        return
    made = Text(name=str(path), text=text, root=str(root), callback=stands_around(path.name))
    before, after = callbacks(path, root)
    if before or after:
        made = replace(
            made, alone=apart(path, text),
            before=tuple(_callback(one, root) for one in before),
            after=tuple(_callback(one, root) for one in after),
        )  # fmt: skip
    yield made


def _callback(path: Path, root: Path) -> Text:
    return Text(name=str(path), text=read_sql(path), root=str(root), callback=True)


def read_sql(path: Path) -> str:
    """What is in a file. Raises PgmaskError PM646 for what is missing or is not UTF-8."""
    try:
        # An end of line that is CR alone is none to psql, and stays.
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise PgmaskError("PM646", f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PgmaskError("PM646", f"{path} is not UTF-8") from error
