"""Fixtures: a server per version, an empty database, a database with pgmask installed.

A test that uses one of them runs on every version of ``harness.VERSIONS``; ``pg(">= 17")``
narrows that. A version that is not on this machine is a visible skip, or a failure where
``PGMASK_TEST_REQUIRE=15,18`` says that it must be there; the same holds for ``pgbouncer``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from pgmask.errors import ServerError
from pgmask.runtime import install as install_runtime
from tests import watch
from tests.harness import VERSIONS, Database, Server, Servers, binaries_of
from tests.pooler import PROGRAM, Pooler


def required(what: object) -> bool:
    """Whether ``PGMASK_TEST_REQUIRE`` says that this must be here: 15, 18, pgbouncer, java."""
    asked = os.environ.get("PGMASK_TEST_REQUIRE", "").split(",")
    return str(what) in {one.strip() for one in asked}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--golden`` writes golden files anew and runs only the tests that have one."""
    parser.addoption("--golden", action="store_true", help="write golden files anew")


def pytest_report_header() -> list[str]:
    """Say on which servers the tests run."""
    lines = []
    for major in VERSIONS:
        try:
            lines.append(str(binaries_of(major)))
        except ServerError as error:
            lines.append(f"PostgreSQL {major}: MISSING, its tests are skipped ({error})")
    return lines


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out versions a test is not for, and the long tests unless they are asked for."""
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    asked = config.getoption("-m") or ""
    rewrite = config.getoption("--golden")
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        major = params.get("server")
        specs = [str(mark.args[0]) for mark in item.iter_markers("pg")]
        wrong = major is not None and any(str(major) not in SpecifierSet(spec) for spec in specs)
        long = item.get_closest_marker("extra") is not None and "extra" not in str(asked)
        bare = rewrite and "golden" not in getattr(item, "fixturenames", ())
        (left if wrong or long or bare else kept).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def _install(database: Database) -> None:
    install_runtime(database.dsn())


Golden = Callable[[Path, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """``golden(path, text)``: the text must be the file's, or becomes it under ``--golden``."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.exists(), f"{path.name} is missing: nox -s golden writes it"
        assert path.read_text("utf-8") == text, "nox -s golden shows the difference in git"

    return compare


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The clusters of this worker, started when first asked for, stopped at the end."""
    made = Servers()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def memberships(request: pytest.FixtureRequest, servers: Servers) -> Iterator[None]:
    """Set up first and so ended last: roles outlive the databases of a test, logs too."""
    mark = request.node.get_closest_marker("leaves_values")
    watch.EXCUSE.reason = mark.args[0] if mark is not None else None
    yield
    servers.take_back()
    servers.look_at_logs()


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda v: f"pg{v}")
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """A running cluster of one version with the actors; nothing else in it."""
    major: int = request.param
    try:
        return servers.get(major)
    except ServerError as error:
        if error.code != "PM021" or required(major):
            raise
        pytest.skip(f"no PostgreSQL {major} here: {error}")


@pytest.fixture(scope="session")
def pooler(server: Server) -> Iterator[Pooler]:
    """PgBouncer in transaction mode before the server: two server connections per database."""
    if not PROGRAM.exists():
        assert not required("pgbouncer"), "PGMASK_TEST_REQUIRE asks for pgbouncer"
        pytest.skip("no PgBouncer here: install Debian's package pgbouncer")
    made = Pooler(server)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """An empty database owned by ``installer``."""
    with server.database() as made:
        yield made


@pytest.fixture
def installed(server: Server) -> Iterator[Database]:
    """A database owned by ``installer``, with the runtime installed by him."""
    with server.database(template=server.template("installed", _install)) as made:
        yield made
