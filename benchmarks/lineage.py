"""Reading queries: a snapshot of 12,000 columns, an application's query, a large report, a peer."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.measure import Measurement, at_least, at_most, figure, interleaved, ratio, timing
from benchmarks.place import Place
from pgmask.facts.schema import Schema
from pgmask.facts.schema_file import dumps, loads
from pgmask.facts.snapshot import read_schema
from pgmask.lineage import trace
from pgmask.server import connect

_TABLES = 600
_COLUMNS = 20
_REPORT_PARTS = 12


def run(place: Place) -> list[Measurement]:
    """The group ``lineage``."""
    dsn = place.fresh_database("bench_lineage", [_schema()])
    with connect(dsn, autocommit=True) as connection:
        began = time.perf_counter()
        live = read_schema(connection)
        reading = time.perf_counter() - began
    text = dumps(live)
    loading = median(_seconds(lambda: loads(text)) for _ in range(7))
    schema = loads(text)
    columns = sum(len(r.columns) for r in schema.relations.values())
    # Every query for the first time and over tables that no query has named before.
    cold = [_seconds(lambda q=query: _read(q, schema)) for query in map(_query, range(0, 500, 3))]
    report = _report()
    _read(report, schema)
    whole = median(_seconds(lambda: _read(report, schema)) for _ in range(9))
    measured = [
        at_most("lineage.load", loading, 0.3, f"snapshot of {columns:,} columns, {len(text):,}"
                " characters of JSON", unit="s"),
        figure("lineage.dump", reading, "the same read from the live database", unit="s"),
        at_most("lineage.query", median(cold) * 1000, 1, f"{len(_query(0))} characters, three"
                " tables, cold: parsed, resolved, traced; median", unit="ms"),
        at_most("lineage.report", whole * 1000, 20, f"{len(report):,} characters, {_REPORT_PARTS}"
                " WITH queries of three joins", unit="ms"),
    ]  # fmt: skip
    return [*measured, *_public(place), *_peer(schema)]


def _public(place: Place) -> list[Measurement]:
    """The slowest query of each set of public ones that PGMASK_SQL_FOLDER has with its schema."""
    folder = os.environ.get("PGMASK_SQL_FOLDER", "")
    found = []
    for one in sorted(Path(folder).glob("*/queries")) if folder else ():
        name = one.parent.name
        files = sorted((one.parent / "schema").glob("*.sql"))
        dsn = place.fresh_database(f"bench_{name}", [path.read_text("utf-8") for path in files])
        with connect(dsn, autocommit=True) as connection:
            schema = read_schema(connection)
        queries = {path.name: path.read_text("utf-8") for path in sorted(one.glob("*.sql"))}
        seconds = {file: _often(query, schema) for file, query in queries.items()}
        slowest = max(seconds, key=lambda file: seconds[file])
        found.append(
            at_most(f"lineage.public.{name}", seconds[slowest] * 1000, 20, f"slowest of"
                    f" {len(queries)} queries, {slowest}, {len(queries[slowest]):,} characters;"
                    f" median of all {median(seconds.values()) * 1000:.1f} ms", unit="ms")
        )  # fmt: skip
    return found


def _peer(schema: Schema) -> list[Measurement]:
    """Sqlglot on the same query: qualify, and the lineage of every output column."""
    if importlib.util.find_spec("sqlglot") is None:
        return [figure("lineage.sqlglot", None, "sqlglot is not installed")]
    from sqlglot import parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify

    known = {
        r.name: dict(zip(r.columns, r.types, strict=True))
        for r in schema.relations.values()
        if r.schema == "public" and r.name in ("t0", "t1", "t2")
    }
    query = _query(0)

    def theirs() -> None:
        tree = qualify(parse_one(query, dialect="postgres"), schema=known, dialect="postgres")
        for column in ("id", "c1", "c2", "product", "n"):
            lineage(column, tree, schema=known, dialect="postgres")

    samples = interleaved(
        {"ours": lambda: _read(query, schema), "sqlglot": theirs}, rounds=15, calls=3
    )
    return [
        at_least("lineage.sqlglot", ratio(samples, "sqlglot", "ours").wall, 3,
                 "its qualify + lineage of each output column / ours with all uses, same query",
                 unit="x"),
        figure("lineage.sqlglot.query", timing(samples["sqlglot"]).wall / 1000,
               "what it takes", unit="ms"),
    ]  # fmt: skip


def _often(query: str, schema: Schema) -> float:
    return median(_seconds(lambda: _read(query, schema)) for _ in range(5))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _read(query: str, schema: Schema) -> None:
    (lineage,) = trace(query, schema)
    if lineage.unresolved:
        raise AssertionError(lineage.unresolved)


def _schema() -> str:
    listed = ", ".join(f"c{n} text" for n in range(_COLUMNS - 2))
    return "".join(
        f"CREATE TABLE public.t{n} (id integer PRIMARY KEY, unit_id integer, {listed});\n"
        for n in range(_TABLES)
    )


def _query(n: int) -> str:
    return (
        "SELECT c.id, c.c1, c.c2, p.c3 AS product, count(*) AS n"
        f" FROM t{n} c JOIN t{n + 1} p ON p.c1 = c.c2 LEFT JOIN t{n + 2} k ON k.unit_id = c.unit_id"
        " WHERE c.unit_id = $1 AND p.c4 >= $2 AND lower(k.c5) LIKE $3"
        " GROUP BY c.id, c.c1, c.c2, p.c3 HAVING count(*) > 1 ORDER BY c.c1, n DESC LIMIT 50"
    )


def _report() -> str:
    parts = []
    for n in range(_REPORT_PARTS):
        parts.append(
            f"part{n} AS (SELECT a.unit_id, a.c1 AS name, sum(length(b.c2)) AS total,"
            f" rank() OVER (PARTITION BY a.unit_id ORDER BY sum(length(b.c2)) DESC) AS place"
            f" FROM t{n} a JOIN t{n + 20} b ON b.c1 = a.c1 AND b.c3 BETWEEN 'a' AND 'q'"
            f" JOIN t{n + 40} c ON c.unit_id = a.unit_id WHERE a.c4 IN ('x', 'y', 'z')"
            f" AND EXISTS (SELECT 1 FROM t{n + 60} d WHERE d.c5 = a.c5 AND d.c6 LIKE 'k%')"
            f" GROUP BY a.unit_id, a.c1 HAVING count(DISTINCT c.c7) > 3)"
        )
    joined = " ".join(f"FULL JOIN part{n} USING (unit_id, name)" for n in range(1, _REPORT_PARTS))
    totals = ", ".join(f"coalesce(part{n}.total, 0) AS total{n}" for n in range(_REPORT_PARTS))
    case = "CASE WHEN part0.place = 1 THEN 'first' WHEN part1.place < 5 THEN name ELSE '-' END"
    return (
        f"WITH {', '.join(parts)} SELECT unit_id, name, {totals}, {case} AS standing"
        f" FROM part0 {joined} ORDER BY 1, standing LIMIT 100"
    )
