"""The first test: the people of the tests cannot do what would prove nothing."""

from __future__ import annotations

import pytest

from tests.actors import ACTORS, Actor
from tests.harness import Database


@pytest.mark.parametrize("actor", ACTORS, ids=lambda a: a.name)
def test_actor_is_an_ordinary_role(database: Database, actor: Actor) -> None:
    with database.connect(actor.name) as connection:
        row = connection.execute(
            "SELECT session_user, current_user, r.rolsuper, r.rolbypassrls, r.rolreplication,"
            " (SELECT count(*) FROM pg_catalog.pg_auth_members AS m WHERE m.member = r.oid"
            "  AND m.roleid::regrole::text LIKE 'pg\\_%')"
            " FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user"
        ).fetchone()
    assert row == (actor.name, actor.name, False, False, False, 0)


def test_installer_owns_the_database(database: Database) -> None:
    assert database.rows(
        "SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_catalog.pg_database"
        " WHERE datname = current_database()"
    ) == [("installer",)]


def test_a_clone_keeps_grants_and_settings(database: Database) -> None:
    server = database.server
    database.run(
        f"REVOKE ALL ON DATABASE {database.name} FROM PUBLIC;"
        f"ALTER DATABASE {database.name} SET work_mem = '7MB';"
        "CREATE TABLE thing (id int); INSERT INTO thing VALUES (1)"
    )
    with server.database(template=database.name) as clone:
        assert clone.rows("SELECT id, current_setting('work_mem') FROM thing") == [(1, "7MB")]
        assert clone.rows(
            "SELECT has_database_privilege('mallory', current_database(), 'CONNECT')"
        ) == [(False,)]
