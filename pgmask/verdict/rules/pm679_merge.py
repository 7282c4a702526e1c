"""MERGE into a view before 17."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule

_SINCE = 17


def check(case: Case) -> Iterator[Hit]:
    """On the version of the schema's server."""
    if case.version >= _SINCE:
        return
    for node in case.of("MergeStmt"):
        target = node.get("relation", {})
        if case.view(target) is not None:
            yield Hit(message=f"PostgreSQL {case.version} does not merge into a view",
                      position=case.at(target))  # fmt: skip


_MERGE = (
    "MERGE INTO crm.policy AS p USING (VALUES (1)) AS v (id) ON p.id = v.id"
    " WHEN MATCHED THEN UPDATE SET status = 'lapsed'"
)
RULE = Rule(
    code="PM679",
    name="merge",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    version=15,
    example=_MERGE,
    ok="UPDATE crm.policy SET status = 'lapsed' WHERE id = 1",
)
