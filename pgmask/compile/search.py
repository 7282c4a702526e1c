"""Search: one function per profile and searchable column (B3).

``<view schema>.<table>_by_<column>(value)`` gives the rows that the profile's view shows and whose
truth is the value, masked as ever.  It is one call, usable in FROM; it is counted, recorded and
noted before anything answers (``pgmask_private.begin_search``).  The blind index finds candidates,
the opened value decides: 64 bits are no proof.  Stores and views are read by functions of a role
that reaches no key (``reveal_sql``).
"""

from __future__ import annotations

from textwrap import indent

from pgmask.catalogue.model import Operation, Profile, Rows, Search
from pgmask.compile.columns import HIGH_VALUE
from pgmask.compile.context import Context, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.reveal_sql import STORED, Shown, body, execute, function, reader, texts, told
from pgmask.compile.sealing_reads import READER_ONLY
from pgmask.compile.sealing_spec import SealedColumn
from pgmask.compile.sealing_sql import blind, block, data, field, lines, mask_of, row_key, uncast
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import literal

MOST = 100
"""Rows with one value that a search looks at; a number that more rows share is nobody's."""


def search_name(context: Context, profile: Profile, column: str) -> QualName:
    """``<view schema>.<table>_by_<column>``."""
    view = context.view(profile)
    return QualName(view.schema, derived("", view.name.text, "by", column))


def bulk_name(context: Context, profile: Profile, column: str) -> QualName:
    """``<view schema>.<table>_by_<column>_bulk``."""
    view = context.view(profile)
    return QualName(view.schema, derived("", view.name.text, "by", column, "bulk"))


def rule_of(context: Context, profile: Profile) -> Search | None:
    """The profile's rule, where it searches this table."""
    return profile.search if searched(context, profile) else None


def searched(context: Context, profile: Profile) -> tuple[str, ...]:
    """The columns of this table that the profile may search."""
    if profile.search is None or Operation.SELECT not in profile.may(context.table):
        return ()
    names = {
        name
        for table, _, name in (c.rpartition(".") for c in profile.search.columns)
        if table == context.table.id
    }
    return tuple(
        c.name for c in context.table.columns if c.name in names and not c.never_shown and c.sealed
    )


def searches(shown: Shown, columns: tuple[str, ...]) -> list[Object]:
    """The functions of one profile, and the indexes they look in."""
    found: list[Object] = []
    context, profile = shown.context, shown.profile
    rule = profile.search
    for name in columns:
        column = shown.sealed(name)
        if rule is None or column is None or column.index_column is None:
            continue  # the column is not in the database yet; named by the compiler's problems
        one, many = search_name(context, profile, name), bulk_name(context, profile, name)
        returns = f"SETOF {shown.view.quoted}"
        index = _index(shown, column)
        near = _near_index(shown, column)
        found += [i for i in (index, near) if i is not None]
        found += [
            reader(
                shown, f"by_{name}", f"p_index {_kind(column)}", "SETOF record",
                _candidates(shown, column), f"Rows of {context.table.id} that may have a {name}",
            ),
            *(
                [
                    reader(
                        shown, f"near_{name}", "p_masks text[], p_hits text[]", "boolean",
                        _met(shown, column), f"Whether other rows show the mask of a {name}",
                    )
                ]
                if column.text
                else []
            ),
            function(
                shown, one, "p_value text", returns, _body(shown, rule, column),
                f"Rows of {context.table.id} whose {name} is the value",
            ),
            function(
                shown, many, "p_values text[]", returns, _refusal(shown),
                f"Searching {context.table.id} by many values at once is refused",
            ),
            execute(shown, one, "text", context.opened(profile)),
            execute(shown, many, "text[]", context.opened(profile)),
        ]  # fmt: skip
    return found


def _refusal(shown: Shown) -> str:
    return body("  v_nothing text;", f"v_nothing := {shown.refuse('PM417')};", "RETURN;")


def _index(shown: Shown, column: SealedColumn) -> Object | None:
    """An index that leads with the blind index, where uniqueness per unit leads with the unit."""
    if not column.unique_with or column.index_column is None:
        return None
    return _index_on(
        shown, derived("pgmask_", shown.context.place.name.text, column.name, "search"),
        column.index_column.quoted, f" WHERE {column.index_column.quoted} IS NOT NULL",
        f"Search by {column.name}.",
    )  # fmt: skip


def _near_index(shown: Shown, column: SealedColumn) -> Object | None:
    """An index on the stored masks, led by the unit where rows are chosen by it (A09)."""
    context = shown.context
    if not column.text:
        return None
    unit = context.unit_column
    by_unit = any({Rows.OWN_UNIT, Rows.UNITS} & set(p.rows) for p in context.profiles)
    keys = [n for n in (unit if by_unit else None, column.name) if n is not None]
    for index in context.relation.indexes:
        # A unique one goes at adoption: its place is taken by one on the blind index.
        serves = index.method == "btree" and index.predicate is None and not index.unique
        if serves and list(index.columns[: len(keys)]) == keys and index.name[:7] != "pgmask_":
            return None
    return _index_on(
        shown, derived("pgmask_", context.place.name.text, column.name, "mask"),
        ", ".join(Name(k).quoted for k in keys), "",
        f"Finds customers whose mask of {column.name} a search has met.",
    )  # fmt: skip


def _index_on(shown: Shown, name: Name, keys: str, where: str, says: str) -> Object:
    place = shown.context.place
    full = f"{place.schema.quoted}.{name.quoted}"
    return Object(
        kind=Kind.INDEX,
        identity=f"{place.schema}.{name}",
        table=shown.context.table.id,
        phase=Phase.INDEXES,
        create=(
            statement(f"CREATE INDEX {name.quoted} ON {place.quoted} ({keys}){where}"),
            statement(f"COMMENT ON INDEX {full} IS {literal(says)}"),
        ),
        drop=(statement(f"DROP INDEX IF EXISTS {full}"),),
        address=(place.schema.text, name.text),
    )


def _body(shown: Shown, rule: Search, column: SealedColumn) -> str:
    context, profile = shown.context, shown.profile
    name = column.name
    normal = column.rule.normal
    purposes = tuple(p.name for p in profile.reveal.purposes) if profile.reveal else ()
    valid = f"{column.rule.valid}(p_value)" if column.rule.valid else "p_value <> ''"

    def normalised(text: str) -> str:
        return f"{normal}({text})" if normal else text

    declare = lines(
        "  v_me record;", "  v_found record;", f"  v_row {shown.view.quoted};",
        "  v_class text;", "  v_subject text;", "  v_normal text;", "  v_content bytea;",
        f"  v_index {_kind(column)};", "  v_sealed bytea;", "  v_open jsonb;", "  v_text text;",
        "  v_call text;", "  v_hits text[] := '{}';",
        *(("  v_mask text;", "  v_other text;", "  v_near boolean;") if column.text else ()),
        "  v_nothing text;",
    )  # fmt: skip
    return body(
        declare,
        shown.who(),
        f"IF ({valid}) IS NOT TRUE THEN\n  v_nothing := {shown.refuse('PM415')};\nEND IF;",
        f"v_normal := {normalised('p_value')};",
        "v_content := pgmask_private.key_content(pgmask_private.current_kek());",
        f"v_index := {blind(shown.spec, column, 'p_value')};",
        "v_content := NULL;",
        f"IF v_index IS NULL THEN\n  v_nothing := {shown.refuse('PM415')};\nEND IF;",
        "-- Counted, recorded and noted before anything answers.",
        "v_nothing := pgmask_private.begin_search(\n"
        f"  v_me.person_id, {rule.per_day}, {rule.near_per_day}, {shown.table}, {literal(name)},\n"
        f"  {texts(purposes)}, v_index::text)::text;",
        f"FOR v_found IN\n  SELECT f.* FROM {shown.reads(f'by_{name}', 'v_index')} AS f"
        f" (shown {shown.view.quoted}, stored {context.place.quoted}, high boolean)\nLOOP",
        "  " + _candidate(shown, column, normalised).replace("\n", "\n  "),
        "END LOOP;",
        _near(shown, rule, column) if column.text else "",
        "v_normal := NULL;",
        "IF v_call IS NOT NULL AND v_hits = '{}' THEN\n"
        f"  v_nothing := {shown.refuse('PM408', 'v_call')};\nEND IF;",
        "RETURN;",
    )


def _kind(column: SealedColumn) -> str:
    return "uuid" if column.unique else "bigint"


def _candidates(shown: Shown, column: SealedColumn) -> str:
    """Rows with the blind index that the caller reaches: as his view shows them, or high-value."""
    assert column.index_column is not None  # noqa: S101  asked by the caller
    keys = "\n".join(
        f"v_key_{n} := {told(k, field(STORED, k))};" for n, k in enumerate(shown.spec.key, 1)
    )
    reached = (
        f"EXISTS (\n    SELECT FROM {shown.context.place.quoted} AS s\n"
        f"     WHERE {shown.key_is('s')}\n       AND {shown.reach})"
    )
    each = lines(
        keys,
        f"SELECT v.* INTO v_row FROM {shown.view.quoted} AS v WHERE {shown.key_is('v')};",
        "v_high := NOT FOUND;",
        "IF v_high THEN",
        f"  CONTINUE WHEN ({STORED}.{HIGH_VALUE.quoted}) IS NOT TRUE;",
        f"  CONTINUE WHEN ({reached}) IS NOT TRUE;",
        "END IF;",
        "v_one := ROW(v_row, v_found.stored, v_high);",
        "RETURN NEXT v_one;",
    )
    return body(
        lines(
            "  v_found record;", f"  v_row {shown.view.quoted};", "  v_high boolean;",
            "  v_one record;", shown.key_variables,
        ),
        READER_ONLY,
        "FOR v_found IN\n  SELECT s AS stored\n"
        f"    FROM {shown.context.place.quoted} AS s\n"
        f"   WHERE s.{column.index_column.quoted} = p_index\n   LIMIT {MOST}\nLOOP",
        indent(each, "  "),
        "END LOOP;",
    )  # fmt: skip


def _candidate(shown: Shown, column: SealedColumn, normalised: object) -> str:
    """One row that the blind index found and the caller reaches: it is opened."""
    bundle = shown.bundle(column.name)
    normal = normalised(f"v_open ->> {literal(column.name)}") if callable(normalised) else ""
    return lines(
        shown.subject(bundle),
        f"v_sealed := {STORED}.{bundle.sealed.quoted};",
        "CONTINUE WHEN v_sealed IS NULL;",
        "v_open := pgmask_private.open_for_reveal(\n"
        f"  v_class, v_subject, {data(shown.spec, bundle, STORED)}, v_sealed,\n"
        f"  {shown.table}, {literal(bundle.name)});",
        f"v_text := {normal};",
        "v_open := NULL;",
        'CONTINUE WHEN (v_text COLLATE "C" = v_normal COLLATE "C") IS NOT TRUE;',
        "v_text := NULL;",
        "IF v_found.high IS NOT FALSE THEN",
        f"  v_call := pgmask_private.whom_to_call({shown.unit}, v_class, v_subject);",
        "ELSE",
        f"  v_hits := v_hits || {row_key(shown.spec, STORED)};",
        "  v_row := v_found.shown;",
        "  RETURN NEXT v_row;",
        "END IF;",
    )


def _near(shown: Shown, rule: Search, column: SealedColumn) -> str:
    """A value whose mask is on a row that the caller sees and that does not have the value is a
    guess at that row's truth, also where another row has it: that one may be planted.
    """
    asked = shown.reads(f"near_{column.name}", "ARRAY[v_mask, v_other]", "v_hits")
    return lines(
        f"v_mask := {mask_of(column, 'p_value')};",
        f"v_other := {mask_of(column, 'v_normal')};",
        block(
            "IF translate(v_mask, '*', '') <> '' THEN",
            lines(
                f"v_near := {asked};",
                "IF v_near IS NOT FALSE THEN\n"
                "  v_nothing := pgmask_private.count_near("
                f"v_me.person_id, {rule.near_per_day}, {shown.table});\nEND IF;",
            ),
        ),
    )


def _met(shown: Shown, column: SealedColumn) -> str:
    """Whether the view shows one of the masks on a row that is none of the hits."""
    place = f"v.{column.column.name.quoted}"
    if column.column.foreign:
        place = uncast(place)
    return (
        f"BEGIN\n{indent(READER_ONLY, '  ')}\n"
        f"  RETURN EXISTS (\n    SELECT FROM {shown.view.quoted} AS v\n"
        f"     WHERE {place} = ANY (p_masks)\n"
        f"       AND ({row_key(shown.spec, 'v')} = ANY (p_hits)) IS NOT TRUE);\nEND"
    )
