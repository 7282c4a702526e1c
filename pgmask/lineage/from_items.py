"""FROM: relations, sub-queries, functions and joins, each with what of it may be named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pgmask.lineage import ctes, relations, select, table_functions
from pgmask.lineage.labels import renamed
from pgmask.lineage.model import Use
from pgmask.lineage.names import take
from pgmask.lineage.reader import Node, Reader, unfollowed
from pgmask.lineage.scope import TWICE, Item, Level, strings
from pgmask.lineage.values import DIRECT, NOTHING, Notes, Value, combine

FromHandler = Callable[[Reader, Node, Level], tuple[Item, list[Item]]]


def enter(r: Reader, nodes: Sequence[Node], level: Level) -> None:
    """Put everything in FROM on the level; later ones see earlier ones by LATERAL."""
    for node in nodes:
        _, items = from_item(r, node, level)
        _check_aliases(r, [*level.items, *items], node)
        for item in items:
            item.lateral_only = True
            item.lateral_ok = True
        level.items = [*level.items, *items]
    for item in level.items:
        item.lateral_only = False
        item.lateral_ok = True


def _check_aliases(r: Reader, items: list[Item], node: Node) -> None:
    seen: dict[str, Item] = {}
    for item in items:
        if not item.rel_visible:
            continue
        other = seen.get(item.alias)
        if other is not None:
            # Two plain tables of one name in different schemas are told apart by schema.
            bases = (item.plain_base, other.plain_base)
            if None in bases or bases[0] == bases[1]:
                r.refuse("PM603", f"the table name {item.alias!r} stands twice in FROM", node)
        seen[item.alias] = item


def from_item(r: Reader, node: Node, level: Level) -> tuple[Item, list[Item]]:
    """One item and all that it makes visible."""
    ((kind, body),) = node.items()
    entry = _FROM.get(kind)
    if entry is None:
        r.refuse("PM605", f"{kind} in FROM is not understood", body)
        item = Item("", (), ())
        return item, [item]
    handler, keys = entry
    r.known(kind, body, keys)
    return handler(r, body, level)


def range_var(r: Reader, body: Node, level: Level) -> tuple[Item, list[Item]]:
    alias = body.get("alias")
    name = body["relname"]
    shown = alias["aliasname"] if alias else name
    if "schemaname" not in body:
        cte = ctes.find(level, name)
        if cte is not None:
            item = ctes.item(r, cte, shown, body)
            if alias and "colnames" in alias:
                item = Item(shown, renamed(r, list(item.names), alias, body), item.values)
            level.decide(Value(cte.conditions))
            return item, [item]
    relation = relations.lookup(r, body)
    if relation is None:
        r.unknown.add(shown)
        item = Item(shown, (), ())
        return item, [item]
    r.name(relation, "read", r.position(body))
    relations.followed(r, relation, body)
    item = relations.relation_item(r, relation, shown, body, level)
    if alias:
        item.plain_base = None
        if "colnames" in alias:
            item.names = renamed(r, list(item.names), alias, body)
            item.index = Item("", item.names, item.values).index
    return item, [item]


# Sub-queries.


def range_subselect(r: Reader, body: Node, level: Level) -> tuple[Item, list[Item]]:
    before = level.lateral_active
    level.lateral_active = bool(body.get("lateral"))
    rows = select.query(r, body["subquery"], level)
    level.lateral_active = before
    level.decide(Value(rows.conditions))
    alias = body.get("alias")
    names = renamed(r, [out.name for out in rows.columns], alias, body)
    item = Item(alias["aliasname"] if alias else "", names, [out.value for out in rows.columns])
    item.rel_visible = alias is not None
    return item, [item]


def range_sample(r: Reader, body: Node, level: Level) -> tuple[Item, list[Item]]:
    found = from_item(r, body["relation"], level)
    r.many(body.get("args"), level, Use.FILTER)
    r.evaluate(body.get("repeatable"), level, Use.FILTER)
    return found


# Joins.


def join(r: Reader, body: Node, level: Level) -> tuple[Item, list[Item]]:
    kind = body.get("jointype", "JOIN_INNER")
    left, left_items = from_item(r, body["larg"], level)
    before = level.items
    for item in left_items:
        item.lateral_only = True
        item.lateral_ok = kind in ("JOIN_INNER", "JOIN_LEFT")
    level.items = [*before, *left_items]
    right, right_items = from_item(r, body["rarg"], level)
    level.items = before
    _check_aliases(r, [*left_items, *right_items], body)
    items = [*left_items, *right_items]
    for item in items:
        item.lateral_only = False
        item.lateral_ok = True
    shared = strings(body.get("usingClause", ()))
    if body.get("isNatural"):
        some = r.session.unsure_columns & {*left.names, *right.names}
        if some:
            unfollowed(r, body, f"made, dropped or renamed the column {min(some)!r}")
        shared = [n for n in dict.fromkeys(left.names) if n in right.index]
    merged_columns = [_merged_column(r, name, left, right, kind, body, level) for name in shared]
    if "quals" in body:
        level.items = items
        level.decide(r.evaluate(body["quals"], level, Use.JOIN))
        level.items = before
    return _joined(r, body, left, right, items, shared, merged_columns)


def _merged_column(
    r: Reader, name: str, left: Item, right: Item, kind: str, body: Node, level: Level
) -> Value:
    sides = []
    for side in (left, right):
        number = side.index.get(name)
        if number is None and side.alias in r.unknown and not side.names:
            return NOTHING
        if number is None:
            r.refuse("PM602", f"USING names {name!r}, which one side has not", body)
            return NOTHING
        if number == TWICE:
            r.refuse("PM603", f"the column name {name!r} is ambiguous", body)
            return NOTHING
        value = take(r, (side, number, side.values[number]), Use.JOIN, r.position(body))
        level.decide(value)
        sides.append(value)
    if kind == "JOIN_RIGHT":
        return sides[1]
    if kind == "JOIN_FULL":
        return combine(sides, DIRECT, sides[0].type)
    return sides[0]


def _joined(
    r: Reader,
    body: Node,
    left: Item,
    right: Item,
    items: list[Item],
    shared: list[str],
    merged_columns: list[Value],
) -> tuple[Item, list[Item]]:
    names = list(shared)
    values = list(merged_columns)
    extra: list[Notes | None] = [None] * len(names)
    for side in (left, right):
        for number, name in enumerate(side.names):
            if name in shared:
                continue
            names.append(name)
            values.append(side.values[number])
            extra.append(side.extra[number] if side.extra is not None else None)
    alias = body.get("alias")
    shown = renamed(r, names, alias, body)
    made = Item(
        alias["aliasname"] if alias else "",
        shown,
        values,
        extra=extra if any(e is not None for e in extra) else None,
    )
    made.rel_visible = alias is not None
    using = body.get("join_using_alias")
    if alias is not None:
        return made, [made]
    for item in items:
        item.cols_visible = False
    visible = [*items, made]
    if using is not None:
        short = Item(
            using["aliasname"], renamed(r, names[: len(shared)], using, body), merged_columns
        )
        short.cols_visible = False
        visible.append(short)
    return made, visible


_FROM: Final[dict[str, tuple[FromHandler, frozenset[str]]]] = {
    "RangeVar": (range_var, relations.RANGE_VAR),
    "RangeSubselect": (range_subselect, frozenset({"lateral", "subquery", "alias"})),
    "RangeFunction": (
        table_functions.range_function,
        frozenset({"lateral", "ordinality", "is_rowsfrom", "functions", "alias", "coldeflist"}),
    ),
    "RangeTableFunc": (
        table_functions.range_table_func,
        frozenset(
            {"lateral", "docexpr", "rowexpr", "namespaces", "columns", "alias", "location"}
        ),
    ),
    "JsonTable": (
        table_functions.json_table,
        frozenset(
            {"context_item", "pathspec", "passing", "columns", "on_error", "alias", "lateral",
             "location"}
        ),
    ),
    "RangeTableSample": (
        range_sample, frozenset({"relation", "method", "args", "repeatable", "location"})
    ),
    "JoinExpr": (
        join,
        frozenset(
            {"jointype", "isNatural", "larg", "rarg", "usingClause", "join_using_alias", "quals",
             "alias", "rtindex"}
        ),
    ),
}  # fmt: skip
