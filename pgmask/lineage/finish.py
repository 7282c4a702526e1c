"""From a reader's notes to the values of the contract."""

from __future__ import annotations

from dataclasses import replace

from pgmask.lineage.model import (
    Called,
    Column,
    Lineage,
    Output,
    Read,
    Unresolved,
    Use,
    Write,
)
from pgmask.lineage.model import Relation as Named
from pgmask.lineage.parse import Text
from pgmask.lineage.reader import Reader
from pgmask.lineage.rows import Rows
from pgmask.lineage.values import AGGREGATE, Sources, as_sources, nearest

PARAMETER = "$"
"""Table of the columns that stand for a function's parameters while its body is read."""


def is_parameter(column: Column) -> bool:
    """Whether a column stands for a parameter."""
    return column.table == PARAMETER and not column.schema


def note_outputs(r: Reader, rows: Rows) -> None:
    """What comes back is read to come back; of aggregates only the result does."""
    for out in rows.columns:
        for column, near in out.value.sources.items():
            if near < AGGREGATE:
                r.notes.reads.setdefault((column, Use.OUTPUT), out.position)


def finish(r: Reader, rows: Rows | None, kind: str, text: Text, start: int, end: int,
           base: int = 0) -> Lineage:  # fmt: skip
    """The lineage of one statement; positions become characters of the whole text."""

    def place(byte: int) -> int:
        return text.character(byte + base) if byte >= 0 else -1

    if rows is not None:
        note_outputs(r, rows)
    notes = r.notes
    used = {column for column, _ in notes.reads}
    reads = [Read(c, use, place(at)) for (c, use), at in notes.reads.items()]
    reads += [Read(c, Use.LOCK, place(at)) for c, at in notes.named.items() if c not in used]
    outputs = []
    for out in rows.columns if rows is not None else ():
        sources = real(out.value.sources)
        outputs.append(
            Output(
                name=out.name,
                sources=as_sources(sources),
                flow=nearest(sources),
                type=out.value.type,
                position=place(out.position),
            )
        )
    first = text.character(start)
    raw = text.part(start, end)
    shown = raw.strip()
    first += len(raw) - len(raw.lstrip())
    return Lineage(
        text=shown,
        start=first,
        line=text.line(first),
        kind=kind,
        reads=tuple(sorted(x for x in reads if not is_parameter(x.column))),
        outputs=tuple(outputs),
        writes=tuple(_write(w, place) for w in r.writes),
        calls=tuple(sorted(Called(*call, place(at)) for call, at in notes.calls.items())),
        relations=tuple(
            sorted(
                Named(n.schema, n.name, n.kind, n.use, place(n.position))
                for n in r.relations.values()
            )
        ),
        unresolved=tuple(
            Unresolved(place(u.position), u.code, u.message, u.path, u.hint) for u in r.unresolved
        ),
        inner=tuple(r.inner),
    )


def real(sources: Sources) -> Sources:
    """Without the parameters of a body that is read by itself."""
    if any(is_parameter(column) for column in sources):
        return {c: near for c, near in sources.items() if not is_parameter(c)}
    return sources


def _write(write: Write, place: object) -> Write:
    at = place(write.position) if callable(place) else -1
    sources = tuple(
        (name, tuple(s for s in listed if not is_parameter(s.column)))
        for name, listed in write.sources
    )
    return replace(write, position=at, sources=sources)
