"""A starter catalogue from a schema: what names and types suggest, and TODO for the rest.

Names are evidence, not proof: whatever a person must decide is written ``TODO``, which ``check``
refuses at its line.  ``pgmask.kinds.names`` knows English, pinyin and Chinese names; what rests on
values too comes from ``pgmask.scan``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pgmask.catalogue.patterns import written
from pgmask.catalogue.schema_source import Schema, SchemaColumn, SchemaTable
from pgmask.catalogue.yamltext import flow_list, scalar
from pgmask.kinds import KINDS, type_treatment
from pgmask.kinds.names import plain_word, suggestions

TODO: Final = "TODO"

_PERSONS: Final = ("customer", "client", "person", "party", "member", "patient", "insured", "kh")
_LEVELS: Final = {"person_name": 2, "policy_number": 2, "date": 2}
_CATEGORIES: Final = {"date": "basic"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One column: kind '' where no name or type suggests one; plain: says nothing of a person.

    category: '' for the kind's own; level: None for what follows from the kind, or TODO without
    one; unsure: a person must decide the level; flag: values may be of another kind; note: why.
    """

    column: SchemaColumn
    kind: str
    plain: bool
    category: str = ""
    level: int | None = None
    unsure: bool = False
    flag: bool = False
    note: str = ""


Proposals = Mapping[str, list[Proposal]]
"""By table id, in the order of the columns."""


def propose_column(column: SchemaColumn, table: str = "") -> Proposal:
    """What the name suggests, if the type can hold it; table: the bare name of its table."""
    category = ""
    for named in suggestions(column.name, table):
        if named.strength == "weak":
            continue
        if not named.kind:
            category = category or named.category
            continue
        treatment = type_treatment(
            named.kind, column.type, base_type=column.base_type, is_enum=column.is_enum
        )
        if treatment.at_rest != "refused" and not category:
            return Proposal(column=column, kind=named.kind, plain=False)
    if category:
        return Proposal(column=column, kind="", plain=False, category=category)
    if (column.base_type or column.type).startswith("bytea"):
        return Proposal(column=column, kind="media", plain=False)
    return Proposal(column=column, kind="", plain=plain_word(column.name) is not None)


def starter(
    schema: Schema,
    name: str,
    packs: tuple[str, ...] = ("baseline",),
    judged: Proposals | None = None,
) -> dict[str, str]:
    """The files of a starter catalogue for one application schema, by path.

    judged: better proposals than names and types give.
    """
    tables = [t for t in schema.tables if t.schema == name]
    proposals = judged or {t.id: [propose_column(c, t.name) for c in t.columns] for t in tables}
    personal = [t for t in tables if any(p.kind or p.category for p in proposals[t.id])]
    others = [t for t in tables if t not in personal]
    subject = _subject(personal)
    main = "\n".join(_main(name, packs, subject, others)) + "\n"
    profiles = "\n".join(_profiles()) + "\n"
    return {
        "pgmask.yml": main,
        "domains/tables.yml": part(personal, proposals, subject),
        "profiles/profiles.yml": profiles,
    }


def part(tables: list[SchemaTable], proposals: Proposals, subject: SchemaTable | None) -> str:
    """A file of ``include:`` with these tables; subject: the table of the persons."""
    return "\n".join(_tables(tables, proposals, subject)) + "\n"


def _subject(tables: Iterable[SchemaTable]) -> SchemaTable | None:
    for word in _PERSONS:
        for table in tables:
            if re.fullmatch(rf"(.*_)?{word}s?", table.name.lower()) and len(table.primary_key) == 1:
                return table
    return None


def _main(
    name: str, packs: tuple[str, ...], subject: SchemaTable | None, others: list[SchemaTable]
) -> Iterator[str]:
    yield "# Proposed from names and types. Decide every TODO; `pgmask check` names each one left."
    yield "pgmask: 1"
    yield f"packs: {flow_list(packs)}"
    yield f"store: {{schema: {scalar(name)}, mode: aside, as: {scalar(name + '_store')}, "
    yield "        profile: application}"
    if subject is not None:
        unit = next((c.name for c in subject.columns if re.search(r"unit|branch|org", c.name)), "")
        tail = f", unit: {scalar(unit)}" if unit else ""
        key = scalar(subject.primary_key[0])
        yield f"subject: {{table: {scalar(written(subject.name))}, key: {key}{tail}}}"
    else:
        yield "subject: {table: TODO, key: TODO}   # the table of the persons"
    yield ""
    yield "include:"
    yield "  - {file: domains/*.yml, owner: TODO}"
    yield "  - {file: profiles/*.yml, owner: TODO}"
    yield ""
    yield "backup: []   # logins that run pg_dump"
    if others:
        yield ""
        yield "# No name or type here suggests a person: say why there is none, or classify them."
        yield "unprotected:"
        for table in others:
            yield f"  - {{tables: {scalar(written(table.name))}, reason: {TODO}}}"


def _tables(
    tables: list[SchemaTable],
    proposals: Proposals,
    subject: SchemaTable | None,
) -> Iterator[str]:
    yield "tables:" if tables else "tables: {}"
    for table in tables:
        yield f"  {scalar(written(table.name))}:"
        if table is not subject:
            yield f"    subject: {_holder(table, subject)}"
        yield f"    why: {TODO}   # why it is collected; per column where they differ"
        yield "    columns:"
        for line in column_lines(proposals[table.id]):
            yield f"      {line}"
        plain = [p.column.name for p in proposals[table.id] if p.plain]
        if plain:
            yield f"    level_3: {flow_list(plain)}"


def column_lines(proposals: Iterable[Proposal]) -> Iterator[str]:
    """``name: {...}   # why``: the personal ones first, then those that a person must decide."""
    ordered = sorted(
        (p for p in proposals if not p.plain), key=lambda p: not (p.kind or p.category)
    )
    for one in ordered:
        known = one.kind or one.category
        value = _classified(one) if known else f"{{level: {TODO}, category: {TODO}}}"
        yield f"{scalar(one.column.name)}: {value}   # {_why(one)}"


def _holder(table: SchemaTable, subject: SchemaTable | None) -> str:
    """The column that likely holds the subject's key."""
    if subject is None:
        return f"{TODO}   # the column with the person's key, or none"
    word = subject.name.lower().removesuffix("s")
    for column in table.columns:
        if column.name.lower() in (f"{word}_id", f"{word}id", f"{word}_no", f"{word}_{'key'}"):
            return scalar(column.name)
    return f"{TODO}   # the column with the key of {subject.name}, or none"


def _why(proposal: Proposal) -> str:
    note = f"; {proposal.note}" if proposal.note else ""
    return f"{proposal.column.type}{note}"


def _classified(proposal: Proposal) -> str:
    kind = KINDS.get(proposal.kind)
    parts = [f"kind: {kind.name}"] if kind else []
    of_content = kind is not None and kind.hidden_by_default and not kind.never_shown
    level = proposal.level or (_LEVELS.get(kind.name) if kind else None)
    if proposal.unsure or kind is None or of_content:
        parts.append(f"level: {TODO if proposal.unsure or level is None else level}")
    elif level is not None:
        parts.append(f"level: {level}")
    category = proposal.category
    if kind is not None and category in ("", kind.category):
        category = _CATEGORIES.get(kind.name, "")
    if category:
        parts.append(f"category: {category}")
    if proposal.flag:
        parts.append("validate: flag")
    return "{" + ", ".join(parts) + "}"


def _profiles() -> Iterator[str]:
    yield "profiles:"
    yield "  # The application as it is: its views take the schema's own name."
    yield "  application:"
    yield f"    rows: {TODO}   # all, own_unit, units, assigned or granted"
    yield "    columns: {1: mask, 2: mask, 3: plain}"
    yield '    tables: {"*": write}'
    yield "  analyst:"
    yield "    rows: all"
    yield "    columns: {1: hidden, 2: hidden, 3: plain}"
    yield '    tables: {"*": read}'
