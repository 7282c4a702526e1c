"""Views and functions that would show protected columns by their owner's rights."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Lineage
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import only

_TRUE = ("true", "on", "yes", "1", "t", "y")


def check(case: Case) -> Iterator[Hit]:
    """CREATE VIEW without security_invoker, functions SECURITY DEFINER, over protected tables."""
    if case.kind == "ViewStmt":
        word = "view"
        if _option(case, "security_invoker") in _TRUE:
            return
    elif case.kind == "CreateFunctionStmt":
        word = "function"
        if not _definer(case):
            return
    else:
        return
    names = sorted(set(_tables(case, case.lineage)))
    if names:
        yield Hit(
            message=f"this {word} shows {', '.join(names)} with the rights of its owner, "
            "to whoever may use it"
        )


def _option(case: Case, name: str) -> str:
    for option in case.body.get("options", ()):
        element = option.get("DefElem", {})
        if element.get("defname", "").lower() == name:
            kind, content = only(element.get("arg"))
            if kind == "":
                return "true"
            value = content.get("sval", content.get("ival", content.get("boolval", "")))
            return str(value).lower()
    return ""


def _definer(case: Case) -> bool:
    return any(
        o.get("DefElem", {}).get("defname") == "security"
        and only(o["DefElem"].get("arg"))[1].get("boolval", False)
        for o in case.body.get("options", ())
    )


def _tables(case: Case, lineage: Lineage) -> Iterator[str]:
    for read in lineage.reads:
        sight = case.sight(read.column)
        if sight is not None:
            yield sight.table.id
    if case.policy is not None:
        for relation in lineage.relations:
            table = case.policy.table_of(relation.schema, relation.name)
            if table is not None and relation.use != "define":
                yield table.id
    for inner in lineage.inner:
        yield from _tables(case, inner)


RULE = Rule(
    code="PM637",
    name="re-exposed",
    severity=Severity.DENY,
    check=check,
    example="CREATE VIEW crm.call_list AS SELECT id, phone FROM crm.customer WHERE id = 1",
    ok="CREATE VIEW crm.call_list WITH (security_invoker = true) AS"
    " SELECT id, phone FROM crm.customer WHERE id = 1",
)
