"""Databases at each step of their life: plain, planned, applied, sealed; one template per step."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask.runtime import install
from tests.faults.world import CATALOGUE, ROWS, SCHEMA, Site
from tests.harness import Database, Server
from tests.spine.world import register

_FOLDERS: dict[tuple[str, int], Path] = {}


def _plain(site: Site) -> None:
    install(site.database.dsn())
    site.database.run(SCHEMA.format(rows=ROWS))
    site.catalogue.write_text(CATALOGUE, "utf-8")
    site.fine("keys", "create", "1.key")
    with contextlib.suppress(psycopg.errors.UndefinedObject):  # the profiles' roles come later
        register(site.database, ("app", "agent", "1"), ("alan", "analyst", "2"))
    site.make_plan()


def _applied(site: Site) -> None:
    _plain(site)
    site.apply()
    site.people()


def _sealed(site: Site) -> None:
    _applied(site)
    site.seal()


@pytest.fixture
def step(
    server: Server, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Site]]:
    """``step("applied")``: a database of its own that has come so far, with its files."""
    fill = {"plain": _plain, "applied": _applied, "sealed": _sealed}
    made: list[Site] = []

    def at(name: str) -> Site:
        def prepare(database: Database) -> None:
            folder = tmp_path_factory.mktemp(f"faults-{name}-{server.major}")
            _FOLDERS[name, server.major] = folder
            fill[name](Site(database=database, folder=folder))

        template = server.template(f"faults_{name}", prepare)
        folder = tmp_path / name
        shutil.copytree(_FOLDERS[name, server.major], folder)
        database = server.create_database(template=template)
        site = Site(database=database, folder=folder)
        made.append(site)
        if name == "plain":
            # A plan is bound to the name of its database.
            site.make_plan()
        return site

    try:
        yield at
    finally:
        for site in made:
            site.close()
            server.drop_database(site.database)


@pytest.fixture
def plain(step: Callable[[str], Site]) -> Site:
    """The runtime and a key; the tables are plain, and planned."""
    return step("plain")


@pytest.fixture
def applied(step: Callable[[str], Site]) -> Site:
    """The plan is applied; the rows of before are not sealed yet."""
    return step("applied")


@pytest.fixture
def sealed(step: Callable[[str], Site]) -> Site:
    """Everything is sealed."""
    return step("sealed")


def fill_applied(site: Site) -> None:
    """For a server of the test's own: everything up to the applied plan."""
    _applied(site)
