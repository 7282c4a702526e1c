"""psycopg, sync and async, direct and through PgBouncer: nobody is ever taken for another."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import acting_as
from pgmask.integrations.psycopg import AsyncConnection, Connection
from tests.drivers.world import DESK, PER_UNIT, UNITS, World, agent, in_threads

UNIT_IDS = "SELECT DISTINCT unit_id FROM crm.customer WHERE id > %s"
CALLS = 50


def connect(world: World, **options: Any) -> Connection[Any]:
    return Connection.connect(world.dsn, **(world.options | options))


def units(connection: psycopg.Connection[Any], *, marked: bool = True) -> set[int]:
    query = UNIT_IDS if marked else UNIT_IDS.replace("%s", "0")
    return {row[0] for row in connection.execute(query, (0,) if marked else None).fetchall()}


def refused(error: pytest.ExceptionInfo[Any]) -> str | None:
    found: str | None = getattr(error.value, "sqlstate", None) or getattr(error.value, "code", None)
    return found


@pytest.mark.requirement("C1", "C2", "C3")
@pytest.mark.parametrize("autocommit", [False, True], ids=["transaction", "autocommit"])
def test_many_persons_share_two_connections(world: World, autocommit: bool) -> None:
    seen: list[tuple[int, set[int]]] = []
    with ConnectionPool(
        world.dsn, connection_class=Connection, min_size=2, max_size=2, open=True,
        kwargs=world.options | {"autocommit": autocommit},
    ) as pool:  # fmt: skip

        def client(number: int) -> None:
            chosen = random.Random(number)
            for _ in range(CALLS):
                unit = chosen.randint(0, UNITS)
                with pool.connection() as connection:
                    if unit == 0:
                        with pytest.raises(psycopg.Error) as nobody:
                            connection.execute(UNIT_IDS, (0,))
                        assert refused(nobody) == "PM101"
                        continue
                    with acting_as(agent(unit)):
                        seen.append((unit, units(connection)))

        assert in_threads(8, client) == []
    assert len(seen) > 8 * CALLS / 2
    assert [pair for pair in seen if pair[1] != {pair[0]}] == []


@pytest.mark.requirement("C1", "C2")
def test_many_tasks_share_two_connections(world: World) -> None:
    seen: list[tuple[int, set[int]]] = []

    async def client(pool: Any, number: int) -> None:
        chosen = random.Random(number)
        for _ in range(CALLS // 2):
            unit = chosen.randint(0, UNITS)
            async with pool.connection() as connection:
                if unit == 0:
                    with pytest.raises(psycopg.Error) as nobody:
                        await connection.execute(UNIT_IDS, (0,))
                    assert refused(nobody) == "PM101"
                    continue
                async with acting_as(agent(unit)):
                    rows = await (await connection.execute(UNIT_IDS, (0,))).fetchall()
                    seen.append((unit, {row[0] for row in rows}))

    async def main() -> None:
        async with AsyncConnectionPool(
            world.dsn, connection_class=AsyncConnection, min_size=2, max_size=2, open=False,
            kwargs=world.options,
        ) as pool:  # fmt: skip
            await asyncio.gather(*(client(pool, n) for n in range(8)))

    asyncio.run(main())
    assert len(seen) > 8 * CALLS / 4
    assert [pair for pair in seen if pair[1] != {pair[0]}] == []


@pytest.mark.requirement("B7")
@pytest.mark.parametrize("kind", ["plain", "many", "stream", "copy", "cursor", "pipeline"])
def test_every_kind_of_statement_brings_the_login(world: World, kind: str) -> None:
    with acting_as(agent(2)), connect(world) as connection:
        cursor = connection.cursor()
        if kind == "plain":
            assert units(connection, marked=False) == {2}
        elif kind == "many":
            cursor.executemany(UNIT_IDS, [(0,), (1000,)], returning=True)
            assert {row[0] for row in cursor.fetchall()} == {2}
        elif kind == "stream":
            assert {row[0] for row in cursor.stream(UNIT_IDS, (0,))} == {2}
        elif kind == "copy":
            text = f"COPY ({UNIT_IDS.replace('%s', '0')}) TO STDOUT"
            with cursor.copy(text) as out:
                assert {row[0] for row in out.rows()} == {"2"}
        elif kind == "cursor":
            with connection.cursor("named") as named:
                named.execute(UNIT_IDS, (0,))
                assert {row[0] for row in named.fetchall()} == {2}
        else:
            with connection.pipeline():
                first = connection.execute(UNIT_IDS, (0,))
                second = connection.execute(UNIT_IDS, (1,))
            assert {row[0] for row in [*first.fetchall(), *second.fetchall()]} == {2}


def test_several_statements_in_one_text_still_work(world: World) -> None:
    with acting_as(agent(2)), connect(world) as connection:
        cursor = connection.execute("SELECT 1; SELECT count(*) FROM crm.customer")
        assert cursor.nextset()
        assert cursor.fetchone() == (PER_UNIT,)


@pytest.mark.parametrize("kind", ["stream", "copy"])
def test_what_cannot_bring_a_login_in_autocommit_says_so(world: World, kind: str) -> None:
    with acting_as(agent(2)), connect(world, autocommit=True) as connection:
        cursor = connection.cursor()

        def attempt() -> None:
            if kind == "stream":
                list(cursor.stream(UNIT_IDS, (0,)))
            else:
                with cursor.copy("COPY (SELECT 1) TO STDOUT"):
                    raise AssertionError

        with pytest.raises(PgmaskError) as error:
            attempt()
        assert refused(error) == "PM106"
        with connection.transaction():
            assert {row[0] for row in connection.cursor().stream(UNIT_IDS, (0,))} == {2}


@pytest.mark.requirement("C3")
def test_a_transaction_is_one_persons(world: World) -> None:
    with connect(world) as connection:
        with acting_as(agent(1)):
            assert units(connection) == {1}
            with acting_as(agent(2)), pytest.raises(psycopg.Error) as other:
                units(connection)
            assert refused(other) == "PM103"
            connection.rollback()
            assert units(connection) == {1}
        with pytest.raises(PgmaskError) as nobody:
            units(connection)
        assert refused(nobody) == "PM104"


@pytest.mark.requirement("C2", "C3")
@pytest.mark.parametrize("injected", ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "COMMIT; BEGIN"])
def test_a_transaction_ended_by_a_statement_carries_nobody_over(
    world: World, injected: str
) -> None:
    with connect(world) as connection:
        with acting_as(agent(1)):
            units(connection)
            connection.execute(injected)
        with acting_as(agent(2)):
            # A transaction that goes on has nobody, so that whoever comes next can log in.
            assert units(connection) == {2}
        connection.rollback()
        with pytest.raises(psycopg.Error) as nobody:
            units(connection)
        assert refused(nobody) == "PM101"


@pytest.mark.requirement("C2", "B7")
def test_savepoints_keep_the_person(world: World) -> None:
    with acting_as(agent(3)), connect(world) as connection, connection.transaction():

        def fail() -> None:
            with connection.transaction():
                units(connection)  # the login lies inside the savepoint and goes with it
                connection.execute("SELECT 1 / %s", (0,))

        with pytest.raises(psycopg.errors.DivisionByZero):
            fail()
        assert units(connection) == {3}
        with connection.transaction(force_rollback=True):
            assert units(connection) == {3}
        assert units(connection) == {3}
    with acting_as(agent(3)), connect(world) as connection:
        connection.execute("SAVEPOINT before_nothing")
        units(connection)
        connection.execute("ROLLBACK TO SAVEPOINT before_nothing")
        assert units(connection) == {3}
        connection.execute("BEGIN")  # a warning, and the helper is no longer sure
        assert units(connection) == {3}


@pytest.mark.requirement("C2", "C3")
def test_a_cursor_with_hold_is_not_left_for_the_next(world: World) -> None:
    with connect(world) as connection:
        for end in ("commit", "injected", "rollback"):
            with acting_as(agent(1)):
                connection.execute(
                    "DECLARE kept CURSOR WITH HOLD FOR SELECT unit_id FROM crm.customer"
                )
                if end == "injected":
                    connection.execute("COMMIT")
                connection.rollback() if end == "rollback" else connection.commit()
            with acting_as(agent(2)):
                assert units(connection) == {2}
                with pytest.raises(psycopg.errors.InvalidCursorName):
                    connection.execute("FETCH ALL FROM kept")
                connection.rollback()


def test_a_plain_connection_leaves_it(world: World) -> None:
    """The control: without the helper the next one reads what the first one fetched."""
    with psycopg.connect(world.dsn, prepare_threshold=None) as connection:
        connection.execute("SELECT pgmask.login(%s)", (world.minter.assertion(agent(1)),))
        connection.execute("DECLARE kept CURSOR WITH HOLD FOR SELECT unit_id FROM crm.customer")
        connection.commit()
        connection.execute("SELECT pgmask.login(%s)", (world.minter.assertion(agent(2)),))
        assert connection.execute("FETCH ALL FROM kept").fetchall() == [(1,)] * PER_UNIT
        connection.execute("CLOSE ALL")
        connection.commit()


@pytest.mark.requirement("B7")
def test_the_search_path_follows_the_profile(world: World) -> None:
    query = "SELECT current_schemas(false)::text[], count(*), min(name) FROM customer WHERE id > %s"
    with connect(world) as connection:
        for _ in range(8):  # past the threshold of prepared statements
            with acting_as(agent(1)):
                row = connection.execute(query, (0,)).fetchone()
                connection.commit()
            assert row is not None
            assert row[0][0] == "crm"
            assert row[1:] == (PER_UNIT, "Zhang San")
            with acting_as(DESK):
                row = connection.execute(query, (0,)).fetchone()
                connection.commit()
            assert row is not None
            assert row[0][0] == "desk"
            assert row[1] == PER_UNIT * UNITS
            assert "*" in row[2]
            path = connection.execute("SHOW search_path").fetchone()
            connection.rollback()
            assert path == ('"$user", public',)


@pytest.mark.requirement("B7")
def test_two_profiles_in_one_transaction_leave_one_path(world: World) -> None:
    with connect(world) as connection, connection.transaction():
        paths = []
        for actor in (agent(1), DESK, DESK, agent(1)):
            with acting_as(actor):
                found = connection.execute("SELECT current_setting(%s)", ("search_path",))
                paths.append(found.fetchone())
        assert paths == [
            ('crm, "$user", public',),
            ('desk, "$user", public',),
            ('desk, "$user", public',),
            ('crm, "$user", public',),
        ]


@pytest.mark.requirement("B7")
def test_a_path_that_is_right_stays_as_it_is(world: World) -> None:
    with acting_as(agent(1)), connect(world) as connection, connection.transaction():
        connection.execute("SET LOCAL search_path = crm, pg_catalog, pg_temp")
        with acting_as(agent(1).for_purpose("again")):
            found = connection.execute("SHOW search_path").fetchone()
        assert found == ("crm, pg_catalog, pg_temp",)


@pytest.mark.requirement("B7")
def test_run_repeats_what_lost_a_race(world: World) -> None:
    def raise_visits(connection: Connection[Any]) -> None:
        connection.execute(
            "UPDATE crm.customer SET visits = visits + 1 WHERE id ="
            " (SELECT min(id) FROM crm.customer WHERE id > %s)",
            (0,),
        )

    def client(_: int) -> None:
        with acting_as(agent(4)), connect(world) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            for _ in range(5):
                connection.run(raise_visits, attempts=50)

    before = _visits(world)
    assert in_threads(3, client) == []
    assert _visits(world) == before + 15
    with acting_as(agent(4)), connect(world) as connection:
        units(connection)
        with pytest.raises(psycopg.ProgrammingError):
            connection.run(lambda c: None)


def _visits(world: World) -> int:
    rows = world.database.rows(
        "SELECT sum(visits) FROM crm_store.customer WHERE unit_id = 4", user="postgres"
    )
    return int(rows[0][0])
