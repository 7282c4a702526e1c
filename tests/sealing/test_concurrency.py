"""Two sessions at once: grades against inserts, first keys, blocked upserts, row versions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.harness import Connection
from tests.sealing.conftest import SealedDatabase
from tests.sealing.test_upsert import COLLIDES, HEAD, OLD


def commit(
    connection: Connection, statement: str | bytes, values: tuple[str, ...] | None = None
) -> None:
    """One statement and the end of its transaction."""
    text = statement if isinstance(statement, bytes) else statement.encode()
    connection.execute(text, values)
    connection.commit()


class Beside(threading.Thread):
    """A statement in another thread; ``end`` waits for it and gives its error or None."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work
        self.error: psycopg.Error | None = None
        self.start()

    def run(self) -> None:
        """Do it."""
        try:
            self._work()
        except psycopg.Error as error:
            self.error = error

    def blocked(self) -> bool:
        """Whether it still waits after a moment."""
        self.join(0.5)
        return self.is_alive()

    def end(self) -> psycopg.Error | None:
        """Its end."""
        self.join(10)
        assert not self.is_alive()
        return self.error


@pytest.fixture
def two(crm: SealedDatabase) -> tuple[SealedDatabase, Connection, Connection]:
    """Two application sessions and one customer."""
    crm.app.execute(
        "INSERT INTO crm.customer (id, customer_no, phone) VALUES (1, 'C1', %s)", (OLD,)
    )
    return crm, crm.database.connect("app"), crm.database.connect("app")


@pytest.mark.requirement("D2")
@pytest.mark.parametrize("child_first", [True, False])
def test_grade_against_a_new_row(
    two: tuple[SealedDatabase, Connection, Connection], child_first: bool
) -> None:
    """Whoever comes second waits: no row of a high-value subject is left with plain level 2."""
    crm, a, b = two
    insert = "INSERT INTO crm.policy (no, holder_id, remark) VALUES ('p1', 1, 'plain')"
    grade = "UPDATE crm.customer SET grade = 'diamond' WHERE id = 1"
    first, second = (insert, grade) if child_first else (grade, insert)
    a.execute(first.encode())
    other = Beside(lambda: commit(b, second.encode()))
    assert other.blocked()
    a.commit()
    assert other.end() is None
    row = crm.root.execute("SELECT remark, pgmask_high_value FROM crm_store.policy").fetchone()
    assert row == ("*****", True)
    assert crm.wrong() == []


@pytest.mark.requirement("F1")
def test_one_data_key_from_two_sessions(
    two: tuple[SealedDatabase, Connection, Connection],
) -> None:
    """Two sessions need the first key of one subject: one makes it, the other waits and uses it."""
    crm, a, b = two
    crm.root.execute("DELETE FROM crm_store.customer")
    crm.root.execute("DELETE FROM pgmask_private.data_key")
    crm.root.execute("ALTER TABLE crm_store.policy DROP CONSTRAINT policy_holder_id_fkey")
    insert = "INSERT INTO crm.policy (no, holder_id, value) VALUES (%s, 5, 'v')"
    a.execute(insert, ("p1",))
    other = Beside(lambda: commit(b, insert, ("p2",)))
    assert other.blocked()
    a.commit()
    assert other.end() is None
    keys = crm.root.execute("SELECT subject_key, epoch FROM pgmask_private.data_key").fetchall()
    assert keys == [("5", 1)]
    assert crm.wrong() == []
    a.execute(insert, ("p3",))
    a.rollback()
    crm.root.execute("DELETE FROM pgmask_private.data_key")
    crm.root.execute("DELETE FROM crm_store.policy")
    a.execute(insert, ("p4",))
    other = Beside(lambda: commit(b, insert, ("p5",)))
    assert other.blocked()
    a.rollback()  # the key goes with its transaction; the waiting session makes its own
    assert other.end() is None
    assert crm.wrong() == []


@pytest.mark.requirement("F3")
def test_upsert_waits_for_the_row(two: tuple[SealedDatabase, Connection, Connection]) -> None:
    """The row is being updated, or deleted, when the upsert comes: the upsert has the last word."""
    crm, a, b = two
    upsert = (HEAD + "phone = EXCLUDED.phone").encode()
    a.execute("UPDATE crm.customer SET phone = '13800005678' WHERE id = 1")
    other = Beside(lambda: commit(b, upsert, (COLLIDES, "")))
    assert other.blocked()
    a.commit()
    assert other.end() is None
    assert crm.truth(1)["phone"] == COLLIDES
    a.execute("DELETE FROM crm.customer WHERE id = 1")
    other = Beside(lambda: commit(b, upsert, (OLD, "")))
    assert other.blocked()
    a.commit()
    assert other.end() is None
    assert crm.truth(1)["phone"] == OLD
    # Now the new row is not committed when the upsert probes: it appears before the insertion.
    crm.root.execute("DELETE FROM crm_store.customer")
    a.execute("INSERT INTO crm.customer (id, customer_no, phone) VALUES (1, 'C1', %s)", (OLD,))
    for new in (COLLIDES, "13912340000"):
        other = Beside(partial(commit, b, upsert, (new, "")))
        assert other.blocked()
        a.commit()
        error = other.end()
        assert error is not None
        assert error.sqlstate == "40001"
        b.rollback()
        assert crm.truth(1)["phone"] == OLD
        crm.root.execute("DELETE FROM crm_store.customer")
        a.execute("INSERT INTO crm.customer (id, customer_no, phone) VALUES (1, 'C1', %s)", (OLD,))
    # A statement that cannot be misread goes through: other masks, sealed columns not touched.
    note = (HEAD + "note = 'seen'").encode()
    other = Beside(lambda: commit(b, note, ("13912340000", "")))
    assert other.blocked()
    a.commit()
    assert other.end() is None
    assert crm.truth(1)["phone"] == OLD
    assert crm.stored("note") == ("seen",)
    assert crm.wrong() == []


@pytest.mark.requirement("F3")
def test_different_columns_at_once(two: tuple[SealedDatabase, Connection, Connection]) -> None:
    """Two sessions write two sealed columns of one row: both truths are kept."""
    crm, a, b = two
    a.execute("UPDATE crm.customer SET phone = %s WHERE id = 1", (COLLIDES,))
    email = "UPDATE crm.customer SET email = 'ab@example.com' WHERE id = 1"
    other = Beside(lambda: commit(b, email))
    assert other.blocked()
    a.commit()
    assert other.end() is None
    assert crm.truth(1) == {"phone": COLLIDES, "email": "ab@example.com"}
    b.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    b.execute("SELECT FROM crm.customer")
    a.execute("UPDATE crm.customer SET phone = %s WHERE id = 1", (OLD,))
    a.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        b.execute("UPDATE crm.customer SET phone = phone WHERE id = 1")
    assert crm.truth(1)["phone"] == OLD


@pytest.mark.requirement("D2")
def test_restriction_and_unit_reach_every_row(crm: SealedDatabase) -> None:
    """A subject's restriction and unit are kept in its rows of other tables."""
    crm.app.execute("INSERT INTO crm.customer (id, unit_id) VALUES (1, 3), (2, 4)")
    crm.app.execute(
        "INSERT INTO crm.policy (no, holder_id, insured_id) VALUES ('a', 1, 2), ('b', 2, 1)"
    )

    def rows() -> list[tuple[object, ...]]:
        return crm.root.execute(
            "SELECT no, pgmask_unit, pgmask_restricted FROM crm_store.policy ORDER BY no"
        ).fetchall()

    assert rows() == [("a", 3, False), ("b", 4, False)]
    crm.app.execute("UPDATE crm.customer SET unit_id = 5 WHERE id = 1")
    assert rows() == [("a", 5, False), ("b", 4, False)]
    crm.app.execute("UPDATE crm.policy SET holder_id = 1 WHERE no = 'b'")
    assert rows() == [("a", 5, False), ("b", 5, False)]
    crm.root.execute("UPDATE crm_store.customer SET pgmask_restricted = true WHERE id = 2")
    assert rows() == [("a", 5, True), ("b", 5, False)]
