"""A function per table that says of one stored row whether its sealing holds."""

from __future__ import annotations

from pgmask.compile.sealing_parts import masked_shadow, variables
from pgmask.compile.sealing_spec import Bundle, SealedColumn, SealSpec
from pgmask.compile.sealing_sql import (
    KEY_VARIABLES,
    blind,
    block,
    data,
    field,
    indented,
    lines,
    mask_of,
    subject_of,
)
from pgmask.sqltext import literal


def verify_body(spec: SealSpec) -> str:
    """The body of ``verify(new)``: NULL when the row is right, else what is wrong and where.

    The parameter is called ``new`` so that the triggers' own expressions serve here.
    Answers: ``plain`` a value left to be sealed, ``unopened``, ``key`` missing though never erased,
    ``mask``, ``index``, each with the bundle or column.
    """
    var = variables(spec)
    declare = "\n".join(f"  {var[c.name]} text;" for c in spec.columns)
    body = lines(*(_bundle(spec, b, var) for b in spec.bundles), "RETURN NULL;")
    guarded = (
        "  " + body.replace("\n", "\n  ")
        + "\nEXCEPTION\n  WHEN SQLSTATE 'PM315' THEN\n    RETURN 'unopened';"
    )  # fmt: skip
    return f"DECLARE\n{declare}\n  v_old jsonb;\n{KEY_VARIABLES}\nBEGIN\n{guarded}\nEND"


def _bundle(spec: SealSpec, bundle: Bundle, var: dict[str, str]) -> str:
    columns = [c for c in spec.of_bundle(bundle) if c.always or spec.has_high]
    sealed = f"NEW.{bundle.sealed.quoted}"
    left = [c for c in columns if c.always]
    plain = " OR ".join(
        f"{field('NEW', c.column)}::text <> ''" if c.text
        else f"{field('NEW', c.column)} IS NOT NULL"
        for c in left
    )  # fmt: skip
    parts = []
    if left:
        parts = (
            [block(f"IF {plain} THEN", f"RETURN {literal(f'plain:{bundle.name}')};")]
            if left
            else []
        )
    opened = lines(
        subject_of(spec, bundle, "NEW"),
        "v_old := pgmask_private.open_carried(",
        f"  v_class, v_subject, {data(spec, bundle, 'NEW')}, {sealed},"
        f" {literal(spec.table_id)}, {literal(bundle.name)});",
        block(
            "IF v_old IS NULL AND NOT EXISTS (\n"
            "  SELECT FROM pgmask_private.data_key AS d\n"
            "   WHERE d.subject_class = v_class AND d.subject_key = v_subject\n"
            "     AND d.state = 'erased')\nTHEN",
            f"RETURN {literal(f'key:{bundle.name}')};",
        ),
        block(
            "IF v_old IS NOT NULL THEN", lines(*(_column(spec, c, var[c.name]) for c in columns))
        ),
    )
    closed = lines(*parts)
    if closed:
        return f"IF {sealed} IS NULL THEN\n{indented(closed)}\nELSE\n{indented(opened)}\nEND IF;"
    return block(f"IF {sealed} IS NOT NULL THEN", opened)


def _column(spec: SealSpec, column: SealedColumn, v: str) -> str:
    new = field("NEW", column.column)
    empty = f", CASE WHEN {new}::text = '' THEN '' END" if column.text else ""
    wrong = (
        f'{new}::text COLLATE "C" IS DISTINCT FROM {mask_of(column, v, high=not column.always)}'
        if column.text
        else f"{new} IS NOT NULL"
    )
    shadow = masked_shadow(spec, column)
    if shadow is not None and column.text:
        wrong += (
            f'\n     OR NEW.{shadow.quoted}::text COLLATE "C" IS DISTINCT FROM {mask_of(column, v)}'
        )
    tests = [block(f"IF {wrong} THEN", f"RETURN {literal(f'mask:{column.name}')};")]
    if column.index_column is not None:
        tests.append(
            lines(
                block("IF v_content IS NULL THEN",
                      "v_content := pgmask_private.key_content(pgmask_private.current_kek());"),
                block(
                    f"IF NEW.{column.index_column.quoted} IS DISTINCT FROM"
                    f" ({blind(spec, column, v)}) THEN",
                    f"RETURN {literal(f'index:{column.name}')};",
                ),
            )
        )  # fmt: skip
    body = lines(f"{v} := coalesce(v_old ->> {literal(column.name)}{empty});", *tests)
    return body if column.always else block("IF NEW.pgmask_high_value THEN", body)
