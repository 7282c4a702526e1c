"""Definitions changed under a view's name."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import changed_names


def check(case: Case) -> Iterator[Hit]:
    """ALTER, DROP, CREATE INDEX or TRIGGER, COMMENT on a view; foreign keys that point to one."""
    policy = case.policy
    if policy is None:
        return
    for _, place, node in changed_names(case):
        if place in policy.views or place in policy.others:
            yield Hit(message=f"{'.'.join(place)} is a view of a protected table",
                      position=case.at(node))  # fmt: skip
    for node in case.of("Constraint"):
        target = node.get("pktable")
        if target and (place := case.place(target)) in policy.views:
            yield Hit(
                message=f"a foreign key cannot point to the view {'.'.join(place)}",
                position=case.at(target),
            )


RULE = Rule(
    code="PM680",
    name="definition",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="ALTER TABLE crm.customer ADD COLUMN region text",
    ok="ALTER TABLE crm.ref_product ADD COLUMN region text",
)
