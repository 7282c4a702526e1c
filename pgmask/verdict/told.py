"""Verdicts on parts of files: moved to their lines, or on SQL that nobody sees before it runs."""

from __future__ import annotations

from dataclasses import replace

from pgmask.errors import REGISTRY
from pgmask.lineage.model import Lineage
from pgmask.verdict.model import Finding, Severity, Verdict
from pgmask.verdict.piece import Text


def moved(verdicts: tuple[Verdict, ...], lines: int, characters: int = 0) -> tuple[Verdict, ...]:
    """The same verdicts, of a text that begins that many lines and characters further down."""
    if not (lines or characters):
        return verdicts
    return tuple(
        replace(
            v,
            lineage=replace(
                v.lineage, line=v.lineage.line + lines, start=v.lineage.start + characters
            ),
            findings=tuple(_down(f, lines) for f in v.findings),
            suppressed=tuple(_down(f, lines) for f in v.suppressed),
        )
        for v in verdicts
    )


def _down(finding: Finding, lines: int) -> Finding:
    columns = tuple(replace(c, line=c.line + lines) for c in finding.columns)
    return replace(finding, line=finding.line + lines, columns=columns)


def computed(text: Text) -> Verdict:
    """The denial of SQL that Python puts together at run time."""
    finding = Finding(
        code="PM635",
        severity=Severity.DENY,
        message=text.computed,
        line=text.first_line,
        column=1,
        hint="alembic upgrade --sql, or manage.py sqlmigrate, writes it to a file that can be"
        " validated."
        if text.name.endswith(".py")
        else REGISTRY["PM635"].way_out,
    )
    lineage = Lineage(text="", start=0, line=text.first_line, kind="")
    return Verdict(lineage=lineage, profile="", outputs=(), findings=(finding,))
