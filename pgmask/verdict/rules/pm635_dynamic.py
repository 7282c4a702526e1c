"""Statements that are made of text while they run."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pglast.parser import ParseError, parse_plpgsql_json

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule
from pgmask.verdict.tree import only, strings

_DYNAMIC = ('"PLpgSQL_stmt_dynexecute"', '"PLpgSQL_stmt_dynfors"', '"dynquery"')


def check(case: Case) -> Iterator[Hit]:
    """EXECUTE, FOR .. IN EXECUTE, OPEN .. FOR EXECUTE and RETURN QUERY EXECUTE in PL/pgSQL.

    A function in a language that nobody reads is denied likewise.
    """
    if case.kind not in ("DoStmt", "CreateFunctionStmt"):
        return
    case.looked = True
    options = {
        o["DefElem"].get("defname"): o["DefElem"].get("arg")
        for o in (*case.body.get("options", ()), *case.body.get("args", ()))
        if "DefElem" in o
    }
    language = only(options.get("language"))[1].get("sval", "plpgsql").lower()
    if language not in ("plpgsql", "sql"):
        yield Hit(message=f"what a body in the language {language} runs is not read")
    if language != "plpgsql" or "sql_body" in case.body:
        return
    text = case.lineage.text
    if case.kind == "DoStmt":
        body = "".join(strings([options["as"]])) if options.get("as") else ""
        text = f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {_quoted(body)}"
    try:
        tree = json.dumps(_plpgsql(text))
    except (ParseError, ValueError):
        yield Hit(message="the body is no PL/pgSQL that can be read")
        return
    if any(word in tree for word in _DYNAMIC):
        yield Hit(message="the body runs text as a statement")


def _plpgsql(text: str) -> object:
    found: object = json.loads(parse_plpgsql_json(text))
    return found


def _quoted(body: str) -> str:
    tag = "$pgmask_body$"
    while tag in body:
        tag = tag[:-1] + "_$"
    return f"{tag}{body}{tag}"


RULE = Rule(
    code="PM635",
    name="dynamic-statement",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="DO $$ BEGIN EXECUTE 'UPDATE crm.customer SET status = status WHERE id = 1'; END $$",
    ok="DO $$ BEGIN UPDATE crm.customer SET status = status WHERE id = 1; END $$",
)
