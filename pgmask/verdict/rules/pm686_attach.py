"""A table that stays detached."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.window import after


def check(case: Case) -> Iterator[Hit]:
    """At COMMIT, or at the end of the text."""
    commits = case.kind == "TransactionStmt" and case.body.get("kind") == "TRANS_STMT_COMMIT"
    then = case.state if commits or not case.last else after(case.state, case.tree)
    left = then.detached if commits or case.last else ()
    for name in sorted(left):
        what = "every table" if name == "*" else name
        yield Hit(message=f"{what} is still detached here")


RULE = Rule(
    code="PM686",
    name="attach",
    severity=Severity.DENY,
    check=check,
    migration=True,
    refused=True,
    example="BEGIN; SELECT pgmask.detach('crm.customer');"
    " ALTER TABLE crm_store.customer ADD COLUMN region text; COMMIT",
    ok="BEGIN; SELECT pgmask.detach('crm.customer');"
    " ALTER TABLE crm_store.customer ALTER COLUMN postal_code TYPE varchar(12);"
    " SELECT * FROM pgmask.attach('crm.customer'); COMMIT",
)
