"""The body of the trigger function that records the changes of one table (G1).

An UPDATE's rows before and after are paired by their number: PostgreSQL adds both to their
transition tables one after the other. So a changed key, keys that swap and tables without a key
need no form of their own. Only a row that an UPDATE moves to another partition can come without its
partner, where a trigger of the application swallows it there; then the rows before are recorded as
deleted and the rows after as inserted.

Every expression of a change stands on a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pgmask.compile.changes_values import SIGN, Value, changed, text_of
from pgmask.compile.sealing_sql import block, glyph, lines
from pgmask.facts.model import ColumnFact
from pgmask.names import Name
from pgmask.sqltext import literal

OLD, NEW = "pgmask_old", "pgmask_new"
OWN = "own"
"""Argument of the trigger for statements of pgmask's own roles."""
_SPAN = 40
"""Columns in one call of ``jsonb_build_object``: a function takes 100 arguments."""
_TARGETS = (
    "at, era_id, operation, table_id, row_key, new_key, subject_class, subject_key,\n"
    "  person_id, profile, unit_id, grade, issuer, service, login, application_name,\n"
    "  client_addr, backend, statement_at, purpose, before, after, before_sealed"
)
_WHO = (
    "person_id", "profile", "unit_id", "grade", "issuer", "service", "login", "application_name",
    "client_addr", "backend",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSpec:
    """What the function must know.

    key: the primary key's columns in order, empty without one; subject: class and column of the
    customer that rows speak of; flags: the columns of the store that pgmask keeps for its rules;
    sealed: its columns of sealed values in the order of the bundles; keeps_sealed: they are kept as
    they were; moves: rows may move between partitions.
    """

    table_id: str
    values: tuple[Value, ...]
    key: tuple[ColumnFact, ...]
    subject: tuple[str, ColumnFact] | None
    flags: tuple[Name, ...]
    sealed: tuple[Name, ...]
    keeps_sealed: bool
    moves: bool


def body_of(spec: ChangeSpec) -> str:
    """The body of the function."""
    paired = lines(
        block("IF TG_NARGS > 0 THEN", lines(_update(spec, own=True), "RETURN NULL;")),
        _update(spec, own=False),
        "RETURN NULL;",
    )
    if spec.moves:
        # In a statement of its own: other events do not have both tables.
        aligned = f"(SELECT count(*) FROM {OLD}) = (SELECT count(*) FROM {NEW})"
        paired = block(f"IF {aligned} THEN", paired)
    update = block("IF TG_OP = 'UPDATE' THEN", paired)
    truncate = block("IF TG_OP = 'TRUNCATE' THEN", lines(_truncate(spec), "RETURN NULL;"))
    # Separate ones: an unpaired UPDATE is both.
    delete = block("IF TG_OP IN ('DELETE', 'UPDATE') THEN", _delete(spec))
    insert = block("IF TG_OP IN ('INSERT', 'UPDATE') THEN", _insert(spec))
    text = lines(update, truncate, delete, insert, "RETURN NULL;")
    return "BEGIN\n" + "\n".join(f"  {line}" if line else "" for line in text.split("\n")) + "\nEND"


def masker_body(masks: Iterable[str]) -> str:
    """The body of the function that masks a value.

    Masks are SQL functions: called in the statement itself, each would be written out in it, and
    every statement would pay for preparing all of them.  What should be a mask and looks like one
    is shown as it is; what is not sealed yet, or is on its way back, is plain in the column.
    """
    kept = f"p_stored AND ({glyph('p_value')} OR p_value = '')"
    arms = "\n".join(
        f"  IF p_mask = {literal(m)} THEN\n    RETURN {m}(p_value);\n  END IF;" for m in masks
    )
    return (
        f"BEGIN\n  IF {kept} THEN\n    RETURN p_value;\n  END IF;\n{arms}\n"
        f"  RETURN CASE WHEN p_value IS NOT NULL THEN {SIGN} END;\nEND"
    )


def _update(spec: ChangeSpec, *, own: bool) -> str:
    differs = {v.name: v.differs_shown if own else v.differs for v in spec.values}
    kept = [v for v in spec.values if differs[v.name] is not None]
    flags = spec.flags
    # A level-1 value can change without its mask; whoever reads the record must be told.
    sealed = () if own else spec.sealed

    def side(row: str) -> str:
        found = [
            f"CASE WHEN {differs[v.name]} THEN"
            f" jsonb_build_object({literal(v.name)}, {v.shown(row)}) ELSE '{{}}' END"
            for v in kept
        ]
        found += [
            f"CASE WHEN {_same('o', f)} IS DISTINCT FROM {_same('n', f)} THEN"
            f" jsonb_build_object({literal(f.text)}, {row}.{f.quoted}) ELSE '{{}}' END"
            for f in flags
        ]
        found += [
            f"CASE WHEN {_same('o', s)} IS DISTINCT FROM {_same('n', s)} THEN"
            f" jsonb_build_object({literal(s.text)}, {SIGN}) ELSE '{{}}' END"
            for s in sealed
        ]
        return _joined(found)

    moved = " OR ".join(
        changed(f, f"o.{Name(f.name).quoted}", f"n.{Name(f.name).quoted}") for f in spec.key
    )
    new_key = f"CASE WHEN {moved} THEN {_key(spec, 'n')} END" if moved else "NULL"
    if spec.subject is not None:
        column = Name(spec.subject[1].name).quoted
        subject = (
            f"coalesce({text_of(spec.subject[1], f'n.{column}')},"
            f" {text_of(spec.subject[1], f'o.{column}')})"
        )
    else:
        subject = "NULL"
    where = ""
    if own:
        tests = [str(differs[v.name]) for v in kept]
        tests += [f"{_same('o', f)} IS DISTINCT FROM {_same('n', f)}" for f in flags]
        where = "\nWHERE " + ("\n   OR ".join(tests) or "false")
    changed_bundle = " OR ".join(
        f"{_same('o', s)} IS DISTINCT FROM {_same('n', s)}" for s in spec.sealed
    )
    bundles = _sealed(spec, "o", changed_bundle)
    return (
        _insert_into(
            spec, "update", _key(spec, "o"), new_key, subject, side("o"), side("n"), bundles
        )
        + f"\nFROM (SELECT t.*, row_number() OVER () AS pgmask_number FROM {OLD} AS t) AS o"
        + f"\nJOIN (SELECT t.*, row_number() OVER () AS pgmask_number FROM {NEW} AS t) AS n"
        + "\n  ON n.pgmask_number = o.pgmask_number"
        + f"\nCROSS JOIN pgmask_private.who() AS w{where};"
    )


def _delete(spec: ChangeSpec) -> str:
    return (
        _insert_into(
            spec, "delete", _key(spec, "o"), "NULL", _subject(spec, "o"), _whole(spec, "o"), "NULL",
            _sealed(spec, "o", ""),
        )
        + f"\nFROM {OLD} AS o CROSS JOIN pgmask_private.who() AS w;"
    )  # fmt: skip


def _insert(spec: ChangeSpec) -> str:
    return (
        _insert_into(
            spec, "insert", _key(spec, "n"), "NULL", _subject(spec, "n"), "NULL", _whole(spec, "n"),
            "NULL",
        )
        + f"\nFROM {NEW} AS n CROSS JOIN pgmask_private.who() AS w;"
    )  # fmt: skip


def _truncate(spec: ChangeSpec) -> str:
    nothing = ("NULL",) * 6
    return _insert_into(spec, "truncate", *nothing) + "\nFROM pgmask_private.who() AS w;"


def _insert_into(
    spec: ChangeSpec, operation: str, key: str, new_key: str, subject: str, before: str, after: str,
    sealed: str,
) -> str:  # fmt: skip
    chosen = literal(spec.subject[0]) if spec.subject is not None and subject != "NULL" else "NULL"
    values = (
        "clock_timestamp()", "coalesce(w.era_id, 0)", literal(operation), literal(spec.table_id),
        key, new_key, chosen, subject, *(f"w.{c}" for c in _WHO), "statement_timestamp()",
        "w.purpose", before, after, sealed,
    )  # fmt: skip
    return f"INSERT INTO pgmask_audit.change (\n  {_TARGETS}\n)\nSELECT\n  " + ",\n  ".join(values)


def _key(spec: ChangeSpec, row: str) -> str:
    if not spec.key:
        return "NULL"
    return "ARRAY[" + ", ".join(text_of(f, f"{row}.{Name(f.name).quoted}") for f in spec.key) + "]"


def _subject(spec: ChangeSpec, row: str) -> str:
    if spec.subject is None:
        return "NULL"
    return text_of(spec.subject[1], f"{row}.{Name(spec.subject[1].name).quoted}")


def _whole(spec: ChangeSpec, row: str) -> str:
    pairs = [f"{literal(v.name)}, {v.shown(row)}" for v in spec.values]
    calls = [
        "jsonb_build_object(\n    " + ",\n    ".join(pairs[i : i + _SPAN]) + ")"
        for i in range(0, len(pairs), _SPAN)
    ]
    return _joined(calls)


def _sealed(spec: ChangeSpec, row: str, condition: str) -> str:
    if not (spec.keeps_sealed and spec.sealed):
        return "NULL"
    kept = "ARRAY[" + ", ".join(_same(row, s) for s in spec.sealed) + "]"
    return f"CASE WHEN {condition} THEN {kept} END" if condition else kept


def _same(row: str, name: Name) -> str:
    return f"{row}.{name.quoted}"


def _joined(parts: Iterable[str]) -> str:
    found = list(parts)
    return "\n    || ".join(found) if found else "'{}'::jsonb"
