"""Functions of sequences that no longer say what they said."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """lastval() and setval()."""
    for called, node in case.calls("lastval", "setval"):
        yield Hit(message=f"{called[-1]}() is refused to applications here",
                  position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM677",
    name="sequences",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="SELECT lastval()",
    ok="INSERT INTO crm.policy (policy_no, unit_id, holder_id, insured_id, product_code,"
    " insured_name, insured_id_no, relation, sum_insured, premium, starts_on, ends_on)"
    " VALUES ('P20260000000001', 7, 1, 1, 'LIFE1', '张三', '110101199001010014', 'self', 1, 1,"
    " '2026-01-01', '2027-01-01') RETURNING id",
)
