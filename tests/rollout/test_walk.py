"""The walk of two tables through every stage and back (B7, A5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from pgmask.errors import PlanError, PlanRefused
from pgmask.plan.render import tables as table_lines
from tests.harness import Database, Server
from tests.rollout.world import (
    PHONE,
    application_dump,
    ask,
    at,
    bring,
    fill,
    people,
    refused,
    stages,
)
from tests.spine.world import applied, catalogue_of, drift_of, plan_of
from tests.spine.world import fill as fill_case

NEW_PHONE = "UPDATE crm.customer SET phone = '13900001111' WHERE id = 5"
pytestmark = pytest.mark.requirement("B7", "A5")


def _observed(database: Database) -> None:
    fill(database)
    bring(database, "observe")
    people(database)


@pytest.fixture
def plain(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("rollout_plain", fill)) as made:
        yield made


@pytest.fixture
def observed(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("rollout_observed", _observed)) as made:
        yield made


def settled(database: Database, customer: str, policy: str = "") -> None:
    """Planning again is empty and nothing drifted."""
    catalogue = at(customer, policy)
    again = plan_of(database, catalogue)
    assert [(s.table, s.drifted, [st.text for st in s.statements]) for s in again.steps] == []
    assert drift_of(database, catalogue) == ()


def test_observe_touches_nothing_of_the_table(plain: Database) -> None:
    before = application_dump(plain)
    bring(plain, "observe")
    people(plain)
    settled(plain, "observe")
    assert application_dump(plain) == before
    assert stages(plain) == {"crm.customer": "observe", "crm.policy": "observe"}
    # Whoever used the table goes on: plain values, writes, its own name.
    assert ask(plain, "app", "SELECT phone FROM crm.customer WHERE id = 5") == [(PHONE,)]
    assert refused(plain, "app", NEW_PHONE) == ""


def test_observed_views_mask_and_keep_rows_back(observed: Database) -> None:
    rows = ask(observed, "app", "SELECT phone, name, id_no FROM customer WHERE id = 5", "agent")
    assert rows == [("138****5605", "Wang Xiaoming", rows[0][2])]
    assert "*" in rows[0][2]
    # Unit 2 has the odd customers; number 10 is of high value, and nobody here may see it.
    ids = ask(observed, "app", "SELECT array_agg(id ORDER BY id) FROM agent.customer")
    assert ids == [([1, 3, 5, 7, 9],)]
    # A child takes its unit from the row of its subject.
    held = ask(observed, "app", "SELECT array_agg(holder_id ORDER BY 1) FROM agent.policy")
    assert held == [([1, 3, 5, 7, 9],)]
    account = ask(observed, "app", "SELECT account FROM agent.policy WHERE holder_id = 5")[0][0]
    assert "*" in account
    # Who waits for the seal waits; nobody writes through a view of an observed table.
    assert refused(observed, "alan", "SELECT FROM analyst.customer") == "42501"
    assert refused(observed, "app", "UPDATE agent.customer SET city = 'x'") == "42501"
    # Without identity the view is an error; the table itself is as it was.
    with observed.superuser() as su:
        su.execute("DELETE FROM pgmask_private.effective_login WHERE login = 'app'")
    assert refused(observed, "app", "SELECT FROM agent.customer WHERE id = -1") in {
        "PM101",
        "PM103",
    }
    assert refused(observed, "app", "SELECT FROM crm.customer") == ""


def test_a_leaky_function_sees_no_row_that_the_observed_view_keeps_back(observed: Database) -> None:
    leak = (
        "CREATE FUNCTION pg_temp.leak(bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
        " AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$"
    )
    query = "SELECT count(*) FROM agent.customer WHERE pg_temp.leak(id)"

    def seen() -> set[str]:
        told: set[str] = set()
        with psycopg.connect(observed.dsn("app")) as connection:
            connection.add_notice_handler(lambda d: told.add(str(d.message_primary)))
            for scan in ("indexscan", "bitmapscan"):
                connection.execute(f"SET enable_{scan} = off".encode())
            connection.execute(leak)
            connection.execute(query)
        return told

    assert seen() == {f"saw {n}" for n in (1, 3, 5, 7, 9)}
    with observed.superuser() as su:
        su.execute("ALTER VIEW agent.customer SET (security_barrier = false)")
    assert "saw 10" in seen(), "control: without the barrier the function sees every row"


def test_the_whole_way_and_back(observed: Database) -> None:
    before = application_dump(observed)
    bring(observed, "views")
    settled(observed, "views")
    assert stages(observed) == {"crm.customer": "views", "crm.policy": "views"}
    # The name is the view's now; the values are still plain, and no profile sees them.
    assert ask(observed, "app", "SELECT phone FROM crm.customer WHERE id = 5") == [("138****5605",)]
    assert ask(observed, "app", "SELECT count(*) FROM crm.policy") == [(5,)]
    assert ask(observed, "dora", "SELECT phone FROM reader.customer WHERE id = 5") == [
        ("138****5605",)
    ]
    # PM220 where another database of the cluster has made olga a member of the stores' owner.
    assert refused(observed, "olga", "SELECT FROM crm_store.customer") in {"42501", "PM220"}
    assert refused(observed, "alan", "SELECT city FROM crm.customer") in {"42501", "PM103"}
    # What is not masked is written, what is masked is not, until it is sealed.
    assert refused(observed, "app", "UPDATE crm.customer SET city = 'Beijing' WHERE id = 5") == ""
    assert (
        refused(observed, "app", "INSERT INTO crm.policy (holder_id, amount) VALUES (5, 7)") == ""
    )
    assert refused(observed, "app", "UPDATE crm.customer SET phone = '13900001111'") == "0A000"

    bring(observed, "sealing")
    settled(observed, "sealing")
    assert stages(observed) == {"crm.customer": "sealing", "crm.policy": "sealing"}
    # Who only reads goes on with masks; who writes sees the rows of before until they are sealed.
    assert ask(observed, "dora", "SELECT phone FROM reader.customer WHERE id = 5") == [
        ("138****5605",)
    ]
    assert refused(observed, "alan", "SELECT FROM analyst.customer") == "42501"

    # Nothing is sealed yet: the way back is open, stage by stage.
    bring(observed, "views")
    settled(observed, "views")
    bring(observed, "observe")
    settled(observed, "observe")
    assert application_dump(observed) == before
    assert ask(observed, "app", "SELECT phone FROM crm.customer WHERE id = 5") == [(PHONE,)]
    assert ask(observed, "alan", "SELECT city FROM crm.customer WHERE id = 5") == [("Beijing",)]
    assert refused(observed, "olga", "ALTER TABLE crm.customer ADD COLUMN more text") == ""


def test_sealed_values_close_the_way_back(observed: Database) -> None:
    bring(observed, "sealing")
    assert (
        refused(observed, "app", "UPDATE crm.customer SET phone = '13900001111' WHERE id = 5") == ""
    )
    plan = plan_of(observed, at("views"))
    assert all(c.back for c in plan.stages)
    with pytest.raises(PlanRefused) as error:
        bring(observed, "views")
    assert error.value.code == "PM272"
    assert "pgmask unseal crm.customer" in error.value.hint
    assert stages(observed)["crm.customer"] == "sealing"
    settled(observed, "sealing")
    assert ask(observed, "app", "SELECT phone FROM crm.customer WHERE id = 5") == [("139****1111",)]


def test_going_back_from_sealing_is_one_stage_at_a_time(observed: Database) -> None:
    bring(observed, "sealing")
    with pytest.raises(PlanError) as error:
        plan_of(observed, at("observe"))
    assert "PM273" in error.value.detail


def test_a_table_does_not_seal_before_its_subjects_table(observed: Database) -> None:
    with pytest.raises(PlanError) as error:
        plan_of(observed, at("views", "enforced"))
    assert "PM270" in error.value.detail
    assert "crm.customer" in error.value.detail


@pytest.mark.parametrize(
    ("customer", "policy"),
    [("enforced", "observe"), ("enforced", "views"), ("observe", "views")],
)
def test_tables_of_one_store_stand_at_different_stages(
    observed: Database, customer: str, policy: str
) -> None:
    bring(observed, customer, policy)
    settled(observed, customer, policy)
    name = "agent.policy" if policy == "observe" else "crm.policy"
    held = f"SELECT array_agg(holder_id ORDER BY 1) FROM {name}"
    assert ask(observed, "app", held) == [([1, 3, 5, 7, 9],)]
    # Foreign keys hold across: a child without parent is refused, a parent takes its children.
    orphan = "INSERT INTO crm.policy (holder_id, amount) VALUES (-1, 0)"
    assert refused(observed, "app", orphan) in {"23503", "42501"}
    assert refused(observed, "app", "DELETE FROM crm.customer WHERE id = 5") == ""
    assert ask(observed, "app", held) == [([1, 3, 7, 9],)]
    with observed.superuser() as su:
        assert su.execute(
            "SELECT count(*) FROM pg_catalog.pg_constraint"
            " WHERE conname ~ 'holder_id_fkey' AND convalidated"
        ).fetchall() == [(1,)]
    bring(observed, "enforced")
    settled(observed, "enforced")
    assert not observed.rows("SELECT FROM pg_views WHERE viewname ~ '^rollout_subject'")


def test_the_plan_names_who_loses_the_base_table(observed: Database) -> None:
    plan = plan_of(observed, at("views"))
    shown = table_lines(plan)
    assert "stage: observe -> views" in shown
    assert "loses the base table: app: DELETE, INSERT, SELECT, UPDATE" in shown
    assert "loses the base table: PUBLIC: SELECT" in shown
    assert "loses the base table: alan: SELECT, UPDATE" in shown
    assert "loses the base table: olga: everything, as its owner" in shown
    assert "pgmask_" not in shown.partition("stage:")[2]


def test_partitions_children_and_a_store_beside_go_the_way_and_back(installed: Database) -> None:
    with installed.superuser() as su:
        su.execute(f'GRANT CREATE ON DATABASE "{installed.name}" TO olga'.encode())
        su.execute("GRANT olga TO installer")
    fill_case(installed, "family", owner="olga")
    before = application_dump(installed, "app", "archive")
    whole = catalogue_of("family")
    for stage in ("observe", "views", "sealing", "views", "observe"):
        tables = tuple(replace(t, rollout=stage) for t in whole.tables)
        wanted = replace(whole, tables=tables)
        applied(installed, plan_of(installed, wanted))
        assert plan_of(installed, wanted).steps == (), stage
        assert drift_of(installed, wanted) == (), stage
    assert application_dump(installed, "app", "archive") == before
