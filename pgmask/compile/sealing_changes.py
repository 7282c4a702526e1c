"""When a write concerns sealed values, and which rows ``pgmask seal`` still has work in."""

from __future__ import annotations

from pgmask.compile.sealing_parts import masked_shadow
from pgmask.compile.sealing_rewrite import columns_of
from pgmask.compile.sealing_spec import Bundle, SealedColumn, SealSpec, Typed
from pgmask.compile.sealing_sql import field, glyph, of_grade, same, same_text
from pgmask.names import Name


def shadow_same(name: Name, source: Typed) -> str:
    """Whether a shadow column is written as it was."""
    return same_text(f"NEW.{name.quoted}", f"OLD.{name.quoted}", foreign=source.foreign)


def _watched(spec: SealSpec) -> list[Typed]:
    """Columns that are not sealed and whose change concerns sealed ones."""
    found: dict[str, Typed] = {k.name.text: k for k in spec.key}
    for bundle in spec.bundles:
        if bundle.subject is not None:
            found.setdefault(bundle.subject.name.text, bundle.subject)
    for typed in spec.others:
        found.setdefault(typed.name.text, typed)
    return list(found.values())


def unconcerned(spec: SealSpec) -> list[str]:
    """When a write changes nothing that sealing, row access or a moved CHECK looks at."""
    tests = [same(c.column) for c in spec.columns]
    tests += [shadow_same(s.name, s.source) for s in spec.shadows if not s.hidden]
    tests += [same(t) for t in _watched(spec) if t.name.text not in {c.name for c in spec.columns}]
    if spec.own_high is not None:
        tests.append(f"(NEW.pgmask_high_value OR ({of_grade(spec, 'NEW')}) IS NOT TRUE)")
    for plain in ("pgmask_high_value", "pgmask_restricted", "pgmask_quality"):
        tests.append(f"NEW.{plain} IS NOT DISTINCT FROM OLD.{plain}")
    if spec.unit is not None and spec.dependants:
        unit = spec.unit.quoted
        tests.append(f"NEW.{unit} IS NOT DISTINCT FROM OLD.{unit}")
    return tests


def unchanged(spec: SealSpec) -> list[str]:
    """When nothing that concerns sealing changed, and nothing is left to be sealed."""
    tests = unconcerned(spec)
    for bundle in spec.bundles:
        sealed = bundle.sealed.quoted
        tests.append(f"NEW.{sealed} IS NOT DISTINCT FROM OLD.{sealed}")
        always = [c for c in spec.of_bundle(bundle) if c.always]
        if always:
            tests.append(f"(NEW.{sealed} IS NOT NULL OR NOT ({plain_left(always, 'NEW')}))")
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


def plain_left(columns: list[SealedColumn], record: str) -> str:
    """Whether a row without a sealed value has something that belongs into one."""
    return " OR ".join(
        f"coalesce({field(record, c.column)}::text, '') <> ''"
        if c.text
        else f"{field(record, c.column)} IS NOT NULL"
        for c in columns
    )


def late_left(columns: list[SealedColumn], record: str = "") -> str:
    """Whether a row that has its sealed value holds a plain one beside it.

    So it is when a column is classified after its table was sealed.  A value with a mask glyph
    cannot be told from a mask and counts as one; the verification finds it.
    """
    tests = []
    for column in columns:
        at = field(record, column.column) if record else column.column.name.quoted
        plain = f"coalesce({at}::text, '') <> '' AND NOT {glyph(f'{at}::text')}"
        tests.append(f"({plain})" if column.text else f"{at} IS NOT NULL")
    return " OR ".join(tests)


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
            tests.append(f"({bundle.sealed.quoted} IS NOT NULL AND ({late_left(always)}))")
    level_2 = [c for c in spec.columns if not c.always]
    if spec.has_high and level_2:
        tests.append(f"(pgmask_high_value AND ({late_left(level_2)}))")
    for column in spec.columns:
        shadow = masked_shadow(spec, column)
        if shadow is not None and column.text:
            tests.append(f"({shadow.quoted} IS NULL AND {column.column.name.quoted} IS NOT NULL)")
        if not column.always and column.index_column is not None:
            tests.append(
                f"({column.index_column.quoted} IS NULL"
                f" AND {column.column.name.quoted}::text <> '')"
            )
    if spec.own_high is not None:
        tests.append(f"(NOT pgmask_high_value AND {of_grade(spec)})")
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


def touched(spec: SealSpec, bundle: Bundle) -> list[str]:
    """When a bundle must be opened, judged and sealed again."""
    columns = spec.of_bundle(bundle)
    always = [c for c in columns if c.always]
    tests: list[str] = []
    if always:
        tests.append(f"(OLD.{bundle.sealed.quoted} IS NULL AND ({plain_left(always, 'OLD')}))")
        tests.append(f"(OLD.{bundle.sealed.quoted} IS NOT NULL AND ({late_left(always, 'OLD')}))")
    for column in always:
        tests.append(f"NOT ({same(column.column)})")
        shadow = masked_shadow(spec, column)
        if shadow is not None:
            tests.append(f"NOT ({shadow_same(shadow, column.column)})")
    if spec.has_high:
        tests.append("v_high <> OLD.pgmask_high_value")
        level_2 = [c for c in columns if not c.always]
        changed = [f"NOT ({same(c.column)})" for c in level_2]
        for column in level_2:
            shadow = masked_shadow(spec, column)
            if shadow is not None:
                changed.append(f"NOT ({shadow_same(shadow, column.column)})")
        if changed:
            changed.append(late_left(level_2, "OLD"))
            tests.append(f"(OLD.pgmask_high_value AND ({' OR '.join(changed)}))")
    moves = list(spec.key) + ([bundle.subject] if bundle.subject is not None else [])
    names = {c.name for c in columns}
    related = {c.chosen.discriminator.text for c in columns if c.chosen}
    related |= {other for c in always for _, other in c.cross}
    for check in spec.moved:
        read = set(columns_of(check.expression))
        if read & {c.name for c in always}:
            related |= read
    watched = {
        t.name.text: t for t in (*moves, *(t for t in spec.others if t.name.text in related))
    }
    watched |= {c.name: c.column for c in spec.columns if c.name in related and not c.always}
    tests += [f"NOT ({same(t)})" for n, t in watched.items() if n not in names or n in related]
    return tests or ["FALSE"]
