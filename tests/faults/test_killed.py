"""``apply`` and ``seal`` killed at many points: nothing half done, the same command goes on."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from tests.faults.world import (
    APPROVED,
    ROWS,
    Site,
    backends,
    failed,
    finished,
    held,
    kill,
    until,
    waits_for_lock,
)
from tests.harness import Connection

pytestmark = pytest.mark.requirement("A5", "B1")

SLOW = ("--batch-rows", "10", "--max-wal-rate", "60kB")
"""Small batches with pauses between them, so that a kill meets one in the middle of its work."""


@pytest.fixture
def su(plain: Site) -> Connection:
    return plain.database.superuser()


def gone(su: Connection) -> None:
    """Wait until the server has noticed that its client was killed."""
    until(lambda: not backends(su), what="the killed client's server process to end")


class TestApply:
    """Steps: what is shared, crm.customer, crm.policy, the end."""

    # Each point: who holds what, so that the apply comes to a halt there.
    def halted(self, site: Site, su: Connection, *locks: str) -> subprocess.Popen[str]:
        self.holder = held(site.database, *(f"LOCK TABLE {lock}" for lock in locks))
        self.holder.__enter__()
        process = site.start("apply", "plan.json", *APPROVED)
        until(lambda: waits_for_lock(su) or process.poll() is not None, what="the lock")
        assert process.poll() is None, finished(process)
        return process

    @pytest.mark.parametrize("signal", ["client", "server"])
    @pytest.mark.parametrize(
        ("lock", "stands"),
        [
            ("pgmask_private.deployment IN SHARE MODE", 0),
            ("pgmask_private.managed_object IN SHARE MODE", 0),
            ("pgmask_private.deployment_step IN SHARE MODE", 0),
            ("crm.customer IN ACCESS SHARE MODE", 0),
            ("crm.policy IN ACCESS SHARE MODE", 1),
        ],
        ids=["beginning", "in the shared step", "its end", "before customer", "before policy"],
    )
    def test_at(self, plain: Site, su: Connection, lock: str, stands: int, signal: str) -> None:
        process = self.halted(plain, su, lock)
        self.end(process, su, signal)
        self.holder.__exit__(None, None, None)
        gone(su)
        self.half(plain, su, stands)

    @pytest.mark.parametrize("signal", ["client", "server"])
    def test_at_the_end_of_a_table(self, plain: Site, su: Connection, signal: str) -> None:
        """Everything of crm.customer is done but its COMMIT."""
        process = self.halted(plain, su, "crm.customer IN ACCESS SHARE MODE")
        with held(plain.database, "LOCK TABLE pgmask_private.deployment_step IN SHARE MODE"):
            self.holder.__exit__(None, None, None)
            until(
                lambda: su.execute(
                    "SELECT 1 FROM pg_locks WHERE relation ="
                    " 'pgmask_private.deployment_step'::regclass AND NOT granted"
                ).fetchone(),
                what="the end of the step",
            )
            self.end(process, su, signal)
        gone(su)
        self.half(plain, su, 0)

    def end(self, process: subprocess.Popen[str], su: Connection, signal: str) -> None:
        if signal == "client":
            kill(process)
            return
        for pid in backends(su):
            su.execute("SELECT pg_terminate_backend(%s)", (pid,))
        failed(finished(process), code="PM020", says="connection was lost")

    def half(self, site: Site, su: Connection, stands: int) -> None:
        """Whole tables only; who saw nothing sees nothing; then the same plan, and a seal."""
        site.people()
        there = su.execute(
            "SELECT to_regclass('crm_store.customer') IS NOT NULL,"
            " to_regclass('crm_store.policy') IS NOT NULL"
        ).fetchone()
        assert there == (stands > 0, stands > 1)
        forced = {p[1] for p in site.protections() if p[0] == "forced"}
        assert forced == ({"crm_store.customer"} if stands else set())
        site.closed()
        # The application goes on: unprotected tables as ever, protected ones through their views.
        assert site.app_reads() == (ROWS // 2 if stands else ROWS)
        with psycopg.connect(site.database.dsn("app")) as app:
            app.execute("UPDATE crm.policy SET bank = '6222020299990001' WHERE id = 7")
            app.rollback()
        site.apply()
        assert site.run("plan", "catalogue.yml", "--check").returncode == 0
        site.fine("drift")
        site.people()
        site.seal()
        site.whole()

    def test_at_the_very_end(self, plain: Site, su: Connection) -> None:
        """All tables stand; only the deployment's own row is not finished."""
        process = self.halted(plain, su, "crm.policy IN ACCESS SHARE MODE")
        number = su.execute("SELECT max(id) FROM pgmask_private.deployment").fetchone()
        with held(
            plain.database,
            "SELECT 1 FROM pgmask_private.deployment AS d"
            f" WHERE d.id = {number[0] if number else 0} FOR NO KEY UPDATE",
        ):
            self.holder.__exit__(None, None, None)
            until(
                lambda: su.execute("SELECT to_regclass('crm_store.policy')").fetchone() != (None,),
                what="the last table",
            )
            until(lambda: waits_for_lock(su))
            kill(process)
        gone(su)
        plain.people()
        plain.closed()
        plain.refused("seal", "--all", code="PM320", exit_code=3, says="apply")
        assert "3 were done before" in plain.apply().stderr
        plain.seal()
        plain.whole()


class TestSeal:
    """Killed in the middle, twice, and resumed: no row twice, none left, every truth there."""

    @pytest.mark.parametrize("signal", ["client", "server"])
    def test_killed_twice(self, applied: Site, signal: str) -> None:
        su = applied.database.superuser()
        # Counts every sealing of a row: NULL to a sealed value, or one sealed value to another.
        su.execute(
            "CREATE TABLE public.sealings (id bigint, again boolean);"
            " CREATE FUNCTION public.count_sealing() RETURNS trigger LANGUAGE plpgsql"
            " SECURITY DEFINER AS $$ BEGIN"
            " IF NEW.pgmask_sealed IS DISTINCT FROM OLD.pgmask_sealed THEN"
            " INSERT INTO public.sealings VALUES (NEW.id, OLD.pgmask_sealed IS NOT NULL); END IF;"
            " RETURN NULL; END $$;"
            " CREATE TRIGGER zzzz_count AFTER UPDATE ON crm_store.customer"
            " FOR EACH ROW EXECUTE FUNCTION public.count_sealing()"
        )
        reached = 0
        before = applied.protections()
        for _ in range(2):
            process = applied.start("seal", "--all", *SLOW)
            until(
                lambda: applied.sealed_rows() > reached or process.poll() is not None,  # noqa: B023
                what="a batch",
            )
            assert process.poll() is None, finished(process)
            if signal == "client":
                kill(process)
            else:
                for pid in backends(su):
                    su.execute("SELECT pg_terminate_backend(%s)", (pid,))
                failed(finished(process), code="PM323", says="goes on where it stopped")
            gone(su)
            reached = applied.sealed_rows()
            assert 0 < reached < ROWS
            half = applied.truths()
            assert sum(v is not None for v in half.values()) == reached
            # Meanwhile: masks or what the application had, and nothing for anybody else.
            assert applied.protections() == before
            applied.closed()
            assert applied.app_reads() == ROWS // 2
            applied.app_writes("13955556666", key=2)
            verified = applied.run("seal", "--all", "--verify")
            assert verified.returncode == 2, "rows are still plain"
            assert "plain" in verified.stdout
        su.execute("DELETE FROM public.sealings WHERE id = 2")  # written by the application
        applied.seal()
        found = su.execute(
            "SELECT count(*), count(DISTINCT id), bool_or(again) FROM public.sealings"
        )
        assert found.fetchone() in ((ROWS - 1, ROWS - 1, False), (ROWS, ROWS, False))
        su.execute("DROP TRIGGER zzzz_count ON crm_store.customer")
        applied.whole(changed={2: "13955556666"})
        assert su.execute(
            "SELECT every(stage = 'enforced' AND sealed_at IS NOT NULL) FROM pgmask_private.store_table"  # noqa: E501
        ).fetchone() == (True,)
        # Sealed: the analyst is let in, to masks.
        assert applied.sees("alan", "SELECT count(*) FROM analyst.customer") == [(ROWS,)]
        applied.closed_but_masked()

    def test_killed_in_the_end_game(self, applied: Site) -> None:
        """All rows are sealed; the kill meets the validation of the CHECKs."""
        su = applied.database.superuser()
        with held(applied.database, "LOCK TABLE pgmask_private.store_table IN SHARE MODE"):
            process = applied.start("seal", "--all")
            until(lambda: waits_for_lock(su) or process.poll() is not None)
            assert process.poll() is None, finished(process)
            kill(process)
        gone(su)
        applied.closed()
        applied.seal()
        applied.whole()
        assert applied.sees("alan", "SELECT count(*) FROM analyst.customer") == [(ROWS,)]
