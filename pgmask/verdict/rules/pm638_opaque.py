"""Functions that nobody can look into."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.facts.schema import Function, Schema
from pgmask.verdict.case import Case, inner_of
from pgmask.verdict.model import Severity
from pgmask.verdict.policy import OWN_SCHEMAS, Policy
from pgmask.verdict.reach import reaching
from pgmask.verdict.rule import Hit, Rule

_LOOKED_INTO = ("sql",)
_RUN = ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CallStmt")


def check(case: Case) -> Iterator[Hit]:
    """Calls of the application's own functions that are not looked through, however they come.

    What is SECURITY DEFINER, or may reach such a one, denies: it may read what this profile may
    not. Others read with the rights of whoever calls, so masks stay masks; they are told.
    """
    policy, schema = case.policy, case.schema
    if policy is None or schema is None:
        return
    yield from _kept(case, schema, policy)
    for call in case.lineage.calls:
        if call.schema in OWN_SCHEMAS or call.schema in ("pg_catalog", "information_schema"):
            continue
        if (call.schema, call.name) in policy.functions:
            continue
        known = [f for f in schema.functions(call.name)
                 if f.schema == call.schema and f.signature == call.args]  # fmt: skip
        for function in known:
            grave = _grave(case, function, schema, policy)
            if function.extension or (not grave and _looked_into(case, function)):
                continue
            what = f"{call.schema}.{call.name}()"
            yield Hit(
                message=f"{what} {grave}, and nobody sees what it reads"
                if grave
                else f"nobody sees what {what} reads",
                position=call.position,
                severity=Severity.DENY if grave else Severity.WARN,
            )
            break
        for made in case.state.functions:
            if made.name == call.name and (made.definer or (made.opaque and not known)):
                yield Hit(
                    message=f"nobody sees what {call.schema}.{call.name}() reads",
                    position=call.position,
                    severity=Severity.DENY if made.definer else Severity.WARN,
                )
                break


def _kept(case: Case, schema: Schema, policy: Policy) -> Iterator[Hit]:
    """Calls in what runs later: defaults, checks, conditions of triggers and of policies."""
    if case.kind in _RUN or case.outer is not None:
        return
    told = {call.name for call in case.lineage.calls}
    names = reaching(schema, policy)
    for called, node in case.calls(*names) if names else ():
        if called[-1] not in told:
            yield Hit(
                message=f"{'.'.join(called)}() may run with its owner's rights, and nobody sees "
                "what it reads",
                position=case.at(node),
            )


def _grave(case: Case, function: Function, schema: Schema, policy: Policy) -> str:
    """Why it may read with other rights than the caller's; '' where it does not."""
    if function.definer:
        return "runs with its owner's rights"
    if function.extension or _looked_into(case, function):
        return ""
    if function.name in reaching(schema, policy):
        return "may call what runs with its owner's rights"
    return ""


def _looked_into(case: Case, function: Function) -> bool:
    """What it does counts here: its body was read as part of this statement, or it is an aggregate,
    whose functions are among the statement's calls.
    """
    if function.kind == "a":
        return True
    if function.language not in _LOOKED_INTO or function.definer or not function.body:
        return False
    bodies = inner_of(case.outer or case.lineage)
    if any(one.text and one.text in function.body for one in bodies):
        return True
    # What views call is read with them.
    views = case.policy.views if case.policy is not None else {}
    return any(n.kind == "v" and (n.schema, n.name) not in views for n in case.lineage.relations)


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
