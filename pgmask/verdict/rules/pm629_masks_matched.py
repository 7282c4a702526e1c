"""Joins and groups over masks."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Use
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import has_glyph


def check(case: Case) -> Iterator[Hit]:
    """JOIN (warned of), GROUP BY or DISTINCT, and comparison with a mask (noted)."""
    for use, word, severity in (
        (Use.JOIN, "joined by", Severity.WARN),
        (Use.GROUP, "grouped by", Severity.NOTE),
    ):
        for sight, position in case.used(use):
            if sight.form is Shown.MASK:
                yield Hit(
                    message=f"rows are {word} the mask of",
                    column=(sight.table.id, sight.name),
                    position=position,
                    severity=severity,
                )
    for found in case.comparisons:
        for sight in case.sights(found.column):
            given = [case.literal(o) for o in found.other] if sight.form is Shown.MASK else []
            if found.operator == "=" and any(v is not None and has_glyph(v) for v in given):
                yield Hit(
                    message=f"the mask of {sight.table.id}.{sight.name} may be that of several "
                    "persons",
                    position=case.at(found.node),
                    severity=Severity.NOTE,
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
