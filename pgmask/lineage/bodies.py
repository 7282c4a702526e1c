"""Functions of the language sql: looked through, their parameters being what the call gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pgmask.facts.schema import BOUNDARIES, Function
from pgmask.lineage import statements
from pgmask.lineage.finish import PARAMETER, finish, is_parameter, note_outputs
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.model import Column, Lineage, Source, Unresolved, Write
from pgmask.lineage.parse import Text, parse_all, parse_one
from pgmask.lineage.reader import DEEPEST, Node, Reader, unfollowed
from pgmask.lineage.rows import Rows
from pgmask.lineage.scope import Level
from pgmask.lineage.types import row_of
from pgmask.lineage.values import (
    DIRECT,
    EXPRESSION,
    FLOWS,
    NOTHING,
    Notes,
    Sources,
    Value,
    combine,
    conditioned,
    merged,
)

_PLAIN: Final = frozenset(
    {"select", "insert", "update", "delete", "merge", "return", "assignment", "truncate", "notify",
     "show", "call", "lock", "copy"}
)  # fmt: skip
"""Kinds of statements that neither set the path nor make anything."""
_SETS: Final = re.compile(
    r"search_path|pg_settings|u&|set_config(?!\s*\(\s*'[a-z_0-9]+\.[a-z_0-9.]+'\s*,)"
    r"|\bset\s+(local\s+|session\s+)?(schema|role|session)\b|\b(reset|discard|execute|commit"
    r"|rollback)\b",
    re.IGNORECASE,
)
_MAKES: Final = re.compile(r"\b(create|alter|drop|into\s+temp)", re.IGNORECASE)
_RUNTIME: Final = frozenset(
    {"pgmask", "pgmask_audit", "pgmask_note", "pgmask_private", "pgmask_report"}
)
_WORD: Final = re.compile(r"[\w$]+")


def may_set_path(source: str) -> bool:
    """Whether a body in PL/pgSQL has any word by which the search_path is set, or text is run."""
    return _SETS.search(source) is not None


def _is_ours(r: Reader, function: Function) -> bool:
    """Whether it is of the runtime, which leaves the path as it was; never one of the text."""
    made = r.session.state.functions.get(function.name, ())
    return function.schema in _RUNTIME and function not in made


def opaque_may_set_path(r: Reader, function: Function) -> bool:
    """Whether a call of a function that is not read here may change what bare names mean."""
    if function.language in ("internal", "c", "sql") or _is_ours(r, function):
        return False
    key = ("sets", function)
    if key not in r.session.memo:
        r.session.memo[key] = _any_sets_path(r, function)
    return bool(r.session.memo[key])


def _any_sets_path(r: Reader, function: Function) -> bool:
    todo, seen = [function], {function}
    while todo:
        one = todo.pop()
        body = one.body
        if body is None or may_set_path(body) or _MAKES.search(body):
            return True
        for word in set(_WORD.findall(body.lower())):
            for other in r.session.functions_of(word):
                if (
                    other.schema in BOUNDARIES
                    or _is_ours(r, other)
                    or other.language in ("internal", "c")
                ):
                    continue
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
    return False


@dataclass(slots=True)
class Body:
    """What a function's body does, in terms of its parameters."""

    rows: Rows = field(default_factory=Rows)
    notes: Notes = field(default_factory=Notes)
    writes: list[Write] = field(default_factory=list)
    problems: list[Unresolved] = field(default_factory=list)
    inner: list[Lineage] = field(default_factory=list)
    sets_path: bool = False
    bare: bool = False
    """Whether it looks for names on the path of whoever calls it."""


def called(
    r: Reader, function: Function, args: list[Value], given: tuple[str, ...], node: Node, text: str
) -> Value:
    """The value of a call, and all that the body reads and writes as read and written here."""
    name = f"{function.schema}.{function.name}"
    if ("body", function) in r.busy or r.depth > DEEPEST:
        return r.refuse("PM609", f"the function {name} calls itself", node)
    body = _body(r, function)
    r.session.pending = r.session.pending or body.sets_path
    r.session.bare_inside = r.session.bare_inside or body.bare
    for problem in body.problems:
        message = f"in the function {name}: {problem.message}"
        r.refuse(problem.code, message, node, problem.hint)
    known = {one.text for one in r.inner}
    r.inner += [one for one in body.inner if one.text not in known]
    values = _by_parameter(function, args, given)
    position = r.position(node)
    for column, use in body.notes.reads:
        r.note(_put({column: DIRECT}, values), use, position)
    for column in body.notes.named:
        r.note(_put({column: DIRECT}, values), None, position)
    for call in body.notes.calls:
        r.notes.calls.setdefault(call, position)
    r.writes += [_put_write(write, values, position) for write in body.writes]
    conditions = _put(body.rows.conditions, values)
    columns = [
        (out.name, Value(_put(out.value.sources, values), out.value.type, out.value.fields))
        for out in body.rows.columns
    ]
    return conditioned(_result(r, function, columns, values, text), conditions)


def behind(r: Reader, one: tuple[str, str, str], args: list[Value], node: Node) -> Value:
    """What the function of an operator, cast or aggregate gives: one in SQL is looked through."""
    schema, name, signature = one
    r.notes.calls.setdefault(one, r.position(node))
    parts = []
    if name in r.session.changed:
        unfollowed(r, node, f"changed the function {name!r}")
    for function in r.session.functions(schema, name):
        if function.signature != signature:
            continue
        if opaque_may_set_path(r, function):
            r.session.pending = True
        if function.language == "sql" and function.body is not None:
            given = args[: len(function.args)]
            parts.append(called(r, function, given, (), node, function.returns))
    return combine(parts, EXPRESSION)


def _result(
    r: Reader,
    function: Function,
    columns: list[tuple[str, Value]],
    values: dict[str, Value],
    text: str,
) -> Value:
    if function.returns == "void" or not columns:
        return NOTHING
    row = row_of(r.session, text)
    names = [n for n, _ in function.columns] or (list(row.columns) if row is not None else [])
    types = [t for _, t in function.columns] or (list(row.types) if row is not None else [])
    if not names or (len(names) == 1 and row is None):
        if len(columns) == 1:
            return Value(columns[0][1].sources, text, _fields(columns[0][1], values))
        whole = merged(v.sources for _, v in columns)
        return Value(whole, text, tuple(columns))
    if len(columns) == 1 and len(names) != 1:
        # The whole row as one value.
        inner = _fields(columns[0][1], values)
        if inner is not None and len(inner) == len(names):
            columns = list(inner)
        else:
            columns = [("", columns[0][1])] * len(names)
    if len(columns) != len(names):
        columns = [("", Value(merged(v.sources for _, v in columns)))] * len(names)
    fields = tuple(
        (name or f"column{n}", Value(value.sources, kind))
        for n, (name, kind, (_, value)) in enumerate(zip(names, types, columns, strict=True), 1)
    )
    return Value(merged(v.sources for _, v in fields), text, fields)


def _fields(value: Value, values: dict[str, Value]) -> tuple[tuple[str, Value], ...] | None:
    if value.fields is None:
        return None
    return tuple(
        (name, Value(_put(one.sources, values), one.type, _fields(one, values)))
        for name, one in value.fields
    )


def parameters(function: Function) -> dict[str, Value]:
    """The names of a body's parameters, each standing for what a call gives."""
    found: dict[str, Value] = {f"{function.name}.": NOTHING}
    for number, text in enumerate(function.args, 1):
        value = Value({Column("", PARAMETER, str(number)): DIRECT}, text)
        found[f"${number}"] = value
        if function.names and function.names[number - 1]:
            found[function.names[number - 1]] = value
    return found


def _body(r: Reader, function: Function) -> Body:
    path, known = function.path, True
    if path is None and not function.atomic:
        path, known = r.session.running_path()
    key = ("body", function, path, known)
    memo = r.session.memo
    if key in memo:
        found: Body = memo[key]
        return found
    body = _read(r, function, path, known=known)
    if not body.sets_path:
        # What it makes must be made again by the next call.
        r.session.memo[key] = body
    return body


def _read(r: Reader, function: Function, path: tuple[str, ...] | None, *, known: bool) -> Body:
    source = function.body or ""
    body = Body()
    trees = r.session.trees.get(source) or _trees(source, atomic=function.atomic)
    if trees is None:
        body.problems.append(Unresolved(-1, "PM609", "its body cannot be parsed"))
        return body
    state = r.session.state
    before, was_known, caller = state.path, state.path_known, r.session.caller
    pending, bare = r.session.pending, r.session.bare_inside
    r.session.pending = r.session.bare_inside = False
    state.path = ("pg_catalog", "pg_temp") if path is None else path
    state.path_known, r.session.caller = known, None
    level = Level()
    level.parameters = parameters(function)
    text = Text(source)
    try:
        for tree, start, end in trees:
            inner = Reader(r.session, tree)
            inner.quiet = r.quiet + 1
            inner.depth = r.depth + 1
            inner.busy = r.busy | {("body", function)}
            if function.atomic:
                inner.at = 0
            rows = statements.run(inner, tree, level)
            body.sets_path |= r.session.settle()
            body.rows = rows if rows is not None else Rows()
            if tree is not trees[-1][0]:
                note_outputs(inner, body.rows)
            body.notes.take(inner.notes, -1)
            body.writes += inner.writes
            body.problems += inner.unresolved
            done = finish(inner, rows, kind_of(tree), text, start, end)
            if function.atomic:
                done = replace(done, text=source)
            body.inner.append(done)
            body.sets_path |= kind_of(tree) not in _PLAIN
    finally:
        state = r.session.state
        body.bare = r.session.bare_inside
        state.path, state.path_known, r.session.caller = before, was_known, caller
        r.session.pending, r.session.bare_inside = pending, bare
    return body


def _trees(source: str, *, atomic: bool) -> list[tuple[Any, int, int]] | None:
    if not atomic:
        return parse_all(source)
    made = parse_one(f"CREATE FUNCTION f() RETURNS int LANGUAGE sql {source}")
    if made is None:
        return None
    return trees_of(made["CreateFunctionStmt"].get("sql_body", {}), source)


def trees_of(body: Node, source: str) -> list[tuple[Any, int, int]]:
    """The statements of a body as the grammar of CREATE FUNCTION gives it."""
    size = len(source.encode())
    if "ReturnStmt" in body:
        return [(body, 0, size)]
    nested = body.get("List", {}).get("items", [])
    listed = nested[0].get("List", {}).get("items", []) if nested else []
    return [(one, 0, size) for one in listed if one]


def _by_parameter(
    function: Function, args: list[Value], given: tuple[str, ...]
) -> dict[str, Value]:
    """What each parameter is given, by its number as text."""
    found: dict[str, Value] = {}
    first = len(args) - len(given)
    for number, value in enumerate(args):
        if number >= first and given:
            place = function.names.index(given[number - first]) + 1
        else:
            place = min(number + 1, len(function.args))
        known = found.get(str(place))
        if known is not None:
            value = Value(merged((known.sources, value.sources)), value.type)
        found[str(place)] = value
    return found


def _put(sources: Sources, values: dict[str, Value]) -> Sources:
    """Parameters replaced by what they are given."""
    if not any(is_parameter(column) for column in sources):
        return sources
    parts = []
    for column, near in sources.items():
        if is_parameter(column):
            parts.append(merged((values.get(column.column, NOTHING).sources,), near))
        else:
            parts.append({column: near})
    return merged(parts)


def _put_write(write: Write, values: dict[str, Value], position: int) -> Write:
    sources = []
    for name, listed in write.sources:
        plain = _put({s.column: FLOWS.index(s.flow) for s in listed}, values)
        sources.append((name, tuple(sorted(Source(c, FLOWS[near]) for c, near in plain.items()))))
    return replace(write, sources=tuple(sources), position=position)
