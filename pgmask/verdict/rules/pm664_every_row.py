"""UPDATE and DELETE without a condition."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """On a protected table."""
    for kind, word in (("UpdateStmt", "changed"), ("DeleteStmt", "deleted")):
        for node in case.of(kind):
            target = node.get("relation", {})
            name = case.protected(target)
            if name and ("whereClause" not in node or case.true(node["whereClause"])):
                yield Hit(message=f"every row of {name} that the profile reaches is {word}",
                          position=case.at(target))  # fmt: skip


RULE = Rule(
    code="PM664",
    name="every-row",
    severity=Severity.WARN,
    check=check,
    migration=False,
    example="UPDATE crm.customer SET status = 'lapsed'",
    ok="UPDATE crm.customer SET status = 'lapsed' WHERE id = 1",
)
