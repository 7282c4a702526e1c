"""Objects of pgmask itself."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.policy import OWN_SCHEMAS
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import changed_names
from pgmask.verdict.tree import strings

_CLOSED = ("pgmask_private", "pgmask_crypto")
_PREFIX = "pgmask_"


def check(case: Case) -> Iterator[Hit]:
    """Relations and functions of closed schemas; columns and tables that begin with pgmask_."""
    for node in case.of("RangeVar"):
        schema, name = case.place(node)
        ours = case.policy is not None and case.policy.table_of(schema, name) is not None
        if schema in _CLOSED or (name.startswith(_PREFIX) and not ours):
            yield Hit(message=f"{'.'.join(filter(None, (schema, name)))} is pgmask's own",
                      position=case.at(node))  # fmt: skip
    for called, node in case.calls():
        if called[0] in _CLOSED:
            yield Hit(message=f"{'.'.join(called)}() is pgmask's own", position=case.at(node))
    for node in case.of("ColumnRef"):
        names = strings(node.get("fields"))
        if names and names[-1].startswith(_PREFIX):
            yield Hit(message=f"the column {names[-1]} is pgmask's own", position=case.at(node))
    yield from _defined(case)
    for command in case.of("AlterTableCmd"):
        if command.get("name", "").startswith(_PREFIX):
            yield Hit(message=f"{command['name']} is pgmask's own", position=case.at(command))


def _defined(case: Case) -> Iterator[Hit]:
    """Functions made, altered or dropped in pgmask's schemas, and the schemas themselves."""
    named = [strings(n.get("funcname")) for n in case.of("CreateFunctionStmt")]
    named += [strings(n.get("objname")) for n in case.of("ObjectWithArgs")]
    if case.body.get("removeType") == "OBJECT_SCHEMA":
        named += [(name,) for name in strings(case.body.get("objects"))]
    if case.body.get("renameType") == "OBJECT_SCHEMA":
        named += [(case.body.get("subname", ""),), (case.body.get("newname", ""),)]
    policy = case.policy
    managed = policy.schemas if policy is not None else OWN_SCHEMAS
    rights = case.kind in ("GrantStmt", "AlterOwnerStmt")
    for names in named:
        whole = len(names) == 1 and names[0] in managed
        made = policy is not None and not rights and names[-2:] in policy.generated
        if names and (names[0] in OWN_SCHEMAS or whole or made):
            yield Hit(message=f"{'.'.join(names)} is pgmask's own")
    if policy is not None and case.kind == "DropStmt":
        # The views too: what is made again by hand has other rights.
        for sort, place, node in changed_names(case):
            if sort in ("OBJECT_VIEW", "OBJECT_TRIGGER") and (
                place in policy.views or place in policy.others
            ):
                yield Hit(message=f"{'.'.join(place)} is pgmask's own", position=case.at(node))


RULE = Rule(
    code="PM644",
    name="own-objects",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="DELETE FROM pgmask_private.note WHERE true",
    ok="SELECT * FROM pgmask.my_columns('crm.customer')",
)
