"""The catalogue against a schema: everything classified, nothing invented, every type possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pgmask.catalogue.load import Loaded
from pgmask.catalogue.lockfile import Lock
from pgmask.catalogue.model import Catalogue, Column, Position, Profile, Table
from pgmask.catalogue.patterns import pattern, written
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.schema_source import Schema, SchemaTable
from pgmask.kinds import type_treatment


def check_schema(loaded: Loaded, schema: Schema, problems: Problems) -> None:
    """Record what the catalogue does not cover, or covers and is not there (A1, A5)."""
    catalogue = loaded.catalogue
    if catalogue is None:
        return
    place = Position(loaded.sources.main if loaded.sources else "", 1, 1)
    _unlisted_tables(catalogue, schema, place, problems)
    for table in catalogue.tables:
        there = schema.table(table.id)
        if there is None:
            known = [t.id for t in schema.tables]
            problems.add(
                "PM015",
                "no-such-table",
                table.position,
                f"the schema has no table {table.id}",
                did_you_mean(table.id, known) if known else "",
            )
            continue
        _columns(loaded, table, there, problems)
        _types(table, there, problems)
    for profile in catalogue.profiles:
        _cases(profile, schema, problems)
    _unmatched(loaded, schema, problems)


def _cases(profile: Profile, schema: Schema, problems: Problems) -> None:
    """Business cases that a reveal asks for: found by one key column, judged by dates that are."""
    for purpose in profile.reveal.purposes if profile.reveal else ():
        there = schema.table(purpose.case) if purpose.case else None
        if there is None or profile.reveal is None:
            continue
        at = profile.reveal.position
        if len(there.primary_key) != 1:
            problems.add(
                "PM015",
                "case-key",
                at,
                f"{there.id}, the case of the purpose {purpose.name!r}, has a primary key of "
                f"{len(there.primary_key)} columns",
                "A reference is the key of one column: name another table.",
            )
        dated = there.column(purpose.within[0]) if purpose.within else None
        if dated is not None and not (dated.base_type or dated.type).startswith(
            ("date", "timestamp")
        ):
            problems.add(
                "PM015",
                "case-date",
                at,
                f"{there.id}.{dated.name} ({dated.type}) is no date, so no case can be near by it",
                "Name a column of type date or timestamp.",
            )


def lock_of(loaded: Loaded, schema: Schema | None) -> Lock:
    """What every pattern matches now; without a schema the lock file is believed about tables."""
    lock = loaded.lock or Lock()
    if schema is None or loaded.catalogue is None:
        kept = loaded.locked.unprotected if loaded.locked else {}
        names = (
            {n for u in loaded.catalogue.unprotected for n in u.tables} if loaded.catalogue else ()
        )
        return Lock(
            columns=lock.columns,
            unprotected={n: kept.get(n, ()) for n in sorted(names)},
            profiles=lock.profiles,
        )
    columns: dict[str, tuple[tuple[str, str], ...]] = {}
    for wanted, _ in loaded.patterns:
        found = {
            (t.id, c.name)
            for table in loaded.catalogue.tables
            if (t := schema.table(table.id)) is not None
            for c in t.columns
            if wanted.matches(c.name)
        }
        columns[wanted.text] = tuple(sorted(found))
    protected = {t.id for t in loaded.catalogue.tables}
    schemas = {s.schema for s in loaded.catalogue.stores}
    unprotected = {
        text: tuple(
            t.id
            for t in schema.tables
            if t.schema in schemas
            and t.id not in protected
            and pattern(text).matches(t.schema, t.name)
        )
        for u in loaded.catalogue.unprotected
        for text in u.tables
    }
    return Lock(columns=columns, unprotected=unprotected, profiles=lock.profiles)


def compare_locks(loaded: Loaded, now: Lock, file: str, problems: Problems) -> None:
    """Record every difference between the lock file and what the patterns match (PM018)."""
    at = Position(file, 1, 1)
    fix = "Review it, then: pgmask check ... --write-lock"
    if loaded.locked is None:
        if any(now.columns.values()) or any(now.unprotected.values()):
            problems.warn("PM018", "no-lock", at, "there is no lock file for the patterns", fix)
        return
    for section, old, new in (
        ("defaults.columns", loaded.locked.columns, now.columns),
        ("unprotected", loaded.locked.unprotected, now.unprotected),
        ("profiles", loaded.locked.profiles, now.profiles),
    ):
        for text in sorted(set(old) | set(new)):
            before, after = _words(old.get(text, ())), _words(new.get(text, ()))
            for one in sorted(after - before):
                problems.add(
                    "PM018", "lock-stale", at, f"{section} {text!r} newly matches {one}", fix
                )
            for one in sorted(before - after):
                problems.add(
                    "PM018", "lock-stale", at, f"{section} {text!r} no longer matches {one}", fix
                )


def _words(found: Iterable[object]) -> set[str]:
    return {".".join(f) if isinstance(f, tuple) else str(f) for f in found}


def _unlisted_tables(
    catalogue: Catalogue, schema: Schema, place: Position, problems: Problems
) -> None:
    schemas = {s.schema for s in catalogue.stores}
    for table in schema.tables:
        if table.schema not in schemas or catalogue.table(table.id) is not None:
            continue
        if catalogue.unprotected_by(table.schema, table.name) is None:
            problems.add(
                "PM015",
                "unclassified-table",
                place,
                f"the table {table.id} is neither classified nor under unprotected",
                f"Add {written(table.name)} under tables with its columns, or under unprotected "
                "with a reason.",
            )


def _columns(loaded: Loaded, table: Table, there: SchemaTable, problems: Problems) -> None:
    for column in there.columns:
        if table.column(column.name) is not None:
            continue
        by = next((p.text for p, _ in loaded.patterns if p.matches(column.name)), None)
        if by is not None:
            problems.add(
                "PM018",
                "new-match",
                table.position,
                f"{table.id}.{column.name} newly falls under the pattern {by!r}",
                "Review it, then: pgmask check ... --write-lock; or list the column.",
            )
            continue
        problems.add(
            "PM015",
            "unclassified-column",
            table.position,
            f"{table.id}.{column.name} ({column.type}) is not classified",
            "List it under columns, or under level_3 when it says nothing of a person.",
        )
    names = [c.name for c in there.columns]
    for mine in table.columns:
        if mine.name not in names:
            problems.add(
                "PM015",
                "no-such-column",
                mine.position,
                f"the schema has no column {table.id}.{mine.name}",
                did_you_mean(mine.name, names),
            )
    if not there.primary_key:
        problems.add(
            "PM015",
            "no-primary-key",
            table.position,
            f"{table.id} has no primary key",
            "Sealed values are bound to the primary key: add one.",
        )
    for name in there.primary_key:
        key = table.column(name)
        if key is not None and key.sealed:
            problems.add(
                "PM015",
                "sealed-primary-key",
                key.position,
                f"{table.id}.{name} is part of the primary key and would be sealed",
                "A row is found by its key: give it a level of 2 or 3, or another key.",
            )


def _kinds(column: Column) -> Iterator[str]:
    if column.kind_by is not None:
        yield from sorted({k for _, k in column.kind_by.cases} | {column.kind_by.otherwise})
    elif column.kind is not None:
        yield column.kind


def _types(table: Table, there: SchemaTable, problems: Problems) -> None:
    for column in table.columns:
        found = there.column(column.name)
        if found is None:
            continue
        for kind in _kinds(column):
            treatment = type_treatment(
                kind, found.type, base_type=found.base_type, is_enum=found.is_enum
            )
            name = f"{table.id}.{column.name} ({found.type})"
            if treatment.at_rest == "refused":
                problems.add(
                    "PM015",
                    "kind-type",
                    column.position,
                    f"{name}: {treatment.reason}",
                    f"{treatment.way_out[:1].upper()}{treatment.way_out[1:]}.",
                )
            elif column.sealed and treatment.at_rest == "null":
                problems.note(
                    "PM015",
                    "typed-column",
                    column.position,
                    f"{name}: {treatment.reason}",
                    f"{treatment.way_out[:1].upper()}{treatment.way_out[1:]}.",
                )


def _unmatched(loaded: Loaded, schema: Schema, problems: Problems) -> None:
    """Patterns that match nothing, and unprotected tables that a pattern contradicts."""
    lock = lock_of(loaded, schema)
    for wanted, at in loaded.patterns:
        if not lock.columns.get(wanted.text):
            problems.add(
                "PM013",
                "matches-nothing",
                at,
                f"the pattern {wanted.text!r} matches no column of a protected table",
                "Correct or remove it.",
            )
    catalogue = loaded.catalogue
    for entry in catalogue.unprotected if catalogue else ():
        for text in entry.tables:
            if not lock.unprotected.get(text):
                problems.add(
                    "PM013",
                    "matches-nothing",
                    entry.position,
                    f"unprotected {text!r} matches no table",
                    "Correct or remove it.",
                )
            for id_ in lock.unprotected.get(text, ()):
                _contradicted(loaded, schema.table(id_), entry.position, problems)


def _contradicted(
    loaded: Loaded, table: SchemaTable | None, at: Position, problems: Problems
) -> None:
    for column in table.columns if table else ():
        for wanted, _ in loaded.patterns:
            if wanted.matches(column.name) and wanted.text in loaded.personal_patterns:
                problems.warn(
                    "PM015",
                    "unprotected-personal",
                    at,
                    f"{table.id if table else ''} is unprotected, but {column.name!r} matches "
                    f"{wanted.text!r}",
                    "Protect the table, or rename the column.",
                )
