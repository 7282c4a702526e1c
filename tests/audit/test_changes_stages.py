"""What is recorded of changes while tables are brought in, sealed, and given back (G1, G2, B7)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pgmask.apply import seal_finish
from pgmask.apply.seal import seal_rows
from tests.audit.changes import Change, mark, since
from tests.harness import Database, Server
from tests.rollout.world import PHONE, bring, fill, people

pytestmark = pytest.mark.requirement("G1", "G2", "B7")


def _in_views(database: Database) -> None:
    fill(database)
    bring(database, "views")
    people(database)


@pytest.fixture
def views(server: Server) -> Iterator[Database]:
    with server.database(template=server.template("changes_in_views", _in_views)) as made:
        yield made


def values(changes: list[Change]) -> str:
    return json.dumps([(c.before, c.after) for c in changes], ensure_ascii=False)


def sealed(database: Database) -> None:
    with database.connect(autocommit=True) as connection:
        for table in seal_finish.deployed(connection).tables:
            seal_rows(connection, table)
            seal_finish.finish(connection, table)


def test_while_values_are_plain_the_record_holds_masks(views: Database) -> None:
    """Stage views: nothing is sealed, the application writes what is not masked."""
    root = views.superuser()
    at = mark(root)
    root.execute("UPDATE crm_store.customer SET city = 'Beijing', phone = '13900001111'"
                 " WHERE id = 5")  # fmt: skip
    root.execute("DELETE FROM crm_store.customer WHERE id = 6")
    update, cascade, delete = sorted(since(root, at), key=lambda c: (c.operation, c.table))[::-1]
    assert (update.operation, cascade.table, delete.table) == (
        "update", "crm.policy", "crm.customer",
    )  # fmt: skip
    assert update.after is not None
    assert set(update.after) == {"city", "phone"}
    assert update.after["phone"] == "139****1111"
    said = values([update, cascade, delete])
    for plain in (PHONE, "13900001111", "13812345606", "Beijing", "Wang Xiaoming"):
        assert plain not in said


def test_sealing_is_no_change_and_what_is_written_meanwhile_is_one(views: Database) -> None:
    root = views.superuser()
    bring(views, "sealing")
    at = mark(root)
    root.execute("UPDATE crm_store.customer SET phone = '13900001111' WHERE id = 5")
    sealed(views)
    bring(views, "enforced")
    (found,) = [c for c in since(root, at) if c.operation == "update" and c.login != "installer"]
    assert found.after is not None
    assert found.after["phone"] == "139****1111"
    assert "13900001111" not in values(since(root, at))
    assert PHONE not in values(since(root, at))


def test_keys_that_swap_keep_their_rows_apart(views: Database) -> None:
    root = views.superuser()
    bring(views, "sealing")
    sealed(views)
    bring(views, "enforced")
    root.execute("ALTER TABLE crm_store.policy DROP CONSTRAINT policy_pkey")
    at = mark(root)
    root.execute("UPDATE crm_store.policy SET id = 3 - id WHERE id IN (1, 2)")
    one, two = since(root, at, "crm.policy")
    assert {(tuple(c.key or ()), tuple(c.new_key or ())) for c in (one, two)} == {
        (("1",), ("2",)), (("2",), ("1",)),
    }  # fmt: skip
