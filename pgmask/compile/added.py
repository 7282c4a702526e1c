"""The columns for row access, and the rows of ``profile_column``.

``pgmask_high_value``, ``pgmask_restricted`` and ``pgmask_unit`` stand on every store table; the
sealing trigger keeps them.  A constant default adds a column without rewriting the table.
"""

from __future__ import annotations

from pgmask.compile.columns import HIGH_VALUE, RESTRICTED, UNIT, needs_unit_column, shadows
from pgmask.compile.context import Context, statement
from pgmask.compile.grants import allowed
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.names import Name
from pgmask.sqltext import literal


def build(context: Context) -> tuple[Object, ...]:
    """Row-access columns and the rows that ``pgmask.why`` reads."""
    rows = (_rows(context),) if context.profiles else ()
    if not context.stage.seals:
        return rows
    flag = "boolean NOT NULL DEFAULT false"
    found = [
        column(context, HIGH_VALUE, flag, "The row speaks of a high-value customer (D1)."),
        column(context, RESTRICTED, flag, "The subject's information is restricted."),
    ]
    if needs_unit_column(context.catalogue, context.table):
        found.append(
            column(context, UNIT, context.unit_type, "The unit of the row's subject (C1).")
        )
    return (*found, *rows)


def build_shadows(context: Context) -> tuple[Object, ...]:
    """Shadow columns, for a table without a sealing trigger of its own."""
    found = []
    for one in shadows(context.catalogue, context.table):
        kind = context.type_of(one.column.name)
        collation = context.fact(one.column.name).collation
        if collation is not None:
            kind = f"{kind} COLLATE {collation}"
        says = f"{one.column.name} as writable profiles see it: {one.form.value}."
        found.append(column(context, one.name, kind, says))
    return tuple(found)


def column(context: Context, name: Name, definition: str, says: str) -> Object:
    """One column that pgmask adds to the store table; partitions and children get it too."""
    place = context.place
    return Object(
        kind=Kind.COLUMN,
        identity=f"{place}.{name}",
        table=context.table.id,
        phase=Phase.COLUMNS,
        create=(
            statement(
                f"ALTER TABLE {place.quoted} ADD COLUMN IF NOT EXISTS {name.quoted} {definition}"
            ),
            statement(f"COMMENT ON COLUMN {place.quoted}.{name.quoted} IS {literal(says)}"),
        ),
        drop=(statement(f"ALTER TABLE {place.quoted} DROP COLUMN {name.quoted}"),),
        replace=True,
        address=(place.schema.text, place.name.text, name.text),
    )


def _rows(context: Context) -> Object:
    table = context.table
    values = []
    for profile in context.profiles:
        view = context.view(profile)
        rows = ", ".join(literal(r.value) for r in profile.rows)
        operations = ", ".join(literal(o.value) for o in allowed(context, profile))
        for position, fact in enumerate(context.columns, 1):
            known = table.column(fact.name)
            if known is None:
                continue
            sealed = known.sealed and context.stage.seals
            kind = known.kind or (known.kind_by.otherwise if known.kind_by else None)
            values.append(
                f"({literal(profile.name)}, {literal(table.id)}, {position}, {literal(fact.name)},"
                f" {known.level}, {literal(known.category)}, {literal(kind)},"
                f" {literal(profile.form(table, known).value)}, {str(sealed).lower()},"
                f" {literal(view.schema.text)}, {literal(view.name.text)},"
                f" ARRAY[{rows}], ARRAY[{operations}])"
            )
    clear = statement(
        f"DELETE FROM pgmask_private.profile_column WHERE table_id = {literal(table.id)}"
    )
    insert = statement(
        "INSERT INTO pgmask_private.profile_column (profile, table_id, position,"
        " column_name, level, category, kind, form, sealed, view_schema, view_name, rows,"
        " operations)\nVALUES\n  " + ",\n  ".join(values),
        "what pgmask.why explains",
    )
    return Object(
        kind=Kind.ROW,
        identity=f"profile_column {table.id}",
        table=table.id,
        phase=Phase.ROWS,
        create=(clear, insert),
        drop=(clear,),
        replace=True,
        address=("profile_column", table.id),
    )
