"""Conditions on columns that the profile sees as NULL."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Use
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """Filters and joins on what is hidden."""
    for sight, position in case.used(Use.FILTER, Use.JOIN):
        if sight.form is Shown.NULL and sight.classified is not None:
            yield Hit(
                message=f"{sight.table.id}.{sight.name} is NULL for this profile, "
                "so the condition never holds",
                position=position,
            )


RULE = Rule(
    code="PM628",
    name="hidden-condition",
    severity=Severity.WARN,
    check=check,
    migration=False,
    profile="analyst",
    example="SELECT id FROM analyst.customer WHERE birth_date < DATE '1980-01-01'",
    ok="SELECT id FROM analyst.customer WHERE created_at < DATE '2020-01-01'",
)
