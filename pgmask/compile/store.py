"""PLACE and SECURITY: where a store table stands, who owns it, and its row-level security.

A table is moved aside with its partitions and the sequences of its identity columns, gets the
store owner, and loses every privilege that anybody had; what was before goes into
``store_table.adopted``, from which ``uninstall`` gives it back.  Row-level security is enabled and
forced on the table and on every partition and inheritance child, because policies of a parent do
not hold for a child that is reached directly (A38).

The sequence of a serial column stays where applications call it by name
(``nextval('crm.customer_id_seq')``, B7): an owned sequence stands in its table's schema, so it
gives up its column (OWNED BY NONE) and keeps its own owner.  ``adopted`` names the column, to which
``uninstall`` ties it again once the table is back (ADR 0028).
"""

from __future__ import annotations

from pgmask.compile.context import BACKUP, KEYLESS, READER, SEALER, Context, statement
from pgmask.compile.notes import backup_read
from pgmask.compile.objects import Kind, Object, Phase
from pgmask.facts.model import AclEntry, RelationFact, SequenceFact
from pgmask.hashing import canonical_json
from pgmask.names import Name, QualName
from pgmask.sqltext import Statement, literal

REFUSES_OWNER = Name("pgmask_owner_refused")
SEES_ALL = "pgmask_all_"


def place_of(context: Context, relation: RelationFact) -> QualName:
    """Where a table of this family will stand: one of the application's schema moves aside.

    While the table is observed all of it stands where it was made.
    """
    here = context.store.schema
    if not context.stage.moved:
        back = relation.schema == context.store.store_schema
        return QualName.of(here if back else relation.schema, relation.name)
    schema = context.store.store_schema if relation.schema == here else relation.schema
    return QualName.of(schema, relation.name)


def sequence_place(context: Context, relation: RelationFact, sequence: SequenceFact) -> QualName:
    """Where an owned sequence will stand: an identity's with its table, a serial's by its name."""
    here, aside = context.store.schema, context.store.store_schema
    if sequence.internal:
        follows = sequence.schema == relation.schema
        schema = place_of(context, relation).schema.text if follows else sequence.schema
    else:
        schema = here if sequence.schema == aside else sequence.schema
    return QualName.of(schema, sequence.name)


def build(context: Context) -> tuple[Object, ...]:
    """PLACE, SECURITY and the standing policies of the table and of each of its children."""
    found = [_place(context)]
    family = (context.relation, *context.facts.descendants(context.relation))
    for relation in family:
        found += _security(context, place_of(context, relation))
    return tuple(found)


def _place(context: Context) -> Object:
    table = context.table
    place = context.place
    family = (context.relation, *context.facts.descendants(context.relation))
    create: list[Statement] = []
    for relation in family:
        create += _move(context, relation)
    create.append(record(context))
    create.append(
        statement(
            f"COMMENT ON TABLE {place.quoted} IS "
            + literal(_comment(context.relation, f"Store of {table.id}; read it through a view."))
        )
    )
    return Object(
        kind=Kind.PLACE,
        identity=str(place),
        table=table.id,
        phase=Phase.PLACE,
        create=tuple(create),
        replace=True,
        address=(place.schema.text, place.name.text),
        state=canonical_json(
            {
                "store": str(place),
                "owner": context.catalogue.store_owner,
                "members": [place_of(context, r).quoted for r in family],
                "sequences": _serials(context, family),
            }
        ),
    )


def _serials(context: Context, family: tuple[RelationFact, ...]) -> list[str]:
    """The sequences that defaults call, where they will stand: the same before and after a move."""
    found = set()
    for relation in family:
        owned = {(s.schema, s.name): s for s in context.facts.owned_sequences(relation.qualified)}
        for _, schema, name in relation.default_sequences:
            one = owned.get((schema, name))
            place = sequence_place(context, relation, one) if one else QualName.of(schema, name)
            found.add(place.quoted)
    return sorted(found)


def _comment(relation: RelationFact, note: str) -> str:
    said = (relation.comment or "").partition("\npgmask: ")[0].rstrip()
    return f"{said}\npgmask: {note}" if said else f"pgmask: {note}"


def _move(context: Context, relation: RelationFact) -> list[Statement]:
    here = QualName.of(relation.schema, relation.name)
    there = place_of(context, relation)
    owner = Name(context.catalogue.store_owner)
    create: list[Statement] = []
    aside = context.store.schema != context.store.store_schema
    sequences = context.facts.owned_sequences(relation.qualified)
    for sequence in sequences:
        if sequence.internal or not aside:
            continue
        name = QualName.of(sequence.schema, sequence.name)
        create.append(
            statement(
                f"ALTER SEQUENCE {name.quoted} OWNED BY NONE",
                "applications call it by name: it stays where it is",
            )
        )
        if name != sequence_place(context, relation, sequence):
            schema = Name(context.store.schema)
            create.append(statement(f"ALTER SEQUENCE {name.quoted} SET SCHEMA {schema.quoted}"))
    if here != there:
        create.append(
            statement(
                f"ALTER TABLE {here.quoted} SET SCHEMA {there.schema.quoted}",
                "move the table aside; indexes, constraints and identity sequences go with it",
            )
        )
    if relation.owner != owner.text:
        create.append(statement(f"ALTER TABLE {there.quoted} OWNER TO {owner.quoted}"))
    entries = [*(relation.acl or ()), *(e for c in relation.columns for e in c.acl)]
    # REVOKE on the table takes the privileges on its columns along.
    for grantee in _strangers(context, tuple(entries), relation.owner):
        create.append(
            statement(f"REVOKE ALL PRIVILEGES ON TABLE {there.quoted} FROM {grantee} CASCADE")
        )
    for sequence in sequences:
        name = sequence_place(context, relation, sequence)
        for grantee in _strangers(context, sequence.acl, sequence.owner):
            create.append(
                statement(f"REVOKE ALL PRIVILEGES ON SEQUENCE {name.quoted} FROM {grantee} CASCADE")
            )
    return create


def managed_grantees(context: Context) -> frozenset[str]:
    """The roles whose privileges on the store are compiled; everybody else's are taken away."""
    catalogue = context.catalogue
    found = {catalogue.store_owner, SEALER, KEYLESS, READER, BACKUP}
    for profile in catalogue.profiles:
        found |= {catalogue.view_owner(profile), catalogue.group_role(profile)}
    return frozenset(found)


def _strangers(context: Context, acl: tuple[AclEntry, ...] | None, owner: str) -> list[str]:
    """Grantees as SQL (``PUBLIC`` or a quoted name) that have no business here, sorted."""
    keep = managed_grantees(context) | {owner}
    found = {e.grantee for e in acl or () if e.grantee not in keep}
    return sorted("PUBLIC" if not g else Name(g).quoted for g in found)


def record(context: Context) -> Statement:
    """The row of ``store_table``; what was before is written once, when the table is taken over."""
    table, place = context.table, context.place
    relation = context.relation
    adopted = literal(canonical_json(_before(context)))
    return statement(
        "INSERT INTO pgmask_private.store_table"
        " (table_id, schema_name, table_name, original_schema, original_owner, adopted)"
        f" VALUES ({literal(table.id)}, {literal(place.schema.text)}, {literal(place.name.text)},"
        f" {literal(relation.schema)}, {literal(relation.owner)}, {adopted}::jsonb)"
        " ON CONFLICT (table_id) DO UPDATE"
        " SET schema_name = EXCLUDED.schema_name, table_name = EXCLUDED.table_name",
        "remember what the table was before",
    )


def _before(context: Context) -> dict[str, object]:
    """What ``uninstall`` needs to give the table back as it was (names, never values)."""
    facts = context.facts

    ours = managed_grantees(context)

    def acl(entries: tuple[AclEntry, ...] | None) -> list[list[str]] | None:
        # Rights that views had while the table was observed are not what was before.
        if entries is None:
            return None
        return [[e.grantee, e.privileges, e.grantor] for e in entries if e.grantee not in ours]

    def of_sequence(sequence: SequenceFact) -> dict[str, object]:
        return {
            "schema": sequence.schema, "name": sequence.name, "owner": sequence.owner,
            "acl": acl(sequence.acl), "column": sequence.column, "identity": sequence.internal,
        }  # fmt: skip

    def of(relation: RelationFact) -> dict[str, object]:
        return {
            "schema": relation.schema,
            "name": relation.name,
            "owner": relation.owner,
            "acl": acl(relation.acl),
            "comment": relation.comment,
            "row_security": relation.row_security,
            "force_row_security": relation.force_row_security,
            "policies": [p.name for p in relation.policies],
            "columns": [
                {
                    "name": c.name, "type": c.type, "not_null": c.not_null, "default": c.default,
                    "identity": c.identity, "generated": c.generated, "collation": c.collation,
                    "acl": acl(c.acl), "statistics": c.statistics, "comment": c.comment,
                }
                for c in relation.columns
            ],
            "constraints": [
                {
                    "name": c.name, "type": c.type, "definition": c.definition,
                    "valid": c.validated, "comment": c.comment,
                }
                for c in relation.constraints
            ],
            "indexes": [
                {
                    "schema": i.schema, "name": i.name, "definition": i.definition,
                    "comment": i.comment,
                }
                for i in relation.indexes
            ],
            "triggers": [
                {"name": t.name, "enabled": t.enabled, "definition": t.definition}
                for t in relation.triggers
            ],
            "sequences": [of_sequence(s) for s in facts.owned_sequences(relation.qualified)],
        }  # fmt: skip

    relation = context.relation
    return {**of(relation), "children": [of(r) for r in facts.descendants(relation)]}


def _security(context: Context, place: QualName) -> list[Object]:
    table = context.table.id
    address = (place.schema.text, place.name.text)
    owner = Name(context.catalogue.store_owner)
    security = Object(
        kind=Kind.SECURITY,
        identity=str(place),
        table=table,
        phase=Phase.SECURITY,
        create=(
            statement(f"ALTER TABLE {place.quoted} ENABLE ROW LEVEL SECURITY"),
            statement(
                f"ALTER TABLE {place.quoted} FORCE ROW LEVEL SECURITY",
                "the owner's own statements fail loudly instead of seeing no rows (PM220)",
            ),
        ),
        drop=(
            statement(f"ALTER TABLE IF EXISTS {place.quoted} NO FORCE ROW LEVEL SECURITY"),
            statement(f"ALTER TABLE IF EXISTS {place.quoted} DISABLE ROW LEVEL SECURITY"),
        ),
        replace=True,
        address=address,
    )
    policies = (
        (
            REFUSES_OWNER, owner, "(SELECT pgmask.refuse_owner())",
            "Statements of the owner are refused: they would see no rows.",
        ),
        (
            Name(f"{SEES_ALL}sealer"), Name(SEALER), "true",
            "The sealing trigger looks rows up and re-seals them.",
        ),
        (
            Name(f"{SEES_ALL}keyless"), Name(KEYLESS), "true",
            "Rows follow the flags and the unit of their subject.",
        ),
    )  # fmt: skip
    found = [security]
    for name, role, condition, says in policies:
        found.append(standing_policy(table, place, name, role, "ALL", condition, says))
    found.append(
        standing_policy(
            table, place, Name(f"{SEES_ALL}backup"), Name(BACKUP), "SELECT", backup_read(table),
            "Backups hold every row, with a note that they were made; the columns hold masks.",
        )
    )  # fmt: skip
    if place == context.place:  # its children are read through it
        found.append(
            standing_policy(
                table, place, Name("pgmask_lookup_reads"), Name(READER), "SELECT", "true",
                "Functions of pgmask look rows up.",
            )
        )  # fmt: skip
        found.append(
            standing_policy(
                table, place, Name("pgmask_lookup_locks"), Name(READER), "UPDATE", "true",
                "They lock rows and change none.", check=" WITH CHECK (false)",
            )
        )  # fmt: skip
    return found


def standing_policy(
    table: str, place: QualName, name: Name, role: Name, command: str, condition: str, says: str,
    *, check: str = "",
) -> Object:  # fmt: skip
    """A policy whose condition is the same for reading and writing, where ``check`` is empty."""
    return Object(
        kind=Kind.POLICY,
        identity=f"{place}.{name}",
        table=table,
        phase=Phase.POLICIES,
        create=(
            statement(
                f"CREATE POLICY {name.quoted} ON {place.quoted} AS PERMISSIVE FOR {command}"
                f" TO {role.quoted} USING ({condition}){check}"
            ),
            statement(f"COMMENT ON POLICY {name.quoted} ON {place.quoted} IS {literal(says)}"),
        ),
        drop=(statement(f"DROP POLICY {name.quoted} ON {place.quoted}"),),
        address=(place.schema.text, place.name.text, name.text),
    )
