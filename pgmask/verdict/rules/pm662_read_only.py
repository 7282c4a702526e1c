"""Writes to columns that the view computes."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """Columns of a writable view that are not stored ones."""
    if case.policy is None:
        return
    for write in case.lineage.writes:
        view = case.policy.views.get((write.schema, write.table))
        if view is None or write.action == "delete" or not view.context.stage.moved:
            continue
        for column in write.columns:
            sight = view.sights.get(column)
            fact = view.context.relation.column(column)
            if sight is None or sight.writable or not view.operations - {"select"}:
                continue
            if fact is not None and fact.generated:
                continue
            yield Hit(
                message=f"{view.table.id}.{column} is computed in this profile's view",
                position=write.position,
            )


RULE = Rule(
    code="PM662",
    name="read-only-column",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    profile="service",
    example="INSERT INTO service.contact_log (customer_id, staff_id, type, value, purpose, at,"
    " outcome) VALUES (1, 1, 'phone', '13952992312', 'service', now(), 'reached')",
    ok="INSERT INTO service.contact_log (customer_id, staff_id, type, value, purpose, at)"
    " VALUES (1, 1, 'phone', '13952992312', 'service', now())",
    says="A column that the catalogue does not name is NULL in the view, computed there. In the"
    " example the table has such a column, outcome.",
)
