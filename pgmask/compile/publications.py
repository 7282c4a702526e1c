"""Publications that send a protected table: sealed and helper columns are left out of them.

A column list is given to every table that a publication names.  A publication of all tables, or of
a whole schema, cannot have one: it is named as a warning, since subscribers would get ciphertext.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.compile.context import Context, statement
from pgmask.compile.objects import Kind, Object, Phase, Problem, Severity
from pgmask.compile.store import place_of
from pgmask.facts.model import PublishedTable
from pgmask.names import Name


def _entries(context: Context) -> Iterator[PublishedTable]:
    family = (context.relation, *context.facts.descendants(context.relation))
    names = {r.qualified for r in family}
    return (p for p in context.facts.published if p.relation in names)


def _whole(context: Context, name: str) -> bool:
    return any(p.name == name and (p.all_tables or p.schemas) for p in context.facts.publications)


def build(context: Context) -> tuple[Object, ...]:
    """One object per publication that names the table or one of its partitions."""
    managed = context.facts.managed_publications
    found = []
    for entry in _entries(context):
        relation = context.facts.relation(*entry.relation)
        if relation is None or _whole(context, entry.publication):
            continue
        place = place_of(context, relation)
        address = (entry.publication, place.schema.text, place.name.text)
        if entry.columns is not None and address not in managed:
            continue
        columns = ", ".join(Name(c.name).quoted for c in context.columns if not c.generated)
        where = f" WHERE ({entry.where})" if entry.where else ""
        publication = Name(entry.publication).quoted
        found.append(
            Object(
                kind=Kind.PUBLICATION,
                identity=f"{entry.publication} {place}",
                table=context.table.id,
                phase=Phase.ROWS,
                create=(
                    statement(
                        f"ALTER PUBLICATION {publication} DROP TABLE {place.quoted}",
                        "subscribers get the application's columns only",
                    ),
                    statement(
                        f"ALTER PUBLICATION {publication} ADD TABLE {place.quoted}"
                        f" ({columns}){where}"
                    ),
                ),
                drop=(
                    statement(f"ALTER PUBLICATION {publication} DROP TABLE {place.quoted}"),
                    statement(f"ALTER PUBLICATION {publication} ADD TABLE {place.quoted}{where}"),
                ),
                replace=True,
                address=address,
                hazards=("TOUCHES_UNMANAGED_OBJECT",),
            )
        )
    return tuple(found)


def problems(context: Context) -> Iterator[Problem]:
    """Publications that cannot leave columns out."""
    for entry in _entries(context):
        relation = context.facts.relation(*entry.relation)
        if relation is not None and relation.replica_identity == "f" and entry.columns is None:
            yield Problem(
                table=context.table.id, code="PM214", what=entry.publication,
                message=f"publication {entry.publication!r} sends it with REPLICA IDENTITY FULL,"
                " which allows no list of columns",
                hint="ALTER TABLE .. REPLICA IDENTITY DEFAULT, or take it out of the publication.",
            )  # fmt: skip
    schemas = {context.place.schema.text}
    for one in context.facts.publications:
        if one.all_tables or schemas & set(one.schemas):
            yield Problem(
                table=context.table.id, code="PM214", what=one.name,
                message=f"publication {one.name!r} sends every column, sealed ones as ciphertext",
                hint="Name the tables in the publication; then pgmask gives them column lists.",
                severity=Severity.WARN,
            )  # fmt: skip
        elif context.store.schema in one.schemas and context.relation.schema in one.schemas:
            yield Problem(
                table=context.table.id, code="PM214", what=one.name,
                message=f"publication {one.name!r} sends schema {context.store.schema};"
                " the table moves out of it and is no longer sent",
                hint="Name the table in a publication of its own.", severity=Severity.WARN,
            )  # fmt: skip
