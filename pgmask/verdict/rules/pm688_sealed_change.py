"""Changes that sealed values do not survive."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Table
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.policy import Policy
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """Type, name or drop of a sealed column, of key, unit or subject; rename or move of a table."""
    policy = case.policy
    node = case.body.get("relation") or {}
    if policy is None or "relname" not in node:
        return
    table = policy.table_of(*case.place(node))
    if table is None:
        return
    if case.kind == "AlterTableStmt":
        for command in case.of("AlterTableCmd"):
            subtype = command.get("subtype")
            if subtype in ("AT_AlterColumnType", "AT_DropColumn"):
                word = "type" if subtype == "AT_AlterColumnType" else "drop"
                yield from _told(case, table, policy, command.get("name", ""), word)
    elif case.kind == "RenameStmt":
        if case.body.get("renameType") == "OBJECT_COLUMN":
            yield from _told(case, table, policy, case.body.get("subname", ""), "rename")
        elif case.body.get("renameType") == "OBJECT_TABLE":
            yield Hit(message=f"the name of {table.id} is part of its sealed values",
                      position=case.at(node))  # fmt: skip
    elif case.kind == "AlterObjectSchemaStmt":
        yield Hit(message=f"{table.id} cannot move to another schema", position=case.at(node))


def _told(case: Case, table: Table, policy: Policy, name: str, word: str) -> Iterator[Hit]:
    column = table.column(name)
    subject = policy.catalogue.subject(table.subject_class) if table.subject_class else None
    needed = {table.subject, table.unit} | (
        {subject.key, subject.unit} if subject is not None and subject.table == table.id else set()
    )
    sealed = column is not None and column.sealed
    if sealed or name in needed:
        what = "a sealed column" if sealed else "the key, unit or subject of its rows"
        yield Hit(message=f"the {word} of {table.id}.{name}, {what}, is refused in the window",
                  position=case.at(case.body.get("relation")))  # fmt: skip


RULE = Rule(
    code="PM688",
    name="sealed-change",
    severity=Severity.DENY,
    check=check,
    migration=True,
    refused=True,
    example="ALTER TABLE crm_store.customer RENAME COLUMN phone TO mobile",
    ok="BEGIN; SELECT pgmask.detach('crm.customer');"
    " ALTER TABLE crm_store.customer RENAME COLUMN employer TO company;"
    " SELECT * FROM pgmask.attach('crm.customer'); COMMIT",
)
