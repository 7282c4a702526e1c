"""Where SQL to validate comes from: files, folders in the order of a migration tool, strings.

SQL of Alembic's ``op.execute("..")`` is taken out of Python files, constants only: what is computed
is not seen, and each such call is told.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pgmask.errors import PgmaskError

_FLYWAY: Final = re.compile(r"([VRUB])(\d[\d._]*)?__.*\.sql$", re.IGNORECASE)
_KINDS: Final = ("v", "b", "r", "u")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of SQL; name: of its file as given, ``-`` for the standard input.

    first_line: of the file where the text begins, from 1; computed: SQL made at run time stands
    here, so nothing is known of it.
    """

    name: str
    text: str
    first_line: int = 1
    computed: bool = False


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
        yield from _of_python(str(path), text)
    else:
        yield Text(name=str(path), text=text)


def _of_python(name: str, text: str) -> Iterator[Text]:
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise PgmaskError("PM646", f"{name} is no Python: line {error.lineno}") from error
    upgrade = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "upgrade"]
    for node in ast.walk(upgrade[0] if upgrade else tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in ("execute", "RunSQL") or not node.args:
            continue
        value = node.args[0]
        if isinstance(value, ast.Call) and value.args:
            value = value.args[0]  # op.execute(sa.text("..."))
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield Text(name=name, text=value.value, first_line=value.lineno)
        else:
            yield Text(name=name, text="", first_line=node.lineno, computed=True)
