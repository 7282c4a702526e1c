"""``pgmask revision``: the plan as an ordinary Alembic revision."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from pgmask.cli.database import read, read_catalogue
from pgmask.cli.options import CatalogueFile, Dsn, Environment
from pgmask.cli.output import data, people
from pgmask.errors import PlanError
from pgmask.plan import make
from pgmask.plan.revision import irreversible
from pgmask.plan.revision import revision as write_revision


def revision(
    catalogue: CatalogueFile,
    dsn: Dsn = None,
    environment: Environment = None,
    message: Annotated[
        str, typer.Option("--message", "-m", help="What the revision is for.")
    ] = "pgmask",
    directory: Annotated[
        Path | None,
        typer.Option(
            "--versions", metavar="DIR", help="Alembic's folder of versions; else stdout."
        ),
    ] = None,
    down_revision: Annotated[
        str | None, typer.Option("--down-revision", metavar="ID", help="The revision before it.")
    ] = None,
) -> None:
    """Write the plan as an Alembic revision with upgrade and downgrade."""
    facts = read(dsn)
    planned = make(read_catalogue(catalogue, environment), facts)
    if not planned.steps:
        people.print("nothing to do: no revision was written")
        return
    number = planned.hash[:12]
    text = write_revision(planned, facts, revision_id=number, down=down_revision, message=message)
    stuck = [key for step in planned.steps for key in irreversible(step)]
    if stuck:
        people.print(f"the downgrade will refuse: {len(stuck)} changes cannot be undone by SQL")
    if directory is None:
        data(text)
        return
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40] or "pgmask"
    path = directory / f"{number}_{slug}.py"
    try:
        path.write_text(text, "utf-8")
    except OSError:
        raise PlanError("PM240", f"the revision cannot be written to {directory}") from None
    people.print(f"written: {path}", markup=False)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("revision")(revision)
