"""Every kind of expression but names and calls: what its value is made from."""

from __future__ import annotations

from typing import Final

from pgmask.facts.schema import Operator
from pgmask.lineage import bodies, select
from pgmask.lineage.model import Use
from pgmask.lineage.names import fields_of
from pgmask.lineage.reader import Node, Reader, expression
from pgmask.lineage.scope import Level, strings
from pgmask.lineage.types import UNKNOWN, bare, may_be, type_name
from pgmask.lineage.values import (
    CONDITION,
    DIRECT,
    EXPRESSION,
    NO_SOURCES,
    NOTHING,
    Value,
    at_least,
    combine,
    conditioned,
    merged,
)

_COMPARISONS: Final = frozenset(
    {"=", "<>", "!=", "<", ">", "<=", ">=", "~", "~*", "!~", "!~*", "~~", "!~~", "~~*", "!~~*",
     "@>", "<@", "&&", "?", "?|", "?&", "@@", "@?", "^@", "<<", ">>", "-|-", "&<", "&>"}
)  # fmt: skip
_EQUAL: Final = [{"String": {"sval": "="}}]
_ARITHMETIC: Final = frozenset("+-*/%")
_NUMBERS: Final = frozenset(
    {"smallint", "integer", "bigint", "numeric", "real", "double precision"}
)
"""Types of which arithmetic stays in the type."""


@expression("A_Const", "isnull ival fval boolval sval bsval location")
def constant(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    for key, text in _CONSTANTS.items():
        if key in body:
            if key == "fval" and not set(body["fval"].get("fval", "")) & set(".eE"):
                # Too long for an integer: bigint or numeric.
                return Value()
            return text
    return NOTHING


_CONSTANTS: Final = {
    "ival": Value(type="integer"),
    "fval": Value(type="numeric"),
    "boolval": Value(type="boolean"),
    "bsval": Value(type="bit"),
}
_BOOLEAN: Final = Value(type="boolean")


@expression("List", "items")
def several(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return combine(r.many(body.get("items"), level, use), DIRECT)


@expression("A_Expr", "kind name lexpr rexpr rexpr_list_start rexpr_list_end location")
def operator(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    left = r.evaluate(body.get("lexpr"), level, use)
    right = r.evaluate(body.get("rexpr"), level, use)
    kind = body["kind"]
    behind = _own_operator(r, body, left, right) if r.session.schema.operators else []
    if behind and kind == "AEXPR_NULLIF":
        left = conditioned(left, merged(v.sources for v in behind))
    elif behind:
        left = Value(merged((left.sources, *(v.sources for v in behind))), left.type)
    if kind == "AEXPR_NULLIF":
        return conditioned(left, right.sources)
    if kind != "AEXPR_OP":
        return Value(merged((left.sources, right.sources), EXPRESSION), "boolean")
    sign = body["name"][-1]["String"].get("sval", "")
    text = ""
    if sign in _COMPARISONS:
        text = "boolean"
    elif (
        sign in _ARITHMETIC and bare(left.type) == bare(right.type) and bare(left.type) in _NUMBERS
    ):
        text = bare(left.type)
    elif sign == "||" and "text" in (bare(left.type), bare(right.type)):
        text = "text"
    return Value(merged((left.sources, right.sources), EXPRESSION), text)


def _own_operator(r: Reader, body: Node, left: Value, right: Value) -> list[Value]:
    parts = []
    args = [v for key, v in (("lexpr", left), ("rexpr", right)) if key in body]
    known = r.session.schema.memo.get("operators")
    if known is None:
        known = {}
        for one in r.session.schema.operators:
            known.setdefault(one.name, []).append(one)
        r.session.schema.memo["operators"] = known
    names = strings(body["name"])
    some: list[Operator] = known.get(names[-1], [])
    for one in some:
        if len(names) > 1 and one.schema != names[0]:
            continue
        if may_be(r.session, left.type, one.left) and may_be(r.session, right.type, one.right):
            parts.append(bodies.behind(r, one.function, args, body))
    return parts


@expression("BoolExpr", "boolop args location")
def boolean(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return combine(r.many(body.get("args"), level, use), EXPRESSION, "boolean")


@expression("NullTest", "arg nulltesttype argisrow location")
def null_test(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return combine([r.evaluate(body.get("arg"), level, use)], EXPRESSION, "boolean")


@expression("BooleanTest", "arg booltesttype location")
def boolean_test(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return combine([r.evaluate(body.get("arg"), level, use)], EXPRESSION, "boolean")


@expression("TypeCast", "arg typeName location")
def cast(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    value = r.evaluate(body.get("arg"), level, use)
    text = type_name(r, body["typeName"])
    behind = [
        bodies.behind(r, one.function, [value], body)
        for one in r.session.schema.operators
        if one.name == "::"
        and one.right == bare(text).removesuffix("[]")
        and value is not NOTHING
        and (not value.type or may_be(r.session, value.type.removesuffix("[]"), one.left))
    ]
    if any(v.sources for v in behind):
        return combine([value, *behind], EXPRESSION, text)
    if text == "record":
        return Value(value.sources, text, value.fields)
    if not value.sources:
        return Value(type=text)
    known = r.session.schema.types_by_text
    have, want = known.get(bare(value.type)), known.get(bare(text))
    # A string stays the string, whatever it is called; a shorter length makes another value.
    same = bare(value.type) == bare(text) or (
        have is not None and want is not None and have.category == want.category == "S"
    )
    if same and not body["typeName"].get("typmods"):
        return Value(value.sources, text, value.fields)
    return Value(at_least(value.sources, EXPRESSION), text)


@expression("CollateClause", "arg collname location")
def collate(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return r.evaluate(body.get("arg"), level, use)


@expression("CaseExpr", "arg args defresult location")
def case(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    deciding = [r.evaluate(body.get("arg"), level, Use.FILTER)]
    results = []
    for node in body.get("args", ()):
        when = r.part(node, "CaseWhen")
        deciding.append(r.evaluate(when.get("expr"), level, Use.FILTER))
        results.append(r.evaluate(when.get("result"), level, use))
    results.append(r.evaluate(body.get("defresult"), level, use))
    return conditioned(_one_of(results), merged(d.sources for d in deciding))


def _one_of(values: list[Value]) -> Value:
    """A value that is one of these."""
    types = {bare(v.type) for v in values if v is not NOTHING}
    return combine(values, DIRECT, types.pop() if len(types) == 1 else "")


@expression("CoalesceExpr", "args location")
def coalesce(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return _one_of(r.many(body.get("args"), level, use))


@expression("MinMaxExpr", "op args location")
def greatest(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return _one_of(r.many(body.get("args"), level, use))


@expression("A_ArrayExpr", "elements list_start list_end location")
def array(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    nodes = body.get("elements", [])
    one = _one_of(r.many(nodes, level, use))
    # Of literals alone it is one of text; it is an array in any case.
    literals = all("A_Const" in node or "ParamRef" in node for node in nodes)
    return Value(one.sources, f"{one.type or ('text' if literals else UNKNOWN)}[]")


@expression("RowExpr", "args row_format colnames location")
def row(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    fields: list[tuple[str, Value]] = []
    for node in body.get("args", ()):
        for value in with_star(r, node, level, use):
            fields.append((f"f{len(fields) + 1}", value))
    return Value(merged(v.sources for _, v in fields), "record", tuple(fields))


def with_star(r: Reader, node: Node, level: Level, use: Use | None) -> list[Value]:
    """The values of an expression, of several fields where it ends in a star."""
    if "ColumnRef" in node and "A_Star" in node["ColumnRef"]["fields"][-1]:
        return [v for _, v in select.star(r, node["ColumnRef"], level, use)]
    if "A_Indirection" in node and "A_Star" in node["A_Indirection"]["indirection"][-1]:
        body = node["A_Indirection"]
        return [v for _, v in fields_of(r, r.evaluate(node, level, use), body)]
    return [r.evaluate(node, level, use)]


@expression("SubLink", "subLinkType subLinkId testexpr operName subselect location")
def sub_query(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    kind = body["subLinkType"]
    tested = r.evaluate(body.get("testexpr"), level, use)
    rows = select.query(r, body["subselect"], level)
    if kind == "EXISTS_SUBLINK":
        return Value(at_least(rows.conditions, CONDITION), "boolean")
    outs = [out.value for out in rows.columns]
    if kind in ("ANY_SUBLINK", "ALL_SUBLINK") and r.session.schema.operators and len(outs) == 1:
        sign = {"name": body.get("operName", _EQUAL), "lexpr": 0, "rexpr": 0}
        outs += _own_operator(r, {**body, **sign}, tested, outs[0])
    for out in outs:
        r.note(out.sources, use, r.position(body))
    if kind in ("ANY_SUBLINK", "ALL_SUBLINK"):
        compared = merged((tested.sources, *(o.sources for o in outs)), EXPRESSION)
        return conditioned(Value(compared, "boolean"), rows.conditions)
    if kind == "ARRAY_SUBLINK":
        text = f"{outs[0].type}[]" if outs and outs[0].type else ""
        return conditioned(Value(outs[0].sources if outs else NO_SOURCES, text), rows.conditions)
    if len(outs) == 1:
        return conditioned(outs[0], rows.conditions)
    fields = tuple((out.name, conditioned(out.value, rows.conditions)) for out in rows.columns)
    whole = Value(merged(o.sources for o in outs), "record", fields)
    return conditioned(whole, rows.conditions)


@expression("GroupingFunc", "args refs agglevelsup location")
def grouping(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    values = r.many(body.get("args"), level, Use.GROUP)
    return combine(values, CONDITION, "integer")


@expression("SQLValueFunction", "op typmod location")
def value_function(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return Value()


@expression("SetToDefault", "typeMod location")
def default(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return NOTHING


@expression("CurrentOfExpr", "cvarno cursor_name cursor_param")
def current_of(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return NOTHING


@expression("MergeSupportFunc", "msftype msfcollid location")
def merge_action(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return Value(type="text")


@expression("NamedArgExpr", "arg name argnumber location")
def named_argument(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return r.evaluate(body.get("arg"), level, use)


@expression("MultiAssignRef", "source colno ncolumns")
def of_several(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    source = body["source"]
    number: int = body.get("colno", 1) - 1
    if "RowExpr" in source:
        values = [v for node in source["RowExpr"]["args"] for v in with_star(r, node, level, use)]
        return values[number] if number < len(values) else NOTHING
    value = r.evaluate(source, level, use)
    if value.fields is not None and number < len(value.fields):
        return value.fields[number][1]
    return value


@expression("ResTarget", "name indirection val location")
def target(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return r.evaluate(body.get("val"), level, use)


@expression("SortBy", "node sortby_dir sortby_nulls useOp location")
def sort_by(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return r.evaluate(body.get("node"), level, use)
