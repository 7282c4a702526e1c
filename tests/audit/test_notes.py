"""Notes of reads: what is left in the log of transactions, and what cannot be avoided (G1, G2)."""

from __future__ import annotations

import psycopg
import pytest

from tests.audit.site import notes, noting
from tests.harness import Connection
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


UPSERT = (
    "INSERT INTO crm.customer (id, unit_id, name, phone, region)"
    " VALUES (1, 'north', '王小明', '13488812345', 'R')"
    " ON CONFLICT (id) DO UPDATE SET note = customer.note"
)


def _leaking(app: Connection) -> None:
    """A function that tells what it is given, and lets no row pass."""
    app.execute(
        "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql AS"
        " $$BEGIN RAISE WARNING '%', $1; RETURN false; END$$"
    )


@pytest.mark.parametrize("form", ["where", "returning"])
def test_an_upsert_is_a_read_whatever_becomes_of_it(noting_site: Site, form: str) -> None:
    """Its WHERE sees the row it meets before any policy is asked of that row."""
    heard: list[str] = []
    with noting(noting_site) as root:
        app = noting_site.connect()
        app.add_notice_handler(lambda d: heard.append(d.message_primary or ""))
        _leaking(app)
        notes(root)
        app.execute("BEGIN")
        noting_site.log_in(app, "ann", strong=False)
        if form == "where":
            app.execute(f"{UPSERT} WHERE pg_temp.leak(customer.phone::text)".encode())
            app.execute("COMMIT")
        else:
            heard += [str(r) for r in app.execute(f"{UPSERT} RETURNING phone".encode()).fetchall()]
            app.execute("ROLLBACK")
        found = notes(root)
    assert heard  # a mask was read
    assert [n.table for n in found if n.kind == "statement"] == ["crm.customer"]
    assert [n.subjects for n in found if n.kind == "subject"][:1] == [(("customer", "1"),)]


def test_control_without_the_policys_note_it_leaves_none(noting_site: Site) -> None:
    site = noting_site
    (check,) = site.rows(
        "SELECT with_check FROM pg_policies WHERE schemaname = 'crm_store'"
        " AND tablename = 'customer' AND policyname = 'pgmask_agent_insert'"
    )[0]
    begin = check.index(" AND (( SELECT pgmask_note.read")
    without = f"{check[:begin]})"
    site.root.execute(
        f"ALTER POLICY pgmask_agent_insert ON crm_store.customer WITH CHECK {without}".encode()
    )
    with noting(site) as root, site.acting("ann", strong=False) as app:
        app.execute(f"{UPSERT} RETURNING phone".encode()).fetchall()
        assert notes(root, "statement") == []
