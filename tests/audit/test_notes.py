"""Notes of reads: what is left in the log of transactions, and what cannot be avoided (G1, G2)."""

from __future__ import annotations

import psycopg
import pytest

from tests.audit.site import notes, noting
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "G2")


def test_a_read_is_noted_once_per_statement_and_relation(site: Site) -> None:
    with noting(site) as root:
        with site.acting("ann", strong=False, purpose="service") as app:
            app.execute("SELECT count(*) FROM crm.customer").fetchall()
        found = notes(root, "statement")
    assert [(n.table, n.person, n.profile, n.purpose) for n in found] == [
        ("crm.customer", found[0].person, "agent", "service")
    ]
    assert found[0].person


@pytest.mark.parametrize("end", ["ROLLBACK", "COMMIT"])
def test_rollback_takes_nothing_back(site: Site, end: str) -> None:
    with noting(site) as root:
        app = site.connect()
        app.execute("BEGIN READ ONLY")
        site.log_in(app, "ann", strong=False)
        app.execute("SAVEPOINT s")
        app.execute("SELECT id FROM crm.customer LIMIT 1").fetchall()
        app.execute("ROLLBACK TO s")
        app.execute(end)
        assert len(notes(root, "statement")) == 1


def test_a_statement_that_meets_no_row_is_noted(site: Site) -> None:
    with noting(site) as root, site.acting("ann", strong=False) as app:
        app.execute("SELECT id FROM crm.customer WHERE id = -1").fetchall()
        assert len(notes(root, "statement")) == 1


def test_without_identity_the_refusal_is_noted(site: Site) -> None:
    with noting(site) as root:
        with pytest.raises(psycopg.Error) as refused:
            site.connect().execute("SELECT id FROM crm.customer")
        assert refused.value.sqlstate == "PM101"
        found = notes(root)
    assert [(n.kind, n.code, n.login, n.person) for n in found] == [("refused", "PM101", "app", "")]
