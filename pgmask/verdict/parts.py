"""Statements that stand inside of another one's own text: each is judged as one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pgmask.verdict.tree import Node, only

_HOLD: Final = {"PrepareStmt": "query", "DeclareCursorStmt": "query", "CopyStmt": "query"}


def parts(tree: Node) -> Iterator[Node]:
    """The query of COPY, PREPARE, DECLARE and EXPLAIN ANALYZE, the elements of CREATE SCHEMA, the
    actions of a rule, the statements of a body in the grammar itself.
    """
    kind, body = only(tree)
    if kind in _HOLD and _HOLD[kind] in body:
        yield body[_HOLD[kind]]
    elif kind == "ExplainStmt" and _runs(body):
        yield body.get("query", {})
        yield from parts(body.get("query", {}))
    elif kind == "CreateSchemaStmt":
        for one in body.get("schemaElts", ()):
            yield _placed(one, body.get("schemaname", ""))
    elif kind == "RuleStmt":
        yield from body.get("actions", ())
    elif kind == "CreateFunctionStmt":
        yield from _statements(body.get("sql_body"))


def _runs(body: Node) -> bool:
    for option in body.get("options", ()):
        element = option.get("DefElem", {})
        if element.get("defname") == "analyze":
            content = only(element.get("arg"))[1]
            value = content.get("sval", content.get("boolval", content.get("ival", 1)))
            return str(value).lower() not in ("false", "off", "0", "no")
    return False


def _statements(node: Any) -> Iterator[Node]:
    kind, body = only(node)
    if kind == "List":
        for one in body.get("items", ()):
            yield from _statements(one)
    elif kind:
        yield {kind: body}


def _placed(element: Node, schema: str) -> Node:
    """What CREATE SCHEMA makes stands in that schema."""
    kind, body = only(element)
    changed = dict(body)
    for key in ("relation", "view", "sequence"):
        if schema and kind != "GrantStmt" and "relname" in body.get(key, {}):
            changed[key] = {"schemaname": schema, **body[key]}
    return {kind: changed}
