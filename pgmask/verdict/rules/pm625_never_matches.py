"""Comparisons with a masked column that can never be true."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case, Compared
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.policy import Sight
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import (
    as_shown,
    by_search,
    has_glyph,
)

_RANGES = ("<", ">", "<=", ">=", "BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC")


def check(case: Case) -> Iterator[Hit]:
    """A masked column beside a full value, a parameter, or in a range."""
    for found in case.comparisons:
        for sight in case.sights(found.column):
            if sight.form is Shown.MASK:
                yield from _compared(case, found, sight)


def _compared(case: Case, found: Compared, sight: Sight) -> Iterator[Hit]:
    name = f"{sight.table.id}.{sight.name}"
    place = case.at(found.node)
    if found.operator in _RANGES:
        yield Hit(message=f"{name} is compared by order with what it masks", position=place)
    if found.operator not in ("=", "<>"):
        return
    for other in found.other:
        if case.parameter(other):
            message = f"{name} holds masks: a parameter with the full value never matches"
            yield Hit(message=message, position=place, hint=by_search(sight))
            return
        value = case.literal(other)
        if value and not has_glyph(value) and as_shown(sight, value) != value:
            message = f"{name} holds masks: this full value equals none"
            yield Hit(message=message, position=place, hint=by_search(sight))
            return


RULE = Rule(
    code="PM625",
    name="comparison-that-never-matches",
    severity=Severity.WARN,
    check=check,
    migration=False,
    example="SELECT id FROM crm.customer WHERE phone = '13952992312'",
    ok="SELECT id FROM crm.customer_by_phone('13952992312')",
)
