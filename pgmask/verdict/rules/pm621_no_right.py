"""A table or an operation that the catalogue does not give the profile."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Operation
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import only

_NEEDS = {
    "insert": (Operation.INSERT,),
    "update": (Operation.UPDATE,),
    "delete": (Operation.DELETE,),
    "copy": (Operation.INSERT,),
}
_MERGES = {
    "CMD_INSERT": Operation.INSERT,
    "CMD_UPDATE": Operation.UPDATE,
    "CMD_DELETE": Operation.DELETE,
}


def check(case: Case) -> Iterator[Hit]:
    """Views of other profiles, and writes beyond the profile's operations."""
    if case.policy is None:
        return
    profile = case.policy.profile.name
    for relation in case.lineage.relations:
        other = case.policy.others.get((relation.schema, relation.name))
        if other is not None and relation.use != "define":
            yield Hit(
                message=f"{relation.schema}.{relation.name} is a view of profile {other[1]}, "
                f"not of {profile}",
                position=relation.position,
            )
    for write in case.lineage.writes:
        view = case.policy.views.get((write.schema, write.table))
        if view is None:
            continue
        needed = _merged(case) if write.action == "merge" else _NEEDS.get(write.action, ())
        for operation in needed:
            if operation not in view.operations:
                yield Hit(
                    message=f"profile {profile} may not {operation.value} in {view.table.id}",
                    position=write.position,
                )


def _merged(case: Case) -> tuple[Operation, ...]:
    clauses = [
        only(clause)[1]
        for node in case.of("MergeStmt")
        for clause in node.get("mergeWhenClauses", ())
    ]
    found = {_MERGES.get(clause.get("commandType", "")) for clause in clauses}
    return tuple(o for o in Operation if o in found)


RULE = Rule(
    code="PM621",
    name="no-right",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    profile="analyst",
    example="UPDATE analyst.customer SET status = 'lapsed' WHERE id = 1",
    ok="SELECT status FROM analyst.customer WHERE id = 1",
)
