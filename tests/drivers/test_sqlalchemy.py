"""SQLAlchemy, sync and async, direct and through PgBouncer, by two drivers."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from pgmask.errors import PgmaskError
from pgmask.integrations.acting import acting_as
from pgmask.integrations.sqlalchemy import arun, protect, run
from tests.drivers.world import DESK, PER_UNIT, UNITS, World, agent, in_threads

QUERY = text("SELECT DISTINCT unit_id FROM crm.customer WHERE id > :least")
CALLS = 25


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int]
    name: Mapped[str]
    phone: Mapped[str | None]
    visits: Mapped[int]


def url(world: World, driver: str) -> URL:
    found = conninfo_to_dict(world.dsn)
    query = {"host": str(found["host"]), "port": str(found["port"])}
    return URL.create(
        f"postgresql+{driver}", username="app", password=str(found["password"]),
        database=world.database.name, query=query,
    )  # fmt: skip


@pytest.fixture
def engine(world: World) -> Iterator[Engine]:
    made = create_engine(
        url(world, "psycopg"), pool_size=2, max_overflow=0,
        connect_args={"prepare_threshold": None} if world.pooler else {},
    )  # fmt: skip
    protect(made, world.minter)
    yield made
    made.dispose()


def test_a_synchronous_engine_needs_no_greenlet() -> None:
    code = "import sys; sys.modules['greenlet'] = None; import pgmask.integrations.sqlalchemy"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def an_async_engine(world: World, driver: str) -> AsyncEngine:
    options: dict[str, Any] = {}
    if world.pooler:
        options = (
            {"prepare_threshold": None}
            if driver == "psycopg"
            else {"statement_cache_size": 0, "prepared_statement_cache_size": 0,
                  "prepared_statement_name_func": lambda: ""}
        )  # fmt: skip
    made = create_async_engine(
        url(world, driver), pool_size=2, max_overflow=0, connect_args=options
    )
    protect(made, world.minter)
    return made


@pytest.mark.requirement("B7", "C1", "C2")
def test_many_persons_share_two_connections(engine: Engine) -> None:
    seen: list[tuple[int, set[int]]] = []

    def client(number: int) -> None:
        chosen = random.Random(number)
        for _ in range(CALLS):
            unit = chosen.randint(0, UNITS)
            with engine.connect() as connection:
                if unit == 0:
                    with pytest.raises(DBAPIError) as nobody:
                        connection.execute(QUERY, {"least": 0})
                    assert getattr(nobody.value.orig, "sqlstate", None) == "PM101"
                    continue
                with acting_as(agent(unit)):
                    seen.append((unit, set(connection.execute(QUERY, {"least": 0}).scalars())))

    assert in_threads(8, client) == []
    assert len(seen) > 8 * CALLS / 2
    assert [pair for pair in seen if pair[1] != {pair[0]}] == []


@pytest.mark.requirement("B7", "C1", "C2")
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_many_tasks_share_two_connections(world: World, driver: str) -> None:
    seen: list[tuple[int, set[int]]] = []

    async def client(engine: AsyncEngine, number: int) -> None:
        chosen = random.Random(number)
        for _ in range(CALLS // 2):
            unit = chosen.randint(0, UNITS)
            async with engine.connect() as connection:
                if unit == 0:
                    with pytest.raises(DBAPIError) as nobody:
                        await connection.execute(QUERY, {"least": 0})
                    assert getattr(nobody.value.orig, "sqlstate", None) == "PM101"
                    continue
                with acting_as(agent(unit)):
                    rows = await connection.execute(QUERY, {"least": 0})
                    seen.append((unit, set(rows.scalars())))

    async def main() -> None:
        engine = an_async_engine(world, driver)
        await asyncio.gather(*(client(engine, n) for n in range(6)))
        await engine.dispose()

    asyncio.run(main())
    assert len(seen) > 6 * CALLS / 4
    assert [pair for pair in seen if pair[1] != {pair[0]}] == []


@pytest.mark.requirement("B7")
def test_a_session_reads_and_writes(engine: Engine) -> None:
    make = sessionmaker(engine)
    with acting_as(agent(5)):
        with make() as session:
            found = list(session.scalars(select(Customer)))
            assert len(found) == PER_UNIT
            new = Customer(unit_id=5, name="Li Si", phone="13812345678", visits=0)
            session.add(new)
            session.commit()
            assert new.phone == "138****5678"  # loaded again, in the next transaction
            with session.begin_nested() as savepoint:
                new.visits = 7
                session.flush()
                savepoint.rollback()
            assert new.visits == 0
            new.visits = 1
            session.commit()
            session.delete(new)
            session.commit()
            assert len(list(session.scalars(select(Customer)))) == PER_UNIT
    with make() as session, acting_as(DESK):
        session.connection().execute(text("SELECT 1"))
        assert session.execute(text("SELECT count(*) FROM customer")).scalar() == PER_UNIT * UNITS


@pytest.mark.requirement("C2")
def test_a_savepoint_before_the_login_changes_nobody(engine: Engine) -> None:
    with Session(engine) as session:
        with acting_as(agent(2)), pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text("SELECT 1 / :zero"), {"zero": 0})
        with acting_as(agent(2)):
            assert set(session.execute(QUERY, {"least": 0}).scalars()) == {2}
        with acting_as(agent(3)), pytest.raises(DBAPIError) as other:
            session.execute(QUERY, {"least": 0})
        assert getattr(other.value.orig, "sqlstate", None) == "PM103"


@pytest.mark.requirement("B7")
def test_autocommit_works_with_psycopg(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for unit in (1, 2):
            with acting_as(agent(unit)):
                assert set(connection.execute(QUERY, {"least": 0}).scalars()) == {unit}
        with pytest.raises(DBAPIError) as nobody:
            connection.execute(QUERY, {"least": 0})
        assert getattr(nobody.value.orig, "sqlstate", None) == "PM101"


def test_autocommit_is_refused_with_other_drivers(world: World) -> None:
    async def main() -> None:
        engine = an_async_engine(world, "asyncpg")
        try:
            async with engine.connect() as plain:
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                with acting_as(agent(1)):
                    await connection.execute(QUERY, {"least": 0})
        finally:
            await engine.dispose()

    with pytest.raises(PgmaskError) as error:
        asyncio.run(main())
    assert error.value.code == "PM106"


def test_an_engine_of_another_database_is_refused(world: World) -> None:
    with pytest.raises(PgmaskError) as error:
        protect(create_engine("sqlite://"), world.minter)
    assert error.value.code == "PM104"


@pytest.mark.requirement("B7")
def test_run_repeats_what_lost_a_race(world: World, engine: Engine) -> None:
    patient = engine.execution_options(isolation_level="REPEATABLE READ")
    raised = text(
        "UPDATE crm.customer SET visits = visits + 1 WHERE id ="
        " (SELECT min(id) FROM crm.customer WHERE id > :least)"
    )

    def client(_: int) -> None:
        with acting_as(agent(6)):
            for _ in range(5):
                run(patient, lambda c: c.execute(raised, {"least": 0}), attempts=50)

    assert in_threads(2, client) == []

    async def again() -> None:
        other = an_async_engine(world, "psycopg")
        with acting_as(agent(6)):
            await arun(async_sessionmaker(other), lambda s: s.execute(raised, {"least": 0}))
        await other.dispose()

    asyncio.run(again())
    visits = "SELECT visits FROM crm_store.customer WHERE unit_id = 6 ORDER BY visits DESC LIMIT 1"
    with world.database.superuser() as su:
        assert su.execute(visits).fetchone() == (11,)
        su.execute("UPDATE crm_store.customer SET visits = 0 WHERE unit_id = 6")
