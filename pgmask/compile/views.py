"""The view of one profile on one store table: static, plain, auto-updatable (design 3, B7).

Every profile's view of a table has the table's own column names, order, types and typmods, its
comments and, where the profile writes, its defaults.  A column is the stored column itself, a
shadow column, or, where the profile never writes it, an expression: the mask of a level-2 column,
or NULL of the exact type.  No ``security_barrier`` (it
ruins plans; row-level security does that work), no options at all: ``CREATE OR REPLACE`` without a
WITH list takes off whatever somebody set by hand.

Its WHERE asks who is asking, and leaves a note of the read (``pgmask.compile.notes``).  It holds no
column, so PostgreSQL asks once, before it reads a row (a one-time filter): no identity is an error
even where no row would match.  A policy cannot do that: it is asked at the first row an index
finds, and then error or emptiness would tell a caller without identity whether a value exists (C1,
C2).
"""

from __future__ import annotations

from pgmask.catalogue.model import Column, Form, Operation, Profile
from pgmask.compile import view_columns
from pgmask.compile.columns import shadow
from pgmask.compile.context import Context, statement
from pgmask.compile.notes import read
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.policies import row_condition
from pgmask.compile.sealing_adopt import retypes, taken_key
from pgmask.facts.model import ColumnFact
from pgmask.kinds import KINDS, family_of
from pgmask.names import Name
from pgmask.sqltext import literal


def build(context: Context) -> tuple[Object, ...]:
    """One view per profile that may do anything with the table."""
    return tuple(_view(context, profile) for profile in context.profiles)


def _view(context: Context, profile: Profile) -> Object:
    name = context.view(profile)
    owner = Name(context.catalogue.view_owner(profile))
    lines = ",\n  ".join(select_item(context, profile, fact) for fact in context.columns)
    rows, options = "", ""
    if not context.stage.moved:
        # The table has no row-level security of ours yet: the view itself keeps rows back, and a
        # barrier keeps them from functions and operators of whoever reads.
        rows = f"\n  AND ({row_condition(context, profile, 's.')})"
        options = " WITH (security_barrier = true)"
    defaults = _defaults(context, profile)
    says = f"{context.table.id} as profile {profile.name} sees it."
    return Object(
        kind=Kind.VIEW,
        identity=str(name),
        table=context.table.id,
        phase=Phase.VIEWS,
        create=(
            statement(
                f"CREATE OR REPLACE VIEW {name.quoted}{options} AS\nSELECT\n  {lines}\n"
                f"FROM {context.place.quoted} AS s\n"
                f"WHERE (SELECT {read(context, profile)} IS NOT NULL){rows}",
                f"{context.table.id} for profile {profile.name}",
            ),
            statement(f"ALTER VIEW {name.quoted} OWNER TO {owner.quoted}"),
            statement(f"COMMENT ON VIEW {name.quoted} IS " + literal(_comment(context, says))),
            *view_columns.wanted(context, name, defaults),
        ),
        drop=(statement(f"DROP VIEW {name.quoted}"),),
        # No column changes its type under a view.
        replace=same_shape(context, profile)
        and not view_columns.stale(context, name, defaults)
        and not retypes(context),
        depends=(taken_key(context),) if retypes(context) else (),
        address=(name.schema.text, name.name.text),
    )


def _defaults(context: Context, profile: Profile) -> dict[str, str]:
    """The defaults of the columns that the profile writes under their own names.

    An INSERT that leaves a column out gets the store's default anyhow; ``SET column = DEFAULT``
    does not (it would write NULL), and tools read the view's.
    """
    if not {Operation.INSERT, Operation.UPDATE} & set(profile.may(context.table)):
        return {}
    return {
        f.name: f.default
        for f in context.columns
        if f.default is not None
        and not f.generated
        and not f.identity
        and stored_source(context, profile, f.name) == Name(f.name)
    }


def _comment(context: Context, says: str) -> str:
    said = (context.relation.comment or "").partition("\npgmask: ")[0].rstrip()
    if said.startswith("pgmask: "):
        said = ""
    return f"{said}\npgmask: {says}" if said else f"pgmask: {says}"


def select_item(context: Context, profile: Profile, fact: ColumnFact) -> str:
    """One line of the select list: what this profile gets under the column's own name."""
    name = Name(fact.name)
    source = stored_source(context, profile, fact.name)
    if source is not None:
        return f"s.{source.quoted}" if source == name else f"s.{source.quoted} AS {name.quoted}"
    column = context.table.column(fact.name)
    form = Form.HIDDEN if column is None else profile.form(context.table, column)
    shown = column is not None and (form is Form.MASK or (column.sealed and form is Form.PLAIN))
    masked = _mask(context, column, fact) if column is not None and shown else None
    return f"{masked or _null(context, fact)} AS {name.quoted}"


def stored_source(context: Context, profile: Profile, column: str) -> Name | None:
    """The stored column behind the view's column, None where the view computes it.

    An unclassified column has none: it is hidden until the catalogue names it.  Nor has one that
    still holds plain values, where the view masks them (``Context.computes``).
    """
    known = context.table.column(column)
    if known is None:
        return None
    form = profile.form(context.table, known)
    if known.sealed and form is not Form.HIDDEN:
        return None if context.computes(profile) else Name(column)
    if form is Form.PLAIN:
        return Name(column)
    if not context.stage.seals:
        return None  # shadow columns come with the trigger that keeps them
    behind = shadow(profile, context.table, known)
    return behind.name if behind is not None else None


def sources(context: Context, profile: Profile, fact: ColumnFact) -> tuple[Name, ...]:
    """The stored columns that one column of the view reads: what its owner must be granted."""
    stored = stored_source(context, profile, fact.name)
    if stored is not None:
        return (stored,)
    column = context.table.column(fact.name)
    form = Form.HIDDEN if column is None else profile.form(context.table, column)
    if column is None or form is Form.HIDDEN or (form is Form.PLAIN and not column.sealed):
        return ()
    if _mask(context, column, fact) is None:
        return ()
    switch = (Name(column.kind_by.column),) if column.kind_by is not None else ()
    return (Name(fact.name), *switch)


def _null(context: Context, fact: ColumnFact) -> str:
    """NULL of the exact type; a domain that refuses NULL gives it through an empty array."""
    kind = context.type_of(fact.name)
    if fact.domain_not_null and kind == fact.type:
        return f"(ARRAY[]::{kind}[])[1]"
    collation = f" COLLATE {fact.collation}" if fact.collation else ""
    return f"NULL::{kind}{collation}"


def _mask(context: Context, column: Column, fact: ColumnFact) -> str | None:
    """The mask of a column that is not sealed, in the column's type; None: hide it instead.

    Only character types can hold a mask glyph; everything else is hidden.
    """
    if family_of(fact.type, base_type=fact.base_type, is_enum=fact.kind == "e") != "text":
        return None
    value = f"s.{Name(fact.name).quoted}::text"
    if column.kind_by is not None:
        switch = f"s.{Name(column.kind_by.column).quoted}::text"
        whens = " ".join(
            f"WHEN {literal(given)} THEN {_call(kind, None, value)}"
            for given, kind in column.kind_by.cases
        )
        masked = f"CASE {switch} {whens} ELSE {_call(column.kind_by.otherwise, None, value)} END"
    else:
        masked = _call(column.kind or "free_text", column.mask, value)
    kind = context.type_of(fact.name)
    collation = f" COLLATE {fact.collation}" if fact.collation else ""
    return f"({masked})::{kind}{collation}"


def _call(kind: str, mask: str | None, value: str) -> str:
    return f"{KINDS[kind].rule(mask).function}({value})"


def same_shape(context: Context, profile: Profile) -> bool:
    """Whether ``CREATE OR REPLACE`` can turn the present view into the wanted one.

    PostgreSQL asks that the present columns stay, in order, with name, type, typmod and collation;
    new ones may follow.  True also where no view is there.
    """
    name = context.view(profile)
    present = context.facts.relation(name.schema.text, name.name.text)
    if present is None or present.kind != "v":
        return True
    wanted = [(f.name, context.type_of(f.name), f.collation) for f in context.columns]
    there = [(c.name, c.type, c.collation) for c in present.columns]
    return there == wanted[: len(there)]
