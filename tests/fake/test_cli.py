"""The how-to's commands, one after the other: dump, restore, adopt, fill."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pgmask.cli.main import run
from pgmask.integrations.pytest_database import Setup, TestServer
from tests.harness import Database, Server

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "test-with-pgmask.md"
APPROVED = ("--author", "ann", "--approved-by", "dora", "--approval-ref", "OP-1")


@pytest.mark.requirement("F1", "B7")
def test_from_one_database_to_another(
    server: Server,
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks = dict(re.findall(r"```(yaml|sql)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    catalogue, schema = tmp_path / "catalogue.yml", tmp_path / "schema.sql"
    catalogue.write_text(blocks["yaml"], "utf-8")
    schema.write_text(blocks["sql"], "utf-8")
    setup = Setup(catalogue=catalogue, schema=(schema,))
    made = TestServer(admin=server.dsn("installer"), setup=setup, catalogue=setup.load())
    made.prepare()
    dump, key = tmp_path / "dump.sql", tmp_path / "dev.key"
    try:
        with made.database() as source:
            service = tmp_path / "service.conf"
            service.write_text(
                "[insurer]\n"
                + "\n".join(f"{k}={v}" for k, v in conninfo_to_dict(source.admin_dsn).items())
            )
            monkeypatch.setenv("PGSERVICEFILE", str(service))
            words = ["dump", "--anonymous", "--dsn", "service=insurer"]
            assert run([*words, "--keep", "crm.customer.phone"]) == 3
            assert "PM350" in capsys.readouterr().err
            assert run([*words, "--out", str(dump)]) == 0
    finally:
        made.close()
    text = dump.read_text("utf-8")
    assert "13800001234" not in text
    assert "样例甲" not in text
    assert "138****1234" in text
    assert dump.stat().st_mode & 0o077 == 0

    database.program(
        "psql", "-X", "-q", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-f", str(dump)
    )
    monkeypatch.setenv("PGMASK_DSN", database.dsn())
    monkeypatch.setenv("PGMASK_ENVIRONMENT", "test")
    assert run(["install"]) == 0
    assert run(["fake"]) == 3  # nothing applied yet
    assert run(["apply", str(catalogue), "--yes-database", database.name, *APPROVED]) == 0
    assert run(["fake"]) == 3  # no key yet
    capsys.readouterr()
    assert run(["keys", "create", str(key), "--provider", "dev"]) == 0
    assert run(["fake", "--seed", "1"]) == 0
    assert re.search(r"^9000\d+\tagent\t7\t\w+$", capsys.readouterr().out, re.MULTILINE)
    assert run(["fake", "--seed", "2"]) == 0
    assert run(["seal", "--all", "--verify"]) == 0
    with psycopg.connect(database.dsn()) as connection:
        connection.execute("SET ROLE pgmask_sealer")
        row = connection.execute(
            "SELECT phone, name, pgmask_sealed IS NOT NULL FROM crm_store.customer"
        ).fetchone()
    assert row is not None
    assert row[0] == "138****1234"
    assert row[1][0] == "样"
    assert "*" not in row[1]
    assert row[2]
