"""Views and functions that would show protected columns by their owner's rights."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.lineage.model import Lineage
from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import Node, only

_ROUTINES = ("OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE")
_TRUE = ("true", "on", "yes", "1", "t", "y")


def check(case: Case) -> Iterator[Hit]:
    """CREATE VIEW without security_invoker, functions SECURITY DEFINER, over protected tables.

    Also what makes such of a view or function that is there, and rules: their actions run with the
    rights of the table's owner.
    """
    yield from _altered(case)
    if case.kind == "RuleStmt" and case.body.get("actions"):
        yield Hit(message="the actions of a rule run with the rights of the table's owner")
        return
    if case.kind == "CreateFunctionStmt" and case.outer is not None and _unread(case):
        yield Hit(message="the body of a function that is made inside of another body is not read")
        return
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


def _unread(case: Case) -> bool:
    named = [o.get("DefElem", {}) for o in case.body.get("options", ())]
    language = [only(o.get("arg"))[1].get("sval") for o in named if o.get("defname") == "language"]
    inside = case.outer is not None and case.lineage.text != case.outer.text
    return inside and (_definer(case) or (language[:1] != ["sql"] and "sql_body" not in case.body))


def _altered(case: Case) -> Iterator[Hit]:
    """ALTER VIEW and ALTER FUNCTION of whose rights count, and by which path names are found."""
    views = case.body.get("objtype") in ("OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_TABLE")
    for command in case.of("AlterTableCmd") if case.kind == "AlterTableStmt" and views else ():
        subtype = command.get("subtype")
        if subtype == "AT_ChangeOwner" and case.body.get("objtype") != "OBJECT_TABLE":
            yield Hit(message="this view would show what its new owner may see")
        elif subtype in ("AT_SetRelOptions", "AT_ResetRelOptions"):
            for option in command.get("def", {}).get("List", {}).get("items", ()):
                element = option.get("DefElem", {})
                if element.get("defname", "").lower() == "security_invoker" and (
                    subtype == "AT_ResetRelOptions" or _value(element) not in _TRUE
                ):
                    yield Hit(message="this view would show what its owner may see, to whoever "
                              "may use it")  # fmt: skip
    if case.kind == "AlterOwnerStmt" and case.body.get("objectType") in _ROUTINES:
        yield Hit(message="this function may run with the rights of its new owner")
    for option in case.body.get("actions", ()) if case.kind == "AlterFunctionStmt" else ():
        element = option.get("DefElem", {})
        content = only(element.get("arg"))[1]
        if element.get("defname") == "security" and content.get("boolval"):
            yield Hit(message="this function would run with the rights of its owner, for whoever "
                      "may call it")  # fmt: skip
        elif element.get("defname") == "set" and content.get("name", "").lower() == "search_path":
            given = [case.literal(one) for one in content.get("args", ())]
            if not given or not {"pg_catalog", "pg_temp"}.issuperset(given):
                yield Hit(message="the names in this function's body would mean other objects")


def _value(element: Node) -> str:
    kind, content = only(element.get("arg"))
    if kind == "":
        return "true"
    return str(content.get("sval", content.get("ival", content.get("boolval", "")))).lower()


def _option(case: Case, name: str) -> str:
    for option in case.body.get("options", ()):
        element = option.get("DefElem", {})
        if element.get("defname", "").lower() == name:
            return _value(element)
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
