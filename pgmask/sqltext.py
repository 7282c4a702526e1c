"""SQL text: one Statement, literals, and the gate every generated statement passes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from pglast.parser import ParseError, parse_sql_json

from pgmask.errors import InternalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SQL statement as it will be run: without parameters, without a closing semicolon.

    text: the SQL; comment: one line for the reader of the plan.
    """

    text: str
    comment: str = ""


def literal(value: str | None) -> str:
    """A string as an SQL literal (``NULL`` for None); a backslash makes it an ``E''`` string.

    Raises ValueError for NUL, which no PostgreSQL text can hold.
    """
    if value is None:
        return "NULL"
    if "\x00" in value:
        raise ValueError("a literal contains NUL")
    quoted = value.replace("'", "''")
    if "\\" in value:
        return "E'" + quoted.replace("\\", "\\\\") + "'"
    return f"'{quoted}'"


def dollar(body: str) -> str:
    """A function body in dollar quotes whose tag does not occur in it."""
    tag = "$pgmask$"
    number = 0
    while tag in body:
        number += 1
        tag = f"$pgmask{number}$"
    return tag + body + tag


@lru_cache(maxsize=65536)
def gate(text: str) -> str:
    """Let the statement through when it parses as exactly one statement; give its node type.

    Raises InternalError (PM002): the fault is ours, the text is in the plan.
    """
    try:
        # The tree as JSON: building pglast's objects takes ten times as long as the parsing.
        parsed = json.loads(parse_sql_json(text)).get("stmts", [])
    except ParseError as error:
        raise InternalError("PM002", f"does not parse: {error.args[0]}", detail=text) from None
    if len(parsed) != 1:
        raise InternalError("PM002", f"{len(parsed)} statements instead of one", detail=text)
    return str(next(iter(parsed[0]["stmt"])))
