"""A database with two protected tables, and a login that migrates as the owner of the stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgmask.runtime import install
from tests.harness import Database, Server
from tests.spine.world import adopt, load_key, register

OWNER = "pgmask_store"


def _fill(database: Database) -> None:
    install(database.dsn())
    adopt(database, "two_tables")
    load_key(database)
    register(database, ("app", "agent", "1"), ("alan", "analyst", "2"))


@pytest.fixture
def adopted(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("migrate_two_tables", _fill)) as made:
        yield made


@pytest.fixture
def flyway(adopted: Database) -> Iterator[Database]:
    """The database, with the login ``olga`` as a member of the stores' owner, no superuser."""
    with adopted.server.admin() as su:
        su.execute(f"GRANT {OWNER} TO olga".encode())
    try:
        yield adopted
    finally:
        adopted.close()
        with adopted.server.admin() as su:
            su.execute(f"REVOKE {OWNER} FROM olga".encode())
