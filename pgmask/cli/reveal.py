"""``pgmask reveal``: the complete values of one record, for a person, after they are on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from pgmask.cli.options import Dsn
from pgmask.cli.output import data, people, shown
from pgmask.errors import REGISTRY, PgmaskError, Refused
from pgmask.integrations.acting import Actor
from pgmask.integrations.issuer import Minter
from pgmask.integrations.reveal import Revealed
from pgmask.integrations.reveal import reveal as reveal_one
from pgmask.server import connect, require_dsn


def reveal(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Such as crm.customer.")],
    key: Annotated[
        list[str], typer.Argument(metavar="KEY...", help="The primary key, column by column.")
    ],
    purpose: Annotated[str, typer.Option("--purpose", help="Why: one of your profile's.")],
    columns: Annotated[
        str, typer.Option("--columns", metavar="A,B", help="Which; without it all of your profile.")
    ] = "",
    reference: Annotated[
        str | None, typer.Option("--reference", help="The key of the business case.")
    ] = None,
    dsn: Dsn = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
    issuer_key: Annotated[
        Path | None,
        typer.Option(
            "--issuer-key", metavar="FILE",
            help="Sign for a person with this issuer's key; without it your own login is he.",
        ),
    ] = None,
    person: Annotated[
        int | None, typer.Option("--person", help="With --issuer-key: his number in the register.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="With --issuer-key: as what he acts.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="With --issuer-key: for which unit.")
    ] = None,
    second_factor: Annotated[
        bool, typer.Option("--second-factor", help="With --issuer-key: he has just given it.")
    ] = False,
) -> None:  # fmt: skip
    """Show the complete values of one record; who, when, why and what is recorded first.

    With a database login of your own you need nothing more. An operator of an application signs
    for a person with the application's issuer key.
    """
    place = require_dsn(dsn)
    minter, actor = _signing(place, issuer_key, person, profile, unit, second_factor)
    names = [name.strip() for name in columns.split(",") if name.strip()]
    try:
        found = reveal_one(
            lambda: connect(place), table, key, names, purpose, reference, minter=minter,
            actor=actor,
        )  # fmt: skip
    except psycopg.Error as error:
        raise _refused(error) from None
    _print(table, key, found, as_json=as_json)
    left = "" if found.left_today is None else f"; {found.left_today} left today"
    people.print(f"recorded as ticket {found.ticket}{left}", markup=False)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("reveal")(reveal)


def _signing(
    dsn: str, key: Path | None, person: int | None, profile: str | None, unit: str | None,
    second_factor: bool,
) -> tuple[Minter | None, Actor | None]:  # fmt: skip
    if key is None:
        if person is not None or profile is not None or unit is not None or second_factor:
            raise PgmaskError("PM104", "--person, --profile and --unit need --issuer-key")
        return None, None
    with connect(dsn) as connection:
        row = connection.execute(
            "SELECT session_user::text, current_database()::text,"
            " extract(epoch FROM clock_timestamp())::float8"
        ).fetchone()
    if row is None:
        raise PgmaskError("PM020", "the server did not say who is connected")
    actor = Actor(
        person=person, profile=profile, unit=unit,
        second_factor_at=row[2] if second_factor else None,
    )  # fmt: skip
    return Minter(key, row[0], row[1]), actor


def _refused(error: psycopg.Error) -> Exception:
    """The server's refusal, which names no value, with its advice; anything else as it is."""
    code = error.sqlstate or ""
    if not code.startswith("PM") or code not in REGISTRY:
        return error
    return Refused(
        code, error.diag.message_primary or REGISTRY[code].title,
        detail=error.diag.message_detail or "", hint=error.diag.message_hint or "",
    )  # fmt: skip


def _print(table: str, key: list[str], found: Revealed, *, as_json: bool) -> None:
    if as_json:
        values: dict[str, Any] = {
            "table": table, "key": key, "ticket": str(found.ticket), "columns": found.values,
            "left_today": found.left_today,
        }  # fmt: skip
        data(json.dumps(values, ensure_ascii=False, default=str, indent=2))
        return
    lines = Table("column", "value", box=None, pad_edge=False)
    for name, value in found.values.items():
        lines.add_row(name, "" if value is None else str(value))
    shown.print(lines, markup=False)
