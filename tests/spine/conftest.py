"""A database with the case ``two_tables`` adopted, as a template per server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgmask.catalogue import load
from pgmask.runtime import install
from tests.harness import Database, Server
from tests.spine.world import INSURER, adopt, applied, load_key, plan_of, register


def _fill(database: Database) -> None:
    install(database.dsn())
    adopt(database, "two_tables")
    load_key(database)
    register(database, ("app", "agent", "1"), ("alan", "analyst", "2"))


@pytest.fixture
def adopted(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("spine_two_tables", _fill)) as made:
        yield made


def _fill_insurer(database: Database) -> None:
    install(database.dsn())
    database.run((INSURER / "schema.sql").read_text("utf-8"))
    applied(database, plan_of(database, load(INSURER / "catalogue")))


@pytest.fixture
def insurer(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("spine_insurer", _fill_insurer)) as made:
        yield made
