"""The catalogue against a schema, from a dump and from a database; the lock file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgmask.catalogue.check import Checked, check
from pgmask.catalogue.dump import columns_from_sql_dump
from pgmask.catalogue.files import lock_file
from pgmask.catalogue.problems import Problems
from pgmask.catalogue.schema_source import Schema
from tests.catalogue.samples import TODAY, table, write

DUMP = """
CREATE SCHEMA crm;
SET search_path = crm;
CREATE DOMAIN crm.cents AS numeric(12,2);
CREATE TYPE crm.state AS ENUM ('a', 'b');
CREATE TABLE customer (
  id bigint PRIMARY KEY, unit_id text NOT NULL, phone varchar(11), name text, born date,
  income crm.cents
);
CREATE TABLE crm.ref_product (code text PRIMARY KEY, phone text);
"""
COLUMNS = "phone: {kind: mobile}\nname: {kind: person_name}\nborn: {kind: date, level: 2}\n"
COLUMNS += "income: {level: 2, category: asset, kind: number}"
UNPROTECTED = 'unprotected:\n  - {tables: "ref_*", reason: codes}\n'


def schema(text: str) -> Schema:
    problems = Problems()
    found = columns_from_sql_dump(text, "dump.sql", problems)
    assert problems.all == ()
    return found


def run(path: Path, text: str, *, lock: bool = True) -> Checked:
    return check(path, schema=schema(text), today=TODAY, lock=lock)


def refused(found: Checked) -> list[tuple[str, str]]:
    return [(p.rule, p.message) for p in found.problems if p.severity == "error"]


@pytest.mark.requirement("A1", "A5")
def test_a_covered_schema_passes(tmp_path: Path) -> None:
    assert refused(run(write(tmp_path, table(COLUMNS) + UNPROTECTED), DUMP)) == []


@pytest.mark.requirement("A1", "A5")
@pytest.mark.parametrize(
    ("more", "rule", "names"),
    [
        ("ALTER TABLE customer ADD COLUMN fax text;", "unclassified-column", "crm.customer.fax"),
        ("ALTER TABLE customer RENAME name TO full_name;", "no-such-column", "crm.customer.name"),
        ("ALTER TABLE customer DROP COLUMN phone;", "no-such-column", "crm.customer.phone"),
        ("ALTER TABLE customer RENAME TO client;", "no-such-table", "crm.customer"),
        ("CREATE TABLE claim (id int PRIMARY KEY);", "unclassified-table", "crm.claim"),
        ("CREATE FOREIGN TABLE far (id int) SERVER s;", "unclassified-table", "crm.far"),
        ("DROP TABLE ref_product;", "matches-nothing", "ref_*"),
        ("ALTER TABLE customer ALTER name TYPE bigint;", "kind-type", "crm.customer.name"),
        ("ALTER TABLE customer ALTER name TYPE crm.state;", "kind-type", "crm.customer.name"),
        ("ALTER TABLE customer ALTER phone TYPE uuid;", "kind-type", "crm.customer.phone"),
        ("CREATE TABLE t2 AS SELECT 1;", "", ""),
    ],
)
def test_what_differs_is_found(tmp_path: Path, more: str, rule: str, names: str) -> None:
    path = write(tmp_path, table(COLUMNS) + UNPROTECTED)
    if not rule:
        problems = Problems()
        columns_from_sql_dump(DUMP + more, "dump.sql", problems)
        (problem,) = problems.all
        assert (problem.rule, str(problem.position)) == ("create-table-as", "dump.sql:11:1")
        return
    found = [(r, m) for r, m in refused(run(path, DUMP + more)) if r == rule]
    assert len(found) == 1
    assert names in found[0][1]


def test_a_table_needs_a_key_that_is_not_sealed(tmp_path: Path) -> None:
    path = write(tmp_path, table(COLUMNS) + UNPROTECTED)
    no_key = DUMP.replace("id bigint PRIMARY KEY", "id bigint")
    assert [r for r, _ in refused(run(path, no_key))] == ["no-primary-key"]
    by_phone = no_key + "ALTER TABLE customer ADD PRIMARY KEY (id, phone);"
    assert [r for r, _ in refused(run(path, by_phone))] == ["sealed-primary-key"]


def test_dumps_are_understood() -> None:
    text = """
\\restrict abc
CREATE TABLE a.t (id serial PRIMARY KEY, x text[], n pg_catalog.int8);
COPY a.t (id, x) FROM stdin;
1\tDROP TABLE a.t;
\\.
CREATE TABLE a.child (extra int) INHERITS (a.t);
CREATE TABLE a.copy (LIKE a.t, own int);
CREATE TABLE a.p (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE a.p1 PARTITION OF a.p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE a.p2 (id int, at date);
ALTER TABLE a.p ATTACH PARTITION a.p2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE a.gone (id int);
DROP TABLE a.gone;
ALTER TABLE a.copy SET SCHEMA b;
CREATE TEMP TABLE scratch (id int);
ALTER TABLE b.copy ADD COLUMN pgmask_sealed bytea;
\\unrestrict abc
"""
    found = schema(text)
    assert [(t.id, [c.name for c in t.columns], t.primary_key) for t in found.tables] == [
        ("a.p", ["id", "at"], ()),
        ("a.t", ["id", "x", "n"], ("id",)),
        ("b.copy", ["id", "x", "n", "own"], ()),
    ]
    first = found.table("a.t")
    assert first is not None
    assert [c.type for c in first.columns] == ["integer", "text[]", "int8"]


def test_a_broken_dump_says_where() -> None:
    problems = Problems()
    columns_from_sql_dump("-- 客户\nCREATE TABLE x (;\n", "dump.sql", problems)
    (problem,) = problems.all
    assert (problem.code, str(problem.position)) == ("PM010", "dump.sql:2:17")


PATTERNS = 'defaults: {columns: {"*_phone": {kind: mobile}, "name": {level: 2, category: basic}}}\n'


@pytest.mark.requirement("A5")
def test_the_lock_shows_new_matches(tmp_path: Path) -> None:
    dump = DUMP.replace("born date", "born date, home_phone text")
    columns = COLUMNS + "\nhome_phone: {}"
    path = write(tmp_path, table(columns) + UNPROTECTED + PATTERNS)
    first = run(path, dump)
    assert refused(first) == []
    assert "no-lock" in [p.rule for p in first.problems]
    lock_file(path).write_text(first.lock.text(), "utf-8")
    assert [p.rule for p in run(path, dump).problems if p.severity != "note"] == []
    # A new table under a glob and a new column under a pattern are both shown, and refused.
    wider = dump + "CREATE TABLE ref_new (id int PRIMARY KEY);"
    wider += "ALTER TABLE customer ADD work_phone text;"
    stale = refused(run(path, wider))
    assert sorted(rule for rule, _ in stale) == ["lock-stale", "lock-stale", "new-match"]
    assert any("crm.ref_new" in m for _, m in stale)
    assert any("crm.customer.work_phone" in m for _, m in stale)
    lock_file(path).write_text(run(path, wider, lock=False).lock.text(), "utf-8")
    fresh = run(path, wider)
    assert refused(fresh) == []
    # The lock file is part of the catalogue: the new column is classified by the pattern.
    catalogue = fresh.loaded.catalogue
    assert catalogue is not None
    column = catalogue.tables[0].column("work_phone")
    assert column is not None
    assert (column.level, column.kind) == (1, "mobile")
    assert catalogue.unprotected[0].matched == ("crm.ref_new", "crm.ref_product")


def test_a_lock_can_not_lower_or_invent(tmp_path: Path) -> None:
    path = write(tmp_path, table(COLUMNS) + UNPROTECTED + PATTERNS)
    lock_file(path).write_text(
        '{"pgmask_lock": 1, "columns": {"*_phone": [["crm.customer", "name"],'
        ' ["crm.customer", "secret"]], "*": [["crm.customer", "x"]]},'
        ' "unprotected": {"ref_*": ["crm.customer"]}, "profiles": {}}'
    )
    found = check(path, today=TODAY)
    assert found.loaded.catalogue is not None
    assert {c.name for c in found.loaded.catalogue.tables[0].columns} == {
        "id", "unit_id", "phone", "name", "born", "income",
    }  # fmt: skip
    assert {r for r, _ in refused(found)} == {"lock-stale"}
    lock_file(path).write_text("<<<<<<< HEAD\n")
    assert [r for r, _ in refused(check(path, today=TODAY))] == ["lock-unreadable"]


def test_an_unprotected_table_with_a_personal_name_is_doubted(tmp_path: Path) -> None:
    text = table(COLUMNS) + UNPROTECTED + 'defaults: {columns: {"phone": {kind: mobile}}}\n'
    found = run(write(tmp_path, text), DUMP)
    assert refused(found) == []
    assert "unprotected-personal" in [p.rule for p in found.problems]


def test_strict_turns_warnings_into_errors(tmp_path: Path) -> None:
    path = write(tmp_path, table("phone: {kind: mobile}").replace("    why: service\n", ""))
    assert check(path, today=TODAY).accepted
    assert not check(path, today=TODAY, strict=True).accepted
