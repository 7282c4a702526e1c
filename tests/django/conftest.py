"""The insurer behind Django: one adopted database per server, direct and through PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask.runtime.register import rotate
from tests.django.site import Site, fill, setup
from tests.harness import Database, Server
from tests.pooler import Pooler

setup()  # the tests' modules import Django's own models


@pytest.fixture
def insurer(server: Server) -> Iterator[Database]:
    """A clone of the adopted insurer."""
    with server.database(template=server.template("django_insurer", fill)) as made:
        yield made


@pytest.fixture
def key(insurer: Database, tmp_path: Path) -> Path:
    """The file of the application's issuer key."""
    path = tmp_path / "crm-web.key"
    path.touch(0o600)
    with psycopg.connect(insurer.dsn()) as connection:
        path.write_text(rotate(connection, "crm-web").dump(), "utf-8")
    return path


@pytest.fixture(params=["direct", "pgbouncer"])
def site(request: pytest.FixtureRequest, insurer: Database, key: Path) -> Iterator[Site]:
    """Django's ``default`` on it, by both ways."""
    pooler: Pooler | None = None
    if request.param == "pgbouncer":
        pooler = request.getfixturevalue("pooler")
    made = Site(database=insurer, key=key, pooler=pooler)
    with made.used():
        yield made


@pytest.fixture
def direct(insurer: Database, key: Path) -> Iterator[Site]:
    """Django's ``default`` on it, directly."""
    made = Site(database=insurer, key=key)
    with made.used():
        yield made
