"""The small world of ``world.py``: a clone for each test, or one that is shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgmask.runtime import install
from tests.harness import Database, Server
from tests.runtime.world import REGISTER, THINGS, World, issue_key


def _fill(database: Database) -> None:
    install(database.dsn())
    database.run(REGISTER)
    database.run(THINGS)


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    """A fresh database with the register, an issuer and a table behind a policy."""
    with server.database(template=server.template("runtime_world", _fill)) as database:
        yield issue_key(database)


@pytest.fixture(scope="session")
def still_world(server: Server) -> Iterator[World]:
    """The same, made once."""
    with server.database(template=server.template("runtime_world", _fill)) as database:
        yield issue_key(database)


@pytest.fixture
def still(still_world: World) -> Iterator[World]:
    """A world shared by tests that commit no change; each closes its connections."""
    yield still_world
    still_world.database.close()


@pytest.fixture(scope="session")
def still_installed(server: Server) -> Iterator[Database]:
    """An installed runtime shared by tests that commit no change."""
    with server.database(template=server.template("runtime_world", _fill)) as database:
        yield database
