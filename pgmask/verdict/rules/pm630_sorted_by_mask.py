"""ORDER BY a masked column."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Use
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """Sorting sorts what is shown."""
    for sight, position in case.used(Use.ORDER):
        if sight.form is Shown.MASK:
            yield Hit(
                message="rows are sorted by the mask of",
                column=(sight.table.id, sight.name),
                position=position,
            )


RULE = Rule(
    code="PM630",
    name="sorted-by-mask",
    severity=Severity.NOTE,
    check=check,
    migration=False,
    example="SELECT id FROM crm.customer ORDER BY address",
    ok="SELECT id FROM crm.customer ORDER BY created_at",
)
