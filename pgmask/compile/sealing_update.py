"""The BEFORE UPDATE triggers: a mask written back keeps the truth, a new value is sealed.

Per column: written as it was stored, the truth stays; the form that an upsert's INSERT trigger left
in the proposed row stands for the stashed truth; any other text with a mask glyph is refused; the
rest is a new truth.  Truths are never compared, so nothing here answers a guess.  A statement that
changes nothing sealed never reaches a key.
"""

from __future__ import annotations

from dataclasses import replace

from pgmask.compile.sealing_insert import (
    any_truth,
    at_rest,
    blind_indexes,
    cross_checks,
    digest_of,
    flag,
    forms,
    hidden,
    high_value,
    key_json,
    level_2_index,
    masked_shadow,
    moved_checks,
    propagate,
    refuse_all,
    shadow_masks,
    shared,
    variables,
)
from pgmask.compile.sealing_rewrite import columns_of
from pgmask.compile.sealing_spec import Bundle, SealedColumn, SealSpec, Typed
from pgmask.compile.sealing_sql import (
    FETCH_KEYS,
    KEY_VARIABLES,
    MAKE_KEY,
    any_of,
    block,
    data,
    field,
    glyph,
    is_valid,
    lines,
    refusal,
    row_key,
    same,
    seal,
    subject_of,
    text_of,
    value_of,
)
from pgmask.names import Name
from pgmask.sqltext import literal


def statement_body(spec: SealSpec) -> str:
    """The body of the BEFORE UPDATE statement trigger: no stash outlives its statement.

    In an upsert it fires before the first row, so it also tells the INSERT trigger to probe.
    """
    return (
        "DECLARE\n  v_nothing text;\nBEGIN\n"
        f"  v_nothing := set_config({literal(spec.setting)}, 'on', TRUE);\n"
        "  RETURN NULL;\nEND"
    )


def update_body(spec: SealSpec) -> str:
    """The body of the UPDATE row trigger function."""
    var = variables(spec)
    declare = [f"  {var[c.name]} text;  -- {_label(c)}" for c in spec.columns]
    declare += [
        f"  v_up text := current_setting({literal(spec.setting)}, TRUE);",
        "  v_stash jsonb;", "  v_truths jsonb;", "  v_old jsonb;", "  v_open bytea;",
        "  v_flags text[] := coalesce(OLD.pgmask_quality, '{}');",
    ]  # fmt: skip
    declare += [f"  v_touch_{n} boolean;" for n, _ in enumerate(spec.bundles)]
    if spec.has_high:
        declare.append("  v_high boolean := NEW.pgmask_high_value;")
    if any(b.row for b in spec.bundles):
        declare += ["  v_flag_1 boolean;", "  v_flag_2 boolean;"]
    body = lines(
        hidden(spec, update=True),
        _take_stash(spec),
        block("IF " + any_of(_unchanged(spec), joiner="AND") + "\nTHEN", "RETURN NEW;"),
        _carried(spec),
        high_value(spec, "NEW"),
        _order_after_dependants(spec),
        *(f"v_touch_{n} := {any_of(_touched(spec, b))};" for n, b in enumerate(spec.bundles)),
        *(_truths(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        *(_judge(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        _moved(spec, var),
        *(_store(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        *(_sealing(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        *(_level_2_index(spec, n, c, var[c.name])
          for n, b in enumerate(spec.bundles) for c in spec.of_bundle(b)),
        _retire(spec),
        *(block(f"IF NEW.{c.index_column.quoted} IS DISTINCT FROM OLD.{c.index_column.quoted} THEN",
                shared(spec, c))
          for c in spec.columns if c.shared_by and c.index_column),
        "NEW.pgmask_quality := nullif(v_flags, '{}');",
        propagate(spec, update=True),
        "RETURN NEW;",
    )  # fmt: skip
    return "DECLARE\n" + "\n".join(declare) + f"\n{KEY_VARIABLES}\nBEGIN\n" + _in(body) + "\nEND"


def _in(text: str) -> str:
    return "\n".join("  " + line if line else line for line in text.split("\n"))


def _label(column: SealedColumn) -> str:
    name = "".join(c for c in column.name if c.isprintable())
    return f"{name}, level {1 if column.always else 2}"


def _shadow_same(name: Name) -> str:
    q = name.quoted
    return f'NEW.{q}::text COLLATE "C" IS NOT DISTINCT FROM OLD.{q}::text COLLATE "C"'


def _watched(spec: SealSpec) -> list[Typed]:
    """Columns that are not sealed and whose change concerns sealed ones."""
    found: dict[str, Typed] = {k.name.text: k for k in spec.key}
    for bundle in spec.bundles:
        if bundle.subject is not None:
            found.setdefault(bundle.subject.name.text, bundle.subject)
    for typed in spec.others:
        found.setdefault(typed.name.text, typed)
    return list(found.values())


def _unchanged(spec: SealSpec) -> list[str]:
    """When nothing that concerns sealing changed, and nothing is left to be sealed."""
    tests = [same(c.column) for c in spec.columns]
    tests += [_shadow_same(s.name) for s in spec.shadows if not s.hidden]
    tests += [same(t) for t in _watched(spec) if t.name.text not in {c.name for c in spec.columns}]
    if spec.own_high is not None:
        grades = ", ".join(map(literal, spec.own_high.grades))
        grade = f"NEW.{spec.own_high.column.quoted}::text"
        tests.append(f"(NEW.pgmask_high_value OR ({grade} IN ({grades})) IS NOT TRUE)")
    for plain in ("pgmask_high_value", "pgmask_restricted", "pgmask_quality"):
        tests.append(f"NEW.{plain} IS NOT DISTINCT FROM OLD.{plain}")
    if spec.unit is not None and spec.dependants:
        unit = spec.unit.quoted
        tests.append(f"NEW.{unit} IS NOT DISTINCT FROM OLD.{unit}")
    for bundle in spec.bundles:
        sealed = bundle.sealed.quoted
        tests.append(f"NEW.{sealed} IS NOT DISTINCT FROM OLD.{sealed}")
        always = [c for c in spec.of_bundle(bundle) if c.always]
        if always:
            tests.append(f"(NEW.{sealed} IS NOT NULL OR NOT ({_plain_left(always, 'NEW')}))")
    for column in spec.columns:
        shadow = masked_shadow(spec, column)
        new = field("NEW", column.column)
        if shadow is not None and column.text:
            tests.append(f"(NEW.{shadow.quoted} IS NULL) = ({new} IS NULL)")
        if not column.always and column.index_column is not None:
            tests.append(f"(NEW.{column.index_column.quoted} IS NOT NULL OR {new} IS NULL)")
    if spec.keeps_unit:
        tests.append("NEW.pgmask_unit IS NOT NULL")
    return tests


def _plain_left(columns: list[SealedColumn], record: str) -> str:
    """Whether a row without a sealed value has something that belongs into one."""
    return " OR ".join(
        f"coalesce({field(record, c.column)}::text, '') <> ''"
        if c.text
        else f"{field(record, c.column)} IS NOT NULL"
        for c in columns
    )


def unsealed_rows(spec: SealSpec) -> str:
    """The condition, over the bare columns, under which ``pgmask seal`` still has work in a row."""
    tests = []
    for bundle in spec.bundles:
        always = [c for c in spec.of_bundle(bundle) if c.always]
        if always:
            left = " OR ".join(
                f"{c.column.name.quoted}::text <> ''" if c.text
                else f"{c.column.name.quoted} IS NOT NULL"
                for c in always
            )  # fmt: skip
            tests.append(f"({bundle.sealed.quoted} IS NULL AND ({left}))")
    for column in spec.columns:
        shadow = masked_shadow(spec, column)
        if shadow is not None and column.text:
            tests.append(f"({shadow.quoted} IS NULL AND {column.column.name.quoted} IS NOT NULL)")
        if not column.always and column.index_column is not None:
            tests.append(
                f"({column.index_column.quoted} IS NULL AND {column.column.name.quoted}::text <> '')"
            )
    if spec.own_high is not None:
        grades = ", ".join(map(literal, spec.own_high.grades))
        tests.append(
            f"(NOT pgmask_high_value AND {spec.own_high.column.quoted}::text IN ({grades}))"
        )
    for bundle in spec.bundles:
        if bundle.row is not None and bundle.subject is not None:
            subject, row = bundle.subject.name.quoted, bundle.row
            unit = (
                f" OR pgmask_unit IS DISTINCT FROM s.{row.unit.quoted}"
                if row.unit and spec.keeps_unit and bundle is spec.bundles[0]
                else ""
            )
            high = "(s.pgmask_high_value AND NOT pgmask_high_value)" if row.high_value else "FALSE"
            if unit or row.high_value:
                tests.append(
                    f"EXISTS (SELECT FROM {row.relation.quoted} AS s"
                    f" WHERE s.{row.key.quoted} = {subject} AND ({high}{unit}))"
                )
    return " OR ".join(tests) or "FALSE"


def _take_stash(spec: SealSpec) -> str:
    if not spec.unique_keys:
        return ""
    setting, table = literal(spec.setting), literal(spec.table_id)
    appeared = refusal("refuse_value", table, "NULL", "'appeared'")
    old_key = row_key(spec, "OLD")
    meets = any_of(
        f"v_stash -> 'keys' ->> {n} = {key_json(k, 'OLD')}" for n, k in enumerate(spec.unique_keys)
    )
    doubtful = ["v_stash -> 'typed' = 'true'::jsonb"]
    for name, new in forms(spec):
        old = "OLD" + new.removeprefix("NEW")
        form = f"v_stash -> 'forms' ->> {literal(name)}"
        doubtful.append(
            f"({form} <> '' AND ({old}::text COLLATE \"C\" = {form} OR {new}::text COLLATE \"C\" = {form}))"
        )
    none = block("IF " + any_of(doubtful) + "\nTHEN", appeared)
    return f"""\
IF left(v_up, 1) = '{{' THEN
  v_nothing := set_config({setting}, 'on', TRUE);
  v_stash := v_up::jsonb;
  IF (v_stash -> 'depth' = to_jsonb(pg_trigger_depth())) IS NOT TRUE THEN
    v_stash := NULL;
  ELSIF v_stash ? 'rows' THEN
    IF v_stash -> 'rows' ->> {old_key} IS NULL THEN
      v_stash := NULL;
    ELSIF v_stash -> 'rows' ->> {old_key} <> {digest_of(spec, "OLD")} THEN
      {appeared}
    ELSE
      v_truths := pgmask_private.stash_open({setting}, pg_trigger_depth(), v_stash);
    END IF;
  ELSE
    -- No row was there when the proposed row was masked, and now one is: where its masks say the
    -- same, nobody can tell what this statement means.
    IF {meets}
    THEN
{_in(_in(_in(none)))}
    END IF;
    v_stash := NULL;
  END IF;
END IF;"""


def _carried(spec: SealSpec) -> str:
    """An UPDATE that brings its sealed value: only owners can, the CHECKs hold masks only."""
    changed = any_of(
        f"NEW.{b.sealed.quoted} IS DISTINCT FROM OLD.{b.sealed.quoted}" for b in spec.bundles
    )
    return block(f"IF {changed} THEN", "RETURN NEW;")


def _order_after_dependants(spec: SealSpec) -> str:
    """Reaching the grade waits for inserts that have read the old flags; they hold a key share."""
    if not (spec.dependants and spec.has_high):
        return ""
    own = " AND ".join(f"c.{k.name.quoted} = OLD.{k.name.quoted}" for k in spec.key)
    return block(
        "IF v_high AND NOT OLD.pgmask_high_value THEN",
        f"PERFORM FROM {spec.store.quoted} AS c WHERE {own} FOR UPDATE;",
    )


def _touched(spec: SealSpec, bundle: Bundle) -> list[str]:
    columns = spec.of_bundle(bundle)
    always = [c for c in columns if c.always]
    tests: list[str] = []
    if always:
        tests.append(f"(OLD.{bundle.sealed.quoted} IS NULL AND ({_plain_left(always, 'OLD')}))")
    for column in always:
        tests.append(f"NOT ({same(column.column)})")
        shadow = masked_shadow(spec, column)
        if shadow is not None:
            tests.append(f"NOT ({_shadow_same(shadow)})")
    if spec.has_high:
        tests.append("v_high <> OLD.pgmask_high_value")
        level_2 = [c for c in columns if not c.always]
        changed = [f"NOT ({same(c.column)})" for c in level_2]
        for column in level_2:
            shadow = masked_shadow(spec, column)
            if shadow is not None:
                changed.append(f"NOT ({_shadow_same(shadow)})")
        if changed:
            tests.append(f"(OLD.pgmask_high_value AND ({' OR '.join(changed)}))")
    moves = list(spec.key) + ([bundle.subject] if bundle.subject is not None else [])
    names = {c.name for c in columns}
    related = {c.chosen.discriminator.text for c in columns if c.chosen}
    related |= {other for c in always for _, other in c.cross}
    for check in spec.moved:
        read = set(columns_of(check.expression))
        if read & {c.name for c in always}:
            related |= read
    watched = {t.name.text: t for t in (*moves, *(t for t in spec.others if t.name.text in related))}
    watched |= {c.name: c.column for c in spec.columns if c.name in related and not c.always}
    tests += [f"NOT ({same(t)})" for n, t in watched.items() if n not in names or n in related]
    return tests or ["FALSE"]


def _truths(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    """Open what is sealed, then decide per column where its truth comes from."""
    columns = spec.of_bundle(bundle)
    sealed = bundle.sealed.quoted
    refuse = refusal("refuse_value", literal(spec.table_id), literal(bundle.name), "'unopened'")
    # The old row's data key: the subject's present one, or an older one by its epoch.
    opening = lines(
        _old_subject(spec, bundle),
        FETCH_KEYS,
        f"v_open := v_key;",  # noqa: F541
        f"IF v_key IS NULL OR substr(OLD.{sealed}, 3, 4) <> v_head THEN",
        "  v_open := pgmask_private.data_key_at(v_content, v_kek_id, v_class, v_subject,",
        f"    ('x' || encode(substr(OLD.{sealed}, 3, 4), 'hex'))::bit(32)::integer);",
        "END IF;",
        f"v_plain := pgmask_private.siv_open(v_open, {data(spec, bundle, 'OLD')}, OLD.{sealed}, 'pkcs');",
        block("IF v_plain IS NULL THEN", refuse),
        "v_old := convert_from(v_plain, 'UTF8')::jsonb;",
    )
    parts = ["v_old := NULL;"]
    parts.append(block(f"IF v_touch_{n} AND OLD.{sealed} IS NOT NULL THEN", opening))
    decisions = [_decide(spec, bundle, n, c, var[c.name]) for c in columns]
    return lines(*parts, *decisions)


def _old_subject(spec: SealSpec, bundle: Bundle) -> str:
    return subject_of(spec, bundle, "OLD")


def _old_truth(spec: SealSpec, bundle: Bundle, column: SealedColumn) -> str:
    old = field("OLD", column.column)
    plain = text_of(column.column, old)
    opened = f"v_old ->> {literal(column.name)}"
    if column.text:
        opened = f"coalesce({opened}, CASE WHEN {old}::text = '' THEN '' END)"
    if column.always:
        return f"CASE WHEN OLD.{bundle.sealed.quoted} IS NULL THEN {plain} ELSE {opened} END"
    if not spec.has_high:
        return plain
    return f"CASE WHEN OLD.pgmask_high_value THEN {opened} ELSE {plain} END"


def _from_write(
    spec: SealSpec, column: SealedColumn, form_name: str, new: str, old: str, *, masked: str
) -> str:
    """The CASE arms for a value that differs from the stored one."""
    if not column.text:
        return f"ELSE {text_of(column.column, new)}"
    name = literal(form_name)
    arms = []
    if spec.unique_keys and form_name in {n for n, _ in forms(spec)}:
        arms.append(
            f"WHEN v_truths IS NOT NULL AND {new}::text COLLATE \"C\" = v_stash -> 'forms' ->> {name}\n"
            f"    THEN v_truths ->> {name}"
        )
    looks = glyph(f"{new}::text")
    condition = f"{masked} AND {looks}" if masked else looks
    arms.append(
        f"WHEN {condition}\n    THEN pgmask_private.refuse_mask({literal(spec.table_id)},"
        f" {literal(column.name)}, {new}::text, {old}::text)"
    )
    return "\n  ".join([*arms, f"ELSE {text_of(column.column, new)}"])


def _decide(
    spec: SealSpec, bundle: Bundle, n: int, column: SealedColumn, v: str
) -> str:
    new, old = field("NEW", column.column), field("OLD", column.column)
    masked = "" if column.always else ("OLD.pgmask_high_value" if spec.has_high else "FALSE")
    base = (
        f"{v} := CASE\n"
        f"  WHEN {same(column.column)}\n    THEN {_old_truth(spec, bundle, column)}\n"
        f"  {_from_write(spec, column, column.name, new, old, masked=masked)}\nEND;"
    )
    shadow = masked_shadow(spec, column)
    through = ""
    if shadow is not None:
        s_new, s_old = f"NEW.{shadow.quoted}", f"OLD.{shadow.quoted}"
        test = f"NOT ({_shadow_same(shadow)})" if column.text else f"{s_new} IS NOT NULL"
        through = block(
            f"IF {test} THEN",
            f"{v} := CASE\n"
            f"  {_from_write(spec, column, shadow.text, s_new, s_old, masked='TRUE')}\nEND;"
            if column.text
            else f"{v} := {text_of(column.column, s_new)};",
        )
    if column.always:
        # An untouched bundle stays closed: its truths are neither known nor needed.
        return block(f"IF v_touch_{n} THEN", lines(base, through))
    return _while_known(spec, n, lines(base, through))


def _kept(spec: SealSpec, column: SealedColumn) -> str:
    shadow = masked_shadow(spec, column)
    return same(column.column) + (f" AND {_shadow_same(shadow)}" if shadow is not None else "")


def _judge(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    """New values are judged as on INSERT; kept ones of old times are only flagged."""
    columns = spec.of_bundle(bundle)
    always = [c for c in columns if c.always]
    gone = [
        (c, f"({var[c.name]} IS NULL AND NOT ({same(c.column)}))") for c in columns if c.not_null
    ]
    refuse_null = refuse_all(spec, gone, "'missing'")
    if not always:
        return _while_known(spec, n, refuse_null)
    names = ", ".join(literal(c.name) for c in always)
    parts = [
        block(
            "IF v_flags <> '{}' THEN",
            f"v_flags := ARRAY(SELECT f FROM unnest(v_flags) AS f\n"
            f"  WHERE split_part(f, ':', 1) <> ALL (ARRAY[{names}]) OR f LIKE '%:shared');",
        )
    ]
    missing, wrong = [], []
    for column in always:
        v, kept = var[column.name], _kept(spec, column)
        if column.required:
            test = f"coalesce({v}, '') = ''"
            if column.refuse:
                missing.append((column, f"({test} AND NOT ({kept}))"))
                parts.append(flag(column, "missing", f"{test} AND {kept}"))
            else:
                parts.append(flag(column, "missing", test))
        valid = is_valid(column, v)
        if valid is not None:
            test = f"{v} <> '' AND {valid} IS NOT TRUE"
            if column.refuse:
                wrong.append((column, f"({test} AND NOT ({kept}))"))
                parts.append(flag(column, "form", f"{test} AND {kept}"))
            else:
                parts.append(flag(column, "form", test))
    parts.insert(0, refuse_all(spec, wrong, "'form'"))
    parts.insert(0, refuse_all(spec, missing, "'missing'"))
    as_read = {c.name: _kept(spec, c) for c in spec.columns}
    parts.append(cross_checks(spec, always, var, as_read))
    return lines(_while_known(spec, n, refuse_null), block(f"IF v_touch_{n} THEN", lines(*parts)))


def _moved(spec: SealSpec, var: dict[str, str]) -> str:
    """Moved CHECKs, each when a column it reads is written and all its truths are known."""
    parts = []
    by_name = {c.name: c for c in spec.columns}
    for check in spec.moved:
        read = columns_of(check.expression)
        typed = {t.name.text: t for t in (*spec.others, *spec.key)}
        changed = [f"NOT ({_kept(spec, by_name[r])})" for r in read if r in by_name]
        changed += [f"NOT ({same(typed[r])})" for r in read if r in typed and r not in by_name]
        touches = {
            f"v_touch_{n}"
            for n, b in enumerate(spec.bundles)
            if any(c.name in read and c.always for c in spec.of_bundle(b))
        }
        guard = " AND ".join([f"({' OR '.join(changed) or 'TRUE'})", *sorted(touches)])
        parts.append(moved_checks(replace(spec, moved=(check,)), var, guard=guard))
    return lines(*parts)


def _store(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    always, others = [], []
    for column in spec.of_bundle(bundle):
        put = f"{field('NEW', column.column)} := {at_rest(column, var[column.name], 'v_high' if spec.has_high else 'FALSE')};"  # noqa: E501
        if column.always:
            always.append(put)
        elif spec.has_high:
            others.append(put)
        elif masked_shadow(spec, column) is not None:
            others.append(
                f"{field('NEW', column.column)} := {value_of(column.column, var[column.name])};"
            )
    others += shadow_masks(spec, var, bundle)
    return lines(
        block(f"IF v_touch_{n} THEN", lines(*always)), _while_known(spec, n, lines(*others))
    )


def _while_known(spec: SealSpec, n: int, body: str) -> str:
    """Level 2 of a high-value row is not known while its bundle stays closed."""
    return block(f"IF v_touch_{n} OR NOT v_high THEN", body) if spec.has_high else body


def _sealing(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    sealed = f"NEW.{bundle.sealed.quoted}"
    columns = [c for c in spec.of_bundle(bundle) if c.always or spec.has_high]
    if not columns:
        return ""
    columns = [c for c in columns if c.always]
    index = blind_indexes(spec, columns, var)
    empty = [f"NEW.{c.index_column.quoted} := NULL;" for c in columns if c.index_column is not None]
    make = lines(
        subject_of(spec, bundle, "NEW"), FETCH_KEYS, MAKE_KEY, seal(spec, bundle, var, "v_high"),
        *index,
    )  # fmt: skip
    body = (
        f"IF {any_truth(spec, bundle, var)} THEN\n{_in(make)}\nELSE\n"
        + _in(lines(f"{sealed} := NULL;", *empty))
        + "\nEND IF;"
    )
    return block(f"IF v_touch_{n} THEN", body)


def _level_2_index(spec: SealSpec, n: int, column: SealedColumn, v: str) -> str:
    if column.always or column.index_column is None:
        return ""
    old, new = f"OLD.{column.index_column.quoted}", field("NEW", column.column)
    changed = f"v_touch_{n} OR NOT v_high AND ({old} IS NULL OR NOT ({same(column.column)}))"
    return level_2_index(spec, column, v, f"({changed})") if spec.has_high and new else ""


def _retire(spec: SealSpec) -> str:
    """The subject has another key: its old data key opens old versions only, and is erased with
    the new one."""
    if spec.subject_class is None:
        return ""
    own = next((b for b in spec.bundles if b.row is None and b.subject is not None), None)
    if own is None or own.subject is None:
        return ""
    old, new = (text_of(own.subject, field(r, own.subject)) for r in ("OLD", "NEW"))
    return block(
        f"IF NOT ({same(own.subject)}) THEN",
        f"UPDATE pgmask_private.data_key AS d\n"
        f"   SET state = 'retired', successor = {new}, ended_at = transaction_timestamp()\n"
        f" WHERE d.subject_class = {literal(own.subject_class)} AND d.subject_key = {old}\n"
        f"   AND d.state = 'active';",
    )
