"""The database as frozen values, made by ``facts.read`` or by hand in a test.

Names are as the system catalogues hold them, unquoted; expressions and definitions are the server's
own rendering.  Tuples are in a stable order (by name, columns by number).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

RelationName = tuple[str, str]
"""Schema and relation."""


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One grantee's privileges: letters as in ``aclitem`` (``arwd``), ``*`` marks grant option.

    grantee ``''`` is PUBLIC.
    """

    grantee: str
    privileges: str
    grantor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFact:
    """One column.

    number: attnum; type: with typmod, as ``format_type`` writes it; base_type: the type under a
    domain, else ``type``; category: ``typcategory`` of the base type (S text, D date, N number);
    kind: ``typtype`` of the base type (b base, e enum, c composite); domain: whether the type is a
    domain, domain_not_null whether it refuses NULL; identity ``a`` always, ``d`` by default;
    generated ``s`` stored, ``v`` virtual; collation: qualified and quoted where it is not the
    type's own; type_name: the bare name of the type.
    """

    name: str
    number: int
    type: str
    base_type: str = ""
    category: str = "S"
    kind: str = "b"
    type_name: str = ""
    domain: bool = False
    domain_not_null: bool = False
    not_null: bool = False
    default: str | None = None
    identity: str = ""
    generated: str = ""
    collation: str | None = None
    statistics: int | None = None
    comment: str | None = None
    acl: tuple[AclEntry, ...] = ()

    @property
    def foreign(self) -> bool:
        """Whether the type, or the one under a domain, stands outside of pg_catalog."""
        return "." in (self.base_type or self.type)

    @property
    def own(self) -> bool:
        """Foreign and of the application's making: only superusers make base types (citext)."""
        return self.foreign and (self.kind != "b" or self.base_type.endswith("[]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintFact:
    """One table constraint: type c check, f foreign key, p primary key, u unique, x exclusion.

    columns: its columns in order; target and target_columns: what a foreign key points to;
    inherited: it comes from a parent.
    """

    name: str
    type: str
    columns: tuple[str, ...]
    definition: str
    validated: bool = True
    deferrable: bool = False
    inherited: bool = False
    target: RelationName | None = None
    target_columns: tuple[str, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFact:
    """One index.

    columns: key columns then included ones, None for an expression; key_count: how many are keys;
    expressions, predicate: the server's text; used: columns that expressions and predicate read;
    constraint: name of the constraint it serves; inherited: attached to a partitioned index.
    """

    schema: str
    name: str
    columns: tuple[str | None, ...]
    definition: str
    key_count: int = 0
    unique: bool = False
    primary: bool = False
    exclusion: bool = False
    valid: bool = True
    nulls_not_distinct: bool = False
    expressions: str | None = None
    predicate: str | None = None
    used: tuple[str, ...] = ()
    constraint: str | None = None
    method: str = "btree"
    inherited: bool = False
    comment: str | None = None

    @property
    def reads(self) -> frozenset[str]:
        """Every column the index touches, in keys, expressions or predicate."""
        return frozenset(c for c in self.columns if c) | frozenset(self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerFact:
    """One trigger that is not internal.

    enabled: O origin, A always, R replica, D disabled; function: schema and name; definer: the
    function is SECURITY DEFINER; cloned: comes from a partitioned parent; runs: signature, owner
    and digest of the definition of a function that is not pgmask's, else None.
    """

    name: str
    enabled: str
    function: tuple[str, str]
    definition: str
    type: int = 0
    definer: bool = False
    cloned: bool = False
    constraint: bool = False
    comment: str | None = None
    runs: str | None = None

    @property
    def row(self) -> bool:
        """FOR EACH ROW."""
        return bool(self.type & 1)

    @property
    def before(self) -> bool:
        """BEFORE (not INSTEAD OF)."""
        return bool(self.type & 2)

    @property
    def on_write(self) -> bool:
        """Fires on INSERT or UPDATE."""
        return bool(self.type & (4 | 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFact:
    """One row-level security policy: command r, a, w, d or ``*``; roles sorted, PUBLIC by name."""

    name: str
    command: str
    permissive: bool
    roles: tuple[str, ...]
    using: str | None = None
    check: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependant:
    """An object whose definition uses a relation: kind view, matview or function.

    invoker: a view that reads with the rights of whoever asks it.
    """

    kind: str
    schema: str
    name: str
    owner: str
    invoker: bool = False

    def __str__(self) -> str:
        return self.name if self.kind == "function" else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PlannedCall:
    """A function that PostgreSQL may call while it plans a query on a relation.

    kind, name: what calls it, an index, statistics, CHECK or partition key; function: as
    regprocedure text; owner: neither a superuser nor a role of pgmask.
    """

    kind: str
    name: str
    function: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceFact:
    """One sequence; column: the column of the relation that owns it; internal: an identity's."""

    schema: str
    name: str
    owner: str
    acl: tuple[AclEntry, ...] | None = None
    owned_by: RelationName | None = None
    column: str | None = None
    internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationFact:
    """A table (kind r), partitioned table (p), view (v), matview (m) or foreign table (f).

    persistence p permanent, u unlogged; acl None: the owner's default, nobody else has anything;
    parents, children: by inheritance or partitioning, children only the direct ones; partition_key:
    the server's text; partition_columns: the columns in it; definition: of a view; extension: made
    by one; default_sequences: (column, sequence schema, sequence) used by defaults;
    default_functions: functions that defaults call and PUBLIC may not, as regprocedure text;
    planned_calls: code of the application that planning a query on it may run;
    raw: the rows it was made from, without oids.
    """

    schema: str
    name: str
    kind: str = "r"
    owner: str = ""
    persistence: str = "p"
    row_security: bool = False
    force_row_security: bool = False
    options: tuple[str, ...] = ()
    comment: str | None = None
    acl: tuple[AclEntry, ...] | None = None
    is_partition: bool = False
    partition_key: str | None = None
    partition_columns: tuple[str, ...] = ()
    definition: str | None = None
    extension: bool = False
    replica_identity: str = "d"
    columns: tuple[ColumnFact, ...] = ()
    constraints: tuple[ConstraintFact, ...] = ()
    indexes: tuple[IndexFact, ...] = ()
    triggers: tuple[TriggerFact, ...] = ()
    policies: tuple[PolicyFact, ...] = ()
    rules: tuple[str, ...] = ()
    parents: tuple[RelationName, ...] = ()
    children: tuple[RelationName, ...] = ()
    dependants: tuple[Dependant, ...] = ()
    default_sequences: tuple[tuple[str, str, str], ...] = ()
    default_functions: tuple[str, ...] = ()
    planned_calls: tuple[PlannedCall, ...] = ()
    raw: object = field(default=None, compare=False, repr=False)

    @property
    def state(self) -> str:
        """SHA-256 over everything read of the relation: what a plan is bound to."""
        return sha256(repr(self if self.raw is None else self.raw).encode()).hexdigest()

    @property
    def qualified(self) -> RelationName:
        """Schema and name."""
        return (self.schema, self.name)

    def column(self, name: str) -> ColumnFact | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    def constraint(self, name: str) -> ConstraintFact | None:
        """The constraint of that name, or None."""
        return next((c for c in self.constraints if c.name == name), None)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key in order; empty without one."""
        return next((c.columns for c in self.constraints if c.type == "p"), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFact:
    """One function of ``pgmask_private``; source: SHA-256 of the server's whole rendering."""

    schema: str
    name: str
    arguments: str
    owner: str
    language: str
    volatility: str
    strict: bool
    parallel: str
    definer: bool
    leakproof: bool
    config: tuple[str, ...]
    source: str
    acl: tuple[AclEntry, ...] | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaFact:
    """One schema."""

    name: str
    owner: str
    comment: str | None = None
    acl: tuple[AclEntry, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFact:
    """One role of the cluster with the attributes that matter to protection."""

    name: str
    superuser: bool = False
    inherit: bool = True
    createrole: bool = False
    createdb: bool = False
    login: bool = False
    replication: bool = False
    bypassrls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipFact:
    """``member`` belongs to ``role``; inherit and set as PostgreSQL 16 states them."""

    role: str
    member: str
    admin: bool = False
    inherit: bool = True
    set: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """One table in one publication; columns None: all of them."""

    publication: str
    relation: RelationName
    columns: tuple[str, ...] | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationFact:
    """One publication; schemas: published whole."""

    name: str
    owner: str
    all_tables: bool = False
    schemas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedFact:
    """What ``pgmask_private.managed_object`` holds of one object."""

    kind: str
    identity: str
    parent: str
    phase: int
    address: tuple[str, ...]
    desired_hash: str
    fingerprint: Mapping[str, Any] | None
    drop: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``kind:identity``."""
        return f"{self.kind}:{self.identity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFact:
    """What ``pgmask_private.store_table`` holds of one protected table.

    unsealing: the table is on its way back (``pgmask unseal``); empty: it has no page on disk, so
    no row.
    """

    table_id: str
    schema: str
    name: str
    original_schema: str
    original_owner: str
    stage: str = "views"
    sealed: bool = False
    adopted: Mapping[str, Any] = field(default_factory=dict)
    unsealing: bool = False
    empty: bool = False

    @property
    def holds_sealed(self) -> bool:
        """``pgmask seal`` has ended, and there may be rows."""
        return self.sealed and not self.empty


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideFact:
    """An object of pgmask's roles or in its schemas that the runtime did not make.

    kind: function, view, matview, table, rule, trigger or operator; schema, name: of a rule or
    trigger those of its relation; part: a function's arguments, the name of a rule or trigger;
    stores: the owner is one of store tables.
    """

    kind: str
    identity: str
    schema: str
    name: str
    part: str
    owner: str
    stores: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UseFact:
    """A login and application met at an observed table; last_seen: date and time as text."""

    table_id: str
    login: str
    application: str
    last_seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFact:
    """The last finished deployment: its number, the catalogue's hash and its access matrix."""

    id: int
    catalogue_hash: str
    access: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One database at one moment.

    version: ``server_version_num``; lock_slots: what one transaction may fill of the lock table at
    most; runtime: whether pgmask's own tables are there; profile_columns: (table id, digest of the
    rows of ``profile_column``), and ("profile_path NAME", digest) per profile.
    """

    version: int = 180000
    database: str = ""
    user: str = ""
    superuser: bool = False
    lock_slots: int = 6400
    runtime: bool = True
    roles: tuple[RoleFact, ...] = ()
    memberships: tuple[MembershipFact, ...] = ()
    schemas: tuple[SchemaFact, ...] = ()
    relations: tuple[RelationFact, ...] = ()
    sequences: tuple[SequenceFact, ...] = ()
    functions: tuple[FunctionFact, ...] = ()
    publications: tuple[PublicationFact, ...] = ()
    published: tuple[PublishedTable, ...] = ()
    managed: tuple[ManagedFact, ...] = ()
    stores: tuple[StoreFact, ...] = ()
    deployed: DeploymentFact | None = None
    profile_columns: tuple[tuple[str, str], ...] = ()
    beside: tuple[BesideFact, ...] = ()
    uses: tuple[UseFact, ...] = ()
    _relations: dict[RelationName, RelationFact] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _stores: dict[str, StoreFact] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _owned: dict[RelationName, list[SequenceFact]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    _views: frozenset[RelationName] = field(
        default_factory=frozenset, init=False, repr=False, compare=False
    )
    _publications: frozenset[tuple[str, ...]] = field(
        default_factory=frozenset, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        views = {(m.address[0], m.address[1]) for m in self.managed if m.kind == "view"}
        object.__setattr__(self, "_views", frozenset(views))
        sent = {m.address for m in self.managed if m.kind == "publication"}
        object.__setattr__(self, "_publications", frozenset(sent))
        self._relations.update({r.qualified: r for r in self.relations})
        self._stores.update({s.table_id: s for s in self.stores})
        for sequence in self.sequences:
            if sequence.owned_by is not None:
                self._owned.setdefault(sequence.owned_by, []).append(sequence)

    @property
    def managed_views(self) -> frozenset[RelationName]:
        """The views that pgmask made here."""
        return self._views

    @property
    def managed_publications(self) -> frozenset[tuple[str, ...]]:
        """(publication, schema, relation) that pgmask gave a list of columns."""
        return self._publications

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.version // 10000

    def relation(self, schema: str, name: str) -> RelationFact | None:
        """The relation of that name, or None."""
        return self._relations.get((schema, name))

    def store(self, table_id: str) -> StoreFact | None:
        """The recorded store table, None before adoption."""
        return self._stores.get(table_id)

    def store_relation(self, table_id: str, schema: str, name: str) -> RelationFact | None:
        """The table behind a catalogue's table: where it was moved to, else under its own name."""
        found = self.store(table_id)
        return self.relation(found.schema, found.name) if found else self.relation(schema, name)

    def owned_sequences(self, relation: RelationName) -> tuple[SequenceFact, ...]:
        """The sequences that belong to columns of the relation."""
        return tuple(self._owned.get(relation, ()))

    def descendants(self, relation: RelationFact) -> tuple[RelationFact, ...]:
        """Partitions and inheritance children, of every depth, parents before children."""
        found: list[RelationFact] = []
        for name in relation.children:
            child = self._relations.get(name)
            if child is not None:
                found.append(child)
                found.extend(self.descendants(child))
        return tuple(found)
