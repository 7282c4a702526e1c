"""What a row condition compares: stored columns, or, before a table is sealed, what they will hold.

From ``sealing`` on the unit and the flags of a row's subject stand in the row (``pgmask_unit``,
``pgmask_high_value``, ``pgmask_restricted``), kept by the trigger.  In ``observe`` and ``views``
pgmask adds no column, so they are looked up: in the row itself where it is the subject's own, else
by its key in ``pgmask_private.rollout_subject_<class>``, a view that ``pgmask_sealer`` owns and
that follows the subject's table through its own stages.  One look-up by primary key per row: for
the time of a rollout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pgmask.catalogue.model import Catalogue, Profile, Subject, Table
from pgmask.compile.columns import HIGH_VALUE, RESTRICTED, UNIT
from pgmask.compile.context import SEALER, Context, place_in, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.sealing_sql import as_text
from pgmask.compile.stages import Stage
from pgmask.facts.model import Facts, RelationFact
from pgmask.names import Name, QualName, derived
from pgmask.sqltext import literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """SQL of what a condition needs of one row; prefix: what stands before its own columns."""

    prefix: str
    unit: str | None
    high_value: str
    restricted: str

    def column(self, name: str) -> str:
        """A column of the row itself."""
        return f"{self.prefix}{Name(name).quoted}"


def terms(context: Context, prefix: str = "") -> Terms:
    """The terms of a table's rows at its stage; prefix: ``s.`` in a view, nothing in a policy."""
    own = context.unit_column
    if context.stage.seals:
        return Terms(
            prefix=prefix,
            unit=f"{prefix}{Name(own).quoted}" if own is not None else None,
            high_value=f"{prefix}{HIGH_VALUE.quoted}",
            restricted=f"{prefix}{RESTRICTED.quoted}",
        )
    # Inside a look-up a bare name could mean a column of the subject's.
    outer = prefix or f"{context.place.name.quoted}."
    unit = None
    if own is not None and own != UNIT.text:
        unit = f"{prefix}{Name(own).quoted}"
    elif own is not None and context.subject is not None and context.table.subject is not None:
        column = f"{outer}{Name(context.table.subject).quoted}"
        unit = _looked_up("unit", context.subject.name, column)
    return Terms(
        prefix=prefix,
        unit=unit,
        high_value=_any(_flags(context, outer, "high_value")),
        restricted=_any(_flags(context, outer, "restricted")),
    )


def subject_view(subject_class: str) -> QualName:
    """The view with unit and flags of every subject of a class."""
    return QualName(Name("pgmask_private"), derived("rollout_subject_", subject_class))


def _looked_up(what: str, subject_class: str, column: str) -> str:
    view = subject_view(subject_class).quoted
    return f"(SELECT r.{what} FROM {view} AS r WHERE r.subject_key = {column})"


def _any(flags: Iterable[str]) -> str:
    found = tuple(flags)
    if not found:
        return "false"
    return found[0] if len(found) == 1 else f"({' OR '.join(found)})"


def _flags(context: Context, outer: str, what: str) -> Iterator[str]:
    """The flag of every person the row speaks of."""
    subject = context.subject
    if _is_home(context.table, subject):
        if what == "high_value" and subject is not None and subject.high_value is not None:
            yield high_value(subject, outer, context.relation)
        return
    for subject_class, column in persons(context):
        found = _looked_up(what, subject_class, f"{outer}{Name(column).quoted}")
        yield f"coalesce({found}, false)"


def high_value(subject: Subject, prefix: str, home: RelationFact | None) -> str:
    """Whether a row of the subject's own table, ``home``, meets its high-value rule; never NULL."""
    rule = subject.high_value
    if rule is None:
        return "false"
    grades = ", ".join(literal(g) for g in rule.grades)
    fact = home.column(rule.column) if home is not None else None
    grade = as_text(f"{prefix}{Name(rule.column).quoted}", foreign=bool(fact and fact.foreign))
    return f"coalesce({grade} = ANY (ARRAY[{grades}]), false)"


def _is_home(table: Table, subject: Subject | None) -> bool:
    return subject is not None and subject.table == table.id and table.subject == subject.key


def persons(context: Context) -> tuple[tuple[str, str], ...]:
    """(subject class, column with the key) of every person a row speaks of but its own."""
    from pgmask.compile.sealing import bundles_of

    return tuple(
        (b.subject_class, b.subject.name.text)
        for b in bundles_of(context)
        if b.row is not None and b.subject is not None
    )


def subject_views(catalogue: Catalogue, facts: Facts, known: Iterable[Context]) -> list[Object]:
    """The look-up views that tables before ``sealing`` need, and who may read them."""
    needed: dict[str, set[str]] = {}
    readers: dict[str, list[Profile]] = {}
    for context in known:
        if context.stage.seals:
            continue
        for subject_class, _ in persons(context):
            needed.setdefault(subject_class, set()).add(context.table.id)
            readers.setdefault(subject_class, []).extend(context.profiles)
    found: list[Object] = []
    for name in sorted(needed):
        subject = catalogue.subject(name)
        home = catalogue.table(subject.table) if subject is not None else None
        place = place_in(catalogue, facts, home)
        if subject is None or home is None or place is None:
            continue
        found.append(_view(catalogue, facts, subject, home, place))
        roles = {catalogue.view_owner(p) for p in readers[name]}
        found += [_grant(subject_view(name), role, home.id) for role in sorted(roles)]
        if not Stage(home.rollout).moved:
            found.append(_sealer(subject, home, place))
    return found


def _view(
    catalogue: Catalogue, facts: Facts, subject: Subject, home: Table, place: QualName
) -> Object:
    if Stage(home.rollout).seals:
        flags = f"s.{HIGH_VALUE.quoted}", f"s.{RESTRICTED.quoted}"
    else:
        relation = facts.store_relation(home.id, home.schema, home.name)
        flags = high_value(subject, "s.", relation), "false"
    unit = f"s.{Name(subject.unit).quoted}" if subject.unit else "NULL::text"
    name = subject_view(subject.name)
    says = f"Unit and flags of the subjects of class {subject.name}, for tables not yet sealed."
    return Object(
        kind=Kind.VIEW,
        identity=str(name),
        table=home.id,
        phase=Phase.SECURITY,  # policies and other views stand on it
        create=(
            statement(
                f"CREATE OR REPLACE VIEW {name.quoted} AS\nSELECT\n"
                f"  s.{Name(subject.key).quoted} AS subject_key,\n  {unit} AS unit,\n"
                f"  {flags[0]} AS high_value,\n  {flags[1]} AS restricted\n"
                f"FROM {place.quoted} AS s",
                says,
            ),
            statement(f"ALTER VIEW {name.quoted} OWNER TO {SEALER}"),
            statement(f"COMMENT ON VIEW {name.quoted} IS {literal(says)}"),
        ),
        drop=(statement(f"DROP VIEW IF EXISTS {name.quoted}"),),
        replace=True,
        address=(name.schema.text, name.name.text),
    )


def _grant(view: QualName, role: str, table: str) -> Object:
    from pgmask.compile.grants import grant

    depends = (f"{Kind.VIEW}:{view}",)
    return grant("relation", view, role, table, (("SELECT", ()),), depends=depends)


def _sealer(subject: Subject, home: Table, place: QualName) -> Object:
    """The owner of the look-up view reads the columns it needs of an observed table."""
    from pgmask.compile.grants import grant

    rule = subject.high_value
    names = (subject.key, subject.unit, rule.column if rule is not None else None)
    columns = tuple(dict.fromkeys(n for n in names if n is not None))
    return grant("relation", place, SEALER, home.id, (("SELECT", columns),))
