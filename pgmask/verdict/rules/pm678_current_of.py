"""WHERE CURRENT OF."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """UPDATE and DELETE of a view."""
    for kind in ("UpdateStmt", "DeleteStmt"):
        for node in case.of(kind):
            condition = node.get("whereClause") or {}
            if "CurrentOfExpr" in condition and case.view(node.get("relation", {})) is not None:
                yield Hit(message="a cursor over a view does not say where it is")


RULE = Rule(
    code="PM678",
    name="current-of",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="UPDATE crm.customer SET status = 'lapsed' WHERE CURRENT OF c",
    ok="UPDATE crm.customer SET status = 'lapsed' WHERE id = 1",
)
