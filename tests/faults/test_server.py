"""A disk that fills, connections that break, timeouts, a server that crashes between batches."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import fill_applied
from tests.faults.world import (
    APPROVED,
    ROWS,
    Site,
    backends,
    failed,
    finished,
    held,
    until,
    waits_for_lock,
)
from tests.harness import Server, binaries_of

pytestmark = pytest.mark.requirement("A5", "B1", "F3")

SLOW = ("--batch-rows", "10", "--max-wal-rate", "60kB")
MOUNT = shutil.which("mount")


@contextlib.contextmanager
def small_disk(site: Site, folder: Path, *, size: str) -> Iterator[Path]:
    """A tablespace ``small`` on a file system of its own, that fills."""
    if os.geteuid() != 0 or MOUNT is None:
        pytest.skip("a file system of a few megabytes can be mounted by root only")
    # Below the folder of the server, which its account may enter.
    place = site.database.server.cluster.folder / f"small-{site.database.name}"
    place.mkdir()
    done = subprocess.run(
        [MOUNT, "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(place)],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        place.rmdir()
        pytest.skip("mount is not allowed here")
    try:
        inner = place / "tablespace"
        inner.mkdir()
        site.database.server.cluster.account.own(inner)
        with site.database.superuser() as su:
            su.execute(f"CREATE TABLESPACE small_{site.database.name} LOCATION '{inner}'".encode())
            su.execute(
                f"ALTER TABLE crm_store.customer SET TABLESPACE small_{site.database.name}".encode()
            )
            su.execute("VACUUM FULL crm_store.customer")
        yield place
        with site.database.superuser() as su:
            su.execute("ALTER TABLE crm_store.customer SET TABLESPACE pg_default")
            su.execute("CHECKPOINT")
            su.execute(f"DROP TABLESPACE small_{site.database.name}".encode())
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
        with contextlib.suppress(OSError):
            place.rmdir()


def test_the_disk_fills_during_seal(applied: Site, tmp_path: Path) -> None:
    with small_disk(applied, tmp_path, size="2m") as place:
        free = os.statvfs(place)
        ballast = place / "ballast"
        ballast.write_bytes(b"x" * (free.f_bavail * free.f_bsize - 20_000))
        done = applied.refused("seal", "crm.customer", "--batch-rows", "10", code="PM323",
                               says="the disk is full")  # fmt: skip
        assert "Make room" in done.stderr
        sealed = applied.sealed_rows()
        assert 0 <= sealed < ROWS
        assert sum(v is not None for v in applied.truths().values()) == sealed
        applied.closed()
        assert applied.app_reads() == ROWS // 2
        # Room again: it goes on.
        ballast.unlink()
        applied.seal()
        applied.whole()


def test_the_disk_fills_under_an_application(sealed: Site, tmp_path: Path) -> None:
    """Other verbs and the application meet it as well; nothing is half written."""
    with small_disk(sealed, tmp_path, size="2m") as place:
        free = os.statvfs(place)
        ballast = place / "ballast"
        ballast.write_bytes(b"x" * (free.f_bavail * free.f_bsize - 4_000))

        def write() -> None:
            with psycopg.connect(sealed.database.dsn("app")) as app:
                for number in range(5000):
                    app.execute(
                        "INSERT INTO crm.customer (unit_id, name, phone) VALUES (1, %s, %s)",
                        ("Tang Jinsong", f"1391234{number:04d}"),
                    )

        with pytest.raises(psycopg.errors.DiskFull) as caught:
            write()
        assert "1391234" not in str(caught.value)
        assert sealed.app_reads() == ROWS // 2
        ballast.unlink()
        sealed.whole()


class TestConnections:
    """Cancelled statements, timeouts, connections cut."""

    def test_an_apply_is_cancelled(self, plain: Site) -> None:
        su = plain.database.superuser()
        with held(plain.database, "LOCK TABLE crm.policy IN ACCESS SHARE MODE"):
            process = plain.start("apply", "plan.json", *APPROVED)
            until(lambda: waits_for_lock(su) or process.poll() is not None)
            for pid in backends(su):
                su.execute("SELECT pg_cancel_backend(%s)", (pid,))
            done = finished(process)
        failed(done, code="PM030")
        plain.people()
        plain.closed()
        plain.apply()
        plain.seal()
        plain.whole()

    def test_a_seal_is_cancelled(self, applied: Site) -> None:
        su = applied.database.superuser()
        with held(applied.database, "LOCK TABLE crm_store.customer IN SHARE ROW EXCLUSIVE MODE"):
            process = applied.start("seal", "crm.customer")
            until(lambda: waits_for_lock(su) or process.poll() is not None)
            for pid in backends(su):
                su.execute("SELECT pg_cancel_backend(%s)", (pid,))
            failed(finished(process), code="PM323", says="goes on where it stopped")
        applied.closed()
        applied.seal()
        applied.whole()

    def test_timeouts_of_the_login_do_not_end_long_work(self, plain: Site) -> None:
        """A statement_timeout meant for applications: apply and seal set it aside, as pg_dump does;
        verbs that only read meet it and say so.
        """
        setting = f'ALTER ROLE installer IN DATABASE "{plain.database.name}"'
        with plain.database.superuser() as su:
            su.execute(f"{setting} SET statement_timeout = '1s'".encode())
        wait = ("--lock-timeout", "1500", "--attempts", "1")
        with held(plain.database, "LOCK TABLE crm.policy IN ACCESS SHARE MODE"):
            plain.refused("apply", "plan.json", *APPROVED, *wait, code="PM234")
        plain.apply()
        plain.people()
        with held(plain.database, "LOCK TABLE crm_store.customer IN SHARE ROW EXCLUSIVE MODE"):
            plain.refused("seal", "crm.customer", *wait, code="PM323", says="a lock")
        with held(plain.database, "LOCK TABLE crm_store.customer IN ACCESS EXCLUSIVE MODE"):
            plain.refused("drift", code="PM030", says="statement_timeout")
        plain.seal()
        plain.whole()


class TestCrash:
    """The server stops without a word between two batches; the loaded key is gone with it."""

    @pytest.fixture
    def crashing(self, server: Server, tmp_path: Path) -> Iterator[Site]:
        """A cluster of its own: others would lose their keys with it."""
        own = Server(binaries_of(server.major))
        try:
            own.start()
            with own.admin() as connection:
                # What was committed before the crash is what the test looks for after it.
                connection.execute("ALTER SYSTEM SET synchronous_commit = on")
                connection.execute("SELECT pg_reload_conf()")
            site = Site(database=own.create_database(name="crashing"), folder=tmp_path)
            fill_applied(site)
            yield site
            site.close()
        finally:
            own.stop()

    def test_between_batches(self, crashing: Site) -> None:
        process = crashing.start("seal", "--all", *SLOW)
        until(lambda: crashing.sealed_rows() or process.poll() is not None)
        assert process.poll() is None, finished(process)
        before = crashing.protections()
        cluster = crashing.database.server.cluster
        assert cluster._pg_ctl("-w", "-m", "immediate", "stop") == 0
        done = finished(process)
        assert done.returncode == 1
        assert "PM323" in done.stderr or "PM020" in done.stderr, done.stderr
        assert "PM901" not in done.stderr
        crashing.refused("seal", "--all", code="PM020")
        cluster.start()
        # Reads go on, writes of sealed values and seal say what is missing.
        assert crashing.app_reads() == ROWS // 2
        crashing.closed()
        assert crashing.protections() == before
        with pytest.raises(psycopg.Error) as caught:
            crashing.app_writes()
        assert caught.value.sqlstate == "PM310"
        assert "keys load" in str(caught.value.diag.message_hint)
        crashing.refused("seal", "--all", code="PM310", says="keys load")
        assert crashing.run("keys", "status").returncode == 2
        sealed = crashing.sealed_rows()
        assert sum(v is not None for v in crashing.truths().values()) == sealed < ROWS
        crashing.fine("keys", "load", "1.key")
        crashing.app_writes()
        crashing.seal()
        crashing.whole(changed={2: "13900001111"})
