"""``pgmask apply``: run a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pgmask.apply import Approval, apply_plan
from pgmask.apply.rehearse import rehearse as rehearse_plan
from pgmask.apply.run import ATTEMPTS, LOCK_TIMEOUT_MS, check_allowed
from pgmask.cli.database import plan_now, read_catalogue
from pgmask.cli.options import Attempts, Dsn, Environment, LockTimeout
from pgmask.cli.output import people
from pgmask.errors import PlanError, Refused
from pgmask.plan import Hazard, Plan, load
from pgmask.plan.plan import only_tables
from pgmask.plan.render import summary
from pgmask.server import connect, require_dsn


def apply(
    source: Annotated[
        Path,
        typer.Argument(metavar="PLAN|CATALOGUE", help="plan.json, or a catalogue to plan now."),
    ],
    dsn: Dsn = None,
    environment: Environment = None,
    allow: Annotated[
        list[Hazard] | None, typer.Option("--allow", help="Accept this hazard; may be repeated.")
    ] = None,
    author: Annotated[
        str, typer.Option("--author", envvar="PGMASK_AUTHOR", help="Who wrote the change.")
    ] = "",
    approved_by: Annotated[
        str, typer.Option("--approved-by", metavar="NAME", help="Who answers for it.")
    ] = "",
    approval_ref: Annotated[
        str, typer.Option("--approval-ref", metavar="REF", help="Reference of the written opinion.")
    ] = "",
    yes_database: Annotated[
        str,
        typer.Option("--yes-database", metavar="NAME", help="Confirm the database; no question."),
    ] = "",
    lock_timeout: LockTimeout = LOCK_TIMEOUT_MS,
    attempts: Attempts = ATTEMPTS,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="TABLE", help="Only this table's step; may be repeated."),
    ] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Run everything, then undo it.")
    ] = False,
) -> None:
    """Run a plan table by table; each is changed whole or not at all.

    Running the same plan again after an interruption goes on where it stopped.
    """
    planned = _plan(source, dsn, environment, author)
    if only:
        planned = only_tables(planned, only)
    if planned.empty or (only and not planned.steps):
        people.print("nothing to do")
        return
    approval = Approval(by=approved_by, reference=approval_ref) if approved_by else None
    wanted = frozenset(h.value for h in allow or [])
    with connect(require_dsn(dsn), autocommit=True) as connection:
        if rehearse:
            count = rehearse_plan(connection, planned, lock_timeout_ms=lock_timeout)
            people.print(f"rehearsed: {count} statements ran, were verified and undone")
            return
        check_allowed(planned, allow=wanted, approval=approval, author=author or planned.author)
        if source.suffix != ".json":
            _confirm(planned, yes_database)
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=people
        ) as bar:
            task = bar.add_task("apply", total=len(planned.steps))

            def show(table: str, done: int, all_: int) -> None:
                bar.update(task, description=table or "apply", completed=done, total=all_)

            outcome = apply_plan(
                connection, planned, allow=wanted, approval=approval, author=author, progress=show,
                lock_timeout_ms=lock_timeout, attempts=attempts,
            )  # fmt: skip
    resumed = f", {outcome.resumed} were done before" if outcome.resumed else ""
    people.print(
        f"applied: {outcome.statements} statements in {outcome.steps} transactions{resumed};"
        f" deployment {outcome.deployment}"
    )


def _plan(source: Path, dsn: str | None, environment: str | None, author: str) -> Plan:
    if source.suffix == ".json":
        try:
            return load(source.read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            raise PlanError("PM240", f"the plan file {source} cannot be read") from None
    return plan_now(dsn, read_catalogue(source, environment), author)


def _confirm(planned: Plan, given: str) -> None:
    if not given:
        people.print(summary(planned), markup=False)
        if not people.is_terminal:
            raise Refused(
                "PM239", f"the database to change, {planned.database!r}, was not confirmed"
            )
        given = typer.prompt(
            f"Apply to {planned.tables} tables? Type the database name", err=True
        ).strip()
    if given != planned.database:
        raise Refused("PM239", "the name typed is not the name of the database")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("apply")(apply)
