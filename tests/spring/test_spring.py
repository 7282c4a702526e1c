"""The Java data source over HikariCP and pgjdbc, compiled and run as an application would."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import port_for
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pgmask.runtime.register import rotate
from tests.actors import password
from tests.conftest import required
from tests.django.site import ROOT, fill
from tests.harness import Database, Server
from tests.pooler import PROGRAM, Pooler

EXAMPLE: Final = ROOT / "examples/spring"
JARS: Final = tuple(
    Path("/usr/share/java") / name
    for name in ("HikariCP.jar", "postgresql.jar", "slf4j-api.jar", "slf4j-nop.jar")
)
TRIALS: Final = 13


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The class path of the compiled example; skips where Java or a driver is missing."""
    compiler = shutil.which("javac")
    missing = [str(jar) for jar in JARS if not jar.exists()] + ([] if compiler else ["javac"])
    if missing or compiler is None:
        assert not required("java"), f"PGMASK_TEST_REQUIRE asks for java: {missing}"
        pytest.skip(f"not here: {', '.join(missing)}; Debian: default-jdk-headless"
                    " libhikaricp-java libpostgresql-jdbc-java")  # fmt: skip
    folder = tmp_path_factory.mktemp("classes")
    path = os.pathsep.join(map(str, JARS))
    sources = sorted(str(p) for p in EXAMPLE.rglob("*.java"))
    done = subprocess.run(
        [compiler, "-Xlint:all", "-Werror", "-d", str(folder), "-cp", path, *sources],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return f"{folder}{os.pathsep}{path}"


@pytest.fixture
def insurer(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("django_insurer", fill)) as made:
        yield made


@pytest.fixture
def tcp_pooler(server: Server) -> Iterator[Pooler]:
    """PgBouncer on a TCP port: pgjdbc knows no unix sockets."""
    if not PROGRAM.exists():
        assert not required("pgbouncer"), "PGMASK_TEST_REQUIRE asks for pgbouncer"
        pytest.skip("no PgBouncer here: install Debian's package pgbouncer")
    made = Pooler(server, tcp=port_for.select_random())
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.mark.requirement("C1", "C3")
@pytest.mark.parametrize("way", ["direct", "pgbouncer"])
def test_the_data_source_over_a_pool_of_two(
    classes: str, insurer: Database, way: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    key = tmp_path / "crm-web.key"
    key.touch(0o600)
    with psycopg.connect(insurer.dsn()) as connection:
        key.write_text(rotate(connection, "crm-web").dump(), "utf-8")
    if way == "pgbouncer":
        parts = conninfo_to_dict(request.getfixturevalue("tcp_pooler").dsn(insurer, "app"))
        # Before PgBouncer 1.21 a prepared statement may meet another server connection.
        options = "?prepareThreshold=0"
    else:
        parts, options = conninfo_to_dict(insurer.dsn("app")), ""
    url = f"jdbc:postgresql://127.0.0.1:{parts['port']}/{insurer.name}{options}"
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", classes, "com.example.pgmask.PoolProgram",
         url, "app", insurer.name, str(key)],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": os.environ["PATH"], "PGPASSWORD": password("app")},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert not [line for line in lines if not line.startswith("ok ")], done.stdout + done.stderr
    assert len(lines) == TRIALS, done.stderr
    assert done.returncode == 0
