"""What the backup role may read beside the stores: everything else a dump must hold (U3).

``pg_dump`` locks and reads every table and sequence; without SELECT on a single one it fails as a
whole.  Tables of PostgreSQL's extensions and of pgmask itself are granted where they are made.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.model import Catalogue
from pgmask.compile.context import BACKUP
from pgmask.compile.grants import grant, schema_grant
from pgmask.compile.objects import Object, Problem, Severity
from pgmask.facts.model import Facts, RelationFact
from pgmask.names import Name, QualName

_OURS = (
    "pgmask",
    "pgmask_private",
    "pgmask_crypto",
    "pgmask_audit",
    "pgmask_note",
    "pgmask_report",
)


def acts_as(facts: Facts, role: str) -> bool:
    """Whether the login that plans has the rights of the role, by any chain of memberships."""
    if facts.superuser or role == facts.user or not facts.user:
        return True
    seen, todo = {facts.user}, [facts.user]
    while todo:
        member = todo.pop()
        for one in facts.memberships:
            if one.member == member and one.inherit and one.role not in seen:
                if one.role == role:
                    return True
                seen.add(one.role)
                todo.append(one.role)
    # The database's owner stands for this role without being a member of it.
    return role == "pg_database_owner"


def _bystanders(facts: Facts, protected: frozenset[tuple[str, str]]) -> Iterator[RelationFact]:
    for relation in facts.relations:
        if (
            relation.kind in "rp"
            and relation.schema not in _OURS
            and not relation.extension
            and relation.qualified not in protected
        ):
            yield relation


def build(
    catalogue: Catalogue, facts: Facts, protected: frozenset[tuple[str, str]]
) -> tuple[Object, ...]:
    """SELECT on every other table and sequence whose owner the planning login can act as.

    protected: names of the stores and their children, before and after the move.
    """
    if not catalogue.backup:
        return ()
    found: list[Object] = []
    schemas: set[str] = set()
    for relation in _bystanders(facts, protected):
        if acts_as(facts, relation.owner):
            name = QualName.of(relation.schema, relation.name)
            found.append(grant("relation", name, BACKUP, "", (("SELECT", ()),)))
            schemas.add(relation.schema)
    for sequence in facts.sequences:
        if sequence.schema in _OURS or sequence.owned_by in protected:
            continue
        if acts_as(facts, sequence.owner) and not _used_by_stores(facts, sequence.name, protected):
            name = QualName.of(sequence.schema, sequence.name)
            found.append(grant("sequence", name, BACKUP, "", (("SELECT", ()),)))
            schemas.add(sequence.schema)
    owners = {s.name: s.owner for s in facts.schemas}
    for schema in sorted(schemas):
        if acts_as(facts, owners.get(schema, "")):
            found.append(schema_grant(Name(schema), BACKUP, ("USAGE",)))
    return tuple(found)


def _used_by_stores(facts: Facts, name: str, protected: frozenset[tuple[str, str]]) -> bool:
    return any(
        used == name
        for r in facts.relations
        if r.qualified in protected
        for _, _, used in r.default_sequences
    )


def problems(
    catalogue: Catalogue, facts: Facts, protected: frozenset[tuple[str, str]]
) -> Iterator[Problem]:
    """Tables the backup role will not be able to read, or not whole."""
    if not catalogue.backup:
        return
    for relation in _bystanders(facts, protected):
        name = f"{relation.schema}.{relation.name}"
        if not acts_as(facts, relation.owner) and not any(
            e.grantee in ("", BACKUP) and "r" in e.privileges for e in relation.acl or ()
        ):
            yield Problem(
                table="", code="PM221", what=name,
                message=f"backups will fail: the backup role cannot read {name}",
                hint=f'GRANT SELECT ON {name} TO {BACKUP}, as its owner "{relation.owner}".',
                severity=Severity.WARN,
            )  # fmt: skip
        elif relation.row_security:
            yield Problem(
                table="", code="PM221", what=name,
                message=f"backups may lack rows of {name}: it has row-level security of its own",
                hint=f"Give it a policy TO {BACKUP} USING (true).", severity=Severity.WARN,
            )  # fmt: skip
