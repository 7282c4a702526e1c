"""ON CONFLICT ON CONSTRAINT."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import only_value


def check(case: Case) -> Iterator[Hit]:
    """On a view."""
    for node in case.of("InsertStmt"):
        infer = only_value(only_value(node.get("onConflictClause")).get("infer"))
        if infer.get("conname") and case.view(node.get("relation", {})) is not None:
            yield Hit(message="a view has no constraints", position=case.at(infer))


RULE = Rule(
    code="PM671",
    name="on-conflict-on-constraint",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="INSERT INTO crm.lead (unit_id, name, channel) VALUES (7, '张三', 'web')"
    " ON CONFLICT ON CONSTRAINT lead_pkey DO NOTHING",
    ok="INSERT INTO crm.lead (unit_id, name, channel) VALUES (7, '张三', 'web')"
    " ON CONFLICT (id) DO NOTHING",
)
