"""``pgmask explain PM101``: what an error means, why it comes about, and the way out."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pgmask.cli.options import Format, TextFormat
from pgmask.cli.output import data
from pgmask.errors import REGISTRY, ErrorCode


def explain(
    code: Annotated[
        str | None,
        typer.Argument(metavar="[CODE]", help="An error code, such as PM101; without it, a list."),
    ] = None,
    format: Format = TextFormat.text,
) -> None:
    """Say what an error means, why it comes about, and the way out."""
    if code is None:
        entries = [REGISTRY[c] for c in sorted(REGISTRY)]
    else:
        entries = [_entry(code)]
    if format is TextFormat.json:
        data(json.dumps([_as_dict(e) for e in entries], ensure_ascii=False, indent=2))
    elif code is None:
        data("\n".join(f"{e.code}  {e.title}{'  (retired)' if e.retired else ''}" for e in entries))
    else:
        data(_text(entries[0]))


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain")(explain)


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
