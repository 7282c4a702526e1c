"""One adopted database per server, reached directly and through PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drivers.world import World, fill
from tests.harness import Database, Server
from tests.pooler import Pooler


@pytest.fixture(scope="session")
def drivers_database(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("drivers", fill)) as made:
        yield made


@pytest.fixture(params=["direct", "pgbouncer"])
def world(request: pytest.FixtureRequest, drivers_database: Database) -> Iterator[World]:
    """The same database by both ways; tests leave its rows as they were, or write to their own."""
    pooler: Pooler | None = None
    if request.param == "pgbouncer":
        pooler = request.getfixturevalue("pooler")
    yield World.of(drivers_database, pooler)
    drivers_database.close()
