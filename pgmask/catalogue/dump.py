"""Columns from a ``.sql`` dump, for a gate in CI without a database (A5).

Understood: what ``pg_dump --schema-only`` and hand-written migrations say of tables: CREATE TABLE
(LIKE, INHERITS and PARTITION OF too), ALTER TABLE that adds, drops, renames or retypes columns,
renames or moves tables, DROP TABLE, domains, enums, ``search_path``.  Anything else that makes a
table, such as CREATE TABLE AS, is reported, never skipped in silence.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pglast
from pglast import ast
from pglast.enums import AlterTableType, ConstrType, ObjectType
from pglast.parser import ParseError

from pgmask.catalogue.model import Position
from pgmask.catalogue.problems import Problems
from pgmask.catalogue.schema_source import PREFIX, Schema, SchemaColumn, SchemaTable

_COPY: Final = re.compile(r"^COPY .* FROM stdin;$")
_META: Final = re.compile(r"^\\(restrict|unrestrict|connect|c|set|echo|encoding)\b")
_SYSTEM: Final = (
    "pg_catalog", "information_schema", "pgmask", "pgmask_private", "pgmask_crypto", "pgmask_audit",
    "pgmask_note", "pgmask_report",
)  # fmt: skip

Key = tuple[str, str]


def columns_from_sql_dump(text: str, file: str, problems: Problems) -> Schema:
    """The tables that a dump makes.  What cannot be read is recorded with its place in the dump."""
    reader = _Dump(text, file, problems)
    try:
        statements = pglast.parse_sql(reader.text)
    except ParseError as error:
        reader.problem(
            "sql", int(error.args[1] or 0) if len(error.args) > 1 else 0,
            f"not SQL: {error.args[0]}", "Give the plain text of pg_dump --schema-only.",
        )  # fmt: skip
        return Schema(tables=())
    for statement in statements or ():
        reader.at = statement.stmt_location or 0
        reader.statement(statement.stmt)
    return reader.schema()


def _without_data(text: str) -> str:
    """The dump with rows of COPY and psql's own commands blanked; offsets stay."""
    lines = text.split("\n")
    copying = False
    for number, line in enumerate(lines):
        if copying or _META.match(line):
            copying = copying and line.rstrip("\r") != "\\."
            lines[number] = " " * len(line)
        elif _COPY.match(line):
            copying = True
            lines[number] = " " * len(line)
    return "\n".join(lines)


class _Dump:
    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self.text = _without_data(text)
        self.file = file
        self.problems = problems
        self.path = "public"
        self.at = 0
        self.tables: dict[Key, dict[str, SchemaColumn]] = {}
        self.keys: dict[Key, tuple[str, ...]] = {}
        self.children: set[Key] = set()
        self.domains: dict[str, str] = {}
        self.enums: set[str] = set()

    def problem(self, rule: str, offset: int, message: str, fix: str) -> None:
        """Record a problem of the dump at a character of it."""
        rest = self.text[offset:]
        before = self.text[: offset + len(rest) - len(rest.lstrip())]
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        self.problems.add("PM010", rule, Position(self.file, line, column), message, fix)

    def schema(self) -> Schema:
        """What was found, without partitions and children."""
        found = []
        for key in sorted(set(self.tables) - self.children):
            if key[0] in _SYSTEM:
                continue
            columns = [c for c in self.tables[key].values() if not c.name.startswith(PREFIX)]
            found.append(
                SchemaTable(
                    schema=key[0],
                    name=key[1],
                    columns=tuple(map(self._typed, columns)),
                    primary_key=self.keys.get(key, ()),
                )
            )
        return Schema(tables=tuple(found))

    def _typed(self, column: SchemaColumn) -> SchemaColumn:
        base: str | None = None
        name = column.type
        while (below := self.domains.get(name) or self.domains.get(name.rpartition(".")[2])) and (
            below != name
        ):
            base = name = below
        enum = name in self.enums or name.rpartition(".")[2] in self.enums
        return SchemaColumn(
            name=column.name, type=column.type, base_type=base, is_enum=enum,
            not_null=column.not_null,
        )  # fmt: skip

    def statement(self, statement: Any) -> None:
        """Take one statement in."""
        if isinstance(statement, ast.CreateStmt):
            self._create(statement)
        elif isinstance(statement, ast.CreateForeignTableStmt):
            self._create(statement.base)
        elif isinstance(statement, ast.AlterTableStmt):
            self._alter(statement)
        elif isinstance(statement, ast.RenameStmt):
            self._rename(statement)
        elif isinstance(statement, ast.AlterObjectSchemaStmt):
            if statement.objectType is ObjectType.OBJECT_TABLE and statement.relation:
                self._move(self._key(statement.relation), statement.newschema or "", None)
        elif isinstance(statement, ast.DropStmt):
            if statement.removeType is ObjectType.OBJECT_TABLE:
                for one in statement.objects or ():
                    self.tables.pop(self._named(_names(one)), None)
        elif isinstance(statement, ast.CreateDomainStmt):
            names = _names(statement.domainname)
            self.domains[names[-1]] = self.domains[".".join(names)] = _type(statement.typeName)
        elif isinstance(statement, ast.CreateEnumStmt):
            names = _names(statement.typeName)
            self.enums |= {names[-1], ".".join(names)}
        elif isinstance(statement, ast.VariableSetStmt):
            self._search_path(statement)
        elif isinstance(statement, ast.CreateTableAsStmt) and statement.objtype is (
            ObjectType.OBJECT_TABLE
        ):
            self.problem(
                "create-table-as", self.at,
                "the columns of CREATE TABLE AS cannot be read without a database",
                "Write CREATE TABLE with its columns, or check against a database (--dsn).",
            )  # fmt: skip

    def _search_path(self, statement: Any) -> None:
        if statement.name == "search_path" and statement.args:
            first = statement.args[0]
            value = getattr(getattr(first, "val", None), "sval", None)
            if value:
                self.path = value

    def _key(self, relation: Any) -> Key:
        return (relation.schemaname or self.path, relation.relname)

    def _named(self, names: list[str]) -> Key:
        return (names[-2] if len(names) > 1 else self.path, names[-1])

    def _create(self, statement: Any) -> None:
        key = self._key(statement.relation)
        if statement.relation.relpersistence == "t" or (
            statement.if_not_exists and key in self.tables
        ):
            return
        columns: dict[str, SchemaColumn] = {}
        self.tables[key] = columns
        for parent in statement.inhRelations or ():
            self.children.add(key)
            columns.update(self.tables.get(self._key(parent), {}))
        if statement.ofTypename is not None:
            self.problem(
                "typed-table", self.at, "the columns of CREATE TABLE OF cannot be read from a dump",
                "Check against a database (--dsn).",
            )  # fmt: skip
        for element in statement.tableElts or ():
            if isinstance(element, ast.ColumnDef):
                self._add(key, element)
            elif isinstance(element, ast.TableLikeClause):
                columns.update(self.tables.get(self._key(element.relation), {}))
            elif isinstance(element, ast.Constraint):
                self._constraint(key, element, None)

    def _add(self, key: Key, definition: Any) -> None:
        constraints = definition.constraints or ()
        not_null = any(
            c.contype in (ConstrType.CONSTR_NOTNULL, ConstrType.CONSTR_PRIMARY) for c in constraints
        )
        if definition.typeName is not None:
            self.tables[key][definition.colname] = SchemaColumn(
                name=definition.colname, type=_type(definition.typeName), not_null=not_null
            )
        for constraint in constraints:
            self._constraint(key, constraint, definition.colname)

    def _constraint(self, key: Key, constraint: Any, column: str | None) -> None:
        if constraint.contype is ConstrType.CONSTR_PRIMARY:
            self.keys[key] = tuple(k.sval for k in constraint.keys or ()) or (column or "",)

    def _alter(self, statement: Any) -> None:
        key = self._key(statement.relation)
        columns = self.tables.get(key)
        if columns is None:
            return
        for command in statement.cmds or ():
            kind = command.subtype
            if kind is AlterTableType.AT_AddColumn:
                self._add(key, command.def_)
            elif kind is AlterTableType.AT_DropColumn:
                columns.pop(command.name, None)
            elif kind is AlterTableType.AT_AddConstraint:
                self._constraint(key, command.def_, None)
            elif kind is AlterTableType.AT_AlterColumnType and command.name in columns:
                old = columns[command.name]
                columns[command.name] = SchemaColumn(
                    name=old.name, type=_type(command.def_.typeName), not_null=old.not_null
                )
            elif kind is AlterTableType.AT_AttachPartition:
                self.children.add(self._key(command.def_.name))
            elif kind is AlterTableType.AT_AddInherit:
                self.children.add(key)
            elif kind is AlterTableType.AT_DetachPartition:
                self.children.discard(self._key(command.def_.name))

    def _rename(self, statement: Any) -> None:
        if statement.relation is None:
            return
        key = self._key(statement.relation)
        if statement.renameType is ObjectType.OBJECT_TABLE:
            self._move(key, key[0], statement.newname)
        elif statement.renameType is ObjectType.OBJECT_COLUMN and key in self.tables:
            old, new = statement.subname, statement.newname
            self.tables[key] = {
                (new if name == old else name): (
                    SchemaColumn(name=new, type=c.type, not_null=c.not_null) if name == old else c
                )
                for name, c in self.tables[key].items()
            }
            self.keys[key] = tuple(new if k == old else k for k in self.keys.get(key, ()))

    def _move(self, key: Key, schema: str, name: str | None) -> None:
        if key not in self.tables:
            return
        new = (schema, name or key[1])
        self.tables[new] = self.tables.pop(key)
        self.keys[new] = self.keys.pop(key, ())
        if key in self.children:
            self.children.discard(key)
            self.children.add(new)


def _names(written: Any) -> list[str]:
    return [part.sval for part in written]


def _type(written: Any) -> str:
    """A type as text: without ``pg_catalog``, with length and ``[]``."""
    names = [n.sval for n in written.names if n.sval != "pg_catalog"]
    text = ".".join(names)
    text = {"serial": "integer", "bigserial": "bigint", "smallserial": "smallint"}.get(text, text)
    modifiers = [getattr(m, "val", None) for m in written.typmods or ()]
    numbers = [str(m.ival) for m in modifiers if isinstance(m, ast.Integer)]
    if numbers:
        text += f"({','.join(numbers)})"
    return text + "[]" * len(written.arrayBounds or ())
