"""A scan and its differences as text and as JSON; no value of a table is in either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pgmask.scan.compare import Finding
from pgmask.scan.decisions import Decision, applied, silenced
from pgmask.scan.model import Proposal, Scanned, Verdict

_MOST_REASONS: Final = 3


def lines(
    scanned: Scanned, decisions: Mapping[str, Decision], *, everything: bool = False
) -> Iterator[str]:
    """Two lines a column: confidence, name, proposal; then the evidence.  The unsure come first.

    everything: also what says nothing of a person and what was rejected.
    """
    for one in scanned.proposals:
        if not everything and (one.verdict is Verdict.PLAIN or silenced(one, decisions)):
            continue
        rows = f"about {one.rows:,} rows" if one.rows >= 0 else "rows unknown"
        decided = decided_as(one, decisions)
        tail = f"  [{decided}]" if decided else ""
        yield f"{one.confidence:4.2f}  {one.id}  {one.said}  ({one.type}, {rows}){tail}"
        if one.evidence:
            yield "      " + reasons(one)
    for table, why in sorted(scanned.unread.items()):
        yield f"not read: {table}: {why}; names and types alone"


def reasons(one: Proposal) -> str:
    """The evidence in one line, the heaviest first."""
    return "; ".join(e.text for e in one.evidence[:_MOST_REASONS] or ())


def decided_as(one: Proposal, decisions: Mapping[str, Decision]) -> str:
    """``accepted``, ``rejected``, ``changed since it was accepted``, or ''."""
    known = decisions.get(one.id)
    if known is None:
        return ""
    word = "accepted" if known.accepted else "rejected"
    stands = applied(one, decisions) is not None or silenced(one, decisions)
    return word if stands else f"changed since it was {word}"


def summary(scanned: Scanned, decisions: Mapping[str, Decision]) -> str:
    """One line of counts."""
    count = Counter(p.verdict for p in scanned.proposals)
    quiet = sum(silenced(p, decisions) for p in scanned.proposals)
    tables = len({p.table for p in scanned.proposals})
    parts = [
        f"{tables:,} tables, {len(scanned.proposals):,} columns: "
        f"{count[Verdict.PERSONAL]:,} personal",
        f"{count[Verdict.OPEN]:,} open",
        f"{count[Verdict.PLAIN]:,} that say nothing of a person",
    ]
    if quiet:
        parts.append(f"{quiet:,} rejected before")
    if scanned.unread:
        parts.append(f"{len(scanned.unread):,} tables not read")
    return ", ".join(parts)


def as_json(scanned: Scanned, decisions: Mapping[str, Decision]) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "columns": [_column(p, decisions) for p in scanned.proposals],
        "unread": dict(sorted(scanned.unread.items())),
        "sampled_tables": scanned.sampled,
    }


def _column(one: Proposal, decisions: Mapping[str, Decision]) -> dict[str, Any]:
    return {
        "table": one.table,
        "column": one.column,
        "type": one.type,
        "rows": one.rows,
        "verdict": one.verdict.value,
        "kind": one.kind or None,
        "category": one.category or None,
        "level": one.level,
        "confidence": one.confidence,
        "decided": decided_as(one, decisions) or None,
        "evidence": [
            {"source": e.source, "text": e.text, "points": round(e.points, 2)} for e in one.evidence
        ],
        "sampled_values": one.seen,
        "shares": dict(one.shares),
        "inside": dict(one.inside),
        "mixed": one.mixed,
    }


def finding_lines(findings: tuple[Finding, ...]) -> Iterator[str]:
    """Two lines a finding."""
    for one in findings:
        yield f"{one.code}  {one.what}  {one.text}"
        if one.proposal is not None and one.proposal.evidence:
            yield f"       {one.proposal.confidence:4.2f}  {reasons(one.proposal)}"


def findings_json(
    findings: tuple[Finding, ...], scanned: Scanned, decisions: Mapping[str, Decision]
) -> dict[str, Any]:
    """The findings, each with its proposal."""
    return {
        "findings": [
            {
                "code": one.code,
                "what": one.what,
                "text": one.text,
                "proposal": _column(one.proposal, decisions) if one.proposal else None,
            }
            for one in findings
        ],
        "unread": dict(sorted(scanned.unread.items())),
    }
