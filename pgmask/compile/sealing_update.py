"""The BEFORE UPDATE triggers: a mask written back keeps the truth, a new value is sealed.

Per column: written as it was stored, the truth stays; the form that an upsert's INSERT trigger left
in the proposed row stands for the stashed truth; any other text with a mask glyph is refused; the
rest is a new truth.  Truths are never compared, so nothing here answers a guess.  A statement that
changes nothing sealed never reaches a key.
"""

from __future__ import annotations

from dataclasses import replace

from pgmask.compile.sealing_changes import shadow_same, touched, unchanged
from pgmask.compile.sealing_judge import cross_checks, flag, moved_checks, refuse_all, shared
from pgmask.compile.sealing_parts import (
    any_truth,
    at_rest,
    blind_indexes,
    call,
    forms,
    hidden,
    high_value,
    label,
    level_2_index,
    masked_shadow,
    propagate,
    shadow_masks,
    spend,
    variables,
)
from pgmask.compile.sealing_rewrite import columns_of
from pgmask.compile.sealing_spec import Bundle, SealedColumn, SealSpec
from pgmask.compile.sealing_sql import (
    FETCH_KEYS,
    KEY_VARIABLES,
    MAKE_KEY,
    any_of,
    block,
    data,
    field,
    glyph,
    indented,
    is_valid,
    lines,
    refusal,
    same,
    seal,
    subject_of,
    text_of,
    value_of,
)
from pgmask.compile.sealing_stash import take_stash
from pgmask.sqltext import literal


def statement_body(spec: SealSpec) -> str:
    """The body of the BEFORE UPDATE statement trigger: no stash outlives its statement.

    In an upsert it fires before the first row, so it also tells the INSERT trigger to probe.
    """
    return (
        "DECLARE\n  v_nothing text;\nBEGIN\n"
        f"  v_nothing := pg_catalog.set_config({literal(spec.setting)}, 'on', TRUE);\n"
        "  RETURN NULL;\nEND"
    )


def update_body(spec: SealSpec) -> str:
    """The body of the UPDATE row trigger function."""
    var = variables(spec)
    declare = [f"  {var[c.name]} text;  -- {label(c)}" for c in spec.columns]
    declare += [
        f"  v_up text := current_setting({literal(spec.setting)}, TRUE);",
        "  v_stash jsonb;", "  v_truths jsonb;", "  v_old jsonb;", "  v_open bytea;",
        "  v_flags text[] := coalesce(OLD.pgmask_quality, '{}');", "  v_own record;",
    ]  # fmt: skip
    declare += [f"  v_touch_{n} boolean;" for n, _ in enumerate(spec.bundles)]
    if spec.has_high:
        declare.append("  v_high boolean := NEW.pgmask_high_value;")
    if any(b.row for b in spec.bundles):
        declare += ["  v_look record;"]
    body = lines(
        only_looked_at(spec),
        hidden(spec, update=True),
        take_stash(spec),
        block("IF " + any_of(unchanged(spec), joiner="AND") + "\nTHEN", "RETURN NEW;"),
        _carried(spec),
        high_value(spec, "NEW"),
        order_after_dependants(spec),
        *(f"v_touch_{n} := {any_of(touched(spec, b))};" for n, b in enumerate(spec.bundles)),
        *(_truths(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        *(_judge(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        _moved(spec, var),
        spend(spec, var, _new_values(spec)),
        *(_store(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        *(_sealing(spec, n, b, var) for n, b in enumerate(spec.bundles)),
        *(_level_2_index(spec, n, c, var[c.name])
          for n, b in enumerate(spec.bundles) for c in spec.of_bundle(b)),
        retire(spec),
        *(block(f"IF NEW.{c.index_column.quoted} IS DISTINCT FROM OLD.{c.index_column.quoted} THEN",
                lines(f"v_flags := array_remove(v_flags, {literal(f'{c.name}:shared')});",
                      shared(spec, c)))
          for c in spec.columns if c.shared_by and c.index_column),
        "NEW.pgmask_quality := nullif(v_flags, '{}');",
        propagate(spec, update=True),
        "RETURN NEW;",
    )  # fmt: skip
    return (
        "DECLARE\n" + "\n".join(declare) + f"\n{KEY_VARIABLES}\nBEGIN\n" + indented(body) + "\nEND"
    )


def only_looked_at(spec: SealSpec, sign: str = "") -> str:
    """UPDATEs of pgmask's own write its columns only: what earlier triggers wrote is taken back.

    Such as the time of the last change, which is the application's and not that of a seal, or of a
    flag that follows its subject.  sign: another condition under which it is such an UPDATE.
    """
    own = ["pgmask_quality", "pgmask_high_value", "pgmask_restricted"]
    own += ["pgmask_unit"] * spec.keeps_unit
    # Through a record of our own: with NEW := OLD, PostgreSQL 15 crashes on a row that is older
    # than a column with a default.
    differs = [sign] * bool(sign) + [f"NEW.{c} IS DISTINCT FROM OLD.{c}" for c in own]
    return block(
        "IF " + any_of(differs) + "\nTHEN",
        lines("v_own := OLD;", *(f"v_own.{c} := NEW.{c};" for c in own), "NEW := v_own;"),
    )


def _carried(spec: SealSpec) -> str:
    """An UPDATE that brings its sealed value: only owners can, the CHECKs hold masks only."""
    changed = any_of(
        f"NEW.{b.sealed.quoted} IS DISTINCT FROM OLD.{b.sealed.quoted}" for b in spec.bundles
    )
    return block(f"IF {changed} THEN", "RETURN NEW;")


def order_after_dependants(spec: SealSpec) -> str:
    """Reaching the grade waits for inserts that have read the old flags; they hold a key share."""
    if not (spec.dependants and spec.has_high):
        return ""
    return block(
        "IF v_high AND NOT OLD.pgmask_high_value THEN",
        f"v_nothing := {call(spec, 'order', 'OLD')};",
    )


def _truths(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    """Open what is sealed, then decide per column where its truth comes from."""
    columns = spec.of_bundle(bundle)
    sealed = bundle.sealed.quoted
    refuse = refusal("refuse_value", literal(spec.table_id), literal(bundle.name), "'unopened'")
    # The old row's data key: the subject's present one, or an older one by its epoch.
    opening = lines(
        _old_subject(spec, bundle),
        FETCH_KEYS,
        "v_open := v_key;",
        f"IF v_key IS NULL OR substr(OLD.{sealed}, 3, 4) <> v_head THEN",
        "  v_open := pgmask_private.data_key_at(v_content, v_kek_id, v_class, v_subject,",
        f"    ('x' || encode(substr(OLD.{sealed}, 3, 4), 'hex'))::bit(32)::integer);",
        "END IF;",
        "v_plain := pgmask_private.siv_open(",
        f"  v_open, {data(spec, bundle, 'OLD')}, OLD.{sealed}, 'pkcs');",
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
        # Classified after the row was sealed, or opened on a way back that was broken off: its
        # plain value is the truth, and perhaps in no bundle.
        late = f" WHEN NOT {glyph(f'{old}::text')} THEN {plain}"
        opened = f"coalesce({opened}, CASE WHEN {old}::text = '' THEN ''{late} END)"
    else:
        opened = f"coalesce({opened}, {plain})"
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
            "WHEN v_truths IS NOT NULL"
            f" AND {new}::text COLLATE \"C\" = v_stash -> 'forms' ->> {name}\n"
            f"    THEN v_truths ->> {name}"
        )
    looks = glyph(f"{new}::text")
    condition = f"{masked} AND {looks}" if masked else looks
    arms.append(
        f"WHEN {condition}\n    THEN pgmask_private.refuse_mask({literal(spec.table_id)},"
        f" {literal(column.name)}, {new}::text, {old}::text)"
    )
    return "\n  ".join([*arms, f"ELSE {text_of(column.column, new)}"])


def _decide(spec: SealSpec, bundle: Bundle, n: int, column: SealedColumn, v: str) -> str:
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
        test = (
            f"NOT ({shadow_same(shadow, column.column)})" if column.text else f"{s_new} IS NOT NULL"
        )
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


def _new_values(spec: SealSpec) -> dict[str, str]:
    """By column, when the write brings a value that was not the row's."""
    return {
        c.name: (f"v_touch_{n} AND " if c.always else "") + f"NOT ({_kept(spec, c)})"
        for n, b in enumerate(spec.bundles)
        for c in spec.of_bundle(b)
    }


def _kept(spec: SealSpec, column: SealedColumn) -> str:
    shadow = masked_shadow(spec, column)
    return same(column.column) + (
        f" AND {shadow_same(shadow, column.column)}" if shadow is not None else ""
    )


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
                # The comparison first: a validator then runs once for a row, not twice.
                wrong.append((column, f"(NOT ({kept}) AND {test})"))
                parts.append(flag(column, "form", f"{kept} AND {test}"))
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
        stored = at_rest(column, var[column.name], "v_high" if spec.has_high else "FALSE")
        put = f"{field('NEW', column.column)} := {stored};"
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
        f"IF {any_truth(spec, bundle, var)} THEN\n{indented(make)}\nELSE\n"
        + indented(lines(f"{sealed} := NULL;", *empty))
        + "\nEND IF;"
    )
    return block(f"IF v_touch_{n} THEN", body)


def _level_2_index(spec: SealSpec, n: int, column: SealedColumn, v: str) -> str:
    if column.always or column.index_column is None:
        return ""
    old, new = f"OLD.{column.index_column.quoted}", field("NEW", column.column)
    changed = f"v_touch_{n} OR NOT v_high AND ({old} IS NULL OR NOT ({same(column.column)}))"
    return level_2_index(spec, column, v, f"({changed})") if spec.has_high and new else ""


def retire(spec: SealSpec) -> str:
    """The subject has another key: its old data key opens old versions only, and is erased with
    the new one.
    """
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
