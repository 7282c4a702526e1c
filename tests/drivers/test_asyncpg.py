"""asyncpg, direct and through PgBouncer."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import asyncpg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import acting_as
from pgmask.integrations.asyncpg import transaction
from tests.drivers.world import PER_UNIT, UNITS, World, agent

QUERY = "SELECT DISTINCT unit_id FROM crm.customer WHERE id > $1"


def pool(world: World) -> Any:
    found = conninfo_to_dict(world.dsn)
    return asyncpg.create_pool(
        host=found["host"], port=int(str(found["port"])), user="app", password=found["password"],
        database=world.database.name, min_size=2, max_size=2,
        statement_cache_size=0 if world.pooler else 100,
    )  # fmt: skip


@pytest.mark.requirement("B7", "C1", "C2")
def test_many_tasks_share_two_connections(world: World) -> None:
    seen: list[tuple[int, set[int]]] = []

    async def client(shared: Any, number: int) -> None:
        chosen = random.Random(number)
        for _ in range(12):
            unit = chosen.randint(0, UNITS)
            async with shared.acquire() as connection:
                if unit == 0:
                    with pytest.raises(asyncpg.PostgresError) as nobody:
                        async with transaction(connection, world.minter):
                            await connection.fetch(QUERY, 0)
                    assert nobody.value.sqlstate == "PM101"
                    continue
                with acting_as(agent(unit)):
                    async with transaction(connection, world.minter):
                        seen.append((unit, {r[0] for r in await connection.fetch(QUERY, 0)}))

    async def main() -> None:
        async with pool(world) as shared:
            await asyncio.gather(*(client(shared, n) for n in range(6)))

    asyncio.run(main())
    assert len(seen) > 36
    assert [pair for pair in seen if pair[1] != {pair[0]}] == []


@pytest.mark.requirement("C2", "C3")
def test_savepoints_and_cursors(world: World) -> None:
    async def main() -> None:
        async with pool(world) as shared, shared.acquire() as connection:
            with acting_as(agent(1)):
                async with transaction(connection, world.minter) as mine:
                    with pytest.raises(PgmaskError) as nested:
                        async with transaction(mine, world.minter):
                            pass
                    assert nested.value.code == "PM104"
                    with pytest.raises(asyncpg.DivisionByZeroError):
                        async with mine.transaction():
                            await mine.fetch("SELECT 1 / $1::integer", 0)
                    assert len(await mine.fetch("SELECT * FROM crm.customer")) == PER_UNIT
                    await mine.execute(
                        "DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM crm.customer"
                    )
            with acting_as(agent(2)), pytest.raises(asyncpg.InvalidCursorNameError):
                async with transaction(connection, world.minter) as other:
                    await other.fetch("FETCH ALL FROM kept")

    asyncio.run(main())
