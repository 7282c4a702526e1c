"""What a verdict says, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pgmask.lineage.model import Column, Flow, Lineage, Output


class Shown(StrEnum):
    """The form in which a column comes back."""

    TRUTH = "truth"
    MASK = "mask"
    NULL = "null"
    """NULL of the column's type."""
    REFUSED = "refused"
    """PostgreSQL refuses the statement, or nobody knows what it would give: nothing comes back."""


class Severity(StrEnum):
    """How grave a finding is; the gravest of a statement is its verdict."""

    NOTE = "note"
    WARN = "warn"
    DENY = "deny"

    @property
    def rank(self) -> int:
        """0 for a note, 2 for a denial."""
        return tuple(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Spoken:
    """A column that a finding speaks of, and where; line, at: from 1, of the whole text."""

    line: int
    at: int
    table: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule, or the lineage, has to say of a statement.

    code: of ``pgmask.errors``; message: one sentence without a literal of the statement; line,
    column: from 1, of the whole text; caret: that line with a mark under the place; hint: the way
    out; path: from the statement to the node where the lineage stopped; refused: PostgreSQL itself
    refuses the statement for this; reason: of the suppression, None where it counts;
    columns: those that it speaks of, where it is about columns, each at its own place.
    """

    code: str
    severity: Severity
    message: str
    line: int
    column: int
    caret: str = ""
    hint: str = ""
    path: str = ""
    refused: bool = False
    reason: str | None = None
    columns: tuple[Spoken, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSource:
    """One column behind an output, as the profile sees it; level None: in no class."""

    column: Column
    flow: Flow
    level: int | None
    form: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOutput:
    """One column of what comes back.

    level: the gravest of what shows itself in it, None where nothing classified does; form: the
    barest of its columns of level 1 and 2, which may be another one's than the level; ``sources``
    tell each. ``null`` means that all behind it is NULL, ``truth`` also that nothing is behind it.
    """

    output: Output
    level: int | None
    form: Shown
    sources: tuple[ShownSource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one statement.

    profile: '' where only lineage was asked for; findings: those that count, by place; suppressed:
    those that a comment in the text allows; outputs and reads in terms of the tables as they are
    stored; by_literal: a rule has looked at a literal, so another one may get another verdict.
    """

    lineage: Lineage
    profile: str
    outputs: tuple[ShownOutput, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...] = ()
    by_literal: bool = False

    @property
    def verdict(self) -> str:
        """``allow``, ``warn`` or ``deny``."""
        worst = max((f.severity.rank for f in self.findings), default=0)
        return ("allow", "warn", "deny")[worst]

    @property
    def allowed(self) -> bool:
        """Nothing denies it."""
        return self.verdict != "deny"
