"""The runner itself: it notices a row that proves nothing, a wrong error, a skipped version."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from tests.attack import place, runner
from tests.attack.model import Answers, Attack, Gets, Hides, Nothing, Outcome, Refused
from tests.attack.people import PERSONAS
from tests.attack.runner import Unproven
from tests.attack.table import ATTACKS, PROVEN
from tests.harness import VERSIONS, Server

_HONEST = Attack(
    id="X-1",
    actor="mallory",
    does="read a table he has no right on",
    attempt="SELECT title FROM crm.unit",
    control="GRANT USAGE ON SCHEMA crm TO mallory; GRANT SELECT ON crm.unit TO mallory",
    expect=Refused("42501"),
)


def _run(server: Server, **changes: object) -> None:
    name, key = place.template(server)
    with server.database(template=name) as database:
        row = dataclasses.replace(_HONEST, **changes)  # type: ignore[arg-type]
        runner.run(row, place.Play(server, database, key))


def test_an_honest_row_passes(server: Server) -> None:
    _run(server)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"control": None}, "has a control, or it is a limit"),
        ({"control": "SELECT 1"}, "proves nothing"),
        ({"expect": Refused("PM101")}, "not refused"),
        ({"expect": Nothing()}, "not nothing found"),
        ({"expect": Answers(((1,),))}, "not unchanged answer"),
        ({"attempt": "SELECT 1"}, "not refused"),
        ({"attempt": "SELEC"}, "not refused"),
        ({"limit": True}, "has a control, or it is a limit"),
        ({"limit": True, "control": None}, "says what bounds it"),
        ({"limit": True, "control": None, "why": "-", "expect": Gets("North")}, "no longer is one"),
    ],
)
def test_a_row_that_proves_nothing_fails(
    server: Server, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(Unproven, match=words):
        _run(server, **changes)


def test_an_empty_answer_does_not_pass_for_a_safe_one() -> None:
    expect = Hides(("secret",), shows="masked")
    assert not expect.stopped(Outcome())
    assert not expect.stopped(Outcome(rows=(("masked", "secret"),)))
    assert not expect.stopped(Outcome(sqlstate="42501", rows=(("masked",),)))
    assert expect.stopped(Outcome(rows=(("masked",),)))


def test_every_row_runs_on_every_version_or_says_for_which_it_is() -> None:
    for attack in ATTACKS:
        runs = [v for v in VERSIONS if runner.applies(attack, v)]
        assert runs, f"{attack.id} is for none of our servers"
        assert attack.versions or runs == list(VERSIONS)


def test_ids_are_unique_and_actors_known() -> None:
    ids = [a.id for a in ATTACKS] + [p.id for p in PROVEN]
    assert len(ids) == len(set(ids))
    assert {a.actor for a in ATTACKS} | {p.actor for p in PROVEN} <= set(PERSONAS)


def test_attackers_are_no_superusers() -> None:
    """Rex shows what nobody can stop, and makes changes by hand that a check must report."""
    for attack in ATTACKS:
        if PERSONAS[attack.actor].login == "postgres" and not attack.limit:
            assert attack.id[:3] in _LOOKED_AT, f"{attack.id} is tried by a superuser"


_LOOKED_AT = ("A08", "A33", "A36", "A46", "D05", "R10", "R12", "R13", "R14")


@pytest.mark.parametrize("row", PROVEN, ids=lambda p: p.id)
def test_a_referenced_test_is_there(row: object) -> None:
    test = getattr(row, "test")  # noqa: B009
    path, _, name = str(test).partition("::")
    file = Path(__file__).parents[2] / path
    assert file.is_file(), f"{path} is not there"
    tree = ast.parse(file.read_text("utf-8"))
    found = [
        n for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef) and n.name == name.split("::")[-1].partition("[")[0]
    ]  # fmt: skip
    assert found, f"{test} is not there"
    words = ast.dump(ast.Module(body=[*found[0].decorator_list], type_ignores=[]))  # type: ignore[list-item]
    assert "skip" not in words
