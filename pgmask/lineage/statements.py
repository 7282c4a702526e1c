"""Every kind of statement: what it is called, and who reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pgmask.lineage import select, writes
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.rows import Out, Rows
from pgmask.lineage.scope import Level, NameProblem
from pgmask.lineage.values import DIRECT, Value, at_least

Statement = Callable[[Reader, Node, "Level | None"], "Rows | None"]
STATEMENTS: Final[dict[str, tuple[Statement, frozenset[str] | None]]] = {}


def statement(kind: str, keys: str | None = None) -> Callable[[Statement], Statement]:
    """Enter a handler for a kind of statement; without keys it looks at all that there is."""

    def enter(handler: Statement) -> Statement:
        STATEMENTS[kind] = (handler, None if keys is None else frozenset(keys.split()))
        return handler

    return enter


def run(r: Reader, tree: Node, level: Level | None = None) -> Rows | None:
    """Read any statement; the rows that come back, None where it gives none."""
    ((kind, body),) = tree.items()
    entry = STATEMENTS.get(kind)
    if entry is None:
        if kind_of(tree) == "":
            r.refuse("PM612", f"the statement {kind} is not known", body)
        else:
            r.refuse("PM605", f"the statement {kind} is not understood", body)
        return None
    handler, keys = entry
    if keys is not None:
        r.known(kind, body, keys)
    try:
        return handler(r, body, level)
    except NameProblem as problem:
        r.refuse(problem.code, problem.message, body, problem.hint)
    except RecursionError:
        r.refuse("PM605", "the statement is nested too deeply", body)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        # A tree of another form than the grammar's: the last line of what fails closed.
        r.refuse("PM605", "the statement has a form that is not understood", body)
    return None


def rows(r: Reader, kind: str, body: Node, parent: Level | None) -> Rows:
    """A statement with RETURNING where a query may stand."""
    if kind not in ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"):
        r.refuse("PM605", f"{kind} in the place of a query is not understood", body)
        return Rows()
    handler, keys = STATEMENTS[kind]
    if keys is not None:
        r.known(kind, body, keys)
    return handler(r, body, parent) or Rows()


@statement("SelectStmt")
def select_statement(r: Reader, body: Node, level: Level | None) -> Rows | None:
    found = select.select(r, body, level)
    into = into_of(body)
    if into is not None:
        from pgmask.lineage import tables

        tables.made_from(r, into, found)
        return None
    return found


def into_of(body: Node) -> Node | None:
    """SELECT .. INTO: the first query of a set operation carries it."""
    while "larg" in body:
        body = body["larg"]
    return body.get("intoClause")


@statement("ReturnStmt", "returnval")
def return_statement(r: Reader, body: Node, level: Level | None) -> Rows:
    value = r.evaluate(body.get("returnval"), level or Level(), None)
    return Rows([Out("return", Value(at_least(value.sources, DIRECT), value.type,
                                            value.fields))])  # fmt: skip


statement("InsertStmt", writes.INSERT)(writes.insert)
statement("UpdateStmt", writes.UPDATE)(writes.update)
statement("DeleteStmt", writes.DELETE)(writes.delete)
statement("MergeStmt", writes.MERGE)(writes.merge)
