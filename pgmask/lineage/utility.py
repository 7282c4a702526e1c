"""Statements around queries (COPY, EXPLAIN, PREPARE, cursors, CALL) and those that only act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pgmask.lineage import bodies, from_items, functions, select, writes
from pgmask.lineage.finish import finish
from pgmask.lineage.kinds import kind_of
from pgmask.lineage.model import Use, Write
from pgmask.lineage.names import take
from pgmask.lineage.reader import Node, Reader, unfollowed
from pgmask.lineage.rows import Out, Rows
from pgmask.lineage.scope import Level, strings
from pgmask.lineage.session import Renamed
from pgmask.lineage.statements import STATEMENTS, run, statement
from pgmask.lineage.values import NOTHING, note_all


def inside(r: Reader, tree: Node, level: Level | None = None) -> Rows | None:
    """A statement inside of this one: its own lineage in ``inner``, all it reads here too."""
    inner = Reader(r.session, tree)
    inner.depth = r.depth + 1
    inner.busy = r.busy
    inner.at = r.at
    rows = run(inner, tree, level)
    for key, at in inner.notes.reads.items():
        r.notes.reads.setdefault(key, at)
    for column, at in inner.notes.named.items():
        r.notes.named.setdefault(column, at)
    for call, at in inner.notes.calls.items():
        r.notes.calls.setdefault(call, at)
    for named, relation in inner.relations.items():
        r.relations.setdefault(named, relation)
    r.writes += inner.writes
    r.unresolved += [u for u in inner.unresolved if u not in r.unresolved]
    if rows is not None:
        for out in rows.columns:
            note_all(r.notes, out.value.sources, Use.OUTPUT, out.position)
    if r.text is not None:
        r.inner.append(finish(inner, rows, kind_of(tree), r.text, r.start, r.end, r.base))
    return rows


# COPY.


@statement("CopyStmt", "relation query attlist is_from is_program filename options whereClause")
def copy(r: Reader, body: Node, level: Level | None) -> Rows | None:
    if "query" in body:
        rows = inside(r, body["query"], level)
        return rows
    node = body["relation"]
    relation = from_items.lookup(r, node)
    if relation is None:
        return None
    position = r.position(node)
    from_items.followed(r, relation, node)
    names = strings(body.get("attlist", ())) or list(relation.columns)
    own = Level()
    item = from_items.relation_item(r, relation, relation.name, node, None)
    own.items = [item]
    for name in names:
        if name not in item.index:
            r.refuse("PM602", f"{relation.name!r} has no column {name!r}", node)
    names = [n for n in names if n in item.index]
    if body.get("is_from"):
        r.name(relation, "write", position)
        writes.servers_own(r, relation, node)
        origins = dict(relation.origins) if isinstance(relation, Renamed) else {}
        names = [origins.get(n, n) for n in names]
        r.writes.append(
            Write(
                schema=relation.schema, table=relation.name, action="copy",
                columns=tuple(sorted(names)), sources=tuple((n, ()) for n in sorted(names)),
                position=position,
            )
        )  # fmt: skip
        if "whereClause" in body:
            r.evaluate(body["whereClause"], own, Use.FILTER)
        return None
    r.name(relation, "read", position)
    columns = []
    for name in names:
        number = item.index[name]
        value = take(r, (item, number, item.values[number]), None, position)
        columns.append(Out(name, value, position))
    return Rows(columns)


# Statements that hold another one.


@statement("ExplainStmt", "query options")
def explain(r: Reader, body: Node, level: Level | None) -> Rows:
    inside(r, body["query"], level)
    return Rows([Out("QUERY PLAN", NOTHING)])


@statement("PrepareStmt", "name argtypes query")
def prepare(r: Reader, body: Node, level: Level | None) -> None:
    inside(r, body["query"], level)
    if body["name"] in r.session.prepared:
        r.session.twice.add(("prepared", body["name"]))
    r.session.prepared[body["name"]] = body["query"]


@statement("ExecuteStmt", "name params")
def execute(r: Reader, body: Node, level: Level | None) -> Rows | None:
    given = r.many(body.get("params"), Level(), None)
    query = r.session.prepared.get(body["name"])
    if query is None:
        r.refuse(
            "PM607", f"the prepared statement {body['name']!r} is not in this text", body,
            "Give PREPARE together with EXECUTE.",
        )  # fmt: skip
        return None
    if ("prepared", body["name"]) in r.session.twice:
        unfollowed(r, body, f"prepared {body['name']!r} twice")
    own = Level()
    own.parameters = {f"${n}": value for n, value in enumerate(given, 1)}
    before, r.at = r.at, max(r.at, 0)
    root, r.root = r.root, query
    found = run(r, query, own)
    r.at, r.root = before, root
    return found


@statement("DeallocateStmt")
def deallocate(r: Reader, body: Node, level: Level | None) -> None:
    if "name" in body:
        r.session.prepared.pop(body["name"], None)
    else:
        r.session.prepared.clear()


@statement("DeclareCursorStmt", "portalname options query")
def declare(r: Reader, body: Node, level: Level | None) -> None:
    rows = inside(r, body["query"], level)
    if body["portalname"] in r.session.cursors:
        r.session.twice.add(("cursor", body["portalname"]))
    if rows is not None:
        r.session.cursors[body["portalname"]] = rows


@statement("FetchStmt", "direction howMany portalname ismove direction_keyword location")
def fetch(r: Reader, body: Node, level: Level | None) -> Rows | None:
    if body.get("ismove"):
        return None
    rows = r.session.cursors.get(body.get("portalname", ""))
    if rows is None:
        r.refuse(
            "PM607", f"the cursor {body.get('portalname')!r} is not in this text", body,
            "Give DECLARE together with FETCH.",
        )  # fmt: skip
        return None
    if ("cursor", body.get("portalname", "")) in r.session.twice:
        unfollowed(r, body, f"declared {body['portalname']!r} twice")
    for out in rows.columns:
        r.note(out.value.sources, None, -1)
    return Rows([Out(out.name, out.value) for out in rows.columns])


@statement("ClosePortalStmt")
def close(r: Reader, body: Node, level: Level | None) -> None:
    if "portalname" in body:
        r.session.cursors.pop(body["portalname"], None)
    else:
        r.session.cursors.clear()


@statement("CallStmt", "funccall funcexpr outargs")
def call(r: Reader, body: Node, level: Level | None) -> Rows | None:
    made = functions.call(r, body["funccall"], level or Level(), None)
    found = made.value.fields
    if found is None:
        return None
    return Rows([Out(name, value) for name, value in found])


# Settings and transactions.


@statement("VariableSetStmt")
def set_variable(r: Reader, body: Node, level: Level | None) -> None:
    kind = body.get("kind", "VAR_SET_VALUE")
    name = body.get("name", "").lower()
    if kind == "VAR_RESET_ALL" or (name == "search_path" and kind != "VAR_SET_VALUE"):
        if kind != "VAR_SET_CURRENT":
            local = bool(body.get("is_local"))
            r.session.set_path(r.session.first.path, known=True, local=local)
        return
    if name in ("role", "session_authorization"):
        # "$user" of the path is another one now: a schema of that name may come before all.
        for node in body.get("args", ()):
            who = node.get("A_Const", {}).get("sval", {}).get("sval", "")
            if who in r.session.schema.schemas or who in r.session.state.schemas:
                r.session.lose_path()
        return
    if name != "search_path":
        return
    path = []
    for node in body.get("args", ()):
        value = node.get("A_Const", {}).get("sval", {}).get("sval")
        path.append(value or "")
    known = all(path)
    r.session.set_path(tuple(path), known=known, local=bool(body.get("is_local")))


@statement("TransactionStmt")
def transaction(r: Reader, body: Node, level: Level | None) -> None:
    kind = body.get("kind", "TRANS_STMT_BEGIN").removeprefix("TRANS_STMT_")
    chain = bool(body.get("chain"))
    if kind in ("BEGIN", "START"):
        r.session.begin()
    elif kind == "SAVEPOINT":
        r.session.begin(body.get("savepoint_name", ""))
    elif kind in ("COMMIT", "PREPARE"):
        r.session.commit(chain=chain)
    elif kind == "ROLLBACK":
        r.session.rollback(chain=chain)
    elif kind == "ROLLBACK_TO":
        r.session.rollback(body.get("savepoint_name", ""))


@statement("DiscardStmt")
def discard(r: Reader, body: Node, level: Level | None) -> None:
    if body.get("target") == "DISCARD_ALL":
        r.session.set_path(r.session.first.path, known=True, local=False)
        r.session.prepared.clear()
        r.session.cursors.clear()
    if body.get("target") in ("DISCARD_ALL", "DISCARD_TEMP"):
        for key, relation in list(r.session.state.relations.items()):
            if key[0] == "pg_temp" and relation is not None:
                r.session.drop(relation)


# Statements on tables.


@statement("TruncateStmt", "relations restart_seqs behavior")
def truncate(r: Reader, body: Node, level: Level | None) -> None:
    for node in body["relations"]:
        found = from_items.lookup(r, node["RangeVar"])
        if found is not None:
            position = r.position(node["RangeVar"])
            r.name(found, "write", position)
            from_items.followed(r, found, node["RangeVar"])
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
    relation = from_items.lookup(r, node)
    if relation is None:
        return None
    r.name(relation, "define", r.position(node))
    own = Level()
    own.items = [from_items.relation_item(r, relation, relation.name, node, None)]
    for one in expressions:
        if one in body:
            r.evaluate(body[one], own, Use.FILTER)
    return own


@statement("PLAssignStmt", "name indirection nnames val location")
def assignment(r: Reader, body: Node, level: Level | None) -> Rows | None:
    return select.select(r, body["val"], level)


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
        found = from_items.lookup(r, node)
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
    from pgmask.lineage import tables

    before = len(r.notes.calls)
    tables.expressions(r, body, ["value"], [""])
    own = list(r.notes.calls)[before:]
    if any(schema != "pg_catalog" for schema, _, _ in own):
        r.session.lose("made a domain that calls functions")


@statement("CreateStatsStmt")
def create_statistics(r: Reader, body: Node, level: Level | None) -> None:
    from pgmask.lineage import tables

    for node in body.get("relations", ()):
        found = from_items.lookup(r, node["RangeVar"])
        if found is not None:
            r.name(found, "define", r.position(node["RangeVar"]))
            tables.expressions(r, body["exprs"], list(found.columns), list(found.types), found.name)


@statement("CreateTrigStmt")
def create_trigger(r: Reader, body: Node, level: Level | None) -> None:
    found = from_items.lookup(r, body["relation"])
    if found is None:
        return
    r.name(found, "define", r.position(body["relation"]))
    for function in r.session.functions_of(strings(body["funcname"])[-1]):
        r.session.pending = r.session.pending or bodies.opaque_may_set_path(r, function)
    if "whenClause" in body:
        own = Level()
        own.items = [
            from_items.relation_item(r, found, alias, body["relation"], None)
            for alias in ("old", "new")
        ]
        r.evaluate(body["whenClause"], own, Use.FILTER)


for _kind in _ACTS:
    STATEMENTS[_kind] = (_nothing if _kind in _NO_TABLES else _acts, None)
