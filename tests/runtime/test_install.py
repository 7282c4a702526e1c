"""Installing: by whom, how often, how many at once, offline, and what is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pgmask.errors import REGISTRY, PgmaskError, ServerError
from pgmask.resources import migrations_dir, sql_dir
from pgmask.runtime import install, script, state, upgrade
from pgmask.runtime.freeze import errors_sql, freeze
from pgmask.runtime.frozen import digest, frozen, sql_files
from pgmask.runtime.install import head
from tests.actors import password
from tests.harness import Database, Server

ROOT = Path(__file__).resolve().parents[2]


def pieces(database: Database) -> list[tuple[str, str]]:
    """Everything the runtime looks like, as its own fingerprint tells it."""
    return database.rows("SELECT identity, hash FROM pgmask_private.runtime_now() ORDER BY 1, 2")


def test_installs_once_and_finds_itself_afterwards(database: Database) -> None:
    assert state(database.dsn()) is None
    first = install(database.dsn())
    assert (first.was, first.revision, first.changed) == (None, head(), True)
    before = pieces(database)
    again = install(database.dsn())
    assert (again.was, again.changed) == (head(), False)
    assert upgrade(database.dsn()).changed is False
    assert pieces(database) == before
    assert state(database.dsn()) == head()


def test_the_dry_run_does_everything_and_keeps_nothing(database: Database) -> None:
    assert install(database.dsn(), dry_run=True).revision == head()
    assert state(database.dsn()) is None
    assert database.rows("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'pgmask%%'") == []


def test_upgrade_needs_an_installed_runtime(database: Database) -> None:
    with pytest.raises(ServerError) as caught:
        upgrade(database.dsn())
    assert caught.value.code == "PM027"


def test_a_database_newer_than_the_program_is_refused(installed: Database) -> None:
    installed.run("UPDATE pgmask_private.alembic_version SET version_num = '9999'")
    for act in (install, upgrade):
        with pytest.raises(ServerError) as caught:
            act(installed.dsn())
        assert caught.value.code == "PM027"
        assert "newer" in caught.value.hint or "newer" in caught.value.message


def test_twenty_at_once(database: Database) -> None:
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda _: install(database.dsn()), range(20)))
    assert sum(result.was is None for result in results) == 1
    assert sum(result.was == head() for result in results) == 19


def test_many_databases_of_a_cluster_at_once(server: Server) -> None:
    """Roles are cluster-wide; installs in other databases, by other processes, meet there."""
    made = [server.create_database() for _ in range(4)]
    code = "import sys; from pgmask.runtime import install; print(install(sys.argv[1]).was)"
    try:
        running = [
            subprocess.Popen(
                [sys.executable, "-c", code, database.dsn()],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for database in made
        ]  # fmt: skip
        told = [process.communicate(timeout=60) for process in running]
        assert [out.strip() for out, _ in told] == ["None"] * 4, told
        assert {state(database.dsn()) for database in made} == {head()}
    finally:
        for database in made:
            server.drop_database(database)


def test_another_installer_of_the_cluster_is_told_what_he_lacks(
    server: Server, installed: Database
) -> None:
    """From 16 on he cannot make himself a member; before, he can."""
    assert installed.name
    server.role("second_installer")
    with server.admin() as admin:
        admin.execute("ALTER ROLE second_installer CREATEROLE CREATEDB")
    other = server.create_database(owner="second_installer")
    try:
        if server.major < 16:
            assert install(other.dsn("second_installer")).was is None
            return
        with pytest.raises(ServerError) as caught:
            install(other.dsn("second_installer"))
        assert caught.value.code == "PM029"
        granted = re.findall(r"GRANT \w+ TO second_installer[^;]*;", caught.value.detail)
        assert len(granted) == 16
        with server.admin() as admin:
            for statement in granted:
                admin.execute(statement.encode())
        assert install(other.dsn("second_installer")).was is None
    finally:
        server.drop_database(other)
        with server.admin() as admin:
            admin.execute(
                "REVOKE pgmask_owner, pgmask_sealer, pgmask_store, pgmask_backup, pgmask_register,"
                " pgmask_unseal, pgmask_migrator, pgmask_keyless, pgmask_lookup"
                " FROM second_installer"
            )
            # doctor would name it to every other test of this cluster.
            admin.execute("ALTER ROLE second_installer NOCREATEROLE NOCREATEDB")


def test_the_installer_needs_createrole_and_the_database(server: Server) -> None:
    database = server.create_database()
    try:
        with pytest.raises(ServerError) as caught:
            install(database.dsn("mallory"))
        assert caught.value.code == "PM026"
        assert "CREATEROLE" in caught.value.detail
        assert "does not own database" in caught.value.detail
        assert state(database.dsn()) is None
    finally:
        server.drop_database(database)


@pytest.mark.parametrize("owner_drops", [True, False])
def test_pgcrypto_elsewhere_is_refused_with_the_way_out(
    database: Database, owner_drops: bool
) -> None:
    database.run("CREATE EXTENSION pgcrypto SCHEMA public")
    with pytest.raises(ServerError) as caught:
        install(database.dsn())
    assert caught.value.code == "PM025"
    if owner_drops:
        assert "its owner: DROP EXTENSION pgcrypto" in caught.value.detail
        database.run("DROP EXTENSION pgcrypto")
    else:
        move = "CREATE SCHEMA IF NOT EXISTS pgmask_crypto AUTHORIZATION installer; "
        move += "ALTER EXTENSION pgcrypto SET SCHEMA pgmask_crypto"
        assert f"{move} (a superuser" in caught.value.detail
        database.run(move, "postgres")
    assert install(database.dsn()).was is None


def test_another_encoding_is_refused(server: Server) -> None:
    with server.admin() as admin:
        admin.execute(
            "CREATE DATABASE latin OWNER installer TEMPLATE template0 ENCODING 'LATIN1'"
            " LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    database = Database(server, "latin")
    try:
        with pytest.raises(ServerError) as caught:
            install(database.dsn())
        assert caught.value.code == "PM024"
    finally:
        server.drop_database(database)


def test_somebody_elses_schema_is_refused(database: Database) -> None:
    database.run("CREATE SCHEMA pgmask; CREATE TABLE pgmask.theirs (a integer)")
    with pytest.raises(ServerError) as caught:
        install(database.dsn())
    assert 'schema "pgmask" exists' in caught.value.detail


def test_a_role_with_more_rights_is_refused(server: Server, installed: Database) -> None:
    assert installed.name
    with server.admin() as admin:
        admin.execute("ALTER ROLE pgmask_sealer LOGIN")
    database = server.create_database()
    try:
        with pytest.raises(ServerError) as caught:
            install(database.dsn())
        assert (caught.value.code, caught.value.detail) == ("PM029", "LOGIN")
    finally:
        with server.admin() as admin:
            admin.execute("ALTER ROLE pgmask_sealer NOLOGIN")
        server.drop_database(database)


def test_a_restored_database_gets_a_new_token_key(installed: Database) -> None:
    installed.run("DELETE FROM pgmask_private.token_key")
    result = install(installed.dsn())
    assert result.changed
    assert result.token_key_made
    assert installed.rows("SELECT count(*) FROM pgmask_private.token_key") == [(1,)]


def test_offline_script_makes_the_same_runtime(
    server: Server, database: Database, tmp_path: Path
) -> None:
    text = script()
    assert text.count("BEGIN;") == 1
    file = tmp_path / "install.sql"
    file.write_text(text, "utf-8")
    done = subprocess.run(
        [str(server.binaries.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file),
         "-d", database.dsn()],
        env=dict(server.binaries.environ()) | {"PGPASSWORD": password("installer")},
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    other = server.create_database()
    try:
        install(other.dsn())
        assert pieces(other) == pieces(database)
    finally:
        server.drop_database(other)
    assert state(database.dsn()) == head()


def test_plain_alembic_upgrade_head(database: Database) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        env=os.environ | {"PGMASK_DSN": database.dsn()},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert state(database.dsn()) == head()


def test_sql_is_the_sum_of_the_migrations() -> None:
    live = {path.name: path.read_text("utf-8") for path in sql_files(sql_dir())}
    sum_ = {path.name: path.read_text("utf-8") for path in sql_files(migrations_dir() / "sql/0001")}
    assert sum_ == live, "nox -s freeze"
    assert live["02_errors.sql"] == errors_sql(), "nox -s freeze"
    assert freeze(check=True) is False


def test_a_changed_frozen_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "sql" / "0001"
    copy.mkdir(parents=True)
    for path in sql_files(migrations_dir() / "sql" / "0001"):
        (copy / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr("pgmask.runtime.frozen.migrations_dir", lambda: tmp_path)
    right = digest(copy)
    assert frozen("0001", right)
    (copy / "20_fn_identity.sql").write_text("SELECT 1;\n")
    with pytest.raises(PgmaskError) as caught:
        frozen("0001", right)
    assert caught.value.code == "PM901"


def test_every_error_is_explained_in_sql(installed: Database) -> None:
    rows = installed.rows("SELECT * FROM pgmask_private.error_code")
    assert {r[0]: r[1:4] for r in rows} == {
        e.code: (e.title, e.cause, e.way_out) for e in REGISTRY.values()
    }
    assert installed.rows("SELECT title FROM pgmask.explain_error('pm101')", user="mallory") == [
        (REGISTRY["PM101"].title,)
    ]


# Each takes one mark away; the check must name it. Without the check the install would go on.
TAKEN = {
    "path": ("ALTER FUNCTION pgmask.whoami() RESET search_path", "without search_path"),
    "revoke": ("GRANT EXECUTE ON FUNCTION pgmask.issuers() TO PUBLIC", "everybody may execute"),
    "callers": ("REVOKE EXECUTE ON FUNCTION pgmask.login(text) FROM PUBLIC", "may not execute it"),
    "fn comment": ("COMMENT ON FUNCTION pgmask.whoami() IS NULL", "has no comment"),
    "column comment": ("COMMENT ON COLUMN pgmask_private.unit.head IS NULL", "has no comment"),
    "table comment": ("COMMENT ON TABLE pgmask_private.person IS NULL", "has no comment"),
    "view comment": ("COMMENT ON VIEW pgmask_private.identity IS NULL", "has no comment"),
    "trigger": ("ALTER TABLE pgmask_private.unit ENABLE TRIGGER b_note", "not ENABLE ALWAYS"),
    "silenced": ("ALTER TABLE pgmask_private.unit DISABLE TRIGGER b_note", "not ENABLE ALWAYS"),
    "rls": (
        "ALTER TABLE pgmask_private.issuer_key DISABLE ROW LEVEL SECURITY", "row-level security",
    ),
    "policy": ("CREATE POLICY p ON pgmask_private.token_key TO pgmask_backup", "has a policy"),
    "grant": ("GRANT SELECT ON pgmask_private.person TO PUBLIC", "everybody has rights"),
    "statistics": (
        "ALTER TABLE pgmask_private.token_key ALTER COLUMN secret SET STATISTICS 100",
        "statistics of a secret",
    ),
    "schema": ("GRANT USAGE ON SCHEMA pgmask_private TO PUBLIC", "everybody has USAGE"),
    "owner": ("ALTER TABLE pgmask_private.unit OWNER TO installer", "owned by installer"),
    "immutable": ("ALTER FUNCTION pgmask.whoami() IMMUTABLE", "folded into plans"),
    "new table": (
        "CREATE TABLE pgmask_private.extra (); ALTER TABLE pgmask_private.extra"
        " OWNER TO pgmask_owner; COMMENT ON TABLE pgmask_private.extra IS 'x'",
        "neither row-level security",
    ),
}  # fmt: skip


def test_control_an_untouched_runtime_passes(installed: Database) -> None:
    assert installed.rows("SELECT * FROM pgmask_private.self_check()") == []


@pytest.mark.parametrize(("statement", "words"), TAKEN.values(), ids=TAKEN.keys())
def test_the_selfcheck_fails_the_install_when_a_mark_is_missing(
    still_installed: Database, statement: str, words: str
) -> None:
    """The last file of the install, run after one mark was taken, raises and names it."""
    check = (sql_dir() / "99_selfcheck.sql").read_text("utf-8")
    with psycopg.connect(still_installed.dsn()) as connection:
        connection.execute(statement.encode())
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(check.encode())
        assert caught.value.sqlstate == "PM028"
        assert words in (caught.value.diag.message_detail or "")
        connection.rollback()


@pytest.mark.parametrize("role", ["app", "mallory", "audra", "alan"])
def test_no_login_can_read_or_call_the_private_part(installed: Database, role: str) -> None:
    """Every relation and function, by privilege as the server computes it."""
    open_ = installed.rows(
        """
        SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace IN ('pgmask'::regnamespace, 'pgmask_private'::regnamespace)
           AND c.relkind IN ('r', 'v', 'S', 'p')
           AND (CASE c.relkind WHEN 'S' THEN has_sequence_privilege(%s, c.oid, 'USAGE, SELECT')
                ELSE has_any_column_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE') END)
         UNION ALL
        SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc AS p
         WHERE p.pronamespace = 'pgmask_private'::regnamespace
           AND has_function_privilege(%s, p.oid, 'EXECUTE')
        """, role, role, role,
    )  # fmt: skip
    views = ("column_metadata", "deployed", "key_metadata", "table_metadata")
    assert sorted(open_) in ([], [(f"pgmask.{name}",) for name in views])


def test_a_backup_role_gets_every_table_but_no_secret(installed: Database) -> None:
    installed.run("SELECT pgmask.register_issuer('web', ARRAY['agent'])")
    installed.run("SELECT pgmask.rotate_issuer_key('web')")
    installed.run("GRANT pgmask_backup TO nightly")
    try:
        seen = installed.connect("nightly")
        for table in ("token_key", "issuer_key", "loaded_key"):
            name = sql.Identifier("pgmask_private", table)
            found = seen.execute(sql.SQL("SELECT * FROM {}").format(name)).fetchall()
            assert found == []
        issuers = seen.execute("SELECT issuer FROM pgmask_private.issuer").fetchall()
        assert issuers == [("web",)]
        assert installed.rows("SELECT count(*) FROM pgmask_private.issuer_key") == [(1,)]  # control
    finally:
        installed.run("REVOKE pgmask_backup FROM nightly")
