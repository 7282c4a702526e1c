"""Patterns that meet characters which the mask hides."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.policy import Sight
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import by_search, has_glyph, visible

_LIKE = ("~~", "!~~")
_OTHERS = ("~~*", "!~~*", "~", "~*", "!~", "!~*")
_PREFIX = ("^@",)


def check(case: Case) -> Iterator[Hit]:
    """LIKE, ILIKE, SIMILAR TO, ^@ and regular expressions on a masked column."""
    for found in case.comparisons:
        if found.operator not in (*_LIKE, *_OTHERS, *_PREFIX):
            continue
        for sight in case.sights(found.column):
            if sight.form is not Shown.MASK:
                continue
            pattern = case.literal(found.other[0])
            if pattern is None or has_glyph(pattern) or _seen(sight, pattern, found.operator):
                continue
            yield Hit(
                message=f"the pattern meets characters of {sight.table.id}.{sight.name} "
                "that the mask hides",
                position=case.at(found.node),
                hint=by_search(sight),
            )


def _seen(sight: Sight, pattern: str, operator: str) -> bool:
    """Whether the mask shows all that the pattern names."""
    first, last = visible(sight)
    if operator in _PREFIX:
        return len(pattern) <= first
    if operator in _OTHERS:
        return False
    wild = re.search(r"^([^%_\\]*)%([^%_\\]*)$", pattern)
    if wild is None:
        return not pattern.strip("%_")
    return len(wild[1]) <= first and len(wild[2]) <= last


RULE = Rule(
    code="PM626",
    name="pattern-over-hidden-characters",
    severity=Severity.WARN,
    check=check,
    migration=False,
    example="SELECT id FROM crm.customer WHERE phone LIKE '%5299%'",
    ok="SELECT id FROM crm.customer WHERE phone LIKE '139%'",
)
