"""``pgmask plan``: what would change, who would see what differently, and the SQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pgmask.cli.database import plan_now, read_catalogue
from pgmask.cli.options import CatalogueFile, Dsn, Environment, Format, TextFormat
from pgmask.cli.output import data, people
from pgmask.plan.render import sql, summary, tables


def plan(
    catalogue: CatalogueFile,
    dsn: Dsn = None,
    environment: Environment = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the plan for `apply`.")
    ] = None,
    show_tables: Annotated[
        bool, typer.Option("--tables", help="A line per table, and every warning.")
    ] = False,
    explain_access: Annotated[
        bool,
        typer.Option("--explain-access", help="Who will see what differently: the page to sign."),
    ] = False,
    show_sql: Annotated[bool, typer.Option("--sql", help="The annotated, runnable SQL.")] = False,
    author: Annotated[
        str, typer.Option("--author", envvar="PGMASK_AUTHOR", help="Who wrote the change.")
    ] = "",
    exit_code: Annotated[
        bool, typer.Option("--check", help="Exit 2 when anything would change.")
    ] = False,
    format: Format = TextFormat.text,
) -> None:
    """Show what would change in the database; nothing is changed."""
    wanted = read_catalogue(catalogue, environment)
    found = plan_now(dsn, wanted, author)
    if out is not None:
        out.write_text(found.to_file(), "utf-8")
        people.print(f"plan written to {out}, hash {found.hash}", markup=False)
    if format is TextFormat.json:
        data(json.dumps(json.loads(found.to_json()), ensure_ascii=False, indent=2))
    elif explain_access:
        data(found.page + f"\npage {found.page_hash}\n")
    elif show_sql:
        data(sql(found))
    elif show_tables:
        data(tables(found))
    else:
        data(summary(found))
    if exit_code and not found.empty:
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("plan")(plan)
