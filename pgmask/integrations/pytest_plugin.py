"""pytest fixtures for application teams: an adopted database and invented persons.

Loaded by pytest itself (entry point ``pgmask``), and of no effect until one of its fixtures is
used. Settings, in ``pyproject.toml`` or ``pytest.ini``:

``pgmask_catalogue``    the catalogue's folder or main file
``pgmask_schema``       SQL files of the application's schema, in order
``pgmask_search_path``  of the application, for ``pgmask_validate``, where it is not the profile's
``pgmask_environment``  an environment with data: fake and persons: fake; ``test`` when left out
``pgmask_dsn``          a login that may create databases and roles, on a running server; the
                        variable PGMASK_TEST_DSN goes before it. Without both a throw-away server
                        is started for the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pgmask.integrations.acting import Actor
    from pgmask.integrations.pytest_database import Setup, TestDatabase, TestServer
    from pgmask.verdict.model import Verdict

    MakeActor = Callable[..., Actor]
    Validate = Callable[..., tuple[Verdict, ...]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings of the fixtures."""
    parser.addini("pgmask_catalogue", "pgmask: the catalogue's folder or main file", default="")
    parser.addini("pgmask_schema", "pgmask: SQL files of the schema", type="paths", default=[])
    parser.addini("pgmask_search_path", "pgmask: the application's search_path", default="")
    parser.addini("pgmask_environment", "pgmask: environment of the catalogue", default="test")
    parser.addini("pgmask_dsn", "pgmask: a login that may create databases and roles", default="")


@pytest.fixture(scope="session")
def pgmask_setup(pytestconfig: pytest.Config) -> Setup:
    """What the database is made from; define a fixture of this name to say it in Python."""
    from pgmask.integrations.pytest_database import Setup
    from pgmask.verdict.search_path import path_of

    catalogue = str(pytestconfig.getini("pgmask_catalogue"))
    schema = tuple(pytestconfig.getini("pgmask_schema"))
    path = str(pytestconfig.getini("pgmask_search_path"))
    if not catalogue or not schema:
        pytest.fail("say pgmask_catalogue and pgmask_schema in pytest's settings", pytrace=False)
    return Setup(
        catalogue=(pytestconfig.rootpath / catalogue), schema=schema,
        environment=str(pytestconfig.getini("pgmask_environment")),
        search_path=path_of(path) if path else None,
    )  # fmt: skip


@pytest.fixture(scope="session")
def pgmask_server(pytestconfig: pytest.Config, pgmask_setup: Setup) -> Iterator[TestServer]:
    """The server with the adopted schema as a template, made once per run and worker."""
    from contextlib import ExitStack

    from pgmask.integrations.pytest_database import TestServer, own_server

    given = os.environ.get("PGMASK_TEST_DSN") or str(pytestconfig.getini("pgmask_dsn"))
    catalogue = pgmask_setup.load()
    with ExitStack() as stack:
        admin = given or stack.enter_context(own_server())
        made = TestServer(admin=admin, setup=pgmask_setup, catalogue=catalogue)
        made.prepare()
        stack.callback(made.close)
        yield made


@pytest.fixture
def pgmask_database(pgmask_server: TestServer) -> Iterator[TestDatabase]:
    """A database of this test alone, with the schema adopted and a key for development."""
    with pgmask_server.database() as made:
        yield made


@pytest.fixture
def pgmask_validate(pgmask_server: TestServer) -> Validate:
    """``pgmask_validate("SELECT ..", "agent")``: fails the test where a rule denies the statement.

    The verdicts come back; ``strict=True`` fails on warnings too. No statement is run.
    """
    return pgmask_server.validate


@pytest.fixture
def pgmask_actor(pgmask_database: TestDatabase) -> MakeActor:
    """``pgmask_actor("agent", unit="7")``: an invented person, for ``pgmask.acting_as(actor)``."""
    return pgmask_database.actor
