"""The second step of a reveal: the row of a ticket, as it was asked for, opened (B2)."""

from __future__ import annotations

from textwrap import indent

from pgmask.catalogue.model import Reveal
from pgmask.compile.columns import HIGH_VALUE
from pgmask.compile.reveal_sql import STORED, Shown, body, texts
from pgmask.compile.sealing_spec import Bundle
from pgmask.compile.sealing_sql import as_text, block, data, field, lines, value_of
from pgmask.names import Name
from pgmask.sqltext import literal

CHANGED = "'It has changed since it was asked for: ask again.'"
DECLARE = """\
  v_me record;
  v_found record;
  v_class text;
  v_subject text;
  v_nothing text;"""


def reveal_body(shown: Shown, rule: Reveal, columns: tuple[str, ...]) -> str:
    """The body of ``<table>_reveal``."""
    declare = lines(
        DECLARE, "  v_ticket pgmask_audit.ticket;", f"  v_row {shown.view.quoted};",
        "  v_sealed bytea;", "  v_open jsonb;", "  v_text text;",
    )  # fmt: skip
    return body(
        declare,
        shown.who(rule.second_factor_within),
        "v_ticket := pgmask_private.redeem_ticket(\n"
        f"  p_ticket, {literal(shown.profile.name)}, {shown.table});",
        f"IF (v_ticket.columns <@ {texts(columns)}\n"
        f"    AND v_ticket.purpose = ANY ({texts(p.name for p in rule.purposes)})) IS NOT TRUE"
        f" THEN\n  v_nothing := {shown.refuse('PM406')};\nEND IF;",
        f"v_found := {shown.reads('find', 'v_ticket.row_key')};",
        f"IF v_found IS NULL THEN\n  v_nothing := {shown.refuse('PM407')};\nEND IF;",
        f"IF v_found.high IS NOT FALSE THEN\n  v_nothing := {shown.refuse('PM407')};\nEND IF;",
        "-- The row that was asked for, and not another one that has taken its place.",
        f"IF (v_ticket.digest = {row_state(shown, columns)}) IS NOT TRUE THEN\n"
        f"  v_nothing := {shown.refuse('PM407', CHANGED)};\nEND IF;",
        "v_row := v_found.shown;",
        *(_opened(shown, bundle, names) for bundle, names in shown.by_bundle(columns)),
        "v_open := NULL;",
        "v_text := NULL;",
        "RETURN NEXT v_row;",
    )


def row_state(shown: Shown, columns: tuple[str, ...]) -> str:
    """What the row holds of the columns: sealed values, and what is stored as it is."""
    parts = []
    for bundle, names in shown.by_bundle(columns):
        found = [(n, shown.sealed(n)) for n in names]
        if any(sealed is not None for _, sealed in found):
            parts.append(f"encode({STORED}.{bundle.sealed.quoted}, 'hex')")
        parts += [
            as_text(f"{STORED}.{Name(n).quoted}", foreign=shown.context.fact(n).foreign)
            for n, sealed in found
            if sealed is None or not sealed.always
        ]
    held = ",\n    ".join(parts)
    return f"pgmask_private.ticket_state(\n  jsonb_build_array(\n    {held})::text, {shown.table})"


def _opened(shown: Shown, bundle: Bundle, names: tuple[str, ...]) -> str:
    """The truths of one bundle into the row."""
    spec = shown.spec
    sealed = any(shown.sealed(n) is not None for n in names)
    opens = lines(
        f"v_sealed := {STORED}.{bundle.sealed.quoted};",
        "v_open := NULL;",
        block(
            "IF v_sealed IS NOT NULL THEN",
            "v_open := pgmask_private.open_for_reveal(\n"
            f"  v_class, v_subject, {data(spec, bundle, STORED)}, v_sealed,\n"
            f"  {shown.table}, {literal(bundle.name)});",
        ),
    )
    return block(
        f"IF v_ticket.columns && {texts(names)} THEN",
        lines(
            shown.subject(bundle),
            "IF (v_class = v_ticket.subject_class"
            " AND v_subject = v_ticket.subject_key) IS NOT TRUE THEN\n"
            f"  v_nothing := {shown.refuse('PM407')};\nEND IF;",
            opens if sealed else "",
            *(_column(shown, n) for n in names),
        ),
    )


def _column(shown: Shown, name: str) -> str:
    sealed = shown.sealed(name)
    target = f"v_row.{Name(name).quoted}"
    stored = f"{STORED}.{Name(name).quoted}"
    if sealed is None:
        return block(f"IF {literal(name)} = ANY (v_ticket.columns) THEN", f"{target} := {stored};")
    column = sealed.column
    empty = f", CASE WHEN {field(STORED, column)}::text = '' THEN '' END" if sealed.text else ""
    held = f"v_open ->> {literal(name)}"
    truth = f"v_text := coalesce({held}{empty});" if empty else f"v_text := {held};"
    taken = lines(truth, f"{target} := {value_of(column, 'v_text', 'v_row')};")
    if not sealed.text:
        # What cannot be read as the type must not be told by PostgreSQL's own error.
        taken = (
            f"BEGIN\n{indent(taken, '  ')}\nEXCEPTION\n  WHEN data_exception THEN\n"
            f"    v_nothing := {shown.refuse('PM315')};\nEND;"
        )
    test = "v_open IS NOT NULL"
    if not sealed.always:
        test += f" AND {STORED}.{HIGH_VALUE.quoted}"
    return block(
        f"IF {literal(name)} = ANY (v_ticket.columns) THEN",
        f"IF {test} THEN\n{indent(taken, '  ')}\nELSE\n  {target} := {stored};\nEND IF;",
    )
