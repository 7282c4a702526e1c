"""What stands behind operators, casts, overloads and rows of several queries is found."""

from __future__ import annotations

import pytest

from pgmask.lineage import trace
from pgmask.lineage.model import Lineage
from tests.lineage.conftest import World
from tests.lineage.world import PATH

HIDDEN = "shadow.customer.hidden"


def one(world: World, text: str) -> Lineage:
    (lineage,) = trace(text, world.schema, search_path=PATH)
    assert lineage.unresolved == ()
    return lineage


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 OPERATOR(shadow.###) 2",
        "SELECT id OPERATOR(shadow.###) ANY (SELECT id FROM crm.b) FROM crm.a",
        "SELECT (1::shadow.wrapped).a",
        "SELECT (CAST(id AS shadow.wrapped)).a FROM crm.a",
        "SELECT shadow.pick(5000000000)",
        "SELECT shadow.pick(coalesce(5000000000, 1))",
        "SELECT shadow.pick(now() - now())",
        "SELECT shadow.pick(coalesce(1, id)::bigint) FROM crm.a",
    ],
)
def test_what_is_behind_is_read(world: World, text: str) -> None:
    lineage = one(world, text)
    if "ANY" not in text:
        assert HIDDEN in {str(s.column) for out in lineage.outputs for s in out.sources}
    assert HIDDEN in {str(c) for c in lineage.columns}
    with world.connection.transaction(force_rollback=True):
        if "ANY" not in text:
            world.connection.execute(text.encode())


@pytest.mark.requirement("I1")
@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 + 2, id = 3 FROM crm.a",
        "SELECT 1::bigint, '(x)'::shadow.wrapped",
        "SELECT shadow.pick(1), shadow.pick(1.5), shadow.pick(1 + 1)",
        "SELECT shadow.pick(born) FROM crm.customer",
    ],
)
def test_what_is_not_behind_is_not_read(world: World, text: str) -> None:
    assert HIDDEN not in {str(c) for c in one(world, text).columns}


ROWS = [
    "SELECT (q.r).phone FROM (SELECT s AS r FROM shadow.customer s WHERE false UNION ALL"
    " SELECT ROW(id, name, 'x')::shadow.customer FROM crm.customer) q",
    "SELECT (q.column1).phone FROM (VALUES ((SELECT s FROM shadow.customer s LIMIT 1)),"
    " ((SELECT ROW(id, name, 'x')::shadow.customer FROM crm.customer LIMIT 1))) q",
    "WITH RECURSIVE t (r) AS (SELECT s FROM shadow.customer s UNION ALL"
    " SELECT ROW(c.id, c.name, 'x')::shadow.customer FROM crm.customer c, t)"
    " SELECT (r).phone FROM t",
]


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("text", ROWS)
def test_rows_of_several_queries_keep_the_fields_of_each(world: World, text: str) -> None:
    (out,) = one(world, text).outputs
    assert {"crm.customer.name", "shadow.customer.phone"} <= {str(s.column) for s in out.sources}
    with world.connection.transaction(force_rollback=True):
        world.connection.execute(text.encode())


@pytest.mark.requirement("I1")
def test_rows_of_one_form_say_which_field_is_which(world: World) -> None:
    text = "SELECT (q.r).x FROM (SELECT a AS r FROM crm.a UNION ALL SELECT a FROM crm.a) q"
    (out,) = one(world, text).outputs
    assert {str(s.column) for s in out.sources} == {"crm.a.x"}
