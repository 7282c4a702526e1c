"""A domain's CHECK is the application's code: nothing that opens values may run it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgmask.catalogue import load
from pgmask.catalogue.model import Purpose, Reveal
from pgmask.compile import check
from pgmask.facts.read import read_facts
from tests.attack import place
from tests.harness import Database
from tests.reveal.site import FIXTURES
from tests.spine.world import catalogue_of, fill

pytestmark = pytest.mark.requirement("B2", "F1")


def refused(database: Database, catalogue: object) -> set[tuple[str, str]]:
    with database.connect() as connection:
        found = check(catalogue, read_facts(connection))  # type: ignore[arg-type]
    return {(p.code, p.what) for p in found}


def test_the_key_of_a_business_case(installed: Database) -> None:
    place.make_schema(installed)
    installed.run((FIXTURES / "claim.sql").read_text("utf-8"))
    catalogue = load(FIXTURES / "catalogue.yml")
    assert ("PM420", "claim") not in refused(installed, catalogue)
    installed.run(
        "CREATE DOMAIN crm.number AS text; ALTER TABLE crm.claim ALTER claim_no TYPE crm.number"
    )
    assert ("PM420", "claim") in refused(installed, catalogue)


def test_a_view_that_casts_to_a_domain(installed: Database) -> None:
    """Hidden for the analyst, so NULL of its type; the sealer reads the view when it reveals."""
    fill(installed, "two_tables")
    catalogue = catalogue_of("two_tables")
    rule = Reveal(columns=("crm.customer.health",), purposes=(Purpose(name="service"),), per_day=1)
    reveals = replace(
        catalogue,
        profiles=tuple(
            replace(p, reveal=rule) if p.name == "analyst" else p for p in catalogue.profiles
        ),
    )
    installed.run("CREATE DOMAIN crm.day AS date; ALTER TABLE crm.customer ALTER born TYPE crm.day")
    assert ("PM420", "born") not in refused(installed, catalogue)
    assert ("PM420", "born") in refused(installed, reveals)


def test_a_shadow_of_a_domain(installed: Database) -> None:
    """The sealing trigger would write the mask, and so run the domain's CHECK."""
    fill(installed, "two_tables")
    catalogue = catalogue_of("two_tables")
    assert ("PM252", "remark") not in refused(installed, catalogue)
    installed.run(
        'CREATE DOMAIN crm.words AS text COLLATE "C";'
        " ALTER TABLE crm.customer ALTER remark TYPE crm.words"
    )
    assert ("PM252", "remark") in refused(installed, catalogue)
