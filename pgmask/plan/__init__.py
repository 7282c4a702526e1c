"""Plans: what would change, with hazards, as a value."""

from pgmask.plan.diff import Action, Change, diff
from pgmask.plan.hazards import MUST_ALLOW, SAYS, Hazard
from pgmask.plan.plan import Plan, Step, load, make

__all__ = [
    "MUST_ALLOW",
    "SAYS",
    "Action",
    "Change",
    "Hazard",
    "Plan",
    "Step",
    "diff",
    "load",
    "make",
]
