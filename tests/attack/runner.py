"""Runs one row: the attempt is stopped; the control is applied; the attempt gains."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet

from tests.attack.model import Attack, Outcome, Step
from tests.attack.place import Play


class Unproven(AssertionError):
    """The row does not prove what it says."""


def applies(attack: Attack, major: int) -> bool:
    """Whether the row is for this version."""
    return SpecifierSet(attack.versions).contains(str(major))


def run(attack: Attack, play: Play) -> None:
    """Raises Unproven with the outcome that was not the expected one."""
    if (attack.control is None) is not attack.limit:
        raise Unproven(f"{attack.id}: a row has a control, or it is a limit")
    if attack.limit and not attack.why:
        raise Unproven(f"{attack.id}: a limit says what bounds it")
    try:
        if attack.setup is not None:
            prepare(play, attack.setup)
        outcome = perform(play, attack.actor, attack.attempt)
        if attack.limit:
            if not attack.expect.gained(outcome):
                raise Unproven(
                    f"{attack.id}: a limit that no longer is one; make it a row with a control."
                    f" {outcome}"
                )
            return
        if not attack.expect.stopped(outcome):
            raise Unproven(f"{attack.id}: not {attack.expect}: {outcome}")
        if attack.control is not None:
            play.end()
            prepare(play, attack.control)
        again = perform(play, attack.actor, attack.attempt)
        if not attack.expect.gained(again):
            raise Unproven(f"{attack.id}: proves nothing, the control changes nothing: {again}")
    finally:
        play.end()
        if attack.undo:
            play.rex(attack.undo)


def prepare(play: Play, step: Step) -> None:
    """Setup or control, by the superuser; an error in it is an error of the test."""
    if callable(step):
        step(play)
        return
    for statement in (step,) if isinstance(step, str) else step:
        play.rex(statement)


def perform(play: Play, actor: str, step: Step) -> Outcome:
    """The attempt, by its actor, in one transaction that is rolled back."""
    if callable(step):
        outcome = step(play)
        if outcome is None:
            raise Unproven("an attempt that is a function returns its outcome")
        return outcome
    return play.attempt(actor, (step,) if isinstance(step, str) else step)
