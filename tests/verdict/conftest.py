"""A database before adoption and one after, as templates per server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgmask.facts.schema import Schema
from tests.harness import Database, Server
from tests.verdict.world import fill_adopted, fill_plain, snapshot

_SNAPSHOTS: dict[int, Schema] = {}


@pytest.fixture
def plain(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("verdict_plain", fill_plain)) as made:
        yield made


@pytest.fixture
def adopted(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("verdict_adopted", fill_adopted)) as made:
        yield made


@pytest.fixture
def schema(server: Server) -> Schema:
    """The snapshot of the tables before adoption, read once per server."""
    if server.major not in _SNAPSHOTS:
        with server.database(template=server.template("verdict_plain", fill_plain)) as made:
            _SNAPSHOTS[server.major] = snapshot(made)
    return _SNAPSHOTS[server.major]
