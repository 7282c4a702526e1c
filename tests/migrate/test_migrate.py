"""``pgmask migrate``: membership for a window, the tool in it, apply and drift after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from pgmask.catalogue import load
from pgmask.cli.main import run
from pgmask.migrate.window import close_windows, duration, open_window
from pgmask.runtime.doctor import examine
from tests.actors import password
from tests.harness import Database
from tests.migrate.conftest import CASE, OWNER
from tests.migrate.test_detach import code, detached
from tests.spine.world import applied, drift_of, plan_of

pytestmark = pytest.mark.requirement("B7")
APPROVED = ["--author", "ann", "--approved-by", "dora", "--approval-ref", "OP-2"]


@pytest.fixture
def place(closed: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("PGMASK_MIGRATE_PASSWORD", password("olga"))
    for name, value in closed.server.binaries.environ().items():
        if name.startswith("LD_"):
            monkeypatch.setenv(name, value)
    return closed


def migrate(database: Database, *words: str, script: str = "", single: bool = True) -> int:
    """``pgmask migrate`` with these options, running psql with a script."""
    psql = [str(database.server.binaries.bin / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1"]
    if single:
        psql.append("--single-transaction")
    command = [*psql, "-c", script] if script else []
    rest = ["--", *command] if command else []
    return run(["migrate", "--dsn", database.dsn(), *words, *rest])


def member(database: Database) -> bool:
    question = "SELECT pg_has_role('olga', %s, 'MEMBER')"
    return bool(database.rows(question, OWNER, user="postgres")[0][0])


def windows(database: Database) -> list[tuple[object, ...]]:
    return database.rows(
        "SELECT login, owner, ticket, opened_by, closed_by, granted, tool, exit_code"
        " FROM pgmask_private.migration_window ORDER BY id", user="postgres",
    )  # fmt: skip


WIDEN = (
    "SELECT pgmask.detach('crm.customer'); ALTER TABLE customer ALTER phone TYPE varchar(40);"
    " ALTER TABLE customer RENAME status TO state;"
    " SELECT * FROM pgmask.attach_all()"
)


@pytest.mark.requirement("A5")
def test_the_whole_way(place: Database, tmp_path: Path) -> None:
    """Expand -> apply -> ready: what the sealing names changes its type, one command."""
    catalogue = tmp_path / "pgmask.yml"
    text = (CASE / "catalogue.yml").read_text("utf-8")
    catalogue.write_text(text.replace("unit_id, status]", "unit_id, state]"), "utf-8")
    done = migrate(
        place, "--ticket", "CM-118", "--catalogue", str(catalogue), *APPROVED, script=WIDEN
    )
    assert done == 0
    assert windows(place) == [("olga", OWNER, "CM-118", "installer", "installer", True, "psql", 0)]
    assert not member(place)
    assert drift_of(place) == ()
    with place.connect("app") as app:
        app.execute("INSERT INTO crm.customer VALUES (3, 1, 'Wang Wu', '13800003333', 'new')")
        found = app.execute("SELECT phone, state FROM crm.customer WHERE id = 3").fetchone()
    assert found is not None
    assert "*" in found[0]


def test_the_catalogue_names_the_owner_of_the_stores(
    installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``migrations: {owner: crm_ddl}``: stores are its own, and so are the application's tables."""
    monkeypatch.setenv("PGMASK_MIGRATE_PASSWORD", password("olga"))
    for name, value in installed.server.binaries.environ().items():
        if name.startswith("LD_"):
            monkeypatch.setenv(name, value)
    text = (CASE / "catalogue.yml").read_text("utf-8")
    text = text.replace("{login: olga,", "{login: olga, owner: crm_ddl,").replace(
        "profiles:\n", 'unprotected:\n  - {tables: "ref_*", reason: codes}\nprofiles:\n', 1
    )
    file = tmp_path / "pgmask.yml"
    file.write_text(text, "utf-8")
    installed.run((CASE / "schema.sql").read_text("utf-8") + "CREATE TABLE crm.ref_a (id int);")
    applied(installed, plan_of(installed, load(file)))
    installed.run("GRANT USAGE, CREATE ON SCHEMA crm TO crm_ddl")
    script = (
        "SELECT pgmask.detach('crm.customer'); ALTER TABLE customer RENAME status TO state;"
        " CREATE TABLE ref_new (id int); SELECT * FROM pgmask.attach_all()"
    )
    file.write_text(text.replace("unit_id, status]", "unit_id, state]"), "utf-8")
    done = migrate(installed, "--ticket", "T", "--catalogue", str(file), *APPROVED, script=script)
    assert done == 0
    owner = "SELECT relowner::regrole::text FROM pg_class WHERE oid = %s::regclass"
    for name in ("crm_store.customer", "crm_store.visit_2025", "crm.ref_new"):
        assert installed.rows(owner, name, user="postgres") == [("crm_ddl",)]
    assert drift_of(installed, load(file)) == ()


def test_a_failed_tool_leaves_all_as_it_was(place: Database) -> None:
    broken = "SELECT pgmask.detach('crm.customer'); ALTER TABLE customer DROP status; SELECT 1/0"
    assert migrate(place, "--ticket", "T-2", script=broken) == 1
    assert windows(place)[-1][-1] == 1
    assert not member(place)
    assert drift_of(place) == ()
    # The control: the same without the error passes.
    works = broken.replace("SELECT 1/0", "SELECT pgmask.attach_all()")
    assert migrate(place, "--ticket", "T-2", script=works) == 0
    assert drift_of(place) == ()


def test_forgotten_attach_fails_the_tool(place: Database) -> None:
    assert migrate(place, "--ticket", "T", script="SELECT pgmask.detach('crm.customer')") == 1
    assert drift_of(place) == ()


def test_open_and_close_by_hand(place: Database) -> None:
    with pytest.raises(psycopg.Error) as error:
        detached(place, "olga")
    assert code(error) == "PM217"
    assert migrate(place, "open", "--for", "30m", "--ticket", "CM-1", "--login", "olga") == 0
    assert migrate(place, "open", "--for", "30m", "--ticket", "CM-1", "--login", "olga") == 1
    with detached(place, "olga") as connection:
        connection.execute("SELECT pgmask.attach_all()")
    assert member(place)
    with place.connect() as connection:
        found = {f.code: f.urgency.value for f in examine(connection) if "olga" in f.what}
    assert found == {"PM267": "INFO"}
    assert migrate(place, "close") == 0
    assert not member(place)
    assert migrate(place, "close") == 0


def test_an_overdue_window_is_shut_and_complained_about(place: Database) -> None:
    with place.connect(autocommit=True) as connection:
        open_window(
            connection, login="olga", owner=OWNER, ticket="T", length=duration("30m")
        )  # fmt: skip
    with place.superuser() as su:
        su.execute(
            "UPDATE pgmask_private.migration_window"
            " SET opened_at = now() - interval '2 h', ends_at = now() - interval '1 h'"
        )
    with pytest.raises(psycopg.Error) as error:
        detached(place, "olga")
    assert code(error) == "PM217"
    with place.connect() as connection:
        assert "PM267" in {f.code for f in examine(connection) if f.urgency.value == "NOW"}
    with place.connect(autocommit=True) as connection:
        assert [w.login for w in close_windows(connection)] == ["olga"]
    assert not member(place)


@pytest.mark.requirement("A5")
def test_a_killed_run_is_put_right_by_the_next(place: Database) -> None:
    """SIGKILL leaves the window open; the next run closes it, and so does close."""
    words = [
        sys.executable, "-m", "pgmask", "migrate", "--dsn", place.dsn(), "--ticket", "T-3", "--",
        sys.executable, "-c", "import sys; print('in', flush=True); sys.stdin.read()",
    ]  # fmt: skip
    killed = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"in\n"
    assert member(place)
    assert run(["migrate", "--dsn", place.dsn(), "--ticket", "T-4", "--", "true"]) == 1, "PM264"
    killed.kill()
    killed.communicate()
    assert member(place), "the control: nobody has put it right yet"
    with place.superuser() as su:  # the server notices the lost connection in its own time
        su.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE usename = 'installer' AND datname = current_database()"
        )
    assert run(["migrate", "--dsn", place.dsn(), "--ticket", "T-4", "--", "true"]) == 0
    assert [(w[2], w[-1]) for w in windows(place)] == [("T-3", None), ("T-4", 0)]
    assert not member(place)


def test_an_interrupted_run_closes_its_window(place: Database) -> None:
    words = [
        sys.executable, "-m", "pgmask", "migrate", "--dsn", place.dsn(), "--ticket", "T-5", "--",
        sys.executable, "-c", "import sys; print('in', flush=True); sys.stdin.read()",
    ]  # fmt: skip
    ended = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert ended.stdout is not None
    ended.stdout.readline()
    os.kill(ended.pid, signal.SIGTERM)
    ended.communicate(timeout=60)
    assert ended.returncode == 130
    assert not member(place)
    assert windows(place)[-1][-1] == 130


def test_apply_and_a_migration_do_not_meet(place: Database) -> None:
    """While a transaction has a table detached, an apply is refused (PM233), not mixed in."""
    with place.connect(autocommit=True) as connection:
        open_window(connection, login="olga", owner=OWNER, ticket="T", length=duration("5m"))
    migration = detached(place, "olga")
    words = ["apply", "--dsn", place.dsn(), "--yes-database", place.name]
    catalogue = str(CASE / "catalogue.yml")
    migration.execute("SAVEPOINT s")
    held = "SELECT pg_try_advisory_lock(123589519045483)"
    assert place.rows(held) == [(False,)]
    migration.execute("SELECT pgmask.attach_all()")
    migration.commit()
    assert place.rows(held) == [(True,)]
    assert run([*words, catalogue]) == 0


def test_an_application_reads_on_after_waiting(place: Database) -> None:
    """A reader that meets the lock waits and then sees the view, never a missing one."""
    with place.connect(autocommit=True) as connection:
        open_window(connection, login="olga", owner=OWNER, ticket="T", length=duration("5m"))
    migration = detached(place, "olga")
    psql = [
        str(place.server.binaries.bin / "psql"), "-XAtq", "-d", place.dsn("app"),
        "-c", "SELECT count(*) FROM crm.customer",
    ]  # fmt: skip
    reader = subprocess.Popen(psql, stdout=subprocess.PIPE, env=place.server.binaries.environ())
    with place.superuser() as su:
        for _ in range(2000):
            waits = su.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN"
                " (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
            ).fetchone()
            if waits is not None and waits[0]:
                break
    migration.execute("SELECT pgmask.attach_all()")
    migration.commit()
    out, _ = reader.communicate(timeout=60)
    assert out == b"1\n"


@pytest.mark.parametrize(
    "words",
    [
        ["open", "--login", "olga"],
        ["open", "--login", "nobody_here", "--ticket", "T"],
        ["open", "--login", "olga", "--ticket", "T", "--for", "1w"],
        ["open", "--login", "pgmask_store", "--ticket", "T"],
    ],
)
def test_a_window_needs_login_ticket_and_length(place: Database, words: list[str]) -> None:
    assert migrate(place, *words) == 1
    assert windows(place) == []


def test_a_superuser_is_no_login_for_migrations(place: Database) -> None:
    assert migrate(place, "open", "--login", "postgres", "--ticket", "T") == 3


def test_the_tool_never_gets_the_dbas_secret(place: Database, tmp_path: Path) -> None:
    seen = tmp_path / "env"
    show = f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))"
    words = ["migrate", "--dsn", place.dsn(), "--ticket", "T", "--", sys.executable, "-c", show]
    assert run(words) == 0
    text = seen.read_text("utf-8")
    assert password("installer") not in text
    assert "'PGUSER': 'olga'" in text
