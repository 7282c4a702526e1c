"""The first step of a reveal: who may, for what and how often, and the ticket (B2, B3)."""

from __future__ import annotations

from pgmask.catalogue.model import Operation, Reveal
from pgmask.compile.policies import row_condition
from pgmask.compile.reveal_cases import beside, case_check
from pgmask.compile.reveal_open import DECLARE, row_state
from pgmask.compile.reveal_sql import Shown, body, texts
from pgmask.compile.sealing import OWN
from pgmask.compile.sealing_reads import READER_ONLY
from pgmask.compile.sealing_spec import Bundle
from pgmask.compile.sealing_sql import block, lines


def request_body(shown: Shown, rule: Reveal, columns: tuple[str, ...]) -> str:
    """The body of ``<table>_reveal_request``."""
    own = shown.by_bundle(columns)
    default = next((names for b, names in own if b.name == OWN), own[0][1] if len(own) == 1 else ())
    cases = [p for p in rule.purposes if p.case is not None]
    table = shown.table
    declare = lines(
        DECLARE, "  v_columns text[];", "  v_for_class text;", "  v_for_subject text;",
        "  v_case boolean;", "  v_known bigint;", "  v_own bigint;", "  v_state text;",
    )  # fmt: skip
    return body(
        declare,
        shown.who(rule.second_factor_within),
        f"v_columns := pgmask_private.asked_columns(\n  p_columns, {texts(columns)},"
        f" {texts(default)}, {table});",
        "v_nothing := pgmask_private.check_purpose(\n"
        f"  p_purpose, p_reference, {texts(p.name for p in rule.purposes)},"
        f" {texts(p.name for p in cases)}, {table});",
        "-- Counted before anything answers.",
        _spend("reveal_day", rule.per_day, table),
        _spend("reveal_month", rule.per_month, table) if rule.per_month else "",
        f"v_found := {shown.reads('find', 'p_key')};",
        _missing(shown),
        "-- Of whom the columns speak.",
        *(_for_subject(shown, bundle, names) for bundle, names in own),
        *(case_check(shown, purpose) for purpose in cases),
        _share(shown, rule.share_per_month) if rule.share_per_month else "",
        "v_nothing := pgmask_private.limit_subject(\n"
        f"  v_for_class, v_for_subject, {rule.per_subject_per_day}, {table});"
        if rule.per_subject_per_day else "",
        f"v_state := {row_state(shown, columns)};",
        "RETURN pgmask_private.write_ticket(\n"
        f"  'reveal', p_purpose, p_reference, {table}, {shown.row_key},\n"
        "  v_for_class, v_for_subject, v_columns, v_state);",
    )  # fmt: skip


def _spend(what: str, limit: int, table: str) -> str:
    return f"v_nothing := pgmask_private.spend('{what}', v_me.person_id, {limit}, {table})::text;"


def _missing(shown: Shown) -> str:
    """A high-value row that is otherwise reached, or no row: hidden and absent are the same."""
    bundle = shown.spec.bundles[0]
    call = f"pgmask_private.whom_to_call({shown.unit}, v_class, v_subject)"
    return lines(
        f"IF v_found IS NULL THEN\n  v_nothing := {shown.refuse('PM407')};\nEND IF;",
        block(
            "IF v_found.high IS NOT FALSE THEN",
            lines(shown.subject(bundle), f"v_nothing := {shown.refuse('PM408', call)};"),
        ),
    )


def _for_subject(shown: Shown, bundle: Bundle, names: tuple[str, ...]) -> str:
    return block(
        f"IF v_columns && {texts(names)} THEN",
        lines(
            shown.subject(bundle),
            "IF v_for_class IS NULL THEN",
            "  v_for_class := v_class;",
            "  v_for_subject := v_subject;",
            "ELSIF (v_class = v_for_class AND v_subject = v_for_subject) IS NOT TRUE THEN",
            f"  v_nothing := {shown.refuse('PM409')};",
            "END IF;",
        ),
    )


def _share(shown: Shown, percent: int) -> str:
    """Not more than a share of the customers whom the person's own view shows.

    They are counted only as far as the answer needs it.
    """
    most = f"(v_known - 1) * 100 / {percent}"
    return (
        "v_known := pgmask_private.subjects_of_month(\n"
        f"  v_me.person_id, v_for_class, v_for_subject, {shown.table});\n"
        f"v_own := {shown.reads('own', f'{most} + 1')};\n"
        f"IF (v_own > {most}) IS NOT TRUE THEN\n"
        "  v_nothing := pgmask_private.refuse_reveal(\n"
        f"    'PM405', {shown.table},"
        f" format('Customers this month: %s, more than {percent} per cent of the own ones.',"
        " v_known),\n    'Go on next month (UTC).');\nEND IF;"
    )


def own_customers(shown: Shown) -> str:
    """Counts the rows that the person's row rule gives him, up to ``p_most``.

    Not those that this transaction wrote, or a later one: customers entered for the count, and
    taken back after it, are none.  Every number of a subtransaction comes after its transaction's;
    very old numbers look like very new ones.
    """
    profile, subject = shown.profile, shown.context.subject
    home = shown.context.catalogue.table(subject.table) if subject is not None else None
    context = shown.context
    if home is not None and Operation.SELECT in profile.may(home):
        context = beside(context, home) or context
    return body(
        "  v_own bigint;",
        READER_ONLY,
        f"SELECT count(*) INTO v_own\n  FROM (\n"
        f"    SELECT FROM {context.place.quoted} AS s\n"
        f"     WHERE {row_condition(context, profile, 's.')}\n"
        "       AND age(s.xmin) NOT BETWEEN -1000000000 AND 0\n"
        "     LIMIT p_most) AS c;",
        "RETURN v_own;",
    )
