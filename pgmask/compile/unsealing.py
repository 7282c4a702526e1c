"""The triggers of a table on its way back: what is sealed comes back into the columns.

They stand in the place of the sealing triggers, under the same names, from the moment in which an
approved ``pgmask unseal`` begins with the table until ``pgmask uninstall`` gives it back.  A row is
opened by the first UPDATE that meets it, a batch's or the application's own; ``pgmask_opened`` says
so: NULL not yet, true opened (or written plain), false a mask stays because a subject was erased.
What is written meanwhile stays plain.  The sealed value stays beside what came out of it, for the
verification, until the row's value, key or subject changes.

What the table promised before goes on: moved CHECKs and NOT NULLs, uniqueness by the blind index,
flags and units of subjects, shadow columns.  A mask written back never overwrites a truth.

Truths flow by assignment only, never into a statement (A51).
"""

from __future__ import annotations

from pgmask.compile.sealing_changes import shadow_same, unconcerned
from pgmask.compile.sealing_insert import hidden_row
from pgmask.compile.sealing_judge import moved_checks, refuse_all
from pgmask.compile.sealing_parts import (
    blind_indexes,
    hidden,
    high_value,
    label,
    masked_shadow,
    propagate,
    shadow_masks,
    spend,
    variables,
)
from pgmask.compile.sealing_spec import Bundle, SealedColumn, SealSpec
from pgmask.compile.sealing_sql import (
    KEY_VARIABLES,
    any_of,
    block,
    data,
    field,
    glyph,
    indented,
    lines,
    refusal,
    same,
    subject_of,
    text_of,
    value_of,
)
from pgmask.compile.sealing_update import only_looked_at, order_after_dependants, retire
from pgmask.names import Name
from pgmask.sqltext import literal

OPENED = Name("pgmask_opened")


def insert_body(spec: SealSpec) -> str:
    """The body of the INSERT row trigger: plain rows stay plain.

    A row that brings its sealed value (a restore, a move between partitions) comes as it is.
    """
    var = variables(spec)
    carried = any_of(f"NEW.{b.sealed.quoted} IS NOT NULL" for b in spec.bundles)
    truths = [f"{var[c.name]} := {text_of(c.column, field('NEW', c.column))};"
              for c in spec.columns]  # fmt: skip
    body = lines(
        block(f"IF {carried} THEN", "RETURN NEW;"),
        hidden(spec, update=False),
        *(_through(spec, c, f"NEW.{s.quoted} IS NOT NULL") for c in spec.columns
          if (s := masked_shadow(spec, c)) is not None),
        high_value(spec, "NEW"),
        refuse_all(spec, [(c, glyph(f"{field('NEW', c.column)}::text")) for c in spec.columns
                          if c.text and c.always], "'glyph'"),
        refuse_all(spec, [(c, f"{field('NEW', c.column)} IS NULL") for c in spec.columns
                          if c.not_null], "'missing'"),
        *truths,
        moved_checks(spec, var, guard="TRUE"),
        *shadow_masks(spec, var),
        spend(spec, var, {c.name: "TRUE" for c in spec.columns}),
        hidden_row(spec),
        _index(spec, var, {c.name: "TRUE" for c in spec.columns}),
        f"NEW.{OPENED.quoted} := TRUE;",
        propagate(spec, update=False),
        "RETURN NEW;",
    )  # fmt: skip
    kept = [f"  v_kept_{n} boolean := FALSE;" for n, _ in enumerate(spec.bundles)]
    return _function(spec, var, kept, body)


def update_body(spec: SealSpec) -> str:
    """The body of the UPDATE row trigger: open what is still sealed, keep what is written."""
    var = variables(spec)
    bundles = tuple(enumerate(spec.bundles))
    new = {c.name: f"v_new_{m}" for m, c in enumerate(spec.columns)}
    declare = [f"  v_new_{m} boolean := FALSE;" for m, _ in enumerate(spec.columns)]
    declare += [f"  v_kept_{n} boolean := TRUE;" for n, _ in bundles]
    declare += [
        "  v_own record;",
        "  v_old jsonb;",
        "  v_stays boolean := OLD.pgmask_opened IS FALSE;",
    ]
    truths = [f"{var[c.name]} := {text_of(c.column, field('NEW', c.column))};"
              for c in spec.columns]  # fmt: skip
    looked = f"OLD.{OPENED.quoted} IS NULL AND NEW.{OPENED.quoted} IS FALSE"
    body = lines(
        only_looked_at(spec, looked),
        hidden(spec, update=True),
        block(
            f"IF OLD.{OPENED.quoted} IS NOT NULL AND "
            + any_of(unconcerned(spec), joiner="AND") + "\nTHEN",
            "RETURN NEW;",
        ),
        block("IF " + any_of(f"NEW.{b.sealed.quoted} IS DISTINCT FROM OLD.{b.sealed.quoted}"
                             for b in spec.bundles) + " THEN", "RETURN NEW;"),
        *(_written(spec, c, new[c.name]) for c in spec.columns),
        block(f"IF OLD.{OPENED.quoted} IS NULL THEN",
              lines(*(_open(spec, b, new) for _, b in bundles),
                    f"NEW.{OPENED.quoted} := NOT v_stays;")),
        high_value(spec, "NEW"),
        order_after_dependants(spec),
        *truths,
        refuse_all(spec, [(c, f"({new[c.name]} AND {field('NEW', c.column)} IS NULL)")
                          for c in spec.columns if c.not_null], "'missing'"),
        _moved(spec, var, new),
        *shadow_masks(spec, var),
        spend(spec, var, new),
        _index(spec, var, new),
        *(_forget(spec, n, b, new) for n, b in bundles),
        retire(spec),
        propagate(spec, update=True),
        "RETURN NEW;",
    )  # fmt: skip
    return _function(spec, var, declare, body)


def verify_body(spec: SealSpec) -> str:
    """The body of ``verify(new)``: NULL when the row holds what was sealed, else what is wrong.

    Answers: ``closed`` a sealed value not yet opened, ``differs`` the column does not hold what the
    sealed value says, ``key`` the data key is gone though nobody erased it, ``unopened`` damaged,
    each with the bundle or column.
    """
    parts = []
    for bundle in spec.bundles:
        sealed = f"NEW.{bundle.sealed.quoted}"
        differs = [
            block(
                f"IF v_old ? {literal(c.name)} AND {text_of(c.column, field('NEW', c.column))}"
                f' COLLATE "C" IS DISTINCT FROM v_old ->> {literal(c.name)} THEN',
                f"RETURN {literal(f'differs:{c.name}')};",
            )
            for c in _inside(spec, bundle)
        ]
        parts.append(
            block(
                f"IF {sealed} IS NOT NULL THEN",
                lines(
                    block(f"IF NEW.{OPENED.quoted} IS NULL THEN",
                          f"RETURN {literal(f'closed:{bundle.name}')};"),
                    _opened(spec, bundle, "NEW"),
                    block(f"IF v_old IS NULL AND NEW.{OPENED.quoted} THEN",
                          f"RETURN {literal(f'closed:{bundle.name}')};"),
                    *differs,
                ),
            )
        )  # fmt: skip
    body = indented(lines(*parts, "RETURN NULL;"))
    return (
        f"DECLARE\n  v_old jsonb;\n{KEY_VARIABLES}\nBEGIN\n{body}\nEXCEPTION\n"
        "  WHEN SQLSTATE 'PM314' THEN\n    RETURN 'key';\n"
        "  WHEN SQLSTATE 'PM315' THEN\n    RETURN 'unopened';\nEND"
    )


def _function(spec: SealSpec, var: dict[str, str], declare: list[str], body: str) -> str:
    head = [f"  {var[c.name]} text;  -- {label(c)}" for c in spec.columns]
    head += declare
    if spec.has_high:
        head.append("  v_high boolean := NEW.pgmask_high_value;")
    if any(b.row for b in spec.bundles):
        head += ["  v_look record;"]
    return "DECLARE\n" + "\n".join(head) + f"\n{KEY_VARIABLES}\nBEGIN\n{indented(body)}\nEND"


def _inside(spec: SealSpec, bundle: Bundle) -> list[SealedColumn]:
    """The columns whose truth a sealed value of the bundle may hold."""
    return [c for c in spec.of_bundle(bundle) if c.always or spec.has_high]


def _opened(spec: SealSpec, bundle: Bundle, record: str) -> str:
    """``v_old``: the truths of a bundle, NULL where its subject was erased."""
    return lines(
        subject_of(spec, bundle, record),
        "v_old := pgmask_private.open_bundle(",
        f"  v_class, v_subject, {data(spec, bundle, record)}, {record}.{bundle.sealed.quoted},"
        f" {literal(spec.table_id)}, {literal(bundle.name)});",
    )


def _open(spec: SealSpec, bundle: Bundle, new: dict[str, str]) -> str:
    """Put the truths of a bundle into the columns that this write leaves as they were."""
    puts = [
        block(
            f"IF NOT {new[c.name]} AND v_old ? {literal(c.name)} THEN",
            f"{field('NEW', c.column)} := {value_of(c.column, f'(v_old ->> {literal(c.name)})')};",
        )
        for c in _inside(spec, bundle)
    ]
    return block(
        f"IF OLD.{bundle.sealed.quoted} IS NOT NULL THEN",
        lines(
            _opened(spec, bundle, "OLD"),
            f"IF v_old IS NULL THEN\n  v_stays := TRUE;\nELSE\n{indented(lines(*puts))}\nEND IF;"
            if puts
            else "",
        ),
    )


def _written(spec: SealSpec, column: SealedColumn, new: str) -> str:
    """Tell a new value from the stored one; refuse masks, and NULLs that were only stored forms."""
    now, old = field("NEW", column.column), field("OLD", column.column)
    parts = [f"{new} := NOT ({same(column.column)});"]
    refuse = ""
    if column.text:
        masked = "" if column.always else "OLD.pgmask_high_value AND "
        if column.always or spec.has_high:
            refuse = block(
                f"IF {new} AND {masked}{glyph(f'{now}::text')} THEN",
                refusal("refuse_mask", literal(spec.table_id), literal(column.name),
                        f"{now}::text", f"{old}::text"),
            )  # fmt: skip
    elif column.always or spec.has_high:
        high = "" if column.always else " AND OLD.pgmask_high_value"
        refuse = block(
            f"IF {new} AND {now} IS NULL{high} THEN",
            refusal("refuse_stale_null", literal(spec.table_id), literal(column.name)),
        )
    parts.append(refuse)
    shadow = masked_shadow(spec, column)
    if shadow is not None:
        written = (
            f"NOT ({shadow_same(shadow, column.column)})"
            if column.text
            else f"NEW.{shadow.quoted} IS NOT NULL"
        )
        parts.append(_through(spec, column, written, f"{new} := TRUE;"))
    return lines(*parts)


def _through(spec: SealSpec, column: SealedColumn, written: str, note: str = "") -> str:
    """A write through the shadow is a write of the column."""
    shadow = masked_shadow(spec, column)
    assert shadow is not None  # noqa: S101  asked by the callers
    reference = f"NEW.{shadow.quoted}"
    refuse = refusal("refuse_value", literal(spec.table_id), literal(column.name), "'glyph'")
    return block(
        f"IF {written} THEN",
        lines(
            block(f"IF {glyph(reference + '::text')} THEN", refuse) if column.text else "",
            f"{field('NEW', column.column)} := {reference};",
            note,
        ),
    )


def _moved(spec: SealSpec, var: dict[str, str], new: dict[str, str]) -> str:
    """Moved CHECKs, when something is written; not over masks that stay."""
    if not spec.moved:
        return ""
    typed = [f"NOT ({same(t)})" for t in spec.others]
    guard = any_of([*new.values(), *typed], joiner="OR")
    return moved_checks(spec, var, guard=f"NOT v_stays AND ({guard})")


def _index(spec: SealSpec, var: dict[str, str], new: dict[str, str]) -> str:
    """The blind indexes of new values: uniqueness between opened and sealed rows."""
    parts = []
    for column in spec.columns:
        if column.index_column is None:
            continue
        assign = blind_indexes(spec, [column], var)
        content = block(
            f"IF {var[column.name]} <> '' AND v_content IS NULL THEN",
            "v_content := pgmask_private.key_content(pgmask_private.current_kek());",
        )
        given = new[column.name]
        parts.append(
            lines(content, *assign) if given == "TRUE"
            else block(f"IF {given} THEN", lines(content, *assign))
        )  # fmt: skip
    return lines(*parts)


def _forget(spec: SealSpec, n: int, bundle: Bundle, new: dict[str, str]) -> str:
    """A sealed value that says something else than the row does is of no use any more."""
    changed = [new[c.name] for c in _inside(spec, bundle)]
    moves = [*spec.key, *([bundle.subject] if bundle.subject is not None else [])]
    changed += list(dict.fromkeys(f"NOT ({same(t)})" for t in moves))
    return block(
        f"IF {any_of(changed)} THEN",
        f"NEW.{bundle.sealed.quoted} := NULL;",
    )
