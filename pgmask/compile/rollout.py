"""The stages of a table as objects: what ``observe`` has instead of a store, and the stage's row.

``observe`` touches nothing of the table but the rights that the views and the backup need to read
it.  What the table was is recorded when it is moved aside, not before: until then it is its owner's
and may change.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Form, Opens
from pgmask.compile.context import Context, place_in, statement
from pgmask.compile.giveback import give_back
from pgmask.compile.objects import Kind, Object, Phase, Problem, Severity
from pgmask.compile.rowterms import persons
from pgmask.compile.stages import Stage
from pgmask.compile.store import place_of, record
from pgmask.hashing import canonical_json
from pgmask.names import QualName
from pgmask.sqltext import Statement, literal


def observed(context: Context) -> Object:
    """The record of an observed table; made from a store, it first gives the table back.

    Dropping it forgets the table: when it moves on, the store's own record takes its place.
    """
    table = context.table.id
    return Object(
        kind=Kind.PLACE,
        identity=f"{table} observed",
        table=table,
        phase=Phase.PLACE,
        create=(*_back(context), record(context)),
        drop=(
            statement(
                f"DELETE FROM pgmask_private.store_table WHERE table_id = {literal(table)}",
                "no longer observed",
            ),
        ),
        replace=True,
        state=canonical_json({"observed": str(context.place)}),
    )


def _back(context: Context) -> tuple[Statement, ...]:
    recorded = context.facts.store(context.table.id)
    if recorded is None or recorded.stage == Stage.OBSERVE.value:
        return ()
    here: dict[tuple[str, str], QualName] = {}
    for relation in (context.relation, *context.facts.descendants(context.relation)):
        before = place_of(context, relation)
        here[(before.schema.text, before.name.text)] = QualName.of(relation.schema, relation.name)
    return give_back(recorded.adopted, here)


def stage(context: Context) -> Object:
    """The row that says which stage was asked for; the runtime answers which is reached."""
    table, wanted = context.table.id, context.stage
    return Object(
        kind=Kind.ROW,
        identity=f"stage {table}",
        table=table,
        phase=Phase.ROWS,
        create=(
            statement(
                f"SELECT pgmask_private.enter_stage({literal(table)}, {literal(wanted.value)})",
                f"from now on {wanted.value}",
            ),
        ),
        replace=True,
        state=wanted.value,
    )


def present(context: Context) -> Stage | None:
    """The stage that the last apply left, None before the first."""
    recorded = context.facts.store(context.table.id)
    return Stage(recorded.stage) if recorded is not None else None


def guard(table: str) -> Statement:
    """What comes first on the way back from sealing: PM272 where a value is sealed."""
    return statement(
        f"SELECT pgmask_private.refuse_sealed({literal(table)})",
        "no way back past sealed values",
    )


def problems(context: Context) -> Iterator[Problem]:
    """What the stages do not allow, and what they let people see meanwhile."""
    yield from _order(context)
    yield from _way_back(context)
    yield from _name(context)
    yield from _plain(context)


def _order(context: Context) -> Iterator[Problem]:
    """A table seals only when its subjects' own table does: unit and flags come from there."""
    if not context.stage.seals:
        return
    for subject_class, _ in persons(context):
        subject = context.catalogue.subject(subject_class)
        home = context.catalogue.table(subject.table) if subject is not None else None
        if home is None or Stage(home.rollout).seals:
            continue
        if place_in(context.catalogue, context.facts, home) is None:
            continue
        yield Problem(
            table=context.table.id, code="PM270", what=home.id,
            message=f"cannot be at {context.stage.value} while {home.id}, the table of its"
            f" subjects, is at {home.rollout}",
            hint=f"Set rollout: sealing for {home.id}, or rollout: views for {context.table.id}.",
        )  # fmt: skip


def _way_back(context: Context) -> Iterator[Problem]:
    now = present(context)
    wanted = context.stage
    if now is None or not now.seals or wanted.seals:
        return
    recorded = context.facts.store(context.table.id)
    table = context.table.id
    if recorded is not None and recorded.holds_sealed and context.table.sealed_columns:
        yield Problem(
            table=table, code="PM272", what=table,
            message=f"its values are sealed: from {now.value} there is no way to {wanted.value}",
            hint=f"pgmask unseal {table}, then plan again.",
        )  # fmt: skip
    elif wanted is Stage.OBSERVE:
        yield Problem(
            table=table, code="PM273", what=table,
            message=f"goes from {now.value} to observe in two steps",
            hint="Set rollout: views, apply, then rollout: observe.",
        )  # fmt: skip


def _name(context: Context) -> Iterator[Problem]:
    if context.stage.moved:
        return
    for profile in context.profiles:
        if context.view(profile) == context.place:
            yield Problem(
                table=context.table.id, code="PM277", what=profile.name,
                message=f"the view of profile {profile.name} would have the observed table's name",
                hint="While a table is observed, a profile's views stand in a schema of its name:"
                " name the profile otherwise, or begin with rollout: views.",
            )  # fmt: skip


def _plain(context: Context) -> Iterator[Problem]:
    """Who sees plain values of rows that are not sealed yet; told, never silent."""
    for profile in shown_plain(context):
        yield Problem(
            table=context.table.id, code="PM271", what=profile,
            message=f"until pgmask seal has ended, profile {profile} sees plain values of rows"
            " that are not sealed yet",
            hint=f"opens: when_sealed for {profile}, or rollout: views until nobody writes.",
            severity=Severity.WARN,
        )  # fmt: skip


def shown_plain(context: Context) -> tuple[str, ...]:
    """The profiles that see stored level-1 columns before they are sealed: open, and writing."""
    if not context.stage.seals or context.sealed:
        return ()
    return tuple(
        p.name
        for p in context.profiles
        if p.opens is Opens.ALWAYS
        and not context.computes(p)
        and any(p.form(context.table, c) is not Form.HIDDEN for c in context.table.sealed_columns)
    )
