"""What is told of a statement: each cause once, the gravest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pgmask.verdict.model import Finding, Spoken


def unique(findings: Iterable[Finding]) -> list[Finding]:
    """One per code, place and message, the gravest first, then by place.

    What a rule explains, such as a system column, is not told again as a name that is not there.
    """
    found = dict.fromkeys(_gathered(findings))
    explained = {(f.line, f.column) for f in found if f.refused and not f.path}
    found = {f: None for f in found if not f.path or (f.line, f.column) not in explained}
    return sorted(found, key=lambda f: (-f.severity.rank, f.line, f.column, f.code, f.message))


def _gathered(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings that differ only in the column that they speak of as one, at the first place."""
    groups: dict[Finding, list[Finding]] = {}
    for one in findings:
        same = replace(one, line=0, column=0, caret="", columns=()) if one.columns else one
        groups.setdefault(same, []).append(one)
    for some in groups.values():
        spoken = tuple(sorted({s for one in some for s in one.columns}))
        if not spoken:
            yield some[0]
            continue
        first = min(some, key=lambda one: (one.line, one.column))
        yield replace(first, message=f"{first.message} {_listed(spoken)}", columns=spoken)


def _listed(spoken: Iterable[Spoken]) -> str:
    """``crm.customer.phone``, or of a table with several ``crm.customer (phone, email)``."""
    tables: dict[str, list[str]] = {}
    for one in spoken:
        names = tables.setdefault(one.table, [])
        if one.column not in names:
            names.append(one.column)
    return ", ".join(
        f"{table}.{names[0]}" if len(names) == 1 else f"{table} ({', '.join(names)})"
        for table, names in tables.items()
    )
