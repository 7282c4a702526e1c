"""Referential actions that would run the application's code as the owner of a store (PM258).

ON DELETE CASCADE and its kin run as the owner of the referencing table and without its row-level
security.  A trigger that such an action sets off has these rights: it reads every unit and may
alter the table.  Whoever owns its function decides later what it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgmask.compile.context import Context
from pgmask.compile.objects import Problem
from pgmask.compile.sealing_rewrite import calls_of
from pgmask.facts.model import ConstraintFact, RelationFact, TriggerFact

_DELETES = re.compile(r" ON DELETE CASCADE\b")
_UPDATES = re.compile(
    r" ON (?:DELETE SET (?:NULL|DEFAULT)|UPDATE (?:CASCADE|SET (?:NULL|DEFAULT)))\b"
)


def problems(context: Context) -> Iterator[Problem]:
    """Every trigger and computed column of the family that a referential action sets off."""
    for relation in (context.relation, *context.facts.descendants(context.relation)):
        for key in relation.constraints:
            deletes, updates = _DELETES.search(key.definition), _UPDATES.search(key.definition)
            if key.type != "f" or not (deletes or updates):
                continue
            for trigger in relation.triggers:
                fires = (deletes and trigger.type & 8) or (updates and trigger.type & 16)
                if fires and not _ours(context, trigger):
                    function = ".".join(trigger.function)
                    yield _say(
                        context, trigger.name,
                        f"trigger {trigger.name!r} ({function}) fires when foreign key {key.name!r}"
                        " cascades, and would run as the owner of the store",
                    )  # fmt: skip
            if updates:
                yield from _computed(context, relation, key)


def _ours(context: Context, trigger: TriggerFact) -> bool:
    """Pgmask's own, or a function that the store's owner itself owns."""
    owner = f" of {context.catalogue.store_owner}, SHA-256 "
    return trigger.runs is None or owner in trigger.runs


def _computed(context: Context, relation: RelationFact, key: ConstraintFact) -> Iterator[Problem]:
    """Generated columns, and defaults that SET DEFAULT asks for."""
    for fact in relation.columns:
        asked = fact.generated or (
            "SET DEFAULT" in key.definition and fact.name in key.columns and fact.default
        )
        if not asked or fact.default is None:
            continue
        called = [c for c in calls_of(fact.default) if not c.startswith("pgmask.")]
        if called:
            yield _say(
                context, fact.name,
                f"column {fact.name!r} calls {called[0]} when foreign key {key.name!r} cascades,"
                " and that would run as the owner of the store",
            )  # fmt: skip


def _say(context: Context, what: str, message: str) -> Problem:
    return Problem(
        table=context.table.id, code="PM258", what=what, message=message,
        hint="Drop it, or let the foreign key restrict and the application delete.",
    )  # fmt: skip
