"""System columns of a view."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import strings

_NAMES = ("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")


def check(case: Case) -> Iterator[Hit]:
    """Named bare beside a view, or by the name or alias of one."""
    views = set()
    for node in case.of("RangeVar"):
        if case.view(node) is not None:
            alias = node.get("alias", {}).get("aliasname") or node.get("relname", "")
            views.add(alias)
    for node in case.of("ColumnRef") if views else ():
        names = strings(node.get("fields"))
        if names and names[-1] in _NAMES and (len(names) == 1 or names[-2] in views):
            yield Hit(message=f"a view has no {names[-1]}", position=case.at(node))


RULE = Rule(
    code="PM673",
    name="system-column",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="SELECT id, xmin FROM crm.policy WHERE id = 1",
    ok="SELECT id, updated_at FROM crm.policy WHERE id = 1",
)
