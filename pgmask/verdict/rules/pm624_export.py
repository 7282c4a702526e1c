"""Classified columns in COPY .. TO."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Flow
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity, Shown
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """COPY TO whose columns show something of level 1 or 2; a migration may not do it at all."""
    if case.kind != "CopyStmt" or case.body.get("is_from"):
        return
    for lineage in (case.lineage, *case.lineage.inner):
        for output in lineage.outputs:
            for source in output.sources:
                sight = case.sight(source.column)
                if sight is None or not sight.personal or source.flow is Flow.CONDITION:
                    continue
                if case.migration or sight.form is not Shown.NULL:
                    yield Hit(
                        message=f"level {sight.level} leaves the database in an export:",
                        column=(sight.table.id, sight.name),
                        position=output.position,
                        severity=Severity.DENY if case.migration else None,
                    )


RULE = Rule(
    code="PM624",
    name="export",
    severity=Severity.WARN,
    check=check,
    example="COPY (SELECT id, name FROM crm.customer WHERE id = 1) TO STDOUT",
    ok="COPY (SELECT id, status FROM crm.customer WHERE id = 1) TO STDOUT",
)
