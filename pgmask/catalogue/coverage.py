"""How far the catalogue reaches: columns by domain and by how they were classified (A1)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

from pgmask.catalogue.cover import lock_of
from pgmask.catalogue.load import Loaded
from pgmask.catalogue.schema_source import Schema

SOON: Final = 90
"""Days within which an ending exception is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainCoverage:
    """One domain: tables, columns by level, how many by rule and by hand, what is missing.

    by_rule: through a name pattern; by_hand: the others; unclassified: columns of the schema that
    are not in the catalogue (0 without a schema); ending: exceptions that end within 90 days.
    """

    domain: str
    owner: str
    tables: int
    columns: int
    level_1: int
    level_2: int
    level_3: int
    by_rule: int
    by_hand: int
    without_purpose: int
    unclassified: int
    exceptions: int
    ending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """All domains by name; unprotected: tables declared free of persons; unlisted: neither."""

    domains: tuple[DomainCoverage, ...]
    unprotected: int
    unlisted: int


def coverage(loaded: Loaded, schema: Schema | None, today: datetime.date) -> Coverage:
    """Count what is classified.  Needs a catalogue that could be read."""
    catalogue = loaded.catalogue
    if catalogue is None:
        return Coverage(domains=(), unprotected=0, unlisted=0)
    groups = sorted({(t.domain, t.owner) for t in catalogue.tables})
    soon = (today + datetime.timedelta(days=SOON)).isoformat()
    found = []
    for domain, owner in groups:
        tables = [t for t in catalogue.tables if (t.domain, t.owner) == (domain, owner)]
        columns = [(t, c) for t in tables for c in t.columns]
        names = {f"{t.id}.{c.name}" for t, c in columns}
        exceptions = [e for e in catalogue.exceptions if e.column in names]
        by_rule = sum(_by_rule(loaded, t.id, c.name) for t, c in columns)
        missing = 0
        for table in tables:
            there = schema.table(table.id) if schema else None
            missing += sum(table.column(c.name) is None for c in there.columns) if there else 0
        found.append(
            DomainCoverage(
                domain=domain or "(main file)",
                owner=owner,
                tables=len(tables),
                columns=len(columns),
                level_1=sum(c.level == 1 for _, c in columns),
                level_2=sum(c.level == 2 for _, c in columns),
                level_3=sum(c.level == 3 for _, c in columns),
                by_rule=by_rule,
                by_hand=len(columns) - by_rule,
                without_purpose=sum(c.level < 3 and not c.why for _, c in columns),
                unclassified=missing,
                exceptions=len(exceptions),
                ending=sum(e.until <= soon for e in exceptions),
            )
        )
    lock = lock_of(loaded, schema)
    unprotected = {t for tables in lock.unprotected.values() for t in tables}
    schemas = {s.schema for s in catalogue.stores}
    unlisted = sum(
        t.schema in schemas and catalogue.table(t.id) is None and t.id not in unprotected
        for t in (schema.tables if schema else ())
    )
    return Coverage(domains=tuple(found), unprotected=len(unprotected), unlisted=unlisted)


def _by_rule(loaded: Loaded, table: str, column: str) -> bool:
    origins = loaded.origins.get((table, column), {})
    labels = [origins[key][0] for key in ("kind", "level") if key in origins]
    return any(label.startswith("defaults.columns") for label in labels)
