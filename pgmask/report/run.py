"""Asking one question: the statement as text, run as it is kept, and its answer.

The statement holds its parameters as literals, so that what an auditor keeps beside a number is
what was run.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from pgmask.errors import REGISTRY, PgmaskError, Refused
from pgmask.report.questions import Report

Connection = psycopg.Connection[Any]
Value = str | int | list[str]
ZONE: Final = "Asia/Shanghai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question: names of columns, rows, the statement, seconds it took."""

    report: Report
    statement: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    seconds: float


def statement_of(connection: Connection, report: Report, given: Mapping[str, Value | None]) -> str:
    """The statement that asks.

    given: parameters by name; of a view ``from`` and ``to`` at most.  Raises PgmaskError (PM845).
    """
    known = {p.name: p for p in report.parameters}
    there = {name: value for name, value in given.items() if value is not None}
    unknown = set(there) - (set(known) if known else {"from", "to"} if report.timed else set())
    missing = [p.name for p in report.parameters if p.required and p.name not in there]
    if unknown or missing:
        words = [f"{n} is missing" for n in missing]
        words += [f"{n} is not a parameter" for n in sorted(unknown)]
        raise PgmaskError(
            "PM845", f"report {report.name}: {', '.join(words)}", hint="pgmask report list"
        )
    types = {p.name: (p.option, p.type) for p in report.parameters}
    for one, value in there.items():
        option, kind = types.get(one, (f"--{one}", "timestamptz"))
        _refuse_misread(option, kind, value)
    name = sql.Identifier("pgmask_report", report.name)
    if report.view:
        conditions = [
            sql.SQL("at {} {}::timestamptz").format(sql.SQL(word), sql.Literal(there[end]))
            for end, word in _ENDS
            if end in there
        ]
        where = (
            sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("")
        )
        order = sql.SQL(
            " ORDER BY at" if report.timed or report.name == "gaps" else " ORDER BY 1, 2"
        )
        return (sql.SQL("SELECT * FROM ") + name + where + order).as_string(connection)
    arguments = [
        sql.SQL("{} => {}::{}").format(
            sql.Identifier(f"p_{p}"), sql.Literal(there[p]),
            sql.SQL(known[p].type),
        )
        for p in known
        if p in there
    ]  # fmt: skip
    call = sql.SQL("SELECT * FROM {}({})").format(name, sql.SQL(", ").join(arguments))
    return call.as_string(connection)


_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?(Z|[+-]\d\d(:?\d\d)?))?)?"
)
_WORDS: Final = {
    "timestamptz": "a day or a moment such as 2026-07-01 or 2026-07-01 08:30",
    "time": "a time of day such as 08:00",
    "integer[]": "whole numbers",
}


def _refuse_misread(option: str, kind: str, value: Value) -> None:
    """Days in one form only: 01/12/2026 is another day here than there.  Raises PM845."""
    fits = True
    if kind == "timestamptz":
        fits = value in ("infinity", "-infinity") or _is_moment(str(value))
    elif kind == "time":
        fits = re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?|24:00", str(value)) is not None
    elif kind == "integer[]":
        fits = all(re.fullmatch(r"-?\d{1,9}", str(one)) for one in _listed(value))
    if not fits:
        raise PgmaskError("PM845", f"{option} is not {_WORDS[kind]}")


def _is_moment(text: str) -> bool:
    if _MOMENT.fullmatch(text) is None:
        return False
    try:
        datetime.datetime.fromisoformat(text[:19].strip())
    except ValueError:
        return False
    return True


def _listed(value: Value) -> list[Any]:
    return value if isinstance(value, list) else [value]


_ENDS: Final[tuple[tuple[str, LiteralString], ...]] = (("from", ">="), ("to", "<"))


def ask(connection: Connection, report: Report, given: Mapping[str, Value | None]) -> Answer:
    """Ask; the answer as the session's auditor may see it.

    Raises Refused (PM840 and what else the server refuses), PgmaskError (PM845).
    """
    statement = statement_of(connection, report, given)
    begin = time.monotonic()
    with refusals():
        cursor = connection.execute(statement.encode())
        rows = tuple(cursor.fetchall())
    names = tuple(c.name for c in cursor.description or ())
    return Answer(
        report=report, statement=statement, columns=names, rows=rows,
        seconds=time.monotonic() - begin,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Since when there is a record, whether a period begins before it, and its gaps in there."""

    begins: datetime.datetime | None
    late: bool
    gaps: int


def extent(connection: Connection, begin: Value | None, end: Value | None) -> Extent:
    """What an answer of a period is worth, for every auditor. Raises Refused (PM840)."""
    with refusals():
        row = connection.execute(
            "SELECT e.begins, e.gaps, e.begins > %(begin)s::timestamptz"
            " FROM pgmask_report.extent(%(begin)s::timestamptz, %(end)s::timestamptz) AS e",
            {"begin": begin, "end": end},
        ).fetchone()
    begins, gaps, late = row or (None, 0, None)
    return Extent(begins=begins, late=late is not False and begin is not None, gaps=gaps)


def set_zone(connection: Connection, zone: str) -> None:
    """Days and moments are read and shown in this time zone. Raises PgmaskError (PM845)."""
    try:
        connection.execute("SELECT pg_catalog.set_config('TimeZone', %s, false)", (zone,))
        # A moment at the end of time is a word of PostgreSQL's, not a date of Python's.
        connection.execute("SET datestyle = ISO")
    except psycopg.errors.InvalidParameterValue:
        raise PgmaskError(
            "PM845",
            "--time-zone: the server knows no such time zone",
            hint="Such as Asia/Shanghai.",
        ) from None


@contextmanager
def refusals() -> Iterator[None]:
    """The server's refusals with their own code; what cannot be read as a parameter is PM845."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege:
        raise Refused(
            "PM840", "the record is not for this login to read", hint=REGISTRY["PM840"].way_out
        ) from None
    except psycopg.DataError as error:
        # The server quotes what it could not read, and that may be a customer's key.
        raise PgmaskError(
            "PM845", "a parameter cannot be read", detail=f"SQLSTATE {error.sqlstate}"
        ) from None
    except psycopg.Error as error:
        code = error.sqlstate or ""
        if code not in REGISTRY:
            raise
        raise Refused(
            code, error.diag.message_primary or REGISTRY[code].title,
            detail=error.diag.message_detail or "", hint=error.diag.message_hint or "",
        ) from None  # fmt: skip
