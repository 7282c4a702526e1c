"""A reveal in the transaction of its request."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.window import asks


def check(case: Case) -> Iterator[Hit]:
    """A reveal after BEGIN and a request, without COMMIT between; both in one statement too."""
    reveals = [node for called, node in case.calls() if called[-1].endswith("_reveal")
               or called == ("pgmask", "reveal")]  # fmt: skip
    if not reveals:
        return
    if case.state.asked or asks(case.tree):
        yield Hit(message="the ticket of this transaction is not committed yet",
                  position=case.at(reveals[0]))  # fmt: skip


RULE = Rule(
    code="PM652",
    name="commit-before-reveal",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    refused=True,
    example="SELECT r.phone FROM crm.customer_reveal(crm.customer_reveal_request(ARRAY['1'],"
    " ARRAY['phone'], 'service')) AS r",
    ok="SELECT r.phone FROM crm.customer_reveal('00000000-0000-0000-0000-000000000000') AS r",
)
