"""``pgmask check``: every problem of a catalogue at once, with places and fixes."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pgmask.catalogue.check import Checked
from pgmask.catalogue.check import check as check_catalogue
from pgmask.catalogue.coverage import Coverage, coverage
from pgmask.catalogue.dump import columns_from_sql_dump
from pgmask.catalogue.expand import expand, find_table
from pgmask.catalogue.files import lock_file, read_text
from pgmask.catalogue.model import Position
from pgmask.catalogue.problems import (
    CatalogueProblems,
    Problem,
    Problems,
    Severity,
    errors,
)
from pgmask.catalogue.reference import json_schema_text
from pgmask.catalogue.schema_source import Schema, schema_of_facts
from pgmask.cli.database import read
from pgmask.cli.options import Environment, Format, TextFormat
from pgmask.cli.output import data, people
from pgmask.errors import CatalogueError

_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def check(
    catalogue: Annotated[
        Path | None,
        typer.Argument(
            envvar="PGMASK_CATALOGUE",
            show_envvar=True,
            metavar="CATALOGUE",
            help="The catalogue's main file, or a folder with pgmask.yml.",
        ),
    ] = None,
    dsn: Annotated[
        str | None,
        typer.Option("--dsn", metavar="DSN", help="Compare with the tables of this database."),
    ] = None,
    sql: Annotated[
        list[Path] | None,
        typer.Option("--sql", metavar="FILE", help="Compare with a dump; may be repeated."),
    ] = None,
    expand_table: Annotated[
        str | None,
        typer.Option("--expand", metavar="TABLE", help="Print a table written out, with origins."),
    ] = None,
    show_coverage: Annotated[
        bool, typer.Option("--coverage", help="Print how far the catalogue reaches.")
    ] = False,
    write_lock: Annotated[
        bool, typer.Option("--write-lock", help="Write what the patterns match to the lock file.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the format, for editors.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings refuse too.")] = False,
    environment: Environment = None,
    format: Format = TextFormat.text,
) -> None:
    """Check a catalogue; without --dsn or --sql no database is needed. Exit 2 on problems."""
    if schema:
        data(json_schema_text())
        return
    if catalogue is None:
        raise typer.BadParameter("name the catalogue's main file", param_hint="CATALOGUE")
    if dsn is not None and sql:
        raise typer.BadParameter("--dsn and --sql exclude each other", param_hint="--sql")
    if write_lock and dsn is None and not sql:
        raise typer.BadParameter(
            "what patterns match is known from --dsn or --sql", param_hint="--write-lock"
        )
    there = schema_of(dsn, sql) if dsn is not None or sql else None
    found = check_catalogue(
        catalogue, schema=there, environment=environment, strict=strict, lock=not write_lock
    )
    if write_lock and found.loaded.catalogue is not None:
        lock = lock_file(catalogue)
        lock.write_text(found.lock.text(), "utf-8")
        people.print(f"written: {lock}", markup=False)
        found = check_catalogue(catalogue, schema=there, environment=environment, strict=strict)
    if expand_table is not None:
        _expand(found, expand_table)
    elif show_coverage:
        today = datetime.datetime.now(tz=datetime.UTC).date()
        _coverage(coverage(found.loaded, there, today), format)
    elif format is TextFormat.json:
        data(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
    else:
        show(found.problems)
    people.print(_summary(found), markup=False)
    if not found.accepted:
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


def show(problems: tuple[Problem, ...]) -> None:
    """Print problems on stdout, sorted by place; colour only on a terminal."""
    out = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    for problem in problems:
        line = Text()
        if problem.position.file:
            line.append(f"{problem.position}: ", style="bold")
        line.append(problem.severity.value, style=_COLOURS[problem.severity])
        line.append(f" {problem.code} {problem.message}")
        out.print(line)
        if problem.fix:
            out.print(Text(f"    {problem.fix}", style="green"))


def schema_of(dsn: str | None, sql: list[Path] | None) -> Schema:
    """The application's tables from dumps when there are any, else from the database."""
    if sql:
        return _from_dumps(sql)
    facts = read(dsn)
    return schema_of_facts(facts.relations, facts.stores)


def _from_dumps(files: list[Path]) -> Schema:
    problems = Problems()
    texts = []
    for file in files:
        text = read_text(file, str(file), Position(str(file), 1, 1), problems)
        texts.append((str(file), text or ""))
    # Several files are one history: a later one changes tables that an earlier one made.
    name = texts[0][0] if len(texts) == 1 else "(the dumps, joined)"
    found = columns_from_sql_dump("\n".join(t for _, t in texts), name, problems)
    if problems.all:
        raise CatalogueProblems(problems.all)
    return found


def _expand(found: Checked, text: str) -> None:
    catalogue = found.loaded.catalogue
    if catalogue is None:
        raise CatalogueProblems(found.problems)
    try:
        table = find_table(catalogue, text)
    except CatalogueError:
        show(errors(found.problems))
        raise
    data(expand(found.loaded, table))


def _coverage(found: Coverage, format: TextFormat) -> None:
    names = ("tables", "columns", "level_1", "level_2", "level_3", "by_rule", "by_hand")
    more = ("without_purpose", "unclassified", "exceptions", "ending")
    if format is TextFormat.json:
        domains = [
            {key: getattr(d, key) for key in ("domain", "owner", *names, *more)}
            for d in found.domains
        ]
        totals = {"unprotected_tables": found.unprotected, "unlisted_tables": found.unlisted}
        data(json.dumps({"domains": domains, **totals}, ensure_ascii=False, indent=2))
        return
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    grid.add_column("domain")
    grid.add_column("owner")
    for key in (*names, *more):
        grid.add_column(key.replace("_", " "), justify="right")
    for one in found.domains:
        numbers = (str(getattr(one, key)) for key in (*names, *more))
        grid.add_row(Text(one.domain), Text(one.owner), *numbers)
    sums = (str(sum(getattr(d, key) for d in found.domains)) for key in (*names, *more))
    grid.add_row("all", "", *sums, style="bold")
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=160)
    console.print(grid)
    data(f"unprotected tables: {found.unprotected}; neither protected nor not: {found.unlisted}")


def _as_json(found: Checked) -> dict[str, object]:
    catalogue = found.loaded.catalogue
    return {
        "accepted": found.accepted,
        "hash": catalogue.hash if catalogue else None,
        "tables": len(catalogue.tables) if catalogue else 0,
        "columns": sum(len(t.columns) for t in catalogue.tables) if catalogue else 0,
        "problems": [
            {
                "severity": p.severity.value,
                "code": p.code,
                "rule": p.rule,
                "file": p.position.file,
                "line": p.position.line,
                "column": p.position.column,
                "message": p.message,
                "fix": p.fix,
            }
            for p in found.problems
        ],
    }


def _summary(found: Checked) -> str:
    catalogue = found.loaded.catalogue
    count = {s: sum(p.severity is s for p in found.problems) for s in Severity}
    said = [f"{n} {s.value}{'' if n == 1 else 's'}" for s, n in count.items() if n]
    problems = ", ".join(said) or "no problems"
    if catalogue is None:
        return problems
    columns = sum(len(t.columns) for t in catalogue.tables)
    return (
        f"{len(catalogue.tables)} tables, {columns} columns classified, "
        f"{len(catalogue.profiles)} profiles under {', '.join(catalogue.packs) or 'no pack'}: "
        f"{problems}"
    )
