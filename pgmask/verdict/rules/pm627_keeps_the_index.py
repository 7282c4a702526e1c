"""LIKE where ^@ keeps the index."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """A prefix in LIKE on a column of a protected table."""
    for found in case.comparisons:
        if found.operator != "~~" or found.node.get("kind") != "AEXPR_LIKE":
            continue
        for sight in case.sights(found.column):
            pattern = case.literal(found.other[0])
            if sight.form is Shown.NULL or pattern is None:
                continue
            if re.fullmatch(r"[^%_\\]+%", pattern):
                yield Hit(
                    message=f"a prefix of {sight.table.id}.{sight.name} by LIKE",
                    position=case.at(found.node),
                    hint=f"{sight.name} ^@ '...' keeps the index.",
                )


RULE = Rule(
    code="PM627",
    name="prefix-keeps-the-index",
    severity=Severity.NOTE,
    check=check,
    migration=False,
    example="SELECT id FROM crm.customer WHERE phone LIKE '139%'",
    ok="SELECT id FROM crm.customer WHERE phone ^@ '139'",
)
