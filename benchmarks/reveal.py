"""Both steps of a reveal with durable commits, beside the commit of a plain INSERT (B2)."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg

from benchmarks.measure import (
    Backend,
    Measurement,
    at_most,
    figure,
    interleaved,
    ratio,
    timing,
    without_waiting,
)
from benchmarks.place import Place
from benchmarks.write import durable, insert

_REQUEST = b"SELECT pgmask.reveal_request('crm.customer', %s::text[], '{phone}', 'service')"
_REVEAL = b"SELECT phone FROM crm.customer_reveal(%s)"


def run(place: Place) -> list[Measurement]:
    """The group ``reveal``: a person's own database login, autocommit, prepared."""
    with place.connect("agent_login") as connection:
        if not place.fsync(on=False):
            return [figure("reveal.both_steps", None, "needs a superuser to switch fsync")]
        ids = [
            row[0]
            for row in connection.execute("SELECT id FROM crm.customer ORDER BY id LIMIT 200")
        ]
        customers = itertools.cycle(ids)

        def both() -> None:
            _reveal(connection, next(customers))

        cases = {"raw": insert(connection, "raw", place.rows), "ours": both}
        with durable(place):
            for case in cases.values():
                for _ in range(12):
                    case()
            backend = Backend(connection.info.backend_pid)
            samples = interleaved(
                cases, rounds=place.scale.rounds, calls=max(place.scale.calls // 8, 1),
                backends={"raw": backend, "ours": backend},
            )  # fmt: skip
    result = ratio(samples, "ours", "raw")
    one, two = timing(samples["raw"]), timing(samples["ours"])
    how = (
        "request, commit, reveal / one raw INSERT and its commit, fsync and WAL sync on;"
        f" {one.wall:.0f} -> {two.wall:.0f} us seen"
    )
    return [
        at_most("reveal.both_steps", result.wall, 3, how),
        *without_waiting("reveal.both_steps", result),
    ]


def _reveal(connection: psycopg.Connection[Any], customer: int) -> None:
    ticket = connection.execute(_REQUEST, ([str(customer)],)).fetchone()
    if ticket is None or connection.execute(_REVEAL, ticket).fetchone() is None:
        raise psycopg.ProgrammingError("a reveal gave no row")
