"""The anonymous dump of the insurer per server, and clones of the database made from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake import world
from tests.fake.world import Source
from tests.harness import Database, Server

_SOURCES: dict[int, Source] = {}


@pytest.fixture
def production(server: Server) -> Iterator[Database]:
    """The insurer's own database, sealed."""
    with server.database(template=server.template("fake_source", world.in_production)) as made:
        yield made


def _source(server: Server) -> Source:
    if server.major not in _SOURCES:
        template = server.template("fake_source", world.in_production)
        with server.database(template=template) as made:
            _SOURCES[server.major] = world.anonymous(made)
    return _SOURCES[server.major]


@pytest.fixture
def source(server: Server) -> Source:
    """The anonymous dump, and what must not be in it."""
    return _source(server)


@pytest.fixture
def masks(server: Server) -> Iterator[Database]:
    """A database made from the dump, adopted as a test, with a key for development."""
    made_from = _source(server)
    template = server.template("fake_masks", lambda made: world.restored(made, made_from))
    with server.database(template=template) as made:
        yield made
