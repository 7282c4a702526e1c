"""No complete value of level 1 in the record, in notes or in the server's log (G2)."""

from __future__ import annotations

import psycopg
import pytest

from tests.attack.people import FRESH, OURS, SEALED
from tests.audit.collecting import collecting, prepare
from tests.audit.site import SLOT, noting
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G2", "F1")
OTHER = "13477700011"


@pytest.fixture
def place(noting_site: Site) -> Site:
    prepare(noting_site)
    return noting_site


def work(site: Site) -> None:
    """What an application does, values as parameters: write, read, search, reveal, be refused."""
    new = (
        "INSERT INTO crm.customer (id, unit_id, name, phone, region)"
        " VALUES (3001, 'north', '王明', %s, 'Riverside')"
    )
    with site.acting("ann") as app:
        app.execute(new, (FRESH,))
        app.execute("UPDATE crm.customer SET phone = %s WHERE id = 3001", (OTHER,))
        app.execute("SELECT * FROM crm.customer WHERE phone = %s", (OURS.phone,)).fetchall()
        app.execute("SELECT id FROM crm.customer_by_phone(%s)", (OURS.phone,)).fetchall()
    ticket = site.request("ann", 1, ["phone"])
    with site.acting("ann") as app:
        shown = app.execute("SELECT * FROM pgmask.reveal(%s)", (ticket,)).fetchall()
        assert OURS.phone in str(shown)
    with pytest.raises(psycopg.Error), site.acting("ann") as app:
        app.execute("UPDATE crm.customer SET phone = %s WHERE id = 3001", ("139****0000",))
    with site.acting("ann") as app:
        app.execute("DELETE FROM crm.customer WHERE id = 3001")


def found(text: str, *more: str) -> list[str]:
    return [value for value in (*SEALED, FRESH, OTHER, *more) if value in text]


def test_nowhere_a_value(place: Site) -> None:
    log = place.database.server.cluster.log
    begin = log.stat().st_size
    with noting(place) as root:
        with collecting(place) as collector:
            work(place)
            collector.catch_up()
        root.execute("SET synchronous_commit = on")
        root.execute("SELECT pg_logical_emit_message(true, 'other', 'flush')")
        messages = root.execute(
            "SELECT data FROM pg_logical_slot_get_changes(%s, NULL, NULL)", (SLOT,)
        ).fetchall()
    # Rows of the store are in it as well: masks, and what is sealed.
    assert any("pgmask" in data for (data,) in messages)
    assert found("\n".join(data for (data,) in messages)) == []
    record = place.database.program(
        "pg_dump", "--data-only", "--schema=pgmask_audit", "--inserts", user="postgres"
    )
    assert "crm.customer" in record
    assert found(record) == []
    assert found(log.read_bytes()[begin:].decode("utf-8", "replace")) == []


@pytest.mark.leaves_values("a superuser puts one into the record")
def test_the_search_would_find_one(place: Site) -> None:
    """The control: a value that somebody puts into the record is found in its dump."""
    place.root.execute(
        "INSERT INTO pgmask_audit.activity (era_id, kind, login, object)"
        " VALUES (1, 'command', 'x', %s)",
        (OURS.phone,),
    )
    record = place.database.program(
        "pg_dump", "--data-only", "--schema=pgmask_audit", "--inserts", user="postgres"
    )
    assert found(record) == [OURS.phone]
