"""The labelled database of an insurer, made once per server and cloned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import Database, Server
from tests.scan.world import fill


@pytest.fixture
def insurer(server: Server) -> Iterator[Database]:
    """Schema ``crm`` of ``world.TABLES``, filled, without pgmask."""
    with server.database(template=server.template("scan_insurer", fill)) as made:
        yield made
