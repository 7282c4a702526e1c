"""Reveal and search by one call, on a connection of their own; and ``pgmask reveal``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pgmask.cli.main import run
from pgmask.errors import PgmaskError
from pgmask.integrations.acting import acting_as
from pgmask.integrations.reveal import areveal, reveal, search
from tests.drivers.world import World, agent

PHONE, MASK = "13812345678", "138****5678"
TABLE = "crm.customer"


@pytest.fixture
def customer(world: World) -> Iterator[int]:
    """A customer of unit 2 with a phone."""
    with world.database.superuser() as su:
        row = su.execute(
            "INSERT INTO crm_store.customer (unit_id, name, phone) VALUES (2, 'Li Si', %s)"
            " RETURNING id",
            (PHONE,),
        ).fetchone()
        assert row is not None
        yield int(row[0])
        su.execute("DELETE FROM crm_store.customer WHERE id = %s", row)


@pytest.mark.requirement("B2", "B3")
def test_one_call_shows_a_row_and_leaves_a_ticket(world: World, customer: int) -> None:
    with acting_as(agent(2)):
        found = reveal(world.dsn, TABLE, customer, ["phone"], "callback", minter=world.minter)
        again = asyncio.run(
            areveal(world.dsn, TABLE, [customer], purpose="callback", minter=world.minter)
        )
    assert found.row == {
        "id": customer, "unit_id": 2, "name": "Li Si", "phone": PHONE, "visits": 0
    }  # fmt: skip
    assert found.values == again.values == {"phone": PHONE}
    assert PHONE not in repr(found)
    assert found.left_today is not None
    assert again.left_today == found.left_today - 1
    with world.database.superuser() as su:
        rows = su.execute(
            "SELECT person_id, grade, purpose, columns FROM pgmask_audit.ticket"
            " WHERE ticket_id = ANY (%s)",
            ([found.ticket, again.ticket],),
        ).fetchall()
    assert rows == [(2, "challenge", "callback", ["phone"])] * 2


@pytest.mark.requirement("B2")
def test_it_is_recorded_whatever_the_application_does(world: World, customer: int) -> None:
    with acting_as(agent(2)), psycopg.connect(world.dsn, prepare_threshold=None) as own:
        own.execute("SELECT pgmask.login(%s)", (world.minter.assertion(agent(2)),))
        found = reveal(world.dsn, TABLE, customer, (), "callback", minter=world.minter)
        own.rollback()
    with world.database.superuser() as su:
        row = su.execute(
            "SELECT count(*) FROM pgmask_audit.ticket WHERE ticket_id = %s", (found.ticket,)
        )
        assert row.fetchone() == (1,)


@pytest.mark.requirement("B2", "B3")
def test_what_is_refused(world: World, customer: int) -> None:
    def code(actor: int, **changed: object) -> str:
        given = {"columns": ["phone"], "purpose": "callback", "minter": world.minter} | changed
        with pytest.raises((psycopg.Error, PgmaskError)) as error:
            reveal(world.dsn, TABLE, customer, actor=agent(actor), **given)  # type: ignore[arg-type]
        assert PHONE not in str(error.value)
        return str(getattr(error.value, "sqlstate", None) or getattr(error.value, "code", ""))

    assert code(1) == "PM407"  # another unit's: no such row
    assert code(2, purpose="curiosity") == "PM403"
    assert code(2, columns=["name"]) == "PM406"
    assert code(2, minter=None) == "PM101"
    with pytest.raises(PgmaskError) as nobody:
        reveal(world.dsn, TABLE, customer, (), "callback", minter=world.minter)
    assert nobody.value.code == "PM104"
    with pytest.raises((psycopg.Error, PgmaskError)):
        reveal(world.dsn, "crm.nothing", 1, (), "callback", minter=world.minter, actor=agent(2))


@pytest.mark.requirement("B3")
def test_search_by_one_call(world: World, customer: int) -> None:
    with acting_as(agent(2)):
        found = search(world.dsn, TABLE, "phone", "138 1234 5678", minter=world.minter)
        assert [(row["id"], row["phone"]) for row in found] == [(customer, MASK)]
        with pytest.raises(PgmaskError) as error:
            search(world.dsn, TABLE, "name", "Li Si", minter=world.minter)
    assert error.value.code == "PM419"
    with acting_as(agent(3)):
        assert search(world.dsn, TABLE, "phone", PHONE, minter=world.minter) == []


@pytest.mark.parametrize("world", ["direct"], indirect=True)
@pytest.mark.requirement("B2")
def test_the_command(
    world: World, customer: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "web.key"
    key.write_text(world.key.dump(), "utf-8")
    words = [
        "reveal", TABLE, str(customer), "--columns", "phone", "--purpose", "callback",
        "--dsn", world.dsn,
    ]  # fmt: skip
    signed = ["--issuer-key", str(key), "--person", "2", "--profile", "agent", "--unit", "2"]
    assert run([*words, *signed]) == 0
    printed = capsys.readouterr()
    assert PHONE in printed.out
    assert PHONE not in printed.err
    assert "recorded as ticket" in printed.err
    assert "left today" in printed.err
    assert run([*words, *signed, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["columns"] == {"phone": PHONE}
    assert run(words) == 3  # the application's login is nobody by itself
    assert "PM101" in capsys.readouterr().err
    assert run([*words, "--person", "2"]) == 1
    assert "PM104" in capsys.readouterr().err


@pytest.mark.parametrize("world", ["direct"], indirect=True)
@pytest.mark.requirement("B2")
def test_the_command_of_a_person_with_a_login(
    world: World, customer: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with world.database.superuser() as su:
        su.execute("SELECT pgmask.register_login('alan', 2, NULL, 'agent', '2')")
        su.execute("GRANT pgmask_agent TO alan")
    dsn = world.database.dsn("alan")
    try:
        assert run(["reveal", TABLE, str(customer), "--purpose", "callback", "--dsn", dsn]) == 0
    finally:
        with world.database.superuser() as su:
            su.execute("SELECT pgmask.register_end_login('alan')")
    assert PHONE in capsys.readouterr().out
