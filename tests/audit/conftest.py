"""The attacked database, and the same with an agent whose customers are noted one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pgmask.keyfile import KeyFile
from pgmask.runtime import install
from tests.attack import place
from tests.harness import Database, Server
from tests.reveal.site import FIXTURES, Site, fill

ONE_BY_ONE = "  agent:\n    audit: {customer: subject, policy: subject}\n"


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        yield Site(made)


@pytest.fixture(scope="session")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue of the reveals, its agent noted per customer."""
    text = (FIXTURES / "catalogue.yml").read_text("utf-8")
    assert text.count("  agent:\n") == 1
    path = tmp_path_factory.mktemp("catalogue") / "catalogue.yml"
    path.write_text(text.replace("  agent:\n", ONE_BY_ONE), "utf-8")
    return path


@pytest.fixture
def noting_site(server: Server, one_by_one: Path) -> Iterator[Site]:
    def fill_noting(database: Database) -> None:
        place.make_schema(database)
        database.run((FIXTURES / "claim.sql").read_text("utf-8"))
        install(database.dsn())
        place.fill_register(database)
        place.register_key(database, KeyFile.new(1))
        place.protect(database, one_by_one)
        place.seal(database)
        with database.superuser() as root:
            for profile in ("agent", "vip", "hunter", "care", "desk", "analyst"):
                root.execute(f"GRANT pgmask_{profile} TO app".encode())
            root.execute("ANALYZE")
        database.close()

    with server.database(template=server.template("noting", fill_noting)) as made:
        yield Site(made)
