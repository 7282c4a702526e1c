"""Which expressions of the database may be read anew in a function that opens values.

A CHECK or an index keeps the casts that were there when it was made.  In a generated function its
text is read again, and every cast in it, written or implied, is looked up again: whoever owns the
type may have made one since, and its function would run with the rights of the generated one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pglast
from pglast import ast

_COMPARED = {"=", "<>", "<", "<=", ">", ">="}
TypeWords = tuple[str, ...]


def casts(expression: str, own: Mapping[str, str]) -> str | None:
    """What of the expression may become a cast of the application's, None where nothing may.

    own: columns of types that the application made, with their types.  They may stand alone, in
    IS NULL, and beside each other or constants of their own type in a comparison: PostgreSQL's
    operator for any enum is then the only one that fits.
    """
    types = {words_of(t) for t in own.values()}
    return next(_found(_parsed(expression), frozenset(own), types, alone=True), None)


def words_of(type_: str) -> TypeWords:
    """The words of a type's name, without modifier and array bounds."""
    cast: Any = _parsed(f"NULL::{type_}")
    return _words(cast.typeName)


def _parsed(expression: str) -> Any:
    select: Any = pglast.parse_sql("SELECT " + expression)[0].stmt
    return select.targetList[0].val


def _words(name: ast.TypeName | None) -> TypeWords:
    named = name.names if name is not None else None
    return tuple(n.sval for n in named or () if isinstance(n, ast.String) and n.sval)


def _found(node: Any, own: frozenset[str], types: set[TypeWords], *, alone: bool) -> Iterator[str]:
    if isinstance(node, list | tuple):
        for one in node:
            yield from _found(one, own, types, alone=alone)
    elif isinstance(node, ast.ColumnRef):
        if not alone and _column(node) in own:
            yield f"column {_column(node)!r}"
    elif isinstance(node, ast.TypeCast):
        yield from _cast(node, own, types)
    elif isinstance(node, ast.NullTest):
        yield from _found(node.arg, own, types, alone=True)
    elif isinstance(node, ast.BoolExpr):
        yield from _found(node.args, own, types, alone=False)
    elif isinstance(node, ast.A_Expr) and _compares(node):
        sides = [node.lexpr, *(node.rexpr if isinstance(node.rexpr, tuple) else (node.rexpr,))]
        alike = all(_of_own(s, own, types) for s in sides)
        yield from _found(sides, own, types, alone=alike)
    elif isinstance(node, ast.A_ArrayExpr):
        yield from _found(node.elements, own, types, alone=alone)
    elif isinstance(node, ast.Node):
        for attribute in node:
            yield from _found(getattr(node, attribute), own, types, alone=False)


def _cast(node: ast.TypeCast, own: frozenset[str], types: set[TypeWords]) -> Iterator[str]:
    words = _words(node.typeName)
    foreign = len(words) > 1 and words[0] != "pg_catalog"
    constant = isinstance(node.arg, ast.A_Const)
    if foreign and words[-1] != "citext" and not (constant and words in types):
        yield f"a value of type {'.'.join(words)}"
    yield from _found(node.arg, own, types, alone=False)


def _compares(node: ast.A_Expr) -> bool:
    words = [n.sval for n in node.name or () if isinstance(n, ast.String)]
    return len(words) == 1 and words[0] in _COMPARED


def _of_own(node: Any, own: frozenset[str], types: set[TypeWords]) -> bool:
    """Whether an operand is surely of such a type: a column of one, or constants of one."""
    if isinstance(node, ast.ColumnRef):
        return _column(node) in own
    if isinstance(node, ast.TypeCast):
        return isinstance(node.arg, ast.A_Const) and _words(node.typeName) in types
    if isinstance(node, ast.A_ArrayExpr):
        return all(_of_own(e, own, types) for e in node.elements or ())
    return False


def _column(node: ast.ColumnRef) -> str:
    last = node.fields[-1] if node.fields else None
    return last.sval or "" if isinstance(last, ast.String) else ""
