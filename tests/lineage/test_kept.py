"""What a write runs beside itself: found where the server runs it, and the values it puts in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgmask.facts.schema import Schema
from pgmask.facts.schema_file import dumps, loads
from pgmask.facts.snapshot import read_schema
from pgmask.lineage import trace
from pgmask.lineage.model import Lineage
from tests.harness import Connection
from tests.lineage.conftest import World

PLACES = (
    "default", "default2", "check", "generated", "index", "predicate", "partition", "domain",
    "domain_default", "child", "view", "argument", "field", "left",
)  # fmt: skip
# Each writes its name down when it runs; that they are immutable is a lie, as it may be anywhere.
RAN = """
CREATE FUNCTION crm.ran_{0}(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM set_config('kept.ran', coalesce(current_setting('kept.ran', true), '') || ' {0}', true);
  RETURN coalesce(value, 'x');
END $$;
"""
TABLES = """
CREATE DOMAIN crm.told AS text CHECK (crm.ran_domain(VALUE) <> 'never');
CREATE DOMAIN crm.begun AS text DEFAULT crm.ran_domain_default('x');
CREATE DOMAIN crm.quiet AS text CHECK (VALUE <> 'never');
CREATE DOMAIN crm.asked AS text CHECK (crm.ran_argument(VALUE) <> 'never');
CREATE DOMAIN crm.part AS text CHECK (crm.ran_field(VALUE) <> 'never');
CREATE TYPE crm.pair AS (one crm.part, two text);
CREATE DOMAIN crm.pairs AS crm.pair[];
CREATE FUNCTION crm.takes(x crm.asked) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN RETURN 'x'; END $$;
CREATE TABLE crm.plain (id integer, name text DEFAULT lower('X') CHECK (name <> ''), q crm.quiet);
CREATE TABLE crm.defaults (
  id integer, a text DEFAULT crm.ran_default('x'), b text DEFAULT crm.ran_default2('x'));
CREATE TABLE crm.checks (id integer, a text CHECK (crm.ran_check(a) <> 'never'));
CREATE TABLE crm.generates (
  id integer, a text, g text GENERATED ALWAYS AS (crm.ran_generated(a)) STORED);
CREATE TABLE crm.indexed (id integer, a text);
CREATE INDEX ON crm.indexed (crm.ran_index(a)) WHERE crm.ran_predicate(a) <> 'never';
CREATE TABLE crm.domains (id integer, a crm.told, b crm.begun);
CREATE TABLE crm.pairs_of (id integer, p crm.pair);
CREATE TABLE crm.parts (id integer, a text) PARTITION BY LIST (crm.ran_partition(a));
CREATE TABLE crm.parts_x PARTITION OF crm.parts (CHECK (crm.ran_child(a) <> 'never')) DEFAULT;
CREATE VIEW crm.seen AS SELECT id AS number, a AS first FROM crm.defaults;
ALTER VIEW crm.seen ALTER COLUMN first SET DEFAULT crm.ran_view('x');
CREATE VIEW crm.seen_twice AS SELECT number FROM crm.seen;
CREATE TABLE crm.leaves (
  id integer, phone text DEFAULT crm.phone_of(1), other text CHECK (crm.ran_left(other) <> ''));
INSERT INTO crm.customer (id, unit_id, name, phone) VALUES (1, 1, 'n', 'p') ON CONFLICT DO NOTHING;
INSERT INTO crm.checks VALUES (1, 'x');
INSERT INTO crm.generates VALUES (1, 'x');
INSERT INTO crm.indexed VALUES (1, 'x');
INSERT INTO crm.domains VALUES (1, 'x', 'x');
INSERT INTO crm.parts VALUES (1, 'x');
INSERT INTO crm.defaults VALUES (1, 'x', 'x');
INSERT INTO crm.plain VALUES (1, 'x', 'x');
"""
STATEMENTS = [
    "INSERT INTO crm.plain (id) VALUES (1)",
    "UPDATE crm.plain SET name = DEFAULT, q = 'x'",
    "INSERT INTO crm.defaults DEFAULT VALUES",
    "INSERT INTO crm.defaults VALUES (1, 'x')",
    "INSERT INTO crm.defaults (id, b) VALUES (1, 'x')",
    "INSERT INTO crm.defaults VALUES (1, 'x', 'x')",
    "INSERT INTO crm.defaults SELECT 1, 'x', 'y'",
    "UPDATE crm.defaults SET id = 2",
    "INSERT INTO crm.checks (id) VALUES (1)",
    "INSERT INTO crm.checks VALUES (1, 'x')",
    "UPDATE crm.checks SET id = 2",
    "DELETE FROM crm.checks",
    "UPDATE crm.generates SET a = 'y'",
    "INSERT INTO crm.generates (id) VALUES (1)",
    "INSERT INTO crm.indexed VALUES (1, 'x')",
    "INSERT INTO crm.domains VALUES (1, 'x', 'x')",
    "INSERT INTO crm.domains (id, b) VALUES (1, 'x')",
    "INSERT INTO crm.domains (id) VALUES (1)",
    "UPDATE crm.domains SET a = 'y'",
    "UPDATE crm.domains SET b = 'y'",
    "INSERT INTO crm.parts VALUES (1, 'x')",
    "INSERT INTO crm.seen (number) VALUES (1)",
    "INSERT INTO crm.seen VALUES (1, 'x')",
    "SELECT 'x'::crm.told",
    "SELECT ARRAY['x']::crm.told[]",
    "SELECT CAST('x' AS crm.quiet)",
    "SELECT '(x,y)'::crm.pair",
    "SELECT ARRAY['(x,y)']::crm.pairs",
    "INSERT INTO crm.pairs_of VALUES (1, '(x,y)')",
    'SELECT a FROM json_to_recordset(\'[{"a": "x"}]\') AS t (a crm.told)',
    "SELECT crm.takes('x')",
    'SELECT jsonb_populate_record(d, \'{"a": "y"}\') FROM crm.domains d',
    "SELECT array_agg(d), max(d.a) FROM crm.domains d",
    "DO $$ DECLARE v told := 'x'; BEGIN v := 'y'; END $$",
    "WITH w AS (INSERT INTO crm.checks VALUES (2, 'y') RETURNING id) SELECT id FROM w",
    "MERGE INTO crm.defaults d USING (SELECT 5 AS id) s ON d.id = s.id"
    " WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
    "MERGE INTO crm.checks d USING (SELECT 1 AS id) s ON d.id = s.id"
    " WHEN MATCHED THEN UPDATE SET a = 'z'",
    "CREATE TABLE crm.made (id integer, a text DEFAULT crm.ran_default('x'));"
    " INSERT INTO crm.made (id) VALUES (1)",
    "CREATE TABLE crm.made (LIKE crm.checks INCLUDING ALL); INSERT INTO crm.made VALUES (1, 'x')",
    "CREATE TABLE crm.made (a text); CREATE TABLE crm.heir () INHERITS (crm.made);"
    " ALTER TABLE crm.made ADD CHECK (crm.ran_check(a) <> ''); INSERT INTO crm.heir VALUES ('x')",
    "CREATE TABLE crm.made (a text); ALTER TABLE crm.made ADD CHECK (crm.ran_check(a) <> '');"
    " INSERT INTO crm.made VALUES ('x')",
    "ALTER TABLE crm.plain ALTER COLUMN name SET DEFAULT crm.ran_default('x');"
    " INSERT INTO crm.plain (id) VALUES (1)",
    "ALTER TABLE crm.checks RENAME COLUMN a TO z; INSERT INTO crm.checks (id, z) VALUES (1, 'x')",
    "ALTER TABLE crm.defaults RENAME COLUMN a TO z;"
    " INSERT INTO crm.defaults (id, z) VALUES (1, 'x')",
    "ALTER TABLE crm.defaults RENAME COLUMN a TO z;"
    " ALTER TABLE crm.defaults ADD CHECK (crm.ran_check(z) <> '');"
    " INSERT INTO crm.defaults (id, b) VALUES (1, 'x')",
    "ALTER TABLE crm.domains RENAME COLUMN a TO z; UPDATE crm.domains SET z = 'y'",
]


@pytest.fixture
def kept(world: World) -> Iterator[tuple[Connection, Schema]]:
    with world.connection.transaction(force_rollback=True):
        text = "".join(RAN.format(place) for place in PLACES) + TABLES
        world.connection.execute(text.encode())
        yield world.connection, read_schema(world.connection)


def ran(connection: Connection, text: str) -> set[str]:
    """What the server has run."""
    connection.execute("SELECT set_config('kept.ran', '', true)")
    connection.execute(text.encode())
    row = connection.execute("SELECT current_setting('kept.ran')").fetchone()
    return set(row[0].split()) if row else set()


def found(lineage: Lineage) -> set[str]:
    names = {call.name for call in lineage.calls}
    return {name.removeprefix("ran_") for name in names if name.startswith("ran_")}


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("text", STATEMENTS)
def test_what_the_server_runs_is_found(kept: tuple[Connection, Schema], text: str) -> None:
    connection, schema = kept
    for snapshot in (schema, loads(dumps(schema))):
        lineages = trace(text, snapshot, search_path=("public",))
        assert [u for one in lineages for u in one.unresolved] == []
        told = found(lineages[-1])
    *before, last = text.split("; ") if text.startswith(("CREATE", "ALTER")) else [text]
    for one in before:
        connection.execute(one.encode())
    assert told == ran(connection, last)


@pytest.mark.requirement("I1")
def test_what_a_branch_may_leave_out_counts(kept: tuple[Connection, Schema]) -> None:
    connection, schema = kept
    text = (
        "MERGE INTO crm.defaults d USING (SELECT 1 AS id) s ON d.id = s.id"
        " WHEN MATCHED THEN UPDATE SET a = 'z', b = 'z'"
        " WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)"
    )
    assert found(trace(text, schema)[0]) == {"default", "default2"}
    copied = trace("COPY crm.defaults (id) FROM STDIN", schema)[0]
    assert found(copied) == {"default", "default2"}
    assert found(trace("COPY crm.checks FROM STDIN", schema)[0]) == {"check"}
    # Of views on views each may have defaults: all of them count.
    twice = "INSERT INTO crm.seen_twice VALUES (1)"
    assert found(trace(twice, schema)[0]) == ran(connection, twice) | {"default"}


PHONE = "crm.customer.phone"


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    ("text", "puts"),
    [
        ("INSERT INTO crm.leaves (id) VALUES (1) RETURNING phone", True),
        ("UPDATE crm.leaves SET phone = DEFAULT RETURNING phone", True),
        ("INSERT INTO crm.leaves (id, phone) VALUES (1, 'x') RETURNING phone", False),
        ("UPDATE crm.leaves SET phone = 'x' RETURNING phone", False),
        ("CREATE TABLE crm.made (id integer, phone text DEFAULT crm.phone_of(1));"
         " INSERT INTO crm.made (id) VALUES (1) RETURNING phone", True),
    ],
)  # fmt: skip
def test_what_a_default_puts_in_is_written(
    kept: tuple[Connection, Schema], text: str, *, puts: bool
) -> None:
    connection, schema = kept
    lineage = trace(text, schema, search_path=("public",))[-1]
    assert lineage.unresolved == ()
    (out,) = lineage.outputs
    (write,) = lineage.writes
    written = {str(s.column) for name, sources in write.sources for s in sources if name == "phone"}
    assert (PHONE in {str(s.column) for s in out.sources}) is puts
    assert (PHONE in written) is puts
    connection.execute(b"INSERT INTO crm.leaves VALUES (7, 'old', 'x')")
    rows = connection.execute(text.encode())
    while rows.nextset():
        pass
    assert ({row[0] for row in rows} == {"p"}) is puts


@pytest.mark.requirement("I1")
def test_a_parameter_of_a_prepared_statement_is_coerced(kept: tuple[Connection, Schema]) -> None:
    connection, schema = kept
    text = "PREPARE p (crm.told) AS SELECT $1; EXECUTE p ('x')"
    made = [found(one) for one in trace(text, schema, search_path=("public",))]
    assert set().union(*made) == ran(connection, text) != set()


@pytest.mark.requirement("I1")
def test_a_domain_over_one_that_checks_is_not_followed(kept: tuple[Connection, Schema]) -> None:
    def told(base: str) -> set[str]:
        text = f"CREATE DOMAIN crm.over AS {base}; SELECT 'x'::crm.over"
        return {u.code for u in trace(text, kept[1], search_path=("public",))[-1].unresolved}

    assert told("crm.told") == told("crm.begun") == told("crm.pairs") == {"PM614"}
    # Control: of the server's own functions nothing is to be told.
    assert told("crm.quiet") == told("text") == set()
