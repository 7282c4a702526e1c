"""Attempts that nothing stops at once and a check reports: changes by hand, drift."""

from __future__ import annotations

from pgmask.facts.read import read_facts
from pgmask.plan.drift import drift
from pgmask.server import connect
from tests.attack.model import Outcome
from tests.attack.place import Play


class Drift:
    """A change by hand, then the installer's drift report."""

    def __init__(self, change: str) -> None:
        self.change = change

    def __call__(self, play: Play) -> Outcome:
        if "changed" not in play.flags:
            assert not report(play).rows, "there is drift before anything was changed"
            play.rex(self.change)
            play.flags.add("changed")
        return report(play)

    @staticmethod
    def forget(play: Play) -> None:
        """The control: what was recorded at the last apply is gone."""
        play.rex("DELETE FROM pgmask_private.managed_object")


def report(play: Play) -> Outcome:
    """What drift says now."""
    with connect(play.database.dsn()) as connection:
        found = drift(read_facts(connection))
    return Outcome(rows=tuple((f.object, f.attribute) for f in found))
