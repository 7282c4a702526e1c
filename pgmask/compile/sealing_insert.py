"""The BEFORE INSERT row trigger: plaintext in, mask and sealed truth out.

Three kinds of rows come here. Plain rows, as applications write them. *Carried* rows, which bring
their sealed value (a move between partitions, a restore): it is opened, compared and kept. And rows
that an upsert only proposes: where an existing row is in the way they are *marked*, because such a
row is never stored; the masks get their other glyph where they collide with the existing row's, so
that no comparison mistakes a new truth for the old one, and the truths travel in a stash (see
``sql/24_fn_sealing.sql``) to the UPDATE trigger.
"""

from __future__ import annotations

from collections.abc import Iterable

from pgmask.compile.sealing_rewrite import columns_of, replace_columns
from pgmask.compile.sealing_spec import (
    MARKED,
    OTHER_GLYPH,
    PLAIN_GLYPH,
    Bundle,
    Coding,
    SealedColumn,
    SealSpec,
    Typed,
    UniqueKey,
)
from pgmask.compile.sealing_sql import (
    FETCH_KEYS,
    KEY_VARIABLES,
    MAKE_KEY,
    any_of,
    blind,
    block,
    data,
    field,
    glyph,
    held,
    is_valid,
    lines,
    mask_of,
    refusal,
    row_key,
    seal,
    subject_of,
    text_of,
    value_of,
)
from pgmask.names import Name
from pgmask.sqltext import literal


def variables(spec: SealSpec) -> dict[str, str]:
    """The variable of every column's truth."""
    return {c.name: f"v_{n}" for n, c in enumerate(spec.columns, 1)}


def insert_body(spec: SealSpec) -> str:
    """The body of the INSERT trigger function."""
    var = variables(spec)
    declare = "\n".join(
        f"  {var[c.name]} text := {text_of(c.column, field('NEW', c.column))};  -- {_label(c)}"
        for c in spec.columns
    )
    extra = ["  v_up text := current_setting(" + literal(spec.setting) + ", TRUE);"]
    extra.append("  v_marked boolean := FALSE;")
    if spec.has_high:
        extra.append("  v_high boolean := NEW.pgmask_high_value;")
    if any(b.row for b in spec.bundles):
        extra += ["  v_flag_1 boolean;", "  v_flag_2 boolean;"]
    extra += ["  v_flags text[] := coalesce(NEW.pgmask_quality, '{}');", "  v_old jsonb;"]
    extra += ["  v_c record;", "  v_rows jsonb := '{}';"]
    extra += [f"  v_kept_{n} boolean := FALSE;" for n, _ in enumerate(spec.bundles)]
    body = lines(
        hidden(spec, update=False),
        *(_from_shadow(spec, c, var[c.name]) for c in spec.columns),
        high_value(spec, "NEW"),
        *(_arrival(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        moved_checks(spec, var, guard=_not_kept(spec)),
        block("IF " + _not_kept(spec) + " THEN", cross_checks(spec, spec.columns, var, None)),
        *(_rest(spec, c, var[c.name]) for c in spec.columns),
        *shadow_masks(spec, var),
        _probe(spec, var),
        *(_sealing(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        *(level_2_index(spec, c, var[c.name], "NOT v_marked") for c in spec.columns),
        block(
            "IF NOT v_marked THEN",
            lines(*(shared(spec, c) for c in spec.columns if c.shared_by)),
        ),
        "NEW.pgmask_quality := nullif(v_flags, '{}');",
        block("IF NOT v_marked THEN", propagate(spec, update=False)),
        "RETURN NEW;",
    )
    return f"DECLARE\n{declare}\n" + "\n".join(extra) + f"\n{KEY_VARIABLES}\nBEGIN\n" + _in(body) + "\nEND"  # fmt: skip


def _in(text: str) -> str:
    return "\n".join("  " + line if line else line for line in text.split("\n"))


def _label(column: SealedColumn) -> str:
    name = "".join(c for c in column.name if c.isprintable())
    return f"{name}, level {1 if column.always else 2}"


def _not_kept(spec: SealSpec) -> str:
    return " AND ".join(f"NOT v_kept_{n}" for n, _ in enumerate(spec.bundles))


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


def _from_shadow(spec: SealSpec, column: SealedColumn, v: str) -> str:
    shadow = masked_shadow(spec, column)
    if shadow is None:
        return ""
    reference = f"NEW.{shadow.quoted}"
    refuse = refusal("refuse_value", literal(spec.table_id), literal(column.name), "'glyph'")
    # A row that moves between partitions brings its shadow along: that is no write through it.
    sealed = f"NEW.{spec.bundle(column.bundle).sealed.quoted}"
    written = (
        f'{reference}::text COLLATE "C" IS DISTINCT FROM {mask_of(column, v)}'
        if column.text
        else "TRUE"
    )
    return block(
        f"IF {reference} IS NOT NULL AND {sealed} IS NULL AND {written} THEN",
        lines(
            block(f"IF {glyph(reference + '::text')} THEN", refuse) if column.text else "",
            f"{v} := {text_of(column.column, reference)};",
            "" if column.always else f"NEW.{column.column.name.quoted} := {reference};",
        ),
    )


def shadow_masks(
    spec: SealSpec, var: dict[str, str], bundle: Bundle | None = None
) -> list[str]:
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
    change of the subject's grade; the subject's unit."""
    parts: list[str] = []
    if spec.own_high is not None:
        grades = ", ".join(map(literal, spec.own_high.grades))
        parts.append(
            f"v_high := v_high OR coalesce(NEW.{spec.own_high.column.quoted}::text IN ({grades}), FALSE);"  # noqa: E501
        )
    for n, bundle in enumerate(spec.bundles):
        if bundle.row is None or bundle.subject is None:
            continue
        row, subject = bundle.row, field("NEW", bundle.subject)
        unit = f", s.{row.unit.quoted}" if row.unit and spec.keeps_unit and n == 0 else ""
        into = ", NEW.pgmask_unit" if unit else ""
        parts.append(
            block(
                f"IF {subject} IS NOT NULL THEN",
                lines(
                    f"SELECT s.pgmask_high_value, s.pgmask_restricted{unit}",
                    f"  INTO v_flag_1, v_flag_2{into}",
                    f"  FROM {row.relation.quoted} AS s",
                    f" WHERE s.{row.key.quoted} = {subject}",
                    "   FOR KEY SHARE;",
                    "v_high := v_high OR coalesce(v_flag_1, FALSE);" if row.high_value else "",
                    "NEW.pgmask_restricted := NEW.pgmask_restricted OR coalesce(v_flag_2, FALSE);",
                ),
            )
        )
    if spec.has_high:
        parts.append("NEW.pgmask_high_value := v_high;")
    return lines(*parts)


def _at_rest(column: SealedColumn, v: str, high: str) -> str:
    """What the column itself stores for a truth."""
    if column.always:
        return mask_of(column, v) if column.text else "NULL"
    plain = value_of(column.column, v)
    sealed = mask_of(column, v, high=True) if column.text else "NULL"
    return f"CASE WHEN {high} THEN {sealed} ELSE {plain} END"


at_rest = _at_rest


def _sealed_condition(spec: SealSpec, column: SealedColumn) -> str | None:
    """When the column is sealed: TRUE always, a variable for level 2, None never."""
    if column.always:
        return "TRUE"
    return "v_high" if spec.has_high else None


def _arrival(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    columns = spec.of_bundle(bundle)
    sealed = f"NEW.{bundle.sealed.quoted}"
    truths, wrong = [], []
    for column in columns:
        when = _sealed_condition(spec, column)
        if when is None:
            continue
        v, new = var[column.name], field("NEW", column.column)
        empty = f", CASE WHEN {new}::text = '' THEN '' END" if column.text else ""
        opened = f"coalesce(v_old ->> {literal(column.name)}{empty})"
        truths.append(
            f"{v} := {opened};" if when == "TRUE" else f"IF {when} THEN {v} := {opened}; END IF;"
        )
        form = (
            f'{new}::text COLLATE "C" IS DISTINCT FROM {mask_of(column, v, high=not column.always)}'
            if column.text
            else f"{new} IS NOT NULL"
        )
        refuse = refusal(
            "refuse_value", literal(spec.table_id), literal(column.name), "'carried'"
        )
        condition = form if when == "TRUE" else f"{when} AND {form}"
        wrong.append(block(f"IF {condition} THEN", refuse))
    carried = lines(
        subject_of(spec, bundle, "NEW"),
        "v_old := pgmask_private.open_carried(",
        f"  v_class, v_subject, {data(spec, bundle, 'NEW')}, {sealed},"
        f" {literal(spec.table_id)}, {literal(bundle.name)});",
        block("IF v_old IS NULL THEN", "RETURN NEW;"),
        *truths,
        *wrong,
        f"v_kept_{n} := TRUE;",
    )
    return (
        f"IF {sealed} IS NOT NULL THEN\n"
        + _in(carried)
        + "\n"
        + (f"ELSE\n{_in(_judge(spec, bundle, var))}\n" if _judge(spec, bundle, var) else "")
        + "END IF;"
    )


def _judge(spec: SealSpec, bundle: Bundle, var: dict[str, str]) -> str:
    """Refuse or flag what a plain row brings: glyphs, missing and invalid values."""
    columns = spec.of_bundle(bundle)
    always = [c for c in columns if c.always]
    glyphs = [(c, glyph(var[c.name])) for c in always if c.text]
    glyphs += [(c, f"(v_high AND {glyph(var[c.name])})") for c in columns
               if not c.always and c.text and spec.has_high]  # fmt: skip
    parts = [_refuse_all(spec, glyphs, "'glyph'")]
    missing = [(c, f"coalesce({var[c.name]}, '') = ''") for c in always if c.required and c.refuse]
    missing += [(c, f"{var[c.name]} IS NULL") for c in columns if c.not_null]
    parts.append(_refuse_all(spec, missing, "'missing'"))
    tests = [(c, is_valid(c, var[c.name])) for c in always]
    parts.append(_refuse_all(
        spec,
        [(c, f"({var[c.name]} <> '' AND {t} IS NOT TRUE)") for c, t in tests if t and c.refuse],
        "'form'"))  # fmt: skip
    for column, test in tests:
        v = var[column.name]
        if column.required and not column.refuse:
            parts.append(flag(column, "missing", f"coalesce({v}, '') = ''"))
        if test and not column.refuse:
            parts.append(flag(column, "form", f"{v} <> '' AND {test} IS NOT TRUE"))
    return lines(*parts)


def _refuse_all(
    spec: SealSpec, conditions: Iterable[tuple[SealedColumn, str]], why: str
) -> str:
    """One test for all columns; only when it holds, the column that is named is looked for."""
    found = list(conditions)
    if not found:
        return ""
    cases = " ".join(f"WHEN {test} THEN {literal(c.name)}" for c, test in found)
    return block(
        "IF " + any_of(test for _, test in found) + "\nTHEN",
        refusal("refuse_value", literal(spec.table_id), f"CASE {cases} END", why),
    )


refuse_all = _refuse_all


def flag(column: SealedColumn, what: str, condition: str) -> str:
    """Add ``column:what`` to the quality flags."""
    return block(
        f"IF {condition} THEN", f"v_flags := v_flags || {literal(f'{column.name}:{what}')}::text;"
    )


def other_text(spec: SealSpec, var: dict[str, str], name: str) -> str:
    """Another column of the row as text: its truth where it may be sealed."""
    if name in var:
        return var[name]
    typed = next((t for t in (*spec.others, *spec.key) if t.name.text == name), None)
    if typed is None:
        typed = Typed(name=Name(name), type="text", coding=Coding.CAST)
    return text_of(typed, field("NEW", typed))


_SEXES = (
    "(CASE WHEN lower({0}) IN ('m', 'male', '1', '男', '男性') THEN 'male'"
    " WHEN lower({0}) IN ('f', 'female', '0', '2', '女', '女性') THEN 'female' END)"
)


def cross_checks(
    spec: SealSpec,
    columns: Iterable[SealedColumn],
    var: dict[str, str],
    kept: dict[str, str] | None,
) -> str:
    """Birth date and sex of an identity card against their columns.

    kept: by column, the condition under which a value is not a new one and is only flagged.
    """
    parts = []
    for column in columns:
        v = var[column.name]
        for check, other in column.cross:
            text = other_text(spec, var, other)
            if check == "birth_date":
                digits = f"left(translate({text}, '-/. ', ''), 8)"
                wrong = (
                    f"to_char(pgmask.birth_date_of_cn_id_card({v}), 'YYYYMMDD') <> {digits}"
                )
            elif check == "sex":
                wrong = f"pgmask.sex_of_cn_id_card({v}) <> {_SEXES.format(text)}"
            else:
                continue
            if not column.refuse:
                parts.append(flag(column, check, wrong))
                continue
            refuse = refusal("refuse_value", literal(spec.table_id), literal(column.name),
                             literal(check))  # fmt: skip
            if kept is not None:
                refuse = (
                    f"IF {kept[column.name]} THEN\n"
                    f"  v_flags := v_flags || {literal(f'{column.name}:{check}')}::text;\n"
                    f"ELSE\n  {refuse}\nEND IF;"
                )
            parts.append(block(f"IF {wrong} THEN", refuse))
    return lines(*parts)


def moved_checks(spec: SealSpec, var: dict[str, str], *, guard: str) -> str:
    """The table's own CHECKs over sealed columns, on the truths."""
    by_name = {c.name: c for c in spec.columns}

    def truth(name: str) -> str:
        column = by_name.get(name)
        if column is None:
            return "NEW." + Name(name).quoted
        return f"({value_of(column.column, var[name])})"

    parts = []
    for check in spec.moved:
        test = replace_columns(check.expression, truth)
        refuse = refusal("refuse_value", literal(spec.table_id), "''",
                         literal(f"check {check.name.text}"))  # fmt: skip
        parts.append(block(f"IF ({test}) IS FALSE THEN", refuse))
    return block(f"IF {guard} THEN", lines(*parts))


def _rest(spec: SealSpec, column: SealedColumn, v: str) -> str:
    when = _sealed_condition(spec, column)
    target = field("NEW", column.column)
    if when is None:
        return ""
    if when == "TRUE":
        return f"{target} := {_at_rest(column, v, '')};"
    sealed = mask_of(column, v, high=True) if column.text else "NULL"
    return block(f"IF {when} THEN", f"{target} := {sealed};")


def key_match(key: UniqueKey, other: str) -> str:
    """The condition under which a row ``c`` is in the way of ``other`` under a unique key."""
    parts = []
    for part in key.parts:
        left = replace_columns(part, lambda n: "c." + Name(n).quoted)
        right = replace_columns(part, lambda n: f"{other}." + Name(n).quoted)
        equal = f"({left}) = ({right})"
        if key.nulls_equal:
            equal = f"({equal} OR (({left}) IS NULL AND ({right}) IS NULL))"
        parts.append(equal)
    if key.predicate is not None:
        for record in ("c", other):
            qualified = replace_columns(
                key.predicate, lambda n, r=record: f"{r}." + Name(n).quoted  # type: ignore[misc]
            )
            parts.append(f"({qualified})")
    return "\n   AND ".join(parts)


def key_json(key: UniqueKey, record: str) -> str:
    """The key of a row as JSON text, NULL where the row can be in nobody's way under it."""
    parts = [replace_columns(p, lambda n: f"{record}." + Name(n).quoted) for p in key.parts]
    made = f"jsonb_build_array({', '.join(parts)})::text"
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
             if c.text and _sealed_condition(spec, c) is not None]  # fmt: skip
    for column in spec.columns:
        shadow = masked_shadow(spec, column)
        if shadow is not None and column.text:
            found.append((shadow.text, f"NEW.{shadow.quoted}"))
    return found


def digest_of(spec: SealSpec, record: str) -> str:
    """A digest of a row's sealed values."""
    joined = " || ".join(f"coalesce({record}.{b.sealed.quoted}, '')" for b in spec.bundles)
    return f"encode(sha256({joined}), 'hex')"


def _probe(spec: SealSpec, var: dict[str, str]) -> str:
    masks = forms(spec)
    loops = []
    for key in spec.unique_keys:
        hits = "".join(
            f',\n         c.{Name(name).quoted}::text COLLATE "C" = {ref}::text COLLATE "C" AS f_{n}'
            for n, (name, ref) in enumerate(masks)
        )
        marks = [
            f"IF v_c.f_{n} THEN {ref} := translate({ref}, '{PLAIN_GLYPH}', '{OTHER_GLYPH}'); END IF;"
            for n, (_, ref) in enumerate(masks)
        ]
        loops.append(
            f"FOR v_c IN\n"
            f"  SELECT {row_key(spec, 'c')} AS k, {digest_of(spec, 'c')} AS d{hits}\n"
            f"    FROM {spec.store.quoted} AS c\n"
            f"   WHERE {key_match(key, 'NEW')}\n"
            f"     FOR NO KEY UPDATE\n"
            f"LOOP\n  v_rows := v_rows || jsonb_build_object(v_c.k, v_c.d);\n"
            + _in("\n".join(marks))
            + "\nEND LOOP;"
        )
    typed = []
    for column in spec.columns:
        when = _sealed_condition(spec, column)
        if not column.text and when is not None:
            put = f"{field('NEW', column.column)} := {value_of(column.column, var[column.name])};"
            typed.append(put if when == "TRUE" else block(f"IF {when} THEN", put))
    truths = ", ".join(f"{literal(name)}, {_truth_of(spec, var, name)}" for name, _ in masks)
    kept = ", ".join(f"{literal(name)}, {ref}::text" for name, ref in masks)
    given = [f"{var[c.name]} IS NOT NULL" for c in spec.columns
             if not c.text and _sealed_condition(spec, c) is not None]  # fmt: skip
    setting = literal(spec.setting)
    found = lines(
        "v_marked := TRUE;",
        *(f"NEW.{b.sealed.quoted} := '{MARKED}'::bytea;" for b in spec.bundles),
        *typed,
        f"v_nothing := pgmask_private.stash_truths({setting}, pg_trigger_depth(), v_rows,",
        f"  jsonb_build_object({kept}),",
        f"  jsonb_build_object({truths}));",
    )
    keys = ", ".join(key_json(k, "NEW") for k in spec.unique_keys)
    nothing = (
        f"v_nothing := set_config({setting}, jsonb_build_object(\n"
        f"  'depth', pg_trigger_depth(), 'keys', jsonb_build_array({keys}),\n"
        f"  'forms', jsonb_build_object({kept}),\n"
        f"  'typed', {' OR '.join(given) or 'FALSE'})::text, TRUE);"
    )
    body = lines(*loops, f"IF v_rows <> '{{}}' THEN\n{_in(found)}\nELSE\n{_in(nothing)}\nEND IF;")
    return block(f"IF v_up <> '' AND {_not_kept(spec)} THEN", body) if loops else ""


def _truth_of(spec: SealSpec, var: dict[str, str], name: str) -> str:
    for column in spec.columns:
        shadow = masked_shadow(spec, column)
        if column.name == name or (shadow is not None and shadow.text == name):
            return var[column.name]
    raise KeyError(name)


def blind_indexes(
    spec: SealSpec, columns: Iterable[SealedColumn], var: dict[str, str]
) -> list[str]:
    """Assignments of the blind indexes."""
    return [
        f"NEW.{c.index_column.quoted} := {blind(spec, c, var[c.name])};"
        for c in columns
        if c.index_column is not None
    ]


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
              if _sealed_condition(spec, c) is not None]  # fmt: skip
    if not values:
        return "FALSE"
    return f"coalesce({', '.join(values)}) IS NOT NULL"


def _sealing(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    columns = spec.of_bundle(bundle)
    if not any(_sealed_condition(spec, c) for c in columns):
        return ""
    index = blind_indexes(spec, [c for c in columns if c.always], var)
    primary = tuple(t.name.text for t in spec.key)
    others = [
        k for k in spec.unique_keys
        if k.predicate is not None or tuple(n for p in k.parts for n in columns_of(p)) != primary
    ]  # fmt: skip
    guard = ""
    if others:
        met = any_of(
            f"EXISTS (SELECT FROM {spec.store.quoted} AS c WHERE {key_match(k, 'NEW')})"
            for k in others
        )
        # DO NOTHING may be all that happens to this row: then it leaves no data key behind.
        guard = block(
            "IF v_key IS NULL AND coalesce(v_up, '') = '' THEN", f"v_marked := {met};"
        )
    make = lines(MAKE_KEY, seal(spec, bundle, var, "v_high"), *index)
    if guard:
        mark = "\n".join(f"  NEW.{b.sealed.quoted} := '{MARKED}'::bytea;" for b in spec.bundles)
        make = lines(guard, f"IF v_marked THEN\n{mark}\nELSE\n{_in(make)}\nEND IF;")
    fresh = lines(subject_of(spec, bundle, "NEW"), FETCH_KEYS, make)
    kept = lines(
        block("IF v_content IS NULL THEN",
              "v_content := pgmask_private.key_content(pgmask_private.current_kek());"),
        *index,
    ) if index else ""  # fmt: skip
    head = f"IF NOT v_marked AND NOT v_kept_{n} AND {any_truth(spec, bundle, var)} THEN"
    if not kept:
        return block(head, fresh)
    return f"{head}\n{_in(fresh)}\nELSIF v_kept_{n} THEN\n{_in(kept)}\nEND IF;"


def shared(spec: SealSpec, column: SealedColumn) -> str:
    """Flag a value that many other rows have, counted on the blind index up to the bound."""
    if column.index_column is None or column.shared_by is None:
        return ""
    own = " AND ".join(f"c.{k.name.quoted} = NEW.{k.name.quoted}" for k in spec.key)
    count = (
        f"(SELECT count(*) FROM (SELECT FROM {spec.store.quoted} AS c"
        f" WHERE c.{column.index_column.quoted} = NEW.{column.index_column.quoted}"
        f" AND ({own}) IS NOT TRUE LIMIT {column.shared_by}) AS s)"
    )
    return flag(column, "shared", f"{count} >= {column.shared_by}")


def propagate(spec: SealSpec, *, update: bool) -> str:
    """Bring a subject's new flags and unit to its rows in every other table."""
    if spec.subject_class is None or not spec.dependants:
        return ""
    key = field("NEW", spec.key[0])
    parts: list[str] = []
    for dependant in spec.dependants:
        sets, differs = [], []
        if dependant.high_value and spec.has_high:
            sets.append("pgmask_high_value = d.pgmask_high_value OR NEW.pgmask_high_value")
            differs.append("(NEW.pgmask_high_value AND NOT d.pgmask_high_value)")
        sets.append("pgmask_restricted = d.pgmask_restricted OR NEW.pgmask_restricted")
        differs.append("(NEW.pgmask_restricted AND NOT d.pgmask_restricted)")
        if dependant.unit and spec.unit is not None:
            sets.append(f"pgmask_unit = NEW.{spec.unit.quoted}")
            differs.append(f"d.pgmask_unit IS DISTINCT FROM NEW.{spec.unit.quoted}")
        parts.append(
            f"UPDATE {dependant.relation.quoted} AS d\n   SET "
            + ",\n       ".join(sets)
            + f"\n WHERE d.{dependant.subject.quoted} = {key}\n   AND ("
            + " OR ".join(differs)
            + ");"
        )
    changed = ["NEW.pgmask_restricted" + (" AND NOT OLD.pgmask_restricted" if update else "")]
    if spec.has_high:
        changed.append("NEW.pgmask_high_value" + (" AND NOT OLD.pgmask_high_value" if update else ""))
    if spec.unit is not None and update:
        unit = spec.unit.quoted
        changed.append(f"NEW.{unit} IS DISTINCT FROM OLD.{unit}")
    return block("IF " + any_of(f"({c})" for c in changed) + "\nTHEN", lines(*parts))
