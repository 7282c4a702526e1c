"""doctor: each finding provoked, told, and gone when its cause is gone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import psycopg
import pytest

from pgmask.cli.main import run
from pgmask.errors import ServerError
from pgmask.runtime.doctor import as_json, as_prometheus, as_text, examine, serious
from pgmask.runtime.finding import Finding, Urgency, Who
from tests.harness import Database, Server
from tests.runtime.world import World


def examined(database: Database, user: str = "installer") -> tuple[Finding, ...]:
    with psycopg.connect(database.dsn(user)) as connection:
        return examine(connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What provokes a finding (as superuser unless told), what it must say, and the way back."""

    code: str
    urgency: Urgency
    who: Who
    says: str
    do: str
    undo: str = "SELECT 1"
    since: int = 15
    before: int = 99
    requirement: tuple[str, ...] = field(default=())


STORE = """\
INSERT INTO pgmask_private.store_table
  (table_id, schema_name, table_name, original_schema, original_owner, adopted)
VALUES ('things.store', 'things', 'store', 'things', 'installer', '{}');
"""
# From 16 on every grantor's grant is one of its own.
NO_BACKUP = """\
DO $$
DECLARE
  v_by text;
BEGIN
  IF current_setting('server_version_num')::integer < 160000 THEN
    REVOKE pgmask_backup FROM nightly;
  ELSE
    FOR v_by IN
      SELECT m.grantor::regrole::text FROM pg_auth_members AS m
       WHERE m.roleid = 'pgmask_backup'::regrole AND m.member = 'nightly'::regrole
    LOOP
      EXECUTE format('REVOKE pgmask_backup FROM nightly GRANTED BY %s', v_by);
    END LOOP;
  END IF;
END $$;
"""
VIEW = """\
INSERT INTO pgmask_private.profile_column (profile, table_id, position, column_name, level,
  category, form, sealed, view_schema, view_name, rows, operations)
VALUES ('agent', 'things.store', 1, 'id', 3, 'basic', 'plain', false, 'things', 'thing',
        '{own_unit}', '{select}');
"""
CASES = {
    "superuser": Case(
        code="PM704", urgency=Urgency.NOW, who=Who.SUPERUSER, says="role boss is a superuser",
        do="CREATE ROLE boss SUPERUSER LOGIN", undo="DROP ROLE boss",
    ),
    "bypassrls": Case(
        code="PM704", urgency=Urgency.NOW, who=Who.SUPERUSER, says="role seer has BYPASSRLS",
        do="CREATE ROLE seer BYPASSRLS", undo="DROP ROLE seer",
    ),
    "replication": Case(
        code="PM704", urgency=Urgency.SOON, who=Who.SUPERUSER, says="role stream has REPLICATION",
        do="CREATE ROLE stream REPLICATION LOGIN", undo="DROP ROLE stream",
    ),
    "pg_read_all_data": Case(
        code="PM704", urgency=Urgency.NOW, who=Who.SUPERUSER,
        says="role mallory is a member of pg_read_all_data",
        do="GRANT pg_read_all_data TO mallory", undo="REVOKE pg_read_all_data FROM mallory",
    ),
    "pg_write_all_data": Case(
        code="PM704", urgency=Urgency.NOW, who=Who.SUPERUSER,
        says="role mallory is a member of pg_write_all_data",
        do="GRANT pg_write_all_data TO mallory", undo="REVOKE pg_write_all_data FROM mallory",
    ),
    "pg_read_server_files, by way of another role": Case(
        code="PM704", urgency=Urgency.NOW, who=Who.SUPERUSER,
        says="role mallory is a member of pg_read_server_files",
        do="CREATE ROLE between; GRANT pg_read_server_files TO between; GRANT between TO mallory",
        undo="DROP ROLE between",
    ),
    "createrole": Case(
        code="PM705", urgency=Urgency.NOW, who=Who.SUPERUSER, says="role maker has CREATEROLE",
        do="CREATE ROLE maker CREATEROLE", undo="DROP ROLE maker", before=16,
    ),
    "member of the owner": Case(
        code="PM706", urgency=Urgency.NOW, who=Who.DBA,
        says="role mallory is a member of pgmask_owner",
        do="GRANT pgmask_owner TO mallory", undo="REVOKE pgmask_owner FROM mallory",
    ),
    "member of the sealer": Case(
        code="PM706", urgency=Urgency.NOW, who=Who.DBA,
        says="role mallory is a member of pgmask_sealer",
        do="GRANT pgmask_sealer TO mallory", undo="REVOKE pgmask_sealer FROM mallory",
    ),
    "member of a view owner": Case(
        code="PM706", urgency=Urgency.NOW, who=Who.DBA,
        says="role mallory is a member of things_views",
        do=VIEW + "GRANT things_views TO mallory", undo="REVOKE things_views FROM mallory",
    ),
    "temporary tables": Case(
        code="PM707", urgency=Urgency.SOON, who=Who.DBA, says="everybody has TEMPORARY",
        do="GRANT TEMPORARY ON DATABASE {database} TO PUBLIC",
        undo="REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
    ),
    "create on the database": Case(
        code="PM707", urgency=Urgency.SOON, who=Who.DBA, says="everybody has CREATE",
        do="GRANT CREATE ON DATABASE {database} TO PUBLIC",
        undo="REVOKE CREATE ON DATABASE {database} FROM PUBLIC",
    ),
    "reading files": Case(
        code="PM707", urgency=Urgency.SOON, who=Who.SUPERUSER,
        says="everybody may execute pg_read_binary_file(text)",
        do="GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO PUBLIC",
        undo="REVOKE EXECUTE ON FUNCTION pg_read_binary_file(text) FROM PUBLIC",
    ),
    "leakproof": Case(
        code="PM708", urgency=Urgency.SOON, who=Who.SUPERUSER, says="function public.sure(integer)",
        do="CREATE FUNCTION public.sure(integer) RETURNS boolean LANGUAGE sql LEAKPROOF"
           " RETURN $1 > 0",
        undo="DROP FUNCTION public.sure(integer)",
    ),
    "a changed function": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA,
        says="function pgmask.refuse_identity(text) is not what",
        do="CREATE OR REPLACE FUNCTION pgmask.refuse_identity(p_profile text) RETURNS boolean"
           " LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED SECURITY DEFINER"
           " SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN true; END'",
    ),
    "a changed view": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA,
        says="view pgmask_private.open_unit is not what",
        do="CREATE OR REPLACE VIEW pgmask_private.open_unit AS"
           " SELECT u.unit_id FROM pgmask_private.unit AS u",
    ),
    "a function with the sealer's rights": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA,
        says="function helpdesk.truth(bigint) runs with the rights of pgmask_sealer",
        do="CREATE SCHEMA helpdesk; CREATE FUNCTION helpdesk.truth(bigint) RETURNS text"
           " LANGUAGE sql SECURITY DEFINER RETURN 'x';"
           " ALTER FUNCTION helpdesk.truth(bigint) OWNER TO pgmask_sealer",
        undo="DROP SCHEMA helpdesk CASCADE",
    ),
    "a view with the backup role's rights": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA,
        says="view helpdesk.everybody runs with the rights of pgmask_backup",
        do="CREATE SCHEMA helpdesk; CREATE VIEW helpdesk.everybody AS SELECT 1 AS id;"
           " ALTER VIEW helpdesk.everybody OWNER TO pgmask_backup",
        undo="DROP SCHEMA helpdesk CASCADE",
    ),
    "a login honoured by hand": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, requirement=("C8",),
        says="pgmask_private.effective_login: 1 row(s) do not follow",
        do="INSERT INTO pgmask_private.effective_login (login, valid_from, valid_until, person_id,"
           " profile, unit_id, outsourced) VALUES ('app', '-infinity', 'infinity', 1, 'agent',"
           " 'north', false)",
        undo="DELETE FROM pgmask_private.effective_login WHERE login = 'app'",
    ),
    "a profile honoured by hand": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, requirement=("C8",),
        says="pgmask_private.effective_profile: 1 row(s) do not follow",
        do="INSERT INTO pgmask_private.effective_profile VALUES"
           " (77, 'agent', 'north', '-infinity', 'infinity', false)",
        undo="DELETE FROM pgmask_private.effective_profile WHERE person_id = 77",
    ),
    "a unit put under another by hand": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, requirement=("C8",),
        says="pgmask_private.unit_below: 1 row(s) do not follow",
        do="INSERT INTO pgmask_private.unit_below VALUES ('nowhere', 'north')",
        undo="DELETE FROM pgmask_private.unit_below WHERE ancestor = 'nowhere'",
    ),
    "a profile taken away by hand": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, requirement=("C8",),
        says="pgmask_private.effective_profile: 1 row(s) that the register asks for are missing",
        do="CREATE TABLE public.kept AS"
           " SELECT * FROM pgmask_private.effective_profile WHERE person_id = 11;"
           "DELETE FROM pgmask_private.effective_profile WHERE person_id = 11",
        undo="INSERT INTO pgmask_private.effective_profile SELECT * FROM public.kept;"
             "DROP TABLE public.kept",
    ),
    "a unit parted from itself by hand": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, requirement=("C8",),
        says="pgmask_private.unit_below: 1 row(s) that the register asks for are missing",
        do="DELETE FROM pgmask_private.unit_below WHERE ancestor = 'north'",
        undo="INSERT INTO pgmask_private.unit_below VALUES ('north', 'north')",
    ),
    "an issuer's profile without history": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, requirement=("C8",),
        says="pgmask_private.issuer_profile: 1 row(s) that no history knows",
        do="ALTER TABLE pgmask_private.issuer_profile DISABLE TRIGGER b_note;"
           "INSERT INTO pgmask_private.issuer_profile VALUES ('web', 'chief');"
           "ALTER TABLE pgmask_private.issuer_profile ENABLE ALWAYS TRIGGER b_note",
        undo="DELETE FROM pgmask_private.issuer_profile WHERE profile = 'chief'",
    ),
    "incomplete units": Case(
        code="PM712", urgency=Urgency.TODAY, who=Who.REGISTER, requirement=("C8",),
        says="complete_unit was switched off by postgres",
        do="UPDATE pgmask_private.register_rule SET complete_unit = false",
        undo="UPDATE pgmask_private.register_rule SET complete_unit = true",
    ),
    "long transactions": Case(
        code="PM712", urgency=Urgency.TODAY, who=Who.REGISTER,
        says="a login by issuer web lasts up to 08:00:00",
        do="UPDATE pgmask_private.issuer SET transaction_life = '8 h' WHERE issuer = 'web'",
        undo="UPDATE pgmask_private.issuer SET transaction_life = '15 min' WHERE issuer = 'web'",
    ),
    "a member of another profile": Case(
        code="PM712", urgency=Urgency.TODAY, who=Who.DBA,
        says="login alan is a member of pgmask_other; the register gives it agent",
        do=VIEW.replace("'agent', 'things.store'", "'other', 'things.store'")
           + "CREATE ROLE pgmask_other; GRANT pgmask_other TO alan;"
           " SELECT pgmask.register_login('alan', 12);"
           "INSERT INTO pgmask_private.managed_object (kind, identity, parent, phase, address,"
           " desired_hash, drop_sql) VALUES ('role', 'pgmask_other', '', 1, '{pgmask_other}', '',"
           " '{}')",
        undo="REVOKE pgmask_other FROM alan; DROP ROLE pgmask_other",
    ),
    "a granted function": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, says="function pgmask.issuers() is not",
        do="GRANT EXECUTE ON FUNCTION pgmask.issuers() TO mallory",
        undo="REVOKE EXECUTE ON FUNCTION pgmask.issuers() FROM mallory",
    ),
    "a dropped trigger": Case(
        code="PM709", urgency=Urgency.NOW, who=Who.DBA, says="b_note on pgmask_private.unit is",
        do="DROP TRIGGER b_note ON pgmask_private.unit",
    ),
    "a silenced trigger": Case(
        code="PM720", urgency=Urgency.NOW, who=Who.DBA, says="is not ENABLE ALWAYS",
        do="ALTER TABLE pgmask_private.unit ENABLE TRIGGER b_note",
        undo="ALTER TABLE pgmask_private.unit ENABLE ALWAYS TRIGGER b_note",
    ),
    "no token key": Case(
        code="PM718", urgency=Urgency.NOW, who=Who.DBA, says="there is no token key",
        do="DELETE FROM pgmask_private.token_key",
        undo="SELECT pgmask_private.ensure_token_key()",
    ),
    "an issuer without key": Case(
        code="PM718", urgency=Urgency.SOON, who=Who.DBA, says="issuer mute has no valid key",
        do="SELECT pgmask.register_issuer('mute', ARRAY['agent'])",
        undo="SELECT pgmask.revoke_issuer('mute')",
    ),
    "key missing": Case(
        code="PM710", urgency=Urgency.NOW, who=Who.KEYS, says="key 7 (loaded): PM310",
        do="INSERT INTO pgmask_private.kek (kek_id, provider, fingerprint, canary)"
           " VALUES (7, 'loaded', decode(repeat('00', 32), 'hex'), '')",
        undo="DELETE FROM pgmask_private.kek",
    ),
    "no key": Case(
        code="PM710", urgency=Urgency.TODAY, who=Who.KEYS, says="no key is registered",
        do="DELETE FROM pgmask_private.kek",
    ),
    "nobody takes backups": Case(
        code="PM711", urgency=Urgency.TODAY, who=Who.DBA, says="nobody is a member",
        do=f"{STORE}; {NO_BACKUP}", undo="GRANT pgmask_backup TO nightly",
    ),
    "a backup without a table": Case(
        code="PM711", urgency=Urgency.TODAY, who=Who.DBA,
        says="pgmask_backup does not see every row of things.store",
        do=STORE,
        undo="GRANT USAGE ON SCHEMA things TO pgmask_backup, pgmask_sealer;"
             " GRANT SELECT ON things.store TO pgmask_backup, pgmask_sealer;"
             " CREATE POLICY b ON things.store TO pgmask_backup, pgmask_sealer USING (true)",
    ),
    "a backup of some rows": Case(
        code="PM711", urgency=Urgency.TODAY, who=Who.DBA,
        says="pgmask_backup sees 10 of 20 rows of things.store",
        do=STORE + "GRANT USAGE ON SCHEMA things TO pgmask_backup, pgmask_sealer;"
             " GRANT SELECT ON things.store TO pgmask_backup, pgmask_sealer;"
             " CREATE POLICY b ON things.store TO pgmask_backup, pgmask_sealer USING (true);"
             " CREATE POLICY r ON things.store AS RESTRICTIVE TO pgmask_backup"
             " USING (id > 10)",
        undo="DROP POLICY r ON things.store",
    ),
    "gaps that stop": Case(
        code="PM712", urgency=Urgency.SOON, who=Who.REGISTER, says="missing: unit head (1, the",
        do="SELECT pgmask.register_unit('bare', 'Bare')",
        undo="SELECT pgmask.register_unit('bare', 'Bare', 'branch', NULL, 'H', 'S', 'C')",
    ),
    "outsourced with BYPASSRLS": Case(
        code="PM713", urgency=Urgency.NOW, who=Who.DBA,
        says="login otto_login of outsourced person 13: BYPASSRLS",
        do="CREATE ROLE otto_login LOGIN BYPASSRLS; SELECT pgmask.register_login('otto_login', 13)",
        undo="SELECT pgmask.register_person(13, 'Otto', 'north', 'employee');"
             " ALTER ROLE otto_login NOBYPASSRLS; DROP ROLE otto_login",
        requirement=("C4",),
    ),
    "outsourced with key rights": Case(
        code="PM713", urgency=Urgency.NOW, who=Who.DBA,
        says="login otto_login of outsourced person 13: member of pgmask_sealer",
        do="CREATE ROLE otto_login LOGIN; GRANT pgmask_sealer TO otto_login;"
           " SELECT pgmask.register_login('otto_login', 13)",
        undo="DROP ROLE otto_login",
        requirement=("C4",),
    ),
    "dblink": Case(
        code="PM714", urgency=Urgency.SOON, who=Who.SUPERUSER, says="extension dblink",
        do="CREATE EXTENSION dblink", undo="DROP EXTENSION dblink",
    ),
    "foreign tables": Case(
        code="PM714", urgency=Urgency.SOON, who=Who.SUPERUSER, says="extension postgres_fdw",
        do="CREATE EXTENSION postgres_fdw", undo="DROP EXTENSION postgres_fdw",
    ),
    "a publication of everything": Case(
        code="PM715", urgency=Urgency.NOW, who=Who.DBA, says="sends pgmask_private.token_key",
        do="CREATE PUBLICATION everything FOR ALL TABLES", undo="DROP PUBLICATION everything",
    ),
    "a publication of sealed columns": Case(
        code="PM715", urgency=Urgency.NOW, who=Who.DBA,
        says="publication leak sends things.store with its sealed columns",
        do=STORE + "ALTER TABLE things.store ADD pgmask_sealed bytea;"
           " CREATE PUBLICATION leak FOR TABLE things.store",
        undo="ALTER PUBLICATION leak SET TABLE things.store (id, unit_id)",
    ),
    "session_replication_role": Case(
        code="PM716", urgency=Urgency.NOW, who=Who.SUPERUSER,
        says="mallory has SET on session_replication_role",
        do="GRANT SET ON PARAMETER session_replication_role TO mallory",
        undo="REVOKE SET ON PARAMETER session_replication_role FROM mallory",
    ),
    "a stored token": Case(
        code="PM717", urgency=Urgency.SOON, who=Who.DBA,
        says="pgmask.token is stored as a setting of app",
        do="ALTER ROLE app SET pgmask.token = 'x'", undo="ALTER ROLE app RESET pgmask.token",
    ),
    "create in a schema": Case(
        code="PM717", urgency=Urgency.SOON, who=Who.DBA,
        says="everybody may create objects in schema public",
        do="GRANT CREATE ON SCHEMA public TO PUBLIC",
        undo="REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ),
    "an application beside the views": Case(
        code="PM717", urgency=Urgency.SOON, who=Who.DBA,
        says="login app may create objects in schema things",
        do=VIEW + "GRANT CREATE ON SCHEMA things TO app",
        undo="REVOKE CREATE ON SCHEMA things FROM app",
    ),
    "values in the log": Case(
        code="PM703", urgency=Urgency.SOON, who=Who.SUPERUSER,
        says="login app: the log may keep values (log_parameter_max_length, log_error",
        do=VIEW + "ALTER ROLE app SET log_parameter_max_length = -1;"
             " ALTER ROLE app SET log_error_verbosity = 'default'",
        undo="ALTER ROLE app SET log_parameter_max_length = 0;"
             " ALTER ROLE app SET log_error_verbosity = 'terse';"
             " ALTER ROLE app SET log_min_error_statement = 'panic'",
    ),
    "a login that is no role": Case(
        code="PM719", urgency=Urgency.SOON, who=Who.REGISTER, says="login ghost is registered",
        do="SELECT pgmask.register_login('ghost', 11)",
        undo="SELECT pgmask.register_end_login('ghost')",
    ),
    "another revision": Case(
        code="PM027", urgency=Urgency.SOON, who=Who.DBA, says="the runtime is at revision 0000",
        do="UPDATE pgmask_private.alembic_version SET version_num = '0000'",
        undo="UPDATE pgmask_private.alembic_version SET version_num = '0001'",
    ),
}  # fmt: skip


@pytest.mark.requirement("C4", "C8")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_finding_comes_and_goes(world: World, case: Case) -> None:
    database = world.database
    if not case.since <= database.major < case.before:
        assert case.code == "PM705"
        admin = database.superuser()
        admin.execute(case.do.encode())
        try:
            assert not any(f.code == case.code for f in examined(database))
        finally:
            admin.execute(case.undo.encode())
        return

    def told() -> list[Finding]:
        found = examined(database)
        assert not [f for f in found if f.code == "PM700"]
        return [f for f in found if f.code == case.code and case.says in f.what]

    admin = database.superuser()
    admin.execute(case.do.replace("{database}", database.name).encode())
    try:
        found = told()
        assert found, [f.what for f in examined(database)]
        assert {(f.urgency, f.who) for f in found} == {(case.urgency, case.who)}
        assert all(f.way_out for f in found)
    finally:
        admin.execute(case.undo.replace("{database}", database.name).encode())
        for reset in ("log_parameter_max_length", "log_error_verbosity", "log_min_error_statement"):
            admin.execute(f"ALTER ROLE app RESET {reset}".encode())
    if case.undo != "SELECT 1":
        assert told() == []
    admin.execute("REVOKE pgmask_backup FROM nightly")


def test_what_is_well_is_not_a_finding(world: World) -> None:
    """Control: a database as it should be has nothing that somebody must act on now."""
    found = examined(world.database)
    assert not [f for f in found if f.urgency is Urgency.NOW]
    assert not [f for f in found if f.code in ("PM709", "PM720", "PM706", "PM716", "PM718")]


def test_version_floor(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    major = world.database.major
    monkeypatch.setattr("pgmask.runtime.checks_server.FLOORS", {major: 9999})
    found = [f for f in examined(world.database) if f.code == "PM701"]
    assert [(f.urgency, f.who) for f in found] == [(Urgency.NOW, Who.SUPERUSER)]


def test_a_login_that_may_not_look_is_told_so(world: World) -> None:
    with pytest.raises(ServerError) as caught:
        examined(world.database, "mallory")
    assert caught.value.code == "PM026"


def test_without_runtime(server: Server) -> None:
    with server.database() as database, pytest.raises(ServerError) as caught:
        examined(database)
    assert caught.value.code == "PM027"


def test_formats_and_exit_code(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.database.run("SELECT pgmask.register_unit('bare', 'Bare')")
    found = examined(world.database)
    assert serious(found)
    text = as_text(found)
    assert text.index("SOON") < text.index("INFO")
    assert text.splitlines()[-1].startswith("0 NOW, ")
    told = json.loads(as_json(found))
    assert {f["code"] for f in told} == {f.code for f in found}
    lines = as_prometheus(found).splitlines()
    assert any(line.startswith('pgmask_doctor_total{urgency="SOON"} ') for line in lines)
    assert 'pgmask_doctor_total{urgency="NOW"} 0' in lines
    assert run(["doctor", "--dsn", world.database.dsn(), "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out) == told


def test_doctor_changes_nothing(world: World) -> None:
    before = world.database.rows("SELECT pg_current_xact_id_if_assigned(), count(*) FROM pg_class")
    with psycopg.connect(world.database.dsn()) as connection:
        examine(connection)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    after = world.database.rows("SELECT pg_current_xact_id_if_assigned(), count(*) FROM pg_class")
    assert before == after
