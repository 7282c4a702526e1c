"""What a profile sees of a query, as a table: loaded only when a query is explained."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pgmask.cli.options import TextFormat
from pgmask.cli.output import data, people
from pgmask.cli.validating import validator
from pgmask.verdict.explain import Explained, explained
from pgmask.verdict.formats import Judged, as_dict, as_text
from pgmask.verdict.model import Verdict
from pgmask.verdict.policy import Policy

_WIDE: Final = 160
_COLOURS: Final = {"allow": "green", "warn": "yellow", "deny": "bold red"}


def query(
    sql: str,
    profile: str | None,
    catalogue: Path | None,
    schema: Path | None,
    dsn: str | None,
    environment: str | None,
    search_path: str | None,
    format: TextFormat,
) -> None:
    """Print a line for every output column. Exit 2 where the statement is denied."""
    if catalogue is None:
        raise typer.BadParameter("a query is explained by a catalogue", param_hint="--catalogue")
    asked = validator(
        schema=schema,
        dsn=dsn,
        catalogue=catalogue,
        environment=environment,
        profile=profile,
        search_path=search_path,
    )
    assert asked.policy is not None  # noqa: S101 - a catalogue was given
    verdicts = asked.validate_sent(sql)
    if format is TextFormat.json:
        data(json.dumps([_explained(v, asked.policy) for v in verdicts], ensure_ascii=False))
    else:
        for verdict in verdicts:
            _show(verdict, asked.policy)
    if any(v.verdict == "deny" for v in verdicts):
        raise typer.Exit(2)


def _explained(verdict: Verdict, policy: Policy) -> dict[str, Any]:
    found = as_dict(verdict)
    for output, line in zip(found["outputs"], explained(verdict, policy), strict=True):
        output |= {"category": line.category, "kind": line.kind, "example": line.example}
    return found


def _show(verdict: Verdict, policy: Policy) -> None:
    # Lines are folded for a person's screen, never in a file.
    out = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("column", "source", "level", "what it is", "you see", "example"):
        grid.add_column(name, overflow="fold")
    for line in explained(verdict, policy):
        grid.add_row(*(Text(cell) for cell in _cells(line)))
    if verdict.outputs:
        out.print(grid)
    for write in verdict.lineage.writes:
        columns = f" ({', '.join(write.columns)})" if write.columns else ""
        out.print(Text(f"{write.action} {write.schema}.{write.table}{columns}"))
    told = as_text([Judged(file="statement", verdicts=(verdict,))])
    if told:
        out.print(Text(f"\n{told.rstrip()}"))
    word = Text(verdict.verdict, style=_COLOURS[verdict.verdict])
    people.print(Text(f"profile {verdict.profile}: ").append_text(word))


def _cells(line: Explained) -> tuple[str, ...]:
    return (
        line.name, "\n".join(line.sources), line.level,
        ", ".join(filter(None, (line.category, line.kind))), line.sees, line.example,
    )  # fmt: skip
