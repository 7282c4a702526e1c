"""Calls: which functions a name may mean, what comes back, and what is behind it.

Where the types of the arguments do not decide between functions of one name, all that remain count:
their sources together and each in ``calls``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pgmask.facts.schema import Function
from pgmask.lineage import bodies, kept, select
from pgmask.lineage.model import Use
from pgmask.lineage.names import field, fields_of, resolve, take
from pgmask.lineage.reader import EXPRESSIONS, Node, Reader, expression, unfollowed
from pgmask.lineage.scope import ROW, Level, NameProblem, column_of, strings
from pgmask.lineage.types import POLYMORPHIC, bare, element, is_array, is_type, may_be, row_of
from pgmask.lineage.values import (
    AGGREGATE,
    EXPRESSION,
    NOTHING,
    Value,
    conditioned,
    merged,
)

_KEYS: Final = (
    "funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct func_variadic"
    " funcformat location"
)


_RUN_TEXT: Final = frozenset(
    {"query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "ts_stat", "ts_rewrite"}
)
"""Functions of the server that run text which they are given."""

_POPULATES: Final = frozenset(
    {"json_populate_record", "json_populate_recordset", "jsonb_populate_record",
     "jsonb_populate_recordset", "populate_record"}
)  # fmt: skip
"""Functions that make rows of the type of their first argument."""


@dataclass(slots=True)
class Called:
    """A call: the functions that may be meant, the arguments, and the value."""

    functions: list[Function]
    args: list[Value]
    value: Value


def of_row(r: Reader, name: str, row: Value, node: Node) -> Value:
    """``row.name`` where it is a function of the row."""
    return _call(r, [name], [row], (), node).value


@expression("FuncCall", _KEYS)
def function_call(r: Reader, body: Node, level: Level, use: Use | None) -> Value:
    return call(r, body, level, use).value


def call(r: Reader, body: Node, level: Level, use: Use | None) -> Called:
    """A FuncCall with all its clauses."""
    r.known("FuncCall", body, EXPRESSIONS["FuncCall"][1])
    names = strings(body["funcname"])
    schema = names[-2] if len(names) > 1 else None
    known = r.session.functions(schema, names[-1])
    kinds = {f.kind for f in known}
    within = bool(body.get("agg_within_group"))
    over = body.get("over")
    aggregate = within or ("a" in kinds and (kinds == {"a"} or "agg_star" in body))
    arg_use = Use.AGGREGATE if aggregate else use
    projected = _projection(r, body, names, level, use)
    if projected is not None:
        return Called([], [], projected)
    args: list[Value] = []
    given: list[str] = []
    for node in body.get("args", ()):
        if "NamedArgExpr" in node:
            given.append(node["NamedArgExpr"].get("name", ""))
        args.append(_argument(r, node, level, arg_use))
    sorted_by = [
        r.evaluate(node, level, Use.AGGREGATE if within else Use.ORDER)
        for node in body.get("agg_order", ())
    ]
    if within:
        args += sorted_by
    made = _call(r, names, args, tuple(given), body, aggregate=aggregate, over=over is not None)
    deciding = [] if within else [s.sources for s in sorted_by]
    if "agg_filter" in body:
        deciding.append(r.evaluate(body["agg_filter"], level, Use.FILTER).sources)
    if over is not None:
        deciding.append(select.window(r, over, level))
    if deciding:
        made.value = conditioned(made.value, merged(deciding))
    if aggregate and use is not None:
        r.note(made.value.sources, use, r.position(body))
    return made


def _projection(
    r: Reader, body: Node, names: list[str], level: Level, use: Use | None
) -> Value | None:
    """``column(row)``: that column of a row in FROM, where no function takes one argument."""
    args = body.get("args", ())
    if len(names) > 1 or len(args) != 1 or "ColumnRef" not in args[0]:
        return None
    reference = r.part(args[0], "ColumnRef")
    if "A_Star" in reference["fields"][-1]:
        return None
    known = [f for f in r.session.functions(None, names[0]) if _fits(f, 1, ())]
    item, number, row = resolve(r, reference, level, use)
    if any(may_be(r.session, row.type, f.args[0]) for f in known):
        return None
    found = column_of(item, names[0]) if item is not None and number == ROW else None
    return None if found is None else take(r, found, use, r.position(body))


def _argument(r: Reader, node: Node, level: Level, use: Use | None) -> Value:
    """An argument; ``t.*`` is the whole row there."""
    if "ColumnRef" in node and "A_Star" in node["ColumnRef"]["fields"][-1]:
        body = r.part(node, "ColumnRef")
        fields = body["fields"][:-1]
        if fields:
            return r.evaluate({"ColumnRef": {**body, "fields": fields}}, level, use)
    return r.evaluate(node, level, use)


def _call(
    r: Reader,
    names: list[str],
    args: list[Value],
    given: tuple[str, ...],
    node: Node,
    *,
    aggregate: bool = False,
    over: bool = False,
) -> Called:
    schema = names[-2] if len(names) > 1 else None
    name = names[-1]
    known = [f for f in r.session.functions(schema, name) if _fits(f, len(args), given)]
    if aggregate:
        known = [f for f in known if f.kind == "a"] or known
    if schema is None and not r.session.state.path_known:
        known = [f for f in known if f.schema == "pg_catalog"]
    if not known:
        return Called([], args, _no_function(r, schema, name, args, node))
    chosen = _chosen(r, known, args, given)
    position = r.position(node)
    for function in chosen:
        signature = function.signature
        if len(chosen) > 1 and function.schema == "pg_catalog":
            signature = ""
        r.notes.calls.setdefault((function.schema, function.name, signature), position)
        if schema is None and r.quiet and function.schema != "pg_catalog":
            r.session.bare_inside = True
    if name in _RUN_TEXT:
        r.session.pending = True
    if name == "set_config" and any(f.schema == "pg_catalog" for f in chosen):
        _setting(r, node)
    many = aggregate or any(f.kind == "a" for f in chosen)
    flow = AGGREGATE if many else EXPRESSION
    text = _result(r, chosen, args)
    value = Value(merged((a.sources for a in args), flow), text)
    parts = [value]
    parts_of: list[Value] = []
    if name in r.session.changed:
        unfollowed(r, node, f"changed the function {name!r}")
    for function in chosen:
        if bodies.opaque_may_set_path(r, function):
            r.session.pending = True
        if r.session.schema.checked:
            made = args[:1] if name in _POPULATES else ()
            for text in (*function.args, function.returns, *(t for _, t in function.columns),
                         *(row.type for row in made)):  # fmt: skip
                kept.coerced(r, text, node)
        for one in function.behind:
            parts_of.append(bodies.behind(r, one, args, node))
        if function.default_text and len(args) < len(function.args):
            what = f"the defaults of {function.name}"
            parts_of.append(kept.expression(r, function.default_text, None, node, what))
        if function.language == "sql" and function.body is not None:
            parts.append(bodies.called(r, function, args, given, node, text))
    if len(parts) > 1:
        whole = [p for p in parts[1:] if p.fields is not None]
        # A body that was read tells more than the arguments do.
        read = parts[1:] if len(parts) == len(chosen) + 1 else parts
        fields = whole[0].fields if len(chosen) == 1 and whole else None
        value = Value(merged(p.sources for p in read), text, fields)
    if any(v.sources for v in parts_of):
        whole_of = merged((value.sources, *(v.sources for v in parts_of)))
        value = Value(whole_of, value.type, None if value.fields is None else value.fields)
    if value.fields is None:
        value = Value(value.sources, value.type, _out_fields(chosen, args, value))
    return Called(chosen, args, value)


def _fits(f: Function, count: int, given: tuple[str, ...]) -> bool:
    most = len(f.args)
    if given and not set(given) <= set(f.names):
        return False
    if most - f.defaults <= count <= most:
        return True
    # Of several it is no matter how many: one array may stand for them.
    return f.modes.endswith("v") and count >= most - 1 - f.defaults


def _chosen(
    r: Reader, known: list[Function], args: list[Value], given: tuple[str, ...]
) -> list[Function]:
    """The functions that the types leave; all where they leave none."""
    if len(known) == 1:
        return known
    own = any(f.schema != "pg_catalog" for f in known)
    if not given:
        exact = [bare(a.type) for a in args]
        made = r.session.state.functions.get(known[0].name, ())
        if all(exact) and not any(f in made for f in known):
            for f in known:
                if list(f.args[: len(args)]) == exact and len(f.args) == len(args):
                    return [f]
        left = [
            f
            for f in known
            if all(
                may_be(r.session, a.type, f.args[min(n, len(f.args) - 1)])
                for n, a in enumerate(args)
                if f.args and not (f.modes.endswith("v") and n >= len(f.args) - 1)
            )
        ]
        known = left or known
        if not own:
            known = _nearest(known, args)
    if all(f.schema == "pg_catalog" for f in known):
        returns = {f.returns for f in known}
        if len(returns) == 1:
            return known
    return known


def _nearest(known: list[Function], args: list[Value]) -> list[Function]:
    """Those with the most arguments of exactly their type, as PostgreSQL prefers them."""
    if len(known) < 2 or not all(a.type for a in args):
        return known
    scores = [
        sum(bare(a.type) == f.args[n] for n, a in enumerate(args) if n < len(f.args)) for f in known
    ]
    best = max(scores)
    return [f for f, score in zip(known, scores, strict=True) if score == best] if best else known


def _no_function(r: Reader, schema: str | None, name: str, args: list[Value], node: Node) -> Value:
    if len(args) == 1:
        if schema is None and (args[0].fields is not None or row_of(r.session, args[0].type)):
            try:
                return field(r, args[0], name, node)
            except NameProblem as problem:
                return r.refuse(problem.code, problem.message, node)
        if is_type(r.session, schema, name):
            return Value(merged([args[0].sources], EXPRESSION), name)
    if schema is None and not r.session.state.path_known:
        return r.refuse(
            "PM613", "the search_path is not known here, so a bare name says nothing", node
        )
    full = f"{schema}.{name}" if schema else name
    if r.session.functions(schema, name):
        message = f"no function {full!r} takes {len(args)} arguments"
    else:
        message = f"no function is called {full!r} here"
    return r.refuse("PM604", message, node)


def _setting(r: Reader, node: Node) -> None:
    first = (node.get("args") or [{}])[0]
    constant = first.get("A_Const", {}).get("sval", {}).get("sval", "")
    if not constant or constant.lower() in ("search_path", "role", "session_authorization"):
        r.session.pending = True


def _result(r: Reader, chosen: list[Function], args: list[Value]) -> str:
    texts = {_returned(f, args) for f in chosen}
    return texts.pop() if len(texts) == 1 else ""


def _returned(f: Function, args: list[Value]) -> str:
    text = f.returns
    if text not in POLYMORPHIC or text.startswith("record"):
        return text
    for wanted, arg in zip(f.args, args, strict=False):
        if wanted in POLYMORPHIC and arg.type and wanted != "any":
            given = bare(arg.type)
            if is_array(wanted):
                given = element(given)
            if not given:
                return ""
            if "range" in wanted or "range" in text:
                return given if wanted == text else ""
            return f"{given}[]" if is_array(text) else given
    return ""


Columns = list[tuple[str, Value]]


def columns(r: Reader, made: Called, name: str, node: Node) -> tuple[Columns, bool] | None:
    """The columns of a function in FROM, and whether it is one scalar; None where unknown.

    A row's fields where it gives rows, its OUT arguments, or one column of the function's name.
    """
    value = made.value
    if value.fields is not None:
        return list(value.fields), False
    shapes = {f.columns for f in made.functions}
    if len(shapes) == 1:
        outs = shapes.pop()
        if outs and row_of(r.session, value.type) is None:
            return [(outs[0][0] or name, value)], True
    elif any(len(shape) > 1 for shape in shapes):
        return None
    if row_of(r.session, value.type) is not None:
        return list(fields_of(r, value, node)), False
    if value.type in ("record", "") and any(f.returns == "record" for f in made.functions):
        return None
    if not made.functions and value is NOTHING:
        return None
    return [(name, value)], True


def _out_fields(
    chosen: list[Function], args: list[Value], value: Value
) -> tuple[tuple[str, Value], ...] | None:
    """The fields of the row that OUT and TABLE arguments make, each from all that is known."""
    outs = chosen[0].columns
    if any(f.columns != outs for f in chosen) or not outs:
        return None
    if len(outs) == 1 and chosen[0].returns != "record":
        return None
    return tuple(
        (name or f"column{n}", Value(value.sources, _out_type(text, chosen[0], args)))
        for n, (name, text) in enumerate(outs, 1)
    )


def _out_type(text: str, function: Function, args: list[Value]) -> str:
    if text not in POLYMORPHIC:
        return text
    for wanted, arg in zip(function.args, args, strict=False):
        if wanted in POLYMORPHIC and arg.type:
            return bare(arg.type).removesuffix("[]") if is_array(wanted) else arg.type
    return ""
