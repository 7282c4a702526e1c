"""``pgmask migrate``: the application's own migrations, in a window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from pgmask.apply import Approval, apply_plan
from pgmask.catalogue.model import Catalogue
from pgmask.cli.database import plan_now, read, read_catalogue
from pgmask.cli.options import Dsn, Environment
from pgmask.cli.output import data, people
from pgmask.errors import PlanError
from pgmask.migrate import tool
from pgmask.migrate.window import (
    LOCK,
    Window,
    close_windows,
    duration,
    open_window,
    owners,
    sessions,
    waiting,
)
from pgmask.plan import Hazard
from pgmask.plan.drift import drift
from pgmask.server import connect, require_dsn

Connection = psycopg.Connection[Any]


def migrate(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="open | close | -- COMMAND...",
            help="Open or close a window by hand, or run this command in one.",
        ),
    ],
    dsn: Dsn = None,
    catalogue: Annotated[
        Path | None,
        typer.Option("--catalogue", metavar="CATALOGUE", help="Applied after the command."),
    ] = None,
    environment: Environment = None,
    login: Annotated[
        str | None, typer.Option("--login", metavar="LOGIN", help="Who migrates.")
    ] = None,
    ticket: Annotated[
        str, typer.Option("--ticket", envvar="PGMASK_TICKET", metavar="REF", help="Which change.")
    ] = "",
    length: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long at most: 30m, 2h, 90s.")
    ] = "30m",
    allow: Annotated[
        list[Hazard] | None, typer.Option("--allow", help="As for apply; may be repeated.")
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
) -> None:
    """Let the application's tool change protected tables, and put everything right after it.

    The login becomes a member of the stores' owner, the command runs as it, the membership ends,
    the catalogue is applied and drift looked for. Exit 2 on drift, 1 where the command failed.
    """
    wanted = read_catalogue(catalogue, environment) if catalogue is not None else None
    with connect(require_dsn(dsn), autocommit=True) as connection:
        if command == ["close"]:
            _close(connection, login)
            return
        who = login or (wanted.migrations_login if wanted else None) or _deployed(connection)
        if who is None:
            raise PlanError("PM265", "nobody says which login migrates", hint="Give --login.")
        if command == ["open"]:
            window = open_window(
                connection, login=who, owner=_owner(connection), ticket=ticket,
                length=duration(length),
            )  # fmt: skip
            people.print(
                f"window {window.id}: {who} may act as {window.owner} until"
                f" {window.ends_at:%Y-%m-%d %H:%M:%S %Z}; pgmask migrate close ends it"
            )
            return
        approval = Approval(by=approved_by, reference=approval_ref) if approved_by else None
        code = _run(connection, command, who, ticket, length, wanted)
        held = waiting(connection)
    if code != 0:
        raise PlanError(
            "PM263", f"{tool.words(command)} ended with exit code {code}",
            detail=f"waiting for an apply, writes refused: {', '.join(held)}" if held else "",
        )  # fmt: skip
    if wanted is not None:
        _apply(dsn, wanted, frozenset(h.value for h in allow or []), approval, author)
    _drift(dsn, wanted)


def _owner(connection: Connection) -> str:
    found = owners(connection)
    if len(found) != 1:
        raise PlanError(
            "PM265", f"the stores belong to {', '.join(found) or 'nobody: there is none yet'}",
            hint="A window is for one owner: pgmask apply gives the stores to it.",
        )  # fmt: skip
    return found[0]


def _deployed(connection: Connection) -> str | None:
    row = connection.execute(
        "SELECT d.catalogue ->> 'migrations_login' FROM pgmask_private.deployment AS d"
        " WHERE d.finished_at IS NOT NULL ORDER BY d.id DESC LIMIT 1"
    ).fetchone()
    return row[0] if row is not None else None


def _close(connection: Connection, login: str | None) -> None:
    closed = close_windows(connection, login=login)
    for window in closed:
        _tell(connection, window)
    if not closed:
        people.print("no window is open")


def _tell(connection: Connection, window: Window) -> None:
    people.print(f"window {window.id} of {window.login} closed")
    left = sessions(connection, window.login)
    if left:
        listed = ", ".join(map(str, left))
        people.print(
            f"  still connected: pid {listed}; a session that ran SET ROLE keeps that role:"
            " SELECT pg_terminate_backend(pid)"
        )


def _run(
    connection: Connection,
    command: list[str],
    login: str,
    ticket: str,
    length: str,
    wanted: Catalogue | None,
) -> int:
    row = connection.execute("SELECT pg_catalog.pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
    if row is None or row[0] is not True:
        raise PlanError("PM264", "another pgmask migrate runs in this database")
    # Windows of tools that are open now belong to runs that were killed: we hold their lock.
    for dead in close_windows(connection, of_tools=True):
        people.print(f"window {dead.id} of {dead.login} was left open by a run that was killed")
    window = open_window(
        connection, login=login, owner=_owner(connection), ticket=ticket,
        length=duration(length), apply_follows=wanted is not None, tool=tool.words(command),
    )  # fmt: skip
    code = 130
    try:
        code = tool.run(command, tool.environment(connection, window, os.environ))
    finally:
        close_windows(connection, login=login, exit_code=code)
        _tell(connection, window)
    return code


def _apply(
    dsn: str | None,
    wanted: Catalogue,
    allow: frozenset[str],
    approval: Approval | None,
    author: str,
) -> None:
    planned = plan_now(dsn, wanted, author)
    if planned.empty:
        people.print("nothing to apply")
        return
    with connect(require_dsn(dsn), autocommit=True) as connection:
        done = apply_plan(connection, planned, allow=allow, approval=approval, author=author)
    people.print(f"applied: {done.statements} statements; deployment {done.deployment}")


def _drift(dsn: str | None, wanted: Catalogue | None) -> None:
    found = drift(read(dsn), wanted)
    for one in found:
        data(f"{one.object}  {one.attribute}: {one.recorded} -> {one.now}")
    if found:
        people.print(f"{len(found)} differences after the migration: pgmask drift")
        raise typer.Exit(2)
    people.print("no drift: everything is as it should be")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("migrate")(migrate)
