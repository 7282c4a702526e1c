"""The BEFORE INSERT row trigger: plaintext in, mask and sealed truth out.

Three kinds of rows come here. Plain rows, as applications write them. *Carried* rows, which bring
their sealed value (a move between partitions, a restore): it is opened, compared and kept. And rows
that an upsert only proposes: where an existing row is in the way they are *marked*, because such a
row is never stored; the masks get their other glyph where they collide with the existing row's, so
that no comparison mistakes a new truth for the old one, and the truths travel in a stash (see
``sql/24_fn_sealing.sql``) to the UPDATE trigger.
"""

from __future__ import annotations

from pgmask.compile.sealing_judge import cross_checks, flag, moved_checks, refuse_all, shared
from pgmask.compile.sealing_parts import (
    any_truth,
    at_rest,
    blind_indexes,
    call,
    forms,
    hidden,
    high_value,
    key_json,
    label,
    level_2_index,
    masked_shadow,
    propagate,
    sealed_when,
    shadow_masks,
    spend,
    variables,
)
from pgmask.compile.sealing_reads import other_keys
from pgmask.compile.sealing_spec import (
    MARKED,
    OTHER_GLYPH,
    PLAIN_GLYPH,
    Bundle,
    SealedColumn,
    SealSpec,
)
from pgmask.compile.sealing_sql import (
    FETCH_KEYS,
    KEY_VARIABLES,
    MAKE_KEY,
    any_glyph,
    any_of,
    block,
    data,
    field,
    glyph,
    indented,
    is_valid,
    lines,
    mask_of,
    refusal,
    seal,
    subject_of,
    text_of,
    value_of,
)
from pgmask.sqltext import literal


def insert_body(spec: SealSpec) -> str:
    """The body of the INSERT trigger function."""
    var = variables(spec)
    declare = "\n".join(
        f"  {var[c.name]} text := {text_of(c.column, field('NEW', c.column))};  -- {label(c)}"
        for c in spec.columns
    )
    extra = ["  v_up text := current_setting(" + literal(spec.setting) + ", TRUE);"]
    extra.append("  v_marked boolean := FALSE;")
    if spec.has_high:
        extra.append("  v_high boolean := NEW.pgmask_high_value;")
    if any(b.row for b in spec.bundles):
        extra += ["  v_look record;"]
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
        spend(spec, var, {c.name: f"NOT v_kept_{n}" for n, c in _bundles(spec)}),
        hidden_row(spec),
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
    variable_lines = "\n".join(extra)
    return f"DECLARE\n{declare}\n{variable_lines}\n{KEY_VARIABLES}\nBEGIN\n{indented(body)}\nEND"


def _bundles(spec: SealSpec) -> list[tuple[int, SealedColumn]]:
    return [(n, c) for n, b in enumerate(spec.bundles) for c in spec.of_bundle(b)]


def _not_kept(spec: SealSpec) -> str:
    return " AND ".join(f"NOT v_kept_{n}" for n, _ in enumerate(spec.bundles))


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


def _arrival(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    columns = spec.of_bundle(bundle)
    sealed = f"NEW.{bundle.sealed.quoted}"
    truths, wrong = [], []
    for column in columns:
        when = sealed_when(spec, column)
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
        refuse = refusal("refuse_value", literal(spec.table_id), literal(column.name), "'carried'")
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
        + indented(carried)
        + "\n"
        + (f"ELSE\n{indented(_judge(spec, bundle, var))}\n" if _judge(spec, bundle, var) else "")
        + "END IF;"
    )


def _judge(spec: SealSpec, bundle: Bundle, var: dict[str, str]) -> str:
    """Refuse or flag what a plain row brings: glyphs, missing and invalid values."""
    columns = spec.of_bundle(bundle)
    always = [c for c in columns if c.always]
    texts = [c for c in always if c.text]
    at_times = [(c, f"(v_high AND {glyph(var[c.name])})") for c in columns
                if not c.always and c.text and spec.has_high]  # fmt: skip
    glyphs = [*((c, glyph(var[c.name])) for c in texts), *at_times]
    joined = [any_glyph([var[c.name] for c in texts])] if texts else []
    any_one = any_of((*joined, *(t for _, t in at_times)))
    parts = [refuse_all(spec, glyphs, "'glyph'", test=any_one)]
    missing = [(c, f"coalesce({var[c.name]}, '') = ''") for c in always if c.required and c.refuse]
    missing += [(c, f"{var[c.name]} IS NULL") for c in columns if c.not_null]
    parts.append(refuse_all(spec, missing, "'missing'"))
    tests = [(c, is_valid(c, var[c.name])) for c in always]
    parts.append(refuse_all(
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


def _rest(spec: SealSpec, column: SealedColumn, v: str) -> str:
    when = sealed_when(spec, column)
    target = field("NEW", column.column)
    if when is None:
        return ""
    if when == "TRUE":
        return f"{target} := {at_rest(column, v, '')};"
    sealed = mask_of(column, v, high=True) if column.text else "NULL"
    return block(f"IF {when} THEN", f"{target} := {sealed};")


def hidden_row(spec: SealSpec) -> str:
    """Refuse to meet a row that the caller's policies hide, before anything is asked of that row.

    PostgreSQL evaluates ``ON CONFLICT DO UPDATE .. WHERE`` on the existing row before it asks the
    UPDATE policy: a true condition would end in 42501 and a false one in silence, an answer about
    any column of a hidden row.  Asked on every insert, because a statement can take back what the
    statement triggers say of it.  The words are PostgreSQL's own.
    """
    if not spec.upserts or not spec.unique_keys:
        return ""
    words = (
        "new row violates row-level security policy (USING expression)"
        f' for table "{spec.store.name}"'
    )
    return block(
        f"IF {_not_kept(spec)} AND {call(spec, 'hidden', 'NEW')} THEN",
        f"RAISE EXCEPTION USING ERRCODE = '42501',\n  MESSAGE = {literal(words)};",
    )


def _probe(spec: SealSpec, var: dict[str, str]) -> str:
    if not spec.unique_keys:
        return ""
    masks = forms(spec)
    marks = [
        f"IF v_c.hit_forms[{n}] THEN"
        f" {ref} := translate({ref}, '{PLAIN_GLYPH}', '{OTHER_GLYPH}'); END IF;"
        for n, (_, ref) in enumerate(masks, 1)
    ]
    meets = block(
        f"FOR v_c IN SELECT f.* FROM {call(spec, 'probe', 'NEW')} AS f LOOP",
        lines("v_rows := v_rows || jsonb_build_object(v_c.hit_key, v_c.hit_digest);", *marks),
        "END LOOP;",
    )
    typed = []
    for column in spec.columns:
        when = sealed_when(spec, column)
        if not column.text and when is not None:
            put = f"{field('NEW', column.column)} := {value_of(column.column, var[column.name])};"
            typed.append(put if when == "TRUE" else block(f"IF {when} THEN", put))
    truths = ", ".join(f"{literal(name)}, {_truth_of(spec, var, name)}" for name, _ in masks)
    kept = ", ".join(f"{literal(name)}, {ref}::text" for name, ref in masks)
    given = [f"{var[c.name]} IS NOT NULL" for c in spec.columns
             if not c.text and sealed_when(spec, c) is not None]  # fmt: skip
    setting = literal(spec.setting)
    found = lines(
        "v_marked := TRUE;",
        *(f"NEW.{b.sealed.quoted} := '{MARKED}'::bytea;" for b in spec.bundles),
        *typed,
        f"v_nothing := pgmask_private.stash_leave({setting}, pg_trigger_depth(),",
        "  jsonb_build_object(",
        f"  'rows', v_rows, 'forms', jsonb_build_object({kept}),",
        f"  'truths', jsonb_build_object({truths})));",
    )
    keys = ", ".join(key_json(k, "NEW") for k in spec.unique_keys)
    nothing = (
        f"v_nothing := pgmask_private.stash_leave({setting}, pg_trigger_depth(),\n"
        f"  jsonb_build_object('keys', jsonb_build_array({keys}),\n"
        f"  'forms', jsonb_build_object({kept}), 'typed', {' OR '.join(given) or 'FALSE'}));"
    )
    body = lines(
        meets, f"IF v_rows <> '{{}}' THEN\n{indented(found)}\nELSE\n{indented(nothing)}\nEND IF;"
    )
    return block(f"IF v_up <> '' AND {_not_kept(spec)} THEN", body)


def _truth_of(spec: SealSpec, var: dict[str, str], name: str) -> str:
    for column in spec.columns:
        shadow = masked_shadow(spec, column)
        if column.name == name or (shadow is not None and shadow.text == name):
            return var[column.name]
    raise KeyError(name)


def _sealing(spec: SealSpec, n: int, bundle: Bundle, var: dict[str, str]) -> str:
    columns = spec.of_bundle(bundle)
    if not any(sealed_when(spec, c) for c in columns):
        return ""
    index = blind_indexes(spec, [c for c in columns if c.always], var)
    guard = ""
    if other_keys(spec):
        met = call(spec, "meets", "NEW")
        # DO NOTHING may be all that happens to this row: then it leaves no data key behind.
        guard = block("IF v_key IS NULL AND coalesce(v_up, '') = '' THEN", f"v_marked := {met};")
    make = lines(MAKE_KEY, seal(spec, bundle, var, "v_high"), *index)
    if guard:
        mark = "\n".join(f"  NEW.{b.sealed.quoted} := '{MARKED}'::bytea;" for b in spec.bundles)
        make = lines(guard, f"IF v_marked THEN\n{mark}\nELSE\n{indented(make)}\nEND IF;")
    fresh = lines(subject_of(spec, bundle, "NEW"), FETCH_KEYS, make)
    kept = lines(
        block("IF v_content IS NULL THEN",
              "v_content := pgmask_private.key_content(pgmask_private.current_kek());"),
        *index,
    ) if index else ""  # fmt: skip
    head = f"IF NOT v_marked AND NOT v_kept_{n} AND {any_truth(spec, bundle, var)} THEN"
    if not kept:
        return block(head, fresh)
    return f"{head}\n{indented(fresh)}\nELSIF v_kept_{n} THEN\n{indented(kept)}\nEND IF;"
