"""Which tables a text has detached at some point (``pgmask.detach`` .. ``pgmask.attach``)."""

from __future__ import annotations

from typing import Final

from pgmask.verdict.case import Case
from pgmask.verdict.tree import Node, bare, only, parsed, strings, walk

ALL: Final = "*"
_DETACH: Final = ("detach", "detach_all", "detach_for")
_ATTACH: Final = ("attach", "attach_all")


def detached(case: Case) -> frozenset[str]:
    """The ids of tables that are detached before this statement, ``*`` for all."""
    found: frozenset[str] = frozenset()
    for earlier in case.earlier:
        found = _moved(found, parsed(earlier.text))
    return found


def after(case: Case) -> frozenset[str]:
    """The same after this statement."""
    return _moved(detached(case), case.tree)


def _moved(before: frozenset[str], tree: Node) -> frozenset[str]:
    kind, body = only(tree)
    if kind == "TransactionStmt":
        ends = ("TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK")
        return frozenset() if body.get("kind") in ends else before
    for inner, node in walk(tree):
        if inner != "FuncCall":
            continue
        called = strings(node.get("funcname"))
        if called[:1] != ("pgmask",) or len(called) != 2:
            continue
        names = _names(node)
        if called[1] in _DETACH:
            before |= names or {ALL}
        elif called[1] == "attach_all":
            before = frozenset()
        elif called[1] in _ATTACH:
            before = before - names if names else before
    return before


def _names(node: Node) -> frozenset[str]:
    found: set[str] = set()
    for argument in node.get("args", ()):
        for kind, content in [bare(argument), *walk([argument])]:
            text = content.get("sval", {}).get("sval", "") if kind == "A_Const" else ""
            found |= {t.strip().strip('"') for t in text.strip("{}").split(",") if "." in t}
    return frozenset(found)
