"""Relations that the text itself makes, changes or drops: later statements know them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from pgmask.facts.schema import Kept, Relation
from pgmask.lineage import kept, relations, select, views
from pgmask.lineage.model import Use, Write
from pgmask.lineage.reader import EXPRESSIONS, Node, Reader
from pgmask.lineage.rows import Rows
from pgmask.lineage.scope import Item, Level, strings
from pgmask.lineage.statements import run, statement
from pgmask.lineage.types import row_of, type_name
from pgmask.lineage.values import Notes, Value, as_sources, note_all

_STRUCTURE: Final = frozenset({"List", "ResTarget", "SortBy", "NamedArgExpr"})
_REACHES: Final = frozenset(
    {"AT_AddInherit", "AT_DropInherit", "AT_AttachPartition", "AT_DetachPartition"}
)
"""Afterwards other rows stand in the parent, or another parent's."""
_ADDED: Final = frozenset({"AT_AddColumn"})


def new_relation(
    r: Reader, node: Node, kind: str, names: list[str], types: list[str], **more: Any
) -> Relation | None:
    """A relation that is there from now on; None where the name is taken, which is kept."""
    schema = r.session.target(node.get("schemaname"), temporary=node.get("relpersistence") == "t")
    key = (schema, node["relname"])
    made = Relation(
        schema=schema, name=key[1], kind=kind, columns=tuple(names), types=tuple(types), **more
    )
    r.name(made, "define", r.position(node))
    if r.session.relation(*key) is not None and not more.get("definition"):
        r.session.perhaps(made)
        return None
    r.session.define(made)
    return made


def made_from(r: Reader, into: Node, rows: Rows) -> None:
    """CREATE TABLE AS and SELECT INTO: a table that holds what the query gives."""
    names = [out.name for out in rows.columns]
    given = strings(into.get("colNames", ()))
    if len(given) > len(names) and not r.unresolved:
        r.refuse("PM611", "more columns are named than the query has", into)
    names = given[: len(names)] + names[len(given) :]
    node = into["rel"]
    for out in rows.columns:
        note_all(r.notes, out.value.sources, Use.WRITE, out.position)
    new_relation(r, node, "r", names, [out.value.type for out in rows.columns])
    schema = r.session.target(node.get("schemaname"), temporary=node.get("relpersistence") == "t")
    pairs = zip(names, rows.columns, strict=True)
    r.writes.append(
        Write(
            schema=schema,
            table=node["relname"],
            action="insert",
            columns=tuple(sorted(names)),
            sources=tuple(sorted((n, as_sources(o.value.sources)) for n, o in pairs)),
            position=r.position(node),
        )
    )


@statement("CreateTableAsStmt", "query into objtype is_select_into if_not_exists")
def create_table_as(r: Reader, body: Node, level: Level | None) -> None:
    rows = run(r, body["query"], level)
    if rows is None:
        if not r.unresolved:
            r.refuse("PM611", "the statement gives no rows to keep", body)
        return
    into = body["into"]
    if body.get("objtype") == "OBJECT_MATVIEW":
        into = {**into, "rel": {**into["rel"], "relpersistence": "p"}}
    made_from(r, into, rows)


@statement("ViewStmt", "view aliases query replace options withCheckOption")
def create_view(r: Reader, body: Node, level: Level | None) -> None:
    rows = select.query(r, body["query"], level)
    for out in rows.columns:
        note_all(r.notes, out.value.sources, Use.OUTPUT, out.position)
    names = [out.name for out in rows.columns]
    given = strings(body.get("aliases", ()))
    if len(given) > len(names) and not r.unresolved:
        r.refuse("PM611", "more columns are named than the query has", body)
    names = given[: len(names)] + names[len(given) :]
    node = body["view"]
    schema = r.session.target(node.get("schemaname"), temporary=node.get("relpersistence") == "t")
    if _widened(r, body, (schema, node["relname"]), rows, names):
        return
    if body.get("replace"):
        old = r.session.relation(schema, node["relname"])
        if old is not None and old.kind == "v":
            r.session.drop(old)
    # A view over temporary tables is temporary, said or not.
    path = r.session.state.path
    made = new_relation(
        r, node, "v", names, [out.value.type for out in rows.columns], definition=None
    )
    if made is None:
        return
    made = replace(made, definition="of this text")
    r.session.state.relations[made.schema, made.name] = made
    named = frozenset((n.schema, n.name) for n in r.relations.values() if n.use == "read")
    key = (made.schema, made.name)
    r.session.state.views[key] = (views.read(r, made, body["query"], path, key), named)


def _widened(
    r: Reader, body: Node, key: tuple[str, str], rows: Rows, names: list[str]
) -> bool:  # fmt: skip
    """Make a view anew whose columns mean what they have meant: whether this one or the old one is
    there, a name comes to the same. False where that is not so.
    """
    old = r.session.schema.relations.get(key)
    there = r.session.state.relations.get(key, old)
    others = [one for one in r.session.versions.get(key, ()) if one is not None]
    if old is None or others or old.is_boundary or (there is not None and not body.get("replace")):
        return False
    made = Relation(
        schema=key[0], name=key[1], kind="v", columns=tuple(names), definition="of this text",
        types=tuple(out.value.type for out in rows.columns), instead=old.instead,
    )  # fmt: skip
    path = r.session.state.path
    new = views.read(r, made, body["query"], path, key)
    before = (views.of_snapshot(r, old), *r.session.widened.get(key, ()))
    if not all(views.same(one, new) for one in before):
        return False
    named = frozenset((n.schema, n.name) for n in r.relations.values() if n.use == "read")
    r.name(made, "define", r.position(body["view"]))
    r.session.widen(made, new)
    r.session.state.views[key] = (new, named)
    return True


@statement("CreateStmt")
def create_table(r: Reader, body: Node, level: Level | None) -> None:
    _create(r, body, "p" if "partspec" in body else "r")


@statement("CreateForeignTableStmt")
def create_foreign_table(r: Reader, body: Node, level: Level | None) -> None:
    _create(r, body["base"], "f")


def _create(r: Reader, body: Node, kind: str) -> None:
    names: list[str] = []
    types: list[str] = []
    key: list[str] = []

    def add(name: str, text: str) -> None:
        if name not in names:
            names.append(name)
            types.append(text)

    parents = []
    stored: list[Kept] = []
    for node in body.get("inhRelations", ()):
        parent = relations.lookup(r, node["RangeVar"])
        if parent is not None:
            r.name(parent, "define", r.position(node["RangeVar"]))
            parents.append((parent.schema, parent.name))
            stored += parent.kept
            for name, text in zip(parent.columns, parent.types, strict=True):
                add(name, text)
    if "ofTypename" in body:
        of = row_of(r.session, type_name(r, body["ofTypename"]))
        if of is not None:
            for name, text in zip(of.columns, of.types, strict=True):
                add(name, text)
    for node in body.get("tableElts", ()):
        if "ColumnDef" in node:
            part = node["ColumnDef"]
            add(part["colname"], type_name(r, part.get("typeName") or {}))
            if any(_is_key(c) for c in part.get("constraints", ())):
                key = [part["colname"]]
        elif "TableLikeClause" in node:
            like = relations.lookup(r, node["TableLikeClause"]["relation"])
            if like is not None:
                r.name(like, "define", r.position(node["TableLikeClause"]["relation"]))
                stored += like.kept
                for name, text in zip(like.columns, like.types, strict=True):
                    add(name, text)
        elif _is_key(node):
            key = strings(node["Constraint"].get("keys", ()))
    stored += expressions(r, {**body, "relation": None}, names, types)
    new_relation(
        r, body["relation"], kind, names, types, primary_key=tuple(key), parents=tuple(parents),
        kept=tuple(stored),
    )  # fmt: skip


def expressions(
    r: Reader, node: Any, names: list[str], types: list[str], alias: str = ""
) -> list[Kept]:
    """Defaults, checks, generated columns, bounds: what they call and read is run or kept with the
    table.  The table's own columns are in scope, and not counted as read.  Gives what a later write
    runs again, as far as more than the server's own is behind it.
    """
    own = Level()
    own.items = [Item(alias, names, [Value(type=text) for text in types])]
    stored = []
    for one, column, generated in _expressions_in(node):
        outer, r.notes = r.notes, Notes()
        r.evaluate(one, own, Use.WRITE)
        notes, r.notes = r.notes, outer
        r.notes.add(notes)
        if notes.reads or notes.named or any(call[0] != "pg_catalog" for call in notes.calls):
            stored.append(Kept(kept.remember(r, one), column, generated))
    return stored


def _expressions_in(
    node: Any, column: str = "", *, generated: bool = False
) -> Iterator[tuple[Node, str, bool]]:
    """Each expression, the column that it fills, and whether it does so on every write."""
    if isinstance(node, list):
        for one in node:
            yield from _expressions_in(one, column, generated=generated)
    elif isinstance(node, dict):
        if "colname" in node:
            column = node["colname"]
        elif "subtype" in node:
            column = node.get("name", "") if node["subtype"] == "AT_ColumnDefault" else ""
        elif "contype" in node:
            generated = node["contype"] == "CONSTR_GENERATED"
            if not generated and node["contype"] != "CONSTR_DEFAULT":
                column = ""
        for kind, value in node.items():
            if kind in EXPRESSIONS and kind not in _STRUCTURE:
                if kind not in ("ColumnRef", "A_Const"):
                    yield {kind: value}, column, generated
            else:
                yield from _expressions_in(value, column, generated=generated)


def _is_key(node: Node) -> bool:
    return bool(node.get("Constraint", {}).get("contype") == "CONSTR_PRIMARY")


@statement("CompositeTypeStmt", "typevar coldeflist")
def create_type(r: Reader, body: Node, level: Level | None) -> None:
    parts = [node["ColumnDef"] for node in body.get("coldeflist", ())]
    names = [part["colname"] for part in parts]
    new_relation(r, body["typevar"], "c", names, [type_name(r, part["typeName"]) for part in parts])


@statement("AlterTableStmt", "relation cmds objtype missing_ok")
def alter_table(r: Reader, body: Node, level: Level | None) -> None:
    relation = existing(r, body["relation"], missing_ok=bool(body.get("missing_ok")))
    if relation is None:
        return
    r.name(relation, "define", r.position(body["relation"]))
    own = Level()
    own.items = [relations.relation_item(r, relation, relation.name, body["relation"], None)]
    names, types = list(relation.columns), list(relation.types)
    key = (relation.schema, relation.name)
    taken = r.session.taken(key)
    for node in body.get("cmds", ()):
        command = node["AlterTableCmd"]
        kind = command.get("subtype", "AT_AddColumn")
        part = command.get("def", {}).get("ColumnDef", {})
        if kind in _ADDED and part and r.session.renamed(key) and part["colname"] in taken:
            r.session.move(key)
        if kind in _ADDED and part and part["colname"] not in names:
            names.append(part["colname"])
            types.append(type_name(r, part["typeName"]))
        elif kind == "AT_DropColumn" and command.get("name") in names:
            place = names.index(command["name"])
            del names[place], types[place]
        elif kind == "AT_AlterColumnType" and part:
            if command.get("name") in names:
                types[names.index(command["name"])] = type_name(r, part["typeName"])
            if "raw_default" in part:
                r.evaluate(part["raw_default"], own, Use.WRITE)
        elif kind in _REACHES:
            other = command.get("def", {})
            other = other.get("RangeVar") or other.get("PartitionCmd", {}).get("name") or {}
            found = relations.lookup(r, other) if other else None
            r.session.move(key)
            if found is not None:
                r.session.move((found.schema, found.name))
        elif kind in ("AT_DropColumn",) and not command.get("missing_ok"):
            r.refuse("PM602", f"{relation.name!r} has no column {command.get('name')!r}", body)
    stored = expressions(r, body.get("cmds", []), names, types, relation.name)
    changed = replace(
        relation, columns=tuple(names), types=tuple(types), kept=(*relation.kept, *stored)
    )
    if changed != relation:
        r.session.define(changed)


def existing(r: Reader, node: Node, *, missing_ok: bool) -> Relation | None:
    if missing_ok and r.session.relation(node.get("schemaname"), node["relname"]) is None:
        return None
    return relations.lookup(r, node) if not _is_type(r, node) else None


def _is_type(r: Reader, node: Node) -> bool:
    found = r.session.relation(node.get("schemaname"), node["relname"])
    return found is not None and found.kind == "c"
