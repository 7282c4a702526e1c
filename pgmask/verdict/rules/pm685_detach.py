"""Statements of a migration that need their table detached."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Use
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import changed_names
from pgmask.verdict.tree import Node

_NEEDS = {
    "AT_AlterColumnType": "the type of a column",
    "AT_DropColumn": "a column that views show",
    "AT_ChangeOwner": "the owner",
    "AT_SetExpression": "a generated column",
    "AT_DropExpression": "a generated column",
    "AT_ColumnDefault": "a default that views repeat",
}
_ONLY_MADE = ("ViewStmt", "CreateFunctionStmt")
_BODIES = ("create function", "create procedure")
"""What is made here reads when it is used, with rights of its own."""


def check(case: Case) -> Iterator[Hit]:
    """Changes that views or row-level security stand in the way of, outside of a window."""
    if case.policy is None:
        return
    open_now = case.state.detached
    for what, node in _needing(case):
        name = case.protected(node)
        if name and name not in open_now and "*" not in open_now:
            yield Hit(
                message=f"{what} of {name} needs the table detached",
                position=case.at(node),
                hint=f"SELECT pgmask.detach('{name}'); .. SELECT pgmask.attach('{name}'); "
                "in one transaction.",
            )
    for name, use, position in _used(case):
        if name not in open_now and "*" not in open_now:
            yield Hit(
                message=f"the owner's {use} of {name} needs the table detached",
                position=position,
                hint=f"SELECT pgmask.detach('{name}'); .. SELECT pgmask.attach('{name}'); "
                "in one transaction.",
            )


def _used(case: Case) -> Iterator[tuple[str, str, int]]:
    """Protected tables whose rows are read or written, by whatever sort of statement."""
    policy = case.policy
    made = case.outer is not None and case.outer.kind in _BODIES
    if policy is None or case.kind in _ONLY_MADE or made:
        return
    told = set()
    for relation in case.lineage.relations:
        table = policy.table_of(relation.schema, relation.name)
        if table is not None and relation.use in ("read", "write"):
            told.add(table.id)
            yield table.id, relation.use, relation.position
    for read in case.lineage.reads:
        table = policy.table_of(read.column.schema, read.column.table)
        if table is not None and table.id not in told and read.use is not Use.LOCK:
            told.add(table.id)
            yield table.id, "read", read.position
    for write in case.lineage.writes:
        table = policy.table_of(write.schema, write.table)
        if table is not None and table.id not in told:
            told.add(table.id)
            yield table.id, "write", write.position


def _needing(case: Case) -> Iterator[tuple[str, Node]]:
    if case.kind == "RenameStmt" and "relation" in case.body:
        yield "the rename", case.body["relation"]
    elif case.kind == "AlterTableStmt":
        for command in case.of("AlterTableCmd"):
            what = _NEEDS.get(command.get("subtype", ""))
            foreign = _foreign(command)
            if what is not None:
                yield what, case.body.get("relation", {})
            elif foreign is not None:
                yield "a foreign key", case.body.get("relation", {})
                yield "a foreign key to a row", foreign
    elif case.kind == "CreateStmt":
        for node in case.of("Constraint"):
            if "pktable" in node:
                yield "a foreign key to a row", node["pktable"]
    elif case.kind == "DropStmt" and case.body.get("removeType") == "OBJECT_TABLE":
        for _, _, node in changed_names(case):
            yield "the drop", node


def _foreign(command: Node) -> Node | None:
    definition = command.get("def", {})
    constraints = [definition.get("Constraint", {})]
    constraints += [
        c.get("Constraint", {}) for c in definition.get("ColumnDef", {}).get("constraints", ())
    ]
    return next((c["pktable"] for c in constraints if "pktable" in c), None)


RULE = Rule(
    code="PM685",
    name="detach",
    severity=Severity.DENY,
    check=check,
    migration=True,
    example="ALTER TABLE crm.customer ALTER COLUMN postal_code TYPE varchar(12)",
    ok="BEGIN; SELECT pgmask.detach('crm.customer');"
    " ALTER TABLE crm_store.customer ALTER COLUMN postal_code TYPE varchar(12);"
    " SELECT * FROM pgmask.attach('crm.customer'); COMMIT",
)
