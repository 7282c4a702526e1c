"""What is wrong with a catalogue: collected, never raised one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from pgmask.catalogue.model import Position
from pgmask.errors import REGISTRY, CatalogueError


class Severity(StrEnum):
    """``error`` refuses the catalogue; ``warning`` does on request; ``note`` only tells."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding.

    code: ``PM01x`` of the registry; rule: a short stable name such as ``unknown-key``; position:
    where it is to be mended; message: what is wrong; fix: what to write instead.
    """

    code: str
    rule: str
    position: Position
    message: str
    fix: str
    severity: Severity = Severity.ERROR

    @property
    def order(self) -> tuple[str, int, int, str, str, str]:
        """Sort key: file, line, column, then code, rule and text."""
        p = self.position
        return (p.file, p.line, p.column, self.code, self.rule, self.message)

    def __str__(self) -> str:
        place = f"{self.position}: " if self.position.file else ""
        return f"{place}{self.severity} {self.code} {self.message}. {self.fix}".rstrip()


class Problems:
    """The collector that every stage of reading writes to."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, str, str, str], Problem] = {}

    def add(
        self,
        code: str,
        rule: str,
        position: Position,
        message: str,
        fix: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Record one problem; the same one twice counts once."""
        if code not in REGISTRY:
            raise KeyError(f"{code} is not in the registry of errors")
        problem = Problem(
            code=code, rule=rule, position=position, message=message, fix=fix, severity=severity
        )
        self._found.setdefault(problem.order, problem)

    def warn(self, code: str, rule: str, position: Position, message: str, fix: str = "") -> None:
        """Record a warning."""
        self.add(code, rule, position, message, fix, Severity.WARNING)

    def note(self, code: str, rule: str, position: Position, message: str, fix: str = "") -> None:
        """Record a note."""
        self.add(code, rule, position, message, fix, Severity.NOTE)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over problems found elsewhere."""
        for problem in problems:
            self._found.setdefault(problem.order, problem)

    @property
    def all(self) -> tuple[Problem, ...]:
        """Every problem, sorted by place."""
        return tuple(sorted(self._found.values(), key=lambda p: p.order))


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Those that refuse the catalogue."""
    return tuple(p for p in problems if p.severity is Severity.ERROR)


class CatalogueProblems(CatalogueError):
    """PM011: the catalogue is refused; ``problems`` holds everything found, warnings included."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        wrong = errors(problems)
        count = len(wrong)
        first = wrong[0] if wrong else None
        super().__init__(
            "PM011",
            "the catalogue has one problem"
            if count == 1
            else f"the catalogue has {count} problems",
            detail="\n".join(str(p) for p in wrong),
            where=str(first.position) if first and first.position.file else "",
        )
        self.problems = problems

    def __reduce__(self) -> tuple[object, ...]:
        return CatalogueProblems, (self.problems,)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?``, or the list of what is allowed when nothing is near."""
    options = sorted(known)
    near = get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    shown = ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
    return f"Known here: {shown}." if options else ""
