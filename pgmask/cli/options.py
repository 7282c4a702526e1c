"""Options that several verbs share, so that one word means one thing everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class TextFormat(StrEnum):
    """How a verb prints its data on stdout."""

    text = "text"
    json = "json"


Dsn = Annotated[
    str | None,
    typer.Option(
        "--dsn",
        envvar="PGMASK_DSN",
        show_envvar=True,
        metavar="DSN",
        help="Database to use: a URL, key=value pairs or the name of a libpq service. "
        "Without it libpq's own variables (PGSERVICE, PGHOST, ...) are used.",
    ),
]
CatalogueFile = Annotated[
    Path,
    typer.Argument(
        envvar="PGMASK_CATALOGUE",
        show_envvar=True,
        metavar="CATALOGUE",
        help="The catalogue: its folder, or its main file.",
    ),
]
Format = Annotated[
    TextFormat, typer.Option("--format", envvar="PGMASK_FORMAT", help="How data is printed.")
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--environment", envvar="PGMASK_ENVIRONMENT", metavar="NAME",
        help="Which environment of the catalogue to use.",
    ),
]  # fmt: skip
LockTimeout = Annotated[
    int,
    typer.Option("--lock-timeout", min=1, metavar="MS", help="Milliseconds to wait for a lock."),
]
Attempts = Annotated[
    int, typer.Option("--attempts", min=1, max=100, help="How often a lock is asked for.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", envvar="PGMASK_PROFILE", metavar="NAME", help="Whose eyes: a profile."
    ),
]
CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue", envvar="PGMASK_CATALOGUE", show_envvar=True, metavar="PATH",
        help="The catalogue: its folder, or its main file.",
    ),
]  # fmt: skip
SearchPath = Annotated[
    str | None,
    typer.Option(
        "--search-path", envvar="PGMASK_SEARCH_PATH", metavar="SCHEMAS",
        help="The application's search_path, such as 'app, public', where it is not the profile's"
        " own: its views' schemas, the application's, public.",
    ),
]  # fmt: skip
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema", envvar="PGMASK_SCHEMA", metavar="FILE",
        help="A snapshot of the schema (pgmask schema dump): no database is needed.",
    ),
]  # fmt: skip
