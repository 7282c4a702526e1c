"""What is new or changed since the catalogue and the decisions were written (A5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pgmask.catalogue.model import Catalogue, Column
from pgmask.catalogue.patterns import written
from pgmask.scan.decisions import Decision, silenced
from pgmask.scan.detect import DETECTORS
from pgmask.scan.model import Proposal, Scanned, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference: code PM693 to PM696; what: a table or ``schema.table.column``; text: of it;
    proposal: what the scan says, None for a whole table.
    """

    code: str
    what: str
    text: str
    proposal: Proposal | None = None


def compare(
    scanned: Scanned, catalogue: Catalogue, decisions: Mapping[str, Decision]
) -> tuple[Finding, ...]:
    """Every finding, by code and name."""
    schemas = {s.schema for s in catalogue.stores}
    found: list[Finding] = []
    by_table = sorted(scanned.proposals, key=lambda p: p.table)
    for id_, group in groupby(by_table, key=lambda p: p.table):
        columns = list(group)
        schema, _, name = id_.partition(".")
        table = catalogue.table(id_)
        if table is not None:
            for one in columns:
                found += _classified(one, table.column(one.column), catalogue, decisions)
        elif (free := catalogue.unprotected_by(schema, name)) is not None:
            found += _unprotected(columns, free.reason, decisions)
        elif schema in schemas:
            found.append(_unlisted(id_, columns))
    for one in scanned.proposals:
        known = decisions.get(one.id)
        if known is not None and not known.stands(one):
            text = f"decided on {known.on} by {known.reviewer} on other evidence"
            found.append(Finding(code="PM696", what=one.id, text=text, proposal=one))
    return tuple(sorted(found, key=lambda f: (f.code, f.what)))


def _classified(
    now: Proposal,
    column: Column | None,
    catalogue: Catalogue,
    decisions: Mapping[str, Decision],
) -> Iterator[Finding]:
    if column is None:
        said = f"proposed: {now.said}"
        if silenced(now, decisions):
            known = decisions[now.id]
            said = (
                f"the proposal was rejected on {known.on} by {known.reviewer}: classify it by hand"
            )
        text = f"({now.type}) is not classified; {said}"
        yield Finding(code="PM693", what=now.id, text=text, proposal=now)
        return
    if now.verdict is not Verdict.PERSONAL or silenced(now, decisions):
        return
    if any(e.column == now.id for e in catalogue.exceptions):
        return
    if now.level is not None and now.level < column.level:
        text = f"is level {column.level} in the catalogue; proposed: {now.said}"
    elif column.kind_by is None and column.kind != now.kind and _proven(now):
        text = f"is {column.kind or 'of no kind'} in the catalogue; proposed: {now.said}"
    else:
        return
    yield Finding(code="PM694", what=now.id, text=text, proposal=now)


def _proven(now: Proposal) -> bool:
    """Whether values, and not names alone, say of which kind it is."""
    known = DETECTORS.get(now.kind)
    return known is not None and now.shares.get(now.kind, 0) >= 100 * known.enough


def _unprotected(
    columns: Sequence[Proposal], reason: str, decisions: Mapping[str, Decision]
) -> Iterator[Finding]:
    for one in columns:
        personal = one.verdict is Verdict.PERSONAL and one.level is not None and one.level < 3
        # A TODO is no reason: nobody has looked at what the scan left open either.
        undecided = reason.startswith("TODO") and one.verdict is Verdict.OPEN
        if (personal or one.inside or undecided) and not silenced(one, decisions):
            text = f"is unprotected ({reason}); proposed: {one.said}"
            yield Finding(code="PM695", what=one.id, text=text, proposal=one)


def _unlisted(id_: str, columns: Sequence[Proposal]) -> Finding:
    personal = [c for c in columns if c.verdict is Verdict.PERSONAL]
    named = ", ".join(f"{written(c.column)} ({c.kind or c.category})" for c in personal[:6])
    more = f" and {len(personal) - 6} more" if len(personal) > 6 else ""
    said = f"looks personal: {named}{more}" if personal else "nothing in it looks personal"
    text = f"is a table of {len(columns)} columns that is not in the catalogue; {said}"
    return Finding(code="PM693", what=id_, text=text)
