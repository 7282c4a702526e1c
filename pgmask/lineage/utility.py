"""Statements around queries (COPY, EXPLAIN, PREPARE, cursors, CALL)."""

from __future__ import annotations

from pgmask.lineage import functions, kept, relations, select, writes
from pgmask.lineage.finish import finish
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.model import Use, Write
from pgmask.lineage.names import take
from pgmask.lineage.reader import Node, Reader, unfollowed
from pgmask.lineage.rows import Out, Rows
from pgmask.lineage.scope import Level, strings
from pgmask.lineage.session import Renamed
from pgmask.lineage.statements import run, statement
from pgmask.lineage.types import type_name
from pgmask.lineage.values import NOTHING, as_sources, note_all


def inside(r: Reader, tree: Node, level: Level | None = None) -> Rows | None:
    """A statement inside of this one: its own lineage in ``inner``, all it reads here too."""
    inner = Reader(r.session, tree)
    inner.depth = r.depth + 1
    inner.busy = r.busy
    inner.at = r.at
    rows = run(inner, tree, level)
    for key, at in inner.notes.reads.items():
        r.notes.reads.setdefault(key, at)
    for column, at in inner.notes.named.items():
        r.notes.named.setdefault(column, at)
    for call, at in inner.notes.calls.items():
        r.notes.calls.setdefault(call, at)
    for named, relation in inner.relations.items():
        r.relations.setdefault(named, relation)
    r.writes += inner.writes
    r.unresolved += [u for u in inner.unresolved if u not in r.unresolved]
    if rows is not None:
        for out in rows.columns:
            note_all(r.notes, out.value.sources, Use.OUTPUT, out.position)
    if r.text is not None:
        r.inner.append(finish(inner, rows, kind_of(tree), r.text, r.start, r.end, r.base))
    return rows


# COPY.


@statement("CopyStmt", "relation query attlist is_from is_program filename options whereClause")
def copy(r: Reader, body: Node, level: Level | None) -> Rows | None:
    if "query" in body:
        rows = inside(r, body["query"], level)
        return rows
    node = body["relation"]
    relation = relations.lookup(r, node)
    if relation is None:
        return None
    position = r.position(node)
    relations.followed(r, relation, node)
    names = strings(body.get("attlist", ())) or list(relation.columns)
    own = Level()
    item = relations.relation_item(r, relation, relation.name, node, None)
    own.items = [item]
    for name in names:
        if name not in item.index:
            r.refuse("PM602", f"{relation.name!r} has no column {name!r}", node)
    names = [n for n in names if n in item.index]
    if body.get("is_from"):
        r.name(relation, "write", position)
        writes.servers_own(r, relation, node)
        if "whereClause" in body:
            r.evaluate(body["whereClause"], own, Use.FILTER)
        options = [one["DefElem"].get("defname") for one in body.get("options", ())]
        filled = kept.filled(
            r, relation, item, names, node, inserts=True, defaults="default" in options
        )
        origins = dict(relation.origins) if isinstance(relation, Renamed) else {}
        columns = tuple(sorted({origins.get(n, n) for n in (*names, *filled)}))
        r.writes.append(
            Write(
                schema=relation.schema, table=relation.name, action="copy", columns=columns,
                sources=tuple((n, as_sources(filled.get(n, {}))) for n in columns),
                position=position,
            )
        )  # fmt: skip
        return None
    r.name(relation, "read", position)
    given = []
    for name in names:
        number = item.index[name]
        value = take(r, (item, number, item.values[number]), None, position)
        given.append(Out(name, value, position))
    return Rows(given)


# Statements that hold another one.


@statement("ExplainStmt", "query options")
def explain(r: Reader, body: Node, level: Level | None) -> Rows:
    inside(r, body["query"], level)
    return Rows([Out("QUERY PLAN", NOTHING)])


@statement("PrepareStmt", "name argtypes query")
def prepare(r: Reader, body: Node, level: Level | None) -> None:
    inside(r, body["query"], level)
    for node in body.get("argtypes", ()):
        kept.coerced(r, type_name(r, node["TypeName"]), body)
    if body["name"] in r.session.prepared:
        r.session.twice.add(("prepared", body["name"]))
    r.session.prepared[body["name"]] = body["query"]


@statement("ExecuteStmt", "name params")
def execute(r: Reader, body: Node, level: Level | None) -> Rows | None:
    given = r.many(body.get("params"), Level(), None)
    query = r.session.prepared.get(body["name"])
    if query is None:
        r.refuse(
            "PM607", f"the prepared statement {body['name']!r} is not in this text", body,
            "Give PREPARE together with EXECUTE.",
        )  # fmt: skip
        return None
    if ("prepared", body["name"]) in r.session.twice:
        unfollowed(r, body, f"prepared {body['name']!r} twice")
    own = Level()
    own.parameters = {f"${n}": value for n, value in enumerate(given, 1)}
    before, r.at = r.at, max(r.at, 0)
    root, r.root = r.root, query
    found = run(r, query, own)
    r.at, r.root = before, root
    return found


@statement("DeallocateStmt")
def deallocate(r: Reader, body: Node, level: Level | None) -> None:
    if "name" in body:
        r.session.prepared.pop(body["name"], None)
    else:
        r.session.prepared.clear()


@statement("DeclareCursorStmt", "portalname options query")
def declare(r: Reader, body: Node, level: Level | None) -> None:
    rows = inside(r, body["query"], level)
    if body["portalname"] in r.session.cursors:
        r.session.twice.add(("cursor", body["portalname"]))
    if rows is not None:
        r.session.cursors[body["portalname"]] = rows


@statement("FetchStmt", "direction howMany portalname ismove direction_keyword location")
def fetch(r: Reader, body: Node, level: Level | None) -> Rows | None:
    if body.get("ismove"):
        return None
    rows = r.session.cursors.get(body.get("portalname", ""))
    if rows is None:
        r.refuse(
            "PM607", f"the cursor {body.get('portalname')!r} is not in this text", body,
            "Give DECLARE together with FETCH.",
        )  # fmt: skip
        return None
    if ("cursor", body.get("portalname", "")) in r.session.twice:
        unfollowed(r, body, f"declared {body['portalname']!r} twice")
    for out in rows.columns:
        r.note(out.value.sources, None, -1)
    return Rows([Out(out.name, out.value) for out in rows.columns])


@statement("ClosePortalStmt")
def close(r: Reader, body: Node, level: Level | None) -> None:
    if "portalname" in body:
        r.session.cursors.pop(body["portalname"], None)
    else:
        r.session.cursors.clear()


@statement("CallStmt", "funccall funcexpr outargs")
def call(r: Reader, body: Node, level: Level | None) -> Rows | None:
    made = functions.call(r, body["funccall"], level or Level(), None)
    found = made.value.fields
    if found is None:
        return None
    return Rows([Out(name, value) for name, value in found])


@statement("PLAssignStmt", "name indirection nnames val location")
def assignment(r: Reader, body: Node, level: Level | None) -> Rows | None:
    return select.select(r, body["val"], level)
