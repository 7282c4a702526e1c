"""Statements of one text: what earlier ones made, dropped, set or rolled back counts."""

from __future__ import annotations

import pytest

from pgmask.lineage import trace
from pgmask.lineage.model import Lineage
from tests.lineage.conftest import World
from tests.lineage.world import PATH


def last(world: World, text: str) -> Lineage:
    return trace(text, world.schema, search_path=PATH)[-1]


def columns(lineage: Lineage) -> set[str]:
    return {str(c) for c in lineage.columns}


def sources(lineage: Lineage) -> list[list[str]]:
    return [[str(s.column) for s in out.sources] for out in lineage.outputs]


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TEMP TABLE q (k text); SELECT * FROM q", [["pg_temp.q.k"]]),
        ("CREATE TABLE q AS SELECT phone AS p FROM customer; SELECT p FROM q", [["crm.q.p"]]),
        ("SELECT phone AS p INTO q FROM customer; SELECT p FROM q", [["crm.q.p"]]),
        ("CREATE VIEW q AS SELECT phone AS p FROM customer; SELECT p FROM q",
         [["crm.customer.phone"]]),
        # Where another relation has the name too, only qualified names say which one is meant.
        ("CREATE TEMP TABLE customer (k text); SELECT k FROM pg_temp.customer",
         [["pg_temp.customer.k"]]),
        ("BEGIN; CREATE TEMP TABLE customer (k text); ROLLBACK; SELECT phone FROM crm.customer",
         [["crm.customer.phone"]]),
        ("SAVEPOINT s; CREATE TEMP TABLE q (k text); ROLLBACK TO s; SELECT x FROM a",
         [["crm.a.x"]]),
        ("DROP TABLE a; CREATE TABLE crm.a (x text); SELECT x FROM crm.a", [["crm.a.x"]]),
        ("ALTER TABLE b RENAME COLUMN x TO q; ALTER TABLE b RENAME TO bb; SELECT x FROM a",
         [["crm.a.x"]]),
        # A view is bound when it is made: what comes later does not come between.
        ("CREATE VIEW q AS SELECT phone FROM customer; CREATE TEMP TABLE customer (phone text);"
         "SELECT phone FROM q", [["crm.customer.phone"]]),
        ("CREATE VIEW q AS SELECT * FROM a; ALTER TABLE a ADD COLUMN more text; SELECT * FROM q",
         [["crm.a.id"], ["crm.a.x"], ["crm.a.y"]]),
        ("SET search_path = shadow; SELECT phone FROM customer", [["shadow.customer.phone"]]),
        ("SET search_path = shadow; RESET search_path; SELECT phone FROM customer",
         [["crm.customer.phone"]]),
        ("BEGIN; SET LOCAL search_path = shadow; SELECT phone FROM customer",
         [["shadow.customer.phone"]]),
        ("BEGIN; SET LOCAL search_path = shadow; COMMIT; SELECT phone FROM customer",
         [["crm.customer.phone"]]),
        ("BEGIN; SET search_path = shadow; ROLLBACK; SELECT phone FROM customer",
         [["crm.customer.phone"]]),
        ("BEGIN; SET LOCAL search_path = shadow; ROLLBACK; SELECT phone FROM customer",
         [["crm.customer.phone"]]),
        ("SET search_path = shadow; COMMIT; SELECT phone FROM customer",
         [["shadow.customer.phone"]]),
        ("SET search_path = shadow; BEGIN; SELECT 1; COMMIT; SELECT phone FROM customer",
         [["shadow.customer.phone"]]),
        ("SET search_path = shadow; ROLLBACK; SET search_path = crm; SELECT phone FROM customer",
         [["crm.customer.phone"]]),
        ("BEGIN; SAVEPOINT s; ROLLBACK TO s; COMMIT AND CHAIN; ROLLBACK; SELECT x FROM a",
         [["crm.a.x"]]),
        # A body of text is read on the path of the session, in a view too.
        ("SELECT phone FROM through_text", [["crm.a.id", "crm.customer.id", "crm.customer.phone"]]),
        ("SET search_path = shadow; SELECT phone FROM crm.through_text",
         [["crm.a.id", "shadow.customer.id", "shadow.customer.phone"]]),
        # A column that is renamed is the one that it was, by the name of the snapshot.
        ("ALTER TABLE a RENAME COLUMN x TO q; SELECT q FROM a", [["crm.a.x"]]),
        ("ALTER TABLE a RENAME x TO q; ALTER TABLE a RENAME q TO w; SELECT a.w, y FROM a",
         [["crm.a.x"], ["crm.a.y"]]),
        ("ALTER TABLE a RENAME x TO q; SELECT * FROM a", [["crm.a.id"], ["crm.a.x"], ["crm.a.y"]]),
        ("ALTER TABLE a RENAME x TO q; ALTER TABLE a ADD COLUMN k text; SELECT q, k FROM a",
         [["crm.a.x"], ["crm.a.k"]]),
        ("ALTER TABLE crm.customer RENAME COLUMN phone TO mobile;"
         "CREATE VIEW q AS SELECT mobile FROM crm.customer; SELECT mobile FROM q",
         [["crm.customer.phone"]]),
        ("CREATE VIEW q AS SELECT phone FROM customer; ALTER TABLE customer RENAME phone TO mobile;"
         "SELECT phone FROM q", [["crm.customer.phone"]]),
        ("BEGIN; ALTER TABLE a RENAME x TO q; ROLLBACK; SELECT x FROM a", [["crm.a.x"]]),
        ("CREATE TABLE q AS SELECT phone AS p FROM customer; ALTER TABLE q RENAME p TO r;"
         "SELECT r FROM q", [["crm.q.p"]]),
        # A view that is made anew says of its old columns what it said, and more of new ones.
        ("CREATE OR REPLACE VIEW customer_short AS SELECT id, name AS title, phone AS p FROM"
         " customer_view; SELECT p, title FROM customer_short",
         [["crm.customer.phone"], ["crm.customer.name"]]),
        ("DROP VIEW customer_short; CREATE VIEW crm.customer_short AS SELECT phone AS p, id FROM"
         " customer_view; SELECT p, id FROM crm.customer_short",
         [["crm.customer.phone"], ["crm.customer.id"]]),
        ("ALTER TABLE a ADD COLUMN q text, DROP COLUMN y; SELECT * FROM a",
         [["crm.a.id"], ["crm.a.x"], ["crm.a.q"]]),
        ("PREPARE p AS SELECT phone FROM customer WHERE id = $1; EXECUTE p (1)",
         [["crm.customer.phone"]]),
        ("DECLARE c CURSOR FOR SELECT name FROM customer; FETCH c", [["crm.customer.name"]]),
        ("CREATE FUNCTION f(n integer) RETURNS text LANGUAGE sql AS"
         " 'SELECT phone FROM crm.customer WHERE id = n'; SELECT f(1)",
         [["crm.customer.id", "crm.customer.phone"]]),
        ("DO $$ BEGIN PERFORM 1; END $$; SELECT x FROM a", [["crm.a.x"]]),
        ("DO $$ BEGIN PERFORM set_config('my.actor', 'x', true); END $$; SELECT x FROM a",
         [["crm.a.x"]]),
        ("SELECT opaque_rows(1); SELECT x FROM a", [["crm.a.x"]]),
        ("SELECT crm.by_path(1), set_config('my.actor', 'x', true); SELECT x FROM a",
         [["crm.a.x"]]),
        ("CREATE FUNCTION f() RETURNS text LANGUAGE sql RETURN (SELECT max(phone) FROM customer);"
         "SET search_path = shadow; SELECT crm.f()", [["crm.customer.phone"]]),
        ("CREATE FUNCTION f(n integer) RETURNS text LANGUAGE sql AS"
         " 'SELECT phone FROM crm.customer WHERE id = n'; ROLLBACK; SELECT crm.f(1)",
         [["crm.customer.id", "crm.customer.phone"]]),
        ("DROP FUNCTION old_style(integer); SELECT phone_of(1)",
         [["crm.customer.id", "crm.customer.phone"]]),
        ("CREATE DOMAIN dd AS text CHECK (length(VALUE) < 9); SELECT x FROM a", [["crm.a.x"]]),
        ("CREATE SCHEMA s CREATE TABLE q (k text) CREATE VIEW v AS SELECT k FROM q;"
         "SELECT k FROM s.v", [["s.q.k"]]),
        ("CREATE TABLE q (k text DEFAULT lower('A') CHECK (k <> ''), n integer GENERATED ALWAYS AS"
         " (length(k)) STORED, EXCLUDE USING gist (k WITH =)); SELECT k FROM q", [["crm.q.k"]]),
        ("CREATE TABLE q PARTITION OF claim FOR VALUES FROM ('2027-01-01') TO (MAXVALUE);"
         "SELECT amount FROM q", [["crm.q.amount"]]),
        ("ALTER TABLE a ADD COLUMN k text DEFAULT now()::text, ADD CHECK (k > x);"
         "SELECT k FROM a", [["crm.a.k"]]),
        ("CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW WHEN (OLD.x <> NEW.x) EXECUTE FUNCTION"
         " g(); SELECT x FROM a", [["crm.a.x"]]),
        ("ALTER TABLE a ADD COLUMN phone text; SELECT (SELECT a.phone FROM a) FROM customer",
         [["crm.a.phone"]]),
        ("ALTER TABLE a ADD COLUMN k text; SELECT k FROM a WHERE k <> ''", [["crm.a.k"]]),
        ("SELECT lpad(x, 3), overlay(y placing 'x' from 1) FROM a; SELECT x FROM a", [["crm.a.x"]]),
        ("CREATE TYPE pair AS (l text, r text); CREATE TABLE q (p pair); SELECT (p).l FROM q",
         [["crm.q.p"]]),
        ("CREATE TABLE q (LIKE customer); SELECT phone FROM q", [["crm.q.phone"]]),
        ("CREATE TABLE q () INHERITS (person); SELECT mail FROM q", [["crm.q.mail"]]),
    ],
)  # fmt: skip
def test_what_earlier_statements_did_counts(
    world: World, text: str, expected: list[list[str]]
) -> None:
    lineage = last(world, text)
    assert lineage.unresolved == ()
    assert sources(lineage) == expected


LABELLED = (
    "CREATE FUNCTION label(crm.a) RETURNS text LANGUAGE sql AS 'SELECT phone FROM crm.customer';"
    " ALTER TABLE a"
)


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("name", ["age", "name", "date", "label"])
def test_functions_that_take_no_row_do_not_stand_for_a_column(world: World, name: str) -> None:
    text = f"ALTER TABLE a ADD {name} text; SELECT a.{name}, (a).{name} FROM a"
    assert last(world, text).unresolved == ()


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DROP TABLE a; SELECT x FROM a", "PM601"),
        ("CREATE VIEW q AS SELECT x FROM a; DROP TABLE a CASCADE; SELECT x FROM q", "PM601"),
        ("ALTER TABLE a DROP COLUMN x; SELECT x FROM a", "PM602"),
        ("EXECUTE elsewhere", "PM607"),
        ("FETCH ALL FROM elsewhere", "PM607"),
        ("SELECT set_config('search_path', 'shadow', false); SELECT phone FROM customer", "PM613"),
        ("SELECT set_config($1, 'shadow', false); SELECT phone FROM customer", "PM613"),
        ("SET LOCAL search_path = shadow; SELECT phone FROM customer", "PM613"),
        ("SET LOCAL search_path = shadow; SELECT initial(NULL)", "PM613"),
        ("DROP SCHEMA shadow CASCADE; SELECT x FROM crm.a", "PM614"),
        ("DEALLOCATE ALL; EXECUTE p", "PM607"),
        # A function of the row, where the column could not be added or renamed.
        (f"{LABELLED} ADD label text; SELECT a.label FROM a", "PM614"),
        (f"{LABELLED} ADD label text; SELECT (a).label FROM a", "PM614"),
        (f"{LABELLED} RENAME x TO label; SELECT (a).label FROM a", "PM614"),
        (f"{LABELLED} RENAME x TO label; SELECT (a.*).label FROM a", "PM614"),
        (f"{LABELLED} RENAME x TO label; SELECT ((SELECT a)).label FROM a", "PM614"),
        ("ALTER TABLE a ADD to_json text; SELECT (a).to_json FROM a", "PM614"),
    ],
)
def test_what_cannot_be_known_any_more_is_refused(world: World, text: str, code: str) -> None:
    assert code in {u.code for u in last(world, text).unresolved}


@pytest.mark.requirement("I1")
def test_one_wrong_statement_does_not_hide_the_others(world: World) -> None:
    text = "SELECT 电话 FRM x;\nSELECT phone FROM customer;\n\\d customer\n;SELECT ')"
    found = trace(text, world.schema, search_path=PATH)
    assert [bool(x.unresolved) for x in found][:2] == [True, False]
    assert columns(found[1]) == {"crm.customer.phone"}
    assert found[1].line == 2
    assert text[found[1].start :].startswith("SELECT phone")
    read = found[1].reads[0]
    assert text[read.position :].startswith("phone")


@pytest.mark.requirement("I1")
def test_positions_are_characters_and_paths_lead_to_the_node(world: World) -> None:
    text = "SELECT '电话' AS t, c.nope FROM customer c"
    (problem,) = last(world, text).unresolved
    assert text[problem.position :].startswith("c.nope")
    assert problem.path == "SelectStmt.targetList[1].ResTarget.val.ColumnRef"
    assert "电话" not in problem.message


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    "text",
    [
        "CREATE TEMP TABLE t (x text DEFAULT crm.phone_of(1))",
        "ALTER TABLE a ALTER COLUMN x SET DEFAULT crm.phone_of(1)",
        "ALTER TABLE a ADD COLUMN q text DEFAULT crm.phone_of(1)",
        "CREATE FUNCTION f(x text DEFAULT crm.phone_of(1)) RETURNS text LANGUAGE sql AS 'SELECT x'",
        "CREATE DOMAIN d AS text CHECK (VALUE <> crm.phone_of(1))",
    ],
)
def test_what_is_kept_with_an_object_counts_as_called(world: World, text: str) -> None:
    found = last(world, text)
    assert ("crm", "phone_of") in {(c.schema, c.name) for c in found.calls}
    assert "crm.customer.phone" in columns(found)
    assert found.unresolved == ()


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    "text",
    [
        "UPDATE crm.customer SET mobile = mail WHERE mobile = '1'",
        "INSERT INTO crm.customer (mobile) VALUES ('1')",
        "COPY crm.customer (mobile) FROM STDIN",
    ],
)
def test_writes_are_told_by_the_name_of_the_snapshot(world: World, text: str) -> None:
    (write,) = last(world, f"ALTER TABLE crm.customer RENAME phone TO mobile; {text}").writes
    assert (write.table, write.columns) == ("customer", ("phone",))
    # Control: without the rename there is no such column.
    assert "PM602" in {u.code for u in last(world, text).unresolved}
