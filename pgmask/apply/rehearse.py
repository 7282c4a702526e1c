"""Run the whole plan and undo it: does every statement work here, do the verifications hold?"""

from __future__ import annotations

import psycopg

from pgmask.apply.run import LOCK_TIMEOUT_MS, Connection, run_step
from pgmask.errors import PlanError
from pgmask.plan.plan import Plan


def rehearse(connection: Connection, plan: Plan, *, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> int:
    """Run every step in one transaction that is rolled back; the number of statements run.

    Each table's step runs behind a savepoint and is undone before the next, which frees its locks:
    a rehearsal of a thousand tables needs no larger lock table than one.  Only the subjects' own
    tables stay until the end, because the policies of others look them up.
    Raises PlanError as ``apply_plan`` does.
    """
    count = 0
    kept = {"", *(s["table"] for s in plan.catalogue["subjects"])}
    with connection.transaction(force_rollback=True):
        for step in plan.steps:
            try:
                if step.table in kept:
                    run_step(connection, step, lock_timeout_ms=lock_timeout_ms)
                else:
                    with connection.transaction(force_rollback=True):
                        run_step(connection, step, lock_timeout_ms=lock_timeout_ms)
            except psycopg.errors.LockNotAvailable:
                raise PlanError("PM234", f"could not lock {step.table} for the rehearsal") from None
            count += len(step.statements)
    return count
