"""Values that look like a mask."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import assigned, has_glyph


def check(case: Case) -> Iterator[Hit]:
    """A constant with a glyph, given to a column that stores masks."""
    for target, column, node in assigned(case):
        view = case.view(target)
        sight = view.sights.get(column) if view is not None else None
        if sight is None or not (sight.sealed or sight.form is Shown.MASK):
            continue
        value = case.literal(node)
        if value is not None and has_glyph(value):
            yield Hit(message=f"the value for {sight.table.id}.{column} looks masked")


RULE = Rule(
    code="PM663",
    name="looks-masked",
    severity=Severity.WARN,
    check=check,
    migration=False,
    example="UPDATE crm.customer SET phone = '139****2312' WHERE id = 1",
    ok="UPDATE crm.customer SET phone = '13952992312' WHERE id = 1",
)
