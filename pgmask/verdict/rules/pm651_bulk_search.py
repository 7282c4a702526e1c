"""Searches by a list of values."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """The generated _bulk functions."""
    if case.policy is None:
        return
    for called, node in case.calls():
        for schema in called[:-1] or case.policy.search_path:
            if case.policy.functions.get((schema, called[-1]), ("", None))[0] == "bulk":
                yield Hit(message="a search by many values refuses always",
                          position=case.at(node))  # fmt: skip
                break


RULE = Rule(
    code="PM651",
    name="bulk-search",
    severity=Severity.DENY,
    check=check,
    refused=True,
    example="SELECT id FROM crm.customer_by_phone_bulk(ARRAY['13952992312', '17775196458'])",
    ok="SELECT id FROM crm.customer_by_phone('13952992312')",
)
