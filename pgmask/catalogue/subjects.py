"""Classes of persons, and whose rows a table holds (A6, D1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from pgmask.catalogue.files import values
from pgmask.catalogue.model import HighValue, Subject, Table
from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.problems import did_you_mean
from pgmask.catalogue.scope import RawTable, Scope
from pgmask.catalogue.shapes import Entry

NOBODY: Final = "none"
"""``subject: none``: every row is its own subject."""


def read_subjects(entries: Iterable[Entry], scope: Scope, policy: Policy) -> tuple[Subject, ...]:
    """The classes of persons, sorted; each table and each name once."""
    found: dict[str, Subject] = {}
    for entry in entries:
        if entry.get("table") is None or entry.get("key") is None:
            continue
        raw = scope.table(entry.get("table"), entry.place("table"))
        if raw is None:
            continue
        for key in ("key", "unit", "owner"):
            if key in entry.values:
                scope.key_column(raw, entry.get(key), entry.place(key), key)
        name = entry.get("name") or raw.name
        subject = Subject(
            name=name,
            table=raw.id,
            key=entry.get("key"),
            unit=entry.get("unit"),
            owner=entry.get("owner"),
            high_value=_high_value(entry.get("high_value"), scope, raw, policy),
        )
        twice = [s for s in found.values() if s.name == name or s.table == raw.id]
        if twice:
            scope.problems.add(
                "PM013",
                "subject-twice",
                entry.at,
                f"the subject {name!r} of table {raw.id} stands twice",
                "Give each its own name.",
            )
            continue
        found[name] = subject
    return tuple(found[name] for name in sorted(found))


def _high_value(
    entry: Entry | None, scope: Scope, raw: RawTable, policy: Policy
) -> HighValue | None:
    if entry is None or entry.get("column") is None:
        return None
    scope.key_column(raw, entry.get("column"), entry.place("column"), "high_value")
    rule = policy.high_value
    order = values(entry.get("order")) or (rule.order if rule else ())
    at_least = entry.get("at_least") or (rule.at_least if rule else None)
    if not order or at_least is None:
        scope.problems.add(
            "PM013",
            "grade",
            entry.at,
            "no pack in force says which grades count as high-value",
            "Write order: [lowest, .., highest] and at_least.",
        )
        return None
    if at_least not in order:
        scope.problems.add(
            "PM013",
            "grade",
            entry.place("at_least"),
            f"the grade {at_least!r} is not in the order of grades",
            did_you_mean(at_least, order),
        )
        return None
    if rule and at_least in rule.order and rule.at_least in rule.order:
        if rule.order.index(at_least) > rule.order.index(rule.at_least):
            scope.problems.add(
                "PM014",
                "grade-above-pack",
                entry.place("at_least"),
                f"high-value begins at {rule.at_least!r} (article {rule.article})",
                f"Write at_least: {rule.at_least}.",
            )
    return HighValue(column=entry.get("column"), order=order, at_least=at_least)


def finish_tables(scope: Scope, subjects: tuple[Subject, ...]) -> tuple[Table, ...]:
    """The tables with whose rows they hold, sorted by id."""
    return tuple(_table(scope.tables[id_], scope, subjects) for id_ in sorted(scope.tables))


def _table(raw: RawTable, scope: Scope, subjects: tuple[Subject, ...]) -> Table:
    entry = raw.entry
    own = next((s for s in subjects if s.table == raw.id), None)
    by_name = {s.name: s for s in subjects}
    if own is not None:
        subject_class: str | None = own.name
        subject: str | None = own.key
        if "subject" in entry.values and entry.get("subject") != own.key:
            scope.problems.add(
                "PM013",
                "subject-own-table",
                entry.place("subject"),
                f"{raw.id} holds the subjects themselves, its key is {own.key!r}",
                "Remove `subject` here.",
            )
    else:
        subject_class, subject = _whose(raw, scope, by_name)
    for key in ("unit",):
        if key in entry.values:
            scope.key_column(raw, entry.get(key), entry.place(key), key)
    for item in entry.get("conflict_target", ()):
        scope.has(raw, item.value, item.at)
    columns = []
    for _, column in sorted(raw.columns.items()):
        if column.subject_class is not None and column.subject_class not in by_name:
            scope.problems.add(
                "PM013",
                "unknown-subject",
                column.position,
                f"there is no class of subjects {column.subject_class!r}",
                did_you_mean(column.subject_class, by_name),
            )
        elif column.subject and column.subject_class is None and subject_class is None:
            if len(by_name) == 1:
                column = dataclasses.replace(column, subject_class=next(iter(by_name)))
            else:
                scope.problems.add(
                    "PM013",
                    "subject-class",
                    column.position,
                    f"{raw.id}.{column.name} does not say which class its subject is of",
                    "Write subject: {column: ..., class: ...}.",
                )
        elif column.subject_class == subject_class:
            column = dataclasses.replace(column, subject_class=None)
        if column.subject == subject and column.subject_class is None:
            column = dataclasses.replace(column, subject=None)
        columns.append(column)
    audit = entry.get("audit")
    return Table(
        schema=raw.schema,
        name=raw.name,
        subject_class=subject_class,
        subject=subject,
        unit=entry.get("unit") or (own.unit if own else None),
        owner=raw.owner,
        channel=entry.get("channel", ""),
        domain=raw.domain,
        rollout=entry.get("rollout", "enforced"),
        keep_sealed=isinstance(audit, Entry) and bool(audit.get("keep_sealed", False)),
        columns=tuple(columns),
        conflict_target=values(entry.get("conflict_target")),
        position=raw.at,
    )


def _whose(
    raw: RawTable, scope: Scope, by_name: dict[str, Subject]
) -> tuple[str | None, str | None]:
    entry = raw.entry
    written = entry.get("subject")
    if "subject" in entry.bad:
        return None, None
    if written is None:
        unsaid = [c.name for c in raw.columns.values() if c.sealed and not c.subject]
        if unsaid:
            scope.problems.add(
                "PM013",
                "no-subject",
                raw.at,
                f"{raw.id} has sealed columns ({', '.join(unsaid[:5])}) and does not say whose",
                "Write subject: COLUMN, or subject: none where each row is its own subject.",
            )
        return None, None
    if isinstance(written, Entry):
        name, column, place = written.get("class"), written.get("column"), written.place("class")
        if column is None or name is None:
            return None, None
        if name not in by_name:
            scope.problems.add(
                "PM013",
                "unknown-subject",
                place,
                f"there is no class of subjects {name!r}",
                did_you_mean(name, by_name),
            )
            return None, None
        scope.key_column(raw, column, written.place("column"), "subject")
        return name, column
    if written == NOBODY:
        return None, None
    at = entry.place("subject")
    if len(by_name) != 1:
        scope.problems.add(
            "PM013",
            "subject-class",
            at,
            f"{raw.id} does not say which class of subjects {written!r} is of"
            if by_name
            else f"{raw.id} names a subject, but the catalogue has none",
            "Write subject: {column: ..., class: ...}."
            if by_name
            else "Describe the table of the persons under `subject`.",
        )
        return None, None
    scope.key_column(raw, written, at, "subject")
    return next(iter(by_name)), written
