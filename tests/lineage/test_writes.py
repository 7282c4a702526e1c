"""INSERT, UPDATE, DELETE, MERGE, COPY: what is written from what, and what RETURNING gives."""

from __future__ import annotations

import psycopg
import pytest

from pgmask.lineage import trace
from pgmask.lineage.model import Lineage, Use
from tests.lineage.conftest import World
from tests.lineage.world import PATH


def one(world: World, text: str) -> Lineage:
    (lineage,) = trace(text, world.schema, search_path=PATH)
    assert lineage.unresolved == ()
    return lineage


def reads(lineage: Lineage) -> set[str]:
    return {f"{r.column} {r.use}" for r in lineage.reads}


def written(lineage: Lineage) -> dict[str, dict[str, set[str]]]:
    return {
        f"{w.action} {w.schema}.{w.table}": {
            name: {f"{s.column} {s.flow}" for s in listed} for name, listed in w.sources
        }
        for w in lineage.writes
    }


# Text, what is written, what is read, and the names of what comes back.
CASES = [
    (
        "INSERT INTO a (id, x) SELECT id, phone FROM customer WHERE score > 1",
        {"insert crm.a": {"id": {"crm.customer.id direct"}, "x": {"crm.customer.phone direct"}}},
        {"crm.customer.id write", "crm.customer.phone write", "crm.customer.score filter"},
        [],
    ),
    (
        "INSERT INTO a VALUES (1, 'x', (SELECT max(name) FROM customer)) RETURNING id, y AS z",
        {"insert crm.a": {"id": set(), "x": set(), "y": {"crm.customer.name aggregate"}}},
        {"crm.customer.name aggregate", "crm.customer.name write", "crm.a.id output",
         "crm.a.y output"},
        ["id", "z"],
    ),
    (
        "INSERT INTO customer (id, unit_id, name) VALUES (1, 1, 'n') ON CONFLICT (id) DO UPDATE"
        " SET name = excluded.name, phone = customer.id_no WHERE customer.score > 1",
        {"insert crm.customer": {"id": set(), "unit_id": set(), "name": set(),
                                 "phone": {"crm.customer.id_no direct"}}},
        {"crm.customer.id lock", "crm.customer.id_no write", "crm.customer.score filter"},
        [],
    ),
    (
        "UPDATE a SET (x, y) = (SELECT z, x FROM b WHERE b.id = a.id), id = c.id + 1 FROM c"
        " WHERE c.w = a.y",
        {"update crm.a": {"x": {"crm.b.z direct", "crm.a.id condition", "crm.b.id condition"},
                          "y": {"crm.b.x direct", "crm.a.id condition", "crm.b.id condition"},
                          "id": {"crm.c.id expression"}}},
        {"crm.b.z write", "crm.b.x write", "crm.b.id filter", "crm.a.id filter", "crm.c.id write",
         "crm.c.w filter", "crm.a.y filter"},
        [],
    ),
    (
        "UPDATE customer SET home.city = name, tags[1] = phone WHERE id = 1 RETURNING home",
        {"update crm.customer": {"home": {"crm.customer.name direct"},
                                 "tags": {"crm.customer.phone direct"}}},
        {"crm.customer.name write", "crm.customer.phone write", "crm.customer.id filter",
         "crm.customer.home output", "crm.customer.name output"},
        ["home"],
    ),
    (
        "DELETE FROM a USING b WHERE a.id = b.id RETURNING *",
        {"delete crm.a": {}},
        {"crm.a.id filter", "crm.b.id filter", "crm.a.id output", "crm.a.x output",
         "crm.a.y output", "crm.b.id output", "crm.b.x output", "crm.b.z output"},
        ["id", "x", "y", "id", "x", "z"],
    ),
    (
        "WITH gone AS (DELETE FROM a RETURNING id, x) INSERT INTO b (id, x) SELECT * FROM gone",
        {"delete crm.a": {}, "insert crm.b": {"id": {"crm.a.id direct"}, "x": {"crm.a.x direct"}}},
        {"crm.a.id write", "crm.a.x write"},
        [],
    ),
    (
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED AND b.z = 'q' THEN UPDATE SET x = b.x"
        " WHEN NOT MATCHED THEN INSERT (id, y) VALUES (b.id, b.z)",
        {"merge crm.a": {"x": {"crm.b.x direct"}, "id": {"crm.b.id direct"},
                         "y": {"crm.b.z direct"}}},
        {"crm.a.id join", "crm.b.id join", "crm.b.z filter", "crm.b.x write", "crm.b.id write",
         "crm.b.z write"},
        [],
    ),
    (
        "UPDATE customer_view SET phone = name WHERE id = 3",
        {"update crm.customer": {"phone": {"crm.customer.name direct"}}},
        {"crm.customer.name write", "crm.customer.id filter", "crm.customer.score filter"},
        [],
    ),
]  # fmt: skip


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(("text", "writes", "read", "names"), CASES)
def test_writes(
    world: World, text: str, writes: dict[str, dict[str, set[str]]], read: set[str],
    names: list[str],
) -> None:  # fmt: skip
    lineage = one(world, text)
    assert written(lineage) == writes
    assert reads(lineage) == read
    assert [o.name for o in lineage.outputs] == names
    # The server takes it too, and calls the columns as we do.
    with world.connection.transaction(force_rollback=True):
        cursor = world.connection.execute(text.encode())
        assert [d.name for d in cursor.description or ()] == names


@pytest.mark.requirement("I1")
def test_returning_tells_old_from_new_where_the_server_does(world: World) -> None:
    text = "UPDATE a SET x = b.z FROM b RETURNING old.x, new.x AS now"
    (lineage,) = trace(text, world.schema, search_path=PATH)
    if world.schema.server < 180000:
        assert {u.code for u in lineage.unresolved} == {"PM601"}
        with pytest.raises(psycopg.errors.UndefinedTable), world.connection.transaction():
            world.connection.execute(text)
        return
    assert [[str(s.column) for s in o.sources] for o in lineage.outputs] == [
        ["crm.a.x"], ["crm.a.x", "crm.b.z"],
    ]  # fmt: skip


@pytest.mark.requirement("I1")
@pytest.mark.pg(">= 17")
def test_merge_returns_what_the_server_returns(world: World) -> None:
    text = (
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE RETURNING merge_action(), *"
    )
    lineage = one(world, text)
    with world.connection.transaction(force_rollback=True):
        cursor = world.connection.execute(text)
        assert [d.name for d in cursor.description or ()] == [o.name for o in lineage.outputs]
    assert [str(o.sources[0].column) for o in lineage.outputs[1:]] == [
        "crm.b.id", "crm.b.x", "crm.b.z", "crm.a.id", "crm.a.x", "crm.a.y",
    ]  # fmt: skip


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    ("text", "kind", "uses"),
    [
        ("COPY customer (name, phone) TO PROGRAM 'x'", "copy", {Use.OUTPUT}),
        ("COPY (SELECT phone FROM customer) TO STDOUT", "copy", {Use.OUTPUT}),
        ("COPY a FROM '/x'", "copy", set()),
        ("EXPLAIN ANALYZE SELECT phone FROM customer", "explain", {Use.OUTPUT}),
        ("CREATE TABLE q AS SELECT phone FROM customer", "create table as", {Use.WRITE}),
        ("SELECT phone INTO q FROM customer", "select into", {Use.WRITE}),
        ("CREATE MATERIALIZED VIEW q AS SELECT phone FROM customer", "create materialized view",
         {Use.WRITE}),
        ("CREATE VIEW q AS SELECT phone FROM customer", "create view", {Use.OUTPUT}),
        ("DO $$ BEGIN PERFORM phone FROM crm.customer; END $$", "do", {Use.OUTPUT}),
        ("CREATE FUNCTION q() RETURNS text LANGUAGE sql AS 'SELECT phone FROM customer'",
         "create function", {Use.OUTPUT}),
        ("TRUNCATE a", "truncate", set()),
        ("SET ROLE x", "set role", set()),
        ("SET SESSION AUTHORIZATION x", "set session authorization", set()),
        ("GRANT SELECT ON a TO x", "grant", set()),
        ("NOTIFY x, 'y'", "notify", set()),
        ("ALTER TABLE a OWNER TO x", "alter table", set()),
        ("DROP VIEW customer_short", "drop view", set()),
        ("VACUUM a", "vacuum", set()),
        ("REFRESH MATERIALIZED VIEW matview", "refresh materialized view", set()),
    ],
)  # fmt: skip
def test_statements_around_queries(world: World, text: str, kind: str, uses: set[Use]) -> None:
    lineage = one(world, text)
    assert lineage.kind == kind
    assert {r.use for r in lineage.reads} == uses
    if "customer" in text and uses:
        assert "crm.customer.phone" in {str(c) for c in lineage.columns}


@pytest.mark.requirement("I1")
def test_functions_in_sql_are_looked_through_and_others_are_named(world: World) -> None:
    lineage = one(world, "SELECT old_style(3), phone_of(4), opaque.v FROM opaque_rows(1) AS opaque")
    assert [[str(s.column) for s in o.sources] for o in lineage.outputs] == [
        ["crm.customer.id", "crm.customer.id_no"], ["crm.customer.id", "crm.customer.phone"], [],
    ]  # fmt: skip
    assert ("crm", "opaque_rows", "integer") in {(c.schema, c.name, c.args) for c in lineage.calls}
    assert {i.kind for i in lineage.inner} == {"select"}
