"""The insurer's nine tables, whose children look up who is assigned in the customers' table, go
through the stages all at once and one alone (B7, A5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pgmask.apply.rollout import with_stage
from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.compile.stages import Stage
from pgmask.errors import PlanRefused
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
        (text,) = su.execute("SELECT pg_get_viewdef('agent.bank_account'::regclass)").fetchone()
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
