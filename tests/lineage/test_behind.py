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
        "SELECT shadow.told()",
        "SELECT shadow.spy(id) FROM crm.a",
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
        "SELECT shadow.told('x')",
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


@pytest.mark.requirement("I1")
def test_subscripts_on_the_left_are_read(world: World) -> None:
    text = (
        "DO $$ DECLARE t text[]; BEGIN t[(SELECT id FROM crm.a)] := 'x';"
        " t[length(x := 'a := b')] = 'y'; END $$"
    )
    found = trace(text.replace("x := ", ""), world.schema, search_path=PATH)[0]
    assert found.unresolved == ()
    assert {str(c) for c in found.columns} == {"crm.a.id"}


@pytest.mark.requirement("I1")
def test_every_slot_of_a_body_is_read(world: World) -> None:
    text = """DO $$
    DECLARE x text := crm.phone_of(1); r record; c CURSOR (k int) FOR SELECT crm.phone_of(2 + k);
      c2 refcursor; i int;
    BEGIN
      IF crm.phone_of(3) = '' THEN NULL; ELSIF crm.phone_of(4) = '' THEN NULL;
      ELSE x := crm.phone_of(5); END IF;
      CASE crm.phone_of(6) WHEN crm.phone_of(7) THEN PERFORM 1; ELSE PERFORM 1; END CASE;
      LOOP EXIT WHEN crm.phone_of(8) = ''; END LOOP;
      WHILE crm.phone_of(9) = '' LOOP CONTINUE WHEN crm.phone_of(10) = ''; END LOOP;
      FOR i IN length(crm.phone_of(11))..length(crm.phone_of(12)) BY length(crm.phone_of(13)) LOOP
        PERFORM crm.phone_of(14); END LOOP;
      FOR r IN SELECT crm.phone_of(15) LOOP PERFORM 1; END LOOP;
      FOR r IN c (length(crm.phone_of(16))) LOOP PERFORM 1; END LOOP;
      FOREACH x IN ARRAY ARRAY[crm.phone_of(17)] LOOP PERFORM 1; END LOOP;
      RAISE NOTICE '%', crm.phone_of(18) USING HINT = crm.phone_of(19);
      ASSERT crm.phone_of(20) = '', crm.phone_of(21);
      SELECT crm.phone_of(22) INTO x;
      OPEN c (length(crm.phone_of(23)));
      OPEN c2 FOR SELECT crm.phone_of(24);
      FETCH RELATIVE length(crm.phone_of(25)) FROM c INTO r;
    EXCEPTION WHEN OTHERS THEN PERFORM crm.phone_of(26);
    END $$"""
    (found,) = trace(text, world.schema, search_path=PATH)
    assert found.unresolved == ()
    seen = " ".join(inner.text for inner in found.inner)
    assert [n for n in range(1, 27) if f"phone_of({n}" not in seen] == []


@pytest.mark.requirement("I1")
def test_words_that_an_older_server_does_not_know_are_refused(world: World) -> None:
    (found,) = trace("SELECT json_scalar(1)", world.schema, search_path=PATH)
    assert {u.code for u in found.unresolved} == (
        {"PM605"} if world.schema.server < 170000 else set()
    )


@pytest.mark.requirement("I1")
def test_a_trigger_function_may_be_made(world: World) -> None:
    text = (
        "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.x := upper(NEW.x) || tg_op; IF tg_argv[0] = 'x' THEN RETURN OLD; END IF;"
        " RETURN NEW; END $$"
    )
    assert one(world, text).kind == "create function"
