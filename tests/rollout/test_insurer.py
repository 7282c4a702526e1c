"""The insurer's nine tables, whose children look up who is assigned in the customers' table, go
through the stages all at once and one alone (B7, A5).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgmask.apply.rollout import status, with_stage
from pgmask.apply.seal import seal_rows
from pgmask.apply.seal_finish import deployed, finish
from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.cli.main import run
from pgmask.compile import check
from pgmask.compile.stages import Stage
from pgmask.errors import PlanError, PlanRefused
from pgmask.facts.read import read_facts
from pgmask.facts.rendered import renamed
from pgmask.plan.plan import load as load_plan
from pgmask.plan.plan import only_tables
from pgmask.runtime import install
from tests.harness import Database, Server
from tests.rollout.world import stages
from tests.spine.world import INSURER, applied, drift_of, load_key, plan_of

pytestmark = pytest.mark.requirement("B7", "A5")
CATALOGUE = load(INSURER / "catalogue")


def at(stage: str) -> Catalogue:
    tables = tuple(replace(t, rollout=stage) for t in CATALOGUE.tables)
    return replace(CATALOGUE, tables=tables)


def _fill(database: Database) -> None:
    install(database.dsn())
    with database.superuser() as su:
        su.execute(f'GRANT CREATE ON DATABASE "{database.name}" TO olga'.encode())
        su.execute("GRANT olga TO installer")
    database.run((INSURER / "schema.sql").read_text("utf-8"), user="olga")
    load_key(database)
    applied(database, plan_of(database, at("observe")))


@pytest.fixture
def observed(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("rollout_insurer", _fill)) as made:
        yield made


def settled(database: Database, catalogue: Catalogue) -> None:
    """Planning again is empty and nothing drifted."""
    again = plan_of(database, catalogue)
    assert [(s.table, s.drifted) for s in again.steps] == []
    assert drift_of(database, catalogue) == ()


def test_all_tables_go_to_a_stage_and_back_by_one_signed_plan_each(observed: Database) -> None:
    settled(observed, at("observe"))
    for stage in ("views", "observe", "sealing", "views", "observe", "enforced"):
        # As a file that was signed: made before, loaded again.
        plan = load_plan(plan_of(observed, at(stage)).to_file())
        applied(observed, plan)
        reached = "sealing" if stage == "enforced" else stage
        assert set(stages(observed).values()) == {reached}
        settled(observed, at(stage))


def test_one_table_alone_leaves_the_others_as_they_were(observed: Database) -> None:
    for stage in (Stage.VIEWS, Stage.OBSERVE):
        wanted = with_stage(at("observe"), "crm.customer", stage)
        plan = plan_of(observed, wanted)
        applied(observed, only_tables(plan, ["crm.customer"]))
        assert stages(observed)["crm.customer"] == stage.value
        settled(observed, wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM crm.customer c", "FROM {c} c"),
        ('FROM "Crm x".customer c, crm.customer', "FROM {x} c, {c}"),
        ("WHERE a = 'crm.customer' AND \"crm.customer\" = crm.customer_id", None),
        ("crm.customer('x') + crm.customer.a + x.crm.customer + \"a'b\".c", None),
        ("x = 'it''s crm.customer' OR crm.customer IS NULL",
         "x = 'it''s crm.customer' OR {c} IS NULL"),
    ],
)  # fmt: skip
def test_only_the_name_of_the_relation_is_put_in(text: str, said: str | None) -> None:
    names = {("crm", "customer"): "{c}", ("Crm x", "customer"): "{x}"}
    assert renamed(text, names) == (said or text)


def test_a_hand_in_a_view_of_another_table_is_not_taken_for_the_move(observed: Database) -> None:
    """What stands on the moved table is followed; what somebody wrote meanwhile is found."""
    signed = plan_of(observed, at("views"))
    with observed.superuser() as su:
        su.execute("SET search_path = pg_catalog")
        row = su.execute("SELECT pg_get_viewdef('agent.bank_account'::regclass)").fetchone()
        assert row is not None
        text = row[0]
        assert "crm.customer c" in text
        su.execute(
            "CREATE OR REPLACE VIEW agent.bank_account WITH (security_barrier = true) AS "
            + text.replace("crm.customer c", "(SELECT * FROM crm.customer) AS c")
        )
    with pytest.raises(PlanRefused) as error:
        applied(observed, signed)
    assert error.value.code == "PM230"
    assert "crm.bank_account" in error.value.message
    wanted = with_stage(at("observe"), "crm.customer", Stage.VIEWS)
    applied(observed, only_tables(plan_of(observed, wanted), ["crm.customer"]))
    found = {(d.object, d.attribute) for d in drift_of(observed)}
    assert found == {("view:agent.bank_account", "definition")}


def test_status_shows_a_way_back_that_is_open(
    observed: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every table at every stage, empty ones after their seal too: the line is taken as it is."""
    applied(observed, plan_of(observed, at("enforced")))
    with psycopg.connect(observed.dsn(), autocommit=True) as connection:
        for one in deployed(connection).tables:
            seal_rows(connection, one)
            finish(connection, one)
        back = {s.table: s.back for s in status(connection, at("enforced"))}
        facts = read_facts(connection)
    assert set(stages(observed).values()) == {"enforced"}
    ahead = [p for p in check(with_stage(at("enforced"), "crm.customer", Stage.VIEWS), facts)
             if p.code == "PM270"]  # fmt: skip
    children = ", ".join(dict.fromkeys(p.table for p in ahead))
    assert len(ahead) > 5
    flags = "--allow DROPS_PROTECTION --allow IRREVERSIBLE"
    way = "set rollout: views, then pgmask apply CATALOGUE --only {} " + flags
    both = "crm.payment --only crm.customer"
    assert back["crm.payment"] == way.format(both)
    assert back["crm.customer"] == f"take {children} back first; then " + way.format("crm.customer")

    folder = tmp_path / "catalogue"
    shutil.copytree(INSURER / "catalogue", folder)
    words = [str(folder), "--dsn", observed.dsn()]
    assert run(["rollout", "back", "crm.customer", *words]) == 3
    said = capsys.readouterr().err
    assert said.count("PM270") == 2, "once, and where to read on"
    assert f"crm.customer goes back after the tables of its subjects: {children}" in said
    assert said.count("rollout: views\n") == 1 + children.count("crm.")
    assert "unseal" not in said
    assert run(["rollout", "back", "crm.payment", *words]) == 0
    assert f"--only {both} {flags}" in capsys.readouterr().out

    allow = frozenset({"DROPS_PROTECTION", "IRREVERSIBLE"})
    wanted = with_stage(at("enforced"), "crm.payment", Stage.VIEWS)
    alone = only_tables(plan_of(observed, wanted), ["crm.payment", "crm.customer"])
    applied(observed, alone, allow=allow)
    with psycopg.connect(observed.dsn(), autocommit=True) as connection:
        shown = {s.table: s.back for s in status(connection, wanted)}["crm.payment"]
    assert shown == (
        "set rollout: observe, then pgmask apply CATALOGUE --only crm.payment"
        " --allow DROPS_PROTECTION"
    )
    wanted = with_stage(wanted, "crm.payment", Stage.OBSERVE)
    plan = only_tables(plan_of(observed, wanted), ["crm.payment"])
    applied(observed, plan, allow=frozenset({"DROPS_PROTECTION"}))
    applied(observed, plan_of(observed, at("views")), allow=allow)
    assert set(stages(observed).values()) == {"views"}


def test_a_row_that_was_sealed_closes_the_way_of_an_empty_table(observed: Database) -> None:
    applied(observed, plan_of(observed, at("enforced")))
    with psycopg.connect(observed.dsn(), autocommit=True) as connection:
        for one in deployed(connection).tables:
            finish(connection, one)
    with observed.superuser() as su:
        su.execute("SET row_security = off")
        su.execute("SET session_replication_role = replica")
        su.execute(
            "ALTER TABLE crm_store.payment DISABLE TRIGGER USER,"
            " DROP CONSTRAINT pgmask_mask_payer_account"
        )
        su.execute(
            "INSERT INTO crm_store.payment (id, policy_id, customer_id, payer_account, amount,"
            " due_on) OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, '6222', 1, '2026-01-01')"
        )
    with pytest.raises(PlanError) as error:
        plan_of(observed, at("views"))
    assert "PM272 crm.payment" in error.value.detail
