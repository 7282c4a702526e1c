"""The collector: every note becomes a row, once, in order, whatever is killed (G1, G2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.audit.collecting import access, activity, collecting, drop_slot
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "G2")


@pytest.fixture
def place(site: Site) -> Iterator[Site]:
    """The site; its slot is dropped at the end."""
    yield site
    drop_slot(site)


def test_a_read_becomes_a_row(place: Site) -> None:
    with collecting(place) as collector:
        with place.acting("ann", strong=False, purpose="service") as app:
            app.execute("SELECT count(*) FROM crm.customer").fetchall()
        found = collector.catch_up()
    rows = access(place, "statement")
    assert len(rows) == 1
    assert found.stored == len(access(place)) + len(activity(place, "login"))
    (row,) = rows
    assert (row["table_id"], row["profile"], row["purpose"]) == ("crm.customer", "agent", "service")
    assert row["login"] == "app" and row["person_id"] and row["position"]
