"""What the triggers of a table have in common: variables, shadows, flags, keys, indexes."""

from __future__ import annotations

from collections.abc import Iterable

from pgmask.compile.context import KEYLESS
from pgmask.compile.sealing_rewrite import replace_columns
from pgmask.compile.sealing_spec import Bundle, SealedColumn, SealSpec, UniqueKey
from pgmask.compile.sealing_sql import (
    any_of,
    as_text,
    blind,
    block,
    field,
    held,
    indented,
    lines,
    mask_of,
    of_grade,
    refusal,
    text_of,
    uncast,
    value_of,
)
from pgmask.names import Name
from pgmask.sqltext import literal


def variables(spec: SealSpec) -> dict[str, str]:
    """The variable of every column's truth."""
    return {c.name: f"v_{n}" for n, c in enumerate(spec.columns, 1)}


def label(column: SealedColumn) -> str:
    """The column in a comment."""
    name = "".join(c for c in column.name if c.isprintable())
    return f"{name}, level {1 if column.always else 2}"


def hidden(spec: SealSpec, *, update: bool) -> str:
    """Refuse a value in a hidden column, by name."""
    parts = []
    for shadow in spec.shadows:
        if shadow.hidden:
            refuse = refusal("refuse_value", literal(spec.table_id),
                             literal(shadow.source.name.text), "'hidden'")  # fmt: skip
            parts.append(block(f"IF NEW.{shadow.name.quoted} IS NOT NULL THEN", refuse))
    return lines(*parts)


def masked_shadow(spec: SealSpec, column: SealedColumn) -> Name | None:
    """The mask shadow of a column, None where it has none."""
    return next(
        (s.name for s in spec.shadows if not s.hidden and s.source.name == column.column.name), None
    )


def shadow_masks(spec: SealSpec, var: dict[str, str], bundle: Bundle | None = None) -> list[str]:
    """The mask shadows from the truths; NULL where the type can hold no mask."""
    made = []
    for column in spec.columns if bundle is None else spec.of_bundle(bundle):
        shadow = masked_shadow(spec, column)
        if shadow is not None:
            v = var[column.name]
            mask = mask_of(column, v) if column.text else "NULL"
            made.append(f"NEW.{shadow.quoted} := {mask};")
    return made


def high_value(spec: SealSpec, record: str) -> str:
    """Flags from the grade and from the rows of the subjects, under a lock that orders us with a
    change of the subject's grade; the subject's unit.
    """
    parts: list[str] = []
    if spec.own_high is not None:
        parts.append(f"v_high := v_high OR coalesce({of_grade(spec, 'NEW')}, FALSE);")
    for n, bundle in enumerate(spec.bundles):
        if bundle.row is None or bundle.subject is None:
            continue
        row, subject = bundle.row, field("NEW", bundle.subject)
        unit = row.unit is not None and spec.keeps_unit and n == 0
        parts.append(
            block(
                f"IF {subject} IS NOT NULL THEN",
                lines(
                    f"v_look := {call(spec, f'subject_{n}', text_of(bundle.subject, subject))};",
                    "IF v_look IS NULL THEN" if unit else "IF NOT (v_look IS NULL) THEN",
                    "  NEW.pgmask_unit := NULL;\nELSE" if unit else "",
                    "  v_high := v_high OR v_look.high_value;" if row.high_value else "",
                    "  NEW.pgmask_restricted := NEW.pgmask_restricted OR v_look.restricted;",
                    "  NEW.pgmask_unit := v_look.unit;" if unit else "",
                    "END IF;",
                ),
            )
        )
    if spec.has_high:
        parts.append("NEW.pgmask_high_value := v_high;")
    return lines(*parts)


def call(spec: SealSpec, part: str, argument: str) -> str:
    """A call of a function of ``sealing_reads``; ``argument``: the row, or a key as text."""
    return f"pgmask_private.{spec.function(part).quoted}({argument})"


def at_rest(column: SealedColumn, v: str, high: str) -> str:
    """What the column itself stores for a truth."""
    if column.always:
        return mask_of(column, v) if column.text else "NULL"
    plain = value_of(column.column, v)
    sealed = mask_of(column, v, high=True) if column.text else "NULL"
    return f"CASE WHEN {high} THEN {sealed} ELSE {plain} END"


def sealed_when(spec: SealSpec, column: SealedColumn) -> str | None:
    """When the column is sealed: TRUE always, a variable for level 2, None never."""
    if column.always:
        return "TRUE"
    return "v_high" if spec.has_high else None


def key_match(key: UniqueKey, other: str) -> str:
    """The condition under which a row ``c`` is in the way of ``other`` under a unique key."""
    parts = []
    for number, part in enumerate(key.parts):
        schema = key.schema(number)
        # The pinned search_path finds text's operator for citext, which tells A from a.
        equals = f"OPERATOR({schema.quoted}.=)" if schema is not None else "="
        left = replace_columns(part, lambda n: "c." + Name(n).quoted)
        right = replace_columns(part, lambda n: f"{other}." + Name(n).quoted)
        equal = f"({left}) {equals} ({right})"
        if key.nulls_equal:
            equal = f"({equal} OR (({left}) IS NULL AND ({right}) IS NULL))"
        parts.append(equal)
    if key.predicate is not None:
        for record in ("c", other):
            qualified = replace_columns(
                key.predicate,
                lambda n, r=record: f"{r}." + Name(n).quoted,  # type: ignore[misc]
            )
            parts.append(f"({qualified})")
    return "\n   AND ".join(parts)


def key_json(key: UniqueKey, record: str) -> str:
    """The key of a row as JSON text, NULL where the row can be in nobody's way under it."""
    parts = [replace_columns(p, lambda n: f"{record}." + Name(n).quoted) for p in key.parts]
    told = [
        uncast(p) if n in key.own
        else f"lower(({p})::text)" if key.schema(n) is not None
        else p
        for n, p in enumerate(parts)
    ]  # fmt: skip
    made = f"jsonb_build_array({', '.join(told)})::text"
    conditions = [] if key.nulls_equal else [f"({p}) IS NOT NULL" for p in parts]
    if key.predicate is not None:
        conditions.append(
            "(" + replace_columns(key.predicate, lambda n: f"{record}." + Name(n).quoted) + ")"
        )
    # In parentheses: PL/pgSQL's IF ends at the first THEN outside of them.
    return f"(CASE WHEN {' AND '.join(conditions)} THEN {made} END)" if conditions else made


def forms(spec: SealSpec) -> list[tuple[str, str]]:
    """(name in the stash, reference) of every column of the row that can hold a mask."""
    found = [(c.name, field("NEW", c.column)) for c in spec.columns
             if c.text and sealed_when(spec, c) is not None]  # fmt: skip
    for column in spec.columns:
        shadow = masked_shadow(spec, column)
        if shadow is not None and column.text:
            found.append((shadow.text, f"NEW.{shadow.quoted}"))
    return found


def digest_of(spec: SealSpec, record: str) -> str:
    """A digest of a row's sealed values."""
    joined = " || ".join(f"coalesce({record}.{b.sealed.quoted}, '')" for b in spec.bundles)
    return f"encode(sha256({joined}), 'hex')"


def blind_indexes(
    spec: SealSpec, columns: Iterable[SealedColumn], var: dict[str, str]
) -> list[str]:
    """Assignments of the blind indexes."""
    return [
        f"NEW.{c.index_column.quoted} := {blind(spec, c, var[c.name])};"
        for c in columns
        if c.index_column is not None
    ]


def spend(spec: SealSpec, var: dict[str, str], new: dict[str, str]) -> str:
    """Count the new unique values of the row, before anything answers whether they are there.

    new: by column, the condition under which its value is a new one.
    """
    tests = [f"({new[c.name]} AND {var[c.name]} <> '')" for c in spec.columns if c.unique]
    count = " + ".join(f"coalesce({t}::integer, 0)" for t in tests)
    table = literal(spec.table_id)
    return block(
        "IF " + any_of(tests) + "\nTHEN",
        f"v_nothing := pgmask_private.spend_unique_writes({table}, {count});",
    ) if tests else ""  # fmt: skip


def level_2_index(spec: SealSpec, column: SealedColumn, v: str, condition: str) -> str:
    """The blind index that keeps a level-2 value unique while high-value rows hide it."""
    if column.always or column.index_column is None:
        return ""
    index = f"NEW.{column.index_column.quoted}"
    return block(
        f"IF {condition} THEN",
        lines(
            block(
                f"IF {v} <> '' AND v_content IS NULL THEN",
                "v_content := pgmask_private.key_content(pgmask_private.current_kek());",
            ),
            f"{index} := {blind(spec, column, v)};",
        ),
    )


def any_truth(spec: SealSpec, bundle: Bundle, var: dict[str, str], high: str = "v_high") -> str:
    """Whether the bundle has anything to hold."""
    values = [held(c, var[c.name], high) for c in spec.of_bundle(bundle)
              if sealed_when(spec, c) is not None]  # fmt: skip
    if not values:
        return "FALSE"
    return f"coalesce({', '.join(values)}) IS NOT NULL"


def propagate(spec: SealSpec, *, update: bool) -> str:
    """Bring a subject's new flags and unit to its rows in every other table."""
    if not follows(spec):
        return ""
    high = "NEW.pgmask_high_value" if spec.has_high else "false"
    at = "NULL"
    if spec.unit is not None:
        at = as_text(f"NEW.{spec.unit.quoted}", foreign=spec.unit_foreign)
    key = as_text(field("NEW", spec.key[0]), foreign=spec.key[0].foreign)
    call = (
        f"v_nothing := pgmask_private.{spec.function('follow').quoted}(\n"
        f"  {key}, NEW.pgmask_restricted, {high}, {at});"
    )
    changed = ["NEW.pgmask_restricted" + (" AND NOT OLD.pgmask_restricted" if update else "")]
    if spec.has_high:
        changed.append(
            "NEW.pgmask_high_value" + (" AND NOT OLD.pgmask_high_value" if update else "")
        )
    if spec.unit is not None and update:
        unit = spec.unit.quoted
        changed.append(f"NEW.{unit} IS DISTINCT FROM OLD.{unit}")
    return block("IF " + any_of(f"({c})" for c in changed) + "\nTHEN", call)


def follows(spec: SealSpec) -> bool:
    """Whether rows of other tables follow this one's flags."""
    return spec.subject_class is not None and bool(spec.dependants)


def only(role: str) -> str:
    """The first statement of a function that never runs with its caller's rights.

    Its owner may alter it, but not its body; every name is qualified, for he may set its
    search_path.
    """
    return f"""\
IF (CURRENT_USER OPERATOR(pg_catalog.=) '{role}'::pg_catalog.name) IS NOT TRUE THEN
  RAISE EXCEPTION USING ERRCODE = 'PM901', MESSAGE = 'this function was altered';
END IF;"""


KEYLESS_ONLY = only(KEYLESS)


def follow_body(spec: SealSpec) -> str:
    """The body of ``follow``: triggers and CHECKs of the other tables are the application's code,
    so it runs as a role that reaches no key.
    """
    parts: list[str] = [KEYLESS_ONLY]
    for dependant in spec.dependants:
        sets, differs = [], []
        if dependant.high_value and spec.has_high:
            sets.append("pgmask_high_value = d.pgmask_high_value OR p_high_value")
            differs.append("(p_high_value AND NOT d.pgmask_high_value)")
        sets.append("pgmask_restricted = d.pgmask_restricted OR p_restricted")
        differs.append("(p_restricted AND NOT d.pgmask_restricted)")
        if dependant.unit and spec.unit is not None:
            sets.append(f"pgmask_unit = p_unit::{spec.unit_type}")
            differs.append(f"d.pgmask_unit IS DISTINCT FROM p_unit::{spec.unit_type}")
        update = (
            f"UPDATE {dependant.relation.quoted} AS d\n   SET "
            + ",\n       ".join(sets)
            + f"\n WHERE d.{dependant.subject.quoted} = p_key::{spec.key[0].type}\n   AND ("
            + " OR ".join(differs)
            + ");"
        )
        # A table of the catalogue that is not applied yet has no flags: it gets them when it is.
        there = (
            "IF EXISTS (\n  SELECT FROM pg_catalog.pg_attribute AS a\n"
            f"   WHERE a.attrelid = pg_catalog.to_regclass({literal(dependant.relation.quoted)})\n"
            "     AND a.attname = 'pgmask_restricted' AND NOT a.attisdropped)\nTHEN"
        )
        parts.append(block(there, update))
    body = lines(*parts, "RETURN NULL;")
    return f"BEGIN\n{indented(body)}\nEND"
