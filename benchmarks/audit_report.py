"""Reports over a record of a year: synthetic reads, made by generate_series in the server (H2, G5).

``python -m benchmarks.audit_report [--events N | --scale full] [--version 15]`` makes 10 million
reads, with ``--scale full`` 100 million: a thousand persons of fifty units, four tables, a million
customers; six of ten notes are of a statement, the others of one customer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg

from benchmarks.measure import Measurement, at_most, figure
from benchmarks.place import Place
from pgmask.runtime import install
from pgmask.server import throw_away

Connection = psycopg.Connection[Any]
Filler = Callable[[Connection, int, Callable[[str], None]], tuple[float, float]]
DEFAULT: Final = 10_000_000
FULL: Final = 100_000_000
MONTHS: Final = 12
_CUSTOMERS: Final = 1_000_000
_EVENTS: Final = {"tiny": 20_000, "small": 1_000_000, "full": DEFAULT}
_SETTINGS: Final = {
    "shared_buffers": "1GB", "max_wal_size": "8GB", "jit": "off", "autovacuum": "off",
    "maintenance_work_mem": "512MB", "work_mem": "64MB",
}  # fmt: skip
_TABLES: Final = ("crm.customer", "crm.policy", "crm.claim", "crm.contact")


def run(place: Place) -> list[Measurement]:
    """The group ``report``, in a database of its own on the place's server."""
    events = next(
        (n for name, n in _EVENTS.items() if place.scale.customers <= _SIZES[name]), DEFAULT
    )
    dsn = place.fresh_database("bench_report", ())
    with psycopg.connect(dsn, autocommit=True) as connection:
        return measure(connection, events)


_SIZES: Final = {"tiny": 400, "small": 20_000, "full": 100_000}


def measure(
    connection: Connection, events: int, *, only: Sequence[str] = (), filled: Filler | None = None
) -> list[Measurement]:
    """Fill the record and ask; connection: of a superuser, in a database with the runtime.

    only: the reports that are asked, all of them when it is empty; filled: what fills it.
    """
    made, counted = (filled or fill)(
        connection, events, lambda told: print(told, file=sys.stderr, flush=True)
    )
    connection.execute("VACUUM (ANALYZE) pgmask_audit.daily, pgmask_audit.monthly")
    fresh = max(events // 10_000, 100)
    # The first time all rules look at the whole year, which takes its time and is not asked for.
    evaluated = [] if only else [_evaluate(connection, fresh)]
    size = f"{events:,} reads of a year"
    print(f"filled {made:.0f} s, counted {counted:.0f} s", file=sys.stderr, flush=True)
    found = [
        figure("report.fill", made, f"{size}, seconds to make them; no target", unit="s"),
        figure("report.count", counted, f"{size} counted per day, month by month", unit="s"),
        *(
            figure("report.evaluate", seconds, f"{fresh:,} more counted, all rules", unit="s")
            for seconds in evaluated
        ),
    ]
    step = max(_CUSTOMERS // 11, 1)
    customers = [str(1 + n * step) for n in range(9)]
    year = "now() - interval '1 year', now()"
    asked: list[tuple[str, float | None, list[str]]] = [
        ("who_saw", 1.0, [f"who_saw('customer', '{c}', {year})" for c in customers]),
        (
            "who_saw_hours", 1.0,
            [f"who_saw('customer', '{c}', now() - interval '40 days 7 hours',"
             " now() - interval '33 days 2 hours')" for c in customers],
        ),
        (
            "who_saw_many_10", None,
            [f"who_saw_many('customer', ARRAY{customers[n:] + customers[: n + 1]!r}, {year})"
             for n in range(3)],
        ),
        ("what_person_saw", None, [f"what_person_saw({p}, {year})" for p in (3, 77, 500)]),
        ("accesses_month", None, ["accesses(now() - interval '1 month', now())"] * 3),
        ("outside_hours_quarter", None,
         ["accesses_outside_hours(now() - interval '3 months', now())"] * 3),
        ("cross_unit_year", None, [f"cross_unit({year})"] * 3),
        ("dormant", None, ["dormant_permissions(90)"] * 3),
        ("sample_quarter", None, ["sample(now() - interval '3 months', now())"] * 3),
        ("refused_month", None,
         ["refused_attempts WHERE at >= now() - interval '1 month' AND at < now()"] * 3),
    ]  # fmt: skip
    for name, target, queries in asked:
        if only and name not in only:
            continue
        seconds, rows = ask(connection, queries)
        print(f"{name} {seconds:.2f} s", file=sys.stderr, flush=True)
        how = f"{size}; median of {len(queries)}, {rows:,} rows"
        if target is None:
            found.append(figure(f"report.{name}", seconds, how, unit="s"))
        else:
            found.append(at_most(f"report.{name}", seconds, target, how, unit="s"))
    return found


def _evaluate(connection: Connection, fresh: int) -> float:
    """Seconds of all rules over so many new reads, after they have seen the rest."""
    connection.execute("SELECT pgmask_private.evaluate_alerts()")
    connection.execute(READS, slice_of(fresh, 0, 1) | {"days": 0.02})
    begin = time.monotonic()
    connection.execute("SELECT pgmask_private.evaluate_alerts()")
    return time.monotonic() - begin


def ask(connection: Connection, queries: Sequence[str]) -> tuple[float, int]:
    """Median seconds of the reports, and the rows of the last one."""
    times, rows = [], 0
    for query in queries:
        begin = time.monotonic()
        rows = len(connection.execute(f"SELECT * FROM pgmask_report.{query}".encode()).fetchall())
        times.append(time.monotonic() - begin)
    return statistics.median(times), rows


def prepare(connection: Connection) -> None:
    """Partitions, register, catalogue and customers."""
    connection.execute(
        "SELECT pgmask_private.make_partition(t.name, concat(t.name, '_', to_char(m, 'YYYY_MM')),"
        " m::date) FROM (VALUES ('access'), ('change'), ('activity')) AS t (name),"
        " generate_series(date_trunc('month', now(), 'UTC') - interval '13 months',"
        " date_trunc('month', now(), 'UTC') - interval '1 month', '1 month') AS m"
    )
    connection.execute(
        "SELECT pgmask.register_unit('u' || n, 'Unit ' || n) FROM generate_series(1, 50) AS n"
    )
    connection.execute("SELECT pgmask.register_post('chief', 'Chief')")
    connection.execute(
        "SELECT pgmask.register_person(n, 'Person ' || n, 'u' || 1 + n % 50, 'employee')"
        " FROM generate_series(1, 1000) AS n"
    )
    connection.execute(
        "INSERT INTO pgmask_private.person_post (person_id, post_id, unit_id, valid_from)"
        " SELECT n, 'chief', 'u' || 1 + n % 50, now() - interval '2 years'"
        " FROM generate_series(951, 1000) AS n"
    )
    connection.execute(
        "INSERT INTO pgmask_private.deployment (finished_at, catalogue_hash, catalogue, access,"
        " plan_hash, page_hash, pgmask_version)"
        " VALUES (now(), 'h', %s::jsonb, '{}', 'h', 'h', '0')",
        (json.dumps(_catalogue()),),
    )
    connection.execute("CREATE TABLE public.customer (id bigint PRIMARY KEY, unit text NOT NULL)")
    connection.execute(
        "INSERT INTO public.customer SELECT n, 'u' || 1 + n %% 50 FROM generate_series(1, %s) AS n",
        (_CUSTOMERS,),
    )
    # In a protected database the compiler makes this function.
    connection.execute(
        "CREATE FUNCTION pgmask_private.audit_subjects_customer(text[], text, boolean)"
        " RETURNS TABLE (subject_key text, unit_id text, high_value boolean, owner_id text)"
        " LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT id::text, unit, false, NULL::text"
        " FROM public.customer WHERE id = ANY ($1::bigint[])'"
    )


def fill(
    connection: Connection, events: int, tell: Callable[[str], None] = lambda _: None
) -> tuple[float, float]:
    """Everything; each month is counted as the collector counts.

    Gives the seconds that making the reads took, and those of counting them.
    """
    prepare(connection)
    made = counted = 0.0
    for month in range(MONTHS):
        begin = time.monotonic()
        connection.execute(READS, slice_of(events, month, MONTHS))
        made += time.monotonic() - begin
        # As autovacuum does in the course of the year: the index of transactions is summarised.
        connection.execute("VACUUM pgmask_audit.access")
        begin = time.monotonic()
        connection.execute("SELECT pgmask_private.refresh_daily()")
        counted += time.monotonic() - begin
        tell(f"month {month + 1} of {MONTHS}: made {made:.0f} s, counted {counted:.0f} s")
    connection.execute("VACUUM (ANALYZE)")
    return made, counted


def slice_of(events: int, part: int, parts: int) -> dict[str, float]:
    """The parameters of ``READS`` for one part of a year's reads."""
    return {
        "events": events, "days": 364,
        "first": events * part // parts, "last": events * (part + 1) // parts - 1,
    }  # fmt: skip


READS: Final = b"""
INSERT INTO pgmask_audit.access (
  at, era_id, kind, person_id, profile, unit_id, grade, issuer, login, application_name, backend,
  statement_at, table_id, subject_class, subject_key
)
SELECT x.at, 1, CASE WHEN x.met THEN 'subject' ELSE 'statement' END, x.person,
       CASE WHEN x.person > 950 THEN 'chief' WHEN x.person %% 20 = 0 THEN 'desk' ELSE 'agent' END,
       'u' || 1 + x.person %% 50, 'assertion', 'crm-web', 'app', 'crm', 4711, x.at,
       (ARRAY['crm.customer', 'crm.policy', 'crm.claim', 'crm.contact'])[1 + x.n %% 4],
       CASE WHEN x.met THEN 'customer' END,
       -- Customers of the person's unit, and of one read in ten thousand another one's.
       CASE WHEN x.met THEN (1 + (hashint8(x.n) & 2147483647) %% 20000 * 50
         + CASE WHEN x.n %% 10000 = 7 THEN 13 ELSE (x.person + 49) %% 50 END)::text END
  FROM (
    SELECT n, n %% 10 >= 6 AS met, 1 + (hashint8(n * 7) & 2147483647) %% 1000 AS person,
           now() - %(days)s * interval '1.002 days' + (n::float8 / %(events)s) * %(days)s
             * interval '1 day' AS at
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
  ) AS x
"""


def _catalogue() -> dict[str, Any]:
    operations = [[table, ["select"]] for table in _TABLES]

    def profile(name: str, rows: str) -> dict[str, Any]:
        return {
            "name": name, "rows": [rows], "sees_high_value": False, "operations": operations,
            "audit": [[table, "statement"] for table in _TABLES],
        }  # fmt: skip

    return {
        "profiles": [
            profile("agent", "own_unit"), profile("chief", "units"), profile("desk", "all"),
        ],
        "subjects": [
            {"name": "customer", "table": "crm.customer", "key": "id", "unit": "unit_id",
             "owner": None, "high_value": None}
        ],
        "tables": [
            {"schema": "crm", "name": table.partition(".")[2], "subject": "id",
             "subject_class": "customer", "rollout": "enforced", "columns": []}
            for table in _TABLES
        ],
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Measure on a throw-away server; exit code 2 where the target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit_report", description=__doc__)
    parser.add_argument("--events", type=int, help="how many reads")
    parser.add_argument("--scale", choices=("default", "full"), default="default")
    parser.add_argument("--version", type=int, default=18, help="major version of the server")
    given = parser.parse_args(argv)
    events = given.events or (FULL if given.scale == "full" else DEFAULT)
    return measure_alone(given.version, events)


def measure_alone(
    version: int, events: int, *, only: Sequence[str] = (), filled: Filler | None = None
) -> int:
    """``measure`` on a server of its own, printed; 2 where a target was missed."""
    with throw_away(major=version, settings=_SETTINGS) as cluster:
        install(cluster.dsn())
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            found = measure(connection, events, only=only, filled=filled)
    for m in found:
        verdict = {True: "met", False: "missed", None: ""}[m.passed]
        sys.stdout.write(f"{m.name:32} {m.value:10.3f} {m.unit} {m.target:8} {verdict:7} {m.how}\n")
    return 2 if any(m.passed is False for m in found) else 0


if __name__ == "__main__":
    sys.exit(main())
