"""The index behind ``pgmask_unit``: policies compare it in every statement (performance, A09).

It leads with the unit, so that a condition on another column cannot be answered for other units by
the index, and ends with the primary key, so that lists of one unit keep its order.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Rows
from pgmask.compile.columns import UNIT, needs_unit_column
from pgmask.compile.context import Context, statement
from pgmask.compile.objects import Kind, Object, Phase, Problem, Severity
from pgmask.names import Name, derived
from pgmask.sqltext import literal


def build(context: Context) -> tuple[Object, ...]:
    """One index where the unit is a column that pgmask added, none elsewhere."""
    if not needs_unit_column(context.catalogue, context.table):
        return ()
    place = context.place
    name = derived("pgmask_", place.name.text, "unit")
    keys = ", ".join(n.quoted for n in (UNIT, *map(Name, context.relation.primary_key)))
    full = f"{place.schema.quoted}.{name.quoted}"
    return (
        Object(
            kind=Kind.INDEX,
            identity=f"{place.schema}.{name}",
            table=context.table.id,
            phase=Phase.INDEXES,
            create=(
                statement(f"CREATE INDEX {name.quoted} ON {place.quoted} ({keys})"),
                statement(
                    f"COMMENT ON INDEX {full} IS "
                    + literal(f"Rows of {context.table.id} by the unit of their subject.")
                ),
            ),
            drop=(statement(f"DROP INDEX IF EXISTS {full}"),),
            address=(place.schema.text, name.text),
        ),
    )


def missing(context: Context) -> Iterator[Problem]:
    """Columns with a subject's key that no index leads with (PM215): named, not refused.

    A change of the subject's unit, grade or restriction is carried to its rows by that column; and
    building an index on a large table is a decision of its owner.
    """
    table = context.table
    named = {c.subject for c in table.columns if c.subject} | ({table.subject} - {None})
    led = {i.columns[0] for i in context.relation.indexes if i.columns and i.predicate is None}
    for column in sorted(n for n in named if n is not None and n not in led):
        yield Problem(
            code="PM215",
            table=table.id,
            what=column,
            message=f"no index leads with {column!r}, by which changes of the subject are carried",
            hint=f"CREATE INDEX CONCURRENTLY ON {context.place.quoted} ({Name(column).quoted})",
            severity=Severity.WARN,
        )


def telling(context: Context) -> Iterator[Problem]:
    """Indexes that lead with a level 1 or 2 column while a profile reads by unit (PM216, A09).

    The row rule is then a filter over what the index found, and EXPLAIN ANALYZE counts what it
    removed.  An index that leads with the unit finds rows of the own unit only.
    """
    by_unit = sorted(p.name for p in context.profiles if {Rows.OWN_UNIT, Rows.UNITS} & set(p.rows))
    unit = context.unit_column
    if not by_unit or unit is None:
        return
    level = {c.name: c.level for c in context.table.columns}
    for index in context.relation.indexes:
        first = index.columns[0] if index.columns else None
        if index.inherited or first is None or first == unit or level.get(first, 3) > 2:
            continue
        yield Problem(
            code="PM216",
            table=context.table.id,
            what=index.name,
            message=f"index {index.name!r} leads with {first!r} (level {level[first]}): for profile"
            f" {', '.join(by_unit)} EXPLAIN ANALYZE tells whether another unit has a value",
            hint=f"CREATE INDEX CONCURRENTLY ON {context.place.quoted}"
            f" ({Name(unit).quoted}, {Name(first).quoted}), then drop {index.name}.",
            severity=Severity.WARN,
        )
