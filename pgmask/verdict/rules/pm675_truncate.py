"""TRUNCATE of a view."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """Of a protected table."""
    if case.kind == "TruncateStmt":
        for node in case.of("RangeVar"):
            if name := case.protected(node):
                yield Hit(message=f"the view of {name} cannot be truncated",
                          position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM675",
    name="truncate",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="TRUNCATE crm.contact_log",
    ok="DELETE FROM crm.contact_log WHERE at < TIMESTAMPTZ '2020-01-01 00:00+08'",
)
