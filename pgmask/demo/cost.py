"""What the protection costs, measured in this run: the same statement, protected and not, in turns.

Two databases of one server are compared: the protected one, and a copy taken before. Statements
are prepared, the two sides take turns, and medians are compared, so that a busy machine slows
both alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One comparison. name: what was done; raw, masked: medians in seconds; times: how often."""

    name: str
    raw: float
    masked: float
    times: int

    @property
    def ratio(self) -> float:
        """How many times the unprotected table's time."""
        return self.masked / self.raw


_Run = Callable[[int], None]


def compare(name: str, raw: _Run, masked: _Run, times: int) -> Cost:
    """Run both in turns so many times after a few runs that do not count."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(-3, times):
        # Who goes first changes, so that neither profits from what the other has just warmed.
        for side in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            (raw, masked)[side](number)
            if number >= 0:
                taken[side].append(time.perf_counter() - started)
    return Cost(
        name=name, raw=statistics.median(taken[0]), masked=statistics.median(taken[1]), times=times
    )


def lookups(
    raw: psycopg.Connection[Any], masked: psycopg.Connection[Any], ids: Sequence[int], times: int
) -> Cost:
    """A customer by key, every one in a transaction of its own."""
    query = "SELECT * FROM crm.customer WHERE id = %s"

    def run(connection: psycopg.Connection[Any]) -> _Run:
        def once(number: int) -> None:
            connection.execute(query, (ids[number % len(ids)],), prepare=True).fetchone()
            connection.commit()

        return once

    return compare("lookup by key", run(raw), run(masked), times)


def scans(raw: psycopg.Connection[Any], masked: psycopg.Connection[Any], times: int) -> Cost:
    """Five columns of every customer the person may see, fetched."""
    query = "SELECT name, phone, id_no, email, address FROM crm.customer WHERE unit_id = 7"

    def run(connection: psycopg.Connection[Any]) -> _Run:
        def once(_: int) -> None:
            connection.execute(query, prepare=True).fetchall()
            connection.commit()

        return once

    return compare("all customers of a unit", run(raw), run(masked), times)


def inserts(
    raw: psycopg.Connection[Any],
    masked: psycopg.Connection[Any],
    rows: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
) -> Cost:
    """One row at a time, each in a transaction of its own that is rolled back at its end."""
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    query = f"INSERT INTO crm.customer ({names}) VALUES ({places})"  # noqa: S608  our own names

    def run(connection: psycopg.Connection[Any]) -> _Run:
        def once(number: int) -> None:
            connection.execute(query.encode(), rows[number % len(rows)], prepare=True)
            connection.rollback()

        return once

    return compare("insert of a customer", run(raw), run(masked), len(rows))
