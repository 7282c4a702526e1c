"""Stores, subjects and tables from their entries."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from pgmask.catalogue.columns import CHECKS, Resolver
from pgmask.catalogue.files import Part, values
from pgmask.catalogue.levels import Draft
from pgmask.catalogue.model import Column, HighValue, Position, Store, Subject, Table
from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.scope import RawTable, Scope
from pgmask.catalogue.shapes import Entry

NOBODY: Final = "none"
"""``subject: none``: every row is its own subject."""
RESERVED: Final = frozenset({"pgmask", "pgmask_private", "pgmask_crypto", "information_schema"})
"""Schemas that no store and no profile may have."""


def read_stores(entries: Iterable[Entry], problems: Problems) -> tuple[Store, ...]:
    """The stores, sorted; each schema once, no schema used for two purposes."""
    found: dict[str, Store] = {}
    taken: dict[str, str] = {}
    for entry in entries:
        schema = entry.get("schema")
        if schema is None:
            continue
        mode = entry.get("mode", "aside")
        kept = entry.get("as")
        if mode == "beside" and kept is not None:
            problems.add(
                "PM012",
                "store-as",
                entry.place("as"),
                "`as` has no meaning with mode beside",
                "Remove it: the tables stay in their schema.",
            )
        as_ = "" if mode == "beside" else kept or f"{schema}_store"
        for name, key in ((schema, "schema"), (as_, "as")):
            if not name:
                continue
            if name in RESERVED or name.startswith("pg_") or len(name.encode()) > 63:
                problems.add(
                    "PM012",
                    "reserved-schema",
                    entry.place(key),
                    f"the schema {name!r} is reserved or too long",
                    "Choose another name.",
                )
            elif name in taken:
                problems.add(
                    "PM013",
                    "schema-twice",
                    entry.place(key),
                    f"the schema {name!r} is already {taken[name]}",
                    "Use each schema once.",
                )
            taken[name] = f"a store's {key}"
        found.setdefault(
            schema, Store(schema=schema, mode=mode, as_=as_, profile=entry.get("profile"))
        )
    return tuple(found[name] for name in sorted(found))


def collect_tables(parts: Iterable[Part], scope: Scope) -> None:
    """Put every table of every file into the scope; one table stands in one file."""
    for part in parts:
        for key, entry in part.entry.get("tables", ()):
            names = scope.qualify(key.value, key.at)
            if names is None:
                continue
            raw = RawTable(
                schema=names[0],
                name=names[1],
                entry=entry,
                owner=entry.get("owner") or part.owner,
                domain=entry.get("domain") or part.domain,
                at=key.at,
            )
            first = scope.tables.get(raw.id)
            if first is not None:
                scope.problems.add(
                    "PM013",
                    "table-twice",
                    key.at,
                    f"the table {raw.id} stands twice, first at {first.at}",
                    "One table stands in one file, once.",
                )
                continue
            scope.tables[raw.id] = raw


def read_columns(
    raw: RawTable,
    templates: dict[str, tuple[tuple[object, Entry], ...]],
    locked: Iterable[str],
    resolver: Resolver,
    problems: Problems,
    drafts: dict[tuple[str, str], Draft],
) -> None:
    """Resolve every column of a table; ``locked``: columns that only the lock file names."""
    entry = raw.entry
    found: dict[str, Draft] = {}

    def draft(name: str, at: Position, own: Entry | None) -> Draft:
        return Draft(table=raw.id, name=name, at=at, own=own, table_entry=entry)

    for key, own in entry.get("columns", ()):
        found[key.value] = draft(key.value, key.at, own)
    for used in entry.get("use", ()):
        template = templates.get(used.value)
        if template is None:
            problems.add(
                "PM013",
                "unknown-template",
                used.at,
                f"there is no template {used.value!r}",
                did_you_mean(used.value, templates),
            )
            continue
        for key, given in template:
            name = key.value  # type: ignore[attr-defined]
            known = found.setdefault(name, draft(name, used.at, None))
            if known.template is not None:
                problems.add(
                    "PM013",
                    "template-twice",
                    used.at,
                    f"two templates of {raw.id} have the column {name!r}",
                    "Use one of them.",
                )
            known.template = (f"template {used.value}", given)
    for item in entry.get("level_3", ()):
        if item.value in found:
            problems.add(
                "PM013",
                "column-twice",
                item.at,
                f"{raw.id}.{item.value} stands under level_3 and elsewhere, first at line "
                f"{found[item.value].at.line}",
                "Keep one of the two.",
            )
            continue
        found[item.value] = draft(item.value, item.at, None)
        found[item.value].listed = True
    by_hand = set(found)
    for name in sorted(set(locked) - by_hand):
        found[name] = draft(name, raw.at, None)
    raw.patterned = frozenset(set(found) - by_hand)
    for name, one in found.items():
        column = resolver.resolve(one)
        drafts[(raw.id, name)] = one
        if column is not None:
            raw.columns[name] = column
        else:
            raw.broken.add(name)
    if not found and not entry.bad:
        problems.add(
            "PM012",
            "no-columns",
            raw.at,
            f"the table {raw.id} has no columns",
            "List them under columns and level_3, or put the table under unprotected.",
        )


def link_columns(scope: Scope, drafts: dict[tuple[str, str], Draft], policy: Policy) -> None:
    """Settings that name other columns: subjects, discriminators, checks, sources (A1, A3)."""
    sources: dict[tuple[str, str], list[tuple[RawTable, str]]] = {}
    for raw in scope.tables.values():
        for name, column in list(raw.columns.items()):
            own = drafts[(raw.id, name)].own
            if own is None and drafts[(raw.id, name)].template is None:
                continue
            changes: dict[str, object] = {}
            if column.kind_by and own is not None:
                _key_column(scope, raw, column.kind_by.column, own.place("kind_by"), "kind_by")
            if column.subject and own is not None:
                _key_column(scope, raw, column.subject, own.place("subject"), "subject")
            for source in (own, (drafts[(raw.id, name)].template or ("", None))[1]):
                if source is None:
                    continue
                if "checks" in source.values and "checks" not in changes:
                    changes["checks"] = _checks(scope, raw, column, source)
                if "derived_from" in source.values and "derived_from" not in changes:
                    found = _derived(scope, raw, column, source)
                    sources[(raw.id, name)] = found
                    changes["derived_from"] = tuple(
                        sorted({n if t is raw else f"{t.id}.{n}" for t, n in found})
                    )
            if changes:
                raw.columns[name] = dataclasses.replace(column, **changes)  # type: ignore[arg-type]
    for (id_, name), found in sources.items():
        column = scope.tables[id_].columns[name]
        _never_below(scope, column, found, drafts[(id_, name)], policy)


def _key_column(scope: Scope, raw: RawTable, name: str, at: Position, use: str) -> None:
    """A column that rows are found or decided by: it must exist and not be sealed."""
    if scope.has(raw, name, at) and raw.columns[name].sealed:
        scope.problems.add(
            "PM013",
            "sealed-key",
            at,
            f"{raw.id}.{name} is sealed, so it cannot serve as {use}: the store holds its mask",
            "Name a column of level 2 or 3.",
        )


def _checks(scope: Scope, raw: RawTable, column: Column, own: Entry) -> tuple[tuple[str, str], ...]:
    found = []
    for key, other in own.get("checks", ()):
        if key.value not in CHECKS:
            scope.problems.add(
                "PM013",
                "unknown-check",
                key.at,
                f"there is no cross check {key.value!r}",
                did_you_mean(key.value, CHECKS),
            )
        elif column.kind != "cn_id_card":
            scope.problems.add(
                "PM013",
                "check-kind",
                key.at,
                f"kind {column.kind} offers no check {key.value!r}",
                "Only cn_id_card holds a birth date and a sex.",
            )
        elif scope.has(raw, other, key.at):
            found.append((key.value, other))
    return tuple(sorted(found))


def _derived(scope: Scope, raw: RawTable, column: Column, own: Entry) -> list[tuple[RawTable, str]]:
    found = []
    for item in own.get("derived_from", ()):
        source = scope.column(item.value, item.at, raw)
        if source is None:
            continue
        table, name = source
        if table is raw and name == column.name:
            scope.problems.add(
                "PM013",
                "derived-from-itself",
                item.at,
                f"{raw.id}.{name} is derived from itself",
                "Name its sources.",
            )
            continue
        found.append((table, name))
    return found


def _never_below(
    scope: Scope,
    column: Column,
    sources: list[tuple[RawTable, str]],
    draft: Draft,
    policy: Policy,
) -> None:
    lowest, which = min(((t.columns[n].level, f"{t.id}.{n}") for t, n in sources), default=(3, ""))
    if column.level <= lowest or draft.origins.get("level", ("",))[0].startswith("exception"):
        return
    own = draft.own
    at = own.place("level") if own and "level" in own.values else draft.at
    if column.derivation is not None:
        allowed, says = policy.derivation(column.derivation)
        if allowed:
            return
        place = draft.origins["derivation"][1]
        refused = f" ({says} refuses it)" if says else ""
        scope.problems.add(
            "PM014",
            "derivation",
            place,
            f"no pack in force allows the derivation {column.derivation!r} below its sources"
            + refused,
            did_you_mean(column.derivation, policy.derivations),
        )
        return
    scope.problems.add(
        "PM014",
        "derived-below",
        at,
        f"{draft.table}.{column.name} has level {column.level} and is derived from {which} "
        f"of level {lowest}",
        f"Write level: {lowest}, name the pack's derivation, or record an exception.",
    )


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
                _key_column(scope, raw, entry.get(key), entry.place(key), key)
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
    _key_column(scope, raw, entry.get("column"), entry.place("column"), "high_value")
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
            _key_column(scope, raw, entry.get(key), entry.place(key), key)
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
        _key_column(scope, raw, column, written.place("column"), "subject")
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
    _key_column(scope, raw, written, at, "subject")
    return next(iter(by_name)), written
