"""What persons decided about proposals: a file beside the catalogue, kept with it in its history.

A rejected proposal is not made again until its evidence changes: the column's type, what its name
means, or the share of values that are of the kind by more than ``MOVED`` points.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pgmask.catalogue.files import main_file, read_text
from pgmask.catalogue.model import Position
from pgmask.catalogue.nodes import parse
from pgmask.catalogue.problems import Problems
from pgmask.catalogue.shapes import BAD, Choice, Date, Key, ListOf, MapOf, Record, Text, Whole
from pgmask.catalogue.words import COLUMN_NAME, KIND, LEVEL, PERSON, WORD
from pgmask.catalogue.yamltext import flow_map, scalar
from pgmask.errors import PgmaskError
from pgmask.scan.model import Proposal, Verdict

FORMAT: Final = 1
MOVED: Final = 25
"""Percentage points by which a share may move: samples differ, and tables grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about ``schema.table.column``.

    accepted: or rejected; kind, category, level: what was proposed, as in ``Proposal``; type, seen,
    shares: the evidence of that day, without a value; name: the words that names and comment gave.
    """

    column: str
    accepted: bool
    kind: str
    category: str
    level: int | None
    reason: str
    reviewer: str
    on: str
    type: str
    name: str = ""
    seen: int = 0
    shares: tuple[tuple[str, int], ...] = ()

    def stands(self, now: Proposal) -> bool:
        """Whether the evidence is still that of the day it was made."""
        if now.type != self.type or words_of(now) != self.name:
            return False
        if not self.seen or not now.seen:
            return True  # a login that reads no values cannot say that they have changed
        kinds = {self.kind, now.kind} - {""}
        then = dict(self.shares)
        return all(abs(then.get(k, 0) - now.shares.get(k, 0)) <= MOVED for k in kinds)


def words_of(proposal: Proposal) -> str:
    """What name and comment said, as one text."""
    said = sorted(e.text for e in proposal.evidence if e.source in ("name", "comment"))
    return "; ".join(said)


def decide(
    proposal: Proposal,
    *,
    accepted: bool,
    reviewer: str,
    reason: str = "",
    today: datetime.date,
) -> Decision:
    """A decision about this proposal, with its evidence of today."""
    return Decision(
        column=proposal.id,
        accepted=accepted,
        kind=proposal.kind,
        category=proposal.category,
        level=proposal.level,
        reason=reason,
        reviewer=reviewer,
        on=today.isoformat(),
        type=proposal.type,
        name=words_of(proposal),
        seen=proposal.seen,
        shares=tuple(sorted(proposal.shares.items())),
    )


def silenced(proposal: Proposal, decisions: Mapping[str, Decision]) -> bool:
    """Whether this proposal was rejected and nothing has changed since."""
    known = decisions.get(proposal.id)
    return (
        known is not None
        and not known.accepted
        and known.stands(proposal)
        and (known.kind, known.category) == (proposal.kind, proposal.category)
    )


def file_of(catalogue: Path) -> Path:
    """The file of decisions beside a catalogue's main file."""
    main = main_file(catalogue)
    stem = "" if main.stem == "pgmask" else f"{main.stem}."
    return main.with_name(f"{stem}scan-decisions.yml")


_EVIDENCE: Final = Record(
    name="evidence",
    doc="What spoke for the proposal on that day.",
    keys=(
        Key(name="type", shape=Text(words="a type", limit=400), doc="", required=True),
        Key(name="name", shape=Text(words="words", limit=1000), doc=""),
        Key(name="seen", shape=Whole(low=0, high=1_000_000_000), doc=""),
        Key(name="shares", shape=MapOf(key=KIND, value=Whole(low=0, high=100)), doc=""),
    ),
)
_DECISION: Final = Record(
    name="decision",
    doc="What a person made of a proposal.",
    keys=(
        Key(name="column", shape=COLUMN_NAME, doc="", required=True),
        Key(
            name="decision",
            shape=Choice(options={"accepted": "it is so", "rejected": "it is not"}),
            doc="",
            required=True,
        ),
        Key(name="kind", shape=KIND, doc=""),
        Key(name="category", shape=WORD, doc=""),
        Key(name="level", shape=LEVEL, doc=""),
        Key(name="reason", shape=Text(words="a reason", limit=2000), doc=""),
        Key(name="reviewer", shape=PERSON, doc="", required=True),
        Key(name="on", shape=Date(), doc="", required=True),
        Key(name="evidence", shape=_EVIDENCE, doc="", required=True),
    ),
)
_FILE: Final = Record(
    name="decisions",
    doc="The file of decisions.",
    keys=(
        Key(name="pgmask_decisions", shape=Whole(low=FORMAT, high=FORMAT), doc="", required=True),
        Key(name="decisions", shape=ListOf(item=_DECISION), doc="", required=True),
    ),
)


def read(path: Path) -> dict[str, Decision]:
    """The decisions by column; none without a file.  Raises PM690 with every problem."""
    if not path.exists():
        return {}
    problems = Problems()
    text = read_text(path, path.name, Position(path.name, 1, 1), problems)
    node = parse(text, path.name, problems) if text is not None else None
    entry: Any = BAD if node is None else _FILE.read(node, problems)
    found: dict[str, Decision] = {}
    for one in () if entry is BAD else entry.get("decisions", ()):
        if one.get("column") is None or one.get("evidence") is None:
            continue
        decision = _decision(one)
        if decision.column in found:
            message = f"{decision.column} is decided twice"
            problems.add("PM012", "twice", one.place("column"), message, "Keep one of them.")
        found[decision.column] = decision
    if problems.all or entry is BAD:
        raise PgmaskError(
            "PM690",
            f"{path.name} cannot be used",
            detail="\n".join(f"{p.position}: {p.message}. {p.fix}".rstrip() for p in problems.all)
            or "the file is empty",
        )
    return found


def _decision(entry: Any) -> Decision:
    evidence = entry.get("evidence")
    on = entry.get("on")
    return Decision(
        column=entry.get("column"),
        accepted=entry.get("decision") == "accepted",
        kind=entry.get("kind") or "",
        category=entry.get("category") or "",
        level=entry.get("level"),
        reason=entry.get("reason") or "",
        reviewer=entry.get("reviewer") or "",
        on=str(on or ""),
        type=evidence.get("type") or "",
        name=evidence.get("name") or "",
        seen=evidence.get("seen") or 0,
        shares=tuple(sorted((k.value, v) for k, v in evidence.get("shares") or ())),
    )


def text(decisions: Iterable[Decision]) -> str:
    """The file, by column, so that a change of one decision is a change of its lines."""
    lines = [
        "# What persons decided about proposals of pgmask scan, which writes this file. It holds",
        "# shares and words, no value of a table. Keep it in the history beside the catalogue.",
        f"pgmask_decisions: {FORMAT}",
        "decisions:",
    ]
    for one in sorted(decisions, key=lambda d: d.column):
        lines.append(f"  - column: {scalar(one.column)}")
        lines.append(f"    decision: {'accepted' if one.accepted else 'rejected'}")
        for name in ("kind", "category", "level"):
            value = getattr(one, name)
            if value:
                lines.append(f"    {name}: {scalar(value)}")
        if one.reason:
            lines.append(f"    reason: {scalar(one.reason)}")
        lines.append(f"    reviewer: {scalar(one.reviewer)}")
        lines.append(f"    on: {one.on}")
        lines.append("    evidence:")
        lines.append(f"      type: {scalar(one.type)}")
        if one.name:
            lines.append(f"      name: {scalar(one.name)}")
        if one.seen:
            lines.append(f"      seen: {one.seen}")
        if one.shares:
            lines.append(f"      shares: {flow_map(one.shares)}")
    if len(lines) == 4:
        lines[-1] = "decisions: []"
    return "\n".join(lines) + "\n"


def applied(proposal: Proposal, decisions: Mapping[str, Decision]) -> Decision | None:
    """The accepted decision that still stands for this column, or None."""
    known = decisions.get(proposal.id)
    return known if known is not None and known.accepted and known.stands(proposal) else None


def open_to(proposal: Proposal) -> bool:
    """Whether there is something to accept or reject."""
    return proposal.verdict is not Verdict.OPEN
