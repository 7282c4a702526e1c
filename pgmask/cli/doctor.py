"""``pgmask doctor``: what is wrong around pgmask, how soon, and who must act."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pgmask.cli.options import Dsn
from pgmask.cli.output import data
from pgmask.runtime.doctor import as_json, as_prometheus, as_text, examine, serious
from pgmask.server import connect, require_dsn


class DoctorFormat(StrEnum):
    """How the findings are printed."""

    text = "text"
    json = "json"
    prometheus = "prometheus"


def doctor(
    dsn: Dsn = None,
    format: Annotated[
        DoctorFormat,
        typer.Option("--format", envvar="PGMASK_FORMAT", help="How the findings are printed."),
    ] = DoctorFormat.text,
) -> None:
    """Look for whatever would let somebody past the protection; exit 2 on findings."""
    with connect(require_dsn(dsn)) as connection:
        findings = examine(connection)
    show = {
        DoctorFormat.text: as_text,
        DoctorFormat.json: as_json,
        DoctorFormat.prometheus: as_prometheus,
    }
    data(show[format](findings))
    if serious(findings):
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)
