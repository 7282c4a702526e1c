"""Proposals as the YAML of a catalogue: what is sure stands there, the rest says TODO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pgmask.catalogue import propose
from pgmask.catalogue.model import Catalogue
from pgmask.catalogue.schema_source import Schema, SchemaTable
from pgmask.scan.decisions import Decision, applied, silenced
from pgmask.scan.model import Proposal, Scanned, Source, Verdict

SURE: Final = 0.8
"""Below this confidence the level says TODO, unless a person has accepted the proposal."""


def starter(
    scanned: Scanned,
    tables: Sequence[Source],
    name: str,
    packs: tuple[str, ...],
    decisions: Mapping[str, Decision],
) -> dict[str, str]:
    """The files of a new catalogue for one application schema, by path."""
    schema = Schema(tables=tuple(s.table for s in tables))
    return propose.starter(schema, name, packs, _judged(scanned, schema.tables, decisions))


def missing(
    scanned: Scanned,
    tables: Sequence[Source],
    catalogue: Catalogue,
    decisions: Mapping[str, Decision],
) -> tuple[str, tuple[SchemaTable, ...]]:
    """A file for ``include:`` with the tables that a catalogue does not know, and those tables.

    New columns of tables that it knows stand as comments above: a table has one file.
    """
    schemas = {s.schema for s in catalogue.stores}
    new = [
        s.table
        for s in tables
        if s.table.schema in schemas
        and catalogue.table(s.id) is None
        and catalogue.unprotected_by(s.table.schema, s.table.name) is None
    ]
    judged = _judged(scanned, [s.table for s in tables], decisions)
    subject = next(
        (s.table for s in tables if catalogue.subjects and s.id == catalogue.subjects[0].table),
        None,
    )
    lines = []
    for source in tables:
        known = catalogue.table(source.id)
        left = [
            p
            for p in judged[source.id]
            if known is not None and known.column(p.column.name) is None
        ]
        if left:
            lines.append(f"# To be added under columns: of {source.id}:")
            lines += [f"#   {line}" for line in propose.column_lines(left)]
    head = "\n".join(lines) + "\n" if lines else ""
    return head + propose.part(new, judged, subject), tuple(new)


def _judged(
    scanned: Scanned, tables: Sequence[SchemaTable], decisions: Mapping[str, Decision]
) -> dict[str, list[propose.Proposal]]:
    by_column = {p.id: p for p in scanned.proposals}
    return {
        t.id: [_one(by_column[f"{t.id}.{c.name}"], t, c.name, decisions) for c in t.columns]
        for t in tables
    }


def _one(
    now: Proposal, table: SchemaTable, name: str, decisions: Mapping[str, Decision]
) -> propose.Proposal:
    column = table.column(name)
    assert column is not None  # noqa: S101 - the table is where the name comes from
    accepted = applied(now, decisions)
    if silenced(now, decisions) or now.verdict is Verdict.OPEN:
        return propose.Proposal(column=column, kind="", plain=False, note=noted(now))
    if accepted is not None:
        return propose.Proposal(
            column=column,
            kind=accepted.kind,
            plain=not accepted.kind and not accepted.category,
            category=accepted.category,
            level=accepted.level,
            flag=now.mixed,
            note=f"accepted by {accepted.reviewer}",
        )
    return propose.Proposal(
        column=column,
        kind=now.kind,
        plain=now.verdict is Verdict.PLAIN,
        category=now.category,
        level=now.level,
        unsure=now.confidence < SURE,
        flag=now.mixed,
        note=noted(now),
    )


def noted(now: Proposal) -> str:
    """The evidence in one line, the heaviest first."""
    return "; ".join(e.text for e in now.evidence[:3])
