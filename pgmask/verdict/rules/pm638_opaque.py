"""Functions that nobody can look into."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.facts.schema import Function
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.policy import OWN_SCHEMAS
from pgmask.verdict.rule import Hit, Rule

_LOOKED_INTO = ("sql",)


def check(case: Case) -> Iterator[Hit]:
    """Calls of the application's own functions that are not LANGUAGE sql.

    SECURITY DEFINER denies: it may read what this profile may not. Others read with the rights of
    whoever calls, so masks stay masks; they are told.
    """
    policy, schema = case.policy, case.schema
    if policy is None or schema is None:
        return
    for call in case.lineage.calls:
        if call.schema in OWN_SCHEMAS or call.schema in ("pg_catalog", "information_schema"):
            continue
        if (call.schema, call.name) in policy.functions:
            continue
        known = [f for f in schema.functions(call.name) if f.schema == call.schema]
        for function in known:
            if function.extension or (function.body is not None and _looked_into(function)):
                continue
            what = f"{call.schema}.{call.name}()"
            yield Hit(
                message=f"{what} runs with its owner's rights, and nobody sees what it reads"
                if function.definer
                else f"nobody sees what {what} reads",
                position=call.position,
                severity=Severity.DENY if function.definer else Severity.WARN,
            )
            break


def _looked_into(function: Function) -> bool:
    return function.language in _LOOKED_INTO and not function.definer


RULE = Rule(
    code="PM638",
    name="opaque-function",
    severity=Severity.DENY,
    check=check,
    migration=False,
    example="SELECT crm.full_name(1)",
    ok="SELECT pgmask.my_columns('crm.customer')",
    says="In the example crm.full_name is a function of the application in PL/pgSQL, SECURITY"
    " DEFINER.",
)
