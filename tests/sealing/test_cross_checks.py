"""An identity number against the birth date: refused where both are seen, never as an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from pgmask.keyfile import KeyFile
from tests.attack.people import id_no
from tests.harness import Database, Server
from tests.sealing import tables
from tests.sealing.conftest import SealedDatabase, register_key, run_sql

CROSSED = replace(
    tables.CUSTOMER,
    columns=tuple(
        replace(c, cross=(("birth_date", "birth"),)) if c.name == "id_no" else c
        for c in tables.CUSTOMER.columns
    ),
)
RIGHT, WRONG = id_no(1), id_no(2)
BORN = f"{RIGHT[6:10]}-{RIGHT[10:12]}-{RIGHT[12:14]}"


@pytest.fixture
def crossed(server: Server, the_key: KeyFile) -> Iterator[SealedDatabase]:
    """The tables of the other tests, with the birth date checked against the identity number."""

    def prepare(database: Database) -> None:
        with database.connect() as connection:
            run_sql(connection)
            register_key(connection, the_key)
            connection.execute(tables.TABLES.encode())
            connection.execute(tables.SLOT.encode())
            tables.seal_table(connection, CROSSED, tables.POLICY)
            connection.execute(tables.VIEWS.encode())
            tables.protect(connection, (CROSSED, tables.POLICY))

    with server.database(template=server.template("crossed", prepare)) as made:
        yield SealedDatabase(made, the_key)


def _add(crossed: SealedDatabase, grade: str) -> None:
    crossed.app.execute(
        "INSERT INTO crm.customer (id, customer_no, name, id_no, birth, grade)"
        " VALUES (1, 'C1', '王小明', %s, %s, %s)",
        (RIGHT, BORN, grade),
    )


@pytest.mark.requirement("F4")
def test_a_number_that_contradicts_a_birth_date_in_sight_is_refused(
    crossed: SealedDatabase,
) -> None:
    _add(crossed, "basic")
    with pytest.raises(psycopg.Error) as caught:
        crossed.app.execute("UPDATE crm.customer SET id_no = %s WHERE id = 1", (WRONG,))
    assert caught.value.sqlstate == "PM041"


@pytest.mark.requirement("F4", "D1")
def test_the_sealed_birth_date_of_a_high_value_customer_cannot_be_guessed(
    crossed: SealedDatabase,
) -> None:
    """A wrong and a right guess look alike; the wrong one is flagged where no view shows it."""
    _add(crossed, "diamond")
    assert crossed.stored("birth") == (None,)
    for number in (WRONG, id_no(29), RIGHT):
        done = crossed.app.execute("UPDATE crm.customer SET id_no = %s WHERE id = 1", (number,))
        assert done.rowcount == 1
        flags = crossed.stored("pgmask_quality")[0]
        assert flags == (None if number[6:14] == RIGHT[6:14] else ["id_no:birth_date"])
    assert crossed.truth(1)["birth"] == BORN


@pytest.mark.requirement("F4", "D1")
def test_a_new_number_and_a_new_birth_date_must_agree(crossed: SealedDatabase) -> None:
    """Control: what the caller says himself is compared, high-value or not."""
    _add(crossed, "diamond")
    with pytest.raises(psycopg.Error) as caught:
        crossed.app.execute(
            "UPDATE crm.customer SET id_no = %s, birth = '1980-01-01' WHERE id = 1", (WRONG,)
        )
    assert caught.value.sqlstate == "PM041"
