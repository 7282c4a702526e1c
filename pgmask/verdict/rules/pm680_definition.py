"""Definitions changed under a view's name."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import changed_names
from pgmask.verdict.tree import only, strings


def check(case: Case) -> Iterator[Hit]:
    """ALTER, DROP, CREATE INDEX or TRIGGER, COMMENT on a view; foreign keys and children of one."""
    policy = case.policy
    if policy is None:
        return
    for _, place, node in changed_names(case):
        if place in policy.views or place in policy.others:
            yield Hit(message=f"{'.'.join(place)} is a view of a protected table",
                      position=case.at(node))  # fmt: skip
    if case.body.get("removeType") == "OBJECT_SCHEMA":
        managed = {schema for schema, _ in (*policy.views, *policy.others, *policy.stores)}
        for name in strings(case.body.get("objects")):
            if name in managed:
                yield Hit(message=f"schema {name} holds views or stores of protected tables")
    for node in (case.body.get("inhRelations") or ()) if case.kind == "CreateStmt" else ():
        if name := case.protected(only(node)[1]):
            yield Hit(message=f"a partition or child of {name} is for a migration")
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
