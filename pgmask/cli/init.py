"""``pgmask init``: a starter catalogue from a live schema or a dump."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pgmask.catalogue.packs import shipped_packs
from pgmask.catalogue.propose import TODO, starter
from pgmask.catalogue.tables import RESERVED
from pgmask.cli.check import schema_of
from pgmask.cli.options import Dsn
from pgmask.cli.output import data, people
from pgmask.errors import CatalogueError


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write the catalogue.")
    ] = Path("catalogue"),
    schema: Annotated[
        str | None,
        typer.Option("--in-schema", metavar="NAME", help="The application's schema."),
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", metavar="PACK", help="A policy pack; may be repeated."),
    ] = None,
    dsn: Dsn = None,
    sql: Annotated[
        list[Path] | None,
        typer.Option("--sql", metavar="FILE", help="Read a dump instead of a database."),
    ] = None,
) -> None:
    """Write a starter catalogue; what a person must decide says TODO, which check refuses."""
    packs = tuple(pack or ("baseline",))
    for one in packs:
        if one not in shipped_packs():
            raise typer.BadParameter(
                f"{one!r} is not one of {', '.join(shipped_packs())}", param_hint="--pack"
            )
    found = schema_of(dsn, sql)
    schemas = sorted({t.schema for t in found.tables} - RESERVED)
    if schema is None and len(schemas) == 1:
        schema = schemas[0]
    if schema is None or schema not in schemas:
        raise CatalogueError(
            "PM013",
            "the application's schema is not named" if schema is None else f"no schema {schema!r}",
            hint=f"Give --in-schema: one of {', '.join(schemas) or '(no tables found)'}.",
        )
    files = starter(found, schema, packs)
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise CatalogueError(
            "PM010",
            f"{folder / there[0]} is already there; nothing was written",
            hint="Name another folder.",
        )
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        data(str(path))
    open_questions = sum(text.count(TODO) for text in files.values())
    people.print(
        f"{open_questions} decisions are left, each marked {TODO}: pgmask check {folder}",
        markup=False,
    )


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("init")(init)
