"""``pgmask validate``: which customer information SQL touches, and which rules it breaks."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pgmask.cli.options import CatalogueOption, Dsn, Environment, Profile, SchemaFile, SearchPath
from pgmask.cli.output import data, people
from pgmask.cli.validating import validator
from pgmask.errors import PgmaskError
from pgmask.verdict.formats import (
    Judged,
    as_github,
    as_json,
    as_junit,
    as_sarif,
    as_text,
    failing,
)
from pgmask.verdict.scripts import judged
from pgmask.verdict.sources import Text, texts
from pgmask.verdict.validator import Validator

_LONG = 20
_FORMS: Final[dict[str, Callable[[Sequence[Judged]], str]]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}


class Form(StrEnum):
    """How verdicts are printed."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"
    junit = "junit"


class As(StrEnum):
    """Who runs the text."""

    application = "application"
    migration = "migration"


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Files, folders (SQL, and op.execute() of Alembic, in the migration tool's order),"
            " or - for the standard input.",
        ),
    ],
    profile: Profile = None,
    catalogue: CatalogueOption = None,
    schema: SchemaFile = None,
    dsn: Dsn = None,
    environment: Environment = None,
    search_path: SearchPath = None,
    run_as: Annotated[
        As, typer.Option("--as", help="Who runs it: an application, or the owner in a migration.")
    ] = As.application,
    lineage_only: Annotated[
        bool, typer.Option("--lineage-only", help="Columns read, given out and written; no rules.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    format: Annotated[Form, typer.Option("--format", help="How verdicts are printed.")] = Form.text,
) -> None:
    """Say before it runs what SQL reads and gives out, in which form, and what breaks a rule.

    Names are resolved as PostgreSQL does it, against --schema or a database; what cannot be
    resolved is denied. A comment "-- pgmask: allow PM630 reason" before a statement allows a
    finding, and is counted. Exit 2 on a denial, with --strict also on a warning.
    """
    asked = validator(
        schema=schema,
        dsn=dsn,
        catalogue=catalogue,
        environment=environment,
        profile=profile,
        search_path=search_path,
        migration=run_as is As.migration,
        lineage_only=lineage_only,
    )
    found = tuple(_judged(asked, [t for path in paths for t in _read(path)]))
    shown = _FORMS[format](found) if format in _FORMS else as_junit(found, strict=strict)
    if shown:
        data(shown)
    people.print(_summary(found), markup=False)
    if any(failing(v, strict) for one in found for v in one.verdicts):
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("validate")(validate)


def _read(path: Path) -> Iterator[Text]:
    if str(path) != "-":
        yield from texts(path)
        return
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PgmaskError("PM646", "the standard input is not UTF-8") from error
    yield Text(name="-", text=text)


def _judged(asked: Validator, found: list[Text]) -> Iterator[Judged]:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        console=people, transient=True, disable=len(found) < _LONG,
    )  # fmt: skip
    with bar:
        yield from bar.track(judged(asked, found), total=len(found), description="validating")


def _summary(found: tuple[Judged, ...]) -> str:
    counts = Counter(v.verdict for one in found for v in one.verdicts)
    total = sum(counts.values())
    words = ", ".join(f"{counts[w]} {w}" for w in ("allow", "warn", "deny") if counts[w])
    line = f"{total} statement{'s' * (total != 1)}" + (f": {words}" if words else "")
    allowed = Counter(f.code for o in found for v in o.verdicts for f in v.suppressed)
    if allowed:
        each = ", ".join(f"{code} {n}x" for code, n in sorted(allowed.items()))
        line += f"; {allowed.total()} allowed by comments ({each})"
    return line
