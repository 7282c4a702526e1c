"""Alerts: evaluating, closing, and the rules (G5)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

import psycopg

from pgmask.errors import PgmaskError, Refused
from pgmask.report.questions import Report
from pgmask.report.run import Answer, Connection, refusals

_RULES: Final = Report(
    name="alert_rules", question="By which rules are alerts raised?", timed=False
)
_QUERY: Final = "SELECT * FROM pgmask_report.alert_rules ORDER BY rule"


def open_alerts(answer: Answer) -> Answer:
    """Those of the report ``alerts`` that nobody has closed."""
    place = answer.columns.index("closed_at")
    return Answer(
        report=answer.report, statement=answer.statement, columns=answer.columns,
        rows=tuple(row for row in answer.rows if row[place] is None), seconds=answer.seconds,
    )  # fmt: skip


def close_alert(connection: Connection, alert: int, reason: str) -> None:
    """Close an alert. Raises Refused (PM840 to PM843)."""
    with refusals():
        connection.execute("SELECT pgmask_report.close_alert(%s, %s)", (alert, reason))


def evaluate(connection: Connection) -> int:
    """Raise alerts for what is unusual in what is new, as the collector; gives how many.

    Raises Refused (PM840) where the login is no member of pgmask_collector.
    """
    try:
        row = connection.execute("SELECT pgmask_private.evaluate_alerts()").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        raise Refused(
            "PM840", "alerts are evaluated by members of pgmask_collector, and this login is none",
            hint="The collector does it in its loop. Else, as a superuser or CREATEROLE login:"
            " GRANT pgmask_collector TO the login that shall.",
        ) from None  # fmt: skip
    return int(row[0]) if row is not None else 0


def rules(connection: Connection) -> Answer:
    """The rules with their numbers. Raises Refused (PM840)."""
    begin = time.monotonic()
    with refusals():
        cursor = connection.execute(_QUERY)
        rows = tuple(cursor.fetchall())
    names = tuple(c.name for c in cursor.description or ())
    return Answer(
        report=_RULES, statement=_QUERY, columns=names, rows=rows, seconds=time.monotonic() - begin
    )


def put_rule(
    connection: Connection,
    rule: str,
    *,
    kind: str | None,
    numbers: Mapping[str, Any],
    severity: str | None,
    enabled: bool | None,
    action: str | None,
    says: str | None,
) -> None:
    """Change a rule or make one; what is None stays as it is. Raises Refused (PM840, PM847)."""
    found = rules(connection)
    now = next(
        (
            dict(zip(found.columns, row, strict=True))
            for row in found.rows
            if row[found.columns.index("rule")] == rule
        ),
        None,
    )
    if now is None and (kind is None or severity is None or says is None):
        raise PgmaskError("PM847", f"rule {rule!r} is new: it needs --kind, --severity and --says")
    if not numbers and all(v is None for v in (kind, severity, enabled, action, says)):
        raise PgmaskError(
            "PM847", f"nothing is said of rule {rule!r}",
            hint="--numbers, --severity, --action, --says, --on or --off say what becomes of it.",
        )  # fmt: skip
    before = now or {"parameters": {}, "enabled": True, "action": "none"}
    same = kind is None or kind == before.get("kind")

    def chosen(given: Any, name: str) -> Any:
        return before[name] if given is None else given

    with refusals():
        connection.execute(
            "SELECT pgmask_report.put_alert_rule(%s, %s, %s::jsonb, %s, %s, %s, %s)",
            (
                rule, chosen(kind, "kind"),
                json.dumps((before["parameters"] if same else {}) | dict(numbers)),
                chosen(severity, "severity"), chosen(enabled, "enabled"), chosen(action, "action"),
                chosen(says, "says"),
            ),
        )  # fmt: skip
