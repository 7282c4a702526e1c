"""``pgmask dump --anonymous``: the application's tables with masks, for tests and development."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pgmask.apply.anonymous import dump as write
from pgmask.apply.holders import settle
from pgmask.cli.options import Dsn
from pgmask.cli.output import people
from pgmask.server import connect, require_dsn


def dump(
    dsn: Dsn = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Masks only; the one kind of dump pgmask makes.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to; standard output without."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="COLUMN",
            help="schema.table.column of level 2 that is given as it is, by your decision.",
        ),
    ] = None,
) -> None:
    """Write a script that makes the application's tables anew, with a mask wherever a person is.

    Level 1 and level 2 leave as masks, or as NULL where the type can hold none; level 3 and
    unprotected tables as they are. No sealed value, key, ticket or register entry is in it. A
    whole backup is pg_dump's work, as a login of `backup:`.
    """
    if not anonymous:
        raise typer.BadParameter(
            "pgmask dumps anonymously only; pg_dump makes backups", param_hint="--anonymous"
        )
    with connect(require_dsn(dsn)) as connection:
        settle(connection)
        connection.commit()
        if out is None:
            done = write(connection, sys.stdout.buffer, keep=frozenset(keep or ()))
        else:
            part = out.with_name(out.name + ".part")
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    done = write(connection, file, keep=frozenset(keep or ()))
                part.replace(out)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    people.print(f"{done.tables} tables, {done.rows:,} rows, masks only")
    for name in done.kept:
        people.print(f"as it is, by decision: {name}", style="yellow", markup=False)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("dump")(dump)
