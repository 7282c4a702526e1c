"""Batch jobs and task queues: services of the register that an issuer speaks for."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pgmask.integrations.acting import Actor, acting_as
from pgmask.integrations.psycopg import Connection
from tests.drivers.world import DESK, PER_UNIT, UNITS, World, agent

COUNT = "SELECT count(*) FROM customer WHERE id > %s"
LETTERS = Actor(service="letters")


def counted(world: World, actor: Actor = LETTERS) -> int:
    with acting_as(actor), Connection.connect(world.dsn, **world.options) as connection:
        row = connection.execute(COUNT, (0,)).fetchone()
    assert row is not None
    return int(row[0])


def refusal(world: World, actor: Actor = LETTERS) -> str:
    with pytest.raises(psycopg.Error) as error:
        counted(world, actor)
    assert error.value.sqlstate == "PM103"
    return error.value.diag.message_detail or ""


@pytest.mark.requirement("C2", "B7")
def test_a_service_is_who_the_register_says(world: World) -> None:
    assert counted(world) == PER_UNIT * UNITS

    @acting_as(service="letters", purpose="yearly letter")
    def task() -> tuple[Any, ...] | None:
        with Connection.connect(world.dsn, **world.options) as connection:
            found = connection.execute(
                "SELECT person, profile, unit, purpose, service FROM pgmask.whoami() WHERE %s",
                (True,),
            )
            return found.fetchone()

    assert task() == (1, "desk", "1", "yearly letter", "letters")


@pytest.mark.requirement("C2", "C3")
def test_an_issuer_speaks_for_its_services_only(world: World) -> None:
    assert "does not honour this service" in refusal(world, Actor(service="others"))
    assert "does not honour this service" in refusal(world, Actor(service="nobody"))
    with world.database.superuser() as su:
        su.execute("SELECT pgmask.register_issuer_services('web', '{letters,others}')")
        assert counted(world, Actor(service="others")) == PER_UNIT * UNITS
        su.execute("SELECT pgmask.register_issuer_services('web', '{letters}')")
        su.execute("DELETE FROM pgmask_private.issuer_profile WHERE profile = 'desk'")
        assert "may not speak for this profile" in refusal(world)
        su.execute("INSERT INTO pgmask_private.issuer_profile VALUES ('web', 'desk')")
        assert counted(world) == PER_UNIT * UNITS


@pytest.mark.requirement("C2", "C6")
def test_a_service_stops_with_the_person_who_answers_for_it(world: World) -> None:
    with world.database.superuser() as su:
        su.execute("SELECT pgmask.register_standing(1, 'suspended', 'test')")
        try:
            assert "does not honour this service" in refusal(world)
        finally:
            su.execute("SELECT pgmask.register_standing(1, 'active', 'test')")
        su.execute("SELECT pgmask.register_end_service('letters')")
        assert "does not honour this service" in refusal(world)
        su.execute("SELECT pgmask.register_service('letters', 1, 'desk', '1')")
        assert counted(world) == PER_UNIT * UNITS


@pytest.mark.requirement("C2", "B2")
def test_a_service_is_no_person(world: World) -> None:
    """Not in one transaction with him, and never of the strong grade."""
    with Connection.connect(world.dsn, **world.options) as connection:
        with acting_as(LETTERS):
            connection.execute(COUNT, (0,))
        with acting_as(DESK), pytest.raises(psycopg.Error) as error:
            connection.execute(COUNT, (0,))
        assert error.value.sqlstate == "PM103"
        connection.rollback()
        row = connection.execute("SELECT pgmask.challenge()").fetchone()
        assert row is not None
        with pytest.raises(psycopg.Error) as strong:
            connection.execute("SELECT pgmask.login(%s)", (world.minter.answer(LETTERS, row[0]),))
        assert strong.value.diag.message_detail == "a service answers no challenge"
        connection.rollback()
        row = connection.execute("SELECT pgmask.challenge()").fetchone()
        assert row is not None
        answer = world.minter.answer(agent(1), row[0])
        connection.execute("SELECT pgmask.login(%s)", (answer,))
