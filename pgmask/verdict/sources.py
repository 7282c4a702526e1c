"""Where SQL to validate comes from: files, folders in the order of a migration tool, strings.

Of Python files the SQL of Alembic's ``op.execute("..")`` and Django's ``RunSQL`` is taken,
constants only.  Other operations of Alembic are told: ``alembic upgrade --sql`` says what
they would run.
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
_NO_SQL: Final = ("get_bind", "get_context", "f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of SQL; name: of its file as given, ``-`` for the standard input.

    first_line: of the file where the text begins, from 1; computed: why nothing is known of what
    stands here, '' where it is.
    """

    name: str
    text: str
    first_line: int = 1
    computed: str = ""


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
    """What a migration of Alembic or Django runs; other Python has nothing to say here."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise PgmaskError("PM646", f"{name} is no Python: line {error.lineno}") from error
    upgrade = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "upgrade"]
    for node in ast.walk(upgrade[0] if upgrade else tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        called, owner = node.func.attr, node.func.value
        operation = isinstance(owner, ast.Name) and owner.id == "op"
        if (operation and called == "execute") or called == "RunSQL":
            yield _given(name, node)
        elif operation and bool(upgrade) and called not in _NO_SQL:
            yield Text(
                name=name, text="", first_line=node.lineno,
                computed=f"op.{called}() becomes SQL at run time",
            )  # fmt: skip


def _given(name: str, call: ast.Call) -> Text:
    value = call.args[0] if call.args else call
    if isinstance(value, ast.Call) and value.args:
        value = value.args[0]  # op.execute(sa.text("..."))
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return Text(name=name, text=value.value, first_line=value.lineno)
    return Text(
        name=name, text="", first_line=call.lineno, computed="this SQL is put together at run time"
    )
