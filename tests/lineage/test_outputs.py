"""Outputs: a column's values, filled to be told apart, come out only where it is named a source."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pgmask.lineage import trace
from tests.harness import Connection
from tests.lineage.conftest import World
from tests.lineage.world import PATH, Case, cases

SINCE = {"since_16.sql": 160000, "since_17.sql": 170000}
CASES = [c for c in cases("lineage") if not c.file.startswith("catalogue")]
ROWS = 3

# Every text value is a word of its own per table, column and row; numbers join the rows.
_FILL = """
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO crm.customer
SELECT n, n, w('cuna', n), w('cuph', n), w('cuid', n),
       ROW(w('cuhc', n), w('cuhs', n), w('cuhz', n))::crm.address, ARRAY[w('cutg', n)],
       ARRAY[ROW(w('cupc', n), w('cups', n), w('cupz', n))::crm.address],
       jsonb_build_object('a', w('cuno', n)), 'gold', '2000-01-01', 5 + n
  FROM generate_series(1, 3) AS n;
INSERT INTO crm.policy
SELECT n, n, n, w('popr', n), '2026-01-01', 20, ('<a n="1"><t>' || w('podo', n) || '</t></a>')::xml
  FROM generate_series(1, 3) AS n;
INSERT INTO crm.claim SELECT n, n, '2026-03-01', 1, w('cldi', n) FROM generate_series(1, 3) AS n;
INSERT INTO crm.person SELECT n, w('pena', n), w('pema', n) FROM generate_series(1, 3) AS n;
INSERT INTO crm.employee
SELECT n, w('pena', n), w('pema', n), w('emba', n), 1 FROM generate_series(1, 3) AS n;
INSERT INTO "Odd Schema"."Kunde"
SELECT n, w('kuse', n), w('kuab', n), w('kuxy', n), n, w('kude', n), w('kucu', n)
  FROM generate_series(1, 3) AS n;
INSERT INTO crm.name SELECT w('nana', n), n FROM generate_series(1, 3) AS n;
INSERT INTO shadow.customer SELECT n, w('shph', n), w('shhi', n) FROM generate_series(1, 3) AS n;
INSERT INTO crm.tree
SELECT n, nullif(n - 1, 0), w('trla', n), w('trse', n) FROM generate_series(1, 3) AS n;
INSERT INTO crm.a SELECT n, w('aax', n), w('aay', n) FROM generate_series(1, 3) AS n;
INSERT INTO crm.b SELECT n, w('bbx', n), w('bbz', n) FROM generate_series(1, 3) AS n;
INSERT INTO crm.c SELECT n, w('ccy', n), w('ccz', n), w('ccw', n) FROM generate_series(1, 3) AS n;
REFRESH MATERIALIZED VIEW crm.matview
"""
MARKS = {
    "cuna": "crm.customer.name", "cuph": "crm.customer.phone", "cuid": "crm.customer.id_no",
    "cuhc": "crm.customer.home", "cuhs": "crm.customer.home", "cuhz": "crm.customer.home",
    "cutg": "crm.customer.tags", "cupc": "crm.customer.past", "cups": "crm.customer.past",
    "cupz": "crm.customer.past", "cuno": "crm.customer.notes", "popr": "crm.policy.product",
    "podo": "crm.policy.document", "cldi": "crm.claim.Diagnosis", "pena": "crm.person.name",
    "pema": "crm.person.mail", "emba": "crm.employee.badge",
    "kuse": "Odd Schema.Kunde.select", "kuab": "Odd Schema.Kunde.a b",
    "kuxy": 'Odd Schema.Kunde.x"y', "kude": "Odd Schema.Kunde.电话",
    "kucu": "Odd Schema.Kunde.customer", "nana": "crm.name.name", "shph": "shadow.customer.phone",
    "shhi": "shadow.customer.hidden", "trla": "crm.tree.label", "trse": "crm.tree.secret",
    "aax": "crm.a.x", "aay": "crm.a.y", "bbx": "crm.b.x", "bbz": "crm.b.z", "ccy": "crm.c.y",
    "ccz": "crm.c.z", "ccw": "crm.c.w",
}  # fmt: skip
# The same values stand in other columns too: a child's row is its parent's, a copy is a copy.
ALSO = {
    "crm.person.name": {"crm.employee.name"},
    "crm.person.mail": {"crm.employee.mail"},
    "crm.customer.phone": {"crm.matview.number"},
    "crm.claim.Diagnosis": {"crm.claim_2026.Diagnosis"},
}
WORD = re.compile("(" + "|".join(MARKS) + r")\d+qq", re.IGNORECASE)


@pytest.fixture(scope="module")
def filled(world: World) -> Iterator[Connection]:
    connection = world.database.connect(autocommit=False)
    connection.execute('SET search_path = crm, "Odd Schema"')
    connection.execute(
        "CREATE FUNCTION pg_temp.w(mark text, n integer) RETURNS text"
        " LANGUAGE sql RETURN mark || n || 'qq'"
    )
    for statement in _FILL.replace("w('", "pg_temp.w('").split(";\n"):
        connection.execute(statement.encode())
    yield connection
    connection.rollback()


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_value_comes_out_of_a_column_that_is_no_source(
    world: World, filled: Connection, case: Case
) -> None:
    if world.schema.server < SINCE.get(case.file, 0):
        pytest.skip("this server has not the grammar")
    (lineage,) = trace(case.text, world.schema, search_path=PATH)
    with filled.transaction(force_rollback=True):
        # A cursor: some recursions have no end.
        filled.execute("SET LOCAL statement_timeout = '20s'")
        filled.execute(f"DECLARE probe NO SCROLL CURSOR FOR {case.text}".encode())
        cursor = filled.execute("FETCH 30 FROM probe")
        assert [d.name for d in cursor.description or ()] == [o.name for o in lineage.outputs]
        for row in cursor:
            for value, output in zip(row, lineage.outputs, strict=True):
                named = {str(s.column) for s in output.sources}
                for mark in WORD.findall(str(value)):
                    column = MARKS[mark.lower()]
                    assert named & ({column} | ALSO.get(column, set())), (output.name, column)
