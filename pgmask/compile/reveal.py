"""Reveal: the two functions of every profile and table that may show complete values (B2, B8).

``<view schema>.<table>_reveal_request(key, columns, purpose, reference)`` writes the ticket;
``<view schema>.<table>_reveal(ticket)`` gives the row in the shape of the view, complete in the
columns that the ticket names.  Between the two the application commits.  What they have in common
over all tables is in ``sql/29_fn_tickets.sql``.
"""

from __future__ import annotations

from textwrap import indent

from pgmask.catalogue.model import Catalogue, Form, Operation, Profile, Purpose, Reveal, Table
from pgmask.compile.columns import HIGH_VALUE
from pgmask.compile.context import READER, SEALER, Context, place_in, statement
from pgmask.compile.grants import grant, schema_grant
from pgmask.compile.objects import Kind, Object, Phase, Problem
from pgmask.compile.policies import row_condition
from pgmask.compile.reveal_sql import STORED, Shown, body, execute, function, reader, texts
from pgmask.compile.sealing import OWN, bundles_of
from pgmask.compile.sealing_reads import READER_ONLY
from pgmask.compile.sealing_spec import Bundle
from pgmask.compile.sealing_sql import as_text, block, data, field, lines, value_of
from pgmask.compile.search import rule_of as search_rule_of
from pgmask.compile.search import search_name, searched, searches
from pgmask.facts.model import RelationFact
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import literal

REQUEST = "p_key text[], p_columns text[], p_purpose text, p_reference text DEFAULT NULL"
REQUEST_TYPES = "text[], text[], text, text"
CHANGED = "'It has changed since it was asked for: ask again.'"
DECLARE = """\
  v_me record;
  v_found record;
  v_class text;
  v_subject text;
  v_nothing text;"""


def request_name(context: Context, profile: Profile) -> QualName:
    """``<view schema>.<table>_reveal_request``."""
    view = context.view(profile)
    return QualName(view.schema, derived("", view.name.text, "reveal_request"))


def reveal_name(context: Context, profile: Profile) -> QualName:
    """``<view schema>.<table>_reveal``."""
    view = context.view(profile)
    return QualName(view.schema, derived("", view.name.text, "reveal"))


def revealed(context: Context, profile: Profile) -> tuple[str, ...]:
    """The columns of this table that the profile may reveal; never-shown kinds never (B8)."""
    if profile.reveal is None or Operation.SELECT not in profile.may(context.table):
        return ()
    wanted = {c.rpartition(".") for c in profile.reveal.columns}
    names = {name for table, _, name in wanted if table == context.table.id}
    return tuple(c.name for c in context.table.columns if c.name in names and not c.never_shown)


def schemas(catalogue: Catalogue) -> tuple[Object, ...]:
    """The sealer owns functions in the schemas of such profiles' views."""
    found = {}
    for profile in catalogue.profiles:
        if profile.reveal is None and profile.search is None:
            continue
        for store in catalogue.stores:
            if any(profile.may(t) for t in catalogue.tables if t.schema == store.schema):
                name = catalogue.view_schema(profile, store)
                found[name] = (
                    schema_grant(Name(name), SEALER, ("USAGE", "CREATE")),
                    schema_grant(Name(name), READER, ("USAGE",)),
                )
    return tuple(one for pair in found.values() for one in pair)


def build(context: Context) -> tuple[Object, ...]:
    """Every reveal and search of one table."""
    found: list[Object] = []
    rules: list[str] = []
    if not context.stage.seals:
        return ()
    for profile in context.profiles:
        columns = revealed(context, profile)
        looked_up = searched(context, profile)
        if not columns and not looked_up:
            continue
        shown = Shown.of(context, profile)
        found.append(
            grant(
                "relation", shown.view, READER, context.table.id, (("SELECT", ()),),
                depends=(f"{Kind.VIEW}:{shown.view}",),
            )
        )  # fmt: skip
        if columns and profile.reveal is not None:
            found += _reveal(shown, profile.reveal, columns)
        found += searches(shown, looked_up)
        rules.append(_rule(shown, columns))
    if rules:
        found.append(_rows(context, rules))
    return tuple(found)


def _reveal(shown: Shown, rule: Reveal, columns: tuple[str, ...]) -> list[Object]:
    context, profile = shown.context, shown.profile
    asks, gives = request_name(context, profile), reveal_name(context, profile)
    open_now = context.opened(profile)
    table = context.table.id
    # A parameter of the view's type binds the function to this very view: whoever drops it, to put
    # another one under its name, drops the function too.
    shape = shown.view.quoted
    cases = [_case_reader(shown, p) for p in rule.purposes if p.case is not None]
    own = (
        [
            reader(
                shown, "own", "p_most bigint", "bigint", _own(shown),
                "Counts the customers whom the person's own view shows",
            )
        ]
        if rule.share_per_month
        else []
    )  # fmt: skip
    return [
        reader(
            shown, "find", "p_key text[]", "record", shown.find_body,
            f"Finds one row of {table}",
        ),
        *(c for c in cases if c is not None),
        *own,
        function(
            shown, asks, f"{REQUEST}, p_shape {shape} DEFAULT NULL", "uuid",
            _request_body(shown, rule, columns),
            f"Writes the ticket for complete values of one row of {table}",
        ),
        function(
            shown, gives, "p_ticket uuid", f"SETOF {shown.view.quoted}",
            _reveal_body(shown, rule, columns),
            f"One row of {table}, complete in the columns of a committed ticket",
        ),
        execute(shown, asks, f"{REQUEST_TYPES}, {shape}", open_now),
        execute(shown, gives, "uuid", open_now),
    ]  # fmt: skip


def _request_body(shown: Shown, rule: Reveal, columns: tuple[str, ...]) -> str:
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
        *(_case(shown, purpose) for purpose in cases),
        _share(shown, rule.share_per_month) if rule.share_per_month else "",
        "v_nothing := pgmask_private.limit_subject(\n"
        f"  v_for_class, v_for_subject, {rule.per_subject_per_day}, {table});"
        if rule.per_subject_per_day else "",
        f"v_state := {_state(shown, columns)};",
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


def _case(shown: Shown, purpose: Purpose) -> str:
    """The purpose's business case."""
    asked = shown.reads(f"case_{purpose.name}", "p_reference", "v_for_class", "v_for_subject")
    return (
        f"IF p_purpose = {literal(purpose.name)} THEN\n  v_case := {asked};\n"
        f"  IF (v_case) IS NOT TRUE THEN\n    v_nothing := {shown.refuse('PM404')};\n  END IF;\n"
        "END IF;"
    )


def _case_reader(shown: Shown, purpose: Purpose) -> Object | None:
    """The business case: there, of the same subject, and in the state that is asked for."""
    home = _case_table(shown.context, purpose)
    if home is None:
        return None  # refused before by problems
    context, relation = home
    key = relation.primary_key[0]
    kind = context.type_of(key)
    subjects = {
        (b.subject.name.text, b.subject_class) for b in bundles_of(context) if b.subject is not None
    }
    of_same = " OR ".join(
        f"v_for_class = {literal(class_)} AND {_text(context, name)} = v_for_subject"
        for name, class_ in sorted(subjects)
    )
    tests = [f"c.{Name(key).quoted} = p_reference::{kind}", f"({of_same or 'false'})"]
    for column, values in purpose.when:
        tests.append(f"{_text(context, column)} = ANY ({texts(values)})")
    if purpose.within is not None:
        column, days = purpose.within
        today = "(clock_timestamp() AT TIME ZONE 'UTC')::date"
        tests.append(f"c.{Name(column).quoted}::date BETWEEN {today} - {days} AND {today} + {days}")
    where = "\n      AND ".join(tests)
    text = (
        f"BEGIN\n{indent(READER_ONLY, '  ')}\n"
        f"  RETURN EXISTS (\n    SELECT FROM {context.place.quoted} AS c\n"
        f"      WHERE {where});\n"
        "EXCEPTION\n  WHEN data_exception THEN\n    RETURN false;\nEND"
    )
    return reader(
        shown, f"case_{purpose.name}",
        "p_reference text, v_for_class text, v_for_subject text", "boolean", text,
        f"Whether a case fits purpose {purpose.name}",
    )  # fmt: skip


def _text(context: Context, column: str) -> str:
    """A column of the row ``c`` as text."""
    fact = context.relation.column(column)
    return as_text(f"c.{Name(column).quoted}", foreign=fact is not None and fact.foreign)


def _case_table(context: Context, purpose: Purpose) -> tuple[Context, RelationFact] | None:
    """The table of a purpose's case with its facts, if its rows have a key of one column."""
    found = _beside(context, context.catalogue.table(purpose.case or ""))
    if found is None or len(found.relation.primary_key) != 1:
        return None
    key = found.relation.column(found.relation.primary_key[0])
    if key is None or key.domain or key.own:
        return None  # its checks and casts would be code of the application
    day = found.relation.column(purpose.within[0]) if purpose.within is not None else None
    if day is not None and day.own:
        return None
    return found, found.relation


def _beside(context: Context, table: Table | None) -> Context | None:
    """The context of another table, None where it is not there."""
    catalogue, facts = context.catalogue, context.facts
    place = place_in(catalogue, facts, table)
    if table is None or place is None:
        return None
    store = catalogue.store(table.schema)
    relation = facts.store_relation(table.id, table.schema, table.name)
    if store is None or relation is None:
        return None
    return Context(
        catalogue=catalogue, facts=facts, table=table, store=store, relation=relation, place=place
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


def _own(shown: Shown) -> str:
    """Counts the rows that the person's row rule gives him, up to ``p_most``.

    Not those that this transaction wrote, or a later one: customers entered for the count, and
    taken back after it, are none.  Every number of a subtransaction comes after its transaction's;
    very old numbers look like very new ones.
    """
    profile, subject = shown.profile, shown.context.subject
    home = shown.context.catalogue.table(subject.table) if subject is not None else None
    context = shown.context
    if home is not None and Operation.SELECT in profile.may(home):
        context = _beside(context, home) or context
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


def _reveal_body(shown: Shown, rule: Reveal, columns: tuple[str, ...]) -> str:
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
        f"IF (v_ticket.digest = {_state(shown, columns)}) IS NOT TRUE THEN\n"
        f"  v_nothing := {shown.refuse('PM407', CHANGED)};\nEND IF;",
        "v_row := v_found.shown;",
        *(_opened(shown, bundle, names) for bundle, names in shown.by_bundle(columns)),
        "v_open := NULL;",
        "v_text := NULL;",
        "RETURN NEXT v_row;",
    )


def _state(shown: Shown, columns: tuple[str, ...]) -> str:
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


def _rule(shown: Shown, columns: tuple[str, ...]) -> str:
    """One row of ``pgmask_private.reveal_rule``."""
    profile, context = shown.profile, shown.context
    rule = profile.reveal if columns else None

    def number(value: int | None) -> str:
        return "NULL" if value is None else str(value)

    purposes = ", ".join(
        f"{literal(p.name)}, {literal(p.case)}" for p in (rule.purposes if rule else ())
    )
    looked_up = ", ".join(
        f"{literal(c)}, {literal(search_name(context, profile, c).name.text)}"
        for c in searched(context, profile)
    )
    search = search_rule_of(context, profile)
    share = None if rule is None else rule.share_per_month
    within = None if rule is None else rule.second_factor_within
    factor = "NULL" if within is None else f"interval '{within} s'"
    return (
        f"({literal(profile.name)}, {literal(context.table.id)},"
        f" {literal(shown.view.schema.text)},"
        f" {literal(request_name(context, profile).name.text if rule else None)},"
        f" {literal(reveal_name(context, profile).name.text if rule else None)},"
        f" {texts(columns)}, jsonb_build_object({purposes}),"
        f" {number(rule.per_day if rule else None)}, {number(rule.per_month if rule else None)},"
        f" {number(rule.per_subject_per_day if rule else None)},"
        f" {'NULL' if share is None else f'{share / 100:.2f}'},"
        f" {factor},"
        f" jsonb_build_object({looked_up}), {number(search.per_day if search else None)},"
        f" {number(search.near_per_day if search else None)})"
    )


def _rows(context: Context, rules: list[str]) -> Object:
    clear = statement(
        f"DELETE FROM pgmask_private.reveal_rule WHERE table_id = {literal(context.table.id)}"
    )
    insert = statement(
        "INSERT INTO pgmask_private.reveal_rule (profile, table_id, view_schema, request_function,"
        " reveal_function, columns, purposes, per_day, per_month, per_subject_per_day,"
        " share_per_month, second_factor_within, searches, search_per_day, near_per_day)"
        "\nVALUES\n  " + ",\n  ".join(rules),
        "what callers are told of reveal and search",
    )
    return Object(
        kind=Kind.ROW,
        identity=f"reveal_rule {context.table.id}",
        table=context.table.id,
        phase=Phase.ROWS,
        create=(clear, insert),
        drop=(clear,),
        replace=True,
        address=("reveal_rule", context.table.id),
    )


def problems(context: Context) -> tuple[Problem, ...]:
    """What the database lacks for a reveal or a search (PM420)."""
    found: list[Problem] = []

    def refuse(what: str, message: str, hint: str) -> None:
        found.append(
            Problem(code="PM420", table=context.table.id, what=what, message=message, hint=hint)
        )

    for profile in context.profiles:
        if not revealed(context, profile) and not searched(context, profile):
            continue
        hidden = [
            k for k in context.relation.primary_key
            if (c := context.table.column(k)) is not None
            and profile.form(context.table, c).value != "plain"
        ]  # fmt: skip
        if hidden:
            refuse(
                profile.name,
                f"profile {profile.name} does not see the key column {hidden[0]!r} as it is stored,"
                " so no row can be named",
                "Let the profile see the primary key plain.",
            )
        for fact in context.relation.columns:
            column = context.table.column(fact.name)
            if column is None or column.sealed or not fact.domain:
                continue
            if profile.form(context.table, column) is not Form.PLAIN:
                refuse(
                    fact.name,
                    f"column {fact.name!r} is of the domain {fact.type} and not plain for profile"
                    f" {profile.name}: reading its view would run the domain's checks with the"
                    " rights that open values",
                    f"ALTER TABLE .. ALTER COLUMN .. TYPE {fact.base_type}, with its checks as"
                    " CHECKs; or give the profile no reveal and no search of this table.",
                )
        for purpose in profile.reveal.purposes if profile.reveal else ():
            if purpose.case is None or not revealed(context, profile):
                continue
            if _case_table(context, purpose) is None:
                refuse(
                    purpose.name,
                    f"the case of purpose {purpose.name!r} of profile {profile.name} is in"
                    f" {purpose.case}, which has no primary key of one column, or a key or date"
                    " of a domain or type of the application's",
                    "Name a table whose rows have one key column of one of PostgreSQL's own types.",
                )
    return tuple(found)
