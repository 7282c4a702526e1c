"""Objects that the text renames, moves or drops, and schemas that it makes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pgmask.facts.schema import Relation
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.scope import Level, strings
from pgmask.lineage.statements import run, statement
from pgmask.lineage.tables import existing


@statement("RenameStmt")
def rename(r: Reader, body: Node, level: Level | None) -> None:
    if "relation" not in body:
        _renamed(r, body)
        return
    missing = bool(body.get("missing_ok"))
    kind = body.get("renameType", "")
    if kind == "OBJECT_INDEX":
        return
    relation = existing(r, body["relation"], missing_ok=missing)
    if relation is None:
        return
    r.name(relation, "define", r.position(body["relation"]))
    if kind == "OBJECT_COLUMN":
        if body.get("subname") not in relation.columns:
            r.refuse("PM602", f"{relation.name!r} has no column {body.get('subname')!r}", body)
        else:
            r.session.rename_column(relation, body["subname"], body["newname"])
    elif kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"):
        r.session.drop(relation)
        _moved(r, relation, replace(relation, name=body["newname"]))


@statement("AlterObjectSchemaStmt")
def set_schema(r: Reader, body: Node, level: Level | None) -> None:
    if "relation" not in body:
        _other(r, body.get("objectType", ""), [body.get("object", {})], "moved")
        return
    relation = existing(r, body["relation"], missing_ok=bool(body.get("missing_ok")))
    if relation is not None:
        r.name(relation, "define", r.position(body["relation"]))
        r.session.drop(relation)
        _moved(r, relation, replace(relation, schema=body["newschema"]))


_ROUTINES: Final = frozenset(
    {"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE"}
)
_FAR: Final = frozenset(
    {"OBJECT_SCHEMA", "OBJECT_OPERATOR", "OBJECT_CAST", "OBJECT_TYPE", "OBJECT_DOMAIN",
     "OBJECT_EXTENSION", "OBJECT_ATTRIBUTE"}
)  # fmt: skip
"""Kinds of objects on which more depends than can be followed."""


def _renamed(r: Reader, body: Node) -> None:
    kind = body.get("renameType", "")
    _other(r, kind, [body.get("object", {})], "renamed")
    if kind in _ROUTINES:
        r.session.alter_function(body.get("newname", ""))


def _other(r: Reader, kind: str, objects: list[Node], what: str) -> None:
    """Objects that are no relations: functions by name, of others later statements are refused."""
    if kind in _ROUTINES:
        for node in objects:
            r.session.alter_function(strings(node["ObjectWithArgs"]["objname"])[-1])
    elif kind in _FAR:
        r.session.lose(f"{what} {'an' if kind[7] in 'AEO' else 'a'} {kind[7:].lower()}")


def _moved(r: Reader, old: Relation, new: Relation) -> None:
    known = r.session.state.views
    if (old.schema, old.name) in known:
        known[new.schema, new.name] = known.pop((old.schema, old.name))
    r.session.define(new)
    r.session.move((old.schema, old.name), (new.schema, new.name))


@statement("DropStmt")
def drop(r: Reader, body: Node, level: Level | None) -> None:
    kind = body.get("removeType", "")
    if kind not in (
        "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_SEQUENCE",
    ):  # fmt: skip
        if kind != "OBJECT_SCHEMA" or body.get("behavior") == "DROP_CASCADE":
            _other(r, kind, body.get("objects", []), "dropped")
        return
    for node in body.get("objects", ()):
        names = strings(node["List"]["items"])
        schema = names[-2] if len(names) > 1 else None
        found = r.session.relation(schema, names[-1])
        if found is None:
            if not body.get("missing_ok"):
                r.refuse("PM601", f"no relation is called {'.'.join(names)!r}", body)
            continue
        r.name(found, "define", r.position(node))
        _drop(r, found, cascade=body.get("behavior") == "DROP_CASCADE")


def _drop(r: Reader, relation: Relation, *, cascade: bool) -> None:
    """CASCADE takes the views with it that this text has made."""
    r.session.drop(relation)
    key = (relation.schema, relation.name)
    r.session.cascaded = r.session.cascaded or cascade
    if cascade:
        for other, (_, named) in list(r.session.state.views.items()):
            view = r.session.relation(*other)
            if key in named and view is not None:
                _drop(r, view, cascade=True)


@statement("CreateSchemaStmt")
def create_schema(r: Reader, body: Node, level: Level | None) -> None:
    name = body.get("schemaname")
    if name:
        r.session.state.schemas |= {name}
    state = r.session.state
    path, known = state.path, state.path_known
    if name:
        # Its elements stand in it, and see it first.
        state.path = (name, *path)
    elif body.get("schemaElts"):
        r.refuse("PM605", "a schema that is called as a role is not known", body)
    for node in body.get("schemaElts", ()):
        run(r, node, level)
    state.path, state.path_known = path, known
