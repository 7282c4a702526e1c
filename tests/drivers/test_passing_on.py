"""Nobody can pass on what he may do: no grant option, no way up by SET ROLE, no re-sharing (C3)."""

from __future__ import annotations

import psycopg
import pytest

from tests.drivers.world import World, agent

pytestmark = pytest.mark.requirement("C3")
ONLY_DIRECT = pytest.mark.parametrize("world", ["direct"], indirect=True)

GRANTABLE = """\
WITH acl AS (
  SELECT 'relation ' || c.oid::regclass AS what, a.*, c.relowner AS owner
    FROM pg_class AS c, aclexplode(c.relacl) AS a
  UNION ALL
  SELECT format('column %s.%s', c.oid::regclass, t.attname), a.*, c.relowner
    FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a
  UNION ALL
  SELECT 'schema ' || n.nspname, a.*, n.nspowner FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
  UNION ALL
  SELECT 'function ' || p.oid::regprocedure, a.*, p.proowner
    FROM pg_proc AS p, aclexplode(p.proacl) AS a
)
SELECT what, pg_get_userbyid(grantee) FROM acl
 WHERE is_grantable AND grantee <> owner
   AND (grantee = 0 OR pg_get_userbyid(grantee) LIKE 'pgmask\\_%')
   AND what NOT LIKE '%pg_catalog%'
"""
ABOVE = """\
SELECT r.rolname FROM pg_roles AS r
 WHERE pg_has_role('app', r.oid, 'MEMBER') AND r.rolname <> 'app'
"""


POWERS = {
    "pgmask_owner", "pgmask_sealer", "pgmask_store", "pgmask_backup", "pgmask_register",
    "pgmask_migrator", "pgmask_unseal",
}  # fmt: skip


@ONLY_DIRECT
def test_no_right_may_be_passed_on(world: World) -> None:
    with world.database.superuser() as su:
        assert su.execute(GRANTABLE).fetchall() == []
        # Roles are the cluster's: other databases may have made app a member of their profiles.
        above = {row[0] for row in su.execute(ABOVE)}
        assert above >= {"pgmask_agent", "pgmask_desk"}
        assert not above & POWERS
        assert not {name for name in above if name.endswith("_views")}
        admins = su.execute(
            "SELECT m.roleid::regrole::text FROM pg_auth_members AS m"
            " WHERE m.member = 'app'::regrole AND m.admin_option"
        ).fetchall()
        assert admins == []
        # The control: a grant option that somebody gave by hand is found.
        su.execute("GRANT SELECT ON crm.customer TO pgmask_desk WITH GRANT OPTION")
        assert su.execute(GRANTABLE).fetchall() == [("relation crm.customer", "pgmask_desk")]
        su.execute("REVOKE ALL ON crm.customer FROM pgmask_desk")


@ONLY_DIRECT
@pytest.mark.parametrize(
    "attempt",
    [
        "SET ROLE pgmask_owner", "SET ROLE pgmask_sealer", "SET ROLE pgmask_agent_views",
        "SET ROLE pgmask_store", "SET SESSION AUTHORIZATION alan",
        "GRANT pgmask_agent TO mallory", "ALTER VIEW crm.customer OWNER TO mallory",
        "CREATE VIEW crm.shared AS SELECT * FROM crm.customer",
        "CREATE POLICY more ON crm_store.customer USING (true)",
    ],
)  # fmt: skip
def test_no_way_up_or_on(world: World, attempt: str) -> None:
    with psycopg.connect(world.dsn) as connection:
        connection.execute("SELECT pgmask.login(%s)", (world.minter.assertion(agent(1)),))
        with pytest.raises(psycopg.Error) as error:
            connection.execute(attempt.encode())
        assert error.value.sqlstate in ("42501", "42P01", "3F000")


@ONLY_DIRECT
def test_a_grant_gives_nothing(world: World) -> None:
    """PostgreSQL warns and grants nothing; the other one still has no right."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute("SELECT pgmask.login(%s)", (world.minter.assertion(agent(1)),))
        connection.execute("GRANT SELECT ON crm.customer TO mallory")
    with world.database.superuser() as su:
        row = su.execute("SELECT has_table_privilege('mallory', 'crm.customer', 'SELECT')")
        assert row.fetchone() == (False,)


@ONLY_DIRECT
def test_an_assertion_is_no_gift(world: World) -> None:
    """Another login cannot use it, nor the token of the transaction it was used in."""
    assertion = world.minter.assertion(agent(1))
    with world.database.superuser() as su:
        su.execute("GRANT pgmask_agent TO mallory")
    try:
        with psycopg.connect(world.dsn) as mine:
            mine.execute("SELECT pgmask.login(%s)", (assertion,))
            token = mine.execute("SELECT current_setting('pgmask.token')").fetchone()
            assert token is not None
            with psycopg.connect(world.database.dsn("mallory")) as other:
                with pytest.raises(psycopg.Error) as used:
                    other.execute("SELECT pgmask.login(%s)", (assertion,))
                assert used.value.sqlstate == "PM103"
                other.rollback()
                other.execute("SELECT set_config('pgmask.token', %s, true)", token)
                with pytest.raises(psycopg.Error) as planted:
                    other.execute("SELECT * FROM crm.customer")
                assert planted.value.sqlstate == "PM103"
    finally:
        with world.database.superuser() as su:
            su.execute("REVOKE pgmask_agent FROM mallory")
