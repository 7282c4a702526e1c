"""``pgmask drift``: what was changed by hand since the last apply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pgmask.cli.database import read, read_catalogue
from pgmask.cli.options import Dsn, Environment, Format, TextFormat
from pgmask.cli.output import data, people
from pgmask.errors import PlanError
from pgmask.hashing import plain
from pgmask.plan.drift import Drift
from pgmask.plan.drift import drift as find_drift


def drift(
    catalogue: Annotated[
        Path | None,
        typer.Argument(metavar="[CATALOGUE]", help="Compare with this catalogue as well."),
    ] = None,
    dsn: Dsn = None,
    environment: Environment = None,
    format: Format = TextFormat.text,
) -> None:
    """Name each attribute that was changed by hand; exit 2 when there is any."""
    wanted = read_catalogue(catalogue, environment) if catalogue is not None else None
    facts = read(dsn)
    if not facts.runtime:
        raise PlanError("PM238", f"pgmask is not installed in database {facts.database!r}")
    found = find_drift(facts, wanted)
    if format is TextFormat.json:
        data(json.dumps(plain(found), ensure_ascii=False, indent=2))
    elif found:
        data(_text(found))
    if found:
        many = "1 difference" if len(found) == 1 else f"{len(found)} differences"
        people.print(f"{many}; put back with: pgmask plan, pgmask apply")
        raise typer.Exit(2)
    people.print("no drift: everything is as the last apply left it")


def _text(found: tuple[Drift, ...]) -> str:
    lines = []
    for one in found:
        place = f"{one.table}  " if one.table else ""
        lines.append(f"{place}{one.object}  {one.attribute}")
        lines.append(f"    was  {one.recorded}")
        lines.append(f"    now  {one.now}")
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("drift")(drift)
