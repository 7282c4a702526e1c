"""Statements that act on tables or only act: their relations must be there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pgmask.lineage import bodies, relations, writes
from pgmask.lineage.model import Use, Write
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.scope import Level, strings
from pgmask.lineage.statements import STATEMENTS, statement
from pgmask.lineage.types import type_name


@statement("TruncateStmt", "relations restart_seqs behavior")
def truncate(r: Reader, body: Node, level: Level | None) -> None:
    for node in body["relations"]:
        found = relations.lookup(r, node["RangeVar"])
        if found is not None:
            position = r.position(node["RangeVar"])
            r.name(found, "write", position)
            relations.followed(r, found, node["RangeVar"])
            writes.servers_own(r, found, node["RangeVar"])
            r.writes.append(
                Write(schema=found.schema, table=found.name, action="truncate", position=position)
            )


@statement("CreatePolicyStmt")
@statement("AlterPolicyStmt")
def policy(r: Reader, body: Node, level: Level | None) -> None:
    _on_table(r, body, "table", ("qual", "with_check"))


@statement("IndexStmt")
def index(r: Reader, body: Node, level: Level | None) -> None:
    own = _on_table(r, body, "relation", ("whereClause",))
    for node in (*body.get("indexParams", ()), *body.get("indexIncludingParams", ())):
        part = node["IndexElem"]
        if own is None:
            return
        if "expr" in part:
            r.evaluate(part["expr"], own, Use.LOCK)
        elif part["name"] not in own.items[0].index:
            r.refuse("PM602", f"there is no column {part['name']!r}", part)


def _on_table(r: Reader, body: Node, key: str, expressions: tuple[str, ...]) -> Level | None:
    node = body[key]
    relation = relations.lookup(r, node)
    if relation is None:
        return None
    r.name(relation, "define", r.position(node))
    own = Level()
    own.items = [relations.relation_item(r, relation, relation.name, node, None)]
    for one in expressions:
        if one in body:
            r.evaluate(body[one], own, Use.FILTER)
    return own


# What only acts: its relations must be there, nothing of them is read.

_ACTS: Final = (
    "AlterCollationStmt AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt AlterDatabaseStmt"
    " AlterDefaultPrivilegesStmt AlterEnumStmt AlterEventTrigStmt"
    " AlterExtensionContentsStmt AlterExtensionStmt AlterFdwStmt AlterForeignServerStmt"
    " AlterObjectDependsStmt AlterOpFamilyStmt AlterOperatorStmt AlterOwnerStmt"
    " AlterPublicationStmt AlterRoleSetStmt AlterRoleStmt AlterStatsStmt"
    " AlterSubscriptionStmt AlterSystemStmt AlterTSConfigurationStmt AlterTSDictionaryStmt"
    " AlterTableMoveAllStmt AlterTableSpaceOptionsStmt AlterUserMappingStmt"
    " CheckPointStmt ClusterStmt CommentStmt ConstraintsSetStmt CreateAmStmt"
    " CreateConversionStmt CreateEnumStmt CreateEventTrigStmt"
    " CreateExtensionStmt CreateFdwStmt CreateForeignServerStmt CreateOpClassStmt"
    " CreateOpFamilyStmt CreatePLangStmt CreatePublicationStmt CreateRoleStmt"
    " CreateSubscriptionStmt CreateTableSpaceStmt CreateTransformStmt"
    " CreateUserMappingStmt CreatedbStmt DropRoleStmt"
    " DropSubscriptionStmt DropTableSpaceStmt DropUserMappingStmt DropdbStmt GrantRoleStmt"
    " GrantStmt ListenStmt LoadStmt LockStmt NotifyStmt"
    " ReassignOwnedStmt RefreshMatViewStmt ReindexStmt ReplicaIdentityStmt SecLabelStmt"
    " UnlistenStmt VacuumStmt VariableShowStmt"
).split()
_NO_TABLES: Final = frozenset({"ReindexStmt", "AlterOwnerStmt", "ConstraintsSetStmt"})


def _acts(r: Reader, body: Node, level: Level | None) -> None:
    for node in _range_vars(body):
        found = relations.lookup(r, node)
        if found is not None:
            r.name(found, "define", r.position(node))


def _nothing(r: Reader, body: Node, level: Level | None) -> None:
    """Nothing of it is about tables that could be looked up by name alone."""


def _range_vars(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        if "relname" in node and "relpersistence" in node:
            yield node
            return
        for key, value in node.items():
            # What a rule does and a trigger's condition see OLD and NEW.
            if key not in ("actions", "whenClause", "whereClause", "SelectStmt"):
                yield from _range_vars(value)
    elif isinstance(node, list):
        for one in node:
            yield from _range_vars(one)


@statement("CreateSeqStmt")
def create_sequence(r: Reader, body: Node, level: Level | None) -> None:
    from pgmask.lineage import tables

    tables.new_relation(
        r, body["sequence"], "S", ["last_value", "log_cnt", "is_called"],
        ["bigint", "bigint", "boolean"],
    )  # fmt: skip


@statement("AlterSeqStmt")
def alter_sequence(r: Reader, body: Node, level: Level | None) -> None:
    node = body["sequence"]
    if not (
        body.get("missing_ok")
        and r.session.relation(node.get("schemaname"), node["relname"]) is None
    ):
        _acts(r, {"sequence": node}, level)


# What reaches further than the names in it.


@statement("RuleStmt")
def rule(r: Reader, body: Node, level: Level | None) -> None:
    _acts(r, {"relation": body["relation"]}, level)
    r.refuse("PM605", "what a rule does is not followed", body, "Write a trigger or a function.")


@statement("AlterFunctionStmt")
def alter_function(r: Reader, body: Node, level: Level | None) -> None:
    r.session.alter_function(strings(body["func"]["objname"])[-1])


@statement("DefineStmt")
def define(r: Reader, body: Node, level: Level | None) -> None:
    kind = body.get("kind", "")
    if kind == "OBJECT_AGGREGATE":
        r.session.alter_function(strings(body["defnames"])[-1])
    elif kind in ("OBJECT_OPERATOR", "OBJECT_TYPE"):
        r.session.lose(f"made an own {kind[7:].lower()}")


@statement("CreateCastStmt")
def create_cast(r: Reader, body: Node, level: Level | None) -> None:
    r.session.lose("made a cast")


@statement("CreateRangeStmt")
@statement("AlterTypeStmt")
@statement("DropOwnedStmt")
def types_and_more(r: Reader, body: Node, level: Level | None) -> None:
    r.session.lose("made or changed types, or dropped what is not named")


@statement("ImportForeignSchemaStmt")
def import_schema(r: Reader, body: Node, level: Level | None) -> None:
    r.session.lose_path()


@statement("CreateDomainStmt")
@statement("AlterDomainStmt")
def domain(r: Reader, body: Node, level: Level | None) -> None:
    from pgmask.lineage import kept, tables

    before = len(r.notes.calls)
    tables.expressions(r, body, ["value"], [""])
    if "typeName" in body:
        kept.inherited(r, type_name(r, body["typeName"]), body)
    own = list(r.notes.calls)[before:]
    if any(schema != "pg_catalog" for schema, _, _ in own):
        r.session.lose("made a domain that calls functions")


@statement("CreateStatsStmt")
def create_statistics(r: Reader, body: Node, level: Level | None) -> None:
    from pgmask.lineage import tables

    for node in body.get("relations", ()):
        found = relations.lookup(r, node["RangeVar"])
        if found is not None:
            r.name(found, "define", r.position(node["RangeVar"]))
            tables.expressions(r, body["exprs"], list(found.columns), list(found.types), found.name)


@statement("CreateTrigStmt")
def create_trigger(r: Reader, body: Node, level: Level | None) -> None:
    found = relations.lookup(r, body["relation"])
    if found is None:
        return
    r.name(found, "define", r.position(body["relation"]))
    for function in r.session.functions_of(strings(body["funcname"])[-1]):
        r.session.pending = r.session.pending or bodies.opaque_may_set_path(r, function)
    if "whenClause" in body:
        own = Level()
        own.items = [
            relations.relation_item(r, found, alias, body["relation"], None)
            for alias in ("old", "new")
        ]
        r.evaluate(body["whenClause"], own, Use.FILTER)


for _kind in _ACTS:
    STATEMENTS[_kind] = (_nothing if _kind in _NO_TABLES else _acts, None)
