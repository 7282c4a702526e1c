"""Row-level security of one profile on one store table, ``TO`` its view owner (D1, C1, B6).

======== ==================================================================================
rows     condition (each SELECT is an InitPlan: evaluated once per statement)
======== ==================================================================================
all      ``true``; for a profile that writes ``(SELECT i.person_id IS NOT NULL ..)``
own_unit ``unit = (SELECT i.unit_id::type FROM pgmask_private.identity_P AS i)``
units    ``unit = ANY (ARRAY(SELECT ..my_units..))``
assigned ``owner = (SELECT i.person_id ..)``, else ``key = ANY (ARRAY(SELECT ..my_subjects..))``
granted  ``false`` until approved requests exist
======== ==================================================================================

A new row must lie in one of the person's units wherever the profile's rows follow the unit and the
table has a unit column of its own: assigning it to oneself opens no other unit (C1).

Never IN, EXISTS, a per-row function or OR with a function: they take the index from everybody.

The SELECT policy also notes the customers whose rows it lets through, and the INSERT policy that an
upsert may read a row (``pgmask.compile.notes``).

Restricted rows are left out for all.  High-value rows are left out unless the person is assigned to
the subject, or, in a profile that ``sees_high_value``, designated for it.  The views ask who
is asking before any row is read (``pgmask.compile.views``); the conditions here ask again where the
answer decides about the row.
"""

from __future__ import annotations

from pgmask.catalogue.model import Operation, Profile, Rows
from pgmask.compile.columns import PREFIX
from pgmask.compile.context import Context, place_in, statement
from pgmask.compile.identity_views import identity_view
from pgmask.compile.notes import examined, upserted
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.rowterms import Terms, terms
from pgmask.facts.model import ColumnFact
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import Statement, literal

_WORDS = {
    Operation.SELECT: "SELECT",
    Operation.INSERT: "INSERT",
    Operation.UPDATE: "UPDATE",
    Operation.DELETE: "DELETE",
}


def build(context: Context) -> tuple[Object, ...]:
    """One policy per profile and command that the profile may use."""
    found: list[Object] = []
    for profile in context.profiles:
        condition = row_condition(context, profile)
        wanted = set(profile.may(context.table))
        for operation in Operation:
            if operation in wanted:
                found.append(_policy(context, profile, operation, condition))
    return tuple(found)


def _policy(context: Context, profile: Profile, operation: Operation, condition: str) -> Object:
    place = context.place
    name = derived("pgmask_", profile.name, operation.value)
    role = Name(context.catalogue.view_owner(profile))
    noted = {Operation.SELECT: examined, Operation.INSERT: upserted}.get(operation)
    note = noted(context, profile) if noted is not None else ""
    using = check = ""
    if operation is Operation.INSERT:
        check = f" WITH CHECK ({_own_units(context, profile)}{condition}{note})"
    else:
        using = f" USING ({condition}{note})"
    if operation is Operation.UPDATE:
        check = f" WITH CHECK ({condition})"
    rows = " or ".join(r.value for r in profile.rows)
    create = (
        statement(
            f"CREATE POLICY {name.quoted} ON {place.quoted} AS PERMISSIVE"
            f" FOR {_WORDS[operation]} TO {role.quoted}{using}{check}"
        ),
        statement(
            f"COMMENT ON POLICY {name.quoted} ON {place.quoted} IS "
            + literal(f"Profile {profile.name}, rows {rows}.")
        ),
    )
    return Object(
        kind=Kind.POLICY,
        identity=f"{place}.{name}",
        table=context.table.id,
        phase=Phase.POLICIES,
        create=create,
        state=wherever(context, profile, create),
        drop=(statement(f"DROP POLICY {name.quoted} ON {place.quoted}"),),
        address=(place.schema.text, place.name.text, name.text),
    )


def row_condition(context: Context, profile: Profile, prefix: str = "") -> str:
    """The whole condition: how the rows are chosen, and the two flags.

    prefix: what stands before the columns of the row where the condition is not a policy's.
    """
    row = terms(context, prefix)
    restricted = f"NOT {row.restricted}"
    high_value = " OR ".join((f"NOT {row.high_value}", *_designated(context, profile, row)))
    parts: list[str] = []
    for rows in profile.rows:
        part = _rows(context, profile, rows, row)
        # The person assigned to a subject is its contact, high-value or not.
        parts.append(part if rows is Rows.ASSIGNED else f"({part} AND ({high_value}))")
    chosen = parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"
    return f"{chosen} AND {restricted}"


def _own_units(context: Context, profile: Profile) -> str:
    """What a new row must meet beside the condition of any row, '' where that says so already."""
    by_unit = [r for r in profile.rows if r in (Rows.OWN_UNIT, Rows.UNITS)]
    column = context.unit_column
    # The unit that pgmask adds is not written by anybody; it follows the subject.
    if (
        column is None
        or column.startswith(PREFIX)
        or not by_unit
        or Rows.ASSIGNED not in profile.rows
    ):
        return ""
    row = terms(context)
    rules = " OR ".join(_rows(context, profile, r, row) for r in by_unit)
    return f"({rules}) AND "


def _designated(context: Context, profile: Profile, row: Terms) -> tuple[str, ...]:
    """High-value rows this person is designated for: by customer, or all of a unit (D5)."""
    if not profile.sees_high_value:
        return ()
    found = [_keys(context, profile, "my_designations", row)]
    if row.unit is not None:
        found.append(
            f"{row.unit} ="
            f" ANY (ARRAY(SELECT {of_type('d.unit_id', context.unit_fact)}"
            " FROM pgmask_private.my_designations AS d"
            f" WHERE d.person_id = (SELECT i.person_id FROM {identity_view(profile).quoted} AS i)"
            " AND d.subject_key IS NULL))"
        )
    return tuple(f for f in found if f)


def _rows(context: Context, profile: Profile, rows: Rows, row: Terms) -> str:
    view = identity_view(profile).quoted
    if rows is Rows.ALL:
        # Who only reads passes the view, which asks; RETURNING of an upsert passes it by on 18.
        reads_only = profile.may(context.table) == (Operation.SELECT,)
        return "true" if reads_only else f"(SELECT i.person_id IS NOT NULL FROM {view} AS i)"
    if rows is Rows.GRANTED:
        return "false"
    if rows is Rows.ASSIGNED:
        return _assigned(context, profile, row)
    unit = row.unit
    if unit is None:
        return "false"  # refused before by problems.py
    if rows is Rows.OWN_UNIT:
        return f"{unit} = (SELECT {of_type('i.unit_id', context.unit_fact)} FROM {view} AS i)"
    mine = of_type("u.unit_id", context.unit_fact)
    return (
        f"{unit} = ANY (ARRAY(SELECT {mine} FROM pgmask_private.my_units AS u"
        f" WHERE u.person_id = (SELECT i.person_id FROM {view} AS i)))"
    )


def _assigned(context: Context, profile: Profile, row: Terms) -> str:
    view = identity_view(profile).quoted
    subject = context.subject
    if (
        subject is not None
        and subject.owner is not None
        and subject.table == context.table.id
        and context.relation.column(subject.owner) is not None
    ):
        person = of_type("i.person_id", context.fact(subject.owner))
        return f"{row.column(subject.owner)} = (SELECT {person} FROM {view} AS i)"
    home = subject_store(context, profile)
    if home is not None and subject is not None and context.table.subject is not None:
        store, owner = home
        column = row.column(context.table.subject)
        return (
            f"{column} = ANY (ARRAY(SELECT c.{Name(subject.key).quoted} {_from(store)}"
            f" WHERE c.{Name(subject.owner or '').quoted} ="
            f" (SELECT {of_type('i.person_id', owner)} FROM {view} AS i)))"
        )
    return _keys(context, profile, "my_subjects", row) or "false"


def _from(store: QualName) -> str:
    return f"FROM {store.quoted} AS c"


def wherever(context: Context, profile: Profile, create: tuple[Statement, ...]) -> str:
    """What is wanted of a view or policy, wherever the table of its subjects stands; '' where it
    does not look there.

    PostgreSQL follows a table that moves: nothing that reads it has to be made again.
    """
    home = subject_store(context, profile)
    wanted = "\0".join(s.text for s in create)
    if home is None or context.subject is None or _from(home[0]) not in wanted:
        return ""
    return wanted.replace(_from(home[0]), f"FROM {{{context.subject.table}}} AS c")


def of_type(value: str, fact: ColumnFact | None) -> str:
    """A text or number of the register as a value of a column's type, to be compared with it.

    It becomes a value of a domain's base type, which asks no CHECK of the application's.  No cast
    leads to an enum: whoever opens values reads with this condition, too.
    """
    if fact is None:
        return f"{value}::text"
    kind = fact.base_type or fact.type
    if not fact.own:
        return f"{value}::{kind}"
    if fact.kind != "e":
        return f"NULL::{kind}"  # refused before by problems.py
    return (
        f"(SELECT e.v FROM unnest(enum_range(NULL::{kind})) AS e (v)"
        f" WHERE pg_catalog.concat(e.v) = {value}::text)"
    )


def subject_store(context: Context, profile: Profile) -> tuple[QualName, ColumnFact] | None:
    """The subject's own store and its owner column, when assignment is a column there.

    Only for a profile that has a view of the subject's table: its policies hold in this look-up
    too.  Other profiles follow the register's assignments.
    """
    subject = context.subject
    home = context.catalogue.table(subject.table) if subject is not None else None
    if subject is None or subject.owner is None or home is None or not profile.may(home):
        return None
    relation = context.facts.store_relation(home.id, home.schema, home.name)
    place = place_in(context.catalogue, context.facts, home)
    fact = relation.column(subject.owner) if relation is not None else None
    if place is None or fact is None:
        return None
    return place, fact


def _keys(context: Context, profile: Profile, source: str, row: Terms) -> str:
    """``key = ANY (..)`` over a view of the register, '' where the rows have no key."""
    table = context.table
    column = table.subject
    name = table.subject_class
    if column is None or name is None:
        key = context.relation.primary_key
        if len(key) != 1:
            return ""
        column, name = key[0], table.id
    fact = context.relation.column(column)
    if fact is None:
        return ""
    view = identity_view(profile).quoted
    return (
        f"{row.column(column)} = ANY (ARRAY(SELECT {of_type('s.subject_key', fact)}"
        f" FROM pgmask_private.{source} AS s"
        f" WHERE s.person_id = (SELECT i.person_id FROM {view} AS i)"
        f" AND s.subject_class = {literal(name)}))"
    )
