"""``pgmask schema dump``: what names mean in a database, as a file for where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pgmask.apply.holders import reading
from pgmask.cli.options import Dsn
from pgmask.cli.output import data, people
from pgmask.facts.schema_file import dumps
from pgmask.facts.snapshot import read_schema
from pgmask.server import connect, require_dsn

schema_app = typer.Typer(
    no_args_is_help=True,
    help="The schema snapshot against which queries are validated where there is no database.",
)


@schema_app.command("dump")
def dump(
    dsn: Dsn = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to; standard output without."),
    ] = None,
) -> None:
    """Write the tables, views, functions and types of a database as JSON, for CI.

    It holds names, types, and the text of views and functions; no row, statistic or privilege of
    any table. Any login that may connect can take it: take it as the login that the queries run
    as, so that its search_path is theirs. One line per object and always in the same order, so it
    may be kept in git next to the migrations that change it.
    """
    with connect(require_dsn(dsn)) as connection:
        with reading(connection):
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            schema = read_schema(connection)
    text = dumps(schema)
    if out is None:
        data(text)
    else:
        part = out.with_name(out.name + ".part")
        part.write_text(text, "utf-8")
        part.replace(out)
    columns = sum(len(r.columns) for r in schema.relations.values())
    path = ", ".join(schema.search_path) or "empty"
    people.print(
        f"{len(schema.relations)} relations, {columns:,} columns; search_path: {path}", markup=False
    )


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(schema_app, name="schema")
