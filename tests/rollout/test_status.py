"""The project manager's page, one table at a time, and applies killed between stages (B7, A5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgmask.apply.rollout import TableStatus, status
from pgmask.apply.seal import seal_rows
from pgmask.apply.seal_finish import deployed, finish, verify
from pgmask.catalogue.model import Unprotected
from pgmask.cli.main import run
from pgmask.errors import PlanError, Refused
from pgmask.plan.plan import AFTER, SHARED, narrowed, only_tables
from tests.harness import Database, Server
from tests.rollout.test_walk import NEW_PHONE, _observed
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
    text,
)
from tests.spine.world import applied, drift_of, plan_of

pytestmark = pytest.mark.requirement("B7", "A5")
SIGNED = ("--author", "ann", "--approved-by", "dora", "--approval-ref", "OP-1")


@pytest.fixture
def observed(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("rollout_observed", _observed)) as made:
        yield made


def of(database: Database, customer: str, policy: str = "") -> dict[str, TableStatus]:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        return {s.table: s for s in status(connection, at(customer, policy))}


def seal(database: Database, table: str) -> None:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        one = deployed(connection).table(table)
        seal_rows(connection, one)
        assert verify(database.dsn(), one) == ()
        finish(connection, one)


def test_enforced_is_reached_by_the_seal_and_opens_who_waited(observed: Database) -> None:
    bring(observed, "enforced")
    now = of(observed, "enforced")["crm.customer"]
    assert (now.present, now.wanted, now.percent) == ("sealing", "enforced", 0)
    assert now.forward == "pgmask seal crm.customer"
    assert now.plain == ("agent",)
    # What PM271 says is so: the writing profile, and it alone, sees rows not sealed yet as before.
    plain = "SELECT phone FROM {}.customer WHERE id = 5"
    assert ask(observed, "app", plain.format("crm")) == [(PHONE,)]
    assert ask(observed, "dora", plain.format("reader")) == [("138****5605",)]
    assert refused(observed, "alan", plain.format("analyst")) == "42501"
    seal(observed, "crm.customer")
    now = of(observed, "enforced")["crm.customer"]
    assert (now.present, now.percent, now.plain) == ("enforced", 100, ())
    assert now.back == "pgmask unseal crm.customer"
    for user, schema in (("app", "crm"), ("dora", "reader")):
        assert ask(observed, user, plain.format(schema)) == [("138****5605",)]
    assert refused(observed, "alan", plain.format("analyst")) == ""
    # Its policies are not sealed: who waits waits for them.
    assert refused(observed, "alan", "SELECT FROM analyst.policy") == "42501"
    assert drift_of(observed, at("enforced")) == ()


def test_sealing_seals_and_opens_nobody_until_the_catalogue_says_so(observed: Database) -> None:
    bring(observed, "sealing")
    seal(observed, "crm.customer")
    assert stages(observed)["crm.customer"] == "sealing"
    now = of(observed, "sealing")["crm.customer"]
    assert now.percent == 100
    command = "pgmask apply CATALOGUE --only crm.customer"
    assert now.forward.endswith(f"set rollout: enforced, then {command}")
    assert refused(observed, "alan", "SELECT FROM analyst.customer") == "42501"
    bring(observed, "enforced", "sealing")
    assert stages(observed)["crm.customer"] == "enforced"
    assert refused(observed, "alan", "SELECT FROM analyst.customer") == ""
    # Back to sealing closes it again; nothing else changes.
    bring(observed, "sealing")
    assert stages(observed)["crm.customer"] == "sealing"
    assert refused(observed, "alan", "SELECT FROM analyst.customer") == "42501"
    assert drift_of(observed, at("sealing")) == ()
    # A sealed table has no way back by a plan at all.
    with pytest.raises(PlanError) as error:
        plan_of(observed, at("views"))
    assert "PM272" in error.value.detail
    assert "pgmask unseal crm.customer" in error.value.detail


def test_nothing_is_sealed_before_sealing(observed: Database) -> None:
    bring(observed, "views")
    with psycopg.connect(observed.dsn(), autocommit=True) as connection:
        known = deployed(connection)
        assert known.tables == ()
        with pytest.raises(Refused) as error:
            known.table("crm.customer")
    assert error.value.code == "PM276"


def test_status_names_what_blocks_the_next_stage_and_the_way_back(observed: Database) -> None:
    now = of(observed, "observe")
    assert {s.present for s in now.values()} == {"observe"}
    assert now["crm.customer"].blocks == ()
    assert now["crm.customer"].forward == (
        "set rollout: views, then pgmask apply CATALOGUE --only crm.customer"
    )
    with observed.connect("olga") as connection:
        connection.execute("CREATE VIEW crm.v AS SELECT id FROM crm.customer")
    (blocked,) = of(observed, "observe")["crm.customer"].blocks
    assert blocked.startswith("PM208")
    assert "crm.v" in blocked
    # Observed it may hang on the table; the table cannot move.
    assert plan_of(observed, at("observe")).steps == ()
    with pytest.raises(PlanError):
        plan_of(observed, at("views"))


def test_only_one_table_moves(observed: Database) -> None:
    plan = plan_of(observed, at("views"))
    only = only_tables(plan, ["crm.customer"])
    assert only.partial
    assert {s.table for s in only.steps} == {SHARED, "crm.customer"}
    applied(observed, only)
    assert stages(observed) == {"crm.customer": "views", "crm.policy": "observe"}
    # The rest is still to be done: a narrower apply is never taken for the whole.
    rest = plan_of(observed, at("views"))
    assert "crm.policy" in {s.table for s in rest.steps}
    applied(observed, rest)
    assert stages(observed) == {"crm.customer": "views", "crm.policy": "views"}
    for names, code in ((["crm.nothing"], "PM274"), (["crm.policy"], "PM278")):
        with pytest.raises(PlanError) as error:
            only_tables(plan, names)
        assert error.value.code == code


@pytest.mark.parametrize("wanted", ["views", "enforced", "observe"])
def test_an_apply_killed_between_tables_goes_on(observed: Database, wanted: str) -> None:
    if wanted == "observe":
        bring(observed, "views")
    plan = plan_of(observed, at(wanted))
    first = next(s.table for s in plan.steps if s.table not in (SHARED, AFTER))
    # As a kill would leave it: the first table is done, its deployment not finished.
    applied(observed, narrowed(plan, {SHARED, first}))
    with observed.superuser() as su:
        su.execute(
            "UPDATE pgmask_private.deployment SET finished_at = NULL, state_digest = NULL"
            " WHERE id = (SELECT max(id) FROM pgmask_private.deployment)"
        )
    # Between the two tables everybody who may read does.
    name = "agent.policy" if wanted != "observe" else "crm.policy"
    assert ask(observed, "app", f"SELECT count(*) FROM {name}")[0][0] >= 5
    bring(observed, wanted)
    assert set(stages(observed).values()) == {"sealing" if wanted == "enforced" else wanted}
    assert plan_of(observed, at(wanted)).steps == ()
    assert drift_of(observed, at(wanted)) == ()


def test_a_step_undone_in_the_middle_leaves_the_stage_before(observed: Database) -> None:
    with observed.superuser() as su:
        su.execute("ALTER TABLE crm.customer ADD COLUMN pgmask_unit_x integer")
    assert refused(observed, "app", NEW_PHONE) == ""
    with pytest.raises(PlanError):
        bring(observed, "sealing")
    assert set(stages(observed).values()) == {"observe"}
    assert ask(observed, "app", "SELECT phone FROM crm.customer WHERE id = 5") == [("13900001111",)]


def test_leaving_observe_altogether_leaves_nothing(server: Server) -> None:
    with server.database(template=server.template("rollout_plain", fill)) as database:
        whole = database.program("pg_dump", "--schema-only", "-n", "crm", user="postgres")
        before = application_dump(database)
        bring(database, "observe")
        people(database)
        catalogue = at("observe")
        kept = tuple(t for t in catalogue.tables if t.id == "crm.customer")
        note = Unprotected(tables=("crm.policy",), reason="not yet")
        applied(database, plan_of(database, replace(catalogue, tables=kept, unprotected=(note,))))
        after = database.program("pg_dump", "--schema-only", "-n", "crm", user="postgres")
        assert stages(database) == {"crm.customer": "observe"}
        # Backups read it as every unprotected table; nothing else is left.
        backup = "GRANT USAGE ON SCHEMA crm TO pgmask_backup"
        assert [s for s in application_dump(database) if s != backup] == before
        grants = [x for x in after.splitlines() if "crm.policy" in x and "GRANT" in x]
        given = [x for x in whole.splitlines() if "crm.policy" in x and "GRANT" in x]
        assert [x for x in grants if "pgmask_backup" not in x] == given


def test_the_command_line(
    observed: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGMASK_DSN", observed.dsn())
    path = tmp_path / "pgmask.yml"
    path.write_text(text("observe", "observe"), "utf-8")
    assert run(["rollout", "observe"]) == 0
    assert run(["rollout", "uses", "crm.customer"]) == 0
    capsys.readouterr()
    assert run(["rollout", "advance", "crm.customer", str(path)]) == 0
    said = capsys.readouterr().out
    assert "rollout: views" in said
    assert "stage: observe -> views" in said
    assert "--only crm.customer" in said
    assert stages(observed)["crm.customer"] == "observe"
    path.write_text(text("views", "observe"), "utf-8")
    words = ["--yes-database", observed.name, "--only", "crm.customer", *SIGNED]
    assert run(["apply", str(path), *words]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert run(["rollout", "status", str(path), "--format", "json"]) == 0
    found = {s["table"]: s for s in json.loads(capsys.readouterr().out)}
    assert found["crm.customer"]["present"] == "views"
    assert run(["rollout", "status", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "back: set rollout: observe" in shown
    assert run(["rollout", "back", "crm.customer", str(path)]) == 0
    assert "--allow DROPS_PROTECTION" in capsys.readouterr().out
    path.write_text(text("observe", "observe"), "utf-8")
    back = ["apply", str(path), *words, "--allow", "DROPS_PROTECTION"]
    # Back is less protection: another person answers for it.
    assert run([w for w in back if w not in SIGNED[2:]]) == 3
    assert run(back) == 0, capsys.readouterr().err
    assert stages(observed)["crm.customer"] == "observe"
