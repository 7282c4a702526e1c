"""COPY of a view."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """COPY name TO and FROM, of a protected table."""
    node = case.body.get("relation") if case.kind == "CopyStmt" else None
    if node and (name := case.protected(node)):
        if case.body.get("is_from"):
            hint = (
                "INSERT of many rows; an error of COPY would put the line, a truth in it, into the "
                "log."
            )
        else:
            hint = "COPY (SELECT ..) TO"
        yield Hit(message=f"the view of {name} cannot be copied", position=case.at(node), hint=hint)


RULE = Rule(
    code="PM676",
    name="copy-view",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="COPY crm.policy TO STDOUT",
    ok="COPY (SELECT id, status FROM crm.policy) TO STDOUT",
)
