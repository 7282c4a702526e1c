"""Where SQL to validate comes from: files, folders in the order of a migration tool, strings.

Of Python files constant SQL of migrations is taken (``python_files``); what they run otherwise is
told: ``alembic upgrade --sql`` and ``manage.py sqlmigrate`` say what they would run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pgmask.errors import PgmaskError
from pgmask.verdict.piece import Text
from pgmask.verdict.python_files import texts_in

__all__ = ["Text", "order", "texts"]

_FLYWAY: Final = re.compile(r"([VRUB])(\d[\d._]*)?__.*\.sql$", re.IGNORECASE)
_KINDS: Final = ("v", "b", "r", "u")


def texts(path: Path) -> Iterator[Text]:
    """The texts of a file, or of every SQL and Python file below a folder, in order.

    Raises PgmaskError PM646 for what is missing or is not UTF-8.
    """
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.suffix in (".sql", ".py") and p.is_file()]
        for file in sorted(files, key=lambda p: (p.parent.as_posix(), order(p.name))):
            yield from _of_file(file)
        return
    yield from _of_file(path)


def order(name: str) -> tuple[int, tuple[int, ...], str]:
    """Flyway's order: versions by number, then repeatable ones, then undoing ones; others first."""
    match = _FLYWAY.match(name)
    if match is None:
        return (-1, tuple(int(n) for n in re.findall(r"\d+", name[:20])), name)
    numbers = tuple(int(n) for n in re.findall(r"\d+", match[2] or ""))
    return (_KINDS.index(match[1].lower()), numbers, name)


def _of_file(path: Path) -> Iterator[Text]:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise PgmaskError("PM646", f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PgmaskError("PM646", f"{path} is not UTF-8") from error
    if path.suffix == ".py":
        yield from texts_in(str(path), text)
    else:
        yield Text(name=str(path), text=text)
