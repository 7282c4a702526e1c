"""TABLESAMPLE on a view."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import only


def check(case: Case) -> Iterator[Hit]:
    """Of a protected table."""
    for node in case.of("RangeTableSample"):
        if case.view(only(node.get("relation"))[1]) is not None:
            yield Hit(message="a view cannot be sampled", position=case.at(node))


RULE = Rule(
    code="PM674",
    name="tablesample",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="SELECT id FROM crm.customer TABLESAMPLE BERNOULLI (10)",
    ok="SELECT id FROM crm.customer WHERE random() < 0.1",
)
