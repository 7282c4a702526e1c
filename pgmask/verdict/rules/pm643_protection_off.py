"""Row-level security, policies, triggers and rules of protected tables switched off."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import changed_names

_OFF = (
    "AT_DisableTrig", "AT_DisableTrigAll", "AT_DisableTrigUser", "AT_EnableTrig",
    "AT_EnableTrigAll", "AT_EnableTrigUser", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig",
    "AT_DisableRule", "AT_DisableRowSecurity", "AT_NoForceRowSecurity", "AT_SetUnLogged",
    "AT_ReplicaIdentity",
)  # fmt: skip
_PARTS = {"OBJECT_POLICY": "policy", "OBJECT_TRIGGER": "trigger", "OBJECT_RULE": "rule"}


def check(case: Case) -> Iterator[Hit]:
    """ALTER TABLE .. DISABLE, NO FORCE; DROP, ALTER and CREATE POLICY; rules; pgmask's triggers."""
    if case.kind == "AlterTableStmt":
        for command in case.of("AlterTableCmd"):
            if command.get("subtype") in _OFF:
                yield from _told(case, "a protection of")
                break
    elif case.kind == "DropStmt":
        sort = case.body.get("removeType", "")
        if sort in _PARTS:
            yield from _told(case, f"a {_PARTS[sort]} of")
    elif case.kind in ("CreatePolicyStmt", "AlterPolicyStmt"):
        node = case.body.get("table", {})
        yield from _one(case, node, "a policy of")
    elif case.kind == "RuleStmt":
        yield from _told(case, "a rule of")
    elif case.kind == "CreateTrigStmt" and case.body.get("replace"):
        if case.body.get("trigname", "").startswith("pgmask"):
            yield from _told(case, "a trigger of")


def _told(case: Case, what: str) -> Iterator[Hit]:
    for _, _, node in changed_names(case):
        yield from _one(case, node, what)


def _one(case: Case, node: dict[str, object], what: str) -> Iterator[Hit]:
    place = case.place(node)
    guarded = case.policy is None or case.policy.table_of(*place) is not None
    if guarded:
        yield Hit(message=f"{what} {'.'.join(filter(None, place))} is changed",
                  position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM643",
    name="protection-off",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="ALTER TABLE crm_store.customer NO FORCE ROW LEVEL SECURITY",
    ok="ALTER TABLE crm.ref_product DISABLE TRIGGER USER",
)
