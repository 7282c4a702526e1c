"""A sealed column written from a masked one."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Flow
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """INSERT .. SELECT and UPDATE whose new value comes from a mask.

    A column written back as it was read changes nothing and is fine. Where the two masks are equal
    PostgreSQL would take the value for unchanged and keep another truth, without a word.
    """
    if case.policy is None:
        return
    for write in case.lineage.writes:
        view = case.policy.views.get((write.schema, write.table))
        if view is None:
            continue
        for column, sources in write.sources:
            target = view.sights.get(column)
            if target is None or target.form is not Shown.MASK:
                continue
            for source in sources:
                sight = case.sight(source.column)
                if sight is None or sight.form is not Shown.MASK or source.flow is Flow.CONDITION:
                    continue
                same = sight.stored == target.stored and source.flow is Flow.DIRECT
                if same and write.action == "update":
                    continue
                yield Hit(
                    message=f"{target.table.id}.{column} would be given the mask of "
                    f"{sight.table.id}.{sight.name}",
                    position=write.position,
                )


RULE = Rule(
    code="PM660",
    name="mask-written",
    severity=Severity.DENY,
    check=check,
    migration=False,
    example="UPDATE crm.customer SET landline = phone WHERE id = 1",
    ok="UPDATE crm.customer SET landline = '010-55550000' WHERE id = 1",
)
