"""A reveal in the transaction of its request."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import only, parsed, strings, walk

_BEGIN = ("TRANS_STMT_BEGIN", "TRANS_STMT_START")
_END = ("TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE")


def check(case: Case) -> Iterator[Hit]:
    """A reveal after BEGIN and a request, without COMMIT between; both in one statement too."""
    reveals = [node for called, node in case.calls() if called[-1].endswith("_reveal")
               or called == ("pgmask", "reveal")]  # fmt: skip
    if not reveals:
        return
    begun = asked = False
    for earlier in case.earlier:
        tree = parsed(earlier.text)
        kind, body = only(tree)
        if kind == "TransactionStmt":
            begun = body.get("kind") in _BEGIN or (begun and body.get("kind") not in _END)
            asked = asked and begun
        elif begun and _requests(tree):
            asked = True
    if asked or _requests(case.tree):
        yield Hit(message="the ticket of this transaction is not committed yet",
                  position=case.at(reveals[0]))  # fmt: skip


def _requests(tree: object) -> bool:
    return any(
        kind == "FuncCall" and (strings(n.get("funcname")) or ("",))[-1].endswith("reveal_request")
        for kind, n in walk(tree)
    )


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
