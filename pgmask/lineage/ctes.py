"""WITH: in order, recursive until nothing is added, with SEARCH and CYCLE, or changing data."""

from __future__ import annotations

from typing import Final

from pgmask.lineage import select
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.scope import Item, Level, strings
from pgmask.lineage.values import CONDITION, EXPRESSION, Sources, Value, at_least, merged

_CTE: Final = frozenset(
    {"ctename", "aliascolnames", "ctematerialized", "ctequery", "search_clause", "cycle_clause",
     "location", "cterecursive", "cterefcount"}
)  # fmt: skip
_WITH: Final = frozenset({"ctes", "recursive", "location"})
_ROUNDS: Final = 50


class Cte:
    """One query of a WITH; its columns are worked out when they are first needed."""

    __slots__ = ("body", "busy", "columns", "conditions", "done", "level", "recursive", "used")

    def __init__(self, body: Node, level: Level, recursive: bool) -> None:
        self.body = body
        self.level = level
        self.recursive = recursive
        self.busy = False
        self.done = False
        self.used = False
        self.columns: list[tuple[str, Value]] = []
        self.conditions: Sources = {}


def enter(r: Reader, clause: Node, level: Level) -> None:
    """Make the queries of a WITH clause known on this level."""
    r.known("WithClause", clause, _WITH)
    recursive = bool(clause.get("recursive"))
    made = []
    for node in clause["ctes"]:
        body = node["CommonTableExpr"]
        r.known("CommonTableExpr", body, _CTE)
        if recursive:
            made.append(_declare(r, body, level, recursive=True))
        else:
            # Each sees the ones before it, and not itself.
            cte = Cte(body, level, recursive=False)
            _work_out(r, cte)
            _register(r, cte)
    for cte in made:
        if not cte.done:
            _work_out(r, cte)


def _declare(r: Reader, body: Node, level: Level, *, recursive: bool) -> Cte:
    cte = Cte(body, level, recursive)
    _register(r, cte)
    return cte


def _register(r: Reader, cte: Cte) -> None:
    name = cte.body["ctename"]
    if name in cte.level.ctes:
        r.refuse("PM603", f"WITH has the name {name!r} twice", cte.body)
    cte.level.ctes[name] = cte


def find(level: Level | None, name: str) -> Cte | None:
    """The query of a WITH that a bare name means, before any relation."""
    while level is not None:
        found = level.ctes.get(name)
        if found is not None:
            return found
        level = level.parent
    return None


def item(r: Reader, cte: Cte, alias: str, node: Node) -> Item:
    """A reference to a WITH query in FROM."""
    if cte.busy:
        cte.used = True
        if not cte.columns:
            r.refuse("PM611", f"WITH query {cte.body['ctename']!r} refers to itself", node)
    elif not cte.done:
        _work_out(r, cte)
    names = [name for name, _ in cte.columns]
    return Item(alias, names, [value for _, value in cte.columns])


def _work_out(r: Reader, cte: Cte) -> None:
    cte.busy = True
    query = cte.body["ctequery"]
    body = query.get("SelectStmt", {})
    if cte.recursive and body.get("op") == "SETOP_UNION":
        _fixpoint(r, cte, query, body)
    else:
        rows = select.query(r, query, cte.level)
        cte.columns = _named(r, cte, [(o.name, o.value) for o in rows.columns])
        cte.conditions = rows.conditions
    if "search_clause" in cte.body:
        _search(r, cte, cte.body["search_clause"])
    if "cycle_clause" in cte.body:
        _cycle(r, cte, cte.body["cycle_clause"])
    cte.busy = False
    cte.done = True


def _fixpoint(r: Reader, cte: Cte, query: Node, body: Node) -> None:
    """Work the recursive term out again until its columns have no new sources."""
    # The first term alone gives names and types; it may use the WITH inside of the query.
    level = Level(cte.level)
    if "withClause" in body:
        enter(r, body["withClause"], level)
    first = select.select(r, body["larg"], level)
    cte.columns = _named(r, cte, [(o.name, o.value) for o in first.columns])
    for _ in range(_ROUNDS):
        cte.used = False
        known = [value.sources for _, value in cte.columns]
        rows = select.query(r, query, cte.level)
        named = _named(r, cte, [(o.name, o.value) for o in rows.columns])
        types = [value.type for _, value in cte.columns]
        cte.columns = [
            (name, Value(value.sources, value.type or text, value.fields))
            for (name, value), text in zip(named, types, strict=False)
        ]
        cte.conditions = rows.conditions
        if not cte.used or [value.sources for _, value in cte.columns] == known:
            return
    r.refuse("PM605", f"the recursion of {cte.body['ctename']!r} comes to no end", cte.body)


def _named(r: Reader, cte: Cte, columns: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
    names = strings(cte.body.get("aliascolnames", ()))
    if len(names) > len(columns):
        r.refuse("PM611", f"WITH query {cte.body['ctename']!r} has fewer columns", cte.body)
    return [
        (names[n] if n < len(names) else name, value) for n, (name, value) in enumerate(columns)
    ]


def _chosen(r: Reader, cte: Cte, nodes: list[Node]) -> Sources:
    known = dict(cte.columns)
    parts = []
    for name in strings(nodes):
        if name in known:
            parts.append(known[name].sources)
        else:
            r.refuse("PM602", f"WITH query has no column {name!r}", cte.body)
    return merged(parts)


def _search(r: Reader, cte: Cte, clause: Node) -> None:
    sources = at_least(_chosen(r, cte, clause.get("search_col_list", [])), EXPRESSION)
    text = "record" if clause.get("search_breadth_first") else "record[]"
    cte.columns.append((clause["search_seq_column"], Value(sources, text)))


def _cycle(r: Reader, cte: Cte, clause: Node) -> None:
    sources = at_least(_chosen(r, cte, clause.get("cycle_col_list", [])), EXPRESSION)
    mark = Value(at_least(sources, CONDITION))
    cte.columns.append((clause["cycle_mark_column"], mark))
    cte.columns.append((clause["cycle_path_column"], Value(sources, "record[]")))
