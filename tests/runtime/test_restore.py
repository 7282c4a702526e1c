"""A dump by the backup role, restored: everything is there but the secrets, which are made anew."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest

from pgmask.runtime import install
from pgmask.runtime.doctor import examine
from pgmask.runtime.register import rotate
from tests.actors import password
from tests.harness import Server
from tests.runtime.world import ANN, World, login, units_seen


def tool(server: Server, name: str, *words: str, user: str, cwd: Path) -> str:
    """Run one of the server's own programs; gives what it printed."""
    done = subprocess.run(
        [str(server.binaries.bin / name), *words],
        env=dict(server.binaries.environ())
        | {"PGPASSWORD": password(user) if user != "postgres" else server.cluster.password},
        capture_output=True, text=True, check=False, cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.requirement("C2")
def test_dump_and_restore(server: Server, world: World, tmp_path: Path) -> None:
    database = world.database
    database.run("SELECT pgmask.register_login('alan', 11)")
    database.run("GRANT pgmask_backup TO nightly; GRANT USAGE ON SCHEMA things TO pgmask_backup")
    database.run("GRANT SELECT ON things.store TO pgmask_backup")
    database.run("CREATE POLICY backup ON things.store TO pgmask_backup USING (true)")
    secrets = database.rows(
        "SELECT encode(secret, 'hex') FROM pgmask_private.token_key"
        " UNION ALL SELECT encode(secret, 'hex') FROM pgmask_private.issuer_key"
    )
    file = tmp_path / "dump.sql"
    try:
        tool(
            server, "pg_dump", "--enable-row-security", "-f", str(file),
            "-d", database.dsn("nightly"), user="nightly", cwd=tmp_path,
        )  # fmt: skip
    finally:
        database.run("REVOKE pgmask_backup FROM nightly")
    text = file.read_text("utf-8")
    assert "Ann" in text
    assert not any(secret in text for (secret,) in secrets)

    restored = server.create_database()
    try:
        tool(
            server, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file),
            "-d", restored.dsn("postgres"), user="postgres", cwd=tmp_path,
        )  # fmt: skip
        with psycopg.connect(restored.dsn("alan")) as connection:  # needs no secret
            assert units_seen(connection) == {"north"}
        with psycopg.connect(restored.dsn("app")) as app, pytest.raises(psycopg.Error) as caught:
            login(app, world.assertion(ANN, database=restored.name))
        assert caught.value.sqlstate == "PM103"

        assert install(restored.dsn()).token_key_made
        with psycopg.connect(restored.dsn()) as connection:
            key = rotate(connection, "web")
        with psycopg.connect(restored.dsn("app")) as app:
            login(app, world.assertion(ANN, key=key, database=restored.name))
            assert units_seen(app) == {"north"}
        with psycopg.connect(restored.dsn()) as connection:
            found = [f for f in examine(connection) if f.code in ("PM709", "PM718", "PM720")]
        assert found == []
    finally:
        server.drop_database(restored)
