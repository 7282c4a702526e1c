"""What a scan reads: bounded, read-only, as the caller, and named where it may not."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pgmask.catalogue.packs import Policy
from pgmask.catalogue.packs.read import shipped_pack
from pgmask.cli.main import run
from pgmask.facts.read import read_facts
from pgmask.scan.model import Scanned, Verdict
from pgmask.scan.read import Bounds, scan, sources
from tests.harness import Database


class _Counting(psycopg.Cursor[Any]):
    """Notes every statement that names a table of the application."""

    statements: list[str] = []  # noqa: RUF012 - emptied by the test

    def execute(self, query: Any, *arguments: Any, **more: Any) -> Any:
        shown = query.as_string(None) if isinstance(query, sql.Composable) else str(query)
        if '"crm"' in shown:
            self.statements.append(shown)
        return super().execute(query, *arguments, **more)


def look(database: Database, bounds: Bounds, user: str = "installer") -> tuple[Scanned, list[str]]:
    _Counting.statements = []
    policy = Policy([p for p in [shipped_pack("baseline")] if p is not None])
    with psycopg.connect(database.dsn(user), autocommit=True, cursor_factory=_Counting) as made:
        tables = [t for t in sources(made, read_facts(made)) if t.table.schema == "crm"]
        return scan(made, tables, policy, bounds), list(_Counting.statements)


@pytest.mark.requirement("A1")
def test_three_hundred_tables_take_a_statement_each(
    database: Database, record_property: Any
) -> None:
    database.run(
        "CREATE SCHEMA crm;"
        "DO $$ BEGIN FOR n IN 1..300 LOOP EXECUTE format('CREATE TABLE crm.t%s AS SELECT g AS id,"
        " ''138'' || lpad(g::text, 8, ''0'') AS a, ''x'' || g || ''@example.com'' AS b, g::text AS"
        " c, ''note'' AS d, now() AS e, g AS f, md5(g::text) AS h FROM generate_series(1, 100) AS"
        " g', n); END LOOP; END $$"
    )
    began = time.monotonic()
    found, statements = look(database, Bounds())
    seconds = time.monotonic() - began
    record_property("seconds", seconds)
    print(f"300 tables, {len(found.proposals)} columns: {seconds:.1f} s")
    assert len(statements) == 300
    assert found.sampled == 300
    assert len(found.proposals) == 2400
    assert {p.kind for p in found.proposals if p.column == "a"} == {"mobile"}
    assert seconds < 120


@pytest.mark.requirement("A1")
def test_a_large_table_is_sampled_in_a_few_pages(database: Database) -> None:
    """Rows of the beginning are of one sort, later ones of another: the sample sees both."""
    database.run(
        "CREATE SCHEMA crm; CREATE TABLE crm.big AS SELECT g AS id, CASE WHEN g > 50000 THEN"
        " '138' || lpad(g::text, 8, '0') ELSE 'n' || g END AS x, repeat('y', 50) AS pad"
        " FROM generate_series(1, 100000) AS g"
    )
    with database.superuser() as admin:
        admin.execute("ANALYZE crm.big")
        blocks = "SELECT pg_stat_get_blocks_fetched('crm.big'::regclass)"
        before = admin.execute(blocks.encode()).fetchone()
        pages = admin.execute(b"SELECT relpages FROM pg_class WHERE relname = 'big'").fetchone()
        found, (statement,) = look(database, Bounds(rows=200))
        time.sleep(0.2)
        after = admin.execute(blocks.encode()).fetchone()
    assert "TABLESAMPLE" in statement
    (one,) = [p for p in found.proposals if p.column == "x"]
    assert 20 < one.shares["mobile"] < 80
    assert one.seen <= 200
    assert before is not None
    assert after is not None
    assert pages is not None
    assert after[0] - before[0] < pages[0] / 5
    # The control: reading all of it is seen in the same figure.
    database.rows("SELECT count(pad) FROM crm.big")
    all_of_it = database.rows("SELECT pg_stat_get_blocks_fetched('crm.big'::regclass)")
    assert all_of_it[0][0] - after[0] >= pages[0]


@pytest.mark.requirement("A1")
def test_an_order_for_a_person(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """The unsure come first, of these the largest tables."""
    database.run(
        "CREATE SCHEMA crm; CREATE TABLE crm.a AS SELECT 'q' || g AS odd, '138' ||"
        " lpad(g::text, 8, '0') AS sjh FROM generate_series(1, 100) AS g;"
        "CREATE TABLE crm.b AS SELECT 'q' || g AS odd FROM generate_series(1, 9000) AS g;"
        "ANALYZE crm.a; ANALYZE crm.b"
    )
    assert run(["scan", "--dsn", database.dsn(), "--format", "json"]) == 0
    columns = json.loads(capsys.readouterr().out)["columns"]
    assert [f"{c['table']}.{c['column']}" for c in columns] == [
        "crm.b.odd",
        "crm.a.odd",
        "crm.a.sjh",
    ]


@pytest.fixture
def mallory(database: Database) -> Database:
    """Mallory may read one table, a part of another, and no row of a third."""
    database.run(
        "CREATE SCHEMA crm; GRANT USAGE ON SCHEMA crm TO mallory;"
        "CREATE TABLE crm.open AS SELECT '138' || lpad(g::text, 8, '0') AS x FROM"
        " generate_series(1, 50) AS g; GRANT SELECT ON crm.open TO mallory;"
        "CREATE TABLE crm.shut AS SELECT * FROM crm.open; "
        "CREATE TABLE crm.hidden AS SELECT * FROM crm.open; GRANT SELECT ON crm.hidden TO mallory;"
        "ALTER TABLE crm.hidden ENABLE ROW LEVEL SECURITY;"
        "ANALYZE crm.open; ANALYZE crm.shut; ANALYZE crm.hidden"
    )
    return database


@pytest.mark.requirement("A1")
def test_who_may_not_read_gets_names_and_is_told(mallory: Database) -> None:
    found, _ = look(mallory, Bounds(), "mallory")
    assert found.unread == {
        "crm.hidden": "no row is visible to this login",
        "crm.shut": "this login may not read it",
    }
    verdicts = {p.table: (p.verdict, p.seen) for p in found.proposals}
    assert verdicts == {
        "crm.open": (Verdict.PERSONAL, 50),
        "crm.hidden": (Verdict.OPEN, 0),
        "crm.shut": (Verdict.OPEN, 0),
    }
    everything, _ = look(mallory, Bounds())
    assert {p.verdict for p in everything.proposals} == {Verdict.PERSONAL}


def test_a_slow_table_is_given_up(database: Database) -> None:
    database.run(
        "CREATE SCHEMA crm; CREATE TABLE crm.slow AS SELECT '13800001234'::text AS phone;"
        "CREATE FUNCTION crm.wait() RETURNS boolean LANGUAGE sql AS"
        " $$ SELECT pg_sleep(20) IS NOT NULL $$;"
        "CREATE POLICY slow ON crm.slow USING (crm.wait());"
        "ALTER TABLE crm.slow ENABLE ROW LEVEL SECURITY;"
        "ALTER TABLE crm.slow FORCE ROW LEVEL SECURITY;"
        "CREATE TABLE crm.after AS SELECT '13800001234'::text AS x FROM generate_series(1, 50)"
    )
    began = time.monotonic()
    found, _ = look(database, Bounds(timeout_ms=300))
    assert time.monotonic() - began < 5
    assert found.unread == {"crm.slow": "the sample took longer than the timeout"}
    assert {p.table: p.kind for p in found.proposals} == {
        "crm.slow": "mobile", "crm.after": "mobile",
    }  # fmt: skip


def test_a_refusal_of_pgmasks_own_is_told_by_its_code(database: Database) -> None:
    """As of an owner who reads a protected table."""
    database.run(
        "CREATE SCHEMA crm; CREATE TABLE crm.t AS SELECT 'x'::text AS phone;"
        "CREATE FUNCTION crm.no() RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'PM220'; END $$;"
        "CREATE POLICY own ON crm.t USING (crm.no());"
        "ALTER TABLE crm.t ENABLE ROW LEVEL SECURITY; ALTER TABLE crm.t FORCE ROW LEVEL SECURITY"
    )
    found, _ = look(database, Bounds())
    assert found.unread["crm.t"].startswith("PM220 statements of the owner are refused")


def test_a_locked_table_is_passed_over(database: Database) -> None:
    database.run("CREATE SCHEMA crm; CREATE TABLE crm.t AS SELECT 'x'::text AS phone")
    policy = Policy([p for p in [shipped_pack("baseline")] if p is not None])
    with psycopg.connect(database.dsn(), autocommit=True) as made:
        tables = sources(made, read_facts(made))
        holder = database.connect()
        holder.execute("LOCK TABLE crm.t IN ACCESS EXCLUSIVE MODE")
        found = scan(made, tables, policy, Bounds(timeout_ms=300))
    assert found.unread == {"crm.t": "the table is locked"}
    assert found.proposals[0].kind == "mobile"


@pytest.mark.requirement("A1")
def test_every_sort_of_table_and_type(database: Database) -> None:
    """Domains, arrays, partitions, quoted names, virtual and generated columns, wide values."""
    database.run(
        "CREATE SCHEMA crm; CREATE DOMAIN crm.tel AS text CHECK (VALUE <> '');"
        'CREATE TABLE crm."Odd ""Name" ("the phone" crm.tel, tags text[], d date,'
        " n numeric, b bytea, u uuid, r int4range, p point, j json, flag boolean, doc text);"
        "INSERT INTO crm.\"Odd \"\"Name\" SELECT '138' || lpad(g::text, 8, '0'),"
        " ARRAY['138' || lpad(g::text, 8, '0')], '1970-01-01', g, '\\x00', gen_random_uuid(),"
        " '[1,2)', '(1,2)', '{}', true, repeat('很长', 200000) FROM generate_series(1, 30) AS g;"
        "CREATE TABLE crm.part (id int, mail text) PARTITION BY RANGE (id);"
        "CREATE TABLE crm.part_1 PARTITION OF crm.part FOR VALUES FROM (0) TO (1000);"
        "INSERT INTO crm.part SELECT g, 'x' || g || '@a.cn' FROM generate_series(1, 99) AS g;"
        "CREATE TABLE crm.none ()"
    )
    found, statements = look(database, Bounds())
    said = {p.column: (p.kind, p.verdict.value) for p in found.proposals}
    assert said["the phone"] == ("mobile", "personal")
    assert said["mail"] == ("email", "personal")
    assert said["b"] == ("media", "personal")
    assert said["u"] == ("", "plain")
    assert said["j"] == ("json", "personal")
    assert said["d"] == ("date", "personal")
    assert [p.table for p in found.proposals if "part" in p.table] == ["crm.part"] * 2
    assert not any("part_1" in s for s in statements)
    assert found.unread == {}


def test_documents_are_not_fetched(database: Database) -> None:
    """A value of 40 MB is passed over by its stored size, without reading it."""
    database.run(
        "CREATE SCHEMA crm; CREATE TABLE crm.t (doc text); ALTER TABLE crm.t ALTER doc SET STORAGE"
        " EXTERNAL; INSERT INTO crm.t SELECT repeat('x', 10000000) FROM generate_series(1, 4)"
    )
    began = time.monotonic()
    found, _ = look(database, Bounds())
    assert time.monotonic() - began < 2
    assert found.proposals[0].seen == 0


def test_nothing_is_written(database: Database) -> None:
    """A policy that would write is refused by the read-only transaction, and named."""
    database.run(
        "CREATE SCHEMA crm; CREATE TABLE crm.log (x int); CREATE TABLE crm.t AS SELECT 1 AS phone;"
        "CREATE FUNCTION crm.note() RETURNS boolean LANGUAGE sql AS"
        " $$ INSERT INTO crm.log VALUES (1) RETURNING true $$;"
        "CREATE POLICY note ON crm.t USING (crm.note());"
        "ALTER TABLE crm.t ENABLE ROW LEVEL SECURITY; ALTER TABLE crm.t FORCE ROW LEVEL SECURITY"
    )
    found, _ = look(database, Bounds())
    assert found.unread["crm.t"] == "the server refused (SQLSTATE 25006)"
    assert database.rows("SELECT count(*) FROM crm.log") == [(0,)]
    # The control: a transaction that may write does.
    database.run("SELECT * FROM crm.t")
    assert database.rows("SELECT count(*) FROM crm.log") == [(1,)]


def test_no_table_and_wrong_words(
    database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["scan", "--dsn", database.dsn()]) == 1
    assert "PM013" in capsys.readouterr().err
    database.run("CREATE SCHEMA shop; CREATE TABLE shop.buyer (phone text)")
    assert run(["scan", "--dsn", database.dsn(), "--in-schema", "elsewhere"]) == 1
    assert run(["scan", "--dsn", database.dsn(), "--in-schema", "shop"]) == 0
    assert "shop.buyer.phone" in capsys.readouterr().out
    assert run(["scan", "--dsn", database.dsn(), "--diff"]) == 1
    assert run(["scan", "--dsn", database.dsn(), "--pack", "none"]) == 1
    assert run(["scan", str(tmp_path / "none"), "--dsn", database.dsn()]) == 1
