"""The reader of one statement: its notes, its problems, and the table of node kinds.

Every kind of node that is understood is in a table with the keys it may have.  What is in no
table, or has a key that nobody looks at, is a problem of the statement and never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pgmask.facts.schema import Relation
from pgmask.lineage.model import Lineage, Unresolved, Use, Write
from pgmask.lineage.model import Relation as Named
from pgmask.lineage.parse import Text
from pgmask.lineage.scope import Level, NameProblem
from pgmask.lineage.session import Session
from pgmask.lineage.values import NOTHING, Notes, Sources, Value

Node = dict[str, Any]
Handler = Callable[["Reader", Node, Level, Use | None], Value]
EXPRESSIONS: Final[dict[str, tuple[Handler, frozenset[str]]]] = {}
PARTS: Final = {
    "ResTarget": frozenset({"name", "indirection", "val", "location"}),
    "SortBy": frozenset({"node", "sortby_dir", "sortby_nulls", "useOp", "location"}),
    "CaseWhen": frozenset({"expr", "result", "location"}),
    "List": frozenset({"items"}),
    "ColumnRef": frozenset({"fields", "location"}),
    "GroupingSet": frozenset({"kind", "content", "location"}),
    "LockingClause": frozenset({"lockedRels", "strength", "waitPolicy"}),
    "ColumnDef": frozenset(
        {"colname", "typeName", "collClause", "is_local", "location", "is_not_null"}
    ),
}
"""Nodes that stand in one place only, with the keys that are looked at or may be ignored there."""
SINCE: Final = {
    "JsonObjectConstructor": 160000, "JsonArrayConstructor": 160000,
    "JsonArrayQueryConstructor": 160000, "JsonObjectAgg": 160000, "JsonArrayAgg": 160000,
    "JsonIsPredicate": 160000, "JsonFuncExpr": 170000, "JsonParseExpr": 170000,
    "JsonScalarExpr": 170000, "JsonSerializeExpr": 170000, "MergeSupportFunc": 170000,
}  # fmt: skip
"""Nodes that are newer than the oldest server, with its version number."""
MOST: Final = 200
"""Problems that are told of one statement."""
WIDEST: Final = 1664
"""Columns that a query can give: the server refuses more."""
DEEPEST: Final = 60
"""Bodies inside of bodies: beyond that something turns in a circle."""


def expression(kind: str, keys: str) -> Callable[[Handler], Handler]:
    """Enter a handler for a kind of expression, with all keys that it looks at or may ignore."""

    def enter(handler: Handler) -> Handler:
        EXPRESSIONS[kind] = (handler, frozenset(keys.split()))
        return handler

    return enter


class Reader:
    """What has been found out about the statement so far."""

    def __init__(self, session: Session, root: Any) -> None:
        self.session = session
        self.root = root
        self.notes = Notes()
        self.relations: dict[tuple[str, str, str], Named] = {}
        self.writes: list[Write] = []
        self.unresolved: list[Unresolved] = []
        self.inner: list[Lineage] = []
        self.depth = 0
        self.quiet = 0
        """Above 0 inside of a body: relations there are not named by this text."""
        self.at = -1
        """Inside of a body: where the text names it."""
        self.busy: set[Any] = set()
        self.fresh = False
        """In a view that is made just now: names mean what they mean in this text."""
        self.unknown: set[str] = set()
        """Names and aliases of relations that are not known, and told already."""
        self.text: Text | None = None
        self.start = self.end = self.base = 0

    def evaluate(self, node: Node | None, level: Level, use: Use | None) -> Value:
        """What an expression is made from; its columns are noted with this use."""
        if not node:
            return NOTHING
        ((kind, body),) = node.items()
        entry = EXPRESSIONS.get(kind)
        if entry is None:
            return self.refuse("PM605", f"the expression {kind} is not understood", body)
        handler, keys = entry
        server = self.session.schema.server
        if server and server < SINCE.get(kind, 0):
            # An older server takes the word for a function's name.
            return self.refuse("PM605", f"this server does not know {kind}", body)
        if not body.keys() <= keys:
            return self.unknown_keys(kind, body, keys)
        try:
            return handler(self, body, level, use)
        except NameProblem as problem:
            return self.refuse(problem.code, problem.message, body, problem.hint)

    def many(self, nodes: list[Node] | None, level: Level, use: Use | None) -> list[Value]:
        """Each of a list of expressions."""
        return [self.evaluate(node, level, use) for node in nodes or ()]

    def known(self, kind: str, body: Node, keys: frozenset[str]) -> None:
        """Refuse a node that is no expression for a key that nobody looks at."""
        if not body.keys() <= keys:
            self.unknown_keys(kind, body, keys)

    def part(self, node: Node, kind: str) -> Node:
        """The body of a node of which only one kind may stand here; raises NameProblem."""
        body = node.get(kind)
        if body is None:
            raise NameProblem("PM605", f"{kind} is expected where there is {', '.join(node)}")
        found: Node = body
        self.known(kind, found, PARTS[kind])
        return found

    def unknown_keys(self, kind: str, body: Node, keys: frozenset[str]) -> Value:
        """A key that no handler knows."""
        odd = ", ".join(sorted(body.keys() - keys))
        return self.refuse("PM605", f"{kind} has parts that are not understood: {odd}", body)

    def refuse(self, code: str, message: str, node: Any, hint: str = "") -> Value:
        """Add a problem; what is behind the node stays unknown.  Only the first ones are told."""
        if len(self.unresolved) >= MOST:
            return NOTHING
        position = self.at
        if position < 0 and isinstance(node, dict):
            position = first_location(node)
        path = path_to(self.root, node)
        problem = Unresolved(position, code, message, path, hint)
        if problem not in self.unresolved:
            self.unresolved.append(problem)
        return NOTHING

    def name(self, relation: Relation, use: str, position: int) -> None:
        """The text names this relation."""
        if self.quiet:
            return
        key = (relation.schema, relation.name, use)
        if key not in self.relations:
            self.relations[key] = Named(
                relation.schema, relation.name, relation.kind, use, position
            )

    def position(self, node: Node) -> int:
        """Where a node stands in the text, -1 unknown."""
        return self.at if self.at >= 0 else int(node.get("location", -1))

    def note(self, sources: Sources, use: Use | None, position: int) -> None:
        """Note these columns as read."""
        if sources:
            self.notes.note(sources, use, position)


def unfollowed(r: Reader, node: Any, what: str) -> Value:
    """Refuse what depends on a change that an earlier statement of the text has made (PM614)."""
    return r.refuse(
        "PM614", f"an earlier statement of this text has {what}, and that cannot be followed",
        node, "Put the two into texts of their own.",
    )  # fmt: skip


def first_location(node: Any) -> int:
    """The first position of a node or what is in it, -1 where it has none."""
    if isinstance(node, dict):
        if "location" in node:
            return int(node["location"])
        places = [p for p in map(first_location, node.values()) if p >= 0]
        return min(places, default=-1)
    if isinstance(node, list):
        places = [p for p in map(first_location, node) if p >= 0]
        return min(places, default=-1)
    return -1


def path_to(root: Any, node: Any) -> str:
    """``SelectStmt.targetList[0].ResTarget.val.ColumnRef``; empty where it is not of this tree."""
    for path, found in _walk(root, ""):
        if found is node:
            return path
    return ""


def _walk(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    todo = [(path, node)]
    while todo:
        where, one = todo.pop()
        yield where, one
        if isinstance(one, dict):
            todo += [(f"{where}.{key}" if where else key, value) for key, value in one.items()]
        elif isinstance(one, list):
            todo += [(f"{where}[{n}]", value) for n, value in enumerate(one)]
