"""Access profiles from their entries (B4, B6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pgmask.catalogue.files import Part, values
from pgmask.catalogue.model import (
    Form,
    Grade,
    IdentityRule,
    Opens,
    Operation,
    Position,
    Profile,
    Rows,
    Table,
)
from pgmask.catalogue.patterns import BadReference, pattern
from pgmask.catalogue.problems import did_you_mean
from pgmask.catalogue.reveals import RevealReader
from pgmask.catalogue.scope import Scope
from pgmask.catalogue.shapes import Entry

STRICTNESS: Final = {Form.PLAIN: 0, Form.MASK: 1, Form.HIDDEN: 2}
DEFAULT_FORMS: Final = {1: Form.MASK, 2: Form.HIDDEN, 3: Form.PLAIN}
ACCESS: Final = {
    "read": (Operation.SELECT,),
    "write": tuple(Operation),
    "insert": (Operation.INSERT,),
    "none": (),
}


def read_profiles(
    parts: Iterable[Part], scope: Scope, tables: tuple[Table, ...]
) -> tuple[tuple[Profile, ...], dict[str, tuple[str, ...]]]:
    """The profiles, sorted, and what each table pattern matched (``profile: pattern`` -> ids)."""
    found: dict[str, Profile] = {}
    matched: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for key, entry in part.entry.get("profiles", ()):
            if key.value in found:
                scope.problems.add(
                    "PM013",
                    "profile-twice",
                    key.at,
                    f"the profile {key.value!r} stands twice, first at {found[key.value].position}",
                    "One profile stands in one file, once.",
                )
                continue
            found[key.value] = _profile(key.value, key.at, entry, scope, tables, matched)
    return tuple(found[name] for name in sorted(found)), matched


def _profile(
    name: str,
    at: Position,
    entry: Entry,
    scope: Scope,
    tables: tuple[Table, ...],
    matched: dict[str, tuple[str, ...]],
) -> Profile:
    forms = dict(DEFAULT_FORMS)
    for level, form in entry.get("columns", ()):
        forms[level.value] = Form(form)
        if level.value == 1 and form == "plain":
            scope.problems.add(
                "PM014",
                "level-1-plain",
                level.at,
                f"the profile {name!r} asks for level 1 plain; the store holds masks only",
                "Write 1: mask. Complete values come one at a time, through `reveal`.",
            )
            forms[1] = Form.MASK
    column_forms = _column_forms(name, entry, scope, forms)
    operations = _operations(name, entry, scope, tables, matched)
    shown = RevealReader(name, scope, tables, dict(operations), forms, dict(column_forms))
    return Profile(
        name=name,
        rows=tuple(sorted((Rows(r.value) for r in entry.get("rows", ())), key=list(Rows).index)),
        forms=tuple(sorted(forms.items())),
        column_forms=column_forms,
        operations=operations,
        identity=_identity(entry.get("identity")),
        opens=Opens(entry.get("opens", "when_sealed")),
        direct_service=entry.get("direct_service", False),
        sees_high_value=entry.get("sees_high_value", False),
        posts=tuple(sorted(values(entry.get("posts")))),
        outsourced=entry.get("outsourced", False),
        reveal=shown.reveal(entry.get("reveal")),
        search=shown.search(entry.get("search")),
        audit=_audit(name, entry, scope, tables, matched),
        notes_query=entry.get("audit_query", False),
        notes_text=entry.get("audit_text", False),
        position=at,
    )


def _column_forms(
    name: str, entry: Entry, scope: Scope, forms: dict[int, Form]
) -> tuple[tuple[str, Form], ...]:
    found: dict[str, Form] = {}
    for key, written in entry.get("column", ()):
        reference = scope.column(key.value, key.at)
        if reference is None:
            continue
        raw, column_name = reference
        column = raw.columns[column_name]
        form = Form(written)
        if STRICTNESS[form] < STRICTNESS[forms[column.level]]:
            scope.problems.add(
                "PM016",
                "column-wider",
                key.at,
                f"{key.value} would be {form} for {name!r}, its level {column.level} is "
                f"{forms[column.level]}",
                "An exception may only be stricter than the level's form.",
            )
            continue
        if column.never_shown and form is not Form.HIDDEN:
            scope.problems.add(
                "PM014",
                "never-shown",
                key.at,
                f"{key.value} is of a kind that is never shown (B8)",
                "Write hidden.",
            )
            continue
        full = f"{raw.id}.{column_name}"
        if full in found:
            scope.problems.add(
                "PM013",
                "column-twice",
                key.at,
                f"{full} of the profile {name!r} stands twice",
                "Keep one of them.",
            )
        found[full] = form
    return tuple(sorted(found.items()))


def _audit(
    name: str,
    entry: Entry,
    scope: Scope,
    tables: tuple[Table, ...],
    matched: dict[str, tuple[str, ...]],
) -> tuple[tuple[str, str], ...]:
    """How the reads of each table are noted: the closest pattern decides, ``statement`` without."""
    given = entry.get("audit", "statement")
    if isinstance(given, str):
        return tuple((t.id, given) for t in tables)
    rules = []
    for key, grade in given:
        try:
            wanted = pattern(key.value)
        except BadReference as error:
            scope.problems.add(
                "PM012", "bad-name", key.at, str(error), "Write a table or a pattern."
            )
            continue
        hits = tuple(t.id for t in tables if wanted.matches(t.schema, t.name))
        matched[f"{name}, audit: {key.value}"] = hits
        if not hits:
            scope.problems.add(
                "PM013",
                "matches-nothing",
                key.at,
                f"{key.value!r} matches no protected table",
                did_you_mean(key.value, [t.name for t in tables]),
            )
        rules.append((key, wanted, grade))
    found = []
    for table in tables:
        ranked = [
            (rank, grade)
            for _, wanted, grade in rules
            if (rank := wanted.rank(table.schema, table.name)) is not None
        ]
        best = max((rank for rank, _ in ranked), default=None)
        # Of two that fit equally the one that notes more.
        grades = {grade for rank, grade in ranked if rank == best}
        found.append((table.id, "subject" if "subject" in grades else "statement"))
    return tuple(found)


def _operations(
    name: str,
    entry: Entry,
    scope: Scope,
    tables: tuple[Table, ...],
    matched: dict[str, tuple[str, ...]],
) -> tuple[tuple[str, tuple[Operation, ...]], ...]:
    if "tables" not in entry.values:
        return tuple((t.id, (Operation.SELECT,)) for t in tables)
    rules = []
    for key, access in entry.get("tables", ()):
        try:
            wanted = pattern(key.value)
        except BadReference as error:
            scope.problems.add(
                "PM012", "bad-name", key.at, str(error), "Write a table or a pattern."
            )
            continue
        operations = (
            ACCESS[access]
            if isinstance(access, str)
            else tuple(o for o in Operation if o.value in values(access))
        )
        hits = tuple(t.id for t in tables if wanted.matches(t.schema, t.name))
        matched[f"{name}: {key.value}"] = hits
        if not hits:
            scope.problems.add(
                "PM013",
                "matches-nothing",
                key.at,
                f"{key.value!r} matches no protected table",
                did_you_mean(key.value, [t.name for t in tables]),
            )
        rules.append((key, wanted, operations))
    found: list[tuple[str, tuple[Operation, ...]]] = []
    for table in tables:
        ranked = sorted(
            (
                (rank, operations, key)
                for key, wanted, operations in rules
                if (rank := wanted.rank(table.schema, table.name)) is not None
            ),
            key=lambda r: (r[0], r[2].value),
            reverse=True,
        )
        if not ranked:
            found.append((table.id, ()))
            continue
        rank, operations, key = ranked[0]
        for other_rank, other_operations, other in ranked[1:]:
            if other_rank == rank and other_operations != operations:
                scope.problems.add(
                    "PM016",
                    "ambiguous-access",
                    key.at,
                    f"for {name!r} both {key.value!r} and {other.value!r} fit {table.id} equally",
                    f"Name {table.id} itself.",
                )
        found.append((table.id, operations))
    return tuple(found)


def _identity(entry: Entry | None) -> IdentityRule:
    if entry is None:
        return IdentityRule()
    return IdentityRule(
        grade=Grade(entry.get("grade", "assertion")),
        max_ttl=entry.get("max_ttl", 60),
        issuers=tuple(sorted(values(entry.get("issuers")))),
        login=entry.get("login", True),
    )
