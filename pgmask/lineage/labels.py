"""What PostgreSQL calls an output column that has no name of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pgmask.lineage.reader import Reader
from pgmask.lineage.scope import strings

Node = dict[str, Any]

_FIXED: Final = {
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "CoalesceExpr": "coalesce",
    "GroupingFunc": "grouping",
    "MergeSupportFunc": "merge_action",
    "XmlSerialize": "xmlserialize",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
    "JsonObjectConstructor": "json_object",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonArrayAgg": "json_arrayagg",
}
_JSON: Final = {
    "JSON_EXISTS_OP": "json_exists", "JSON_QUERY_OP": "json_query", "JSON_VALUE_OP": "json_value",
}  # fmt: skip
_XML: Final = {
    "IS_XMLCONCAT": "xmlconcat", "IS_XMLELEMENT": "xmlelement", "IS_XMLFOREST": "xmlforest",
    "IS_XMLPARSE": "xmlparse", "IS_XMLPI": "xmlpi", "IS_XMLROOT": "xmlroot",
}  # fmt: skip
WEAK: Final = 1
STRONG: Final = 2


def label(node: Node) -> str:
    """The name of the column that this expression makes."""
    return _label(node)[1] or "?column?"


def _label(node: Node | None) -> tuple[int, str]:
    """How strongly a name is suggested (0 not at all), and the name."""
    if not node:
        return 0, ""
    ((kind, body),) = node.items()
    if kind in _FIXED:
        return STRONG, _FIXED[kind]
    handler = _HANDLERS.get(kind)
    return handler(body) if handler is not None else (0, "")


def _last(nodes: list[Node]) -> str:
    names = [n["String"].get("sval", "") for n in nodes if "String" in n]
    return names[-1] if names else ""


def _column(body: Node) -> tuple[int, str]:
    name = _last(body["fields"])
    return (STRONG, name) if name else (0, "")


def _indirection(body: Node) -> tuple[int, str]:
    name = _last(body["indirection"])
    return (STRONG, name) if name else _label(body.get("arg"))


def _cast(body: Node) -> tuple[int, str]:
    strength, name = _label(body.get("arg"))
    if strength <= WEAK and body.get("typeName", {}).get("names"):
        return WEAK, _last(body["typeName"]["names"])
    return strength, name


def _case(body: Node) -> tuple[int, str]:
    strength, name = _label(body.get("defresult"))
    return (strength, name) if strength > WEAK else (WEAK, "case")


def _sub_query(body: Node) -> tuple[int, str]:
    kind = body.get("subLinkType")
    if kind == "EXISTS_SUBLINK":
        return STRONG, "exists"
    if kind == "ARRAY_SUBLINK":
        return STRONG, "array"
    if kind != "EXPR_SUBLINK":
        return 0, ""
    query = body["subselect"].get("SelectStmt", {})
    while "larg" in query:
        query = query["larg"]
    if "valuesLists" in query:
        return STRONG, "column1"
    listed = query.get("targetList")
    if not listed:
        return 0, ""
    first = listed[0]["ResTarget"]
    if first.get("name"):
        return STRONG, first["name"]
    return STRONG, _label(first.get("val"))[1]


_HANDLERS: Final[dict[str, Callable[[Node], tuple[int, str]]]] = {
    "ColumnRef": _column,
    "A_Indirection": _indirection,
    "FuncCall": lambda body: (STRONG, _last(body["funcname"])),
    "A_Expr": lambda body: (STRONG, "nullif") if body["kind"] == "AEXPR_NULLIF" else (0, ""),
    "TypeCast": _cast,
    "CollateClause": lambda body: _label(body.get("arg")),
    "SubLink": _sub_query,
    "CaseExpr": _case,
    "MinMaxExpr": lambda body: (
        STRONG, "least" if body.get("op") == "IS_LEAST" else "greatest"
    ),
    "SQLValueFunction": lambda body: (
        STRONG, body["op"].removeprefix("SVFOP_").removesuffix("_N").lower()
    ),
    "XmlExpr": lambda body: (STRONG, _XML[body["op"]]) if body.get("op") in _XML else (0, ""),
    "JsonFuncExpr": lambda body: (STRONG, _JSON.get(body.get("op", "JSON_EXISTS_OP"), "")),
}  # fmt: skip


def renamed(r: Reader, names: list[str], alias: Node | None, node: Node) -> list[str]:
    """Column names after an alias's list."""
    given = strings(alias.get("colnames", ())) if alias else []
    if len(given) > len(names):
        r.refuse("PM611", "an alias lists more columns than there are", node)
    return given[: len(names)] + names[len(given) :]
