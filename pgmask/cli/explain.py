"""``pgmask explain``: what an error means, or what a profile sees of a query."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer

from pgmask.cli.options import (
    CatalogueOption,
    Dsn,
    Environment,
    Format,
    Profile,
    SchemaFile,
    SearchPath,
    TextFormat,
)
from pgmask.cli.output import data
from pgmask.errors import REGISTRY, ErrorCode


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE|SQL]",
            help="An error code, such as PM101; or a statement. Without it, a list of codes.",
        ),
    ] = None,
    profile: Profile = None,
    catalogue: CatalogueOption = None,
    schema: SchemaFile = None,
    dsn: Dsn = None,
    environment: Environment = None,
    search_path: SearchPath = None,
    format: Format = TextFormat.text,
) -> None:
    """Say what an error means and the way out, or what a profile sees of a query.

    pgmask explain PM101

    pgmask explain 'SELECT name, phone FROM crm.customer' --profile agent --catalogue catalogue
    """
    if what is None or _is_code(what):
        _code(what, format)
        return
    from pgmask.cli.explain_query import query

    query(what, profile, catalogue, schema, dsn, environment, search_path, format)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain")(explain)


def _is_code(what: str) -> bool:
    """One word, as a code is: what is worth explaining of SQL has more."""
    return re.fullmatch(r"[\w-]+", what) is not None


def _code(what: str | None, format: TextFormat) -> None:
    if what is None:
        entries = [REGISTRY[c] for c in sorted(REGISTRY)]
    else:
        entries = [_entry(what)]
    if format is TextFormat.json:
        data(json.dumps([_as_dict(e) for e in entries], ensure_ascii=False, indent=2))
    elif what is None:
        data("\n".join(f"{e.code}  {e.title}{'  (retired)' if e.retired else ''}" for e in entries))
    else:
        data(_text(entries[0]))


def _entry(code: str) -> ErrorCode:
    wanted = code.upper().removeprefix("PM")
    found = REGISTRY.get(f"PM{wanted.zfill(3)}")
    if found is None:
        raise typer.BadParameter(
            f"{code!r} is not a code of pgmask; `pgmask explain` lists them", param_hint="CODE"
        )
    return found


def _as_dict(entry: ErrorCode) -> dict[str, str | bool]:
    return {
        "code": entry.code,
        "title": entry.title,
        "cause": entry.cause,
        "way_out": entry.way_out,
        "retired": entry.retired,
    }


def _text(entry: ErrorCode) -> str:
    head = f"{entry.code}  {entry.title}{'  (retired)' if entry.retired else ''}"
    return f"{head}\n\n  Why      {entry.cause}\n  Way out  {entry.way_out}"
