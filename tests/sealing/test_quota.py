"""New values of unique sealed columns are counted by person and day; no count is taken back."""

from __future__ import annotations

import threading

import psycopg
import pytest

from tests.attack.people import id_no
from tests.sealing.conftest import SealedDatabase, identify

LIMIT = 20
PUT = b"INSERT INTO crm.customer (id, id_no) VALUES (%s, %s)"
pytestmark = pytest.mark.requirement("B1", "F4")


@pytest.fixture
def few(crm: SealedDatabase) -> SealedDatabase:
    """A limit of twenty a day."""
    crm.root.execute(f"SELECT pgmask.register_rule(false, NULL, 2, {LIMIT})".encode())
    identify(crm.root)
    return crm


def spent(crm: SealedDatabase) -> int:
    """How much of today is spent."""
    row = crm.root.execute(
        "SELECT CASE WHEN is_called THEN last_value % 10000000 ELSE 0 END"
        " FROM pgmask_private.counter_unique_1"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_over_the_limit(few: SealedDatabase) -> None:
    """The one over it is refused without a word of the value; other columns go on."""
    for n in range(LIMIT):
        few.app.execute(PUT, (n, id_no(n)))
    for number in (id_no(0), id_no(900)):  # one that is there, one that is not: the same answer
        with pytest.raises(psycopg.Error) as refused:
            few.app.execute(PUT, (900, number))
        assert refused.value.sqlstate == "PM048"
        assert refused.value.diag.message_primary == "too many new unique values today"
        assert number not in str(refused.value) + str(refused.value.diag.context)
    few.app.execute("UPDATE crm.customer SET note = 'n', id_no = id_no WHERE id = 1")
    few.app.execute("INSERT INTO crm.customer (id, phone) VALUES (901, '13812345678')")
    assert few.wrong() == []


def test_what_is_taken_back_counts(few: SealedDatabase) -> None:
    """Exception blocks, rolled back transactions and failed statements spend what they asked."""
    few.app.execute(PUT, (1, id_no(1)))
    for undone in ("PERFORM 1 / 0;", "RAISE EXCEPTION 'undo';"):
        few.app.execute(
            b"DO $$ BEGIN INSERT INTO crm.customer (id, id_no) VALUES (2, '"
            + id_no(2).encode()
            + f"'); {undone} EXCEPTION WHEN OTHERS THEN NULL; END $$".encode()
        )
    assert spent(few) == 3
    with pytest.raises(psycopg.errors.UniqueViolation):
        few.app.execute(PUT, (3, id_no(1)))
    few.app.execute(PUT + b" ON CONFLICT DO NOTHING", (3, id_no(1)))
    few.app.execute("UPDATE crm.customer SET id_no = %s WHERE id = 1", (id_no(5),))
    assert spent(few) == 6


def test_what_costs_nothing(few: SealedDatabase) -> None:
    """Masks written back, other columns, empty values, carried rows, and work without identity."""
    few.app.execute(PUT, (1, id_no(1)))
    few.app.execute("UPDATE crm.customer SET id_no = id_no, phone = '13812345678' WHERE id = 1")
    few.app.execute("UPDATE crm.customer SET id_no = '' WHERE id = 1")
    few.app.execute("UPDATE crm.customer SET id_no = NULL WHERE id = 1")
    few.root.execute("INSERT INTO crm_store.customer (id, id_no) VALUES (2, %s)", (id_no(2),))
    few.root.execute("CREATE TABLE saved AS SELECT * FROM crm_store.customer")
    few.root.execute("DELETE FROM crm_store.customer")
    few.root.execute("INSERT INTO crm_store.customer SELECT * FROM saved")
    assert spent(few) == 1


def test_without_an_identity(few: SealedDatabase) -> None:
    """A login that is nobody writes no unique value, whatever the policies of the table say."""
    few.root.execute("DELETE FROM pgmask_private.effective_login")
    with pytest.raises(psycopg.Error) as refused:
        few.app.execute(PUT, (1, id_no(1)))
    assert refused.value.sqlstate == "PM101"
    few.app.execute("INSERT INTO crm.customer (id, phone) VALUES (1, '13812345678')")


def test_without_a_counter(few: SealedDatabase) -> None:
    """A counter that is gone refuses; registering the person anew does not forget a count."""
    few.app.execute(PUT, (1, id_no(1)))
    few.root.execute("SELECT pgmask.register_person(1, 'App again', 'app')")
    identify(few.root)
    assert spent(few) == 1
    few.root.execute("DROP SEQUENCE pgmask_private.counter_unique_1")
    with pytest.raises(psycopg.Error) as refused:
        few.app.execute(PUT, (2, id_no(2)))
    assert refused.value.sqlstate == "PM048"


def test_a_new_day(few: SealedDatabase) -> None:
    """What was spent yesterday counts no more."""
    few.app.execute(PUT, (1, id_no(1)))
    few.root.execute(
        "SELECT setval('pgmask_private.counter_unique_1',"
        f" (last_value / 10000000 - 1) * 10000000 + {LIMIT}) FROM pgmask_private.counter_unique_1"
    )
    few.app.execute(PUT, (2, id_no(2)))
    assert spent(few) == 1


def test_limit_of_a_post(few: SealedDatabase) -> None:
    """A post may have another limit, for work in batches or for nobody at all."""
    few.root.execute(
        "SELECT pgmask.register_post('p', 'Post', 'unit', 0);"
        " SELECT pgmask.register_post_profile('p', 'x');"
        " SELECT pgmask.register_person_post(1, 'p', 'app')"
    )
    identify(few.root)
    with pytest.raises(psycopg.Error) as refused:
        few.app.execute(PUT, (1, id_no(1)))
    assert refused.value.sqlstate == "PM048"
    few.root.execute(f"SELECT pgmask.register_post('p', 'Post', 'unit', {LIMIT})".encode())
    identify(few.root)
    few.app.execute(PUT, (1, id_no(1)))


def test_many_sessions(few: SealedDatabase) -> None:
    """Eight sessions at the turn of a day get the limit of one, and not more."""
    few.root.execute(
        "SELECT setval('pgmask_private.counter_unique_1', 20000::bigint * 10000000 + 1)"
    )
    stored: list[int] = []
    refused: list[str | None] = []
    start = threading.Barrier(8)

    def work(me: int) -> None:
        connection = few.database.connect("app", autocommit=True)
        start.wait()
        for n in range(LIMIT):
            key = me * 100 + n
            try:
                connection.execute(PUT, (key, id_no(key)))
                stored.append(key)
            except psycopg.Error as error:
                refused.append(error.sqlstate)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(stored) + len(refused) == 8 * LIMIT
    assert set(refused) == {"PM048"}
    assert LIMIT - 8 <= len(stored) <= LIMIT
