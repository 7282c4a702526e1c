"""psycopg, sync and async, direct and through PgBouncer: nobody is ever taken for another."""

from __future__ import annotations

import random

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pgmask.integrations.acting import acting_as
from pgmask.integrations.psycopg import Connection
from tests.drivers.world import UNITS, World, agent, in_threads

UNIT_IDS = "SELECT DISTINCT unit_id FROM crm.customer WHERE id > %s"
PERSON = "SELECT person FROM pgmask.whoami()"


def units(connection: Connection) -> set[int]:
    return {row[0] for row in connection.execute(UNIT_IDS, (0,)).fetchall()}


@pytest.mark.requirement("C1", "C2", "C3")
@pytest.mark.parametrize("autocommit", [False, True], ids=["transaction", "autocommit"])
def test_many_persons_share_two_connections(world: World, autocommit: bool) -> None:
    calls, seen = 60, []

    with ConnectionPool(
        world.dsn, connection_class=Connection, min_size=2, max_size=2,
        kwargs=world.options | {"autocommit": autocommit}, open=True,
    ) as pool:  # fmt: skip

        def client(number: int) -> None:
            chosen = random.Random(number)
            for _ in range(calls):
                unit = chosen.randint(0, UNITS)
                with pool.connection() as connection:
                    if unit == 0:
                        with pytest.raises(psycopg.Error) as refused:
                            connection.execute(UNIT_IDS, (0,))
                        assert refused.value.sqlstate == "PM101"
                        continue
                    with acting_as(agent(unit)):
                        seen.append((unit, units(connection)))

        assert in_threads(8, client) == []
    assert len(seen) > 8 * calls / 2
    assert all(found == {unit} for unit, found in seen)
