"""Partitions, inheritance, domains, enums, arrays, defaults: what a table brings along goes on."""

from __future__ import annotations

import psycopg
import pytest

from tests.harness import Database
from tests.spine.world import adopt, load_key, register

pytestmark = pytest.mark.requirement("B6", "B7")


@pytest.fixture
def app(installed: Database) -> Database:
    adopt(installed, "family")
    load_key(installed)
    register(installed, ("app", "desk", "n"), ("alan", "wide", "s"))
    return installed


def test_hidden_columns_of_every_type_are_null(app: Database) -> None:
    rows = app.rows("SELECT note, code, mood, tags, twice IS NULL FROM wide.event", user="alan")
    assert rows == [(None, None, None, None, False)] * 2, "also of a domain that refuses NULL"
    types = app.rows(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid ="
        " 'wide.event'::regclass AND attname IN ('note', 'code', 'mood', 'tags') ORDER BY attnum"
    )
    assert types == [("character varying(40)",), ("app.short",), ("app.mood",), ("text[]",)]


def test_rows_through_partitions_and_children(app: Database) -> None:
    assert app.rows("SELECT unit FROM desk.event", user="app") == [("n",)]
    assert app.rows("SELECT name FROM desk.person", user="app") == [("Ann",)]
    assert app.rows("SELECT count(*) FROM wide.person", user="alan") == [(2,)]


def test_defaults_of_shared_sequences_and_functions(app: Database) -> None:
    with psycopg.connect(app.dsn("app")) as connection:
        made = connection.execute(
            "INSERT INTO desk.event (at, unit, code) VALUES ('2026-05-01', 'n', 'q')"
            " RETURNING id, due > current_date, twice = id * 2"
        ).fetchone()
    assert made == (3, True, True)


def test_a_default_that_public_may_not_call(installed: Database) -> None:
    from tests.spine.world import applied, catalogue_of, fill, plan_of

    fill(installed, "family")
    installed.run("REVOKE EXECUTE ON FUNCTION app.tomorrow() FROM PUBLIC")
    catalogue = catalogue_of("family")
    applied(installed, plan_of(installed, catalogue))
    assert plan_of(installed, catalogue).empty
    may = "SELECT has_function_privilege(%s, 'app.tomorrow()', 'EXECUTE')"
    assert installed.rows(may, "pgmask_desk") == [(True,)]
    assert installed.rows(may, "pgmask_wide") == [(False,)]
