"""CREATE FUNCTION, CREATE PROCEDURE and DO: their bodies are read as statements are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pgmask.facts.schema import Function
from pgmask.lineage import bodies, plpgsql
from pgmask.lineage.finish import finish, note_outputs
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.model import Use
from pgmask.lineage.parse import Text, parse_all
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.scope import Level, strings
from pgmask.lineage.statements import run, statement
from pgmask.lineage.types import type_name

_MODES = {
    "FUNC_PARAM_IN": "i", "FUNC_PARAM_OUT": "o", "FUNC_PARAM_INOUT": "b",
    "FUNC_PARAM_VARIADIC": "v", "FUNC_PARAM_TABLE": "t", "FUNC_PARAM_DEFAULT": "i",
}  # fmt: skip
_VOLATILITY = {"immutable": "i", "stable": "s", "volatile": "v"}


def options_of(nodes: list[Node]) -> dict[str, Any]:
    """The options of CREATE FUNCTION or DO: by name the plain text, lists as lists."""
    found: dict[str, Any] = {}
    for node in nodes:
        part = node["DefElem"]
        arg = part.get("arg", {})
        if "String" in arg:
            found[part["defname"]] = arg["String"].get("sval", "")
        elif "List" in arg:
            found[part["defname"]] = strings(arg["List"]["items"])
        elif "Boolean" in arg:
            found[part["defname"]] = bool(arg["Boolean"].get("boolval"))
        elif "VariableSetStmt" in arg:
            if arg["VariableSetStmt"].get("name", "").lower() == "search_path":
                found["path"] = tuple(
                    one.get("A_Const", {}).get("sval", {}).get("sval", "")
                    for one in arg["VariableSetStmt"].get("args", ())
                )
        else:
            found[part["defname"]] = True
    return found


@statement(
    "CreateFunctionStmt", "is_procedure replace funcname parameters returnType options sql_body"
)
def create_function(r: Reader, body: Node, level: Level | None) -> None:
    options = options_of(body.get("options", []))
    function = _declared(r, body, options)
    words = options.get("as") or [""]
    language = function.language
    for node in body.get("parameters", ()):
        r.evaluate(node["FunctionParameter"].get("defexpr"), Level(), Use.WRITE)
    if "sql_body" in body:
        language = "sql"
        # Bound on the path of this moment; kept as it is, having no text of its own.
        name = f"{function.schema}.{function.name} {len(r.session.trees)}"
        r.session.trees[name] = bodies.trees_of(body["sql_body"], "")
        path = function.path or r.session.state.path
        function = replace(function, body=name, atomic=True, language="sql", path=path)
    if language == "sql":
        _sql(r, body, function, words[0])
    elif language == "plpgsql":
        _plpgsql(r, {"CreateFunctionStmt": body}, function, words[0])
    else:
        r.refuse("PM608", f"a function of the language {language} cannot be read", body)
    r.session.add(function)


def _declared(r: Reader, body: Node, options: dict[str, Any]) -> Function:
    names = strings(body["funcname"])
    schema = r.session.target(names[-2] if len(names) > 1 else None)
    parts = [node["FunctionParameter"] for node in body.get("parameters", ())]
    modes = [_MODES.get(p.get("mode", "FUNC_PARAM_DEFAULT"), "i") for p in parts]
    types = [type_name(r, p["argType"]) for p in parts]
    titles = [p.get("name", "") for p in parts]
    listed = list(zip(modes, titles, types, strict=True))
    given = [p for p in listed if p[0] in "ibv"]
    out = tuple((n, t) for m, n, t in listed if m in "obt")
    returns = body.get("returnType") or {}
    text = type_name(r, returns) if returns else ""
    if out and (not text or "t" in modes):
        text = out[0][1] if len(out) == 1 else "record"
    words = options.get("as") or []
    language = str(options.get("language", "sql")).lower()
    return Function(
        schema=schema,
        name=names[-1],
        kind="p" if body.get("is_procedure") else "f",
        args=tuple(t for _, _, t in given),
        names=tuple(n for _, n, _ in given) if any(n for _, n, _ in given) else (),
        modes="".join(m for m, _, _ in given) if any(m != "i" for m, _, _ in given) else "",
        defaults=sum("defexpr" in p for p in parts),
        columns=out,
        returns=text or "void",
        returns_set=bool(returns.get("setof")) or "t" in modes,
        language=language,
        volatility=_VOLATILITY.get(str(options.get("volatility", "")), "v"),
        definer=bool(options.get("security")),
        # A body in the grammar itself has no text to be read again: callers meet it opaque.
        body=words[0] if words and language in ("sql", "plpgsql") else None,
        path=options.get("path"),
    )


def _sql(r: Reader, body: Node, function: Function, source: str) -> None:
    if "sql_body" in body:
        trees: Any = bodies.trees_of(body["sql_body"], "")
        text = None
    else:
        trees = parse_all(source)
        text = Text(source)
    if trees is None:
        r.refuse("PM609", "the function's body cannot be parsed", body)
        return
    own = Level()
    own.parameters = bodies.parameters(function)
    before = r.session.state.copy()
    if function.path is not None:
        r.session.state.path = function.path
    for tree, start, end in trees:
        inner = Reader(r.session, tree)
        inner.depth = r.depth + 1
        if text is None:
            inner.at = r.at
        rows = run(inner, tree, own)
        r.session.settle()
        if rows is not None:
            note_outputs(inner, rows)
        _take(r, inner, own=text is None)
        if text is not None:
            r.inner.append(finish(inner, rows, kind_of(tree), text, start, end))
        elif r.text is not None:
            r.inner.append(finish(inner, rows, kind_of(tree), r.text, r.start, r.end, r.base))
    before.functions = r.session.state.functions
    r.session.state = before


def _take(r: Reader, inner: Reader, *, own: bool) -> None:
    """All that a body does; found where the statement stands, if its text is not the body's own."""
    at = r.start - r.base
    for read, position in inner.notes.reads.items():
        r.notes.reads.setdefault(read, position if own else at)
    for column, position in inner.notes.named.items():
        r.notes.named.setdefault(column, position if own else at)
    for call, position in inner.notes.calls.items():
        r.notes.calls.setdefault(call, position if own else at)
    for key, named in inner.relations.items():
        r.relations.setdefault(key, named if own else replace(named, position=at))
    r.writes += [w if own else replace(w, position=at) for w in inner.writes]
    for problem in inner.unresolved:
        found = problem if own else replace(problem, position=at)
        if found not in r.unresolved:
            r.unresolved.append(found)


def _plpgsql(r: Reader, tree: Node, function: Function, source: str) -> bool:
    """Read the body; whether the path is known at its end.  What it makes is there only perhaps."""
    before = r.session.state.copy()
    if function.path is not None:
        r.session.state.path = function.path
    if bodies.may_set_path(source):
        # Loops and branches: before as after.
        r.session.state.path_known = False
    r.session.inside += 1
    for inner, rows, kind, text in plpgsql.read(r, tree, function):
        if rows is not None:
            note_outputs(inner, rows)
        _take(r, inner, own=False)
        whole = Text(text)
        r.inner.append(finish(inner, rows, kind, whole, 0, len(text.encode())))
    r.session.inside -= 1
    known = r.session.state.path_known
    before.functions = r.session.state.functions
    r.session.state = before
    return known


@statement("DoStmt", "args")
def do(r: Reader, body: Node, level: Level | None) -> None:
    options = options_of(body["args"])
    language = str(options.get("language", "plpgsql")).lower()
    words = options.get("as", "")
    source = words if isinstance(words, str) else (words or [""])[0]
    if language != "plpgsql":
        r.refuse("PM608", f"DO of the language {language} cannot be read", body)
        return
    function = Function(schema="", name="inline_code_block", body=source, language="plpgsql")
    if not _plpgsql(r, {"DoStmt": body}, function, source):
        r.session.lose_path()
