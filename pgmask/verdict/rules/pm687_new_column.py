"""New columns and tables that nobody has classified."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    """ADD COLUMN to a protected table; CREATE TABLE in a schema of the catalogue."""
    policy = case.policy
    if policy is None:
        return
    if case.kind == "AlterTableStmt":
        node = case.body.get("relation", {})
        table = policy.table_of(*case.place(node))
        for command in case.of("AlterTableCmd"):
            name = command.get("def", {}).get("ColumnDef", {}).get("colname", "")
            if command.get("subtype") != "AT_AddColumn" or table is None or not name:
                continue
            if table.column(name) is None:
                yield Hit(message="new, and nobody has classified", column=(table.id, name),
                          position=case.at(node))  # fmt: skip
    elif case.kind == "CreateStmt":
        node = case.body.get("relation", {})
        schema, name = node.get("schemaname", ""), node.get("relname", "")
        if node.get("relpersistence") == "t" or "partbound" in case.body:
            return
        known = {s.schema for s in policy.catalogue.stores} | {
            s.store_schema for s in policy.catalogue.stores
        }
        schema = schema or next((s.schema for s in policy.catalogue.stores), "")
        names = policy.catalogue.table(f"{schema}.{name}"), policy.unprotected(schema, name)
        if schema in known and not any(names):
            yield Hit(message=f"the new table {schema}.{name} is not in the catalogue",
                      position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM687",
    name="new-column",
    severity=Severity.DENY,
    check=check,
    migration=True,
    example="ALTER TABLE crm_store.customer ADD COLUMN wechat text",
    ok="ALTER TABLE crm.ref_product ADD COLUMN remark text",
)
