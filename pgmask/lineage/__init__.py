"""Which base columns a statement reads, gives out and writes, resolved as PostgreSQL does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pgmask.facts.schema import Schema
from pgmask.lineage import (
    acting,
    bodies,
    ctes,
    documents,
    expressions,
    from_items,
    functions,
    names,
    objects,
    plpgsql,
    routines,
    select,
    settings,
    statements,
    tables,
    utility,
    views,
    writes,
)
from pgmask.lineage.finish import finish
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.model import Column, Lineage, Unresolved
from pgmask.lineage.parse import Parsed, Text
from pgmask.lineage.parse import statements as parsed
from pgmask.lineage.reader import Node, Reader, unfollowed
from pgmask.lineage.rows import Rows
from pgmask.lineage.session import Session

__all__ = ["Schema", "trace"]

# The files that enter their handlers into the tables of node kinds.
PASSES: Final = (
    names, expressions, documents, functions, select, from_items, ctes, views, bodies, writes,
    statements, tables, objects, utility, settings, acting, routines, plpgsql,
)  # fmt: skip


Follows = Callable[[Column], bool]
Hides = Callable[[Node], frozenset[tuple[str, str]]]


def trace(
    text: str,
    schema: Schema,
    *,
    search_path: tuple[str, ...] | None = None,
    hides: Hides | None = None,
    follows: Follows | None = None,
) -> tuple[Lineage, ...]:
    """What each statement of the text reads, gives out and writes.

    search_path: the schemas in which bare names are looked for, the snapshot's own without one;
    hides: asked with the tree of each statement in turn, says which views are down after it;
    follows: whether a column may go on under its old name when the text renames it.
    Never raises for what stands in the text: what cannot be resolved is told in ``unresolved`` of
    its statement (I1), and objects that earlier statements make are known to later ones.
    """
    session = Session(schema, search_path)
    session.follows = follows
    whole = Text(text)
    found = []
    for one in parsed(whole):
        found.append(_traced(session, whole, one))
        if hides is not None and one.tree:
            session.hide(hides(one.tree))
    return tuple(found)


def _asks(r: Reader, rows: Rows | None) -> bool:
    """Whether the statement reads, writes or calls anything."""
    used = any(named.use != "define" for named in r.relations.values())
    called = any(schema != "pg_catalog" for schema, _, _ in r.notes.calls)
    some = r.notes.reads or r.notes.named or r.writes or r.inner
    return bool(used or called or some or (rows is not None and rows.columns))


def _traced(session: Session, text: Text, one: Parsed) -> Lineage:
    r = Reader(session, one.tree)
    r.text, r.start, r.end, r.base = text, one.start, one.end, one.base
    if not one.tree:
        at = one.problem_at if one.problem_at >= 0 else one.start
        r.base = 0
        r.unresolved.append(
            Unresolved(at, "PM600", f"this is no statement of PostgreSQL: {one.problem}")
        )
        return finish(r, None, "", text, one.start, one.end)
    before = session.lost
    session.pending = session.bare_inside = False
    try:
        rows = statements.run(r, one.tree)
    except RecursionError:
        r = Reader(session, one.tree)
        r.refuse("PM605", "the statement is nested too deeply", {})
        rows = None
    kind = kind_of(one.tree)
    if session.settle():
        if kind.startswith(("create ", "alter ")):
            # Kept with an object, it may set the path again whenever that is used.
            session.inside += 1
        if session.bare_inside:
            r.refuse(
                "PM613", "a body looks for a bare name while the statement sets the search_path",
                one.tree, "Set the path in a statement of its own.",
            )  # fmt: skip
    if before and _asks(r, rows):
        unfollowed(r, one.tree, before)
    return finish(r, rows, kind, text, one.start, one.end, one.base)
