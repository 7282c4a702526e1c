"""LOCK TABLE on a view."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Operation
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule

_ACCESS_SHARE = 1
_SINCE = 16


def check(case: Case) -> Iterator[Hit]:
    """Where the profile may not DELETE; in mode ACCESS SHARE only before 16."""
    if case.kind != "LockStmt":
        return
    for node in case.of("RangeVar"):
        view = case.view(node)
        if view is None:
            continue
        share = case.body.get("mode") == _ACCESS_SHARE
        if (share and case.version < _SINCE) or (
            not share and Operation.DELETE not in view.operations
        ):
            yield Hit(message=f"this profile may not lock {view.table.id} so",
                      position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM682",
    name="lock",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    profile="analyst",
    example="LOCK TABLE analyst.customer IN EXCLUSIVE MODE",
    ok="LOCK TABLE analyst.customer IN ACCESS SHARE MODE",
)
