"""A plan for people, in three layers: twelve lines, a line per table, the annotated SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pgmask.emit import comment_block
from pgmask.hashing import digest
from pgmask.plan.hazards import MUST_ALLOW, SAYS, Hazard
from pgmask.plan.plan import AFTER, SHARED, Plan, lock_count
from pgmask.plan.stages import StageChange


def summary(plan: Plan) -> str:
    """At most twelve lines: what, how much, which hazards, who sees what differently."""
    major, minor = divmod(plan.server_version, 10000)
    # Where nothing was written since the last apply, the server was not asked.
    server = f" (PostgreSQL {major}.{minor})" if major else ""
    was = plan.before_hash[:8] or "none"
    lines = [f"database {plan.database}{server}   catalogue {plan.catalogue_hash[:8]}, was {was}"]
    if plan.empty:
        return f"{lines[0]}\n\n  nothing to do\n"
    tables = [s for s in plan.steps if s.table not in (SHARED, AFTER)]
    statements = sum(len(s.statements) for s in plan.steps)
    lines += [
        "",
        f"  {len(tables)} tables change, {plan.tables - len(tables)} unchanged, "
        f"{statements} statements in {len(plan.steps)} transactions",
    ]
    locked = [s for s in tables if Hazard.TAKES_ACCESS_EXCLUSIVE_LOCK.value in s.hazards]
    if locked:
        most = max(lock_count(s) for s in plan.steps)
        lines.append(
            f"  LOCKS      {len(locked)} x ACCESS EXCLUSIVE, one after the other; "
            f"at most {most} of {plan.lock_slots} lock slots"
        )
    shown = [h for h in plan.hazards if h != Hazard.TAKES_ACCESS_EXCLUSIVE_LOCK.value]
    for name in shown[:4]:
        hazard = Hazard(name)
        flag = f"   --allow {name}" if hazard in MUST_ALLOW else ""
        lines.append(f"  {name:<10} {SAYS[hazard]}{flag}")
    wide = sum(c.widens or c.adds for c in plan.changes)
    if plan.changes:
        lines.append(
            f"  ACCESS     {len(plan.changes)} changes, {wide} need an approval: --explain-access"
        )
    drifted = sum(len(s.drifted) for s in plan.steps)
    if drifted:
        lines.append(f"  DRIFT      {drifted} objects were changed by hand and will be put back")
    if any(c.before or c.after != "enforced" for c in plan.stages):
        lines.append(f"  STAGES     {_stages(plan)}")
    if plan.warnings:
        more = f" (and {len(plan.warnings) - 1} more: --tables)" if len(plan.warnings) > 1 else ""
        lines.append(f"  WARNING    {plan.warnings[0]}{more}")
    lines += ["", "Nothing was changed.  More: --tables, --explain-access, --sql"]
    return "\n".join(lines) + "\n"


def _stages(plan: Plan) -> str:
    """``2 tables to enforced, 1 from observe to views: --tables``."""
    ways = Counter((c.before, c.after) for c in plan.stages)
    said = [
        f"{count} {'from ' + before + ' ' if before else ''}to {after}"
        for (before, after), count in sorted(ways.items())
    ]
    return ", ".join(said) + ": --tables"


def _stage(change: StageChange) -> Iterator[str]:
    before = change.before or "nothing"
    yield f"    stage: {before} -> {change.after}{' (back)' if change.back else ''}"
    for one in change.loses:
        yield f"    loses the base table: {one}"
    for one in change.uses:
        yield f"    met at the base table: {one}"


def tables(plan: Plan) -> str:
    """A line per step: how many objects are made, changed and dropped, and its hazards.

    Under a table that changes its stage: from where to where, and who loses the base table.
    """
    stages = {c.table: c for c in plan.stages}
    lines = []
    for step in plan.steps:
        count = Counter(o.action for o in step.objects)
        made = count["create"]
        changed = count["replace"] + count["recreate"]
        name = {SHARED: "(shared)", AFTER: "(no longer used)"}.get(step.table, step.table)
        lines.append(
            f"{name:<40} +{made:<4} ~{changed:<4} -{len(step.removed):<4} "
            f"{len(step.statements):>5} statements  {' '.join(step.hazards)}".rstrip()
        )
        if step.table in stages:
            lines += _stage(stages[step.table])
        for key, attributes in step.drifted:
            lines.append(f"    changed by hand: {key}: {', '.join(attributes)}")
    lines += [f"warning: {w}" for w in plan.warnings]
    return "\n".join(lines) + "\n" if lines else "nothing to do\n"


def sql(plan: Plan) -> str:
    """The whole plan as a script that psql can run: one transaction per step, notes above."""
    parts = [
        comment_block(
            f"pgmask plan for database {plan.database}, catalogue {plan.catalogue_hash},"
            f" hash of the plan {digest(plan.to_json())}. pgmask apply runs the same statements"
            " under locks with time-outs, verifies them and records what it did; a hand run records"
            " nothing."
        )
    ]
    for step in plan.steps:
        title = {SHARED: "What the whole database shares", AFTER: "What nobody uses any more"}
        head = title.get(step.table, f"Table {step.table}")
        hazards = f" Hazards: {', '.join(step.hazards)}." if step.hazards else ""
        parts.append(comment_block(f"{head}.{hazards}") + "\nBEGIN;")
        before = ""
        for statement in step.statements:
            note = statement.comment
            if statement.object != before:
                note = f"{statement.object}" + (f": {note}" if note else "")
                before = statement.object
            block = comment_block(note) + "\n" if note else ""
            parts.append(f"{block}{statement.text};")
        parts.append("COMMIT;")
    return "\n\n".join(parts) + "\n"
