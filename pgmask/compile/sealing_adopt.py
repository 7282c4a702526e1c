"""What an adopted table brings along: its CHECKs, unique keys, NOT NULLs and domains."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pglast
from pglast.stream import RawStream

from pgmask.catalogue.model import Column
from pgmask.compile.columns import PREFIX
from pgmask.compile.context import Context, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.sealing_rewrite import columns_of, exclusion, schemas_of
from pgmask.compile.sealing_spec import MovedCheck, SealedColumn, SealSpec, coding_of
from pgmask.compile.stages import Stage
from pgmask.facts.model import ColumnFact
from pgmask.hashing import canonical_json
from pgmask.names import Name, derived
from pgmask.sqltext import Statement, literal


def taken_key(context: Context) -> str:
    """The key of the object that takes constraints over."""
    return f"{Kind.PLACE}:{context.place} taken over"


def retypes(context: Context) -> bool:
    """Whether this plan changes the type of a sealed column: a domain gives way, or comes back."""
    recorded = context.facts.store(context.table.id)
    before = recorded is not None and Stage(recorded.stage).seals
    if before is context.stage.seals:
        return False
    types = {str(c["name"]): str(c["type"]) for c in _adopted(context, "columns")}
    return any(
        fact.domain or (before and types.get(fact.name, fact.type) != fact.type)
        for column in context.table.sealed_columns
        if (fact := context.relation.column(column.name)) is not None
    )


def was_not_null(context: Context, fact: ColumnFact) -> bool:
    """Whether the column is NOT NULL, or was so when the table was adopted."""
    before = _adopted(context, "columns")
    return fact.not_null or any(c["name"] == fact.name and c["not_null"] for c in before)


@dataclass(frozen=True, slots=True)
class _Constraint:
    name: str
    type: str
    definition: str
    comment: str | None = None


def _adopted(context: Context, part: str) -> list[dict[str, object]]:
    """A part of what was recorded at adoption."""
    recorded = context.facts.store(context.table.id)
    found = recorded.adopted.get(part) if recorded is not None else None
    return list(found) if isinstance(found, list) else []


def _constraints(context: Context) -> list[_Constraint]:
    """The table's constraints: those there now, and those that adoption has taken over."""
    found = {
        c.name: _Constraint(c.name, c.type, c.definition, c.comment)
        for c in context.relation.constraints
        if not c.name.startswith(PREFIX)
    }
    for one in _adopted(context, "constraints"):
        name = str(one["name"])
        says = one.get("comment")
        found.setdefault(
            name,
            _Constraint(
                name, str(one["type"]), str(one["definition"]), str(says) if says else None
            ),
        )
    return sorted(found.values(), key=lambda c: c.name)


_CHECK = re.compile(
    r"^CHECK \((?P<test>.*)\)(?: NO INHERIT)?(?: NOT VALID)?(?: NOT ENFORCED)?$", re.DOTALL
)


def moved(
    context: Context, columns: tuple[SealedColumn, ...], has_high: bool
) -> tuple[MovedCheck, ...]:
    """CHECKs that a mask could not meet, and the domains of sealed columns."""
    masked = {c.name for c in columns if c.always or has_high}
    found = []
    for constraint in _constraints(context):
        match = _CHECK.match(constraint.definition) if constraint.type == "c" else None
        if match is not None and masked & set(columns_of(match["test"])):
            found.append(MovedCheck(name=Name(constraint.name), expression=match["test"]))
    for column in columns:
        domain = domain_of(context, column)
        if domain is not None and column.always:
            # The cast raises when the domain refuses the value; the test itself is always true.
            cast = derived("seal_", context.table.id, "domain", column.name)
            test = f"pgmask_private.{cast.quoted}(({column.column.name.quoted})::text)"
            found.append(MovedCheck(name=Name("domain"), expression=test, domain=(cast, domain)))
    return tuple(found)


def domain_of(context: Context, column: SealedColumn) -> str | None:
    """The domain a column had when it was adopted, or has now."""
    fact = context.fact(column.name)
    if fact.domain:
        return fact.type
    for one in _adopted(context, "columns"):
        if one["name"] == column.name and coding_of(str(one["type"])) is None:
            return str(one["type"]) if fact.kind == "b" else None
    return None


@dataclass(frozen=True, slots=True)
class UniquePlace:
    """The constraint whose place a blind index takes: its name and condition."""

    name: Name | None
    where: str | None = None


def unique_place(context: Context, column: Column, unit: tuple[Name, ...]) -> UniquePlace:
    """The UNIQUE or EXCLUDE constraint whose place the blind index takes."""
    wanted = [{column.name}, {column.name, *(n.text for n in unit)}]
    for constraint in _constraints(context):
        if constraint.type == "u" and _columns_in(constraint.definition) in wanted:
            return UniquePlace(Name(constraint.name))
        if constraint.type == "x":
            excluded = exclusion(constraint.definition)
            if excluded is not None and excluded[0] == column.name:
                return UniquePlace(Name(constraint.name), excluded[1])
    return UniquePlace(None)


def _columns_in(unique: str) -> set[str]:
    """The columns of ``UNIQUE (a, b)``."""
    start = unique.index("(")
    return set(columns_of(f"ROW{unique[start : unique.index(')', start) + 1]}"))


def _replaced_indexes(context: Context, sealed: set[str]) -> tuple[Name, ...]:
    """Unique indexes without a constraint over sealed columns, there now or at adoption."""
    found = {
        i.name for i in context.relation.indexes
        if i.unique and i.constraint is None and i.reads & sealed
    }  # fmt: skip
    constraints = {c.name for c in _constraints(context)}
    for one in _adopted(context, "indexes"):
        parsed: Any = pglast.parse_sql(str(one["definition"]))[0].stmt
        inside = str(one["definition"]).partition("(")[2].rpartition(")")[0]
        if parsed.unique and str(one["name"]) not in constraints and inside:
            reads = {e.name for e in parsed.indexParams if e.name}
            if reads & sealed:
                found.add(str(one["name"]))
    return tuple(map(Name, sorted(found)))


def taken_over(context: Context, spec: SealSpec) -> Object | None:
    """The statements that take constraints off the table because the trigger keeps them now."""
    place = spec.store
    create: list[Statement] = []
    for check in spec.moved:
        if check.name.text != "domain":
            create.append(
                statement(
                    f"ALTER TABLE {place.quoted} DROP CONSTRAINT IF EXISTS {check.name.quoted}",
                    "the sealing trigger checks the plain value",
                )
            )
    for column in spec.columns:
        if column.index_name is not None:
            create.append(
                statement(
                    f"ALTER TABLE {place.quoted} DROP CONSTRAINT IF EXISTS"
                    f" {column.index_name.quoted}",
                    "the blind index takes its place and its name",
                )
            )
        name = column.column.name.quoted
        at_rest_null = not column.text and (column.always or spec.has_high)
        if at_rest_null and was_not_null(context, context.fact(column.name)):
            create.append(
                statement(
                    f"ALTER TABLE {place.quoted} ALTER COLUMN {name} DROP NOT NULL",
                    "NULL at rest; the sealing trigger asks for the value",
                )
            )
        if column.always and domain_of(context, column) is not None:
            create.append(
                statement(
                    f"ALTER TABLE {place.quoted} ALTER COLUMN {name} TYPE {column.column.type}",
                    "a mask is not of the domain; the sealing trigger checks the plain value",
                )
            )
    for index in _replaced_indexes(context, {c.name for c in spec.columns if c.always}):
        create.append(
            statement(
                f"DROP INDEX IF EXISTS {place.schema.quoted}.{index.quoted}",
                "the blind index takes its place",
            )
        )
    if not create:
        return None
    return Object(
        kind=Kind.PLACE,
        identity=f"{place} taken over",
        table=spec.table_id,
        phase=Phase.COLUMNS,
        create=tuple(create),
        drop=_given_back(context, spec),
        replace=True,
        state=canonical_json([s.text for s in create]),
    )


def _given_back(context: Context, spec: SealSpec) -> tuple[Statement, ...]:
    """The way back before anything is sealed: types, NOT NULL, constraints and indexes again.

    In this order, because a constraint may need the type; what has been there all along is left.
    """
    alter = f"ALTER TABLE {spec.store.quoted}"
    found: list[Statement] = []
    for column in spec.columns:
        name = column.column.name.quoted
        domain = domain_of(context, column)
        if column.always and domain is not None:
            found.append(
                statement(f"{alter} ALTER COLUMN {name} TYPE {domain} USING {name}::{domain}")
            )
        if not column.text and was_not_null(context, context.fact(column.name)):
            found.append(statement(f"{alter} ALTER COLUMN {name} SET NOT NULL"))
    gone = {c.name.text for c in spec.moved} | {
        c.index_name.text for c in spec.columns if c.index_name
    }
    for constraint in _constraints(context):
        if constraint.name in gone:
            name = Name(constraint.name).quoted
            found.append(statement(f"{alter} ADD CONSTRAINT {name} {constraint.definition}"))
            if constraint.comment is not None:
                says = literal(constraint.comment)
                found.append(
                    statement(f"COMMENT ON CONSTRAINT {name} ON {spec.store.quoted} IS {says}")
                )
    for index in _replaced_indexes(context, {c.name for c in spec.columns if c.always}):
        definition = _index_definition(context, index.text)
        if definition is not None:
            found.append(statement(definition))
        comment = next(
            (i.comment for i in context.relation.indexes if i.name == index.text),
            next(
                (i.get("comment") for i in _adopted(context, "indexes") if i["name"] == index.text),
                None,
            ),
        )
        if definition is not None and comment is not None:
            name = f"{context.place.schema.quoted}.{index.quoted}"
            found.append(statement(f"COMMENT ON INDEX {name} IS {literal(str(comment))}"))
    return tuple(found)


def _index_definition(context: Context, name: str) -> str | None:
    """``CREATE INDEX`` as it was, over the table where it stands now."""
    definition = next(
        (i.definition for i in context.relation.indexes if i.name == name),
        next(
            (str(i["definition"]) for i in _adopted(context, "indexes") if i["name"] == name), None
        ),
    )
    if definition is None:
        return None
    parsed: Any = pglast.parse_sql(definition)[0].stmt
    parsed.relation.schemaname = context.place.schema.text
    return str(RawStream()(parsed))


def schemas_used(spec: SealSpec) -> frozenset[str]:
    """The schemas the triggers look into for types, functions and operators."""
    found: set[str] = set()
    for check in spec.moved:
        cast = f"NULL::{check.domain[1]}" if check.domain is not None else check.expression
        found |= schemas_of(cast)
    for typed in (*spec.key, *(c.column for c in spec.columns), *spec.others):
        found |= schemas_of(f"NULL::{typed.type}")
    for key in spec.unique_keys:
        found |= {s for s in key.foreign if s}
        for part in (*key.parts, *([key.predicate] if key.predicate else [])):
            found |= schemas_of(part)
    return frozenset(found)
