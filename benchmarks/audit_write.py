"""What recording changes costs: UPDATEs of a plain table with the generated triggers and without.

supa_audit (an extension for the same purpose, row by row) is measured in the same run where the
server has it; its algorithm writes both whole rows as JSON.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any, Final

import psycopg

from benchmarks.measure import (
    Backend,
    Case,
    Measurement,
    at_least,
    at_most,
    figure,
    interleaved,
    ratio,
    timing,
    without_waiting,
)
from benchmarks.place import Place
from benchmarks.write import durable
from pgmask.apply import seal_finish
from pgmask.compile import changes
from pgmask.compile.context import Context
from pgmask.facts.read import read_facts
from pgmask.names import QualName
from pgmask.server import connect

_BULK: Final = 50_000
_PEER: Final = "supa_audit"


def run(place: Place) -> list[Measurement]:
    """The group ``audit``: in bulk, and one row at a time, prepared, autocommit."""
    schemas = ["unaudited", "audited"]
    for name in schemas:
        _copy(place, name)
    place.superuser_run(_triggers(place))
    peer = bool(
        place.superuser_rows(
            f"SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = '{_PEER}'"
        )
    )
    if peer:
        _copy(place, _PEER)
        place.superuser_run(
            f"CREATE EXTENSION {_PEER} CASCADE;"
            f" SELECT audit.enable_tracking('{_PEER}.customer'::regclass)"
        )
        schemas.append(_PEER)
    found = []
    with place.owner() as connection:
        if not place.fsync(on=False):
            return [figure("audit.bulk", None, "needs a superuser to switch fsync")]
        found += _in_bulk(place, connection, schemas)
        found += _one_by_one(place, connection, schemas, "no_fsync", "fsync off")
        with durable(place):
            found += _one_by_one(place, connection, schemas, "fsync", "fsync and WAL sync on")
    if not peer:
        found.append(figure(f"audit.{_PEER}", None, f"not measured: no extension {_PEER} here"))
    return found


def _copy(place: Place, schema: str) -> None:
    place.superuser_run(
        f"CREATE SCHEMA {schema};"
        f" CREATE TABLE {schema}.customer (LIKE raw.customer INCLUDING ALL);"
        f" INSERT INTO {schema}.customer SELECT * FROM raw.customer;"
        f" ANALYZE {schema}.customer"
    )


def _triggers(place: Place) -> str:
    """What the compiler makes for a table that holds plain values: masks are computed."""
    with connect(place.admin) as connection:
        catalogue, facts = seal_finish.deployed(connection).catalogue, read_facts(connection)
    table = catalogue.table("crm.customer")
    store = catalogue.store("crm")
    relation = facts.relation("audited", "customer")
    assert table is not None
    assert store is not None
    assert relation is not None
    context = Context(
        catalogue=catalogue, facts=facts, table=replace(table, name="audited", rollout="views"),
        store=store, relation=relation, place=QualName.of("audited", "customer"),
    )  # fmt: skip
    return ";\n".join(s.text for o in changes.build(context) for s in o.create)


def _in_bulk(
    place: Place, connection: psycopg.Connection[Any], schemas: list[str]
) -> list[Measurement]:
    rows = min(_BULK, place.rows)
    backend = Backend(connection.info.backend_pid)
    seen: dict[str, list[float]] = {s: [] for s in schemas}
    spent: dict[str, list[float]] = {s: [] for s in schemas}
    for turn in range(place.scale.scans + 1):
        for schema in schemas[turn % 2 :] + schemas[: turn % 2]:
            cpu, began = backend.cpu(), time.perf_counter()
            connection.execute(
                f"UPDATE {schema}.customer SET status = 's{turn}', gender = 'x'"
                f" WHERE id <= {rows}".encode()
            )
            wall, after = time.perf_counter() - began, backend.cpu()
            connection.execute(f"VACUUM {schema}.customer".encode())
            if turn:
                seen[schema].append(wall)
                # Elsewhere than here there is no CPU time to be had.
                spent[schema].append((after - cpu) / 1e9 if after and cpu else wall)
    middle = {s: statistics.median(t) * 1000 for s, t in spent.items()}
    found = [
        at_most("audit.bulk", _times(spent), 2.6,
                f"UPDATE of {rows} rows, two columns, CPU time; {middle['unaudited']:.0f} ->"
                f" {middle['audited']:.0f} ms"),
        figure("audit.bulk.seen", _times(seen), "the same as the client sees it"),
    ]  # fmt: skip
    if _PEER in middle:
        found.append(
            at_least(f"audit.bulk.{_PEER}", _added(middle), 10,
                     f"what it adds / what pgmask adds; with it {middle[_PEER]:.0f} ms",
                     unit="x")
        )  # fmt: skip
    return found


def _times(taken: dict[str, list[float]]) -> float:
    return statistics.median(
        a / b for a, b in zip(taken["audited"], taken["unaudited"], strict=True)
    )


def _one_by_one(
    place: Place, connection: psycopg.Connection[Any], schemas: list[str], name: str, how: str
) -> list[Measurement]:
    cases = {s: _update(connection, s) for s in schemas}
    for case in cases.values():
        for _ in range(12):
            case()
    backend = Backend(connection.info.backend_pid)
    samples = interleaved(
        cases, rounds=place.scale.rounds, calls=place.scale.calls,
        backends=dict.fromkeys(schemas, backend),
    )  # fmt: skip
    result = ratio(samples, "audited", "unaudited")
    middle = {s: timing(samples[s]).wall for s in schemas}
    work = {s: timing(samples[s]).work or middle[s] for s in schemas}
    found = [
        at_most(f"audit.row.{name}", result.wall, 2.0,
                f"UPDATE of one row by key, {how}; {middle['unaudited']:.0f} ->"
                f" {middle['audited']:.0f} us seen"),
        *without_waiting(f"audit.row.{name}", result),
    ]  # fmt: skip
    if _PEER in middle:
        found.append(
            at_least(f"audit.row.{name}.{_PEER}", _added(work), 3,
                     f"what it adds / what pgmask adds, CPU time; with it {work[_PEER]:.0f} us",
                     unit="x")
        )  # fmt: skip
    return found


def _added(middle: dict[str, float]) -> float:
    return (middle[_PEER] - middle["unaudited"]) / (middle["audited"] - middle["unaudited"])


def _update(connection: psycopg.Connection[Any], schema: str) -> Case:
    cursor = connection.cursor()
    statement = f"UPDATE {schema}.customer SET status = %s WHERE id = %s"
    at = [0]

    def once() -> None:
        at[0] += 1
        cursor.execute(statement, (f"r{at[0] % 1000}", at[0] % 400 + 1), prepare=True)

    return once
