"""What stands in the way of sealing a table, by name and with a way out (PM25x)."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Unique
from pgmask.compile.context import Context
from pgmask.compile.objects import Problem, Severity
from pgmask.compile.sealing_casts import casts
from pgmask.compile.sealing_objects import TRIGGER_PREFIX
from pgmask.compile.sealing_rewrite import calls_of, columns_of, exclusion
from pgmask.compile.sealing_spec import SealedColumn, SealSpec, coding_of
from pgmask.facts.model import RelationFact


def problems(context: Context, spec: SealSpec) -> Iterator[Problem]:
    """Everything at once; REFUSE where sealing would lose or expose something."""
    always = {c.name for c in spec.columns if c.always}
    masked = always | ({c.name for c in spec.columns} if spec.has_high else set())
    # The sealing trigger writes shadows too, and a domain's CHECK is the application's code.
    yield from _types(context, spec, masked | {s.source.name.text for s in spec.shadows})
    for relation in (context.relation, *context.facts.descendants(context.relation)):
        yield from _keys(context, spec, relation, always, masked)
        yield from _computed(context, relation, masked)
        yield from _triggers(context, relation)
    yield from _children(context)
    yield from _moved(context, spec)
    yield from _read_anew(context, spec)


def _read_anew(context: Context, spec: SealSpec) -> Iterator[Problem]:
    """Expressions that the generated functions read anew, and every cast in them with the text."""
    own = {f.name: f.base_type for f in context.relation.columns if f.own}
    found = [(f"CHECK {c.name.text!r}", c.name.text, c.expression)
             for c in spec.moved if c.domain is None]  # fmt: skip
    for key in spec.unique_keys:
        found += [
            (f"unique key {key.name!r}", key.name, e) for e in (*key.parts, key.predicate) if e
        ]
    for column in spec.columns:
        if column.index_where is not None and column.index_name is not None:
            name = column.index_name.text
            found.append((f"constraint {name!r}", name, column.index_where))
    for says, name, expression in found:
        what = casts(expression, own)
        if what is not None:
            yield _say(
                context, "PM251", name,
                f"{says} does more with {what} than compare it with constants of its type: a cast"
                " that the type's owner makes would run with the sealer's rights",
                "Compare it with constants of its own type, or let the application check it.",
            )  # fmt: skip


def _moved(context: Context, spec: SealSpec) -> Iterator[Problem]:
    """A CHECK that moves into the sealing trigger runs with the sealer's rights."""
    for check in spec.moved:
        if check.domain is not None:
            continue  # cast to by a role that reaches no key
        called = [c for c in calls_of(check.expression) if not c.startswith("pgmask.")]
        if called:
            yield _say(
                context, "PM251", check.name.text,
                f"CHECK {check.name.text!r} calls {called[0]}, whose owner would get the plain"
                " values and the sealer's rights",
                "Write the CHECK with PostgreSQL's own functions, or let the application check it.",
            )  # fmt: skip


def _say(
    context: Context, code: str, what: str, message: str, hint: str, *, warn: bool = False
) -> Problem:
    return Problem(
        table=context.table.id, code=code, what=what, message=message, hint=hint,
        severity=Severity.WARN if warn else Severity.REFUSE,
    )  # fmt: skip


def _types(context: Context, spec: SealSpec, masked: set[str]) -> Iterator[Problem]:
    for column in context.table.columns:
        fact = context.relation.column(column.name)
        if fact is None or column.name not in masked | set(context.relation.primary_key):
            continue
        in_key = column.name in context.relation.primary_key
        level_2_high = column.level == 2 and spec.has_high
        if in_key and (column.sealed or level_2_high):
            yield _say(
                context, "PM250", column.name,
                f"column {column.name!r} of level {column.level} is in the primary key",
                "The key must stay readable: use a number of its own as the key.",
            )  # fmt: skip
        if coding_of(fact.base_type or fact.type, kind=fact.kind) is None:
            yield _say(
                context, "PM252", column.name,
                f"column {column.name!r} is of type {fact.type}, which cannot be sealed",
                "Change it to text, numeric, date, timestamp, boolean, uuid, json or bytea.",
            )  # fmt: skip
        elif fact.domain and not column.sealed:
            yield _say(
                context, "PM252", column.name,
                f"column {column.name!r} of level 2 is of the domain {fact.type},"
                " whose checks a mask may not meet and the sealing trigger may not run",
                f"ALTER TABLE .. ALTER COLUMN .. TYPE {fact.base_type}, with its checks as CHECKs.",
            )  # fmt: skip
        if column.sealed and fact.default is not None and "nextval" in fact.default:
            yield _say(
                context, "PM252", column.name,
                f"column {column.name!r} takes its values from a sequence",
                "A value that PostgreSQL counts up speaks of no person: lower its level.",
            )  # fmt: skip
        if column.sealed and fact.identity:
            yield _say(
                context, "PM252", column.name, f"column {column.name!r} is an identity column",
                "A value that PostgreSQL counts up speaks of no person: lower its level.",
            )  # fmt: skip


def _keys(
    context: Context,
    spec: SealSpec,
    relation: RelationFact,
    always: set[str],
    masked: set[str],
) -> Iterator[Problem]:
    for name in sorted(set(relation.partition_columns) & masked):
        yield _say(
            context, "PM250", name, f"column {name!r} is in the partition key of {relation.name}",
            "PostgreSQL reads the key before any trigger: partition by another column.",
        )  # fmt: skip
    for constraint in relation.constraints:
        hit = sorted(set(constraint.columns) & masked)
        if constraint.type == "f" and hit:
            yield _say(
                context, "PM250", constraint.name,
                f"foreign key {constraint.name!r} is on column {hit[0]!r}, which stores masks",
                "Let the key point to a number instead, or drop it.",
            )  # fmt: skip
        if constraint.type == "x" and hit and not _taken(context, constraint.definition, masked):
            yield _say(
                context, "PM250", constraint.name,
                f"exclusion constraint {constraint.name!r} compares column {hit[0]!r}",
                "It would compare masks. One that means UNIQUE, USING btree (column WITH =),"
                " goes over to the blind index: say unique: global. Drop any other one.",
            )  # fmt: skip
    for other in context.facts.relations:
        for constraint in other.constraints:
            pointed = set(constraint.target_columns) & masked
            if constraint.type == "f" and constraint.target == relation.qualified and pointed:
                yield _say(
                    context, "PM250", constraint.name,
                    f"foreign key {constraint.name!r} of {other.schema}.{other.name} points to"
                    f" column {min(pointed)!r}, which stores masks",
                    "Let it point to the primary key.",
                )  # fmt: skip
    by_name = {c.name: c for c in spec.columns}
    for index in relation.indexes:
        hit = sorted(index.reads & always)
        if (
            index.unique
            and hit
            and not index.inherited
            and not _replaced(context, by_name, index.reads)
        ):
            yield _say(
                context, "PM254", index.name,
                f"unique key {index.name!r} holds column {hit[0]!r}, which will store masks",
                "Say unique: global (or per_unit, with the unit column beside it) for the column,"
                " or drop the key.",
            )  # fmt: skip
        level_2 = sorted(
            n for n in index.reads & (masked - always)
            if n in by_name and by_name[n].index_column is None
        )  # fmt: skip
        if index.unique and level_2 and not index.inherited:
            yield _say(
                context, "PM254", index.name,
                f"unique key {index.name!r}: column {level_2[0]!r} is NULL at rest in rows of"
                " high-value subjects, so the key does not hold among those",
                "Nothing to do where the application makes the value unique by itself.", warn=True,
            )  # fmt: skip


def _taken(context: Context, definition: str, masked: set[str]) -> bool:
    """Whether a blind index takes the place of an EXCLUDE constraint."""
    found = exclusion(definition)
    if found is None or set(columns_of(found[1] or "true")) & masked:
        return False
    known = context.table.column(found[0])
    return known is not None and known.sealed and known.unique is Unique.GLOBAL


def _replaced(context: Context, columns: dict[str, SealedColumn], reads: frozenset[str]) -> bool:
    """Whether a blind index takes the place of a unique key over these columns."""
    for name in reads:
        column = columns.get(name)
        known = context.table.column(name)
        if column is None or known is None or known.unique is Unique.NO:
            continue
        if reads in ({name}, {name, *(n.text for n in column.unique_with)}):
            return True
    return False


def _computed(context: Context, relation: RelationFact, masked: set[str]) -> Iterator[Problem]:
    for fact in relation.columns:
        if not fact.generated or fact.default is None:
            continue
        hit = sorted(set(columns_of(fact.default)) & masked)
        if hit:
            yield _say(
                context, "PM251", fact.name,
                f"generated column {fact.name!r} is computed from {hit[0]!r}, which stores masks",
                "Drop the expression: ALTER COLUMN .. DROP EXPRESSION, or drop the column.",
            )  # fmt: skip
        if fact.name in masked:
            yield _say(
                context, "PM251", fact.name,
                f"column {fact.name!r} is generated and cannot be sealed by itself",
                "Classify what it is computed from; give the column the same level and drop"
                " its expression.",
            )  # fmt: skip
    for index in relation.indexes:
        computed = f"ROW({index.expressions or 'NULL'}, {index.predicate or 'NULL'})"
        hit = sorted(set(columns_of(computed)) & masked)
        if hit and not index.inherited:
            yield _say(
                context, "PM251", index.name,
                f"index {index.name!r} has an expression or predicate over {hit[0]!r},"
                " which stores masks",
                "Drop it; a search by the exact value uses the blind index (search: exact).",
                warn=not index.unique,
            )  # fmt: skip


def _triggers(context: Context, relation: RelationFact) -> Iterator[Problem]:
    for trigger in relation.triggers:
        ours = trigger.name.startswith(TRIGGER_PREFIX) or trigger.name.startswith("pgmask_")
        if ours or not (trigger.row and trigger.before and trigger.on_write) or trigger.cloned:
            continue
        function = ".".join(trigger.function)
        if trigger.name > TRIGGER_PREFIX:
            yield _say(
                context, "PM253", trigger.name,
                f"trigger {trigger.name!r} ({function}) would fire after the sealing trigger",
                f"Rename it: ALTER TRIGGER .. RENAME TO, sorting before {TRIGGER_PREFIX}.",
            )  # fmt: skip
        else:
            yield _say(
                context, "PM253", trigger.name,
                f"trigger {trigger.name!r} ({function}) fires before the sealing trigger and sees"
                " plain values on INSERT and UPDATE",
                "Read it: it must not write them anywhere else.", warn=True,
            )  # fmt: skip


def _children(context: Context) -> Iterator[Problem]:
    for child in context.facts.descendants(context.relation):
        if not child.is_partition:
            name = f"{child.schema}.{child.name}"
            yield _say(
                context, "PM255", name, f"{name} inherits from it and is no partition",
                "Make it a partition, or end the inheritance and name both in the catalogue.",
            )  # fmt: skip
