"""Servers of our own: made, started, stopped, kept, thrown away, as root and as anybody."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask.errors import ServerError
from pgmask.server import cluster as clusters
from pgmask.server import connect, create_cluster, find_binaries, open_cluster, throw_away
from pgmask.server.account import Account, scratch_dir, server_account
from tests.harness import Server


def test_server_listens_on_this_machine_only(server: Server) -> None:
    with server.admin() as connection:
        shown = dict(
            connection.execute(
                "SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY (%s)",
                (["listen_addresses", "ssl", *clusters.RECOMMENDED],),
            ).fetchall()
        )
        methods = connection.execute(
            "SELECT DISTINCT auth_method, coalesce(address, 'local')"
            " FROM pg_catalog.pg_hba_file_rules ORDER BY 1, 2"
        ).fetchall()
    assert shown == {"listen_addresses": "127.0.0.1", "ssl": "on", **clusters.RECOMMENDED}
    assert methods == [("scram-sha-256", a) for a in ("127.0.0.1", "::1", "local")]


def test_server_has_tls_and_scram_over_loopback(server: Server) -> None:
    dsn = server.dsn("mallory", host="127.0.0.1", sslmode="require")
    with psycopg.connect(dsn) as connection:
        assert connection.pgconn.used_password
        row = connection.execute(
            "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()"
        ).fetchone()
    assert row == (True,)
    with server.admin() as connection:
        stored = connection.execute("SELECT rolpassword FROM pg_catalog.pg_authid").fetchall()
    assert all(p is None or p.startswith("SCRAM-SHA-256$") for (p,) in stored)


def test_server_is_utf8_in_the_neutral_locale(server: Server) -> None:
    with server.admin() as connection:
        assert connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype"
            " FROM pg_catalog.pg_database WHERE datname = 'postgres'"
        ).fetchone() == ("UTF8", "C.UTF-8", "C.UTF-8")


def test_pgcrypto_is_there(server: Server) -> None:
    with server.admin() as connection:
        assert connection.execute(
            "SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'pgcrypto'"
        ).fetchone()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder the server's account can enter; pytest's own temporary folders are private."""
    made = scratch_dir(server_account(), "pgmask-test-")
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("major", [15, 18])
def test_kept_server_is_durable_and_survives_a_stop(major: int, place: Path) -> None:
    try:
        binaries = find_binaries(major)
    except ServerError as error:
        pytest.skip(str(error))
    made = create_cluster(place / "kept", binaries=binaries)
    try:
        made.start()
        with connect(made.dsn(), autocommit=True) as connection:
            shown = connection.execute(
                "SELECT current_setting('fsync'), current_setting('data_checksums')"
            ).fetchone()
            assert shown == ("on", "on")
            connection.execute("CREATE TABLE kept (id int)")
        made.stop()
        assert not made.running()
        again = open_cluster(made.folder)
        assert again == made
        assert made.password not in repr(again)
        again.start()
        with connect(again.dsn()) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        state = made.folder / "server.json"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        with pytest.raises(ServerError, match="is not empty"):
            create_cluster(made.folder, binaries=binaries)
    finally:
        made.stop()


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_throw_away_server_leaves_nothing() -> None:
    with throw_away() as made:
        assert made.running()
        with connect(made.dsn()) as connection:
            assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("off",)
        pid = int((made.data / "postmaster.pid").read_text().split()[0])
    assert not made.folder.exists()
    assert not alive(pid)


def test_server_of_a_killed_process_is_removed_by_the_next() -> None:
    code = (
        "import os, pgmask.server as s\n"
        "made = s.create_cluster(); made.start()\n"
        "print(made.folder, flush=True); os._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    folder = Path(done.stdout.strip())
    assert done.returncode == 9
    pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    assert alive(pid)
    clusters.remove_abandoned()
    assert not folder.exists()
    assert not alive(pid)


def test_a_server_in_use_is_not_abandoned() -> None:
    with throw_away() as made:
        clusters.remove_abandoned()
        assert made.running()


def test_a_port_taken_meanwhile_is_a_clear_error(server: Server) -> None:
    made = create_cluster(settings={"port": str(server.cluster.port)})
    try:
        with pytest.raises(ServerError) as caught:
            made.start()
    finally:
        made.stop()
    assert caught.value.code == "PM022"
    assert "Address already in use" in caught.value.detail
    assert made.password not in f"{caught.value}{caught.value.detail}{caught.value.hint}"


def test_a_wrong_setting_is_a_clear_error() -> None:
    with pytest.raises(ServerError, match="not the name of a setting"):
        create_cluster(settings={"x'\ninclude": "1"})


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="too long for a unix socket"):
        create_cluster(tmp_path / ("x" * 90))
    link = tmp_path / "short"
    link.symlink_to(tmp_path / ("y" * 90))
    with pytest.raises(ServerError, match="too long for a unix socket"):
        create_cluster(link)


def test_an_unknown_version_says_what_to_do() -> None:
    with pytest.raises(ServerError) as caught:
        find_binaries(9)
    assert caught.value.code == "PM021"
    assert "--dsn" in caught.value.hint


def test_a_folder_without_a_server_is_refused(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"major": 15}))
    with pytest.raises(ServerError, match="not a server kept by pgmask"):
        open_cluster(tmp_path)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")


@needs_root
def test_root_hands_the_server_to_an_ordinary_account() -> None:
    account = server_account()
    assert account.switch
    assert account.uid != 0
    with throw_away() as made:
        assert made.data.stat().st_uid == account.uid
        pid = int((made.data / "postmaster.pid").read_text().split()[0])
        assert Path(f"/proc/{pid}").stat().st_uid == account.uid
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Groups:\t\n" in status.replace(" ", "")


@needs_root
def test_root_is_told_of_a_folder_the_account_cannot_enter(place: Path) -> None:
    # Not pytest's folder: its length is another with every run, and a socket's path is short.
    os.chown(place, 0, 0)
    place.chmod(0o700)
    with pytest.raises(ServerError, match="cannot enter") as caught:
        create_cluster(place / "kept")
    assert caught.value.code == "PM022"


@needs_root
def test_root_without_an_account_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGMASK_SERVER_USER", "nobody-of-that-name")
    with pytest.raises(ServerError, match="no unprivileged account"):
        server_account()
    monkeypatch.setenv("PGMASK_SERVER_USER", "root")
    with pytest.raises(ServerError, match="no unprivileged account"):
        server_account()


@needs_root
def test_an_unreachable_temporary_folder_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = scratch_dir(server_account(), "pgmask-test-")
    assert not made.is_relative_to(tmp_path)
    made.rmdir()


def test_a_program_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    me = Account(name="me", uid=os.geteuid(), gid=os.getegid(), switch=False)
    with pytest.raises(ServerError, match="cannot be started"):
        me.run([tmp_path / "nothing"], environ={}, cwd=tmp_path)
    with pytest.raises(ServerError, match="did not end within"):
        me.run(["/bin/sleep", "5"], environ={}, cwd=tmp_path, timeout=0.1)


@pytest.mark.skipif(os.geteuid() == 0, reason="an ordinary user runs servers as himself")
def test_an_ordinary_user_runs_the_server_himself() -> None:
    with throw_away() as made:
        assert made.data.stat().st_uid == os.geteuid()
        assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700


def test_embedded_programs_are_unpacked_once_and_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pg0", reason="the embedded PostgreSQL is not installed")
    from pgmask.server import binaries

    monkeypatch.setattr(binaries, "_system", lambda: iter(()))
    monkeypatch.setenv("PGMASK_CACHE", str(tmp_path / "cache"))
    old = os.umask(0o077)
    try:
        found = find_binaries()
    finally:
        os.umask(old)
    assert found.origin == "embedded"
    assert found.major == 18
    assert found.environ()["LD_LIBRARY_PATH"] == str(found.lib)
    assert found == find_binaries(18)
    for path in (found.bin, found.bin / "postgres", found.bin / "pg_dump"):
        assert path.stat().st_mode & 0o555 == 0o555
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["lock", found.bin.parent.name]


def test_a_cache_that_cannot_be_made_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pg0", reason="the embedded PostgreSQL is not installed")
    (tmp_path / "file").touch()
    monkeypatch.setenv("PGMASK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ServerError, match="cannot be unpacked") as caught:
        find_binaries(18)
    assert "PGMASK_CACHE" in caught.value.hint
