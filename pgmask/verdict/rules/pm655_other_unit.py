"""Conditions on a unit in a profile that sees its own only."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.compile.columns import unit_column
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """A unit written into the statement, where rows are those of the own unit."""
    policy = case.policy
    if policy is None or not policy.own_unit:
        return
    for found in case.comparisons:
        for sight in case.sights(found.column):
            if unit_column(policy.catalogue, sight.table) != sight.name:
                continue
            if any(case.constant(other) for other in found.other):
                yield Hit(
                    message=f"profile {policy.profile.name} sees the own unit's rows of "
                    f"{sight.table.id} only, whatever unit is asked for",
                    position=case.at(found.node),
                )


RULE = Rule(
    code="PM655",
    name="other-unit",
    severity=Severity.WARN,
    check=check,
    migration=False,
    profile="claims",
    example="SELECT id FROM claims.claim WHERE unit_id IN (7, 9)",
    ok="SELECT id FROM claims.claim WHERE status = 'open'",
)
