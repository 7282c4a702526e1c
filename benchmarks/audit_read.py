"""Notes of reads: the same store with and without them, in one run.

The quiet form is a copy of the store with the same indexes, policies and view, from which the note
is taken: its view asks only who is asking.
"""

from __future__ import annotations

import re
from typing import Any

import psycopg

from benchmarks.data import UNITS
from benchmarks.measure import (
    Backend,
    Case,
    Measurement,
    at_most,
    interleaved,
    ratio,
    timing,
    without_waiting,
)
from benchmarks.place import Place

_UNIT = 7
_READ = re.compile(r"pgmask_note\.read\((.*), '[^']+'::text, NULL::bigint\)", re.DOTALL)
_EXAMINED = re.compile(r" AND pgmask_note\.examined\(.*\)\)$", re.DOTALL)


def run(place: Place) -> list[Measurement]:
    """The group ``notes``."""
    for table in ("contact", "policy"):
        _quiet(place, table)
    found: list[Measurement] = []
    with place.connect("app") as app:
        app.execute("BEGIN")
        app.execute("SELECT pgmask.login(%s)", (place.assertion(),))
        found += _compare(
            place, app, "notes.lookup.statement", "contact", _lookup, 1.5,
            "prepared lookup by key, one note a statement / no note",
        )  # fmt: skip
        found += _compare(
            place, app, "notes.lookup.subject", "policy", _lookup, 1.7,
            "the same, and a note of the customer / no note",
        )  # fmt: skip
        found += _compare(
            place, app, "notes.list.subject", "policy", _list, 4.0,
            "100 rows of the unit, a note of each customer / no note",
        )  # fmt: skip
        app.execute("ROLLBACK")
    return found


def _quiet(place: Place, table: str) -> None:
    """``crm.<table>_quiet``: as ``crm.<table>``, over a copy of its store, without notes."""
    ((view, condition),) = place.superuser_rows(
        "SELECT pg_catalog.pg_get_viewdef(c.oid), p.qual"
        "  FROM pg_catalog.pg_class AS c, pg_catalog.pg_policies AS p"
        f" WHERE c.oid = 'crm.{table}'::regclass AND p.schemaname = 'crm_store'"
        f"   AND p.tablename = '{table}' AND p.policyname = 'pgmask_agent_select'"
    )
    quiet = f"crm_store.{table}_quiet"
    asks = _READ.sub(r"pgmask.identity_claims(\1)", view)
    assert asks != view
    asks = asks.replace(f"crm_store.{table} ", f"{quiet} ")
    unnoted = _EXAMINED.sub(")", condition)
    assert ("examined" in condition) == (unnoted != condition)
    place.superuser_run(
        f"DROP TABLE IF EXISTS {quiet} CASCADE;"
        f"CREATE TABLE {quiet} (LIKE crm_store.{table} INCLUDING ALL);"
        f"INSERT INTO {quiet} SELECT * FROM crm_store.{table};"
        f"ALTER TABLE {quiet} ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY p ON {quiet} FOR SELECT TO pgmask_agent_views USING ({unnoted});"
        f"GRANT SELECT ON {quiet} TO pgmask_agent_views;"
        f"CREATE VIEW crm.{table}_quiet AS {asks};"
        f"ALTER VIEW crm.{table}_quiet OWNER TO pgmask_agent_views;"
        f"GRANT SELECT ON crm.{table}_quiet TO pgmask_agent"
    )
    with place.owner() as owner:
        owner.execute(f"VACUUM ANALYZE {quiet}".encode())


def _compare(
    place: Place, connection: psycopg.Connection[Any], name: str, table: str, make: Any,
    limit: float, how: str,
) -> list[Measurement]:  # fmt: skip
    backend = Backend(connection.info.backend_pid)
    cases: dict[str, Case] = {
        "quiet": make(place, connection, f"crm.{table}_quiet"),
        "noted": make(place, connection, f"crm.{table}"),
    }
    for case in cases.values():
        for _ in range(12):
            case()
    samples = interleaved(
        cases, rounds=place.scale.rounds, calls=place.scale.calls,
        backends={"quiet": backend, "noted": backend},
    )  # fmt: skip
    result = ratio(samples, "noted", "quiet")
    quiet, noted = timing(samples["quiet"]), timing(samples["noted"])
    seen = f"{how}; {quiet.wall:.0f} -> {noted.wall:.0f} us seen"
    return [at_most(name, result.wall, limit, seen), *without_waiting(name, result)]


def _lookup(place: Place, connection: psycopg.Connection[Any], view: str) -> Case:
    cursor = connection.cursor()
    of_unit = place.rows // UNITS
    numbers = iter(range(1, 10**9))

    def once() -> None:
        number = (next(numbers) * 31) % of_unit * UNITS + _UNIT - 1
        cursor.execute(f"SELECT * FROM {view} WHERE id = %s".encode(), (number,), prepare=True)
        cursor.fetchone()

    return once


def _list(place: Place, connection: psycopg.Connection[Any], view: str) -> Case:
    cursor = connection.cursor()

    def once() -> None:
        cursor.execute(f"SELECT * FROM {view} LIMIT 100".encode(), prepare=True)
        cursor.fetchall()

    return once
