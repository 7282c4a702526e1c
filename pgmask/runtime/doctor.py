"""``doctor``: everything around pgmask that would let somebody past it, and who must act.

Looks only: each check runs in a read-only transaction and is rolled back. A check that may not look
somewhere says so (PM700) instead of passing.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Final

import psycopg

from pgmask.errors import ServerError
from pgmask.runtime import (
    checks_doors,
    checks_migration,
    checks_record,
    checks_roles,
    checks_runtime,
    checks_server,
)
from pgmask.runtime.finding import Connection, Finding, Urgency, Who
from pgmask.runtime.install import installed_revision

CHECKS: Final = (
    *checks_server.CHECKS, *checks_roles.CHECKS, *checks_runtime.CHECKS, *checks_doors.CHECKS,
    *checks_migration.CHECKS, *checks_record.CHECKS,
)  # fmt: skip
_ORDER: Final = {urgency: place for place, urgency in enumerate(Urgency)}


def examine(connection: Connection) -> tuple[Finding, ...]:
    """Every finding, the most urgent first, then by who must act and code.

    The connection is rolled back. Raises ServerError PM027 when there is no runtime.
    """
    if installed_revision(connection) is None:
        raise ServerError("PM027", "there is no runtime in this database", hint="pgmask install")
    connection.rollback()
    connection.execute("SET TRANSACTION READ ONLY")
    connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
    found: list[Finding] = []
    for name, check in CHECKS:
        try:
            with connection.transaction():
                found += check(connection)
        except psycopg.errors.InsufficientPrivilege:
            found.append(
                Finding(
                    code="PM700",
                    urgency=Urgency.TODAY,
                    who=Who.DBA,
                    what=f"{name}: this login may not look there",
                )
            )
        except psycopg.errors.FeatureNotSupported:
            # Unlogged tables cannot be read there.
            found.append(
                Finding(
                    code="PM700",
                    urgency=Urgency.INFO,
                    who=Who.DBA,
                    what=f"{name}: a standby cannot tell; ask the primary",
                )
            )
    connection.rollback()
    return tuple(sorted(found, key=lambda f: (_ORDER[f.urgency], f.who, f.code, f.what)))


def serious(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those somebody must act on: all but INFO."""
    return tuple(f for f in findings if f.urgency is not Urgency.INFO)


def as_text(findings: tuple[Finding, ...]) -> str:
    """A line per finding, grouped by urgency and by who must act; then one line of counts."""
    lines: list[str] = []
    group: tuple[Urgency, Who] | None = None
    for finding in findings:
        if group != (finding.urgency, finding.who):
            group = (finding.urgency, finding.who)
            lines.append(f"{finding.urgency:<6} for the {finding.who}")
        lines.append(f"  {finding.code}  {finding.what}")
        if finding.urgency is not Urgency.INFO:
            lines.append(f"         -> {finding.way_out}")
    counts = Counter(f.urgency for f in findings)
    lines.append(", ".join(f"{counts[u]} {u}" for u in Urgency))
    return "\n".join(lines)


def as_json(findings: tuple[Finding, ...]) -> str:
    """A list of objects with code, urgency, who, what and way_out."""
    return json.dumps([asdict(f) for f in findings], ensure_ascii=False, indent=2)


def as_prometheus(findings: tuple[Finding, ...]) -> str:
    """Counts per code, urgency and who in the text exposition format; 0 where there is none."""
    counts = Counter((f.code, str(f.urgency), str(f.who)) for f in findings)
    totals = Counter(f.urgency for f in findings)
    lines = [
        "# HELP pgmask_doctor_findings Findings of pgmask doctor by code.",
        "# TYPE pgmask_doctor_findings gauge",
        *(
            f'pgmask_doctor_findings{{code="{code}",urgency="{urgency}",who="{who}"}} {count}'
            for (code, urgency, who), count in sorted(counts.items())
        ),
        "# HELP pgmask_doctor_total Findings of pgmask doctor by urgency.",
        "# TYPE pgmask_doctor_total gauge",
        *(f'pgmask_doctor_total{{urgency="{u}"}} {totals[u]}' for u in Urgency),
    ]
    return "\n".join(lines)
