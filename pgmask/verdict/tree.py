"""The parse tree of one statement as plain dictionaries, for rules that look at its shape.

``{"SelectStmt": {...}}``, as PostgreSQL's own parser gives it: ``parse_sql_json`` is several times
faster than building nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pglast.parser import ParseError, parse_sql_json

Node = dict[str, Any]
Place = tuple[str, ...]


@lru_cache(maxsize=512)
def parsed(text: str) -> Node:
    """The first statement's node; empty where the text is no SQL (a function's PL/pgSQL body)."""
    try:
        statements = json.loads(parse_sql_json(text)).get("stmts", [])
    except ParseError:
        return {}
    return statements[0]["stmt"] if statements else {}


def parsed_part(text: str) -> Node:
    """A statement of a body, or an expression or assignment of PL/pgSQL as what it evaluates."""
    for one in (text, f"SELECT {text}", f"SELECT {text.replace(':=', ',', 1)}"):
        if found := parsed(one):
            return found
    return {}


def walk(tree: Any) -> Iterator[tuple[str, Node]]:
    """Every node with its kind, parents before children, in the order of the text."""
    stack: list[tuple[str, Any]] = [("", tree)]
    while stack:
        kind, node = stack.pop()
        if type(node) is dict:
            if kind:
                yield kind, node
            inner: list[tuple[str, Any]] = []
            for key, value in node.items():
                if type(value) is dict:
                    # A wrapped node has its kind as key; relations also stand in typed fields.
                    wrapped = "A" <= key[0] <= "Z"
                    inner.append((key if wrapped else "RangeVar" * ("relname" in value), value))
                elif type(value) is list:
                    inner.append(("", value))
            stack += inner[::-1]
        elif type(node) is list:
            stack += [("", one) for one in reversed(node)]


def only(node: Any) -> tuple[str, Node]:
    """Kind and content of a wrapped node, ``("", {})`` for none."""
    if isinstance(node, dict) and len(node) == 1:
        kind, content = next(iter(node.items()))
        if isinstance(content, dict):
            return kind, content
    return "", {}


def strings(nodes: list[Any] | None) -> tuple[str, ...]:
    """The texts of a list of String nodes; others are left out."""
    return tuple(n["String"].get("sval", "") for n in nodes or () if "String" in n)


def relation(node: Node) -> tuple[str, str]:
    """Schema ('' where none is written) and name of a RangeVar."""
    return node.get("schemaname", ""), node.get("relname", "")


def bare(node: Any) -> tuple[str, Node]:
    """The node under casts, collations and brackets."""
    kind, content = only(node)
    while kind in ("TypeCast", "CollateClause"):
        kind, content = only(content.get("arg"))
    return kind, content


def first_location(tree: Any) -> int:
    """The smallest offset in bytes of a node's parts, -1 where it tells none."""
    found = [n["location"] for _, n in walk({"": tree}) if n.get("location", -1) >= 0]
    if isinstance(tree, dict) and tree.get("location", -1) >= 0:
        found.append(tree["location"])
    return min(found, default=-1)
