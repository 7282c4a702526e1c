"""What goes wrong while a plan is applied: nothing lost, nothing half done, a way out."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from pgmask.apply import run as apply_run
from pgmask.apply.rehearse import rehearse
from pgmask.errors import PlanError, Refused
from pgmask.plan import Plan, load
from tests.harness import Database, Server
from tests.spine.world import APPROVAL, applied, catalogue_of, drift_of, fill, plan_of

pytestmark = pytest.mark.requirement("A4", "A5")


@pytest.fixture
def planned(installed: Database) -> tuple[Database, Plan]:
    fill(installed, "two_tables")
    return installed, plan_of(installed, catalogue_of("two_tables"))


def _code(database: Database, plan: Plan, **options: object) -> str:
    with pytest.raises(PlanError) as caught:
        applied(database, plan, **options)
    return caught.value.code


def test_a_killed_apply_goes_on(
    planned: tuple[Database, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, plan = planned
    real = apply_run.run_step

    def killed(connection: apply_run.Connection, step: object, **options: int) -> object:
        found = real(connection, step, **options)  # type: ignore[arg-type]
        if getattr(step, "table", "") == "crm.policy":
            with database.superuser() as su:  # the backend is gone before COMMIT
                su.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        return found

    monkeypatch.setattr(apply_run, "run_step", killed)
    with pytest.raises(psycopg.OperationalError):
        applied(database, plan)
    monkeypatch.undo()
    state = database.rows(
        "SELECT (SELECT count(*) FROM pgmask_private.store_table),"
        " to_regclass('crm_store.customer') IS NOT NULL, to_regclass('crm_store.policy') IS NULL,"
        " (SELECT count(*) FROM pgmask.deployed)"
    )
    assert state == [(1, True, True, 0)], "the finished table stands, the killed one is untouched"
    # The table that is not yet protected is as it was; the other is closed.
    assert database.rows("SELECT count(*) FROM crm.policy") == [(10,)]
    # The same plan goes on where it stopped.
    outcome = applied(database, load(plan.to_json()))
    assert (outcome.steps, outcome.resumed) == (1, 2)
    assert drift_of(database, catalogue_of("two_tables")) == ()
    assert database.rows("SELECT author, approver, approval_ref FROM pgmask.deployed") == [
        ("ann", "dora", "OP-1")
    ]


def test_a_new_plan_also_goes_on(planned: tuple[Database, Plan]) -> None:
    database, plan = planned
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for step in plan.steps[:2]:
            with connection.transaction():
                apply_run.run_step(connection, step, lock_timeout_ms=2000)
    again = plan_of(database, catalogue_of("two_tables"))
    assert [s.table for s in again.steps] == ["crm.policy"]
    applied(database, again)
    assert plan_of(database, catalogue_of("two_tables")).empty


def test_a_held_lock_is_retried_and_then_refused(planned: tuple[Database, Plan]) -> None:
    database, plan = planned
    holder = database.connect()
    holder.execute("LOCK TABLE crm.customer IN ACCESS SHARE MODE")
    began = time.monotonic()
    assert _code(database, plan, lock_timeout_ms=200, attempts=2) == "PM234"
    assert time.monotonic() - began < 30
    # Traffic was never long behind it, and nothing of the table was touched.
    assert database.rows("SELECT count(*) FROM crm.customer") == [(10,)]
    # Let go while the second try waits: the apply ends well.
    timer = threading.Timer(0.3, holder.rollback)
    timer.start()
    outcome = applied(database, plan, lock_timeout_ms=500, attempts=8)
    timer.join()
    assert outcome.resumed == 1
    assert plan_of(database, catalogue_of("two_tables")).empty


def test_one_apply_at_a_time(planned: tuple[Database, Plan]) -> None:
    database, plan = planned
    other = database.connect(autocommit=True)
    other.execute("SELECT pg_advisory_lock(%s)", (apply_run.LOCK,))
    assert _code(database, plan) == "PM233"
    other.close()
    applied(database, plan)


def test_the_state_a_plan_was_made_for(planned: tuple[Database, Plan]) -> None:
    database, plan = planned
    database.run("ALTER TABLE crm.customer ADD COLUMN region text")
    assert _code(database, plan) == "PM230"
    assert database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]


def test_a_plan_for_another_database(planned: tuple[Database, Plan], installed: Database) -> None:
    database, plan = planned
    with database.server.database() as other:
        assert _code(other, plan) == "PM241"


def test_a_failing_statement_undoes_its_table_and_tells_no_value(
    planned: tuple[Database, Plan],
) -> None:
    database, plan = planned
    text = plan.to_json().replace(
        'CREATE OR REPLACE VIEW \\"crm\\".\\"policy\\" AS\\nSELECT',
        'CREATE OR REPLACE VIEW \\"crm\\".\\"policy\\" AS\\nSELECT s.nothing,',
    )
    broken = load(text)
    assert broken.hash != plan.hash
    with pytest.raises(PlanError) as caught:
        applied(database, broken)
    assert caught.value.code in ("PM237", "PM236")
    assert "Zhang" not in str(caught.value) + caught.value.detail
    assert "view:crm.policy could not be made (42703)" in str(caught.value)
    assert "s.nothing" in caught.value.detail
    assert "more lines" in caught.value.detail
    assert len(caught.value.detail.splitlines()) <= 5
    assert database.rows("SELECT to_regclass('crm_store.policy')") == [(None,)]
    # The table before it is done; a new plan goes on.
    applied(database, plan_of(database, catalogue_of("two_tables")))
    assert plan_of(database, catalogue_of("two_tables")).empty


def test_rehearsal_changes_nothing(planned: tuple[Database, Plan]) -> None:
    database, plan = planned
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        assert rehearse(connection, plan) == sum(len(s.statements) for s in plan.steps)
    assert database.rows(
        "SELECT to_regclass('crm_store.customer'), (SELECT count(*) FROM"
        " pgmask_private.managed_object), (SELECT count(*) FROM pgmask_private.deployment)"
    ) == [(None, 0, 0)]
    assert plan_of(database, catalogue_of("two_tables")).hash == plan.hash


def test_too_many_locks_are_refused_before_anything(planned: tuple[Database, Plan]) -> None:
    import dataclasses

    database, plan = planned
    assert _code(database, dataclasses.replace(plan, lock_slots=40)) == "PM235"
    assert database.rows("SELECT count(*) FROM pgmask_private.deployment") == [(0,)]


def test_a_login_without_rights(planned: tuple[Database, Plan]) -> None:
    database, _ = planned
    with database.superuser() as su:
        # A role of its own: other databases of the cluster may have let the installer act as olga.
        su.execute(
            "DO $$ BEGIN CREATE ROLE apart; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        su.execute("ALTER TABLE crm.customer OWNER TO apart")
        su.execute("GRANT USAGE ON SCHEMA crm TO apart")
    plan = plan_of(database, catalogue_of("two_tables"))
    assert _code(database, plan) == "PM242"
    assert database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]


def test_a_grant_that_comes_by_another_way_is_found(adopted: Database) -> None:
    """A REVOKE that leaves the right in place: a membership gives it all the same."""
    with adopted.superuser() as su:
        su.execute("GRANT pg_read_all_data TO pgmask_analyst")
    try:
        plan = plan_of(adopted, catalogue_of("two_tables", "next.yml"))
        back = plan_of(adopted, catalogue_of("two_tables"))
        assert back.steps[0].drifted == (("role:pgmask_analyst", ("member_of",)),)
        assert {s.table for s in plan.steps} >= {"crm.customer", "crm.policy"}
    finally:
        with adopted.superuser() as su:
            su.execute("REVOKE pg_read_all_data FROM pgmask_analyst")


class TestApproval:
    """A5: another person than the author answers for what widens."""

    def test_is_needed(self, planned: tuple[Database, Plan]) -> None:
        database, plan = planned
        assert plan.needs_approval
        for approval in (None, apply_run.Approval(by=" ", reference="x")):
            with pytest.raises(Refused) as caught:
                applied(database, plan, approval=approval)
            assert (caught.value.code, caught.value.exit_code) == ("PM232", 3)

    def test_by_another_person(self, planned: tuple[Database, Plan]) -> None:
        database, plan = planned
        for author in ("Dora", "", "dora "):
            with pytest.raises(Refused) as caught:
                apply_run.check_allowed(plan, allow=frozenset(), approval=APPROVAL, author=author)
            assert caught.value.code == "PM232"
        # The server holds to it as well.
        with pytest.raises(psycopg.errors.CheckViolation):
            database.run(
                "INSERT INTO pgmask_private.deployment (catalogue_hash, catalogue, access,"
                " plan_hash, page_hash, author, approver, approval_ref, pgmask_version)"
                " VALUES ('', '{}', '{}', '', '', 'a', 'a', 'x', '')"
            )

    def test_is_recorded_with_the_page(self, planned: tuple[Database, Plan]) -> None:
        database, plan = planned
        applied(database, plan)
        found = database.rows(
            "SELECT catalogue_hash, author, approver, page_hash FROM pgmask.deployed",
            user="mallory",
        )
        assert found == [(catalogue_of("two_tables").hash, "ann", "dora", plan.page_hash)]

    def test_narrowing_needs_none(self, adopted: Database) -> None:
        import dataclasses

        catalogue = catalogue_of("two_tables")
        profiles = tuple(
            dataclasses.replace(p, operations=(("crm.customer", p.operations[0][1]),))
            for p in catalogue.profiles
        )
        plan = plan_of(adopted, dataclasses.replace(catalogue, profiles=profiles))
        assert not plan.needs_approval
        applied(adopted, plan, approval=None)
        assert adopted.rows("SELECT to_regclass('crm.policy'), to_regclass('analyst.policy')") == [
            (None, None)
        ]

    def test_protection_is_not_dropped_unasked(self, adopted: Database) -> None:
        with adopted.superuser() as su:
            su.execute("SELECT 1")
        catalogue = catalogue_of("two_tables")
        import dataclasses

        without = dataclasses.replace(catalogue, tables=catalogue.tables[:1])
        with pytest.raises(PlanError) as caught:
            plan_of(adopted, without)
        assert "PM203 crm.policy" in caught.value.detail


def test_a_right_that_survives_its_revoke_stops_the_step(
    planned: tuple[Database, Plan], server: Server
) -> None:
    """``app`` would keep a right through a role that the plan does not know of."""
    database, _ = planned
    server.role("spine_group")
    with database.superuser() as su:
        su.execute("GRANT spine_group TO app")
    plan = plan_of(database, catalogue_of("two_tables"))
    note = 'COMMENT ON POLICY \\"pgmask_all_backup\\" ON \\"crm_store\\".\\"policy\\" IS'
    more = 'GRANT SELECT ON TABLE \\"crm_store\\".\\"policy\\" TO spine_group'
    text = plan.to_json().replace(note, more + '"},{"object":"x","comment":"","text":"' + note)
    try:
        with pytest.raises(PlanError) as caught:
            applied(database, load(text))
        assert caught.value.code == "PM236"
        assert "still has privileges: spine_group=r" in caught.value.detail
        assert database.rows("SELECT to_regclass('crm_store.policy')") == [(None,)]
    finally:
        with database.superuser() as su:
            su.execute("REVOKE spine_group FROM app")
