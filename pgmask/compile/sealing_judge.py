"""What a value must meet: validity, cross checks, CHECKs that moved here, values many share."""

from __future__ import annotations

from collections.abc import Iterable

from pgmask.compile.sealing_parts import call
from pgmask.compile.sealing_rewrite import replace_columns
from pgmask.compile.sealing_spec import Coding, SealedColumn, SealSpec, Typed
from pgmask.compile.sealing_sql import any_of, block, field, lines, refusal, text_of, value_of
from pgmask.names import Name
from pgmask.sqltext import literal


def refuse_all(
    spec: SealSpec, conditions: Iterable[tuple[SealedColumn, str]], why: str, *, test: str = ""
) -> str:
    """One test for all columns; only when it holds, the column that is named is looked for.

    test: what says the same as all conditions together, where there is something shorter.
    """
    found = list(conditions)
    if not found:
        return ""
    cases = " ".join(f"WHEN {t} THEN {literal(c.name)}" for c, t in found)
    return block(
        "IF " + (test or any_of(t for _, t in found)) + "\nTHEN",
        refusal("refuse_value", literal(spec.table_id), f"CASE {cases} END", why),
    )


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

    kept: by column, the condition under which a value is not a new one and is only flagged.  A new
    value that contradicts a sealed one is only flagged, too: the refusal would tell a guesser when
    he has hit it.
    """
    parts = []
    by_name = {c.name: c for c in spec.columns}
    for column in columns:
        v = var[column.name]
        for check, other in column.cross:
            text = other_text(spec, var, other)
            if check == "birth_date":
                digits = f"left(translate({text}, '-/. ', ''), 8)"
                wrong = f"to_char(pgmask.birth_date_of_cn_id_card({v}), 'YYYYMMDD') <> {digits}"
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
                quiet = kept[column.name]
                if other in by_name:
                    hidden = "" if by_name[other].always else " AND OLD.pgmask_high_value"
                    quiet = f"({quiet}) OR (({kept[other]}){hidden})"
                refuse = (
                    f"IF {quiet} THEN\n"
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
        # To its domain a truth goes as text, by no way over another type.
        test = replace_columns(
            check.expression, truth if check.domain is None else lambda n: f"({var[n]})"
        )
        refuse = refusal("refuse_value", literal(spec.table_id), "''",
                         literal(f"check {check.name.text}"))  # fmt: skip
        parts.append(block(f"IF ({test}) IS FALSE THEN", refuse))
    return block(f"IF {guard} THEN", lines(*parts))


def shared(spec: SealSpec, column: SealedColumn) -> str:
    """Flag a value that many other rows have, counted on the blind index up to the bound."""
    if column.index_column is None or column.shared_by is None:
        return ""
    return flag(column, "shared", call(spec, f"shared_{column.name}", "NEW"))
