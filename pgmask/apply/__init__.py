"""Run plans, verify them, compare: the only part that changes a protected database."""

from pgmask.apply.planning import plan_database
from pgmask.apply.run import Approval, Outcome, apply_plan

__all__ = ["Approval", "Outcome", "apply_plan", "plan_database"]
