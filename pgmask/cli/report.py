"""``pgmask report``: what auditors ask of the record, one command a question."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.cells import cell_len
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from pgmask.cli.options import Dsn
from pgmask.cli.output import data, people, shown
from pgmask.report import formats
from pgmask.report.manifest import check_folder, private_key, public_key
from pgmask.report.quarter import period_of, write_quarter
from pgmask.report.questions import REPORTS, Parameter, Report
from pgmask.report.run import ZONE, Answer, Extent, Value, ask, extent, set_zone
from pgmask.report.summary import SUMMED, by_person, only
from pgmask.server import connect, require_dsn

_HELP: Final = """\
What auditors ask of the record: who saw a customer, what a person saw, what stood out.

For members of pgmask_record_auditor; of pgmask_record_unit about their own unit, and of \
pgmask_record_high_value about high-value customers. That a report was read is itself on record.

pgmask report who_saw --class customer --key 4711 --from 2026-07-01 --to 2026-08-01
"""


class ReportFormat(StrEnum):
    """How an answer is printed on stdout."""

    table = "table"
    csv = "csv"
    json = "json"
    html = "html"
    excel = "excel"


Format = Annotated[
    ReportFormat,
    typer.Option(
        "--format", envvar="PGMASK_REPORT_FORMAT",
        help="How it is printed; excel is CSV with the mark by which Excel knows UTF-8.",
    ),
]  # fmt: skip
Columns = Annotated[
    str | None, typer.Option("--columns", metavar="NAMES", help="Only these columns, by comma.")
]
ByPerson = Annotated[
    bool, typer.Option("--by-person", help="One row per person and certainty, with how often.")
]
Zone = Annotated[
    str, typer.Option("--time-zone", metavar="ZONE", help="Days and moments are of this time zone.")
]
Begin = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="From when: a day or a moment.")
]
End = Annotated[
    str | None, typer.Option("--to", metavar="DAY", help="Until when, itself not included.")
]
_TYPES: Final[dict[str, tuple[Any, str]]] = {
    "bigint": (int, "NUMBER"), "integer": (int, "NUMBER"), "text[]": (list[str], "TEXT"),
    "integer[]": (list[str], "NUMBER"),
}  # fmt: skip


def list_reports(
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs.")] = False,
) -> None:
    """Name every report with its question and its parameters."""
    if as_json:
        import json

        found = [
            {
                "report": r.name, "question": r.question,
                "parameters": [
                    {
                        "name": p.name, "option": p.option, "type": p.type,
                        "required": p.required,
                    }
                    for p in r.parameters
                ],
            }
            for r in REPORTS
        ]  # fmt: skip
        data(json.dumps(found, ensure_ascii=False, indent=2))
        return
    lines = Table("report", "question", "options", box=None, pad_edge=False)
    for report in REPORTS:
        lines.add_row(report.name, report.question, _options(report))
    shown.print(lines, markup=False)


def quarter(
    name: Annotated[str, typer.Argument(metavar="QUARTER", help="Such as 2026Q3.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="A new or empty folder; else the quarter's name."
        ),
    ] = None,
    dsn: Dsn = None,
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="FILE", help="Ed25519 private key in PEM that signs it."),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option("--seed", help="Draws the sample; without it the quarter's name."),
    ] = None,
    size: Annotated[int, typer.Option("--size", min=1, max=10000, help="Of the sample.")] = 25,
    zone: Zone = ZONE,
) -> None:
    """Write a quarter's folder: index.html with plots, a CSV and the SQL of each report, a sample
    for working papers, and a manifest that names each file with its SHA-256.
    """
    period = period_of(name)
    folder = out or Path(period.name)
    key = private_key(sign) if sign is not None else None
    with (
        connect(require_dsn(dsn)) as connection,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            console=people,
            disable=not people.is_terminal,
        ) as bar,
    ):
        task = bar.add_task("", total=None)
        made = write_quarter(
            connection, period, folder, zone=zone, seed=seed or period.name, size=size, key=key,
            progress=lambda report: bar.update(task, description=report),
        )  # fmt: skip
    people.print(f"{len(made['files'])} files and {folder / 'manifest.json'}", markup=False)
    if not made["over"]:
        people.print(f"{period.name} is not over: it is told until now", style="yellow")
    if made["record_begins_later"]:
        people.print(f"the record begins on {made['record_begins']}", style="yellow")
    if key is None:
        people.print("the manifest is not signed: --sign FILE", style="yellow")


def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that quarter wrote.")],
    key: Annotated[
        Path | None,
        typer.Option("--public-key", metavar="FILE", help="Ed25519 public key in PEM you trust."),
    ] = None,
) -> None:
    """Compare a quarter's folder with its manifest, and the signature; exit 2 on a difference."""
    wrong = check_folder(folder, public_key(key) if key is not None else None)
    for one in wrong:
        data(one)
    if wrong:
        raise typer.Exit(2)
    people.print("every file is as the manifest says" + ("" if key is None else ", signed"))
    if key is None:
        people.print("the signature was not checked: --public-key FILE", style="yellow")


def print_answer(answer: Answer, format: ReportFormat) -> None:
    """Print an answer on stdout, and how many rows it has on stderr."""
    if format is ReportFormat.csv:
        data(formats.as_csv(answer))
    elif format is ReportFormat.excel:
        data(formats.as_csv(answer, marked=True))
    elif format is ReportFormat.json:
        data(formats.as_json(answer))
    elif format is ReportFormat.html:
        data(formats.as_html(answer))
    elif answer.rows:
        _print_table(answer)
    many = "1 row" if len(answer.rows) == 1 else f"{len(answer.rows)} rows"
    people.print(f"{many}; {answer.seconds:.2f} s", style="dim")


def _print_table(answer: Answer) -> None:
    """As a table where it fits, else row by row.

    Columns that are empty in every row are left out; a long answer says once, above, what is the
    same in all of its rows.
    """
    keep = [n for n, _ in enumerate(answer.columns) if any(r[n] is not None for r in answer.rows)]
    cells = [[formats.text_of(row[n]) for n in keep] for row in answer.rows]
    names = [answer.columns[n] for n in keep]
    if len(cells) > 2 and not _fits(names, cells):
        same = [n for n, _ in enumerate(names) if len({row[n] for row in cells}) == 1]
        if len(same) < len(names):
            for n in same:
                data(f"every row: {names[n]} {cells[0][n]}")
            names = [name for n, name in enumerate(names) if n not in same]
            cells = [[cell for n, cell in enumerate(row) if n not in same] for row in cells]
    if _fits(names, cells):
        lines = Table(*names, box=None, pad_edge=False)
        for row in cells:
            lines.add_row(*map(escape, row))
        shown.print(lines)
        return
    wide = max(map(len, names))
    for number, row in enumerate(cells, 1):
        data(f"-- {number}")
        for name, value in zip(names, row, strict=True):
            if value:
                data(f"{name.ljust(wide)}  {value}")
    people.print("a wider window, --columns or --by-person makes a table of it", style="dim")


def _fits(names: list[str], cells: list[list[str]]) -> bool:
    widths = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    return sum(widths) + 2 * len(widths) <= shown.width


def _command(report: Report) -> Callable[..., None]:
    """The command of one report, with its own options."""

    def run(**given: Any) -> None:
        dsn, format, zone = given.pop("dsn"), given.pop("format"), given.pop("zone")
        names, summed = given.pop("columns"), given.pop("by_person", False)
        values: dict[str, Value | None] = {
            name.removeprefix("p_"): value or None if isinstance(value, list) else value
            for name, value in given.items()
        }
        with connect(require_dsn(dsn)) as connection:
            set_zone(connection, zone)
            answer = ask(connection, report, values)
            reach = extent(connection, values.get("from"), values.get("to")) if timed else None
        if summed:
            answer = by_person(answer)
        print_answer(only(answer, names.split(",")) if names else answer, format)
        if reach is not None:
            _tell_extent(reach)

    timed = report.timed and report.name != "dormant_permissions"
    options: dict[str, tuple[Any, Any]] = {}
    if report.view and report.timed:
        options |= {"p_from": (Begin, None), "p_to": (End, None)}
    for one in report.parameters:
        options[f"p_{one.name}"] = _option(one)
    options |= {
        "dsn": (Dsn, None), "format": (Format, ReportFormat.table), "zone": (Zone, ZONE),
        "columns": (Columns, None),
    }  # fmt: skip
    if report.name in SUMMED:
        options["by_person"] = (ByPerson, False)
    run.__doc__ = report.question
    run.__annotations__ = {name: kind for name, (kind, _) in options.items()} | {"return": None}
    signature = inspect.Signature(
        [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
            for name, (kind, default) in options.items()
        ]
    )
    run.__signature__ = signature  # type: ignore[attr-defined]
    return run


def _tell_extent(reach: Extent) -> None:
    """Beside an answer: what the record could not know."""
    if reach.begins is not None and reach.late:
        begins = formats.text_of(reach.begins)
        people.print(
            f"the record begins at {begins}: of the time before there is nothing", style="yellow"
        )
    if reach.gaps:
        many = "a gap" if reach.gaps == 1 else f"{reach.gaps} gaps"
        people.print(f"the record has {many} in this period: pgmask report gaps", style="yellow")


def _option(one: Parameter) -> tuple[Any, Any]:
    kind, metavar = _TYPES.get(one.type, (str, "TEXT"))
    says = one.says + (" May be given again." if one.type.endswith("[]") else "")
    info = typer.Option(one.option, metavar=metavar, help=says)
    if one.required:
        return Annotated[kind, info], inspect.Parameter.empty
    return Annotated[kind | None, info], None


def _options(report: Report) -> str:
    if report.view:
        return "[--from DAY --to DAY]" if report.timed else ""
    return " ".join(p.option if p.required else f"[{p.option}]" for p in report.parameters)


def register(app: typer.Typer) -> None:
    """Add the verb with its commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="rich")
    group.command("list")(list_reports)
    group.command("quarter")(quarter)
    group.command("check")(check)
    for report in REPORTS:
        group.command(report.name)(_command(report))
    app.add_typer(group, name="report")
