"""The files of ``examples/flyway`` in Flyway's order, through psql in one transaction."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import Database
from tests.migrate.test_detach import view_of
from tests.spine.world import drift_of

pytestmark = pytest.mark.requirement("B7")
FILES = Path(__file__).resolve().parents[2] / "examples" / "flyway" / "sql"
ORDER = ("beforeEachMigrate.sql", "V2__customer_grade.sql", "afterEachMigrate.sql")


def test_the_callbacks_frame_a_migration(flyway: Database) -> None:
    script = "SET ROLE pgmask_store; SET search_path = crm, crm_store, public;"
    script += "".join((FILES / name).read_text("utf-8") for name in ORDER)
    said = flyway.program(
        "psql", "-X", "--single-transaction", "-v", "ON_ERROR_STOP=1", user="olga", given=script
    )
    assert "crm.customer.grade" in said
    assert view_of(flyway, "crm.customer")["columns"]["name"] == "character varying(80)"
    assert drift_of(flyway) == ()


def test_callbacks_in_transactions_of_their_own_lose_nothing(flyway: Database) -> None:
    first = (FILES / ORDER[0]).read_text("utf-8")
    done = flyway.attempt("psql", "-X", "-v", "ON_ERROR_STOP=1", user="olga", given=first)
    assert done.returncode != 0
    assert "still detached" in done.stderr
    assert drift_of(flyway) == ()
