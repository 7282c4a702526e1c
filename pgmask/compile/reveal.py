"""Reveal: the two functions of every profile and table that may show complete values (B2, B8).

``<view schema>.<table>_reveal_request(key, columns, purpose, reference)`` writes the ticket;
``<view schema>.<table>_reveal(ticket)`` gives the row in the shape of the view, complete in the
columns that the ticket names.  Between the two the application commits.  What they have in common
over all tables is in ``sql/29_fn_tickets.sql``.
"""

from __future__ import annotations

from pgmask.catalogue.model import Catalogue, Form, Operation, Profile, Reveal
from pgmask.compile.context import READER, SEALER, Context, statement
from pgmask.compile.grants import grant, schema_grant
from pgmask.compile.objects import Kind, Object, Phase, Problem
from pgmask.compile.reveal_cases import case_reader, case_table
from pgmask.compile.reveal_open import reveal_body
from pgmask.compile.reveal_request import own_customers, request_body
from pgmask.compile.reveal_sql import Shown, execute, function, reader, texts
from pgmask.compile.search import rule_of as search_rule_of
from pgmask.compile.search import search_name, searched, searches
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import literal

REQUEST = "p_key text[], p_columns text[], p_purpose text, p_reference text DEFAULT NULL"
REQUEST_TYPES = "text[], text[], text, text"


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
    cases = [case_reader(shown, p) for p in rule.purposes if p.case is not None]
    own = (
        [
            reader(
                shown, "own", "p_most bigint", "bigint", own_customers(shown),
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
            request_body(shown, rule, columns),
            f"Writes the ticket for complete values of one row of {table}",
        ),
        function(
            shown, gives, "p_ticket uuid", f"SETOF {shown.view.quoted}",
            reveal_body(shown, rule, columns),
            f"One row of {table}, complete in the columns of a committed ticket",
        ),
        execute(shown, asks, f"{REQUEST_TYPES}, {shape}", open_now),
        execute(shown, gives, "uuid", open_now),
    ]  # fmt: skip


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
            if case_table(context, purpose) is None:
                refuse(
                    purpose.name,
                    f"the case of purpose {purpose.name!r} of profile {profile.name} is in"
                    f" {purpose.case}, which has no primary key of one column, or a key or date"
                    " of a domain or type of the application's",
                    "Name a table whose rows have one key column of one of PostgreSQL's own types.",
                )
    return tuple(found)
