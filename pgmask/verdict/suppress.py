"""``-- pgmask: allow PM630 sorted for display``: findings that somebody answers for in the text.

The comment stands on a line of its own before the statement, or inside it, or at the end of its
last line, and speaks of that statement only.  It needs a code and a reason.  What it allows is kept
and reported, not forgotten; a comment that allows nothing, or gives no reason, is a finding itself
(PM689).  What nobody understands, and what PostgreSQL refuses, no comment can allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pglast.parser import ParseError, scan

from pgmask.errors import REGISTRY
from pgmask.lineage.model import Lineage
from pgmask.verdict.model import Finding, Severity
from pgmask.verdict.text import place_of

_COMMENT = re.compile(r"--[ \t]*pgmask:[ \t]*allow\b[ \t]*(?P<code>\S*)[ \t]*(?P<reason>[^\n]*)")
_ALWAYS = frozenset({"PM689"})
_UNRESOLVED = "PM619"
"""Up to here codes say that a statement is not understood: nothing else is known of it then."""


@dataclass(slots=True)
class Allowance:
    """One comment; position: in characters; wrong: why it allows nothing, '' where it may."""

    code: str
    reason: str
    position: int
    line: int
    wrong: str = ""
    used: int = field(default=0)
    firm: bool = field(default=False)
    """There is such a finding here, but not one that a comment may allow."""

    def covers(self, finding: Finding, lineage: Lineage, text: str) -> bool:
        """Whether it allows this finding of this statement."""
        if self.wrong or finding.code != self.code or finding.code in _ALWAYS:
            return False
        if not self._beside(lineage, text):
            return False
        if finding.refused or finding.code <= _UNRESOLVED:
            self.firm = True
            return False
        self.used += 1
        return True

    def _beside(self, lineage: Lineage, text: str) -> bool:
        """Whether it stands before, in or right after this statement."""
        start, end = lineage.start, lineage.start + len(lineage.text)
        if self.position < start:
            line = text[text.rfind("\n", 0, self.position) + 1 : self.position]
            return not re.sub(r"--[^\n]*|\s", "", line + text[self.position : start])
        return self.position < end or not text[end : self.position].strip(" \t;")


def suppressions(text: str, start: int, end: int) -> tuple[Allowance, ...]:
    """Every such comment of a part, as PostgreSQL's own scanner tells comments from strings."""
    found = []
    for place, comment in _comments(text[start:end]):
        position = start + place
        match = _COMMENT.match(comment)
        if match is None:
            continue
        code, reason = match["code"].upper(), match["reason"].strip().removesuffix("*/").strip()
        wrong = ""
        if not re.fullmatch(r"PM\d{3}", code) or code not in REGISTRY:
            wrong = "it names no code"
        elif not reason:
            wrong = "it gives no reason"
        line = text.count("\n", 0, position) + 1
        found.append(Allowance(code, reason, position, line, wrong))
    return tuple(found)


def _comments(text: str) -> Iterable[tuple[int, str]]:
    if "pgmask:" not in text:
        return
    try:
        tokens = scan(text)
    except ParseError:
        return
    for token in tokens:
        if token.name == "SQL_COMMENT":
            yield token.start, text[token.start : token.end + 1]


def idle(allowances: Sequence[Allowance], text: str) -> Iterable[Finding]:
    """A finding for every comment that allows nothing."""
    for one in allowances:
        if one.used:
            continue
        place = place_of(text, one.position)
        yield Finding(
            code="PM689",
            severity=Severity.WARN,
            message=f"this comment allows nothing: {one.wrong or _why(one)}",
            line=place.line,
            column=place.column,
            caret=place.caret,
            hint=REGISTRY["PM689"].way_out,
        )


def _why(one: Allowance) -> str:
    if one.firm:
        return f"no comment can allow {one.code} here"
    return "there is no such finding here"
