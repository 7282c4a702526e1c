"""The metadata views say of a view what the system catalogues said of the table it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.run import LOGINS, places
from tests.harness import Database, Server

pytestmark = pytest.mark.requirement("B7")

_COLUMNS = """
SELECT column_name::text, is_nullable::text, column_default::text, is_identity::text,
       identity_generation::text, is_generated::text
FROM information_schema.columns
WHERE table_schema = 'crm' AND table_name = %s AND column_name NOT LIKE 'pgmask%%'
ORDER BY ordinal_position
"""
_OURS = """
SELECT column_name, is_nullable, column_default, is_identity, identity_generation, is_generated
FROM pgmask.column_metadata WHERE table_schema = 'crm' AND table_name = %s
ORDER BY ordinal_position
"""
_KEYS = """
SELECT t.constraint_name::text, t.constraint_type::text, k.column_name::text,
       k.ordinal_position::integer
FROM information_schema.table_constraints AS t
JOIN information_schema.key_column_usage AS k USING (constraint_schema, constraint_name, table_name)
WHERE t.table_schema = 'crm' AND t.table_name IN ('customer', 'policy', 'contact_log')
  AND t.constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY')
ORDER BY 1, 4
"""
_OUR_KEYS = """
SELECT constraint_name, constraint_type, column_name, ordinal_position
FROM pgmask.key_metadata WHERE table_schema = 'crm' ORDER BY 1, 4
"""


@pytest.fixture(scope="module")
def both(server: Server) -> Iterator[tuple[Database, Database]]:
    with places(server) as found:
        yield found


@pytest.mark.parametrize("table", ["customer", "policy", "contact_log"])
def test_columns(both: tuple[Database, Database], table: str) -> None:
    raw, view = both
    before = [
        # What a generated column computes is no default that a tool should write.
        (*row[:2], None if row[5] == "ALWAYS" else row[2], *row[3:])
        for row in raw.rows(_COLUMNS, table, user=LOGINS["owner"])
    ]
    assert before
    found = view.rows(_OURS, table, user=LOGINS["app"])

    def bare(rows: list[tuple[Any, ...]]) -> list[list[str]]:
        return [[str(value).replace("crm.", "") for value in row] for row in rows]

    assert bare(found) == bare(before)


def test_keys(both: tuple[Database, Database]) -> None:
    raw, view = both
    before = raw.rows(_KEYS, user=LOGINS["owner"])
    assert ("customer_phone_key", "UNIQUE", "phone", 1) in before
    assert sorted(view.rows(_OUR_KEYS, user=LOGINS["app"])) == sorted(before)


def test_references_name_the_caller_s_own_views(both: tuple[Database, Database]) -> None:
    _, view = both
    query = (
        "SELECT table_schema, column_name, referenced_schema, referenced_table, referenced_column,"
        " delete_rule FROM pgmask.key_metadata WHERE constraint_type = 'FOREIGN KEY'"
        " AND table_name = 'policy' ORDER BY 1, 2"
    )
    assert view.rows(query, user=LOGINS["app"])[:2] == [
        ("crm", "customer_id", "crm", "customer", "id", "CASCADE"),
        ("crm", "product_code", "crm", "product", "code", "NO ACTION"),
    ]
    assert view.rows(query, user=LOGINS["report"]) == [
        ("report", "customer_id", "report", "customer", "id", "CASCADE"),
    ]


def test_a_hidden_column_is_nullable_and_says_so(both: tuple[Database, Database]) -> None:
    _, view = both
    query = (
        "SELECT is_nullable, form, may_update FROM pgmask.column_metadata"
        " WHERE table_name = 'customer' AND column_name = 'phone' AND table_schema = %s"
    )
    assert view.rows(query, "crm", user=LOGINS["app"]) == [("NO", "mask", True)]
    assert view.rows(query, "report", user=LOGINS["report"]) == [("YES", "hidden", False)]


def test_sequence_and_comments(both: tuple[Database, Database]) -> None:
    _, view = both
    assert view.rows(
        "SELECT sequence_name, column_comment FROM pgmask.column_metadata"
        " WHERE table_schema = 'crm' AND table_name = 'customer'"
        " AND column_name IN ('id', 'customer_no') ORDER BY 1",
        user=LOGINS["app"],
    ) == [("crm.customer_id_seq", None), (None, "Printed on every letter")]
    assert view.rows(
        "SELECT table_name, may_insert, may_update, may_delete FROM pgmask.table_metadata"
        " WHERE table_schema = 'crm' ORDER BY 1",
        user=LOGINS["app"],
    ) == [(t, True, True, True) for t in ("contact_log", "customer", "policy")]


@pytest.mark.requirement("C3")
@pytest.mark.parametrize("view", ["table_metadata", "column_metadata", "key_metadata"])
def test_nobody_learns_of_tables_that_are_not_his(
    both: tuple[Database, Database], view: str
) -> None:
    _, place = both
    ask = f"SELECT DISTINCT table_schema FROM pgmask.{view}"
    assert place.rows(ask, user="mallory") == []
    assert place.rows(ask, user=LOGINS["report"]) == [("report",)]
    assert _told(place, view, ()) == set()
    # The control: without the barriers his own condition is tried on everybody's tables.
    open_it = tuple(
        f"ALTER VIEW {name} RESET (security_barrier)"
        for name in ("pgmask_private.visible_view", f"pgmask.{view}")
    )
    assert "customer" in _told(place, view, open_it)


def _told(place: Database, view: str, before: tuple[str, ...]) -> set[str]:
    """What a cheap function of mallory's is shown of the view's rows."""
    told: set[str] = set()
    with place.superuser(autocommit=False) as connection:
        connection.add_notice_handler(lambda notice: told.add(str(notice.message_primary)))
        for statement in (
            *before,
            "SET SESSION AUTHORIZATION mallory",
            "CREATE FUNCTION pg_temp.told(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
            " $$ BEGIN RAISE WARNING '%', $1; RETURN true; END $$",
            f"SELECT count(*) FROM pgmask.{view} WHERE pg_temp.told(table_name)",
        ):
            connection.execute(statement.encode())
        connection.rollback()
    return told
