"""Expressions and fragments of the generated sealing triggers.

Everything here is PL/pgSQL text. A truth is a ``text`` variable ``v_<n>`` of its column; it flows
through assignments only, so that no plan, log or setting ever holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import indent

from pgmask.compile.sealing_spec import (
    OTHER_GLYPH,
    PLAIN_GLYPH,
    Bundle,
    Coding,
    Rule,
    SealedColumn,
    SealSpec,
    Typed,
)
from pgmask.sqltext import literal

DEFAULT_SUBJECT = "row:"


def lines(*parts: str) -> str:
    """The parts, one below the other, empty ones left out."""
    return "\n".join(p for p in parts if p)


def block(head: str, body: str, tail: str = "END IF;") -> str:
    """A head, the body indented below it, a tail; nothing at all when the body is empty."""
    return f"{head}\n{indent(body, '  ')}\n{tail}" if body else ""


def indented(text: str) -> str:
    """Every line two further in."""
    return "\n".join("  " + line if line else line for line in text.split("\n"))


def any_of(conditions: Iterable[str], *, joiner: str = "OR") -> str:
    """The conditions joined, one a line."""
    return f"\n     {joiner} ".join(conditions)


def field(record: str, column: Typed) -> str:
    """``NEW."phone"``."""
    return f"{record}.{column.name.quoted}"


def uncast(reference: str) -> str:
    """The text of a value by its type's own output function, whatever casts of it there are."""
    # Not format('%s'): drivers take that for a placeholder.
    told = f"pg_catalog.concat({reference})"
    return f"(CASE WHEN {reference} IS DISTINCT FROM NULL THEN {told} END)"


def as_text(reference: str, *, foreign: bool) -> str:
    """A value as text; foreign: its type is not PostgreSQL's own."""
    return uncast(reference) if foreign else f"{reference}::text"


def text_of(column: Typed, reference: str) -> str:
    """The value as the text that is sealed."""
    if column.foreign:
        return uncast(reference)
    match column.coding:
        case Coding.ISO:
            return f"(to_jsonb({reference}) #>> '{{}}')"
        case Coding.UTC:
            return f"((to_jsonb({reference} AT TIME ZONE 'UTC') #>> '{{}}') || '+00')"
        case Coding.HEX:
            return f"encode({reference}, 'hex')"
        case _:
            return f"{reference}::text"


def value_of(column: Typed, text: str, record: str = "NEW") -> str:
    """The text back as a value of the column's type.

    record: a row that has the column; a value of a type of the application's comes out of it,
    because that asks the type's input function and no cast.  Not NULL, or every other column's
    domain would be asked.
    """
    match column.coding:
        case Coding.TEXT:
            return text
        case _ if column.foreign:
            held = f"jsonb_build_object({literal(column.name.text)}, {text})"
            return f"(jsonb_populate_record({record}, {held})).{column.name.quoted}"
        case Coding.HEX:
            return f"decode({text}, 'hex')"
        case _:
            return f"({text})::{column.type}"


def key_value(column: Typed, record: str) -> str:
    """A key value as it stands in associated data: integers as numbers, all else as text."""
    reference = field(record, column)
    return reference if column.coding is Coding.INTEGER else text_of(column, reference)


def row_key(spec: SealSpec, record: str) -> str:
    """The primary key as JSON text."""
    return f"jsonb_build_array({', '.join(key_value(k, record) for k in spec.key)})::text"


def same(column: Typed) -> str:
    """Whether the column is written as it was, by bytes, not by a collation."""
    new, old = field("NEW", column), field("OLD", column)
    if column.coding is Coding.INTEGER or column.coding in (Coding.ISO, Coding.UTC, Coding.HEX):
        return f"{new} IS NOT DISTINCT FROM {old}"
    return same_text(new, old, foreign=column.foreign)


def same_text(new: str, old: str, *, foreign: bool) -> str:
    """Whether two values have the same text."""
    texts = (f'{as_text(r, foreign=foreign)} COLLATE "C"' for r in (new, old))
    return " IS NOT DISTINCT FROM ".join(texts)


def of_grade(spec: SealSpec, record: str = "") -> str:
    """The subject's own grade is a high-value one; NULL for NULL."""
    if spec.own_high is None:
        return "FALSE"
    grades = ", ".join(map(literal, spec.own_high.grades))
    column = (record and f"{record}.") + spec.own_high.column.quoted
    return f"{as_text(column, foreign=spec.own_high.foreign)} IN ({grades})"


def glyph(text: str) -> str:
    """Whether a text holds a mask glyph; NULL for NULL."""
    return (
        f"(strpos({text} COLLATE \"C\", '{PLAIN_GLYPH}') > 0"
        f" OR strpos({text} COLLATE \"C\", '{OTHER_GLYPH}') > 0)"
    )


def any_glyph(texts: Sequence[str]) -> str:
    """Whether one of the texts holds a mask glyph: one test, however many they are."""
    # A function takes 100 arguments.
    some = [texts[n : n + 90] for n in range(0, len(texts), 90)]
    tests = (f"concat({', '.join(s)}) COLLATE \"C\" ~ '[{PLAIN_GLYPH}{OTHER_GLYPH}]'" for s in some)
    return any_of(tests)


def _by_kind(column: SealedColumn, call: str, rule_part: str, default: str) -> str:
    """A call whose function depends on the discriminator; ``default`` where a rule has none."""

    def of(rule: Rule) -> str:
        function = getattr(rule, rule_part)
        return default if function is None else call.replace("@", function)

    if column.chosen is None:
        return of(column.rule)
    cases = " ".join(
        f"WHEN {literal(value)} THEN {of(rule)}" for value, rule in column.chosen.cases
    )
    chosen = as_text(f"NEW.{column.chosen.discriminator.quoted}", foreign=column.chosen.foreign)
    return f"(CASE {chosen} {cases} ELSE {of(column.rule)} END)"


def mask_of(column: SealedColumn, text: str, *, high: bool = False) -> str:
    """The mask of a truth; a glyph of the other sort in a truth of old times is made plain."""
    if high and column.high_mask is not None:
        made = f"{column.high_mask}({text})"
    else:
        made = _by_kind(column, f"@({text})", "mask", f"pgmask.mask_free_text({text})")
    return f"translate({made}, '{OTHER_GLYPH}', '{PLAIN_GLYPH}')"


def is_valid(column: SealedColumn, text: str) -> str | None:
    """The validity test of a truth, None where no kind of the column has one."""
    rules = [column.rule, *(r for _, r in column.chosen.cases)] if column.chosen else [column.rule]
    if not column.validate or all(r.valid is None for r in rules):
        return None
    return _by_kind(column, f"@({text})", "valid", "TRUE")


def blind(spec: SealSpec, column: SealedColumn, text: str) -> str:
    """The blind index of a truth: 64 bits, 128 where unique."""
    normal = _by_kind(column, f"@({text})", "normal", text)
    prefix = literal(f'["{_json(spec.table_id)}", "{_json(column.name)}"]')
    digest = (
        f"hmac(convert_to({prefix} || ({normal}), 'UTF8'), substr(v_content, 77, 32), 'sha256')"
    )
    digest = f"pgmask_crypto.{digest}"
    if column.unique:
        made = f"encode(substr({digest}, 1, 16), 'hex')::uuid"
    else:
        made = f"('x' || encode(substr({digest}, 1, 8), 'hex'))::bit(64)::bigint"
    return f"CASE WHEN {text} <> '' THEN\n    {made} END"


def _json(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def subject_of(spec: SealSpec, bundle: Bundle, record: str) -> str:
    """Assignments of ``v_class`` and ``v_subject`` for a row; without a subject the row itself."""
    row_class = literal(DEFAULT_SUBJECT + spec.table_id)
    if bundle.subject is None:
        return lines(f"v_class := {row_class};", f"v_subject := {row_key(spec, record)};")
    subject = text_of(bundle.subject, field(record, bundle.subject))
    parts = [f"v_class := {literal(bundle.subject_class)};", f"v_subject := {subject};"]
    if bundle.subject.name not in [k.name for k in spec.key]:
        parts.append(
            block(
                "IF v_subject IS NULL THEN",
                lines(f"v_class := {row_class};", f"v_subject := {row_key(spec, record)};"),
            )
        )
    return lines(*parts)


FETCH_KEYS = """\
SELECT k.kek_id, k.fingerprint, l.content, d.epoch, d.kek_id, d.wrapped
  INTO v_kek_id, v_fingerprint, v_content, v_epoch, v_wrapped_by, v_wrapped
  FROM pgmask_private.kek AS k
  LEFT JOIN pgmask_private.loaded_key AS l ON l.kek_id = k.kek_id AND k.provider = 'loaded'
  LEFT JOIN pgmask_private.data_key AS d
    ON d.subject_class = v_class AND d.subject_key = v_subject AND d.state <> 'retired'
 WHERE k.state = 'current';
IF (sha256(v_content) = v_fingerprint) IS NOT TRUE THEN
  v_content := pgmask_private.key_content(v_kek_id);
END IF;
v_key := NULL;
IF v_wrapped IS NOT NULL AND v_wrapped_by = v_kek_id THEN
  v_key := pgmask_crypto.decrypt_iv(
    substr(v_wrapped, 23), substr(v_content, 45, 32), substr(v_wrapped, 7, 16), 'aes-cbc/pad:none');
  IF (substr(pgmask_crypto.hmac(
        substr(v_wrapped, 1, 6)
        || convert_to(jsonb_build_array('data key', v_class, v_subject)::text, 'UTF8')
        || '\\x00'::bytea || v_key,
        substr(v_content, 13, 32), 'sha256'), 1, 16) = substr(v_wrapped, 7, 16)) IS NOT TRUE
  THEN
    v_key := pgmask_private.unwrap(v_content, v_class, v_subject, v_wrapped);
  END IF;
  v_head := int4send(v_epoch);
END IF;"""
"""Key and data key of ``v_class``, ``v_subject`` in one statement; ``v_key`` NULL: not at hand."""

MAKE_KEY = """\
IF v_key IS NULL THEN
  v_key := CASE
    WHEN v_epoch IS NULL THEN pgmask_private.first_data_key(v_content, v_kek_id, v_class, v_subject)
    ELSE pgmask_private.data_key(v_content, v_kek_id, v_class, v_subject)
  END;
  v_head := substr(v_key, 1, 4);
  v_key := substr(v_key, 5);
END IF;"""
"""The data key that seals, made on first use; ``v_head`` its epoch in four bytes."""


def data(spec: SealSpec, bundle: Bundle, record: str) -> str:
    """The associated data of a bundle in a row."""
    key = ", ".join(key_value(k, record) for k in spec.key)
    return f"jsonb_build_array({literal(spec.table_id)}, {literal(bundle.name)}, {key})::text"


def held(column: SealedColumn, variable: str, high: str) -> str:
    """What the bundle holds of a column: nothing of an empty text, level 2 only when high."""
    if column.always:
        return f"nullif({variable}, '')"
    return f"CASE WHEN {high} THEN nullif({variable}, '') END"


def seal(spec: SealSpec, bundle: Bundle, variables: dict[str, str], high: str) -> str:
    """``NEW.<sealed>`` from the truths under ``v_key``, ``v_head``."""
    pairs = ",\n    ".join(
        f"{literal(c.name)}, {held(c, variables[c.name], high)}"
        for c in spec.of_bundle(bundle)
        if c.always or spec.has_high
    )
    return f"""\
v_plain := convert_to(jsonb_strip_nulls(jsonb_build_object(
    {pairs}))::text, 'UTF8');
v_head := '\\x0101'::bytea || v_head;
v_tag := substr(pgmask_crypto.hmac(
  v_head || convert_to({data(spec, bundle, "NEW")}, 'UTF8')
  || '\\x00'::bytea || v_plain, substr(v_key, 1, 32), 'sha256'), 1, 16);
NEW.{bundle.sealed.quoted} := v_head || v_tag
  || pgmask_crypto.encrypt_iv(v_plain, substr(v_key, 33, 32), v_tag, 'aes-cbc/pad:pkcs');"""


def refusal(function: str, *arguments: str) -> str:
    """A call of a function of ``pgmask_private`` that raises."""
    return f"v_nothing := pgmask_private.{function}({', '.join(arguments)});"


KEY_VARIABLES = """\
  v_class text;
  v_subject text;
  v_kek_id integer;
  v_fingerprint bytea;
  v_content bytea;
  v_epoch integer;
  v_wrapped_by integer;
  v_wrapped bytea;
  v_key bytea;
  v_head bytea;
  v_tag bytea;
  v_plain bytea;
  v_nothing text;"""
