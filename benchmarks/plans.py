"""Plan shapes: the raw table's plan, or another one."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from benchmarks.data import name
from benchmarks.measure import Measurement
from benchmarks.place import Place

_UNIT: Final = 7
QUERIES: Final = (
    ("order_by_limit", "SELECT id, phone FROM {s}.customer{own} ORDER BY created_at DESC LIMIT 20"),
    ("indexed_equal", "SELECT id FROM {s}.policy WHERE policy_no = 'P20260000000017'"),
    ("primary_key", "SELECT id, phone FROM {s}.customer WHERE id = 47"),
    ("prefix", "SELECT id FROM {s}.customer WHERE name ^@ '" + name(17)[:2] + "'"),
    ("join_of_three",
     "SELECT c.id, c.phone, p.product, k.purpose FROM {s}.customer AS c JOIN {s}.policy AS p"
     " ON p.holder_id = c.id JOIN {s}.contact AS k ON k.customer_id = c.id WHERE c.id = 47"),
    ("count", "SELECT count(*) FROM {s}.customer"),
)  # fmt: skip


def run(place: Place) -> list[Measurement]:
    """The group ``plans``: 1 where the protected plan has the shape of the raw table's."""
    found = []
    with place.connect("agent_login") as connection:
        for what, query in QUERIES:
            raw = shape(connection, _own(query, "raw"))
            ours = shape(connection, query.format(s="crm", own=""))
            found.append(_line(f"plans.own_unit.{what}", raw, ours))
    with place.connect("desk") as connection:
        for what, query in QUERIES:
            if what in ("indexed_equal", "prefix"):
                continue  # level 2 is masked in this profile: there is nothing to look up
            raw = shape(connection, query.format(s="raw", own=""))
            ours = shape(connection, query.format(s="desk", own=""))
            found.append(_line(f"plans.rows_all.{what}", raw, ours))
    return found


def _own(query: str, schema: str) -> str:
    """The query as an application writes it that filters by unit itself."""
    rule = f"unit_id = {_UNIT}"
    query = query.replace("{own}", f" WHERE {rule}")
    if "{own}" in query or f"WHERE {rule}" in query:
        return query.format(s=schema)
    if " AS c " in query:
        rule = f"c.{rule} AND p.{rule} AND k.{rule}"
    words = " AND " if " WHERE " in query else " WHERE "
    return query.format(s=schema) + words + rule


def _line(name_: str, raw: str, ours: str) -> Measurement:
    same = raw == ours
    return Measurement(
        name=name_, unit="same", value=float(same), target="= 1", passed=same,
        how=raw if same else f"raw: {raw}; view: {ours}",
    )  # fmt: skip


def shape(connection: psycopg.Connection[Any], query: str) -> str:
    """Node types, indexes, join order; what is asked once (InitPlans and their gate) left out."""
    plan = connection.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {query}").fetchone()
    assert plan is not None
    return _node(plan[0][0]["Plan"])


def _node(plan: dict[str, Any]) -> str:
    words = plan["Node Type"]
    if words == "Result" and "One-Time Filter" in plan and len(_inner(plan)) == 1:
        return _node(_inner(plan)[0])  # asks who is asking, once, and then is open
    index = plan.get("Index Name") or plan.get("Relation Name")
    if index:
        words += f" {index}"
    inner = [_node(p) for p in plan.get("Plans", ()) if p.get("Parent Relationship") != "InitPlan"]
    return f"{words} ({', '.join(inner)})" if inner else str(words)


def _inner(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [p for p in plan.get("Plans", ()) if p.get("Parent Relationship") != "InitPlan"]
