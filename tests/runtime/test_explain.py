"""whoami and why: for the caller only, and the same for hidden and absent rows."""

from __future__ import annotations

import psycopg
import pytest

from tests.runtime.world import ANN, BEN, World, login

COMPILED = """\
INSERT INTO pgmask_private.store_table
  (table_id, schema_name, table_name, original_schema, original_owner, adopted)
VALUES ('things.store', 'things', 'store', 'things', 'installer', '{}'),
       ('other.store', 'other', 'store', 'other', 'installer', '{}');
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level,
  category, form, sealed, view_schema, view_name, rows, operations) VALUES
  ('agent', 'things.store', 1, 'id', 3, 'basic', 'plain', false, 'things', 'thing',
   '{own_unit}', '{select}'),
  ('agent', 'things.store', 2, 'unit_id', 2, 'basic', 'hidden', false, 'things', 'thing',
   '{own_unit}', '{select}'),
  ('agent', 'things.store', 3, 'note', 1, 'basic', 'plain', true, 'things', 'thing',
   '{own_unit}', '{select}'),
  ('chief', 'things.store', 1, 'id', 3, 'basic', 'plain', false, 'chief', 'thing',
   '{all}', '{select}'),
  ('chief', 'other.store', 1, 'secret_column', 3, 'basic', 'plain', false, 'chief', 'other',
   '{all}', '{select}');
"""


def why(world: World, person: int, table: str, key: str | None) -> list[tuple[object, ...]]:
    with psycopg.connect(world.database.dsn("app")) as app:
        login(app, world.assertion(person))
        return app.execute("SELECT * FROM pgmask.why(%s, %s)", (table, key)).fetchall()


@pytest.fixture
def compiled(world: World) -> World:
    """The world with a compiled policy as the compiler records it."""
    world.database.run(COMPILED)
    return world


def test_why_tells_each_column_and_the_row(compiled: World) -> None:
    told = why(compiled, ANN, "things.store", "1")
    assert [(r[0], r[1], r[2]) for r in told] == [
        ("id", 3, "plain"), ("unit_id", 2, "NULL"), ("note", 1, "plain"), ("*", None, "the row"),
    ]  # fmt: skip
    assert "stored masked" in str(told[2][3])
    assert "who holds the key" in str(told[2][4])
    assert why(compiled, ANN, "store", "1") == told  # the name alone is enough where it is one


@pytest.mark.requirement("C2")
@pytest.mark.parametrize("absent", ["999", "-1", "not a number", "", None, "99999999999999"])
def test_hidden_and_absent_say_the_same(compiled: World, absent: str | None) -> None:
    """Row 2 is the other unit's; it is told like a row that is not there."""
    hidden = why(compiled, ANN, "things.store", "2")
    assert hidden[-1][2] == "no row"
    assert why(compiled, ANN, "things.store", absent) == hidden
    assert why(compiled, BEN, "things.store", "2")[-1][2] == "the row"  # control: it is there


def test_other_profiles_and_tables_are_not_told(compiled: World) -> None:
    for name in ("other.store", "nothing", "things.nothing", "", "*"):
        told = why(compiled, ANN, name, "1")
        assert [r[2] for r in told] == ["no table"]
        assert "secret_column" not in str(told)


def test_why_needs_an_identity(compiled: World) -> None:
    with psycopg.connect(compiled.database.dsn("app")) as app:
        with pytest.raises(psycopg.Error) as caught:
            app.execute("SELECT * FROM pgmask.why('things.store', '1')")
        assert caught.value.sqlstate == "PM101"


def test_whoami_says_what_is_wrong(world: World) -> None:
    def problem(user: str, setting: str = "") -> str:
        with psycopg.connect(world.database.dsn(user)) as connection:
            connection.execute("SELECT set_config('pgmask.token', %s, true)", (setting,))
            rows = connection.execute("SELECT person, name, problem FROM pgmask.whoami()")
            ((person, name, told),) = rows.fetchall()
            assert (person, name) == (None, None)
            return str(told)

    assert problem("mallory").startswith("PM101")
    assert problem("app", "forged\x1f11").startswith("PM103")
    world.database.run("SELECT pgmask.register_login('alan', 14)")  # has not signed both papers
    assert problem("alan").startswith("PM103")
