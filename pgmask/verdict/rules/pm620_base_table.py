"""Base-table access instead of the view."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """Stores and their partitions by the name of the store."""
    if case.policy is None:
        return
    for relation in case.lineage.relations:
        context = case.policy.stores.get((relation.schema, relation.name))
        if context is None or relation.use == "define":
            continue
        view = next((v for v in case.policy.views.values() if v.context is context), None)
        yield Hit(
            message=f"{relation.schema}.{relation.name} is the store of {context.table.id}",
            position=relation.position,
            hint=f"Query {view.schema}.{view.name}." if view is not None else "",
        )
    named = {(r.schema, r.name) for r in case.lineage.relations}
    for read in case.lineage.reads:
        place = (read.column.schema, read.column.table)
        context = case.policy.stores.get(place)
        if context is not None and place not in named:
            yield Hit(
                message=f"{'.'.join(place)}, the store of {context.table.id}, is read through a "
                "view or function",
                position=read.position,
            )


RULE = Rule(
    code="PM620",
    name="base-table",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="SELECT name FROM crm_store.customer WHERE id = 1",
    ok="SELECT name FROM crm.customer WHERE id = 1",
)
