"""Bodies in PL/pgSQL: every expression and statement in them is read as SQL.

What runs text that is put together at run time is refused.  Variables carry on what was put into
them: the body is read until nothing more flows into any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pglast import Error
from pglast.parser import ParseError, parse_plpgsql_json, scan

from pgmask.facts.schema import Function
from pgmask.lineage import kept, statements
from pgmask.lineage.bodies import parameters
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.parse import parse_one
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.rows import Rows
from pgmask.lineage.scope import Level
from pgmask.lineage.types import TRIGGER_ROW, type_name
from pgmask.lineage.values import NOTHING, Value, merged

_ROUNDS: Final = 6
_RAW_EXPR: Final = 2
_ASSIGN: Final = 3
"""Parse modes: from here on assignments, with one, two or three names on the left."""
_KEYS: Final = {
    kind: frozenset(keys.split())
    for kind, keys in {
        "PLpgSQL_function": "datums action new_varno old_varno out_param_varno fn_prokind",
        "PLpgSQL_expr": "query parseMode",
        "PLpgSQL_type": "typname",
        "PLpgSQL_var": "cursor_explicit_argrow cursor_explicit_expr cursor_options datatype"
        " default_val isconst lineno notnull promise refname",
        "PLpgSQL_rec": "dno lineno refname datatype default_val isconst notnull",
        "PLpgSQL_row": "fields lineno refname",
        "PLpgSQL_recfield": "fieldname recparentno",
        "PLpgSQL_condition": "condname",
        "PLpgSQL_exception": "action conditions",
        "PLpgSQL_exception_block": "exc_list",
        "PLpgSQL_case_when": "expr lineno stmts",
        "PLpgSQL_if_elsif": "cond lineno stmts",
        "PLpgSQL_raise_option": "expr opt_type",
        "PLpgSQL_diag_item": "kind target",
        "PLpgSQL_stmt_block": "body exceptions label lineno n_initvars",
        "PLpgSQL_stmt_assign": "expr lineno varno",
        "PLpgSQL_stmt_if": "cond then_body elsif_list else_body lineno",
        "PLpgSQL_stmt_case": "case_when_list have_else else_stmts lineno t_expr t_varno",
        "PLpgSQL_stmt_loop": "body label lineno",
        "PLpgSQL_stmt_while": "body cond label lineno",
        "PLpgSQL_stmt_fori": "body label lineno lower reverse step upper var",
        "PLpgSQL_stmt_fors": "body label lineno query var",
        "PLpgSQL_stmt_forc": "argquery body curvar label lineno var",
        "PLpgSQL_stmt_dynfors": "body label lineno params query var",
        "PLpgSQL_stmt_foreach_a": "body expr label lineno slice varno",
        "PLpgSQL_stmt_exit": "cond is_exit label lineno",
        "PLpgSQL_stmt_return": "expr lineno retvarno",
        "PLpgSQL_stmt_return_next": "expr lineno retvarno",
        "PLpgSQL_stmt_return_query": "dynquery lineno params query",
        "PLpgSQL_stmt_raise": "condname elog_level lineno message options params",
        "PLpgSQL_stmt_assert": "cond lineno message",
        "PLpgSQL_stmt_execsql": "into lineno sqlstmt strict target",
        "PLpgSQL_stmt_dynexecute": "into lineno params query strict target",
        "PLpgSQL_stmt_getdiag": "diag_items is_stacked lineno",
        "PLpgSQL_stmt_open": "argquery cursor_options curvar dynquery lineno params query",
        "PLpgSQL_stmt_fetch": "curvar direction expr how_many is_move lineno"
        " returns_multiple_rows target",
        "PLpgSQL_stmt_close": "curvar lineno",
        "PLpgSQL_stmt_perform": "expr lineno",
        "PLpgSQL_stmt_call": "expr is_call lineno target",
        "PLpgSQL_stmt_commit": "chain lineno",
        "PLpgSQL_stmt_rollback": "chain lineno",
    }.items()
}
"""Every node of a body with its keys: what is not here is refused."""
_DYNAMIC: Final = frozenset({"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"})

Read = tuple[Reader, Rows | None, str, str]


class _Body:
    """Variables by name, and what has flown into them; cursors by number, and what they give."""

    def __init__(self, r: Reader, function: Function, found: Node) -> None:
        self.datums: list[Any] = found.get("datums", [])
        self.names: dict[int, str] = {}
        self.cursors: dict[int, Rows] = {}
        self.values: dict[str, Value] = dict(parameters(function))
        for number, datum in enumerate(self.datums):
            for body in datum.values():
                name = body.get("refname", "")
                if not name or name == "(unnamed row)":
                    continue
                self.names[number] = name
                text = body.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", "")
                if name in ("new", "old") and function.returns in ("trigger", "event_trigger"):
                    text = TRIGGER_ROW
                if name not in self.values:
                    self.values[name] = Value(type=_type(r, text))

    def put(self, target: Node | None, rows: Rows | None) -> None:
        """What a statement gives flows into a variable, a record, or a row of variables."""
        if target is None or rows is None:
            return
        ((kind, body),) = target.items()
        if kind == "PLpgSQL_row":
            for place, one in enumerate(body.get("fields", ())):
                if place < len(rows.columns):
                    self._add(self.names.get(one.get("varno", 0)), rows.columns[place].value, None)
            return
        fields = tuple((out.name, out.value) for out in rows.columns)
        name = body.get("refname")
        if kind == "PLpgSQL_recfield":
            name = self.names.get(body.get("recparentno", 0))
        elif kind == "PLpgSQL_rec":
            if len(fields) == 1 and fields[0][1].fields is not None:
                fields = fields[0][1].fields
            self._add(name, Value(merged(v.sources for _, v in fields), "record"), fields)
            return
        if fields:
            self._add(name, fields[0][1], None)

    def given_out(self, node: Node, inner: Reader) -> None:
        """An argument of CALL may be given back with anything that the call has read."""
        names = node.get("ColumnRef", {}).get("fields", [])
        if len(names) == 1 and "String" in names[0]:
            columns = (*inner.notes.named, *(column for column, _ in inner.notes.reads))
            self._add(names[0]["String"].get("sval"), Value(dict.fromkeys(columns, 1)), None)

    def _add(
        self, name: str | None, value: Value, fields: tuple[tuple[str, Value], ...] | None
    ) -> None:
        if name is None:
            return
        known = self.values.get(name, NOTHING)
        sources = merged((known.sources, value.sources))
        if known.fields is not None and fields is not None:
            same = [n for n, _ in known.fields] == [n for n, _ in fields]
            if not same:
                # A record that holds rows of different queries: every field may be any.
                names = dict.fromkeys([n for n, _ in known.fields] + [n for n, _ in fields])
                fields = tuple((n, Value(sources)) for n in names)
            else:
                fields = tuple(
                    (n, Value(merged((old.sources, new.sources)), new.type, new.fields))
                    for (n, old), (_, new) in zip(known.fields, fields, strict=True)
                )
        elif known.fields is not None and fields is None:
            fields = tuple(
                (n, Value(merged((old.sources, value.sources)), old.type))
                for n, old in known.fields
            )
        self.values[name] = Value(sources, known.type or value.type, fields)

    def state(self) -> dict[str, Any]:
        """To see whether a round has added anything."""
        return {
            name: (value.sources, value.fields and [(n, v.sources) for n, v in value.fields])
            for name, value in self.values.items()
        }


def _type(r: Reader, text: str) -> str:
    """A declared type: ``pg_catalog."integer"`` or a name as it was written, ``t%ROWTYPE``."""
    text = text.strip()
    if not text or text in ("UNKNOWN", TRIGGER_ROW):
        return text.removesuffix("UNKNOWN")
    plain = text.removesuffix("%ROWTYPE").removesuffix("%rowtype")
    made = parse_one(f"SELECT NULL::{plain}")
    if made is None:
        return ""
    target = made["SelectStmt"]["targetList"][0]["ResTarget"]["val"]
    return type_name(r, target["TypeCast"]["typeName"]) if "TypeCast" in target else ""


def read(r: Reader, tree: Node, function: Function) -> list[Read]:
    """Every statement and expression of the body, in its order."""
    # The statement's own text: the parser of bodies wants it alone.
    source = r.text.part(r.start, r.end) if r.text is not None else ""
    try:
        found = json.loads(parse_plpgsql_json(source)) if source else []
    except (ParseError, ValueError, RecursionError):
        r.refuse("PM609", "the body in PL/pgSQL cannot be parsed", {})
        return []
    kept.named(r, source)
    if not found:
        r.refuse("PM609", "a body in PL/pgSQL inside of another body cannot be read", {})
    done: list[Read] = []
    for one in found:
        _check(r, one)
        body = _Body(r, function, one["PLpgSQL_function"])
        for _ in range(_ROUNDS):
            before = body.state()
            done = list(_declared(r, body))
            done += _walk(r, body, one["PLpgSQL_function"].get("action", {}), None)
            if body.state() == before:
                break
        else:
            r.refuse("PM605", "what flows through the variables comes to no end", {})
    return done


def _check(r: Reader, node: Any) -> None:
    """Refuse nodes and keys that nobody here knows."""
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, list):
            todo += one
        elif isinstance(one, dict):
            todo += one.values()
            for kind, part in one.items():
                if kind.startswith("PLpgSQL_") and isinstance(part, dict):
                    odd = part.keys() - _KEYS.get(kind, frozenset())
                    if odd or kind not in _KEYS:
                        r.refuse("PM605", f"{kind} of PL/pgSQL is not understood", {})


def _declared(r: Reader, body: _Body) -> Iterator[Read]:
    """What the declarations hold: defaults of variables and queries of cursors."""
    for number, datum in enumerate(body.datums):
        for part in datum.values():
            if not isinstance(part, dict):
                continue
            if "default_val" in part:
                yield from _walk(r, body, part["default_val"], datum)
            if "cursor_explicit_expr" in part:
                for found in _walk(r, body, part["cursor_explicit_expr"], None):
                    body.cursors[number] = found[1] or Rows()
                    yield found


def _walk(r: Reader, body: _Body, node: Any, into: Node | None) -> Iterator[Read]:
    """Everything in the order of the text; targets of INTO, FOR and := take what they are given."""
    if isinstance(node, list):
        for one in node:
            yield from _walk(r, body, one, None)
        return
    if not isinstance(node, dict):
        return
    if "PLpgSQL_expr" in node:
        yield from _expression(r, body, node["PLpgSQL_expr"], into)
        return
    for kind, part in node.items():
        if kind in _DYNAMIC or (isinstance(part, dict) and "dynquery" in part):
            r.refuse("PM608", "EXECUTE runs text that is not known before", {},
                     "Write the statement itself.")  # fmt: skip
        if not isinstance(part, dict) or not kind.startswith("PLpgSQL_"):
            yield from _walk(r, body, part, into)
            continue
        target = _target(body, part)
        if kind in ("PLpgSQL_stmt_fetch", "PLpgSQL_stmt_forc"):
            rows = body.cursors.get(part.get("curvar", 0))
            if rows is None and not part.get("is_move"):
                r.refuse("PM607", "a cursor is read that this body does not open", {})
            body.put(target, rows)
        for name, child in part.items():
            goes = target if name in ("expr", "sqlstmt", "query") else None
            if name in ("target", "var", "datums"):
                continue
            for found in _walk(r, body, child, goes):
                if kind == "PLpgSQL_stmt_open" and name == "query":
                    body.cursors[part.get("curvar", 0)] = found[1] or Rows()
                yield found


def _target(body: _Body, part: Node) -> Node | None:
    for key in ("target", "var"):
        one = part.get(key)
        if isinstance(one, dict):
            return one
    number = part.get("varno")
    if isinstance(number, int) and number < len(body.datums):
        found: Node = body.datums[number]
        return found
    return None


def _sides(query: str) -> tuple[str, str]:
    """An assignment's sides: at the first sign outside of brackets; "" where there is none."""
    depth = 0
    try:
        for token in scan(query):
            if token.name in ("ASCII_40", "ASCII_91"):
                depth += 1
            elif token.name in ("ASCII_41", "ASCII_93"):
                depth -= 1
            elif depth == 0 and token.name in ("COLON_EQUALS", "ASCII_61"):
                return query[: token.start], query[token.end + 1 :]
    except (Error, ValueError):
        pass
    return "", ""


def _expression(r: Reader, body: _Body, part: Node, into: Node | None) -> Iterator[Read]:
    query = part.get("query", "")
    mode = part.get("parseMode", 0)
    text = query
    if mode >= _ASSIGN:
        # name := expression, also name.field := and name[i] := with expressions of its own.
        left, text = _sides(query)
        mode = _RAW_EXPR
        if "[" in left:
            yield from _expression(r, body, {"query": left, "parseMode": _RAW_EXPR}, into)
    if mode == _RAW_EXPR:
        text = f"SELECT {text}"
    tree = parse_one(text)
    if tree is None:
        r.refuse("PM609", "an expression of the body cannot be parsed", {})
        return
    inner = Reader(r.session, tree)
    inner.depth = r.depth + 1
    level = Level()
    level.parameters = body.values
    rows = statements.run(inner, tree, level)
    r.session.settle()
    body.put(into, rows)
    for node in tree.get("CallStmt", {}).get("funccall", {}).get("args", ()):
        body.given_out(node, inner)
    yield inner, rows, kind_of(tree), query
