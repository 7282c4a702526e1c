"""Privileges: column privileges of the view owners, operations of the group roles, and the rest.

A GRANT object holds everything one role may do with one object: it is made by taking all away and
giving what is wanted, so that nothing given by hand survives it.  Only SELECT, INSERT, UPDATE and
DELETE are ever given on relations, never ALL (which holds TRIGGER and, from 17 on, MAINTAIN: A35),
never with grant option (C3).
"""

from __future__ import annotations

from pgmask.catalogue.model import Operation, Profile
from pgmask.compile import audit_subjects
from pgmask.compile.columns import HIGH_VALUE, RESTRICTED, UNIT, needs_unit_column
from pgmask.compile.context import BACKUP, KEYLESS, READER, SEALER, Context, statement
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.compile.policies import subject_store
from pgmask.compile.store import place_of, sequence_place
from pgmask.compile.views import sources, stored_source
from pgmask.facts.model import RelationFact
from pgmask.names import Name, QualName

Privilege = tuple[str, tuple[str, ...]]
"""A privilege and the columns it is for; no columns: the whole object."""

ORDER = (Operation.SELECT, Operation.INSERT, Operation.UPDATE, Operation.DELETE)


def grant(
    kind: str,
    name: QualName,
    role: str,
    table: str,
    privileges: tuple[Privilege, ...],
    *,
    depends: tuple[str, ...] = (),
    phase: Phase = Phase.GRANTS,
) -> Object:
    """All privileges of one role on one relation, sequence or function.

    kind: ``relation`` or ``sequence``; no privileges: everything is taken away and kept away.
    """
    word = {"relation": "TABLE", "sequence": "SEQUENCE"}[kind]
    who = Name(role)
    take = statement(f"REVOKE ALL PRIVILEGES ON {word} {name.quoted} FROM {who.quoted}")
    create = [take]
    if privileges:
        given = ", ".join(_written(p) for p in privileges)
        create.append(statement(f"GRANT {given} ON {word} {name.quoted} TO {who.quoted}"))
    return Object(
        kind=Kind.GRANT,
        identity=f"{kind} {name} to {role}",
        table=table,
        phase=phase,
        create=tuple(create),
        drop=(take,),
        replace=True,
        depends=depends,
        address=(kind, name.schema.text, name.name.text, role),
        expects=privileges,
    )


def _written(privilege: Privilege) -> str:
    word, columns = privilege
    if not columns:
        return word
    return f"{word} ({', '.join(Name(c).quoted for c in columns)})"


def schema_grant(schema: Name, role: str, privileges: tuple[str, ...]) -> Object:
    """USAGE, or USAGE and CREATE, of one role on one schema."""
    who = Name(role)
    take = statement(f"REVOKE ALL PRIVILEGES ON SCHEMA {schema.quoted} FROM {who.quoted}")
    return Object(
        kind=Kind.GRANT,
        identity=f"schema {schema} to {role}",
        table="",
        phase=Phase.ROLES,
        create=(
            take,
            statement(f"GRANT {', '.join(privileges)} ON SCHEMA {schema.quoted} TO {who.quoted}"),
        ),
        drop=(take,),
        replace=True,
        depends=(f"{Kind.SCHEMA}:{schema}", f"{Kind.ROLE}:{role}"),
        address=("schema", "", schema.text, role),
        expects=tuple((p, ()) for p in privileges),
    )


def build(context: Context) -> tuple[Object, ...]:
    """Every grant that belongs to one protected table.

    While it is observed, only what the views read: whoever uses the table keeps all he has.
    """
    found: list[Object] = []
    table = context.table.id
    for profile in context.profiles:
        found.append(_view_owner(context, profile))
        found.append(_group(context, profile))
    if not context.stage.moved:
        if context.catalogue.backup:
            found.append(grant("relation", context.place, BACKUP, table, (("SELECT", ()),)))
        return tuple(found)
    family = (context.relation, *context.facts.descendants(context.relation))
    for relation in family:
        name = place_of(context, relation)
        # Sealing and re-sealing need UPDATE; INSERT and DELETE never.
        found.append(grant("relation", name, SEALER, table, (("SELECT", ()), ("UPDATE", ()))))
        found.append(grant("relation", name, BACKUP, table, (("SELECT", ()),)))
    # A row lock asks for UPDATE of a column; the policy lets no change pass.
    lock = (("UPDATE", (RESTRICTED.text,)),) if context.stage.seals else ()
    found.append(grant("relation", context.place, READER, table, (("SELECT", ()), *lock)))
    found += _follow(context)
    found += _sequences(context, family)
    found += _default_functions(context, family)
    return tuple(found)


def _follow(context: Context) -> list[Object]:
    """Rows follow the flags and the unit of their subjects, reports ask for these and the owner;
    nothing else of them is reached.
    """
    table = context.table
    subjects = {s for s in (table.subject, *(c.subject for c in table.columns)) if s is not None}
    if not context.stage.seals or not subjects:
        return []
    flags = [HIGH_VALUE.text, RESTRICTED.text]
    flags += [UNIT.text] * needs_unit_column(context.catalogue, table)
    there = {s for s in subjects if context.relation.column(s) is not None}
    read = sorted(there | set(audit_subjects.columns(context)))
    rights = (("SELECT", (*read, *flags)), ("UPDATE", tuple(flags)))
    return [grant("relation", context.place, KEYLESS, table.id, rights)]


def allowed(context: Context, profile: Profile) -> tuple[Operation, ...]:
    """What the profile may do with its view at the table's stage: while it is observed, read."""
    may = profile.may(context.table)
    return may if context.stage.moved else tuple(o for o in may if o is Operation.SELECT)


def _group(context: Context, profile: Profile) -> Object:
    view = context.view(profile)
    may = allowed(context, profile) if context.opened(profile) else ()
    return grant(
        "relation",
        view,
        context.catalogue.group_role(profile),
        context.table.id,
        tuple((o.value.upper(), ()) for o in ORDER if o in may),
        depends=(f"{Kind.VIEW}:{view}",),
    )


def _view_owner(context: Context, profile: Profile) -> Object:
    """Column privileges on just what the view shows, and on what it may write."""
    may = allowed(context, profile)
    stored = [stored_source(context, profile, f.name) for f in context.columns]
    written = tuple(s.text for s in stored if s is not None)
    read = [n.text for f in context.columns for n in sources(context, profile, f)]
    subject = context.subject
    if (
        subject is not None
        and subject.owner is not None
        and subject.table == context.table.id
        and subject_store(context, profile) is not None
    ):
        # Policies of the subject's other tables look assignments up here.
        read += [subject.key, subject.owner]
    privileges: list[Privilege] = []
    if read:
        privileges.append(("SELECT", tuple(dict.fromkeys(read))))
    for operation in (Operation.INSERT, Operation.UPDATE):
        if operation in may and written:
            privileges.append((operation.value.upper(), written))
    if Operation.DELETE in may:
        privileges.append(("DELETE", ()))
    return grant(
        "relation",
        context.place,
        context.catalogue.view_owner(profile),
        context.table.id,
        tuple(privileges),
    )


def _default_functions(context: Context, family: tuple[RelationFact, ...]) -> list[Object]:
    """EXECUTE for the group roles that insert: functions in defaults run as the caller (R45)."""
    found = []
    for function in sorted({f for r in family for f in r.default_functions}):
        for profile in context.profiles:
            if Operation.INSERT not in profile.may(context.table) or not context.opened(profile):
                continue
            role = Name(context.catalogue.group_role(profile))
            found.append(
                Object(
                    kind=Kind.GRANT,
                    identity=f"function {function} to {role} for {context.table.id}",
                    table=context.table.id,
                    phase=Phase.GRANTS,
                    create=(
                        # The server's own rendering of the name and argument types.
                        statement(f"GRANT EXECUTE ON FUNCTION {function} TO {role.quoted}"),
                    ),
                    replace=True,
                )
            )
    return found


def _sequences(context: Context, family: tuple[RelationFact, ...]) -> list[Object]:
    """USAGE for the group roles that insert (nextval runs as the caller), SELECT for backups.

    Of an identity column's sequence, which PostgreSQL calls itself, SELECT: for ``lastval()``.
    """
    names: dict[QualName, bool] = {}
    for relation in family:
        for sequence in context.facts.owned_sequences(relation.qualified):
            names[sequence_place(context, relation, sequence)] = sequence.internal
        own = {(s.schema, s.name) for s in context.facts.owned_sequences(relation.qualified)}
        for _, schema, used in relation.default_sequences:
            if (schema, used) not in own:
                names.setdefault(QualName.of(schema, used), False)
    found: list[Object] = []
    for name, internal in sorted(names.items()):
        found.append(grant("sequence", name, BACKUP, context.table.id, (("SELECT", ()),)))
        word = "SELECT" if internal else "USAGE"
        for profile in context.profiles:
            if Operation.INSERT in profile.may(context.table):
                privileges: tuple[Privilege, ...] = ((word, ()),) if context.opened(profile) else ()
                role = context.catalogue.group_role(profile)
                found.append(grant("sequence", name, role, context.table.id, privileges))
    return found
