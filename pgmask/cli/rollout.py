"""``pgmask rollout``: where every table stands, what still uses it, the way on and the way back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from pgmask.apply.observe import Use, collect
from pgmask.apply.observe import uses as read_uses
from pgmask.apply.rollout import TableStatus, behind, neighbour, with_stage
from pgmask.apply.rollout import status as read_status
from pgmask.catalogue.model import Catalogue
from pgmask.cli.database import plan_now, read, read_catalogue
from pgmask.cli.options import CatalogueFile, Dsn, Environment, Format, TextFormat
from pgmask.cli.output import data, people
from pgmask.compile import contexts
from pgmask.compile.stages import Stage
from pgmask.errors import Refused
from pgmask.hashing import plain
from pgmask.plan.hazards import MUST_ALLOW
from pgmask.plan.plan import homes_due
from pgmask.plan.render import tables as plan_tables
from pgmask.server import connect, require_dsn

app = typer.Typer(
    name="rollout",
    help="Bring tables in one by one: observe, views, sealing, enforced.",
    no_args_is_help=True,
)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
TableId = Annotated[str, typer.Argument(metavar="TABLE", help="schema.table of the catalogue.")]


@app.command()
def status(
    catalogue: Annotated[
        Path | None,
        typer.Argument(
            envvar="PGMASK_CATALOGUE",
            show_envvar=True,
            metavar="[CATALOGUE]",
            help="What is wanted; without it what was applied last.",
        ),
    ] = None,
    dsn: Dsn = None,
    environment: Environment = None,
    format: Format = TextFormat.text,
) -> None:
    """Show every table: stage, rows sealed, who uses it still, what blocks, the next command."""
    wanted = read_catalogue(catalogue, environment) if catalogue is not None else None
    with connect(require_dsn(dsn), autocommit=True) as connection:
        found = read_status(connection, wanted)
    if format is TextFormat.json:
        rows = [{**plain(s), "percent": s.percent} for s in found]
        data(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    data("\n".join(_lines(found)))


def _lines(found: tuple[TableStatus, ...]) -> list[str]:
    width = max((len(s.table) for s in found), default=5)
    lines = [f"{'table':<{width}}  {'stage':<10} {'wanted':<10} {'sealed':<8} still uses it"]
    for one in found:
        percent = f"{one.percent} %" if one.percent is not None else "-"
        who = sorted({_who(u) for u in one.uses})
        lines.append(
            f"{one.table:<{width}}  {one.present or 'none':<10} {one.wanted:<10} {percent:<8}"
            f" {', '.join(who) if who else '-'}"
        )
        for use in _latest(one.uses):
            lines.append(f"    last met {use.last_seen}: {_who(use)}")
        for profile in one.plain:
            left = (one.rows or 0) - (one.sealed or 0)
            lines.append(
                f"    PM271 {left:,} rows are not sealed yet: profile {profile} sees them plain"
            )
        lines += [f"    blocked: {b}" for b in one.blocks]
        if one.forward:
            lines.append(f"    on:   {one.forward}")
        if one.back:
            lines.append(f"    back: {one.back}")
    return lines


def _who(use: Use) -> str:
    return f"{use.login} ({use.application})" if use.application else use.login


def _latest(found: tuple[Use, ...]) -> list[Use]:
    """The last use of each login and application, the latest first."""
    seen: dict[str, Use] = {}
    for use in found:
        seen.setdefault(_who(use), use)
    return list(seen.values())


@app.command()
def observe(
    dsn: Dsn = None,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long to look, such as 10m; 0: once.")
    ] = "0",
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="How long to wait between two looks.")
    ] = "1s",
) -> None:
    """Look who uses the observed tables under their own names, and with which statements."""
    with connect(require_dsn(dsn), autocommit=True) as connection:
        met = collect(connection, seconds=_time(for_, "--for"), every=_time(every, "--every"))
    uses = "use" if met == 1 else "uses"
    people.print(f"{met:,} {uses} met; pgmask rollout uses TABLE shows them")


@app.command()
def uses(table: TableId, dsn: Dsn = None, format: Format = TextFormat.text) -> None:
    """Show what was met at an observed table; no statement holds a value.  Exit 2 when any."""
    with connect(require_dsn(dsn), autocommit=True) as connection:
        found = read_uses(connection, table)
    if format is TextFormat.json:
        data(json.dumps(plain(found), ensure_ascii=False, indent=2))
    else:
        for use in found:
            data(f"{use.last_seen}  {_who(use)}  {use.times:,} times ({use.source})")
            data(f"    {use.statement}")
    if found:
        raise typer.Exit(2)
    people.print(f"nobody was met at {table}")


@app.command()
def advance(
    table: TableId, catalogue: CatalogueFile, dsn: Dsn = None, environment: Environment = None
) -> None:
    """Show the line of the catalogue that brings a table on, and its plan; nothing is changed."""
    _turn(table, catalogue, dsn, environment, forward=True)


@app.command()
def back(
    table: TableId, catalogue: CatalogueFile, dsn: Dsn = None, environment: Environment = None
) -> None:
    """Show the line of the catalogue that takes a table back, and its plan; nothing is changed."""
    _turn(table, catalogue, dsn, environment, forward=False)


def _turn(
    table: str, path: Path, dsn: str | None, environment: str | None, *, forward: bool
) -> None:
    now = read_catalogue(path, environment)
    known = now.table(table)
    if known is None:
        raise Refused("PM274", f"{table} is not a table of the catalogue")
    stage = neighbour(known, forward=forward)
    if not forward and Stage(known.rollout).seals:
        _children_first(now, table, stage, dsn)
    planned = plan_now(dsn, with_stage(now, table, stage), "")
    data(f"in {known.position} set for {table}:\n\n    rollout: {stage}\n")
    data(f"now {known.rollout}. What that would do:\n\n{plan_tables(planned)}")
    hazards = sorted({h.value for h in MUST_ALLOW} & set(planned.hazards))
    allow = " ".join(f"--allow {h}" for h in hazards)
    only = " ".join(f"--only {t}" for t in (table, *sorted(homes_due(planned, table))))
    data(f"then: pgmask apply {path} {only} {allow}".rstrip())
    people.print("Nothing was changed: the catalogue is the truth.")


def _children_first(now: Catalogue, table: str, stage: Stage, dsn: str | None) -> None:
    """Raise Refused PM270 where tables that seal take unit and flags from this one."""
    facts = read(dsn)
    first = behind(contexts(now, facts), table)
    if not first:
        return
    both = [t for t in now.tables if t.id in (*first, table)]
    sealed = [t.id for t in both if (s := facts.store(t.id)) is not None and s.holds_sealed]
    hint = f"Take those back first, or write rollout: {stage} for all of them and apply once."
    if sealed:
        hint += f" Values are sealed, so before that pgmask unseal, of each: {', '.join(sealed)}."
    raise Refused(
        "PM270", f"{table} goes back after the tables of its subjects: {', '.join(first)}",
        detail="\n".join(f"{t.position}  {t.id}:  rollout: {stage}" for t in both), hint=hint,
    )  # fmt: skip


def _time(text: str, option: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", text.strip())
    if match is None:
        raise typer.BadParameter("a time such as 30s, 10m or 1h", param_hint=option)
    return float(match[1]) * _SECONDS[match[2]]


def register(main: typer.Typer) -> None:
    """Add the verb."""
    main.add_typer(app, name="rollout")
