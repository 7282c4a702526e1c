"""Relations that a text names: found, refused where they may be others, and as items of FROM."""

from __future__ import annotations

from typing import Final

from pgmask.facts.schema import Relation, row_type
from pgmask.lineage import views
from pgmask.lineage.model import Column
from pgmask.lineage.reader import Node, Reader, unfollowed
from pgmask.lineage.scope import Item, Level
from pgmask.lineage.session import Renamed
from pgmask.lineage.values import DIRECT, Value

RANGE_VAR: Final = frozenset(
    {"catalogname", "schemaname", "relname", "inh", "relpersistence", "alias", "location"}
)


def lookup(r: Reader, body: Node) -> Relation | None:
    """The relation of a RangeVar; refuses where there is none."""
    r.known("RangeVar", body, RANGE_VAR)
    schema = body.get("schemaname")
    database = r.session.schema.database
    if body.get("catalogname") and database and body["catalogname"] != database:
        r.refuse("PM611", "another database cannot be named", body)
        return None
    if schema is None and not r.session.state.path_known:
        r.refuse("PM613", "the search_path is not known here, so a bare name says nothing", body)
        return None
    relation = r.session.relation(schema, body["relname"])
    if schema is None and r.session.unsure(body["relname"]):
        unfollowed(r, body, f"made or dropped one of several relations called {body['relname']!r}")
        return None
    if schema is None and r.quiet and not r.fresh:
        if relation is not None and relation.schema != "pg_catalog":
            r.session.bare_inside = True
    if relation is None:
        full = f"{schema}.{body['relname']}" if schema else body["relname"]
        where = "" if schema else f" on the path {', '.join(r.session.state.path) or '(empty)'}"
        r.refuse("PM601", f"no relation is called {full!r}{where}", body)
        r.unknown.add(body["relname"])
    elif relation.kind in "ct":
        r.refuse("PM601", f"{body['relname']!r} is a type and no relation", body)
        return None
    return relation


def followed(r: Reader, relation: Relation, body: Node) -> None:
    """Refuse rows of a relation that may be another than its name says."""
    key = (relation.schema, relation.name)
    if key in r.session.moved:
        unfollowed(r, body, f"renamed, moved or attached {relation.name!r} or its columns")
    elif r.quiet and not r.fresh and r.session.renamed(key):
        # A view goes on with the old names, a body of text with the new ones.
        unfollowed(r, body, f"renamed columns of {relation.name!r}")
    elif r.session.remade(key):
        unfollowed(r, body, f"made {relation.name!r} anew")


def relation_item(
    r: Reader, relation: Relation, alias: str, body: Node, level: Level | None
) -> Item:
    """A table or view as an item of FROM, its columns the base columns behind them."""
    key = (relation.schema, relation.name)
    if not relation.is_boundary:
        view = views.expanded(r, relation, body)
        position = r.position(body)
        r.notes.take(view.always, position)
        if level is not None:
            level.decide(Value(view.conditions))
        return Item(
            alias, relation.columns, view.values, index=view.index, plain_base=key,
            extra=view.extra, row_type=row_type(*key),
        )  # fmt: skip
    made = r.session.schema.memo.get(key)
    if made is None or made[0] is not relation:
        origins = dict(relation.origins) if isinstance(relation, Renamed) else {}
        values = [
            Value({Column(*key, origins.get(name, name)): DIRECT}, text)
            for name, text in zip(relation.columns, relation.types, strict=True)
        ]
        item = Item(alias, relation.columns, values)
        made = (relation, values, item.index)
        r.session.schema.memo[key] = made
    base = key if relation.kind in "rpmfS" else None
    return Item(
        alias, relation.columns, made[1], index=made[2], base=base, plain_base=key,
        row_type=row_type(*key),
    )  # fmt: skip
