"""A partition by its own name."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """Of a protected partitioned table."""
    if case.policy is None:
        return
    for node in case.of("RangeVar"):
        place = case.place(node)
        if place in case.policy.partitions:
            yield Hit(message=f"{'.'.join(place)} is a partition of a protected table",
                      position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM681",
    name="partition",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="SELECT id FROM crm.contact_log_2025h1 WHERE id = 1",
    ok="SELECT id FROM crm.contact_log WHERE id = 1 AND at < DATE '2025-07-01'",
)
