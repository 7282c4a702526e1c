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
    "AT_DisableRule", "AT_EnableRule", "AT_EnableAlwaysRule", "AT_EnableReplicaRule",
    "AT_DisableRowSecurity", "AT_NoForceRowSecurity", "AT_SetUnLogged",
    "AT_ReplicaIdentity",
)  # fmt: skip
_PARTS = {"OBJECT_POLICY": "policy", "OBJECT_TRIGGER": "trigger", "OBJECT_RULE": "rule"}


def check(case: Case) -> Iterator[Hit]:
    """ALTER TABLE .. DISABLE, NO FORCE; policies; rules and triggers; children of other tables.

    A trigger sees values before they are sealed, a rule runs with its owner's rights, and a parent
    shows the rows of its children. CASCADE: nobody knows how far it reaches.
    """
    yield from _cascade(case)
    if case.kind == "AlterTableStmt":
        yield from _children(case)
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
    elif case.kind == "CreateTrigStmt" and case.policy is not None:
        yield from _told(case, "a trigger of")


def _children(case: Case) -> Iterator[Hit]:
    """INHERIT and ATTACH PARTITION that put a protected table below one that is not."""
    one = case.protected(case.body.get("relation") or {})
    for command in case.of("AlterTableCmd"):
        content = command.get("def") or {}
        if command.get("subtype") == "AT_AddInherit":
            child, parent = one, case.protected(content.get("RangeVar", {}))
        elif command.get("subtype") == "AT_AttachPartition":
            child = case.protected(content.get("PartitionCmd", {}).get("name", {}))
            parent = one
        else:
            continue
        if child and child != parent:
            yield Hit(message=f"the rows of {child} would be shown by another table")


def _cascade(case: Case) -> Iterator[Hit]:
    if case.policy is None or case.body.get("behavior") != "DROP_CASCADE":
        return
    if case.kind == "TruncateStmt":
        yield Hit(message="TRUNCATE .. CASCADE empties every table that points here",
                  hint="Name each table to be emptied.")  # fmt: skip
    elif case.kind == "DropStmt":
        dropped = [r for r in case.lineage.relations if r.use == "define"]
        if not dropped or any(r.schema != "pg_temp" for r in dropped):
            yield Hit(message="DROP .. CASCADE takes with it whatever depends on this",
                      hint="Drop each object by its name.")  # fmt: skip


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
