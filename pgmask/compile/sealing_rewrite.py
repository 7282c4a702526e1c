"""Expressions of the database (CHECKs, index parts) with their column references replaced."""

from __future__ import annotations

import re
from collections.abc import Callable

import pglast
from pglast import ast
from pglast.parser import ParseError
from pglast.visitors import Visitor

from pgmask.errors import InternalError

_WORD = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
_REFERENCE = re.compile(_WORD + r"(?:\s*\.\s*" + _WORD + r")*")
_HEAD = "SELECT "
_EXCLUDE = re.compile(
    r"EXCLUDE USING btree \((?P<column>" + _WORD + r") WITH =\)(?: WHERE \((?P<where>.*)\))?",
    re.DOTALL,
)


class _References(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []

    def visit_ColumnRef(self, _ancestors: object, node: ast.ColumnRef) -> None:
        last = node.fields[-1] if node.fields else None
        if isinstance(last, ast.String) and last.sval is not None and node.location is not None:
            self.found.append((node.location, last.sval))


def columns_of(expression: str) -> tuple[str, ...]:
    """The columns an expression reads, each once, in order of appearance."""
    return tuple(dict.fromkeys(name for _, name in _references(expression)))


def exclusion(definition: str) -> tuple[str, str | None] | None:
    """Column and condition of an EXCLUDE constraint that means UNIQUE, None for any other one.

    definition: as ``pg_get_constraintdef`` writes it; a deferrable one is another one.
    """
    match = _EXCLUDE.fullmatch(definition)
    if match is None:
        return None
    return columns_of(match["column"])[0], match["where"]


def replace_columns(expression: str, replacement: Callable[[str], str]) -> str:
    """The expression with every column reference replaced by what ``replacement`` gives."""
    text = _HEAD + expression
    for location, name in sorted(_references(expression), reverse=True):
        match = _REFERENCE.match(text, location)
        if match is None:
            raise InternalError("PM901", "an expression of the database could not be read")
        text = text[:location] + replacement(name) + text[match.end() :]
    return text[len(_HEAD) :]


def _references(expression: str) -> list[tuple[int, str]]:
    try:
        parsed = pglast.parse_sql(_HEAD + expression)
    except ParseError as error:
        raise InternalError(
            "PM901", f"an expression of the database does not parse: {error}"
        ) from None
    visitor = _References()
    visitor(parsed)
    return visitor.found


class _Schemas(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def _note(self, parts: tuple[object, ...] | None) -> None:
        if parts and len(parts) > 1 and isinstance(parts[0], ast.String) and parts[0].sval:
            self.found.add(parts[0].sval)

    def visit_TypeName(self, _ancestors: object, node: ast.TypeName) -> None:
        self._note(node.names)

    def visit_FuncCall(self, _ancestors: object, node: ast.FuncCall) -> None:
        self._note(node.funcname)

    def visit_A_Expr(self, _ancestors: object, node: ast.A_Expr) -> None:
        self._note(node.name)


def schemas_of(expression: str) -> frozenset[str]:
    """The schemas whose types, functions and operators an expression names, without pg_catalog."""
    visitor = _Schemas()
    visitor(pglast.parse_sql(_HEAD + expression))
    return frozenset(visitor.found - {"pg_catalog"})


class _Calls(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def _note(self, parts: tuple[object, ...] | None) -> None:
        words = [p.sval for p in parts or () if isinstance(p, ast.String) and p.sval]
        if len(words) > 1 and words[0] != "pg_catalog":
            self.found.add(".".join(words))

    def visit_FuncCall(self, _ancestors: object, node: ast.FuncCall) -> None:
        self._note(node.funcname)

    def visit_A_Expr(self, _ancestors: object, node: ast.A_Expr) -> None:
        self._note(node.name)


def calls_of(expression: str) -> tuple[str, ...]:
    """Functions and operators outside pg_catalog that an expression calls, sorted."""
    visitor = _Calls()
    visitor(pglast.parse_sql(_HEAD + expression))
    return tuple(sorted(visitor.found))
