"""Every row of the attack table, with its control."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attack import place, runner
from tests.attack.model import Attack
from tests.attack.table import ATTACKS
from tests.harness import Server
from tests.reveal import site


def _parameters() -> list[Any]:
    return [
        pytest.param(
            a, id=a.id,
            marks=[
                pytest.mark.attack,
                *([pytest.mark.requirement(*a.proves)] if a.proves else []),
                *([pytest.mark.pg(a.versions)] if a.versions else []),
                *([pytest.mark.leaves_values(a.leaves)] if a.leaves else []),
            ],
        )
        for a in ATTACKS
    ]  # fmt: skip


@pytest.mark.parametrize("attack", _parameters())
def test_attack(server: Server, attack: Attack) -> None:
    if attack.reveals:
        name = server.template("reveal", site.fill)
        with server.database(template=name) as database:
            query = "SELECT content FROM pgmask_private.loaded_key"
            key = bytes(database.rows(query, user="postgres")[0][0])
            runner.run(attack, place.Play(server, database, key, strong=True))
        return
    name, key = place.template(server)
    with server.database(template=name) as database:
        runner.run(attack, place.Play(server, database, key))
