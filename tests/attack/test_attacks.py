"""Every row of the attack table, with its control."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attack import place, runner
from tests.attack.model import Attack
from tests.attack.table import ATTACKS
from tests.harness import Server


def _parameters() -> list[Any]:
    return [
        pytest.param(
            a, id=a.id,
            marks=[
                pytest.mark.attack,
                *([pytest.mark.requirement(*a.proves)] if a.proves else []),
                *([pytest.mark.pg(a.versions)] if a.versions else []),
            ],
        )
        for a in ATTACKS
    ]  # fmt: skip


@pytest.mark.parametrize("attack", _parameters())
def test_attack(server: Server, attack: Attack) -> None:
    name, key = place.template(server)
    with server.database(template=name) as database:
        runner.run(attack, place.Play(server, database, key))
