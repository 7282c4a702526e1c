"""Sealing of one protected table: from catalogue and facts to a ``SealSpec`` and its objects.

What an existing table brings along is taken over here: its CHECKs over sealed columns are evaluated
by the trigger on the truth, a UNIQUE moves to the blind index and gives it its name, NOT NULL of a
column that is NULL at rest becomes a rule of the trigger, a domain gives way to its base type.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pglast

from pgmask.catalogue.model import Catalogue, Column, Form, Operation, Subject, Table, Unique
from pgmask.compile.columns import PREFIX, needs_unit_column, shadows
from pgmask.compile.context import KEYLESS, READER, SEALER, Context, place_in
from pgmask.compile.grants import schema_grant
from pgmask.compile.notes import examined
from pgmask.compile.objects import Object, Problem
from pgmask.compile.policies import row_condition
from pgmask.compile.sealing_adopt import (
    UniquePlace,
    moved,
    schemas_used,
    taken_over,
    unique_place,
    was_not_null,
)
from pgmask.compile.sealing_objects import objects
from pgmask.compile.sealing_rewrite import columns_of
from pgmask.compile.sealing_rules import problems
from pgmask.compile.sealing_spec import (
    Bundle,
    Chosen,
    Coding,
    Dependant,
    HighRule,
    MovedCheck,
    Rule,
    SealedColumn,
    SealSpec,
    ShadowColumn,
    SubjectRow,
    Typed,
    UniqueKey,
    coding_of,
)
from pgmask.facts.model import ColumnFact, Facts, IndexFact
from pgmask.kinds import KINDS
from pgmask.names import Name, derived

OWN = "own"
FALLBACK = Rule(mask="pgmask.mask_free_text")
SURNAME = "pgmask.person_surname"
SHARED_BY = 3
"""As many other subjects with the same number make a row doubtful."""


def sealing_objects(catalogue: Catalogue, facts: Facts, table: Table) -> tuple[Object, ...]:
    """Every object of the table's sealing, for the compiler."""
    context = _context(catalogue, facts, table)
    return build(context) if context is not None and context.stage.seals else ()


def spec_of_table(catalogue: Catalogue, facts: Facts, table: Table) -> SealSpec | None:
    """The spec of one table of the catalogue, None where there is nothing to seal."""
    context = _context(catalogue, facts, table)
    return spec_of(context) if context is not None else None


def sealing_problems(catalogue: Catalogue, facts: Facts, table: Table) -> tuple[Problem, ...]:
    """What stands in the way of sealing the table, all at once."""
    context = _context(catalogue, facts, table)
    if context is None or not context.relation.primary_key:
        return ()
    if any(context.relation.column(c.name) is None for c in table.columns):
        return ()  # named by the compiler's own problems
    spec = spec_of(context)
    return tuple(problems(context, spec)) if spec is not None else ()


def _context(catalogue: Catalogue, facts: Facts, table: Table) -> Context | None:
    place = place_in(catalogue, facts, table)
    store = catalogue.store(table.schema)
    relation = facts.store_relation(table.id, table.schema, table.name)
    if place is None or store is None or relation is None:
        return None
    return Context(
        catalogue=catalogue, facts=facts, table=table, store=store, relation=relation, place=place
    )


def build(context: Context) -> tuple[Object, ...]:
    """Every object of the table's sealing; nothing for a table that speaks of nobody."""
    spec = spec_of(context)
    if spec is None:
        return ()
    taken = taken_over(context, spec)
    used = schemas_used(spec) - {spec.store.schema.text}
    rights = [
        schema_grant(Name(s), role, ("USAGE",))
        for s in sorted(used)
        for role in (SEALER, KEYLESS, READER)
    ]
    return (*rights, *((taken,) if taken is not None else ()), *objects(spec))


def spec_of(context: Context) -> SealSpec | None:
    """What the triggers of this table must do, None where there is nothing to do."""
    table, catalogue = context.table, context.catalogue
    bundles = bundles_of(context)
    own_high = _own_high(context)
    has_high = own_high is not None or any(b.row and b.row.high_value for b in bundles)
    shadow_columns = _shadow_columns(context)
    columns = _sealed_columns(context, bundles, has_high, shadow_columns)
    keeps_unit = needs_unit_column(catalogue, table)
    dependants = _dependants(context)
    if not (columns or shadow_columns or has_high or keeps_unit or dependants
            or any(b.row for b in bundles)):  # fmt: skip
        return None
    checks = moved(context, columns, has_high)
    subject = context.subject
    home = _is_home(table, subject)
    recorded = context.facts.store(table.id)
    return SealSpec(
        table_id=table.id,
        store=context.place,
        key=tuple(_typed(context, n) for n in context.relation.primary_key),
        columns=columns,
        bundles=bundles,
        shadows=shadow_columns,
        unique_keys=_unique_keys(context, columns, has_high),
        moved=checks,
        others=_others(context, columns, checks),
        own_high=own_high,
        unit=Name(subject.unit) if home and subject is not None and subject.unit else None,
        unit_type=context.fact(subject.unit).type if home and subject and subject.unit else "",
        unit_foreign=bool(home and subject and subject.unit and _is_foreign(context, subject.unit)),
        keeps_unit=keeps_unit,
        dependants=dependants,
        subject_class=subject.name if home and subject is not None else None,
        upserts=tuple(
            (p.name, row_condition(context, p) + examined(context, p))
            for p in context.profiles
            if {Operation.INSERT, Operation.UPDATE} <= set(p.may(table))
        ),
        unsealing=recorded is not None and recorded.unsealing,
    )


def _is_home(table: Table, subject: Subject | None) -> bool:
    return subject is not None and subject.table == table.id and table.subject == subject.key


def _typed(context: Context, name: str) -> Typed:
    fact = context.fact(name)
    coding = coding_of(fact.base_type or fact.type, kind=fact.kind)
    return Typed(
        name=Name(name), type=context.type_of(name), coding=coding or Coding.CAST,
        foreign=fact.foreign,
    )  # fmt: skip


def _own_high(context: Context) -> HighRule | None:
    subject = context.subject
    if subject is None or subject.high_value is None or not _is_home(context.table, subject):
        return None
    rule = subject.high_value
    foreign = _is_foreign(context, rule.column)
    return HighRule(column=Name(rule.column), grades=rule.grades, foreign=foreign)


def _is_foreign(context: Context, column: str) -> bool:
    fact = context.relation.column(column)
    return fact is not None and fact.foreign


def _subject_class(context: Context, column: Column) -> Subject | None:
    """The class of the person a column speaks of: named, or by a foreign key, or the table's."""
    catalogue = context.catalogue
    if column.subject_class is not None:
        return catalogue.subject(column.subject_class)
    for constraint in context.relation.constraints:
        if constraint.type == "f" and constraint.columns == (column.subject,):
            for subject in catalogue.subjects:
                home = catalogue.table(subject.table)
                if home is None or constraint.target is None:
                    continue
                relation = context.facts.store_relation(home.id, home.schema, home.name)
                if relation is not None and relation.qualified == constraint.target:
                    return subject
    return context.subject


def bundles_of(context: Context) -> tuple[Bundle, ...]:
    """One bundle per person that a row speaks of, its own subject's first."""
    table, subject = context.table, context.subject
    found: dict[str, Bundle] = {}
    own_column = table.subject if subject is not None else None
    found[OWN] = Bundle(
        name=OWN,
        sealed=Name(f"{PREFIX}sealed"),
        subject_class=subject.name if subject is not None else "",
        subject=_typed(context, own_column) if own_column else None,
        row=_row(context, subject, own_column),
    )
    for column in table.columns:
        name = column.subject
        if name is None or name == own_column or name in found:
            continue
        theirs = _subject_class(context, column)
        found[name] = Bundle(
            name=name,
            sealed=derived(f"{PREFIX}sealed_", name),
            subject_class=theirs.name if theirs is not None else name,
            subject=_typed(context, name),
            row=_row(context, theirs, name),
        )
    return tuple(found.values())


def _row(context: Context, subject: Subject | None, column: str | None) -> SubjectRow | None:
    """Where the subject's flags and unit are read; None in the subject's own row."""
    if subject is None or column is None:
        return None
    if subject.table == context.table.id and column == subject.key:
        return None
    home = context.catalogue.table(subject.table)
    place = place_in(context.catalogue, context.facts, home)
    if place is None:
        return None
    return SubjectRow(
        relation=place,
        key=Name(subject.key),
        high_value=subject.high_value is not None,
        unit=Name(subject.unit) if subject.unit else None,
    )


def _dependants(context: Context) -> tuple[Dependant, ...]:
    subject = context.subject
    if subject is None or not _is_home(context.table, subject):
        return ()
    found: list[Dependant] = []
    for table in context.catalogue.tables:
        other = _context(context.catalogue, context.facts, table)
        if table.id == context.table.id or other is None or not other.stage.seals:
            continue
        relation = other.relation
        if any(relation.column(c.subject) is None for c in table.columns if c.subject):
            continue
        if table.subject is not None and relation.column(table.subject) is None:
            continue
        keeps = needs_unit_column(context.catalogue, table)
        for bundle in bundles_of(other):
            if bundle.row is not None and bundle.subject_class == subject.name and bundle.subject:
                found.append(
                    Dependant(
                        relation=other.place,
                        subject=bundle.subject.name,
                        high_value=bundle.row.high_value,
                        unit=keeps and bundle.name == OWN,
                    )
                )
    return tuple(found)


def _shadow_columns(context: Context) -> tuple[ShadowColumn, ...]:
    found = []
    for one in shadows(context.catalogue, context.table):
        if context.relation.column(one.column.name) is None:
            continue
        source = _typed(context, one.column.name)
        hidden = one.form is Form.HIDDEN
        mask = None
        if not hidden and source.coding is Coding.TEXT:
            mask = _rule(one.column.kind, one.column.mask).mask
        found.append(ShadowColumn(name=one.name, source=source, hidden=hidden, mask=mask))
    return tuple(found)


def _rule(kind: str | None, mask: str | None = None) -> Rule:
    if kind is None or kind not in KINDS:
        return FALLBACK
    known = KINDS[kind]
    return Rule(mask=known.rule(mask).function, valid=known.validator, normal=known.normaliser)


def _sealed_columns(
    context: Context,
    bundles: tuple[Bundle, ...],
    has_high: bool,
    shadow_columns: tuple[ShadowColumn, ...],
) -> tuple[SealedColumn, ...]:
    masked = {s.source.name.text for s in shadow_columns if not s.hidden}
    by_name = {b.name for b in bundles}
    found = []
    for fact in context.columns:
        column = context.table.column(fact.name)
        if column is None:
            continue
        wanted = column.sealed or (column.level == 2 and has_high) or column.name in masked
        if not wanted or fact.name in context.relation.primary_key or fact.generated:
            continue
        found.append(_sealed_column(context, column, fact, by_name, has_high))
    return tuple(found)


def _sealed_column(
    context: Context, column: Column, fact: ColumnFact, bundles: set[str], has_high: bool
) -> SealedColumn:
    typed = _typed(context, column.name)
    chosen = None
    rule = _rule(column.kind, column.mask)
    if column.kind_by is not None:
        chosen = Chosen(
            discriminator=Name(column.kind_by.column),
            cases=tuple((value, _rule(kind)) for value, kind in column.kind_by.cases),
            foreign=_is_foreign(context, column.kind_by.column),
        )
        rule = _rule(column.kind_by.otherwise)
    always = column.sealed
    in_unique = (
        has_high
        and not always
        and any(i.unique and column.name in i.reads for i in context.relation.indexes)
    )
    beside = _key_beside(context, column) if in_unique else None
    null = in_unique or typed.coding is not Coding.TEXT
    searched = always and (column.search or column.unique is not Unique.NO)
    unique = column.unique is not Unique.NO
    with_unit = column.unique is Unique.PER_UNIT and context.unit_column is not None
    unit: tuple[Name, ...] = ()
    if with_unit and context.unit_column:
        unit = (Name(context.unit_column),)
    place = unique_place(context, column, unit) if unique else UniquePlace(None)
    if beside is not None:
        searched = unique = True
        unit = beside
    return SealedColumn(
        column=typed,
        bundle=column.subject if column.subject in bundles and column.subject else OWN,
        always=always,
        rule=rule,
        high_mask=SURNAME if column.kind == "person_name" and not always else None,
        chosen=chosen,
        refuse=column.validate == "refuse",
        required=column.required,
        not_null=null and (always or has_high) and was_not_null(context, fact),
        index_column=derived(f"{PREFIX}bidx_", column.name) if searched else None,
        unique=unique,
        unique_with=unit,
        index_name=place.name,
        index_where=place.where,
        cross=column.checks,
        null_at_rest=in_unique,
        shared_by=SHARED_BY if _own_phone(context, column) and searched and not unique else None,
    )


def _own_phone(context: Context, column: Column) -> bool:
    """A mobile number in the subject's own row: few people share one (F4, a rule of the house)."""
    return column.kind == "mobile" and _is_home(context.table, context.subject)


def _key_beside(context: Context, column: Column) -> tuple[Name, ...] | None:
    """The plain columns beside a level-2 column in its unique key, None where there is no such key.

    Rows of high-value subjects store NULL there; a blind index over all rows keeps the key.
    """
    for index in context.relation.indexes:
        if (
            not index.unique
            or index.expressions
            or index.predicate
            or column.name not in index.reads
        ):
            continue
        others = [c for c in index.columns[: index.key_count] if c is not None and c != column.name]
        known = [context.table.column(c) for c in others]
        if all(k is not None and k.level == 3 for k in known):
            return tuple(map(Name, others))
    return None


def _unique_keys(
    context: Context, columns: tuple[SealedColumn, ...], has_high: bool
) -> tuple[UniqueKey, ...]:
    """What an upsert could infer: immediate unique indexes over columns that stay plain."""
    always = {c.name for c in columns if c.always}
    deferrable = {c.name for c in context.relation.constraints if c.deferrable}
    found = []
    for index in context.relation.indexes:
        if not index.unique or index.constraint in deferrable:
            continue
        if index.reads & always or any(c.startswith(PREFIX) for c in index.reads):
            continue
        found.append(
            UniqueKey(
                name=index.name,
                parts=_parts(index),
                predicate=index.predicate,
                nulls_equal=index.nulls_not_distinct,
                foreign=_foreign(context, index),
                own=_own_types(context, index),
            )
        )
    primary = {i.name for i in context.relation.indexes if i.primary}
    return tuple(sorted(found, key=lambda k: (k.name not in primary, k.name)))


_QUALIFIED = re.compile(r'^(?:"((?:[^"]|"")+)"|([^".]+))\.')


def _foreign(context: Context, index: IndexFact) -> tuple[str, ...]:
    """Per key column the schema of its type's operators, () where all are PostgreSQL's own."""
    found = []
    for name in index.columns[: index.key_count or len(index.columns)]:
        fact = context.relation.column(name) if name is not None else None
        type_ = (fact.base_type or fact.type) if fact is not None else ""
        match = _QUALIFIED.match(type_) if fact is not None and fact.kind == "b" else None
        found.append((match[1] or match[2]).replace('""', '"') if match else "")
    return tuple(found) if any(found) else ()


def _own_types(context: Context, index: IndexFact) -> frozenset[int]:
    """The key columns of a type that the application made (an enum), by number."""
    names = index.columns[: index.key_count or len(index.columns)]
    facts = [context.relation.column(name) if name is not None else None for name in names]
    return frozenset(n for n, f in enumerate(facts) if f is not None and f.own)


def _parts(index: IndexFact) -> tuple[str, ...]:
    """The key's expressions in order; PostgreSQL gives those of an index in one list."""
    computed = iter(_split(index.expressions or ""))
    keys = index.columns[: index.key_count or len(index.columns)]
    return tuple(Name(c).quoted if c is not None else next(computed) for c in keys)


def _split(expressions: str) -> list[str]:
    if not expressions:
        return []
    text = "SELECT " + expressions
    select: Any = pglast.parse_sql(text)[0].stmt
    starts = [t.location for t in select.targetList] + [len(text)]
    return [text[a:b].rstrip().rstrip(",") for a, b in pairwise(starts)]


def _others(
    context: Context, columns: tuple[SealedColumn, ...], moved: tuple[MovedCheck, ...]
) -> tuple[Typed, ...]:
    """Columns that are not sealed and that checks or discriminators read."""
    names: list[str] = []
    for column in columns:
        names += [other for _, other in column.cross]
        if column.chosen is not None:
            names.append(column.chosen.discriminator.text)
    for check in moved:
        names += columns_of(check.expression)
    sealed = {c.name for c in columns}
    return tuple(
        _typed(context, n) for n in dict.fromkeys(names)
        if n not in sealed and context.relation.column(n) is not None
    )  # fmt: skip


__all__ = ["build", "sealing_objects", "sealing_problems", "spec_of", "spec_of_table"]
