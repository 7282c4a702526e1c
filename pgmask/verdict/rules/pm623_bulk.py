"""Columns of level 1 of many records at once."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Flow
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import keyed

_ROWS = (Flow.DIRECT, Flow.EXPRESSION)


def check(case: Case) -> Iterator[Hit]:
    """Outputs of level 1 where neither a key nor a small LIMIT holds the rows down."""
    policy = case.policy
    if policy is None or case.kind in ("ViewStmt", "CreateFunctionStmt", "InsertStmt"):
        return
    for output in case.lineage.outputs:
        for source in output.sources:
            sight = policy.sight(source.column)
            if sight is None or sight.level != 1 or source.flow not in _ROWS:
                continue
            if sight.form is Shown.NULL or keyed(case):
                continue
            yield Hit(
                message="level 1 comes back for many rows:",
                column=(sight.table.id, sight.name),
                position=output.position,
            )


RULE = Rule(
    code="PM623",
    name="level-1-in-bulk",
    severity=Severity.WARN,
    check=check,
    migration=False,
    example="SELECT id, phone FROM crm.customer WHERE status = 'active'",
    ok="SELECT id, phone FROM crm.customer WHERE id = 1",
    says="A LIMIT of 100 or less, a parameter as LIMIT, or equality with a key counts as few.",
)
