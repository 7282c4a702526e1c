"""ON CONFLICT on a sealed unique column."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.shapes import only_value


def check(case: Case) -> Iterator[Hit]:
    """On a view, naming a column of level 1."""
    for node in case.of("InsertStmt"):
        view = case.view(node.get("relation", {}))
        infer = only_value(only_value(node.get("onConflictClause")).get("infer"))
        for element in infer.get("indexElems", ()):
            name = element.get("IndexElem", {}).get("name", "")
            sight = view.sights.get(name) if view is not None else None
            if sight is not None and sight.sealed:
                yield Hit(message=f"the key on {sight.table.id}.{name} stands on its blind index",
                          position=case.at(infer))  # fmt: skip


RULE = Rule(
    code="PM672",
    name="on-conflict-on-sealed",
    severity=Severity.DENY,
    check=check,
    migration=False,
    refused=True,
    example="INSERT INTO crm.bank_account (customer_id, account_no, account_name, bank_code)"
    " VALUES (1, '6222021234567890128', '张三', 'ICBC') ON CONFLICT (account_no) DO NOTHING",
    ok="INSERT INTO crm.bank_account (customer_id, account_no, account_name, bank_code)"
    " VALUES (1, '6222021234567890128', '张三', 'ICBC') ON CONFLICT DO NOTHING",
)
