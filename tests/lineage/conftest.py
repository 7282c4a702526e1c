"""A database with the hostile little schema, and its snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pgmask.facts.schema import Schema
from tests.harness import Connection, Database, Server
from tests.lineage.world import SET_PATH, fill, snapshot


@dataclass(frozen=True)
class World:
    """One database of this worker and version; whatever a test makes in it is rolled back."""

    database: Database
    schema: Schema
    connection: Connection


@pytest.fixture(scope="session")
def world(server: Server) -> Iterator[World]:
    """The schema is made once per version: every test looks at it or rolls back."""
    with server.database(template=server.template("lineage", fill)) as database:
        with database.connect() as connection:
            connection.execute(SET_PATH.encode())
            schema = snapshot(connection)
            connection.commit()
            yield World(database, schema, connection)
