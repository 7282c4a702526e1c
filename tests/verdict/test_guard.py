"""Validation from Python: the call, the cache, and the guards of psycopg and SQLAlchemy."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

import pgmask
from pgmask.errors import PgmaskError
from pgmask.facts.schema import Schema
from pgmask.facts.schema_file import dumps
from pgmask.integrations.validating import Guard, StatementRefused, guard_engine, guarded
from pgmask.verdict.placeholders import numbered
from pgmask.verdict.validator import Validator
from tests.harness import Database
from tests.spine.world import INSURER
from tests.verdict.world import codes, insurer

pytestmark = pytest.mark.requirement("I1", "I2")

STORE = "SELECT name FROM crm_store.customer"
FINE = "SELECT 1 AS one"


@pytest.fixture
def agent(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent")


def test_one_call(schema: Schema, plain: Database, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(dumps(schema), "utf-8")
    for source in (schema, file, str(file), plain.dsn()):
        (verdict,) = pgmask.validate(
            "SELECT phone FROM crm.customer WHERE id = 1",
            schema=source, catalogue=INSURER / "catalogue", profile="agent",
        )  # fmt: skip
        assert (verdict.verdict, verdict.allowed) == ("allow", True)
        assert (verdict.outputs[0].level, verdict.outputs[0].form) == (1, "mask")
    with pytest.raises(PgmaskError) as caught:
        pgmask.validate("SELECT 1", schema=tmp_path / "nothing.json")
    assert caught.value.code == "PM646"
    with pytest.raises(PgmaskError) as caught:
        pgmask.validate("SELECT 1", schema=schema, catalogue=insurer(), profile="nobody")
    assert caught.value.code == "PM013"


def test_a_statement_is_remembered_by_its_shape(agent: Validator) -> None:
    sql = "SELECT name FROM crm.customer WHERE status = '{}'"
    first = agent.check(sql.format("active"))
    assert agent.hits == 0
    assert agent.check(sql.format("lapsed")) is first
    assert agent.hits == 1


def test_the_applications_own_search_path(schema: Schema) -> None:
    sql = "SELECT birth_date FROM customer WHERE id = 1"

    def asked(path: tuple[str, ...] | None) -> list[str]:
        return codes(
            pgmask.validate(
                sql, schema=schema, catalogue=insurer(), profile="analyst", search_path=path
            )
        )

    assert asked(None) == []
    assert asked(("crm",)) == ["PM621"]
    guard = Guard(schema, insurer(), profile="analyst", search_path=("analyst", "crm"))
    assert codes(guard.ask(sql)) == []
    guard.ask("SET search_path = analyst, crm")
    with pytest.raises(StatementRefused):
        guard.ask("SET search_path = analyst, crm, public")
    with pytest.raises(StatementRefused):
        Guard(schema, insurer(), profile="analyst", search_path=("crm",)).ask(sql)


# Each pair has one fingerprint of PostgreSQL's, or one text without its literals.
TWINS = {
    "aliases in a sub-query": (
        "SELECT x.a FROM (SELECT id AS a, phone AS b FROM crm.customer WHERE id = 1) AS x",
        "SELECT x.a FROM (SELECT phone AS a, id AS b FROM crm.customer WHERE id = 1) AS x",
    ),
    "the order of columns": (
        "SELECT id, phone FROM crm.customer WHERE id = 1",
        "SELECT phone, id FROM crm.customer WHERE id = 1",
    ),
    "a number in ORDER BY": (
        "SELECT id, phone FROM crm.customer WHERE id = 1 ORDER BY 1",
        "SELECT id, phone FROM crm.customer WHERE id = 1 ORDER BY 2",
    ),
    "a mask or a value": (
        "SELECT id FROM crm.customer WHERE phone = '139****2312'",
        "SELECT id FROM crm.customer WHERE phone = '13952992312'",
    ),
    "a parameter or a value": (
        "SELECT id FROM crm.customer WHERE phone LIKE $1",
        "SELECT id FROM crm.customer WHERE phone LIKE '%5299%'",
    ),
    "a small LIMIT": (
        "SELECT phone FROM crm.customer LIMIT 10",
        "SELECT phone FROM crm.customer LIMIT 10000",
    ),
    "a setting": (
        "SELECT set_config('statement_timeout', '1s', true)",
        "SELECT set_config('role', 'x', true)",
    ),
    "a purpose": (
        "SELECT crm.customer_reveal_request(ARRAY['1'], ARRAY['phone'], 'service')",
        "SELECT crm.customer_reveal_request(ARRAY['1'], ARRAY['phone'], 'curiosity')",
    ),
}


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("turn", [1, -1])
def test_the_memory_does_not_mix_up_what_looks_alike(
    agent: Validator, twin: str, turn: int
) -> None:
    one, other = TWINS[twin][::turn]
    for sql in (one, other, one):
        (remembered,), (fresh,) = agent.check(sql), agent.validate(sql)
        assert codes((remembered,)) == codes((fresh,))
        assert remembered.outputs == fresh.outputs


def test_the_memory_is_bounded(schema: Schema) -> None:
    small = Validator(schema, catalogue=insurer(), profile="agent", remember=3)
    for n in range(10):
        small.check(f"SELECT id AS c{n} FROM crm.customer WHERE id = 1")
    assert len(small._shapes) == 3
    small.check("SET statement_timeout = 1")
    small.check("SELECT 1; SELECT 2")
    assert len(small._shapes) == 3, "only single queries are kept"


def test_a_hit_takes_no_time(agent: Validator) -> None:
    sql = (
        "SELECT c.id, c.name, c.phone, p.policy_no FROM crm.customer AS c"
        " JOIN crm.policy AS p ON p.holder_id = c.id"
        " WHERE c.status = 'active' AND p.ends_on < '2026-01-{:02}' AND c.unit_id = 7"
        " ORDER BY p.ends_on LIMIT $1"
    )
    agent.check(sql.format(1).replace(" LIMIT $1", ""))
    times = []
    for n in range(2, 30):
        one = sql.format(n).replace(" LIMIT $1", "")
        start = time.perf_counter()
        agent.check(one)
        times.append(time.perf_counter() - start)
    assert agent.hits == 28
    # 50 us are promised where nothing else runs; a machine shared by many may take longer.
    assert statistics.median(times) < 500e-6


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("SELECT %s, %s", "SELECT $1, $2"),
        ("SELECT %(a)s, %(b)s, %(a)s", "SELECT $1, $2, $1"),
        ("SELECT '100%%', %s", "SELECT '100%', $1"),
        ("SELECT 1 % 2", "SELECT 1 % 2"),
        ("SELECT 'x%'", "SELECT 'x%'"),
        ("SELECT %b, %t", "SELECT $1, $2"),
    ],
)
def test_placeholders(given: str, sent: str) -> None:
    assert numbered(given) == sent


def test_psycopg(schema: Schema, plain: Database) -> None:
    guard = Guard(schema, insurer(), profile="agent")
    with psycopg.connect(plain.dsn(), cursor_factory=guarded(psycopg.Cursor, guard)) as connection:
        assert connection.execute(FINE).fetchall() == [(1,)]
        assert connection.execute("SELECT %s::int", (3,)).fetchall() == [(3,)]
        with pytest.raises(StatementRefused) as caught:
            connection.execute(STORE)
        assert caught.value.code == "PM647"
        assert "PM620" in str(caught.value)
        assert "Query crm.customer." in caught.value.hint
        assert caught.value.verdict is not None
        for ask in (
            lambda c: c.executemany(f"{STORE} WHERE id = %s", [(1,)]),
            lambda c: list(c.stream(STORE)),
            lambda c: c.copy(f"COPY ({STORE}) TO STDOUT"),
            lambda c: c.execute(psycopg.sql.SQL(STORE)),
            lambda c: c.execute(STORE.encode()),
        ):
            with pytest.raises(StatementRefused):
                ask(connection.cursor())
        # Nothing was sent: the transaction is not broken.
        assert connection.execute(FINE).fetchall() == [(1,)]


def test_asynchronous_psycopg(schema: Schema, plain: Database) -> None:
    guard = Guard(schema, insurer(), profile="agent")

    async def work() -> None:
        factory = guarded(psycopg.AsyncCursor, guard)
        async with await psycopg.AsyncConnection.connect(
            plain.dsn(), cursor_factory=factory
        ) as connection:
            assert await (await connection.execute(FINE)).fetchall() == [(1,)]
            with pytest.raises(StatementRefused):
                await connection.execute(STORE)

    asyncio.run(work())


def url(database: Database) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(database.dsn())
    return (
        f"postgresql+psycopg://{parts['user']}:{parts['password']}@/{parts['dbname']}"
        f"?host={parts['host']}&port={parts['port']}"
    )


def test_sqlalchemy(schema: Schema, plain: Database, caplog: pytest.LogCaptureFixture) -> None:
    engine = create_engine(url(plain))
    guard_engine(engine, Guard(schema, insurer(), profile="agent"))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id FROM crm.unit WHERE id = :x"), {"x": 1})
        assert found.all() == []
        with pytest.raises(StatementRefused):
            connection.execute(text(STORE))
    engine.dispose()
    warning = create_engine(url(plain))
    guard_engine(warning, Guard(schema, insurer(), profile="agent", refuse=False))
    with warning.connect() as connection, caplog.at_level(logging.WARNING, "pgmask.validate"):
        for _ in range(2):
            connection.execute(text("SELECT id FROM crm.customer WHERE phone = '13952992312'"))
    warning.dispose()
    assert [r.getMessage().split()[0] for r in caplog.records] == ["PM625"]
    assert "13952992312" not in caplog.text


def test_asynchronous_sqlalchemy(schema: Schema, plain: Database) -> None:
    async def work() -> None:
        engine = create_async_engine(url(plain))
        guard_engine(engine, Guard(schema, insurer(), profile="agent"))
        async with engine.connect() as connection:
            with pytest.raises(StatementRefused):
                await connection.execute(text(STORE))
        await engine.dispose()

    asyncio.run(work())


def test_the_profile_is_that_of_whoever_is_acting(schema: Schema) -> None:
    from pgmask.integrations.acting import Actor

    guard = Guard(schema, insurer(), refuse=False)
    sql = "SELECT id FROM analyst.customer WHERE birth_date < DATE '1980-01-01'"
    with pgmask.acting_as(Actor(person=1, profile="analyst", unit="7")):
        assert codes(guard.ask(sql)) == ["PM628"]
    with pgmask.acting_as(Actor(person=1, profile="agent", unit="7")):
        assert "PM621" in codes(guard.ask(sql))
    assert codes(guard.ask("COPY (SELECT 1) TO PROGRAM 'x'")) == ["PM631"]


def test_a_connection_remembers_what_it_has_made(schema: Schema, plain: Database) -> None:
    guard = Guard(schema, insurer(), profile="agent")
    with psycopg.connect(plain.dsn(), cursor_factory=guarded(psycopg.Cursor, guard)) as connection:
        connection.execute("CREATE TEMP TABLE work (id bigint)")
        connection.execute("INSERT INTO work VALUES (%s)", (1,))
        assert connection.execute("SELECT id FROM work").fetchall() == [(1,)]
        connection.execute("DECLARE c CURSOR FOR SELECT id FROM work")
        assert connection.execute("FETCH 1 FROM c").fetchall() == [(1,)]
        # What is in it is known: the name of a customer must not be copied out of it.
        connection.execute("CREATE TEMP TABLE tt AS SELECT name FROM crm.customer")
        with pytest.raises(StatementRefused) as caught:
            connection.execute("INSERT INTO crm.ref_bank SELECT 'x', name, 'y' FROM tt")
        assert "PM636" in str(caught.value)
        connection.execute("CLOSE c")
        connection.execute("DROP TABLE work")
        with pytest.raises(StatementRefused):
            connection.execute("SELECT id FROM work")
    # Control: another connection has no such table.
    with pytest.raises(StatementRefused) as caught:
        guard.ask("SELECT id FROM tt", object())
    assert "PM601" in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SET search_path = crm_store",
        "SET LOCAL search_path = crm_store, crm",
        "SET SCHEMA 'crm_store'",
        "SELECT set_config('search_path', 'crm_store', false)",
        "DO $$ BEGIN SET search_path = crm_store; END $$",
        "DO $$ DECLARE x text; BEGIN x := set_config('search_path', 'shadow', false); END $$",
        "CREATE TEMP TABLE customer (phone text)",
    ],
)
def test_no_statement_is_judged_under_another_path(schema: Schema, sql: str) -> None:
    guard = Guard(schema, insurer(), profile="agent")
    with pytest.raises(StatementRefused) as caught:
        guard.ask(sql)
    assert "PM613" in str(caught.value)
    assert "Write names with their schema" in caught.value.hint


def test_the_profiles_own_path_may_be_set(schema: Schema) -> None:
    guard = Guard(schema, insurer(), profile="agent")
    policy = guard.validator("agent").policy
    assert policy is not None
    guard.ask(f"SET search_path = {', '.join(policy.search_path)}")
    guard.ask("RESET search_path")
    guard.ask(
        "CREATE FUNCTION crm.f() RETURNS int LANGUAGE sql SET search_path = crm AS 'SELECT 1'"
    )
