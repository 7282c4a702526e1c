"""SET ROLE and SET SESSION AUTHORIZATION."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule

_NAMES = ("role", "session_authorization")


def check(case: Case) -> Iterator[Hit]:
    """SET, also by set_config(); RESET and NONE give rights back and are fine."""
    for node in case.of("VariableSetStmt"):
        name = node.get("name", "").lower()
        if name in _NAMES and node.get("kind") == "VAR_SET_VALUE":
            given = [case.literal(a) for a in node.get("args", ())]
            if name == "role" and given == ["none"]:
                continue
            yield Hit(message=f"SET {name} changes whose rights count", position=case.at(node))
    for kind in ("AlterRoleSetStmt", "AlterDatabaseSetStmt"):
        setting = case.body.get("setstmt") or {} if case.kind == kind else {}
        if setting.get("name", "").lower() in _NAMES and setting.get("kind") == "VAR_SET_VALUE":
            yield Hit(message=f"{setting['name'].lower()} is set for later sessions",
                      position=case.at(setting))  # fmt: skip
    for _, node in case.calls("set_config"):
        name = case.literal((node.get("args") or [None])[0])
        if name is not None and name.lower() in _NAMES:
            yield Hit(message=f"set_config() of {name.lower()} changes whose rights count",
                      position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM640",
    name="role",
    severity=Severity.DENY,
    check=check,
    migration=False,
    catalogue=False,
    deep=True,
    example="SET ROLE pgmask_agent_views",
    ok="RESET ROLE",
)
