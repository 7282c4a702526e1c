"""What every statement is called, in lower case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Node = dict[str, Any]

_PLAIN: Final = {
    "AlterCollationStmt": "alter collation",
    "AlterDatabaseRefreshCollStmt": "alter database",
    "AlterDatabaseSetStmt": "alter database",
    "AlterDatabaseStmt": "alter database",
    "AlterDefaultPrivilegesStmt": "alter default privileges",
    "AlterDomainStmt": "alter domain",
    "AlterEnumStmt": "alter type",
    "AlterEventTrigStmt": "alter event trigger",
    "AlterExtensionContentsStmt": "alter extension",
    "AlterExtensionStmt": "alter extension",
    "AlterFdwStmt": "alter foreign data wrapper",
    "AlterForeignServerStmt": "alter server",
    "AlterFunctionStmt": "alter function",
    "AlterOpFamilyStmt": "alter operator family",
    "AlterOperatorStmt": "alter operator",
    "AlterPolicyStmt": "alter policy",
    "AlterPublicationStmt": "alter publication",
    "AlterRoleSetStmt": "alter role",
    "AlterRoleStmt": "alter role",
    "AlterSeqStmt": "alter sequence",
    "AlterStatsStmt": "alter statistics",
    "AlterSubscriptionStmt": "alter subscription",
    "AlterSystemStmt": "alter system",
    "AlterTSConfigurationStmt": "alter text search configuration",
    "AlterTSDictionaryStmt": "alter text search dictionary",
    "AlterTableMoveAllStmt": "alter table",
    "AlterTableSpaceOptionsStmt": "alter tablespace",
    "AlterTypeStmt": "alter type",
    "AlterUserMappingStmt": "alter user mapping",
    "CallStmt": "call",
    "CheckPointStmt": "checkpoint",
    "ClosePortalStmt": "close",
    "ClusterStmt": "cluster",
    "CommentStmt": "comment",
    "CompositeTypeStmt": "create type",
    "ConstraintsSetStmt": "set constraints",
    "CopyStmt": "copy",
    "CreateAmStmt": "create access method",
    "CreateCastStmt": "create cast",
    "CreateConversionStmt": "create conversion",
    "CreateDomainStmt": "create domain",
    "CreateEnumStmt": "create type",
    "CreateEventTrigStmt": "create event trigger",
    "CreateExtensionStmt": "create extension",
    "CreateFdwStmt": "create foreign data wrapper",
    "CreateForeignServerStmt": "create server",
    "CreateForeignTableStmt": "create foreign table",
    "CreateOpClassStmt": "create operator class",
    "CreateOpFamilyStmt": "create operator family",
    "CreatePLangStmt": "create language",
    "CreatePolicyStmt": "create policy",
    "CreatePublicationStmt": "create publication",
    "CreateRangeStmt": "create type",
    "CreateRoleStmt": "create role",
    "CreateSchemaStmt": "create schema",
    "CreateSeqStmt": "create sequence",
    "CreateStatsStmt": "create statistics",
    "CreateStmt": "create table",
    "CreateSubscriptionStmt": "create subscription",
    "CreateTableSpaceStmt": "create tablespace",
    "CreateTransformStmt": "create transform",
    "CreateTrigStmt": "create trigger",
    "CreateUserMappingStmt": "create user mapping",
    "CreatedbStmt": "create database",
    "DeallocateStmt": "deallocate",
    "DeclareCursorStmt": "declare cursor",
    "DeleteStmt": "delete",
    "DiscardStmt": "discard",
    "DoStmt": "do",
    "DropOwnedStmt": "drop owned",
    "DropRoleStmt": "drop role",
    "DropSubscriptionStmt": "drop subscription",
    "DropTableSpaceStmt": "drop tablespace",
    "DropUserMappingStmt": "drop user mapping",
    "DropdbStmt": "drop database",
    "ExecuteStmt": "execute",
    "ExplainStmt": "explain",
    "ImportForeignSchemaStmt": "import foreign schema",
    "IndexStmt": "create index",
    "InsertStmt": "insert",
    "ListenStmt": "listen",
    "LoadStmt": "load",
    "LockStmt": "lock",
    "MergeStmt": "merge",
    "NotifyStmt": "notify",
    "PLAssignStmt": "assignment",
    "PrepareStmt": "prepare",
    "ReassignOwnedStmt": "reassign owned",
    "RefreshMatViewStmt": "refresh materialized view",
    "ReindexStmt": "reindex",
    "ReplicaIdentityStmt": "alter table",
    "ReturnStmt": "return",
    "RuleStmt": "create rule",
    "SecLabelStmt": "security label",
    "TruncateStmt": "truncate",
    "UnlistenStmt": "unlisten",
    "UpdateStmt": "update",
    "VariableShowStmt": "show",
    "ViewStmt": "create view",
}  # fmt: skip
_BY_OBJECT: Final = {
    "AlterTableStmt": ("alter", "objtype"),
    "AlterObjectDependsStmt": ("alter", "objectType"),
    "AlterObjectSchemaStmt": ("alter", "objectType"),
    "AlterOwnerStmt": ("alter", "objectType"),
    "RenameStmt": ("alter", "renameType"),
    "DropStmt": ("drop", "removeType"),
    "DefineStmt": ("create", "kind"),
}
_OBJECTS: Final = {
    "matview": "materialized view", "attribute": "type", "column": "table",
    "tabconstraint": "table", "domconstraint": "domain", "fdw": "foreign data wrapper",
    "foreign server": "server", "tsparser": "text search parser",
    "tsdictionary": "text search dictionary", "tstemplate": "text search template",
    "tsconfiguration": "text search configuration", "opclass": "operator class",
    "opfamily": "operator family", "statistic ext": "statistics",
}  # fmt: skip
_TRANSACTION: Final = {
    "BEGIN": "begin", "START": "begin", "COMMIT": "commit", "ROLLBACK": "rollback",
    "SAVEPOINT": "savepoint", "RELEASE": "release", "ROLLBACK_TO": "rollback to",
    "PREPARE": "prepare transaction", "COMMIT_PREPARED": "commit prepared",
    "ROLLBACK_PREPARED": "rollback prepared",
}  # fmt: skip


def object_word(value: str) -> str:
    """``OBJECT_FOREIGN_TABLE`` as ``foreign table``."""
    word = value.removeprefix("OBJECT_").replace("_", " ").lower()
    return _OBJECTS.get(word, word)


def kind_of(tree: Node) -> str:
    """The kind of a statement; empty where it is not known."""
    ((node, body),) = tree.items()
    if node in _PLAIN:
        return _PLAIN[node]
    if node in _BY_OBJECT:
        verb, key = _BY_OBJECT[node]
        word = object_word(body.get(key, "OBJECT_ACCESS_METHOD"))
        if node == "RenameStmt" and word == "table" and "relationType" in body:
            word = object_word(body["relationType"])
        return f"{verb} {word}"
    special = _SPECIAL.get(node)
    return special(body) if special is not None else ""


def _select(body: Node) -> str:
    while "larg" in body:
        body = body["larg"]
    return "select into" if "intoClause" in body else "select"


def _set(body: Node) -> str:
    kind = body.get("kind", "VAR_SET_VALUE")
    word = "reset" if kind in ("VAR_RESET", "VAR_RESET_ALL") else "set"
    name = body.get("name", "")
    if name == "role":
        return f"{word} role"
    if name == "session_authorization":
        return f"{word} session authorization"
    if kind == "VAR_SET_MULTI":
        return "set transaction"
    return word


def _create_as(body: Node) -> str:
    if body.get("objtype") == "OBJECT_MATVIEW":
        return "create materialized view"
    return "select into" if body.get("is_select_into") else "create table as"


def _grant(body: Node) -> str:
    return "grant" if body.get("is_grant") else "revoke"


_SPECIAL: Final[dict[str, Callable[[Node], str]]] = {
    "SelectStmt": _select,
    "VariableSetStmt": _set,
    "TransactionStmt": lambda body: _TRANSACTION.get(
        body.get("kind", "").removeprefix("TRANS_STMT_"), ""
    ),
    "CreateTableAsStmt": _create_as,
    "CreateFunctionStmt": lambda body: (
        "create procedure" if body.get("is_procedure") else "create function"
    ),
    "GrantStmt": _grant,
    "GrantRoleStmt": _grant,
    "FetchStmt": lambda body: "move" if body.get("ismove") else "fetch",
    "VacuumStmt": lambda body: "vacuum" if body.get("is_vacuumcmd") else "analyze",
}
