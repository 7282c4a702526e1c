"""SELECT, VALUES and set operations: what rows come back, clause by clause."""

from __future__ import annotations

from typing import Any, Final

from pgmask.lineage import ctes, from_items, labels, statements
from pgmask.lineage.model import Use
from pgmask.lineage.names import fields_of, qualified, steps, take, words
from pgmask.lineage.reader import EXPRESSIONS, PARTS, WIDEST, Node, Reader
from pgmask.lineage.rows import Out, Rows
from pgmask.lineage.scope import Level, NameProblem, column_by_name
from pgmask.lineage.types import bare
from pgmask.lineage.values import (
    CONDITION,
    NO_SOURCES,
    NOTHING,
    Notes,
    Sources,
    Value,
    any_of,
    at_least,
    merged,
)

_SELECT: Final = frozenset(
    {
        "distinctClause", "intoClause", "targetList", "fromClause", "whereClause", "groupClause",
        "groupDistinct", "groupByAll", "havingClause", "windowClause", "valuesLists", "sortClause",
        "limitOffset", "limitCount", "limitOption", "lockingClause", "withClause", "op", "all",
        "larg", "rarg",
    }
)  # fmt: skip
_WINDOW: Final = frozenset(
    {"name", "refname", "partitionClause", "orderClause", "frameOptions", "startOffset",
     "endOffset", "location"}
)  # fmt: skip


def query(r: Reader, node: Node, parent: Level | None, *, apart: bool = False) -> Rows:
    """The rows of a sub-query: SELECT, or where it may stand a statement with RETURNING.

    apart: keep what each column reads in its own notes, so that unused ones can be left out.
    """
    ((kind, body),) = node.items()
    if kind == "SelectStmt":
        return select(r, body, parent, apart=apart)
    return statements.rows(r, kind, body, parent)


def select(r: Reader, body: Node, parent: Level | None, *, apart: bool = False) -> Rows:
    """The rows of a SelectStmt."""
    r.known("SelectStmt", body, _SELECT)
    level = Level(parent)
    if "withClause" in body:
        ctes.enter(r, body["withClause"], level)
    if body.get("op", "SETOP_NONE") != "SETOP_NONE":
        rows = _set_operation(r, body, level, apart=apart)
    elif "valuesLists" in body:
        rows = _values(r, body["valuesLists"], level)
        _sort(r, body, level, rows.columns)
        _limit(r, body, level)
    else:
        rows = _plain(r, body, level, apart=apart)
    return rows


def _plain(r: Reader, body: Node, level: Level, *, apart: bool) -> Rows:
    if "fromClause" in body:
        from_items.enter(r, body["fromClause"], level)
    for one in body.get("windowClause", ()):
        _named_window(r, one["WindowDef"], level)
    columns = targets(r, body.get("targetList", ()), level, apart=apart)
    if "whereClause" in body:
        level.decide(r.evaluate(body["whereClause"], level, Use.FILTER))
    if "havingClause" in body:
        level.decide(r.evaluate(body["havingClause"], level, Use.FILTER))
    for node in body.get("groupClause", ()):
        _group(r, node, level, columns)
    if body.get("groupByAll"):
        for out in columns:
            r.note(out.value.sources, Use.GROUP, out.position)
    _sort(r, body, level, columns)
    if "distinctClause" in body:
        _distinct(r, body["distinctClause"], level, columns)
    _limit(r, body, level)
    for lock in body.get("lockingClause", ()):
        _lock(r, r.part(lock, "LockingClause"), level)
    return Rows(columns, level.conditions)


def _limit(r: Reader, body: Node, level: Level) -> None:
    for key in ("limitOffset", "limitCount"):
        if key in body:
            level.decide(r.evaluate(body[key], level, Use.FILTER))


# The target list.


def targets(r: Reader, nodes: Any, level: Level, *, apart: bool = False) -> list[Out]:
    """The columns of a target list, stars written out."""
    columns: list[Out] = []
    whole = r.notes
    for node in nodes:
        body = r.part(node, "ResTarget")
        own = Notes() if apart else None
        if own is not None:
            r.notes = own
        try:
            found = _target(r, body, level)
        except NameProblem as problem:
            r.refuse(problem.code, problem.message, body.get("val", body), problem.hint)
            found = [(body.get("name", "?column?"), NOTHING)]
        finally:
            r.notes = whole
        position = r.position(body)
        if own is not None and len(found) > 1:
            # Of a star each column reads its own; what else was noted goes with all.
            for name, value in found:
                notes = Notes()
                notes.take(own, position)
                notes.named = {c: position for c in value.sources if c in own.named}
                columns.append(Out(name, value, position, notes))
            found = []
        columns += [Out(name, value, position, own) for name, value in found]
        if len(columns) > WIDEST:
            r.refuse("PM611", f"a query cannot give more than {WIDEST} columns", body)
            return columns[:WIDEST]
    return columns


def _target(r: Reader, body: Node, level: Level) -> list[tuple[str, Value]]:
    val = body.get("val")
    if not val:
        return []
    if "ColumnRef" in val and "A_Star" in val["ColumnRef"]["fields"][-1]:
        return star(r, val["ColumnRef"], level, None)
    if "A_Indirection" in val and "A_Star" in val["A_Indirection"]["indirection"][-1]:
        return _row_star(r, val["A_Indirection"], level)
    value = r.evaluate(val, level, None)
    return [(body.get("name") or labels.label(val), value)]


def star(r: Reader, body: Node, level: Level, use: Use | None) -> list[tuple[str, Value]]:
    """``*`` or ``t.*``: columns in their order, each one read."""
    r.known("ColumnRef", body, PARTS["ColumnRef"])
    names = words(body["fields"])
    position = r.position(body)
    if len(names) > 1:
        item, _ = qualified(r, names, level)
        if item is None:
            value = r.evaluate({"ColumnRef": {**body, "fields": body["fields"][:-1]}}, level, use)
            return list(fields_of(r, value, body))
        return [
            (name, take(r, (item, n, item.values[n]), use, position))
            for n, name in enumerate(item.names)
        ]
    found = []
    some = False
    for item in level.items:
        if item.cols_visible:
            some = True
            for n, name in enumerate(item.names):
                found.append((name, take(r, (item, n, item.values[n]), use, position)))
    if not some:
        raise NameProblem("PM611", "a star without anything in FROM")
    return found


def _row_star(r: Reader, body: Node, level: Level) -> list[tuple[str, Value]]:
    value, _ = steps(r, body, body["indirection"][:-1], level, None)
    return list(fields_of(r, value, body))


# GROUP BY, ORDER BY, DISTINCT: output names and numbers, in each clause by its own rule.


def _group(r: Reader, node: Node, level: Level, columns: list[Out]) -> None:
    if "GroupingSet" in node:
        for inner in r.part(node, "GroupingSet").get("content", ()):
            _group(r, inner, level, columns)
        return
    if "RowExpr" in node and node["RowExpr"].get("row_format") == "COERCE_IMPLICIT_CAST":
        r.known("RowExpr", node["RowExpr"], EXPRESSIONS["RowExpr"][1])
        for inner in node["RowExpr"].get("args", ()):
            _group(r, inner, level, columns)
        return
    _by_output(r, node, level, columns, Use.GROUP, inputs_first=True)


def _by_output(
    r: Reader,
    node: Node,
    level: Level,
    columns: list[Out],
    use: Use,
    *,
    inputs_first: bool = False,
) -> Value:
    """An expression that may be an output column's name or number."""
    if "A_Const" in node and "ival" in node["A_Const"]:
        r.evaluate(node, level, use)
        number: int = node["A_Const"]["ival"].get("ival", 0)
        if not 1 <= number <= len(columns):
            return r.refuse("PM611", "a position that is not in the select list", node)
        out: Out = columns[number - 1]
        r.note(out.value.sources, use, r.position(node["A_Const"]))
        return out.value
    if "ColumnRef" in node and len(node["ColumnRef"]["fields"]) == 1:
        body = r.part(node, "ColumnRef")
        name = words(body["fields"])[0]
        if name is None:
            return r.refuse("PM611", "a star stands where one value is wanted", node)
        try:
            if inputs_first and column_by_name(level, name, local=True) is not None:
                return r.evaluate(node, level, use)
        except NameProblem as problem:
            return r.refuse(problem.code, problem.message, node)
        same = [out for out in columns if out.name == name]
        if same:
            if any(out.value.sources != same[0].value.sources for out in same[1:]):
                return r.refuse("PM603", f"the column name {name!r} is ambiguous", node)
            r.note(same[0].value.sources, use, r.position(body))
            return same[0].value
    return r.evaluate(node, level, use)


def _sort(r: Reader, body: Node, level: Level, columns: list[Out]) -> None:
    sorted_by = [
        _by_output(r, r.part(node, "SortBy")["node"], level, columns, Use.ORDER)
        for node in body.get("sortClause", ())
    ]
    if "limitCount" in body or "limitOffset" in body:
        # The order decides which rows are among the first.
        for value in sorted_by:
            level.decide(value)


def _distinct(r: Reader, nodes: list[Node], level: Level, columns: list[Out]) -> None:
    if any(nodes):
        for node in nodes:
            _by_output(r, node, level, columns, Use.GROUP)
        return
    for out in columns:
        r.note(out.value.sources, Use.GROUP, out.position)


def _lock(r: Reader, body: Node, level: Level) -> None:
    for node in body.get("lockedRels", ()):
        name = node["RangeVar"]["relname"]
        if all(item.alias != name for item in level.items):
            r.refuse("PM601", f"FOR {body.get('strength', '')} names nothing in FROM", node)


# Windows.


def _named_window(r: Reader, body: Node, level: Level) -> None:
    unnamed = {key: value for key, value in body.items() if key != "name"}
    level.windows[body.get("name", "")] = window(r, unnamed, level)


def window(r: Reader, body: Node, level: Level) -> Sources:
    """What decides over the rows of a window, from its OVER or its definition."""
    r.known("WindowDef", body, _WINDOW)
    parts: list[Sources] = []
    name = body.get("name", body.get("refname"))
    if name is not None:
        if name in level.windows:
            parts.append(level.windows[name])
        else:
            r.refuse("PM611", f"no window is called {name!r}", body)
    parts += [v.sources for v in r.many(body.get("partitionClause"), level, Use.GROUP)]
    parts += [v.sources for v in r.many(body.get("orderClause"), level, Use.ORDER)]
    for key in ("startOffset", "endOffset"):
        if key in body:
            parts.append(r.evaluate(body[key], level, Use.FILTER).sources)
    return at_least(merged(parts), CONDITION)


# Set operations and VALUES.


def _set_operation(r: Reader, body: Node, level: Level, *, apart: bool) -> Rows:
    keep = apart and bool(body.get("all")) and body["op"] == "SETOP_UNION"
    left = select(r, body["larg"], level, apart=keep)
    right = select(r, body["rarg"], level, apart=keep)
    if len(left.columns) != len(right.columns) and not r.unresolved:
        r.refuse("PM611", "both sides of a set operation need as many columns", body)
    columns = []
    conditions = [left.conditions, right.conditions]
    for one, other in zip(left.columns, right.columns, strict=False):
        second = other.value.sources
        if body["op"] == "SETOP_EXCEPT":
            second = at_least(second, CONDITION)
        text = one.value.type if bare(one.value.type) == bare(other.value.type) else ""
        notes = None
        if keep:
            notes = Notes()
            for side in (one, other):
                if side.notes is not None:
                    notes.take(side.notes, side.position)
        value = any_of([one.value, Value(second, other.value.type, other.value.fields)], text)
        columns.append(Out(one.name, value, one.position, notes))
        if not keep and (not body.get("all") or body["op"] != "SETOP_UNION"):
            r.note(one.value.sources, Use.GROUP, one.position)
            r.note(other.value.sources, Use.GROUP, other.position)
            conditions.append(other.value.sources)
    level.conditions = at_least(merged(conditions), CONDITION)
    for node in body.get("sortClause", ()):
        _by_output(r, r.part(node, "SortBy")["node"], level, columns, Use.ORDER)
    _limit(r, body, level)
    return Rows(columns, level.conditions)


def _values(r: Reader, lists: list[Node], level: Level) -> Rows:
    rows = [r.many(r.part(one, "List").get("items"), level, None) for one in lists]
    if any(len(row) != len(rows[0]) for row in rows) and not r.unresolved:
        r.refuse("PM611", "the rows of VALUES need as many columns", lists)
    columns = []
    for number, values in enumerate(zip(*rows, strict=False), 1):
        types = {v.type for v in values if v is not NOTHING}
        value = any_of(values, types.pop() if len(types) == 1 else "")
        columns.append(Out(f"column{number}", value))
    return Rows(columns, NO_SOURCES)
