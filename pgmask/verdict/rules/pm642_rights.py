"""GRANT, REVOKE, changes of owner and of pgmask's roles."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.policy import OWN_SCHEMAS
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import changed_names
from pgmask.verdict.tree import only, strings, walk

_ROLES = ("GrantRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt", "CreateRoleStmt",
          "RenameStmt")  # fmt: skip
_BEYOND = {"superuser": "SUPERUSER", "bypassrls": "BYPASSRLS", "isreplication": "REPLICATION",
           "createrole": "CREATEROLE"}  # fmt: skip
_WHOLE = ("OBJECT_SCHEMA", "OBJECT_DATABASE")
_ALL = ("ReassignOwnedStmt", "DropOwnedStmt", "AlterDefaultPrivilegesStmt")


def check(case: Case) -> Iterator[Hit]:
    """On what pgmask manages; on everything at once; of its roles, and roles beyond all rights."""
    if case.kind in ("GrantStmt", "AlterOwnerStmt"):
        yield from _objects(case)
    if case.kind in _ALL:
        yield Hit(message="this changes rights of many objects at once, pgmask's among them")
    if case.kind in _ROLES and not (case.kind == "RenameStmt" and "relation" in case.body):
        names = {str(n.get("rolename") or n.get("priv_name") or "") for _, n in walk(case.tree)}
        # ALTER ROLE and RENAME name theirs in fields of the statement itself.
        role = case.body.get("role")
        names.add(role.get("rolename", "") if isinstance(role, dict) else str(role or ""))
        names |= {str(case.body.get(k, "")) for k in ("subname", "newname")}
        prefix = case.policy.catalogue.roles_prefix if case.policy is not None else "pgmask_"
        if any(n.startswith((prefix, "pgmask_")) for n in names):
            yield Hit(message="a role of pgmask is changed, or its membership")
        grants = case.body.get("is_grant", case.kind != "GrantRoleStmt")
        if grants and any(n.startswith("pg_") for n in names - {"pg_database_owner"}):
            yield Hit(message="a predefined role gives rights that no view holds back")
        yield from _attributes(case)
    if case.kind == "AlterTableStmt" and case.policy is not None:
        owner = any("AT_ChangeOwner" == c.get("subtype") for c in case.of("AlterTableCmd"))
        for _, place, node in changed_names(case):
            if owner and case.policy.table_of(*place) is not None:
                yield Hit(message=f"the owner of {'.'.join(place)} is changed",
                          position=case.at(node))  # fmt: skip


def _attributes(case: Case) -> Iterator[Hit]:
    for option in case.body.get("options", ()):
        element = option.get("DefElem", {})
        word = element.get("defname", "")
        if word in _BEYOND and only(element.get("arg"))[1].get("boolval"):
            yield Hit(message=f"a role with {_BEYOND[word]} is beyond what pgmask protects")


def _objects(case: Case) -> Iterator[Hit]:
    policy = case.policy
    schemas = policy.schemas if policy is not None else OWN_SCHEMAS
    if case.kind == "AlterOwnerStmt" and case.body.get("objectType") in _WHOLE:
        name = only(case.body.get("object"))[1].get("sval", "")
        if name in schemas or case.body["objectType"] == "OBJECT_DATABASE":
            yield Hit(message=f"the owner of {name} is changed")
    if case.body.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        named = set(strings(case.body.get("objects")))
        if named & schemas:
            yield Hit(message="rights on every object of a schema that pgmask manages")
        return
    if case.body.get("objtype") == "OBJECT_SCHEMA":
        named = set(strings(case.body.get("objects")))
        if named & schemas:
            yield Hit(message="rights on a schema that pgmask manages")
        return
    for node in case.of("ObjectWithArgs"):
        names = strings(node.get("objname"))
        made = policy is not None and names[-2:] in policy.generated
        if made or (names[:1] and names[0] in OWN_SCHEMAS):
            yield Hit(message=f"rights on {'.'.join(names)}() by hand")
    for node in case.of("RangeVar"):
        place = case.place(node)
        if place[0] in OWN_SCHEMAS or (policy is not None and policy.table_of(*place)):
            yield Hit(message=f"rights on {'.'.join(filter(None, place))} by hand",
                      position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM642",
    name="rights",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="GRANT SELECT ON crm.customer TO bi_reader",
    ok="GRANT SELECT ON crm.ref_product TO bi_reader",
)
