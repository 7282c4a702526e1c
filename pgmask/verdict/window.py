"""What earlier statements of a text leave behind: detached tables, a transaction, a request, and
what the tables and functions that they have made hold or read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from pgmask.lineage.model import Column, Source
from pgmask.verdict.tree import Node, bare, only, strings, walk

ALL: Final = "*"
_DETACH: Final = ("detach", "detach_all", "detach_for")
_BEGIN: Final = ("TRANS_STMT_BEGIN", "TRANS_STMT_START")
_END: Final = ("TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE")


@dataclass(frozen=True, slots=True)
class Made:
    """A function that the text has made; opaque: calls are not looked through; sources: columns
    that its body reads.
    """

    name: str
    definer: bool
    opaque: bool
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Before a statement; detached: ids of tables, ``*`` for all; begun: inside of BEGIN; asked: a
    reveal was asked for in this transaction; functions: made so far; carried: columns behind those
    of tables that were filled so far.
    """

    detached: frozenset[str] = frozenset()
    begun: bool = False
    asked: bool = False
    functions: tuple[Made, ...] = ()
    carried: Mapping[Column, tuple[Source, ...]] = field(default_factory=dict)


def after(state: State, tree: Node) -> State:
    """The state after a statement."""
    kind, body = only(tree)
    if kind == "TransactionStmt":
        if body.get("kind") in _END:
            return State(functions=state.functions, carried=state.carried)
        return replace(state, begun=state.begun or body.get("kind") in _BEGIN)
    opens = not {"whereClause", "havingClause", "limitCount", "limitOffset"} & body.keys()
    for inner, node in walk(tree):
        if inner == "FuncCall":
            if not opens and (strings(node.get("funcname")) or ("",))[-1] in _DETACH:
                continue  # Whether it is called is not known.
            state = _called(state, strings(node.get("funcname")), node)
    return state


def asks(tree: Node) -> bool:
    """Whether a statement asks for a reveal."""
    return any(
        kind == "FuncCall" and (strings(n.get("funcname")) or ("",))[-1].endswith("reveal_request")
        for kind, n in walk(tree)
    )


def _called(state: State, called: tuple[str, ...], node: Node) -> State:
    if called and called[-1].endswith("reveal_request"):
        return replace(state, asked=state.begun)
    if called[:1] != ("pgmask",) or len(called) != 2:
        return state
    if called[1] in _DETACH:
        # A table that is named at run time only is none that is known to be detached.
        named = _names(node) if node.get("args") else {ALL}
        return replace(state, detached=state.detached | named)
    if called[1] == "attach":
        return replace(state, detached=state.detached - _names(node))
    if called[1] == "attach_all":
        return replace(state, detached=frozenset())
    return state


def _names(node: Node) -> frozenset[str]:
    """The tables named in a call, as a text, a list in braces or an ARRAY."""
    found: set[str] = set()
    for argument in node.get("args", ()):
        for kind, content in [bare(argument), *walk([argument])]:
            text = content.get("sval", {}).get("sval", "") if kind == "A_Const" else ""
            found |= {t.strip().strip('"') for t in text.strip("{}").split(",") if "." in t}
    return frozenset(found)
