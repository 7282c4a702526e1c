"""Notes of the customers whose rows a statement examines: one each, whatever it is (G1)."""

from __future__ import annotations

import psycopg
import pytest

from tests.attack.people import VISIBLE_TO_ANN
from tests.audit.site import Note, notes, noting
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "G2")


def keys(found: list[Note]) -> list[str]:
    return [key for note in found for name, key in note.subjects if name == "customer"]


def visible(site: Site) -> set[str]:
    rows = site.rows(
        "SELECT id::text FROM crm_store.customer"
        " WHERE unit_id = 'north' AND NOT pgmask_high_value AND NOT pgmask_restricted"
    )
    return {key for (key,) in rows}


def test_a_lookup_notes_one_customer(noting_site: Site) -> None:
    with noting(noting_site) as root:
        with noting_site.acting("ann", strong=False) as app:
            app.execute("SELECT name FROM crm.customer WHERE id = 1").fetchall()
        assert keys(notes(root, "subject")) == ["1"]


def test_a_list_notes_every_row_it_examined_and_none_that_is_hidden(noting_site: Site) -> None:
    with noting(noting_site) as root:
        with noting_site.acting("ann", strong=False) as app:
            app.execute("SELECT id FROM crm.customer WHERE name LIKE '李%' ORDER BY id").fetchall()
        found = keys(notes(root, "subject"))
    assert set(found) == visible(noting_site)
    assert len(found) == VISIBLE_TO_ANN


def test_a_row_that_speaks_of_two_notes_both(noting_site: Site) -> None:
    with noting(noting_site) as root:
        with noting_site.acting("ann", strong=False) as app:
            rows = app.execute("SELECT holder_id, insured_id FROM crm.policy").fetchall()
        found = notes(root, "subject")
    expected = {
        (("customer", str(holder)), ("customer", str(insured)))
        for holder, insured in rows if insured is not None
    }  # fmt: skip
    assert expected <= {note.subjects for note in found}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM crm.customer WHERE id = 1",
        "SELECT * FROM crm.customer WHERE id = 1 FOR UPDATE",
        "UPDATE crm.customer SET note = 'n' WHERE id = 1",
        "WITH x AS MATERIALIZED (SELECT * FROM crm.customer WHERE id = 1) SELECT count(*) FROM x",
        "SELECT 1 WHERE EXISTS (SELECT FROM crm.customer WHERE id = 1)",
        "COPY (SELECT name FROM crm.customer WHERE id = 1) TO STDOUT",
        "DECLARE c CURSOR FOR SELECT name FROM crm.customer WHERE id = 1; FETCH ALL FROM c",
        "SELECT 1 / (id - 1) FROM crm.customer WHERE id = 1",
    ],
)
def test_whatever_the_statement(noting_site: Site, statement: str) -> None:
    with noting(noting_site) as root:
        app = noting_site.connect()
        app.execute("BEGIN")
        noting_site.log_in(app, "ann", strong=False)
        try:
            if statement.startswith("COPY"):
                with app.cursor().copy(statement) as copy:
                    list(copy)
            else:
                app.execute(statement.encode())
        except psycopg.errors.DivisionByZero:
            pass
        app.execute("ROLLBACK")
        assert set(keys(notes(root, "subject"))) == {"1"}


def test_parallel_workers_note_what_they_examine(noting_site: Site) -> None:
    with noting(noting_site) as root:
        with noting_site.acting("ann", strong=False) as app:
            for setting in (
                "parallel_setup_cost = 0", "parallel_tuple_cost = 0",
                "min_parallel_table_scan_size = 0",
                "parallel_leader_participation = off", "enable_indexscan = off",
                "enable_bitmapscan = off", "max_parallel_workers_per_gather = 2",
            ):  # fmt: skip
                app.execute(f"SET LOCAL {setting}".encode())
            query = "SELECT count(*) FROM crm.customer WHERE region IS NOT NULL"
            plan = app.execute(f"EXPLAIN {query}".encode()).fetchall()
            assert any("Gather" in line for (line,) in plan), plan
            app.execute(query.encode()).fetchall()
        assert set(keys(notes(root, "subject"))) == visible(noting_site)


def test_high_value_customers_are_noted_in_every_profile(site: Site) -> None:
    """No profile of this catalogue asks for it; one that meets such rows notes them anyway."""
    with noting(site) as root:
        with site.acting("vera", strong=False) as app:
            seen = app.execute("SELECT id FROM vip.customer ORDER BY id").fetchall()
        found = keys(notes(root, "subject"))
    rich = {
        key
        for (key,) in site.rows("SELECT id::text FROM crm_store.customer WHERE pgmask_high_value")
    }
    assert set(found) == rich & {str(key) for (key,) in seen}


def test_nobody_calls_the_functions_by_name(site: Site) -> None:
    """Neither to forge a note nor to be told its signed part. The control: the right."""
    call = (
        "SELECT pgmask_note.subjects('agent', '{assertion}', '{crm-web}', true, 'crm.customer',"
        " NULL)"
    )
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        site.acting("ann", strong=False) as app,
    ):
        app.execute(call)
    site.root.execute("GRANT USAGE ON SCHEMA pgmask_note TO app")
    with site.acting("ann", strong=False) as app:
        row = app.execute(call).fetchone()
    assert row is not None
    assert "crm.customer" in row[0]


def test_explain_and_limit_zero_leave_none(noting_site: Site) -> None:
    with noting(noting_site) as root:
        with noting_site.acting("ann", strong=False) as app:
            app.execute("EXPLAIN SELECT * FROM crm.customer").fetchall()
            app.execute("SELECT * FROM crm.customer LIMIT 0").fetchall()
        assert notes(root, "subject") == []
