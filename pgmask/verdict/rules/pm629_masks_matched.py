"""Joins and groups over masks."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Use
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """JOIN (warned of) and GROUP BY or DISTINCT (noted) on a masked column."""
    for use, word, severity in (
        (Use.JOIN, "joined by", Severity.WARN),
        (Use.GROUP, "grouped by", Severity.NOTE),
    ):
        for sight, position in case.used(use):
            if sight.form is Shown.MASK:
                yield Hit(
                    message=f"rows are {word} the mask of {sight.table.id}.{sight.name}",
                    position=position,
                    severity=severity,
                )


RULE = Rule(
    code="PM629",
    name="masks-matched",
    severity=Severity.WARN,
    check=check,
    migration=False,
    example="SELECT c.id FROM crm.customer AS c JOIN crm.lead AS l ON l.phone = c.phone",
    ok="SELECT c.id FROM crm.customer AS c JOIN crm.policy AS p ON p.holder_id = c.id",
)
