"""Read the facts of a database: the only reader of the system catalogues."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import psycopg

from pgmask.facts.model import (
    AclEntry,
    BesideFact,
    ColumnFact,
    ConstraintFact,
    Dependant,
    DeploymentFact,
    Facts,
    FunctionFact,
    IndexFact,
    ManagedFact,
    MembershipFact,
    PlannedCall,
    PolicyFact,
    PublicationFact,
    PublishedTable,
    RelationFact,
    RelationName,
    RoleFact,
    SchemaFact,
    SequenceFact,
    StoreFact,
    TriggerFact,
    UseFact,
)
from pgmask.facts.rendered import renamed
from pgmask.resources import sql_dir

Row = tuple[Any, ...]

# What a single step neither changes nor records.
_NOT_IN_SCOPE = frozenset(
    {
        "default_sequences",
        "default_functions",
        "function_dependants",
        "planned_calls",
        "deployed",
        "beside",
        "uses",
    }
)
T = TypeVar("T")


@cache
def blocks() -> dict[str, bytes]:
    """The named blocks of ``sql/queries/inspect.sql``."""
    text = (sql_dir() / "queries" / "inspect.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.M)
    return {
        name: body.strip().rstrip(";").encode()
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


@cache
def _acl(items: tuple[str, ...]) -> tuple[AclEntry, ...]:
    return tuple(sorted((_acl_item(i) for i in items), key=lambda e: (e.grantee, e.grantor)))


def _acl_item(text: str) -> AclEntry:
    # grantee=privileges/grantor, each name in double quotes where it needs them.
    match = re.fullmatch(r'((?:"(?:[^"]|"")*"|[^"=]*))=([a-zA-Z*]*)/(.*)', text, flags=re.S)
    if match is None:
        raise ValueError("an access control item of unknown form")
    grantee, privileges, grantor = match.groups()
    return AclEntry(_unquote(grantee), privileges, _unquote(grantor))


def _unquote(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _acl_or_none(items: Sequence[str] | None) -> tuple[AclEntry, ...] | None:
    return None if items is None else _acl(tuple(items))


def _grouped(rows: Iterable[Row]) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row[1:])
    return found


class _Reader:
    """One reading: runs blocks on the connection with the parameters of the scope."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        scope: Sequence[int] | None,
        parent: str | None,
        functions: Sequence[str] | None = None,
        sequences: Sequence[str] = (),
    ) -> None:
        self._cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
        self._values = {
            "scope": None if scope is None else list(scope),
            "parent": parent,
            "functions": None if functions is None else list(functions),
            "sequences": list(sequences),
        }
        self.left_out = frozenset[str]() if scope is None else _NOT_IN_SCOPE
        if parent:
            self.left_out |= {"roles", "memberships", "schemas"}

    def pin(self) -> None:
        """Qualify every name the server renders, whatever the caller's search_path."""
        self._cursor.execute("SELECT pg_catalog.set_config('search_path', 'pg_catalog', true)")

    def rows(self, block: str) -> list[Row]:
        if block in self.left_out:
            return []
        text = blocks()[block]
        values = {k: v for k, v in self._values.items() if b"%(" + k.encode() + b")s" in text}
        return self._cursor.execute(text, values or None).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """What the last apply left: its catalogue, pgmask's version, the state then and the one now."""

    catalogue_hash: str
    version: str
    digest_then: str | None
    digest_now: str


def read_digest(connection: psycopg.Connection[Any]) -> str:
    """A digest over who last wrote each row of the system catalogues; equal means unchanged."""
    row = connection.execute(blocks()["digest"]).fetchone()
    return str(row[0]) if row is not None else ""


def read_memo(connection: psycopg.Connection[Any]) -> Memo | None:
    """The memo of the last apply, None when there is none or an apply has not finished."""
    reader = _Reader(connection, None, None)
    reader.pin()
    if not reader.rows("server")[0][5]:
        return None
    found = reader.rows("memo")
    if not found or found[0][2] is None:
        return None
    return Memo(
        catalogue_hash=found[0][0],
        version=found[0][1],
        digest_then=found[0][2],
        digest_now=read_digest(connection),
    )


def read_facts(connection: psycopg.Connection[Any]) -> Facts:
    """The whole database, inside the connection's current transaction.

    Some twenty queries, whatever the number of tables.  For one consistent picture the transaction
    should be REPEATABLE READ.  Sets search_path to pg_catalog until the end of the transaction.
    An autocommit connection gets a transaction for it, or names would come in its own search_path.
    """
    with connection.transaction():
        return _read(_Reader(connection, None, None))


def read_scope(
    connection: psycopg.Connection[Any],
    relations: Iterable[RelationName],
    table_id: str,
    functions: Iterable[str] = (),
    sequences: Iterable[str] = (),
) -> Facts:
    """Like ``read_facts``, for these relations, functions, sequences and one protected table.

    Dependants and the deployment are left out; roles, memberships and schemas are read for the
    shared step (``''``) only.
    """
    wanted = sorted(set(relations))
    cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
    found = cursor.execute(
        blocks()["oids"], {"schemas": [s for s, _ in wanted], "names": [n for _, n in wanted]}
    ).fetchall()
    oids = [r[0] for r in found]
    return _read(
        _Reader(connection, oids, table_id, sorted(set(functions)), sorted(set(sequences)))
    )


def _read(reader: _Reader) -> Facts:
    reader.pin()
    version, database, user, superuser, lock_slots, runtime = reader.rows("server")[0]
    relations, names = _relations(reader, runtime)
    return Facts(
        version=version,
        database=database,
        user=user,
        superuser=superuser,
        lock_slots=lock_slots,
        runtime=runtime,
        roles=tuple(
            RoleFact(
                name=r[0], superuser=r[1], inherit=r[2], createrole=r[3], createdb=r[4],
                login=r[5], replication=r[6], bypassrls=r[7],
            )
            for r in reader.rows("roles")
        ),
        memberships=tuple(
            MembershipFact(role=r[0], member=r[1], admin=r[2], inherit=r[3], set=r[4])
            for r in reader.rows("memberships")
        ),
        schemas=tuple(
            SchemaFact(name=r[0], owner=r[1], comment=r[2], acl=_acl_or_none(r[3]))
            for r in reader.rows("schemas")
        ),
        relations=relations,
        sequences=tuple(
            SequenceFact(
                schema=r[0], name=r[1], owner=r[2], acl=_acl_or_none(r[3]),
                owned_by=names.get(r[4]) if r[4] else None, column=r[5], internal=r[6] == "i",
            )
            for r in reader.rows("sequences")
        ),
        functions=tuple(_function(r) for r in reader.rows("functions")),
        publications=tuple(
            PublicationFact(name=r[0], owner=r[1], all_tables=r[2], schemas=tuple(r[3]))
            for r in reader.rows("publications")
        ),
        published=tuple(
            PublishedTable(
                publication=r[0], relation=names[r[1]],
                columns=None if r[2] is None else tuple(r[2]), where=r[3],
            )
            for r in reader.rows("published")
            if r[1] in names
        ),
        **(_deployed(reader) if runtime else {}),
    )  # fmt: skip


def _deployed(reader: _Reader) -> dict[str, Any]:
    last = reader.rows("deployed")
    return {
        "managed": tuple(
            ManagedFact(
                kind=r[0], identity=r[1], parent=r[2], phase=r[3], address=tuple(r[4]),
                desired_hash=r[5], fingerprint=r[6], drop=tuple(r[7]),
            )
            for r in reader.rows("managed")
        ),
        "stores": tuple(
            StoreFact(
                table_id=r[0], schema=r[1], name=r[2], original_schema=r[3], original_owner=r[4],
                stage=r[5], sealed=r[6], adopted=r[7], unsealing=r[8], empty=r[9],
            )
            for r in reader.rows("stores")
        ),
        "deployed": (
            DeploymentFact(id=last[0][0], catalogue_hash=last[0][1], access=last[0][2])
            if last
            else None
        ),
        "profile_columns": tuple((r[0], r[1]) for r in reader.rows("profile_columns")),
        "uses": tuple(
            UseFact(table_id=r[0], login=r[1], application=r[2], last_seen=r[3])
            for r in reader.rows("uses")
        ),
        "beside": tuple(
            BesideFact(
                kind=r[0], identity=r[1], schema=r[2], name=r[3], part=r[4], owner=r[5],
                stores=r[6],
            )
            for r in reader.rows("beside")
        ),
    }  # fmt: skip


def _relations(
    reader: _Reader, runtime: bool
) -> tuple[tuple[RelationFact, ...], dict[int, RelationName]]:
    base = reader.rows("relations")
    names = {r[0]: (r[1], r[2]) for r in base}
    raw_columns = {r[0]: r[1] for r in reader.rows("columns")}
    columns = {oid: tuple(_column(c) for c in rows) for oid, rows in raw_columns.items()}
    constraints = _grouped(reader.rows("constraints"))
    indexes = _grouped(reader.rows("indexes"))
    triggers = _grouped(reader.rows("triggers"))
    policies = _grouped(reader.rows("policies"))
    rules = _grouped(reader.rows("rules"))
    parents: defaultdict[int, list[RelationName]] = defaultdict(list)
    children: defaultdict[int, list[RelationName]] = defaultdict(list)
    for child, parent in reader.rows("inheritance"):
        if child in names and parent in names:
            parents[child].append(names[parent])
            children[parent].append(names[child])
    dependants: defaultdict[int, list[Dependant]] = defaultdict(list)
    for oid, schema, name, kind, owner, invoker in reader.rows("view_dependants"):
        what = "matview" if kind == "m" else "view"
        dependants[oid].append(
            Dependant(kind=what, schema=schema, name=name, owner=owner, invoker=invoker)
        )
    for oid, schema, name, owner in reader.rows("function_dependants"):
        dependants[oid].append(Dependant(kind="function", schema=schema, name=name, owner=owner))
    default_sequences = _grouped(reader.rows("default_sequences"))
    default_functions = _grouped(reader.rows("default_functions"))
    # No name outside a string has such brackets.
    places = {(r[1], r[2]): f"{{{r[0]}}}" for r in (reader.rows("places") if runtime else ())}
    planned_calls = _grouped(reader.rows("planned_calls"))

    found = tuple(
        RelationFact(
            schema=r[1], name=r[2], kind=r[3], owner=r[4], persistence=r[5], row_security=r[6],
            force_row_security=r[7], options=tuple(r[8]), comment=r[9], acl=_acl_or_none(r[10]),
            is_partition=r[11], partition_key=r[12], partition_columns=tuple(r[13] or ()),
            definition=r[14], extension=r[15], replica_identity=r[16],
            columns=columns.get(r[0], ()),
            constraints=tuple(_constraint(c) for c in constraints.get(r[0], ())),
            indexes=tuple(_index(i) for i in indexes.get(r[0], ())),
            triggers=tuple(_trigger(t) for t in triggers.get(r[0], ())),
            policies=tuple(_policy(p) for p in policies.get(r[0], ())),
            rules=tuple(x[0] for x in rules.get(r[0], ())),
            parents=tuple(parents.get(r[0], ())),
            children=tuple(sorted(children.get(r[0], ()))),
            dependants=tuple(dependants.get(r[0], ())),
            default_sequences=tuple((x[0], x[1], x[2]) for x in default_sequences.get(r[0], ())),
            default_functions=tuple(x[1] for x in default_functions.get(r[0], ())),
            planned_calls=tuple(
                PlannedCall(kind=x[0], name=x[1], function=x[2], owner=x[3])
                for x in planned_calls.get(r[0], ())
            ),
            raw=(
                (*r[1:14], renamed(r[14], places), *r[15:]), _steady(raw_columns.get(r[0], ())),
                # A foreign key's rendering names the other table, which may move by the same plan.
                [c if c[1] != "f" else (*c[:3], *c[4:7]) for c in constraints.get(r[0], ())],
                indexes.get(r[0]), triggers.get(r[0]),
                [(*p[:4], renamed(p[4], places), renamed(p[5], places), *p[6:])
                 for p in policies.get(r[0], ())],
                rules.get(r[0]), parents.get(r[0]),
            ),
        )
        for r in base
    )  # fmt: skip
    return found, names


def _steady(columns: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The raw columns without what another table's step may change: where a sequence stands."""
    return [
        [*c[:7], "nextval", *c[8:]] if c[7] and c[7].startswith("nextval(") else c for c in columns
    ]


def _column(c: Sequence[Any]) -> ColumnFact:
    return ColumnFact(
        name=c[0], number=c[1], type=c[2], base_type=c[3], category=c[4], domain=c[5] is not None,
        domain_not_null=bool(c[5]), not_null=c[6], default=c[7], identity=c[8], generated=c[9],
        collation=c[10], statistics=None if c[11] in (None, -1) else c[11], comment=c[12],
        acl=_acl(tuple(c[13])) if c[13] else (), kind=c[14], type_name=c[15],
    )  # fmt: skip


def _constraint(c: Row) -> ConstraintFact:
    return ConstraintFact(
        name=c[0], type=c[1], columns=tuple(c[2] or ()), definition=c[3], validated=c[4],
        deferrable=c[5], inherited=c[6], target=(c[7], c[8]) if c[7] else None,
        target_columns=tuple(c[9] or ()), comment=c[10],
    )  # fmt: skip


def _index(i: Row) -> IndexFact:
    return IndexFact(
        schema=i[0], name=i[1], unique=i[2], primary=i[3], exclusion=i[4], valid=i[5],
        nulls_not_distinct=i[6], columns=tuple(i[7]), key_count=i[8], expressions=i[9],
        predicate=i[10], used=tuple(sorted(i[11] or ())), definition=i[12], constraint=i[13],
        method=i[14], inherited=i[15], comment=i[16],
    )  # fmt: skip


def _trigger(t: Row) -> TriggerFact:
    return TriggerFact(
        name=t[0], enabled=t[1], type=t[2], function=(t[3], t[4]), definer=t[5], cloned=t[6],
        constraint=t[7], definition=t[8], comment=t[9], runs=t[10],
    )  # fmt: skip


def _policy(p: Row) -> PolicyFact:
    return PolicyFact(
        name=p[0], command=p[1], permissive=p[2], roles=tuple(p[3]), using=p[4], check=p[5],
        comment=p[6],
    )  # fmt: skip


def _function(f: Row) -> FunctionFact:
    return FunctionFact(
        schema=f[0], name=f[1], arguments=f[2], owner=f[3], language=f[4], volatility=f[5],
        strict=f[6], parallel=f[7], definer=f[8], leakproof=f[9], config=tuple(f[10]),
        source=f[11], acl=_acl_or_none(f[12]), comment=f[13],
    )  # fmt: skip
