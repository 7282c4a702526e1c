"""A schema snapshot as one profile meets it: its views as the compiler will make them.

The views of a profile become boundaries, whatever their text: what comes back through one is asked
of the catalogue.  So a snapshot of a database before adoption serves as well as one after.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pgmask.catalogue.model import Catalogue
from pgmask.facts.model import ColumnFact, ConstraintFact, Facts, RelationFact, StoreFact
from pgmask.facts.schema import Function, Relation, Schema, function_row, row_type
from pgmask.names import QualName, derived
from pgmask.verdict.policy import REVEALED, Policy, View

_PREFIX = "pgmask_"
_TABLES = ("r", "p", "v", "m", "f")


def facts_of(schema: Schema, catalogue: Catalogue) -> Facts:
    """The facts that decide what views show; a table that has been moved counts as sealed."""
    children: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for relation in schema.relations.values():
        for parent in relation.parents:
            children.setdefault(parent, []).append((relation.schema, relation.name))
    stores, sealed = _stores(schema, catalogue)
    relations = tuple(
        _relation(r, schema, tuple(sorted(children.get(key, ()))), sealed.get(key, ()))
        for key, r in sorted(schema.relations.items())
        if r.kind in _TABLES and r.schema not in ("pg_catalog", "information_schema")
    )
    return Facts(
        version=schema.server or 180000,
        database=schema.database,
        relations=relations,
        stores=stores,
    )


def _stores(
    schema: Schema, catalogue: Catalogue
) -> tuple[tuple[StoreFact, ...], dict[tuple[str, str], tuple[str, ...]]]:
    found, sealed = [], {}
    for table in catalogue.tables:
        store = catalogue.store(table.schema)
        if store is None:
            continue
        place = (store.store_schema, table.name)
        relation = schema.relations.get(place)
        if relation is None or not any(c.startswith(_PREFIX) for c in relation.columns):
            if store.mode != "aside" or relation is None or relation.kind not in "rp":
                continue
        found.append(
            StoreFact(
                table_id=table.id,
                schema=place[0],
                name=place[1],
                original_schema=table.schema,
                original_owner="",
                stage=table.rollout,
                sealed=True,
            )
        )
        sealed[place] = tuple(c.name for c in table.sealed_columns)
    return tuple(found), sealed


def _relation(
    relation: Relation,
    schema: Schema,
    children: tuple[tuple[str, str], ...],
    sealed: tuple[str, ...],
) -> RelationFact:
    constraints = [
        ConstraintFact(
            name=derived("pgmask_mask_", name).text, type="c", columns=(name,), definition=""
        )
        for name in sealed
    ]
    if relation.primary_key:
        constraints.append(
            ConstraintFact(name="", type="p", columns=relation.primary_key, definition="")
        )
    return RelationFact(
        schema=relation.schema,
        name=relation.name,
        kind=relation.kind,
        columns=tuple(
            _column(name, number, kind, schema, name in relation.not_null)
            for number, (name, kind) in enumerate(
                zip(relation.columns, relation.types, strict=True), 1
            )
        ),
        constraints=tuple(constraints),
        is_partition=bool(relation.parents),
        parents=relation.parents,
        children=children,
        definition=relation.definition,
    )


def _column(name: str, number: int, kind: str, schema: Schema, not_null: bool) -> ColumnFact:
    bare = kind.partition("(")[0]
    info = schema.types_by_text.get(bare) or schema.types_by_text.get(kind)
    domain = info is not None and info.kind == "d"
    base = kind
    while info is not None and info.kind == "d" and info.base:
        base = info.base
        info = schema.types_by_text.get(base.partition("(")[0])
    return ColumnFact(
        name=name,
        number=number,
        type=kind,
        base_type=base,
        category=info.category if info is not None else "S",
        kind=info.kind if info is not None else "b",
        domain=domain,
        not_null=not_null,
    )


def seen_by(schema: Schema, policy: Policy) -> Schema:
    """The snapshot with the profile's views, those of other profiles, and its functions."""
    relations = dict(schema.relations)
    for context in policy.contexts:
        here = (context.relation.schema, context.relation.name)
        place = (context.place.schema.text, context.place.name.text)
        if here != place and here in relations:
            moved = relations.pop(here)
            relations[place] = replace(moved, schema=place[0], name=place[1])
        for profile in context.profiles:
            name = context.view(profile)
            key = (name.schema.text, name.name.text)
            relations[key] = Relation(
                schema=key[0],
                name=key[1],
                kind="v",
                columns=tuple(c.name for c in context.columns),
                types=tuple(context.type_of(c.name) for c in context.columns),
            )
    for view in policy.views.values():
        if view.reveal:
            shown = relations[view.schema, view.name]
            place = (REVEALED + view.schema, view.name)
            relations[place] = replace(shown, schema=place[0])
    return replace(
        schema,
        relations=relations,
        function_rows=_functions(schema, policy),
        search_path=policy.search_path,
        schemas=schema.schemas | {s for s, _ in relations},
    )


def _functions(schema: Schema, policy: Policy) -> dict[str, tuple[object, ...]]:
    """The functions of the snapshot, with those that the compiler makes as what they give back.

    A search gives rows of the view; a reveal gives them with the truth in the columns that may be
    revealed (``Policy.REVEALED``). A request gives a ticket.
    """
    rows = dict(schema.function_rows)
    for function in _RUNTIME:
        known = rows.get(function.name, ())
        if all(row[0] != function.schema for row in known):
            rows[function.name] = (*known, function_row(function))
    for (place, name), (what, view) in policy.functions.items():
        others = tuple(row for row in rows.get(name, ()) if row[0] != place)
        rows[name] = (*others, function_row(_function(place, name, what, view)))
    return rows


_REPORT: Final = (("object", "text"), ("what", "text"))
_COLUMNS: Final = (
    ("column", "text"), ("level", "integer"), ("you_see", "text"), ("because", "text"),
    ("to_see_more", "text"), ("view_schema", "text"), ("view_name", "text"),
    ("key_column", "name"), ("rows", "text[]"), ("unit", "text"),
)  # fmt: skip


def _own(
    name: str,
    args: tuple[str, ...] = (),
    columns: tuple[tuple[str, str], ...] = (),
    defaults: int = 0,
) -> Function:
    return Function(
        schema="pgmask", name=name, args=args, defaults=defaults, columns=columns,
        returns="record" if columns else "text", returns_set=bool(columns), language="plpgsql",
        definer=True,
    )  # fmt: skip


_RUNTIME: Final = (
    _own("detach", ("text",)), _own("detach_all", ("text[]",), defaults=1),
    _own("attach", ("text",), _REPORT), _own("attach_all", (), _REPORT),
    _own("my_columns", ("text",), _COLUMNS),
)  # fmt: skip
"""What hints advise, for a snapshot of a database where pgmask is not yet installed."""

_TAKES: Final = {
    "request": (("text[]", "text[]", "text", "text"),
                ("p_key", "p_columns", "p_purpose", "p_reference"), 1),
    "reveal": (("uuid",), ("p_ticket",), 0),
    "search": (("text",), ("p_value",), 0),
    "bulk": (("text[]",), ("p_values",), 0),
}  # fmt: skip


def _function(schema: str, name: str, what: str, view: View) -> Function:
    args, names, defaults = _TAKES[what]
    origin = QualName.of(view.schema, view.name)
    if what == "reveal":
        origin = QualName.of(REVEALED + view.schema, view.name)
    body = None if what == "request" else f"SELECT * FROM {origin.quoted}"  # noqa: S608
    return Function(
        schema=schema,
        name=name,
        args=args,
        names=names,
        modes="i" * len(args),
        defaults=defaults,
        returns="uuid" if body is None else row_type(view.schema, view.name),
        returns_set=body is not None,
        language="plpgsql" if body is None else "sql",
        body=body,
        definer=True,
    )
