"""XML and JSON: many words, one meaning: the value is computed from what is given."""

from __future__ import annotations

from typing import Final

from pgmask.lineage import select
from pgmask.lineage.model import Use
from pgmask.lineage.reader import Node, Reader, expression
from pgmask.lineage.scope import Level
from pgmask.lineage.types import type_name
from pgmask.lineage.values import (
    AGGREGATE,
    EXPRESSION,
    NOTHING,
    Value,
    combine,
    conditioned,
    merged,
)


@expression("XmlExpr", "op name named_args arg_names args xmloption indent type typmod location")
def xml(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    parts = r.many(body.get("named_args"), level, use) + r.many(body.get("args"), level, use)
    return combine(parts, EXPRESSION, "boolean" if body.get("op") == "IS_DOCUMENT" else "xml")


@expression("XmlSerialize", "xmloption expr typeName indent location")
def xml_serialize(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    value = r.evaluate(body.get("expr"), level, use)
    return combine([value], EXPRESSION, type_name(r, body["typeName"]))


_JSON_VALUE: Final = frozenset({"raw_expr", "formatted_expr", "format"})


def json_value(r: Reader, body: Node | None, level: Level, use: Use | None) -> Value:
    """A JsonValueExpr without its wrapper."""
    if not body:
        return NOTHING
    r.known("JsonValueExpr", body, _JSON_VALUE)
    return r.evaluate(body.get("raw_expr"), level, use)


@expression("JsonValueExpr", "raw_expr formatted_expr format")
def json_value_node(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return json_value(r, body, level, use)


@expression("JsonKeyValue", "key value")
def json_pair(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    key = r.evaluate(body.get("key"), level, use)
    return combine([key, json_value(r, body.get("value"), level, use)], EXPRESSION)


@expression("JsonArgument", "val name")
def json_argument(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return json_value(r, body.get("val"), level, use)


def _json_type(r: Reader, body: Node, otherwise: str) -> str:
    output = body.get("output") or {}
    return type_name(r, output["typeName"]) if output.get("typeName") else otherwise


@expression("JsonObjectConstructor", "exprs output absent_on_null unique location")
def json_object(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    values = r.many(body.get("exprs"), level, use)
    return combine(values, EXPRESSION, _json_type(r, body, "json"))


@expression("JsonArrayConstructor", "exprs output absent_on_null location")
def json_array(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    values = r.many(body.get("exprs"), level, use)
    return combine(values, EXPRESSION, _json_type(r, body, "json"))


@expression("JsonArrayQueryConstructor", "query output format absent_on_null location")
def json_array_query(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    rows = select.query(r, body["query"], level)
    for out in rows.columns:
        r.note(out.value.sources, use, r.position(body))
    value = combine([o.value for o in rows.columns], AGGREGATE, _json_type(r, body, "json"))
    return conditioned(value, rows.conditions)


_AGGREGATE: Final = frozenset({"output", "agg_filter", "agg_order", "over", "location"})


def _json_aggregate(r: Reader, body: Node, arg: Value, level: Level, use: Use | None) -> Value:
    made = body.get("constructor") or {}
    r.known("JsonAggConstructor", made, _AGGREGATE)
    deciding = [r.evaluate(made.get("agg_filter"), level, Use.FILTER)]
    deciding += r.many(made.get("agg_order"), level, Use.ORDER)
    if "over" in made:
        deciding.append(Value(select.window(r, made["over"], level)))
    if use is not None:
        r.note(arg.sources, use, r.position(made))
    value = combine([arg], AGGREGATE, _json_type(r, made, "json"))
    return conditioned(value, merged(d.sources for d in deciding))


@expression("JsonObjectAgg", "constructor arg absent_on_null unique")
def json_object_agg(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    arg = json_pair(r, body.get("arg") or {}, level, Use.AGGREGATE)
    return _json_aggregate(r, body, arg, level, use)


@expression("JsonArrayAgg", "constructor arg absent_on_null")
def json_array_agg(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    arg = json_value(r, body.get("arg"), level, Use.AGGREGATE)
    return _json_aggregate(r, body, arg, level, use)


@expression("JsonParseExpr", "expr output unique_keys location")
def json_parse(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return combine([json_value(r, body.get("expr"), level, use)], EXPRESSION, "json")


@expression("JsonScalarExpr", "expr output location")
def json_scalar(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return combine([r.evaluate(body.get("expr"), level, use)], EXPRESSION, "json")


@expression("JsonSerializeExpr", "expr output location")
def json_serialize(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    value = json_value(r, body.get("expr"), level, use)
    return combine([value], EXPRESSION, _json_type(r, body, "text"))


@expression(
    "JsonFuncExpr",
    "op column_name context_item pathspec passing output on_empty on_error wrapper quotes location",
)
def json_function(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    parts = [json_value(r, body.get("context_item"), level, use)]
    parts.append(r.evaluate(body.get("pathspec"), level, use))
    parts += r.many(body.get("passing"), level, use)
    parts += [behaviour(r, body.get(key), level, use) for key in ("on_empty", "on_error")]
    text = {"JSON_EXISTS_OP": "boolean", "JSON_QUERY_OP": "jsonb"}.get(body.get("op", ""), "text")
    return combine(parts, EXPRESSION, _json_type(r, body, text))


_BEHAVIOUR: Final = frozenset({"btype", "expr", "coerce", "location"})


def behaviour(r: Reader, body: Node | None, level: Level, use: Use | None) -> Value:
    """A JsonBehavior: DEFAULT with its expression."""
    if not body:
        return NOTHING
    r.known("JsonBehavior", body, _BEHAVIOUR)
    return r.evaluate(body.get("expr"), level, use)


@expression("JsonIsPredicate", "expr format item_type unique_keys location")
def json_is(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return combine([r.evaluate(body.get("expr"), level, use)], EXPRESSION, "boolean")
