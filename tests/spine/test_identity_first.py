"""No identity is an error even where no row would match: emptiness would answer for an index."""

from __future__ import annotations

import psycopg
import pytest

from tests.harness import Database

pytestmark = pytest.mark.requirement("B6", "C1", "C2")

NOWHERE = (
    "SELECT * FROM crm.customer WHERE id = -1",
    "SELECT count(*) FROM crm.customer WHERE name = 'nobody has this name'",
    "SELECT p.id FROM crm.policy AS p JOIN crm.customer AS c ON c.id = p.holder_id WHERE c.id = -1",
    "UPDATE crm.customer SET city = NULL WHERE id = -1",
    "DELETE FROM crm.customer WHERE id = -1",
    "SELECT EXISTS (SELECT FROM crm.customer WHERE id = -1)",
    "SELECT * FROM (VALUES (1)) AS v(n) LEFT JOIN crm.customer AS c ON c.id = -v.n",
)


def unregister(database: Database, login: str) -> None:
    with database.superuser() as su:
        su.execute("DELETE FROM pgmask_private.effective_login WHERE login = %s", (login,))


def outcome(database: Database, query: str, *, indexes: bool) -> str:
    with psycopg.connect(database.dsn("app")) as connection:
        if indexes:
            connection.execute("SET enable_seqscan = off")
        try:
            connection.execute(query.encode())
        except psycopg.Error as error:
            return error.sqlstate or ""
    return "answered"


@pytest.mark.parametrize("indexes", [False, True], ids=["scan", "index"])
@pytest.mark.parametrize("query", NOWHERE)
def test_no_identity_is_an_error_where_no_row_matches(
    adopted: Database, query: str, indexes: bool
) -> None:
    assert outcome(adopted, query, indexes=indexes) == "answered", "a valid person may see none"
    unregister(adopted, "app")
    assert outcome(adopted, query, indexes=indexes) in {"PM101", "PM103"}


def test_without_the_views_condition_an_index_would_answer(adopted: Database) -> None:
    """Control: the policy alone asks at the first row, so it tells whether the key exists."""
    unregister(adopted, "app")
    with adopted.superuser() as su:
        # An index on the unit would ask for the identity at the start of its scan.
        su.execute("DROP INDEX crm_store.customer_unit_idx")
        (body,) = su.execute("SELECT pg_get_viewdef('crm.customer'::regclass)").fetchone() or ("",)
        plain = body.partition("WHERE")[0]
        su.execute(f"CREATE OR REPLACE VIEW crm.customer AS {plain}".encode())
    absent = outcome(adopted, "SELECT FROM crm.customer WHERE id = -1", indexes=True)
    present = outcome(adopted, "SELECT FROM crm.customer WHERE id = 1", indexes=True)
    assert (absent, present[:2]) == ("answered", "PM")


def test_the_identity_is_asked_before_any_row(adopted: Database) -> None:
    with psycopg.connect(adopted.dsn("app")) as connection:
        plan = connection.execute("EXPLAIN SELECT * FROM crm.customer WHERE id = 1").fetchall()
    assert any("One-Time Filter" in line for (line,) in plan), plan
