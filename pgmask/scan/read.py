"""Reading for a scan: the tables, what ANALYZE knows, and one bounded sample per table.

Everything happens as the caller, in read-only transactions that are rolled back.  What he may not
read is passed over and named; a message of the server is never repeated, because it may quote a
value.  Values stay in this module for as long as they are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import errors as pg
from psycopg import sql

from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.schema_source import SchemaColumn, schema_of_facts
from pgmask.errors import REGISTRY
from pgmask.facts.model import Facts, RelationFact
from pgmask.kinds import family_of
from pgmask.scan.detect import LONGEST
from pgmask.scan.judge import judge
from pgmask.scan.model import Proposal, Scanned, Source, Statistics, Tally
from pgmask.scan.tally import tally

Connection = psycopg.Connection[Any]

SAMPLE: Final = 500
TIMEOUT_MS: Final = 5000
_SMALL_PAGES: Final = 128
"""Tables up to here (1 MB) are read from their beginning."""
_ROWS_A_PAGE: Final = 40
"""Taken for a table that was never analysed."""
_SPREAD: Final = 4
"""Times as many rows lie in the pages that are read as are looked at."""
_WIDEST: Final = 100_000
"""Bytes of a stored value from which on it is passed over: documents and images."""
_SAMPLED: Final = frozenset({"text", "number", "date", "time", "json", "array"})
_WHY: Final = {
    pg.InsufficientPrivilege: "this login may not read it",
    pg.QueryCanceled: "the sample took longer than the timeout",
    pg.LockNotAvailable: "the table is locked",
}
_SIZES: Final = """\
SELECT n.nspname::text, c.relname::text,
       CASE WHEN c.relkind = 'p' THEN coalesce(
         (SELECT sum(greatest(k.reltuples, 0)) FROM pg_catalog.pg_partition_tree(c.oid) AS t
            JOIN pg_catalog.pg_class AS k ON k.oid = t.relid WHERE t.isleaf), -1)
       ELSE c.reltuples END::bigint,
       CASE WHEN c.relkind = 'p' THEN coalesce(
         (SELECT sum(pg_catalog.pg_relation_size(t.relid))
            FROM pg_catalog.pg_partition_tree(c.oid) AS t WHERE t.isleaf), 0)
       ELSE coalesce(pg_catalog.pg_relation_size(c.oid), 0) END::bigint / 8192
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_STATISTICS: Final = """\
SELECT s.schemaname::text, s.tablename::text, s.attname::text, s.null_frac, s.n_distinct
  FROM pg_catalog.pg_stats AS s
 WHERE s.schemaname = ANY (%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is looked at: rows a table, milliseconds a statement; values False: none at all."""

    rows: int = SAMPLE
    timeout_ms: int = TIMEOUT_MS
    values: bool = True


def sources(connection: Connection, facts: Facts) -> tuple[Source, ...]:
    """The application's tables with comments, keys and sizes, by id."""
    sizes = {
        (r[0], r[1]): (int(r[2]), int(r[3])) for r in connection.execute(_SIZES.encode()).fetchall()
    }
    relations = {(r.schema, r.name): r for r in facts.relations}
    moved = {s.table_id: (s.schema, s.name) for s in facts.stores}
    found = []
    for table in schema_of_facts(facts.relations, facts.stores).tables:
        place = moved.get(table.id, (table.schema, table.name))
        relation = relations[place]
        rows, pages = sizes.get(place, (-1, 0))
        if rows < 0 and place in sizes:
            rows = pages * _ROWS_A_PAGE  # never analysed: enough to tell large from small
        found.append(
            Source(
                table=table,
                schema=place[0],
                comments=_comments(relation),
                keys=_keys(relation),
                rows=rows,
                pages=pages,
                foreign=relation.kind == "f",
            )
        )
    return tuple(found)


def _comments(relation: RelationFact) -> dict[str, str]:
    found = {c.name: c.comment for c in relation.columns if c.comment}
    return found | ({"": relation.comment} if relation.comment else {})


def _keys(relation: RelationFact) -> frozenset[str]:
    return frozenset(c for k in relation.constraints if k.type in ("p", "f") for c in k.columns)


def scan(
    connection: Connection,
    tables: Sequence[Source],
    policy: Policy,
    bounds: Bounds = Bounds(),
    tell: Callable[[str], None] = lambda _: None,
) -> Scanned:
    """Judge every column of these tables; one statement per table reads its sample.

    connection: in autocommit; tell: called with each table's id when it is done.
    """
    statistics = _statistics(connection, tables)
    proposals: list[Proposal] = []
    unread: dict[str, str] = {}
    sampled = 0
    for source in tables:
        counted: dict[str, Tally] = {}
        if bounds.values and _sampled(source):
            try:
                counted = _sample(connection, source, bounds)
                sampled += 1
                if source.rows > 0 and not counted:
                    unread[source.id] = "no row is visible to this login"
            except psycopg.Error as error:
                if connection.closed:
                    raise
                unread[source.id] = _why(error)
        elif source.foreign and bounds.values:
            unread[source.id] = "a foreign table: its values lie elsewhere"
        for column in source.table.columns:
            proposals.append(
                judge(
                    source,
                    column,
                    counted.get(column.name, Tally()),
                    policy,
                    statistics.get((source.schema, source.table.name, column.name)),
                )
            )
        tell(source.id)
    proposals.sort(key=lambda p: p.order)
    return Scanned(proposals=tuple(proposals), unread=unread, sampled=sampled)


def _why(error: psycopg.Error) -> str:
    if error.sqlstate in REGISTRY:
        return f"{error.sqlstate} {REGISTRY[error.sqlstate].title}"
    why = (text for kind, text in _WHY.items() if isinstance(error, kind))
    return next(why, f"the server refused (SQLSTATE {error.sqlstate})")


def _statistics(
    connection: Connection, tables: Sequence[Source]
) -> dict[tuple[str, str, str], Statistics]:
    """What the caller may read of ``pg_stats``, without its common values and histograms."""
    rows = connection.execute(_STATISTICS.encode(), ([t.schema for t in tables],)).fetchall()
    return {(r[0], r[1], r[2]): Statistics(null_part=r[3], distinct=r[4]) for r in rows}


def _sampled(source: Source) -> list[SchemaColumn]:
    if source.foreign:
        return []
    return [
        c
        for c in source.table.columns
        if family_of(c.type, base_type=c.base_type, is_enum=c.is_enum) in _SAMPLED
    ]


def _sample(connection: Connection, source: Source, bounds: Bounds) -> dict[str, Tally]:
    columns = _sampled(source)
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION READ ONLY")
        # JIT would cost more than the sample; days must come in one form.
        connection.execute(
            "SELECT pg_catalog.set_config('statement_timeout', %(ms)s, true),"
            " pg_catalog.set_config('lock_timeout', %(lock)s, true),"
            " pg_catalog.set_config('jit', 'off', true),"
            " pg_catalog.set_config('DateStyle', 'ISO, YMD', true)",
            {"ms": f"{bounds.timeout_ms}ms", "lock": f"{max(1, bounds.timeout_ms // 2)}ms"},
        )
        rows: list[tuple[Any, ...]] = []
        for query in _queries(source, columns, bounds.rows):
            cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
            rows = cursor.execute(query).fetchall()
            # Sampled pages may be empty or hidden where the beginning of the table is not.
            if rows:
                break
    if not rows:
        return {}
    values: defaultdict[str, list[str | None]] = defaultdict(list)
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            values[column.name].append(value)
    return {name: tally(found) for name, found in values.items()}


def _queries(source: Source, columns: list[SchemaColumn], rows: int) -> Iterator[sql.Composed]:
    """The sample, and for a large table that gave nothing its first pages."""
    parts = sql.SQL(", ").join(_looked_at(c) for c in columns)
    table = sql.Identifier(source.schema, source.table.name)
    if source.pages > _SMALL_PAGES:
        per_page = max(1.0, source.rows / source.pages) if source.rows > 0 else float(_ROWS_A_PAGE)
        # More pages than needed, and a part of their rows: those of a page are alike.
        pages = max(16.0, _SPREAD * rows / per_page)
        part = min(1.0, 1.2 * rows / (pages * per_page))
        yield sql.SQL(
            "SELECT {} FROM {} TABLESAMPLE SYSTEM ({}) REPEATABLE (1)"
            " WHERE pg_catalog.random() < {} LIMIT {}"
        ).format(
            parts,
            table,
            sql.Literal(min(100.0, 100 * pages / source.pages)),
            sql.Literal(part),
            sql.Literal(rows),
        )
    yield sql.SQL("SELECT {} FROM {} LIMIT {}").format(parts, table, sql.Literal(rows))


def _looked_at(column: SchemaColumn) -> sql.Composed:
    name = sql.Identifier(column.name)
    return sql.SQL(
        "CASE WHEN pg_catalog.pg_column_size({0}) <= {1}"
        ' THEN pg_catalog."left"({0}::pg_catalog.text, {2}) END'
    ).format(name, sql.Literal(_WIDEST), sql.Literal(5 * LONGEST))
