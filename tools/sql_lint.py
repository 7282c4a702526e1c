"""Checks the hand-written SQL: it parses, and every function states its marks.

For each function: LANGUAGE, volatility, null behaviour, PARALLEL and SECURITY are written;
SECURITY DEFINER has the pinned search path; REVOKE .. FROM PUBLIC is the next statement about it,
and a COMMENT follows before the next object; every table, view, type and schema has a comment.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pglast
from pglast.enums import GrantTargetType, ObjectType

from pgmask.resources import sql_dir

_MARKS: Final = {
    "language": "LANGUAGE",
    "volatility": "VOLATILE, STABLE or IMMUTABLE",
    "strict": "CALLED ON NULL INPUT or RETURNS NULL ON NULL INPUT",
    "parallel": "PARALLEL",
    "security": "SECURITY INVOKER or SECURITY DEFINER",
}
_PINNED: Final = ["pg_catalog", "pg_temp"]
_OBJECTS: Final = {
    "CreateStmt": lambda n: n.relation.relname,
    "ViewStmt": lambda n: n.view.relname,
    "CreateSchemaStmt": lambda n: n.schemaname,
    "CreateDomainStmt": lambda n: n.domainname[-1].sval,
    "CreateEnumStmt": lambda n: n.typeName[-1].sval,
    "CompositeTypeStmt": lambda n: n.typevar.relname,
}


def problems(path: Path) -> Iterator[str]:
    """Every problem of a file as ``file:line: words``."""
    text = path.read_text("utf-8")
    raw = text.encode()
    try:
        statements: list[Any] = list(pglast.parse_sql(text))
    except pglast.parser.ParseError as error:
        yield f"{path.name}: does not parse: {error}"
        return
    commented = {_commented(s.stmt) for s in statements}
    for at, statement in enumerate(statements):
        node = statement.stmt
        # Locations count bytes up to the end of the statement before.
        start = len(raw[: statement.stmt_location].rstrip()) if statement.stmt_location else 0
        body = raw[start : statement.stmt_location + statement.stmt_len]
        code = next(
            (
                i
                for i, ln in enumerate(body.split(b"\n"))
                if ln.strip(b" ;") and not _is_comment(ln)
            ),
            0,
        )
        line = raw[:start].count(b"\n") + code + 1
        where = f"{path.name}:{line}"
        if isinstance(node, pglast.ast.CreateFunctionStmt):
            following = [s.stmt for s in statements[at + 1 : at + 6]]
            yield from (f"{where}: {p}" for p in _function(node, following))
        name = _OBJECTS.get(type(node).__name__)
        if name is not None and name(node) not in commented:
            yield f"{where}: {name(node)} has no COMMENT in its file"


def _is_comment(line: bytes) -> bool:
    return line.strip().startswith(b"--")


def _commented(node: Any) -> str | None:
    if not isinstance(node, pglast.ast.CommentStmt):
        return None
    thing: Any = node.object
    if isinstance(thing, tuple):
        return str(thing[-1].sval)
    if type(thing).__name__ == "TypeName":
        return str(thing.names[-1].sval)
    return str(getattr(thing, "sval", ""))


def _function(node: Any, following: list[Any]) -> Iterator[str]:
    name = ".".join(part.sval for part in node.funcname)
    options: dict[str, Any] = {option.defname: option.arg for option in node.options or ()}
    for mark, words in _MARKS.items():
        if mark not in options:
            yield f"{name} does not state {words}"
    if "." not in name:
        yield f"{name} has no schema"
    if getattr(options.get("security"), "boolval", False) and _search_path(node) != _PINNED:
        yield f"{name} is SECURITY DEFINER without SET search_path = pg_catalog, pg_temp"
    if not following or not _revokes(following[0], name):
        yield f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC is not the next statement"
    if not any(_comments_on(after, name) for after in following):
        yield f"{name} has no COMMENT right after it"


def _search_path(node: Any) -> list[str]:
    for option in node.options or ():
        if option.defname == "set" and option.arg.name == "search_path":
            return [value.val.sval for value in option.arg.args or ()]
    return []


def _revokes(node: Any, name: str) -> bool:
    return (
        type(node).__name__ == "GrantStmt"
        and not node.is_grant
        and node.targtype == GrantTargetType.ACL_TARGET_OBJECT
        and any(".".join(p.sval for p in thing.objname) == name for thing in node.objects)
        and any(not grantee.rolename for grantee in node.grantees)
    )


def _comments_on(node: Any, name: str) -> bool:
    return (
        type(node).__name__ == "CommentStmt"
        and node.objtype in (ObjectType.OBJECT_FUNCTION, ObjectType.OBJECT_PROCEDURE)
        and ".".join(part.sval for part in node.object.objname) == name
    )


def main() -> int:
    """Print every problem; 2 when there is one."""
    found = [p for path in sorted(sql_dir().glob("*.sql")) for p in problems(path)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
