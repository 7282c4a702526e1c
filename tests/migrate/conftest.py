"""A database with two protected tables, and a login that migrates as the owner of the stores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pgmask.apply import seal_finish
from pgmask.apply.seal import seal_rows
from pgmask.catalogue import load
from pgmask.runtime import install
from tests.harness import Database, Server
from tests.spine.world import CORPUS, adopt, applied, load_key, plan_of, register

CASE = CORPUS.parent / "migrate"
OWNER = "pgmask_store"


def _fill(database: Database) -> None:
    install(database.dsn())
    adopt(database, "two_tables")
    load_key(database)
    register(database, ("app", "agent", "1"), ("alan", "analyst", "2"))


def _fill_sealed(database: Database) -> None:
    install(database.dsn())
    database.run((CASE / "schema.sql").read_text("utf-8"))
    applied(database, plan_of(database, load(CASE / "catalogue.yml")))
    load_key(database)
    register(database, ("app", "agent", "1"), ("alan", "analyst", "2"))
    with database.connect(autocommit=True) as connection:
        for table in seal_finish.deployed(connection).tables:
            seal_rows(connection, table)
            seal_finish.finish(connection, table)


@pytest.fixture
def adopted(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("migrate_two_tables", _fill)) as made:
        yield made


@contextlib.contextmanager
def _member(database: Database) -> Iterator[Database]:
    with database.server.admin() as su:
        su.execute(f"GRANT {OWNER} TO olga".encode())
    try:
        yield database
    finally:
        database.close()
        with database.server.admin() as su:
            su.execute(f"REVOKE {OWNER} FROM olga".encode())


@pytest.fixture
def flyway(adopted: Database) -> Iterator[Database]:
    """The database, with the login ``olga`` as a member of the stores' owner, no superuser."""
    with _member(adopted) as made:
        yield made


@pytest.fixture
def closed(server: Server) -> Iterator[Database]:
    """A sealed table and a partitioned one; nobody is a member of the stores' owner."""
    with server.database(template=server.template("migrate_sealed", _fill_sealed)) as made:
        yield made


@pytest.fixture
def sealed(closed: Database) -> Iterator[Database]:
    """The same, with ``olga`` as a member of the stores' owner."""
    with _member(closed) as made:
        yield made
