"""Functions, XMLTABLE and JSON_TABLE in FROM: the columns that they give."""

from __future__ import annotations

from typing import Final

from pgmask.lineage import documents, functions, labels
from pgmask.lineage.labels import renamed
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.scope import Item, Level, strings
from pgmask.lineage.types import type_name
from pgmask.lineage.values import EXPRESSION, Value, combine


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
