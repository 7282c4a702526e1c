"""Leaving: what refuses, what is kept, and that it goes on after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from pgmask.apply import uninstall as giving
from pgmask.cli.main import run
from pgmask.facts.read import read_facts
from tests.harness import Database, Server
from tests.wayback import site
from tests.wayback.small import create, key_file
from tests.wayback.test_dump import differences

pytestmark = pytest.mark.requirement("A5", "B7")


def leave(database: Database, *words: str) -> int:
    return run(["uninstall", "--yes-database", database.name, *words, "--dsn", database.dsn()])


def unseal(database: Database) -> None:
    site.decide(database)
    site.command(database, "unseal", "run", "1", "--key-file", str(key_file(database)))


def test_refused_while_sealed_or_used(small: Database, capsys: pytest.CaptureFixture[str]) -> None:
    was = site.dump(small)
    small.run("CREATE SCHEMA bi; CREATE VIEW bi.phones AS SELECT phone FROM crm.customer;"
              "CREATE FUNCTION bi.f() RETURNS text LANGUAGE sql"
              " RETURN pgmask.mask_mobile('13800000000');"
              "CREATE TABLE bi.t (a text DEFAULT pgmask.mask_mobile('1'))")  # fmt: skip
    assert leave(small) == 3
    said = capsys.readouterr().err
    for named in ("crm.customer is sealed", "pgmask unseal crm.policy", "bi.phones", "bi.f()",
                  "bi.t"):  # fmt: skip
        assert named in said
    small.run("DROP SCHEMA bi CASCADE")
    assert site.dump(small) == was


def test_it_asks_for_the_name_and_dry_run_changes_nothing(
    small: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    unseal(small)
    was = site.dump(small)
    assert run(["uninstall", "--dsn", small.dsn()]) == 3
    assert run(["uninstall", "--yes-database", "other", "--dsn", small.dsn()]) == 3
    with small.superuser() as su:
        su.execute(
            f'ALTER ROLE app IN DATABASE "{small.name}" SET search_path = crm_store, crm'.encode()
        )
        su.execute(f'ALTER ROLE alan IN DATABASE "{small.name}" SET search_path = crm'.encode())
    capsys.readouterr()
    assert run(["uninstall", "--dry-run", "--dsn", small.dsn()]) == 0
    said = capsys.readouterr().out
    assert "gives back\tcrm.customer" in said
    # What is left on the application's side: a path that names a schema that goes, and no other.
    (path,) = [line for line in said.splitlines() if "search_path" in line]
    assert path == (
        f"stays\tsearch_path of role app in database {small.name}"
        "\tnames a schema that goes: crm_store, crm"
    )
    assert site.dump(small) == was


def test_everything_taken_over_comes_back_and_the_record_is_exported(
    small: Database, server: Server, tmp_path: Path
) -> None:
    with server.database(template=server.template("small_before", create)) as made:
        before = site.dump(made)
    unseal(small)
    file = tmp_path / "record.jsonl"
    assert leave(small, "--export-audit", str(file)) == 0
    after = site.dump(small)
    # Rows were made at different times.
    changed = [line for line in differences(before, after) if "2026" not in line]
    assert changed == []
    record = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    kinds = [r["row"]["kind"] for r in record if r["table"] == "pgmask_audit.unseal_event"]
    assert kinds.count("opened") == 2
    assert {r["table"] for r in record} >= {"pgmask_private.deployment"}
    assert file.stat().st_mode & 0o077 == 0


def test_the_record_and_the_register_stay_when_asked(small: Database) -> None:
    unseal(small)
    assert leave(small, "--keep-register") == 0
    root = small.superuser()
    assert root.execute("SELECT count(*) FROM pgmask_audit.person").fetchone() == (1,)
    assert root.execute(
        "SELECT count(*) FROM pgmask_audit.unseal_event WHERE kind = 'opened'"
    ).fetchone() == (2,)
    with pytest.raises(psycopg.Error) as refused:
        root.execute("DELETE FROM pgmask_audit.unseal_event")
    assert refused.value.sqlstate == "PM339"
    owners = root.execute(
        "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class"
        " WHERE relnamespace = 'pgmask_audit'::regnamespace"
    ).fetchall()
    assert owners == [("installer",)]
    for schema in ("pgmask", "pgmask_private", "pgmask_crypto"):
        assert root.execute("SELECT to_regnamespace(%s)", (schema,)).fetchone() == (None,)


def test_one_table_given_back_then_killed_goes_on(small: Database) -> None:
    unseal(small)
    app = small.connect("app", autocommit=True)
    with psycopg.connect(small.dsn(), autocommit=True) as connection:
        catalogue = giving.catalogue_of(connection)
        assert catalogue is not None
        assert giving.tables(catalogue, read_facts(connection)) == ("crm.policy", "crm.customer")
        back = giving.give_back(connection, catalogue, "crm.policy")
        assert (back.place, back.missing) == ("crm.policy", ())
    # One is the application's own again, the other still behind its view; it notices nothing.
    app.execute("UPDATE crm.policy SET insured_phone = '13711117777' WHERE id = 3")
    app.execute("INSERT INTO crm.policy (holder_id) VALUES (2)")
    small.superuser().execute(
        "UPDATE crm_store.customer SET card_grade = 'diamond' WHERE id = 2"
    )  # its trigger no longer carries the flag to a table that has none
    assert leave(small, "--drop-audit") == 0
    app.execute("UPDATE crm.customer SET phone = '13711118888' WHERE id = 2")
    assert app.execute("SELECT count(*) FROM crm.customer").fetchone() == (200,)


def test_a_constraint_that_does_not_hold_is_named(
    small: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    unseal(small)
    root = small.superuser()
    root.execute("SET session_replication_role = replica;"
                 " ALTER TABLE crm_store.customer DISABLE TRIGGER ALL;"
                 " UPDATE crm_store.customer SET phone = '13800000001' WHERE id = 2;"
                 " ALTER TABLE crm_store.customer ENABLE TRIGGER ALL")  # fmt: skip
    assert leave(small, "--drop-audit") == 1
    said = capsys.readouterr().err
    assert "PM341" in said
    assert "customer_phone_key" in said
    assert "13800000001" not in said
    assert leave(small, "--drop-audit", "--without-constraints") == 0
    assert "customer_phone_key: UNIQUE (phone)" in capsys.readouterr().out
