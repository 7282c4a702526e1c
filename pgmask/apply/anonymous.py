"""An anonymous dump: the application's tables as it knows them, with masks and nothing sealed.

In it: types, functions, sequences, tables, indexes, constraints, triggers and views of the
application, in its own schemas; rows with level 1 and level 2 as masks, level 3 and unprotected
tables as they are. Not in it: sealed values, blind indexes, keys, tickets, the register, policies,
grants, owners, and everything else that pgmask has made. ``pg_dump`` writes the definitions, we
leave out what is ours, and the rows are COPY of expressions that no truth goes through.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from psycopg.conninfo import make_conninfo

from pgmask.apply.anonymous_columns import PREFIX, Given, given
from pgmask.apply.seal_finish import deployed
from pgmask.catalogue.model import Catalogue
from pgmask.errors import Refused, ServerError
from pgmask.facts.model import Facts, RelationFact
from pgmask.names import Name, QualName
from pgmask.server import find_binaries
from pgmask.sqltext import literal

Connection = psycopg.Connection[Any]
# pg_dump gets what this connection was made with, also by a service or by libpq's variables, which
# it is run without; of that, what libpq 15 knows.
_PARTS = (
    "host", "hostaddr", "port", "user", "dbname", "connect_timeout", "sslmode", "sslrootcert",
    "sslcert", "sslkey", "sslcrl", "channel_binding", "gssencmode", "krbsrvname", "options",
)  # fmt: skip
_LATE = ("VIEW", "MATERIALIZED VIEW", "RULE")
_NEVER = (
    "POLICY", "ROW SECURITY", "ACL", "DEFAULT ACL", "PUBLICATION", "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION", "EVENT TRIGGER", "SECURITY LABEL",
    "TABLE DATA", "MATERIALIZED VIEW DATA", "SEQUENCE SET", "STATISTICS DATA",
)  # fmt: skip
_ENTRY = re.compile(r"^\d+; (?P<class>\d+) (?P<oid>\d+) (?P<rest>.*)$")
_KINDS = sorted(
    (
        *_LATE, *_NEVER, "COMMENT", "TRIGGER", "INDEX", "INDEX ATTACH", "CONSTRAINT",
        "CHECK CONSTRAINT", "FK CONSTRAINT", "TABLE", "TABLE ATTACH", "SCHEMA", "SEQUENCE",
        "SEQUENCE OWNED BY", "FUNCTION", "PROCEDURE", "AGGREGATE", "DEFAULT", "TYPE", "DOMAIN",
        "OPERATOR", "COLLATION", "STATISTICS", "CAST",
    ),
    key=len, reverse=True,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Dumped:
    """What a dump holds: tables and rows, and the columns given as they are by decision."""

    tables: int
    rows: int
    kept: tuple[str, ...]


def dump(
    connection: Connection,
    out: BinaryIO,
    *,
    keep: frozenset[str] = frozenset(),
    report: Callable[[str], None] = lambda _: None,
) -> Dumped:
    """Write the dump as a script for ``psql``, of one snapshot; the connection is not autocommit.

    keep: columns of level 2 that are given as they are.  Raises Refused PM350 with everything that
    stands in the way at once, PM320 without an apply; ServerError PM021 without client programs.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    known = deployed(connection)
    plan = _plan(known.catalogue, known.facts, keep)
    ours = _ours(connection, known.catalogue, known.facts)
    early, late, last = _definitions(connection, plan, ours)
    out.write(_head(connection, plan).encode())
    out.write(early + b"\n")
    out.write("".join(_own_form(plan)).encode())
    count = 0
    for table in plan.tables:
        report(str(table.target))
        count += _rows(connection, table, out)
    out.write(last + b"\n")
    out.write("".join(_moves(plan)).encode())
    out.write(_sequences(connection, plan).encode())
    out.write(late + b"\n")
    out.write("".join(_afterwards(plan)).encode())
    return Dumped(tables=len(plan.tables), rows=count, kept=tuple(sorted(keep)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    source: QualName
    target: QualName
    relation: RelationFact
    columns: tuple[Given, ...]
    protected: bool
    adopted: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    schemas: tuple[str, ...]
    moved: tuple[tuple[str, str], ...]
    tables: tuple[_Table, ...]
    partitions: tuple[RelationFact, ...]


def _plan(catalogue: Catalogue, facts: Facts, keep: frozenset[str]) -> _Plan:
    schemas = {s.schema for s in catalogue.stores} | {s.store_schema for s in catalogue.stores}
    home = {s.store_schema: s.schema for s in catalogue.stores}
    known = {s.qualified: t for t in catalogue.tables
             if (s := facts.store_relation(t.id, t.schema, t.name)) is not None}  # fmt: skip
    tables, partitions, problems = [], [], []
    for relation in sorted(facts.relations, key=lambda r: r.qualified):
        if relation.schema not in schemas or relation.kind not in "rp" or relation.extension:
            continue
        if relation.is_partition or relation.parents:
            partitions.append(relation)
            continue
        table = known.get(relation.qualified)
        target = QualName.of(home.get(relation.schema, relation.schema), relation.name)
        if table is not None:
            columns = given(catalogue, facts, table, relation, keep)
            problems += [c.problem for c in columns if c.problem]
            recorded = facts.store(table.id)
            adopted = dict(recorded.adopted) if recorded is not None else {}
        elif catalogue.unprotected_by(relation.schema, relation.name) is not None:
            columns = tuple(
                Given(name=c.name, expression=f"t.{Name(c.name).quoted}")
                for c in relation.columns if not c.generated
            )  # fmt: skip
            adopted = {}
        else:
            problems.append(f"{relation.schema}.{relation.name} is not in the deployed catalogue")
            continue
        tables.append(
            _Table(
                source=QualName.of(*relation.qualified), target=target, relation=relation,
                columns=columns, protected=table is not None, adopted=adopted,
            )
        )  # fmt: skip
    asked = {f"{t.id}.{c.name}" for t in catalogue.tables for c in t.columns if c.level == 2}
    problems += [f"--keep {k}: no column of level 2" for k in sorted(keep - asked)]
    if problems:
        raise Refused("PM350", "nothing was written", detail="\n".join(problems))
    moved = tuple(sorted((a, b) for a, b in home.items() if a != b))
    return _Plan(
        schemas=tuple(sorted(schemas)), moved=moved, tables=tuple(tables),
        partitions=tuple(partitions),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Ours:
    """What pgmask made in the dumped schemas: by oid, and by schema and name for attachments."""

    oids: frozenset[tuple[int, int]]
    named: frozenset[tuple[str, str]]
    indexes: frozenset[tuple[str, str]]


def _ours(connection: Connection, catalogue: Catalogue, facts: Facts) -> _Ours:
    owners = [
        "pgmask_owner",
        "pgmask_sealer",
        *(catalogue.view_owner(p) for p in catalogue.profiles),
    ]
    owned = connection.execute(
        "SELECT 1259, c.oid, n.nspname, c.relname FROM pg_catalog.pg_class AS c"
        "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('v', 'm', 'S')"
        "   AND c.relowner = ANY (SELECT r.oid FROM pg_catalog.pg_roles AS r"
        "                          WHERE r.rolname = ANY (%s))",
        (owners,),
    ).fetchall()
    functions = connection.execute(
        "SELECT 1255, p.oid, n.nspname, p.proname FROM pg_catalog.pg_proc AS p"
        "  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
        " WHERE p.proowner = ANY (SELECT r.oid FROM pg_catalog.pg_roles AS r"
        "                          WHERE r.rolname = ANY (%s))",
        (owners,),
    ).fetchall()
    # Whatever hangs on a column of ours: indexes, constraints, statistics.
    hanging = connection.execute(
        "SELECT d.classid::bigint, d.objid::bigint, n.nspname, i.relname"
        "  FROM pg_catalog.pg_depend AS d"
        "  JOIN pg_catalog.pg_attribute AS a"
        "    ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
        "  LEFT JOIN pg_catalog.pg_class AS i ON i.oid = d.objid AND d.classid = 1259"
        "  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = i.relnamespace"
        " WHERE d.refclassid = 1259 AND d.refobjsubid > 0 AND a.attname LIKE 'pgmask\\_%%'"
        "   AND d.objid <> d.refobjid AND a.attrelid <> 0",
    ).fetchall()
    named = connection.execute(
        "SELECT 2606, c.oid FROM pg_catalog.pg_constraint AS c WHERE c.conname LIKE 'pgmask\\_%%'"
        " UNION ALL SELECT 2620, t.oid FROM pg_catalog.pg_trigger AS t"
        " WHERE t.tgname LIKE 'pgmask\\_%%' OR t.tgname LIKE 'zzz\\_pgmask\\_%%'"
        " UNION ALL SELECT 1259, c.oid FROM pg_catalog.pg_class AS c"
        " WHERE c.relkind IN ('i', 'I') AND c.relname LIKE 'pgmask\\_%%'"
    ).fetchall()
    return _Ours(
        frozenset((int(r[0]), int(r[1])) for r in [*owned, *functions, *hanging, *named]),
        frozenset((r[2], r[3]) for r in [*owned, *functions]),
        frozenset((r[2], r[3]) for r in hanging if r[2] is not None),
    )


def _definitions(connection: Connection, plan: _Plan, ours: _Ours) -> tuple[bytes, bytes, bytes]:
    """Definitions before the rows, those that need the tables' own places, and those after."""
    binaries = find_binaries(connection.info.server_version // 10000)
    found = connection.info.get_parameters()
    parts = {word: found[word] for word in _PARTS if word in found}
    password = connection.info.password
    with tempfile.TemporaryDirectory(prefix="pgmask-") as folder:
        archive, chosen = Path(folder) / "schema", Path(folder) / "list"

        def run(program: str, *words: str) -> str:
            done = binaries.run(program, *words, password=password)
            if done.returncode:
                lines = done.stderr.strip().splitlines() or ["no message"]
                raise ServerError("PM021", f"{program}: {lines[0]}")
            return done.stdout

        run(
            "pg_dump", "--format=custom", "--schema-only", "--no-owner", "--no-privileges",
            "--no-publications", "--no-security-labels", "--no-tablespaces",
            *(f"--schema={Name(s).quoted}" for s in plan.schemas),
            f"--file={archive}", "--dbname", make_conninfo("", **parts),
        )  # fmt: skip
        entries = [e for e in run("pg_restore", "--list", str(archive)).splitlines() if e]

        def script(section: str, wanted: Callable[[str], bool]) -> bytes:
            lines = [
                e for e in entries if (m := _ENTRY.match(e)) and wanted(e) and _wanted(m, ours)
            ]
            if not lines:
                return b""
            chosen.write_text("\n".join(lines) + "\n", "utf-8")
            text = run(
                "pg_restore", f"--section={section}", "--no-owner", "--no-privileges",
                f"--use-list={chosen}", "--file=-", str(archive),
            )  # fmt: skip
            # Settings are ours, said once; newer clients write words of their own for psql.
            return "\n".join(
                line for line in text.splitlines()
                if not line.startswith(("SET ", "SELECT pg_catalog.set_config", "\\"))
            ).encode()  # fmt: skip

        def is_late(entry: str) -> bool:
            kind, rest = _kind(entry)
            return kind in _LATE or (kind == "COMMENT" and " VIEW " in f" {rest}")

        return (
            script("pre-data", lambda e: not is_late(e)),
            script("pre-data", is_late),
            script("post-data", lambda e: True),
        )


def _kind(entry: str) -> tuple[str, str]:
    """What a line of the archive's list is, and the rest of it: schema, name, owner."""
    match = _ENTRY.match(entry)
    rest = match["rest"] if match else entry
    for kind in _KINDS:
        if rest.startswith(kind + " "):
            return kind, rest[len(kind) + 1 :]
    return "", rest


def _wanted(match: re.Match[str], ours: _Ours) -> bool:
    kind, rest = _kind(match[0])
    if kind in _NEVER or (int(match["class"]), int(match["oid"])) in ours.oids:
        return False
    words = rest.split()
    if kind == "COMMENT":
        schema, tag = words[0], " ".join(words[1:-1])
        # VIEW v, COLUMN v.c, FUNCTION f(a text, b text), TRIGGER t ON v
        what, _, name = tag.partition(" ")
        about = (
            name.partition("(")[0] if what in ("FUNCTION", "PROCEDURE") else
            name.split(" ON ")[-1].split(".")[0]
        )  # fmt: skip
        return PREFIX not in tag and (schema, about) not in ours.named
    return not (kind in ("INDEX ATTACH", "DEFAULT", "SEQUENCE OWNED BY") and PREFIX in rest) and (
        kind != "INDEX ATTACH" or tuple(words[:2]) not in ours.indexes
    )


def _head(connection: Connection, plan: _Plan) -> str:
    rows = connection.execute(
        "SELECT e.extname, n.nspname FROM pg_catalog.pg_extension AS e"
        "  JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
        " WHERE e.extname <> 'plpgsql' AND n.nspname NOT LIKE 'pgmask%' ORDER BY 1"
    ).fetchall()
    made = [
        f"CREATE EXTENSION IF NOT EXISTS {Name(name).quoted} WITH SCHEMA {Name(schema).quoted};\n"
        for name, schema in rows
    ]
    public = [
        f"CREATE SCHEMA IF NOT EXISTS {Name(s).quoted};\n"
        for s in sorted({schema for _, schema in rows} - set(plan.schemas) - {"public"})
        if s != "pg_catalog"
    ]
    return (
        "-- Anonymous dump, made by pgmask dump --anonymous: masks, no sealed value, no key.\n"
        "-- Into an empty database: psql --single-transaction -v ON_ERROR_STOP=1 -f FILE\n"
        "-- Then: pgmask install; pgmask apply CATALOGUE --environment NAME;\n"
        "--       pgmask keys create FILE --provider dev; pgmask fake\n"
        "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n"
        "SET check_function_bodies = false;\nSET client_min_messages = warning;\n"
        "SET row_security = off;\nSET search_path = '';\n\n" + "".join(public + made) + "\n"
    )


def _own_form(plan: _Plan) -> Iterator[str]:
    """Our columns and CHECKs off the tables, and NOT NULL where a column is given as NULL."""
    yield "-- What pgmask had added goes.\n"
    for table in plan.tables:
        alter = f"ALTER TABLE {table.source.quoted}"
        if table.protected:
            for check in table.relation.constraints:
                if check.type == "c" and check.name.startswith(PREFIX):
                    yield f"{alter} DROP CONSTRAINT IF EXISTS {Name(check.name).quoted};\n"
            for column in table.relation.columns:
                if column.name.startswith(PREFIX):
                    yield f"{alter} DROP COLUMN {Name(column.name).quoted};\n"
            for one in table.columns:
                fact = table.relation.column(one.name)
                if one.nullable and fact is not None and fact.not_null:
                    yield f"{alter} ALTER COLUMN {Name(one.name).quoted} DROP NOT NULL;\n"
    yield "\n"


def _moves(plan: _Plan) -> Iterator[str]:
    """Tables, with all that hangs on them, to where the application knows them."""
    homes = dict(plan.moved)
    for table in plan.tables:
        if table.source != table.target:
            yield f"ALTER TABLE {table.source.quoted} SET SCHEMA {table.target.schema.quoted};\n"
    for part in plan.partitions:
        if part.schema in homes:
            name = QualName.of(*part.qualified).quoted
            yield f"ALTER TABLE {name} SET SCHEMA {Name(homes[part.schema]).quoted};\n"
    for store in homes:
        yield f"DROP SCHEMA {Name(store).quoted};\n"


def _rows(connection: Connection, table: _Table, out: BinaryIO) -> int:
    names = ", ".join(Name(c.name).quoted for c in table.columns)
    values = ", ".join(c.expression for c in table.columns)
    if not names:
        return 0
    out.write(f"COPY {table.source.quoted} ({names}) FROM stdin;\n".encode())
    order = ", ".join(f"t.{Name(k).quoted}" for k in table.relation.primary_key)
    query = f"SELECT {values} FROM {table.source.quoted} AS t" + (
        f" ORDER BY {order}" * bool(order)
    )
    if table.protected:
        connection.execute("SET LOCAL ROLE pgmask_sealer")
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY ({query}) TO STDOUT".encode()) as copy:
            for data in copy:
                out.write(data)
        count = cursor.rowcount
    if table.protected:
        connection.execute("RESET ROLE")
    out.write(b"\\.\n\n")
    return count


def _sequences(connection: Connection, plan: _Plan) -> str:
    homes = dict(plan.moved)
    rows = connection.execute(
        "SELECT s.schemaname, s.sequencename, s.last_value FROM pg_catalog.pg_sequences AS s"
        " WHERE s.schemaname = ANY (%s) AND s.last_value IS NOT NULL ORDER BY 1, 2",
        (list(plan.schemas),),
    ).fetchall()
    return "".join(
        f"SELECT pg_catalog.setval({literal(QualName.of(homes.get(s, s), n).quoted)}, {value});\n"
        for s, n, value in rows
    )


def _afterwards(plan: _Plan) -> Iterator[str]:
    """What a row of masks does not meet, for every row written from now on."""
    for table in plan.tables:
        alter = f"ALTER TABLE {table.target.quoted} ADD CONSTRAINT"
        there = {c.name for c in table.relation.constraints}
        for one in table.adopted.get("constraints", ()):
            definition = str(one["definition"]).removesuffix(" NOT VALID")
            if one["type"] == "c" and one["name"] not in there:
                yield f"{alter} {Name(str(one['name'])).quoted} {definition} NOT VALID;\n"
        before = {c["name"] for c in table.adopted.get("columns", ()) if c["not_null"]}
        for column in table.columns if table.protected else ():
            fact = table.relation.column(column.name)
            if (
                fact is not None
                and (fact.not_null or column.name in before)
                and (column.nullable or not fact.not_null)
            ):
                name = Name(f"{table.target.name.text}_{column.name}_not_null"[:63])
                test = f"{Name(column.name).quoted} IS NOT NULL"
                yield f"{alter} {name.quoted} CHECK ({test}) NOT VALID;\n"
