"""FROM: relations, sub-queries, functions and joins, each with what of it may be named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pgmask.facts.schema import Relation, row_type
from pgmask.lineage import ctes, documents, functions, labels, select, views
from pgmask.lineage.model import Column, Use
from pgmask.lineage.names import take
from pgmask.lineage.reader import Node, Reader, unfollowed
from pgmask.lineage.scope import TWICE, Item, Level, strings
from pgmask.lineage.session import Renamed
from pgmask.lineage.types import type_name
from pgmask.lineage.values import DIRECT, EXPRESSION, NOTHING, Notes, Value, combine

FromHandler = Callable[[Reader, Node, Level], tuple[Item, list[Item]]]
_RANGE_VAR: Final = frozenset(
    {"catalogname", "schemaname", "relname", "inh", "relpersistence", "alias", "location"}
)


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


def renamed(r: Reader, names: list[str], alias: Node | None, node: Node) -> list[str]:
    """Column names after an alias's list."""
    given = strings(alias.get("colnames", ())) if alias else []
    if len(given) > len(names):
        r.refuse("PM611", "an alias lists more columns than there are", node)
    return given[: len(names)] + names[len(given) :]


# Relations.


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
    relation = lookup(r, body)
    if relation is None:
        r.unknown.add(shown)
        item = Item(shown, (), ())
        return item, [item]
    r.name(relation, "read", r.position(body))
    followed(r, relation, body)
    item = relation_item(r, relation, shown, body, level)
    if alias:
        item.plain_base = None
        if "colnames" in alias:
            item.names = renamed(r, list(item.names), alias, body)
            item.index = Item("", item.names, item.values).index
    return item, [item]


def lookup(r: Reader, body: Node) -> Relation | None:
    """The relation of a RangeVar; refuses where there is none."""
    r.known("RangeVar", body, _RANGE_VAR)
    schema = body.get("schemaname")
    database = r.session.schema.database
    if body.get("catalogname") and database and body["catalogname"] != database:
        r.refuse("PM611", "another database cannot be named", body)
        return None
    if schema is None and not r.session.state.path_known:
        r.refuse("PM613", "the search_path is not known here, so a bare name says nothing", body)
        return None
    relation = r.session.relation(schema, body["relname"])
    if schema is None and r.session.unsure(body["relname"]):
        unfollowed(r, body, f"made or dropped one of several relations called {body['relname']!r}")
        return None
    if schema is None and r.quiet and not r.fresh:
        if relation is not None and relation.schema != "pg_catalog":
            r.session.bare_inside = True
    if relation is None:
        full = f"{schema}.{body['relname']}" if schema else body["relname"]
        where = "" if schema else f" on the path {', '.join(r.session.state.path) or '(empty)'}"
        r.refuse("PM601", f"no relation is called {full!r}{where}", body)
        r.unknown.add(body["relname"])
    elif relation.kind in "ct":
        r.refuse("PM601", f"{body['relname']!r} is a type and no relation", body)
        return None
    return relation


def followed(r: Reader, relation: Relation, body: Node) -> None:
    """Refuse rows of a relation that may be another than its name says."""
    key = (relation.schema, relation.name)
    if key in r.session.moved:
        unfollowed(r, body, f"renamed, moved or attached {relation.name!r} or its columns")
    elif r.quiet and not r.fresh and r.session.renamed(key):
        # A view goes on with the old names, a body of text with the new ones.
        unfollowed(r, body, f"renamed columns of {relation.name!r}")
    elif r.session.remade(key):
        unfollowed(r, body, f"made {relation.name!r} anew")


def relation_item(
    r: Reader, relation: Relation, alias: str, body: Node, level: Level | None
) -> Item:
    """A table or view as an item of FROM, its columns the base columns behind them."""
    key = (relation.schema, relation.name)
    if not relation.is_boundary:
        view = views.expanded(r, relation, body)
        position = r.position(body)
        r.notes.take(view.always, position)
        if level is not None:
            level.decide(Value(view.conditions))
        return Item(
            alias, relation.columns, view.values, index=view.index, plain_base=key,
            extra=view.extra, row_type=row_type(*key),
        )  # fmt: skip
    made = r.session.schema.memo.get(key)
    if made is None or made[0] is not relation:
        origins = dict(relation.origins) if isinstance(relation, Renamed) else {}
        values = [
            Value({Column(*key, origins.get(name, name)): DIRECT}, text)
            for name, text in zip(relation.columns, relation.types, strict=True)
        ]
        item = Item(alias, relation.columns, values)
        made = (relation, values, item.index)
        r.session.schema.memo[key] = made
    base = key if relation.kind in "rpmfS" else None
    return Item(
        alias, relation.columns, made[1], index=made[2], base=base, plain_base=key,
        row_type=row_type(*key),
    )  # fmt: skip


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


# Functions.


def range_function(r: Reader, body: Node, level: Level) -> tuple[Item, list[Item]]:
    before = level.lateral_active
    level.lateral_active = True
    alias = body.get("alias")
    calls = [r.part(one, "List")["items"] for one in body["functions"]]
    single = len(calls) == 1 and not body.get("is_rowsfrom")
    columns: list[tuple[str, Value]] = []
    scalar = False
    row = ""
    for node, defined in calls:
        for one in _unnested(node, defined):
            definition = defined["List"]["items"] if defined else body.get("coldeflist")
            name = alias["aliasname"] if alias and single else labels.label(one)
            found, scalar, row = _function_columns(r, one, definition, name, level)
            columns += found
    level.lateral_active = before
    if len(calls) > 1 or len(columns) > 1:
        scalar, row = scalar and len(columns) == 1, row if len(calls) == 1 else ""
    if body.get("ordinality"):
        columns.append(("ordinality", Value(type="bigint")))
        scalar, row = False, ""
    names = [name for name, _ in columns]
    if alias:
        names = renamed(r, names, alias, body)
        shown = alias["aliasname"]
    else:
        shown = labels.label(calls[0][0])
    item = Item(shown, names, [value for _, value in columns], row_type=row)
    item.scalar = scalar
    return item, [item]


def _unnested(node: Node, defined: Node) -> list[Node]:
    """``unnest`` of several arrays stands for one of each."""
    body = node.get("FuncCall", {})
    names = strings(body.get("funcname", ()))
    plain = body.keys() <= {"funcname", "args", "funcformat", "location"}
    if names == ["unnest"] and len(body.get("args", ())) > 1 and plain and not defined:
        return [{"FuncCall": {**body, "args": [arg]}} for arg in body["args"]]
    return [node]


def _function_columns(
    r: Reader, node: Node, definition: list[Node] | None, name: str, level: Level
) -> tuple[list[tuple[str, Value]], bool, str]:
    if "FuncCall" not in node:
        value = r.evaluate(node, level, None)
        return [(name, value)], True, ""
    made = functions.call(r, node["FuncCall"], level, None)
    value = made.value
    if definition is not None:
        parts = [r.part(one, "ColumnDef") for one in definition]
        if value.fields is not None and len(value.fields) == len(parts):
            return (
                [
                    (part["colname"], Value(field.sources, type_name(r, part["typeName"])))
                    for part, (_, field) in zip(parts, value.fields, strict=True)
                ],
                False,
                "",
            )
        return (
            [
                (part["colname"], Value(value.sources, type_name(r, part["typeName"])))
                for part in parts
            ],
            False,
            "",
        )
    found = functions.columns(r, made, name, node)
    if found is None:
        if made.functions:
            r.refuse(
                "PM606",
                f"what columns {made.functions[0].name!r} gives is not known",
                node["FuncCall"],
                "Give it a column definition list.",
            )
        return [(name, Value(value.sources))], True, ""
    columns, scalar = found
    return columns, scalar, "" if scalar else value.type


# XMLTABLE, JSON_TABLE, TABLESAMPLE.


def range_table_func(r: Reader, body: Node, level: Level) -> tuple[Item, list[Item]]:
    before = level.lateral_active
    level.lateral_active = True
    document = r.evaluate(body.get("docexpr"), level, None)
    others = [r.evaluate(body.get("rowexpr"), level, None)]
    others += r.many(body.get("namespaces"), level, None)
    columns = []
    for node in body.get("columns", ()):
        part = node["RangeTableFuncCol"]
        r.known("RangeTableFuncCol", part, _XML_COLUMN)
        more = [r.evaluate(part.get(key), level, None) for key in ("colexpr", "coldefexpr")]
        if part.get("for_ordinality"):
            columns.append((part["colname"], Value(type="integer")))
            continue
        value = combine([document, *others, *more], EXPRESSION, type_name(r, part["typeName"]))
        columns.append((part["colname"], value))
    level.lateral_active = before
    return _table_function(r, body, columns, "xmltable")


_XML_COLUMN: Final = frozenset(
    {"colname", "typeName", "for_ordinality", "is_not_null", "colexpr", "coldefexpr", "location"}
)
_JSON_COLUMN: Final = frozenset(
    {"coltype", "name", "typeName", "pathspec", "format", "wrapper", "quotes", "columns",
     "on_empty", "on_error", "location"}
)  # fmt: skip


def json_table(r: Reader, body: Node, level: Level) -> tuple[Item, list[Item]]:
    before = level.lateral_active
    level.lateral_active = True
    document = combine(
        [
            documents.json_value(r, body.get("context_item"), level, None),
            *r.many(body.get("passing"), level, None),
            documents.behaviour(r, body.get("on_error"), level, None),
        ],
        EXPRESSION,
    )
    columns: list[tuple[str, Value]] = []

    def add(nodes: list[Node]) -> None:
        for node in nodes:
            part = node["JsonTableColumn"]
            r.known("JsonTableColumn", part, _JSON_COLUMN)
            if part.get("coltype") == "JTC_NESTED":
                add(part.get("columns", []))
            elif part.get("coltype") == "JTC_FOR_ORDINALITY":
                columns.append((part["name"], Value(type="integer")))
            else:
                more = [
                    documents.behaviour(r, part.get(k), level, None)
                    for k in ("on_empty", "on_error")
                ]
                text = type_name(r, part.get("typeName") or {})
                columns.append((part["name"], combine([document, *more], EXPRESSION, text)))

    add(body.get("columns", []))
    level.lateral_active = before
    return _table_function(r, body, columns, "json_table")


def _table_function(
    r: Reader, body: Node, columns: list[tuple[str, Value]], name: str
) -> tuple[Item, list[Item]]:
    alias = body.get("alias")
    names = renamed(r, [n for n, _ in columns], alias, body)
    shown = alias["aliasname"] if alias else name
    item = Item(shown, names, [v for _, v in columns])
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
    "RangeVar": (range_var, _RANGE_VAR),
    "RangeSubselect": (range_subselect, frozenset({"lateral", "subquery", "alias"})),
    "RangeFunction": (
        range_function,
        frozenset({"lateral", "ordinality", "is_rowsfrom", "functions", "alias", "coldeflist"}),
    ),
    "RangeTableFunc": (
        range_table_func,
        frozenset(
            {"lateral", "docexpr", "rowexpr", "namespaces", "columns", "alias", "location"}
        ),
    ),
    "JsonTable": (
        json_table,
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
