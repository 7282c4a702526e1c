"""Stores, subjects and tables from their entries."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from pgmask.catalogue.columns import CHECKS, Resolver
from pgmask.catalogue.files import Part
from pgmask.catalogue.levels import Draft
from pgmask.catalogue.model import Column, Position, Store
from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.scope import RawTable, Scope
from pgmask.catalogue.shapes import Entry

RESERVED: Final = frozenset(
    {
        "pgmask",
        "pgmask_private",
        "pgmask_crypto",
        "pgmask_audit",
        "pgmask_note",
        "pgmask_report",
        "information_schema",
    }
)
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
                scope.key_column(raw, column.kind_by.column, own.place("kind_by"), "kind_by")
            if column.subject and own is not None:
                scope.key_column(raw, column.subject, own.place("subject"), "subject")
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
