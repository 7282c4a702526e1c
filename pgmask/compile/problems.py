"""What the database holds that a plan must refuse by name before anything is touched.

All problems are found at once.  Those of sealed columns (foreign keys, generated columns, partition
keys over them ...) come from the sealing compiler; these here hold for every protected table.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Catalogue, Operation, Rows, Table
from pgmask.compile import cascades
from pgmask.compile.columns import PREFIX
from pgmask.compile.context import SEALER, Context
from pgmask.compile.objects import Problem, Severity
from pgmask.compile.stages import Stage
from pgmask.facts.model import Facts, RelationFact
from pgmask.names import MAX_NAME_BYTES

_KINDS = {"v": "a view", "m": "a materialised view", "f": "a foreign table"}


def of_database(catalogue: Catalogue, facts: Facts) -> Iterator[Problem]:
    """Problems that concern the catalogue's tables as a whole."""
    if not facts.runtime:
        yield Problem(
            table="", code="PM238", what=facts.database,
            message="pgmask is not installed in this database", hint="pgmask install",
        )  # fmt: skip
    for profile in catalogue.profiles:
        for role in (catalogue.group_role(profile), catalogue.view_owner(profile)):
            if len(role.encode()) > MAX_NAME_BYTES:
                yield Problem(
                    table="", code="PM001", what=role,
                    message=f"the role name {role!r} of profile {profile.name} is too long",
                    hint="Give the profile a shorter name.",
                )  # fmt: skip
    known = {t.id for t in catalogue.tables}
    for recorded in facts.stores:
        # An observed table is nobody's but its owner's: it is forgotten with its views.
        if recorded.table_id not in known and recorded.stage != Stage.OBSERVE:
            yield Problem(
                table=recorded.table_id, code="PM203", what=recorded.table_id,
                message="is protected here and no longer in the catalogue",
                hint="Keep it in the catalogue; a protected table cannot be given back yet.",
            )  # fmt: skip
    roles = {r.name for r in facts.roles}
    for login in catalogue.backup:
        if facts.roles and login not in roles:
            yield Problem(
                table="", code="PM205", what=login,
                message=f"backup: names the role {login!r}, which does not exist",
                hint=f'CREATE ROLE "{login}" LOGIN, or take it out of backup:.',
            )  # fmt: skip
    yield from _unclassified_tables(catalogue, facts)


def _unclassified_tables(catalogue: Catalogue, facts: Facts) -> Iterator[Problem]:
    """A table of a store's schema that is neither protected nor named as unprotected (A1, A5)."""
    schemas = {s.schema for s in catalogue.stores} | {t.schema for t in catalogue.tables}
    protected = {t.id for t in catalogue.tables}
    places = {(s.schema, s.name) for s in facts.stores}
    for relation in facts.relations:
        name = f"{relation.schema}.{relation.name}"
        if (
            relation.schema not in schemas
            or relation.kind not in "rpf"
            or relation.extension
            or relation.parents
            or name in protected
            or relation.qualified in places
        ):
            continue
        if catalogue.unprotected_by(relation.schema, relation.name) is not None:
            continue
        yield Problem(
            table=name, code="PM202", what=name,
            message="is neither classified nor named under unprotected:",
            hint="Name its columns under tables:, or give the reason under unprotected:.",
        )  # fmt: skip


def missing_table(table: Table, facts: Facts) -> Problem:
    """The catalogue names a table that is not there."""
    near = sorted(
        f"{r.schema}.{r.name}"
        for r in facts.relations
        if r.kind in "rp" and (r.name == table.name or r.name.lower() == table.name.lower())
    )
    hint = f"Did you mean {near[0]}?" if near else "Names are exact, upper and lower case too."
    return Problem(
        table=table.id, code="PM201", what=table.id,
        message="the catalogue names it, the database does not have it", hint=hint,
    )  # fmt: skip


def of_table(context: Context) -> Iterator[Problem]:
    """Problems of one protected table that is there."""
    relation = context.relation
    if relation.kind not in "rp":
        yield _problem(
            context,
            "PM204",
            f"is {_KINDS.get(relation.kind, 'not a table')}, not a table",
            "Protect the tables beneath it.",
        )
        return
    if relation.persistence != "p":
        yield _problem(
            context,
            "PM204",
            "is unlogged: its rows are gone after a crash and on standbys",
            "ALTER TABLE .. SET LOGGED, or leave it out.",
        )
    if relation.parents:
        parents = ", ".join(f"{s}.{n}" for s, n in relation.parents)
        yield _problem(
            context,
            "PM204",
            f"is a partition or child of {parents}",
            "Name the parent in the catalogue; its children are protected with it.",
        )
    if not relation.primary_key and context.stage.moved:
        yield _problem(
            context,
            "PM206",
            "has no primary key",
            "Sealed values are bound to the primary key: add one.",
        )
    yield from _columns(context)
    yield from _rows(context)
    yield from _keys(context)
    for one in (relation, *context.facts.descendants(relation)):
        if context.stage.moved:
            yield from _dependants(context, one)
        yield from _foreign(context, one)
    if context.stage.moved:
        yield from cascades.problems(context)
    yield from _names_taken(context)


def _taken_over(context: Context) -> bool:
    """Whether the table is a store already; an observed one is still its owner's."""
    recorded = context.facts.store(context.table.id)
    return recorded is not None and recorded.stage != Stage.OBSERVE


def _problem(
    context: Context, code: str, message: str, hint: str = "", *, what: str = "",
    severity: Severity = Severity.REFUSE,
) -> Problem:  # fmt: skip
    return Problem(
        table=context.table.id, code=code, what=what or context.table.id, message=message,
        hint=hint, severity=severity,
    )  # fmt: skip


def _columns(context: Context) -> Iterator[Problem]:
    there = {c.name for c in context.relation.columns}
    named = {c.name for c in context.table.columns}
    for fact in context.columns:
        if fact.name not in named:
            yield _problem(
                context, "PM202", f"column {fact.name!r} is not classified",
                "Name it in the catalogue; pgmask init proposes kind, category and level.",
                what=fact.name,
            )  # fmt: skip
        if fact.base_type in ("oid", "lo") and fact.name in named:
            yield _problem(
                context, "PM204", f"column {fact.name!r} refers to large objects",
                "Large objects have no columns to protect: move them to bytea.", what=fact.name,
            )  # fmt: skip
    adopted = _taken_over(context)
    for fact in context.relation.columns:
        if fact.name.startswith(PREFIX) and not adopted:
            yield _problem(
                context, "PM204", f"column {fact.name!r} has a name that pgmask keeps for itself",
                "Rename the column.", what=fact.name,
            )  # fmt: skip
    for column in context.table.columns:
        if column.name not in there:
            yield _problem(
                context, "PM201", f"has no column {column.name!r}",
                "Names are exact, upper and lower case too.", what=column.name,
            )  # fmt: skip
    for what, name in (("unit", context.table.unit), ("subject", context.table.subject)):
        if name is not None and name not in there:
            yield _problem(
                context, "PM201", f"has no column {name!r}, which {what}: names", what=name
            )


def _rows(context: Context) -> Iterator[Problem]:
    for profile in context.profiles:
        by_unit = {Rows.OWN_UNIT, Rows.UNITS} & set(profile.rows)
        if by_unit and context.unit_column is None:
            yield _problem(
                context, "PM207",
                f"profile {profile.name} has rows by unit, and the table has no unit",
                "Name the unit column: unit: on the table or on its subject.", what=profile.name,
            )  # fmt: skip
        if Rows.ASSIGNED in profile.rows and context.table.subject is None:
            key = context.relation.primary_key
            if len(key) > 1:
                yield _problem(
                    context, "PM207",
                    f"profile {profile.name} has assigned rows, and the key has {len(key)} columns",
                    "Name the column with the subject's key: subject:.", what=profile.name,
                )  # fmt: skip


def _keys(context: Context) -> Iterator[Problem]:
    """What rows are chosen by is compared with texts of the register."""
    subject = context.subject
    names = {context.table.unit, context.table.subject}
    if subject is not None and subject.table == context.table.id:
        names |= {subject.unit, subject.owner}
    for name in sorted(n for n in names if n is not None):
        fact = context.relation.column(name)
        if fact is not None and fact.own and fact.kind != "e":
            yield _problem(
                context, "PM207", f"no row is chosen by column {name!r} of type {fact.type}",
                "Use a column of one of PostgreSQL's own types, or of an enum.", what=name,
            )  # fmt: skip


def _dependants(context: Context, relation: RelationFact) -> Iterator[Problem]:
    ours = {(v.schema.text, v.name.text) for v in map(context.view, context.profiles)}
    ours |= context.facts.managed_views  # views of an earlier catalogue too
    for one in relation.dependants:
        if (one.schema, one.name) in ours or one.schema in ("pgmask", "pgmask_private"):
            continue
        words = {"matview": "materialised view", "view": "view", "function": "function"}[one.kind]
        yield _problem(
            context, "PM208", f"{words} {one} depends on the table and would be refused every row",
            f"Drop it before the plan and make it again over a profile's view (owner {one.owner}).",
            what=str(one),
        )  # fmt: skip
    for rule in relation.rules:
        yield _problem(
            context, "PM208", f"rule {rule!r} rewrites statements before they reach the trigger",
            "Drop the rule; a trigger can do its work.", what=rule,
        )  # fmt: skip
    for view in map(context.view, context.profiles):
        there = context.facts.relation(view.schema.text, view.name.text)
        if there is None or there.kind != "v":
            continue
        foreign = [
            d for d in there.dependants
            if (d.schema, d.name) not in ours and d.schema != "pgmask_private"
            and not (d.kind == "function" and d.owner == SEALER)  # made again with the view
        ]  # fmt: skip
        from pgmask.compile.views import same_shape

        profile = next(p for p in context.profiles if context.view(p) == view)
        if foreign and not same_shape(context, profile):
            for one in foreign:
                yield _problem(
                    context, "PM208",
                    f"{one.kind} {one} depends on {view}, whose columns change",
                    "Drop it before the plan and make it again afterwards.", what=str(one),
                )  # fmt: skip


def _foreign(context: Context, relation: RelationFact) -> Iterator[Problem]:
    """What was there before pgmask and stays: policies and triggers that are not ours."""
    adopted = _taken_over(context)
    for policy in relation.policies:
        if not adopted:
            yield _problem(
                context, "PM209", f"has a row-level security policy of its own, {policy.name!r}",
                "Profiles take its place: drop it, or express it as rows: of a profile.",
                what=policy.name,
            )  # fmt: skip


def planned_calls(context: Context) -> Iterator[Problem]:
    """Code of the application that PostgreSQL would run while pgmask's functions read a store."""
    for relation in (context.relation, *context.facts.descendants(context.relation)):
        for one in relation.planned_calls:
            yield _problem(
                context, "PM257",
                f"{one.kind} {one.name!r} calls {one.function} of {one.owner}, which PostgreSQL"
                " may call with the rights of whoever queries the table",
                "Write it with PostgreSQL's own functions, drop it, or have a superuser read the"
                f" function and take it over: ALTER FUNCTION {one.function} OWNER TO ..",
                what=one.name,
                severity=Severity.REFUSE if context.stage.moved else Severity.WARN,
            )  # fmt: skip


def _names_taken(context: Context) -> Iterator[Problem]:
    managed = context.facts.managed_views
    for profile in context.profiles:
        view = context.view(profile)
        there = context.facts.relation(view.schema.text, view.name.text)
        if there is None or there is context.relation:
            continue
        if there.kind != "v" or (there.qualified not in managed):
            yield _problem(
                context, "PM211", f"{view} is already there and is not pgmask's",
                f"Rename it, or name profile {profile.name} otherwise.", what=str(view),
            )  # fmt: skip
    there = context.facts.relation(context.place.schema.text, context.place.name.text)
    ours = there is not None and there.kind == "v" and there.qualified in managed
    if there is not None and there is not context.relation and not ours:
        yield _problem(
            context, "PM211", f"{context.place} is already there", "Rename it.",
            what=str(context.place),
        )  # fmt: skip


def writes_computed(context: Context) -> Iterator[Problem]:
    """Columns that a writable view computes, on which whole-row writers fail: named only."""
    from pgmask.compile.views import stored_source

    for profile in context.profiles:
        may = profile.may(context.table)
        if not context.stage.moved or not {Operation.INSERT, Operation.UPDATE} & set(may):
            continue
        way_out = "hidden_as: shadow" if context.stage.seals else (
            "Writing it begins with rollout: sealing.")  # fmt: skip
        for fact in context.columns:
            if stored_source(context, profile, fact.name) is None:
                yield _problem(
                    context, "PM212",
                    f"profile {profile.name}: whole-row writers would fail on {fact.name!r}",
                    way_out, what=fact.name, severity=Severity.WARN,
                )  # fmt: skip
