"""Reveals and searches are managed like everything else: planned, watched, taken down and back."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pgmask.apply import apply_plan
from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.facts.read import read_facts
from pgmask.plan import MUST_ALLOW, make
from pgmask.plan.drift import drift
from tests.attack.people import OURS
from tests.reveal.site import FIXTURES, Site, shown

OURS_HERE = (
    "SELECT count(*) FROM pg_proc AS p JOIN pg_roles AS r ON r.oid = p.proowner"
    " WHERE r.rolname = 'pgmask_sealer' AND p.pronamespace = 'crm'::regnamespace"
)


def change(site: Site, catalogue: Catalogue) -> int:
    """Plan and apply without an approval; how many steps it took."""
    with psycopg.connect(site.database.dsn(), autocommit=True) as connection:
        plan = make(catalogue, read_facts(connection), author="ilse")
        apply_plan(connection, plan, allow=frozenset(h.value for h in MUST_ALLOW))
        return len(plan.steps)


def drifted(site: Site) -> list[str]:
    with psycopg.connect(site.database.dsn(), autocommit=True) as connection:
        return [str(d) for d in drift(read_facts(connection), None)]


@pytest.mark.requirement("A4", "B2")
def test_drift_and_taking_it_out(site: Site, tmp_path: Path) -> None:
    """Nothing moves by itself; a body or a right changed by hand is named and put back."""
    catalogue = load(FIXTURES / "catalogue.yml")
    assert drifted(site) == []
    assert change(site, catalogue) == 0
    site.root.execute("GRANT EXECUTE ON FUNCTION crm.customer_reveal(uuid) TO mallory")
    site.root.execute("ALTER FUNCTION crm.customer_reveal_request RESET search_path")
    assert len(drifted(site)) >= 2
    assert change(site, catalogue) > 0
    assert drifted(site) == []
    text = (FIXTURES / "catalogue.yml").read_text("utf-8")
    kept = text.partition(
        "    reveal:\n      columns: [customer.phone, customer.id_no, customer.email"
    )
    rest = kept[2].partition("  chief:\n")
    (tmp_path / "catalogue.yml").write_text(kept[0] + "  chief:\n" + rest[2], "utf-8")
    assert site.rows(OURS_HERE)[0][0] == 8
    assert change(site, load(tmp_path / "catalogue.yml")) > 0
    assert site.rows(OURS_HERE)[0][0] == 0
    with pytest.raises(psycopg.Error) as error:
        site.request()
    assert error.value.sqlstate == "PM419"


@pytest.mark.requirement("B7")
def test_views_taken_down_and_brought_back(site: Site) -> None:
    """The functions hang on the views' types; a migration does not lose them."""
    with site.database.connect("installer") as migration:
        migration.execute("SELECT pgmask.detach('crm.customer')")
        migration.execute("ALTER TABLE crm_store.customer ADD COLUMN remark text")
        migration.execute("SELECT pgmask.attach('crm.customer')")
    ticket = site.request(columns=["phone"])
    with site.acting() as one:
        assert shown(one, ticket) == {"phone": OURS.phone}
        found = one.execute("SELECT id FROM crm.customer_by_phone(%s)", (OURS.phone,))
        assert found.fetchall() == [(1,)]


@pytest.mark.requirement("B2", "B3")
def test_another_view_under_the_name_is_never_read_by_the_sealer(site: Site) -> None:
    """Who owns the schema may drop a view in it; what reveals and searches goes with it."""
    with site.root.transaction(force_rollback=True):
        site.root.execute("DROP VIEW crm.customer CASCADE")
        left = site.root.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc AS p"
            " WHERE p.pronamespace = 'crm'::regnamespace AND p.proname LIKE 'customer\\_%'"
        ).fetchall()
        assert left == []
