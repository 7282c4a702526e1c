"""Reveals without a purpose, or with one that the profile does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import Node, only

_THIRD, _FOURTH = 2, 3


def check(case: Case) -> Iterator[Hit]:
    """The generated request functions, and pgmask.reveal_request()."""
    for called, node in case.calls():
        place = _third(case, called)
        if place < 0:
            continue
        purpose = _argument(node, place)
        given = case.literal(purpose) if purpose is not None else None
        known = _purposes(case)
        if purpose is None or case.null(purpose) or given == "":
            yield Hit(message="this reveal gives no purpose", position=case.at(node),
                      hint=_has(known))  # fmt: skip
        elif given is not None and known and given not in known:
            yield Hit(message="this profile has no such purpose", position=case.at(node),
                      hint=_has(known))  # fmt: skip


def _third(case: Case, called: tuple[str, ...]) -> int:
    """Which argument is the purpose; -1: the function asks for no reveal."""
    if called[-1] == "reveal_request" and called[0] in ("pgmask", "reveal_request"):
        return _FOURTH
    if case.policy is None:
        return -1
    schemas = called[:-1] or case.policy.search_path
    for schema in schemas:
        if case.policy.functions.get((schema, called[-1]), ("", None))[0] == "request":
            return _THIRD
    return -1


def _argument(node: Node, place: int) -> Any:
    arguments = node.get("args", [])
    for argument in arguments:
        kind, content = only(argument)
        if kind == "NamedArgExpr" and content.get("name") == "p_purpose":
            return content.get("arg")
    plain = [a for a in arguments if only(a)[0] != "NamedArgExpr"]
    return plain[place] if len(plain) > place else None


def _purposes(case: Case) -> tuple[str, ...]:
    rule = case.policy.profile.reveal if case.policy is not None else None
    return tuple(p.name for p in rule.purposes) if rule is not None else ()


def _has(known: tuple[str, ...]) -> str:
    return f"The purposes of this profile: {', '.join(known)}." if known else ""


RULE = Rule(
    code="PM650",
    name="purpose",
    severity=Severity.DENY,
    check=check,
    refused=True,
    example="SELECT crm.customer_reveal_request(ARRAY['1'], ARRAY['phone'], NULL)",
    ok="SELECT crm.customer_reveal_request(ARRAY['1'], ARRAY['phone'], 'service')",
)
