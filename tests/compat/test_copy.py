"""A copy of a record with sealed values: of masks refused, of a reveal made inside the server."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.attack.people import OURS
from tests.harness import Server
from tests.reveal.site import Site, fill

_COPY = (
    "INSERT INTO crm.customer (unit_id, name, region, phone, email)"
    " SELECT c.unit_id, c.name, 'copied', c.phone, c.email FROM {} AS c RETURNING id, phone"
)


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(template=server.template("reveal", fill)) as made:
        yield Site(made)


@pytest.mark.requirement("B7", "F3")
def test_a_copy_of_masks_is_refused(site: Site) -> None:
    copied = _COPY.replace(" RETURNING", " WHERE c.id = 1 RETURNING").format("crm.customer")
    with pytest.raises(psycopg.Error) as caught, site.acting() as one:
        one.execute(copied.encode())
    assert caught.value.sqlstate == "PM042"
    assert site.rows("SELECT count(*) FROM crm_store.customer WHERE region = 'copied'") == [(0,)]


@pytest.mark.requirement("B2", "B7")
def test_a_copy_of_a_reveal_is_sealed_anew_and_nobody_is_shown_it(site: Site) -> None:
    """One statement: the truths go from the ticket's row into the new row's sealed value."""
    ticket = site.request(columns=["phone", "email"])
    with site.acting() as one:
        row = one.execute(_COPY.format(f"crm.customer_reveal('{ticket}')").encode()).fetchone()
        assert row is not None
        key, phone = row
        before = one.execute("SELECT phone FROM crm.customer WHERE id = 1").fetchone()
        assert (phone,) == before
        assert phone != OURS.phone
    # What was copied is the truth, under the new row's own key.
    again = site.request(key=key, columns=["phone", "email"])
    with site.acting() as one:
        told = one.execute("SELECT * FROM pgmask.reveal(%s)", (again,)).fetchall()
    assert dict(told) == {"phone": OURS.phone, "email": OURS.email}
    # Both are on record, by key.
    assert site.rows("SELECT row_key FROM pgmask_audit.ticket ORDER BY at") == [
        (["1"],), ([str(key)],)
    ]  # fmt: skip
