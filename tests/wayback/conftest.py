"""The insurer adopted and sealed, a copy for every test; and the people who decide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import Database, Server
from tests.wayback import site
from tests.wayback import small as small_tables


@pytest.fixture
def adopted(server: Server) -> Iterator[Database]:
    """The insurer's database, adopted and sealed, its key loaded."""
    with server.database(template=server.template("insurer_adopted", site.adopt)) as made:
        site.load_key(made)
        yield made


@pytest.fixture
def small(server: Server) -> Iterator[Database]:
    """Two tables adopted and sealed, the key loaded."""
    with server.database(template=server.template("small_adopted", small_tables.adopt)) as made:
        site.command(made, "keys", "load", str(small_tables.key_file(made)))
        yield made


@pytest.fixture
def opened(server: Server) -> Iterator[Database]:
    """The same with every table unsealed, and some rows written by the application on the way."""
    with server.database(template=server.template("insurer_opened", site.opened)) as made:
        yield made
