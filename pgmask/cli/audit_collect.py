"""``pgmask audit collect`` and ``status``: notes into the record, and how that stands."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import psycopg
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pgmask.audit.collect import LIMIT, Collector, Visit, told
from pgmask.audit.logs import collect_file, files
from pgmask.audit.metrics import Metrics
from pgmask.cli.options import Dsn
from pgmask.cli.output import data, many, people, shown
from pgmask.errors import PgmaskError
from pgmask.runtime.collecting import Alarm, State, Thresholds, alarms, read_state, size
from pgmask.server import connect, require_dsn

T = TypeVar("T")

_RETRY = 5.0
_BEGINS = "the record begins here: what was read before is in no report, as pgmask report gaps says"


class TableFormat(StrEnum):
    """How data is printed."""

    table = "table"
    json = "json"


def collect(
    dsn: Dsn = None,
    once: Annotated[bool, typer.Option("--once", help="One visit, then end.")] = False,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Visits until there is nothing more, with progress.")
    ] = False,
    setup: Annotated[
        bool, typer.Option("--setup", help="Make the slot and the partitions, then end.")
    ] = False,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="Make a new slot in place of one that cannot be read; the gap goes on record. One"
            " that can be read is read to its end and stays.",
        ),
    ] = False,
    log: Annotated[
        list[Path] | None,
        typer.Option(
            "--log",
            metavar="FILE",
            help="Collect from a server's csvlog or jsonlog (or a folder of them) instead of the "
            "slot: of a standby, or where wal_level is not logical. Can be repeated.",
        ),
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NAME", help="The server whose log it is.")
    ] = None,
    pgaudit: Annotated[
        bool,
        typer.Option(
            "--pgaudit",
            help="With --log: take along what the extension pgaudit wrote of this database, without"
            " the statement and its parameters.",
        ),
    ] = False,
    interval: Annotated[
        float, typer.Option("--interval", min=0.05, metavar="S", help="Seconds between visits.")
    ] = 1.0,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=100, max=200_000, metavar="N", help="Notes in one transaction."
        ),
    ] = LIMIT,
    patience: Annotated[
        float,
        typer.Option(
            "--patience",
            min=1,
            metavar="S",
            help="Seconds a transaction may take before a smaller one is tried.",
        ),
    ] = 60.0,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="ADDRESS:PORT", help="Serve health for Prometheus."),
    ] = None,
) -> None:
    """Move notes of reads, log-ins and refusals into the record, until it is told to stop.

    The login is a member of pgmask_collector and needs no other right; a superuser has given
    REPLICATION to the role pgmask_slots. One collector per database. SIGTERM ends it after the
    transaction it is in; whatever else ends it, nothing is lost or stored twice.
    """  # fmt: skip
    named = ("--setup", "--renew", "--once", "--catch-up", "--log")
    asked = [n for n, one in zip(named, (setup, renew, once, catch_up, log), strict=True) if one]
    if len(asked) > 1:
        raise typer.BadParameter("one of them at a time", param_hint=" and ".join(asked))
    if pgaudit and not log:
        raise typer.BadParameter("--pgaudit needs --log: the server's log in which pgaudit writes")
    where = require_dsn(dsn)
    if log:
        _logs(where, tuple(log), node, with_pgaudit=pgaudit)
        return
    if asked:
        with connect(where, autocommit=True) as connection:
            with Collector(connection, limit=limit, patience=patience) as collector:
                if setup:
                    made = collector.set_up()
                    people.print("the slot was made" if made else "the slot is there")
                    return
                before = read_state(connection)
                if renew:
                    made, visit = _counted(collector.renew)
                    people.print(
                        "the slot was made anew" if made
                        else "the slot can be read: it was read to its end and stays"
                    )  # fmt: skip
                else:
                    visit = _counted(collector.catch_up) if catch_up else collector.visit()
                _tell(visit, first=before.moved_at is None)
        return
    with _until_told() as stop:
        serve(where, stop, interval=interval, limit=limit, patience=patience, metrics=metrics)


def serve(
    dsn: str, stop: threading.Event, *, interval: float, limit: int, patience: float,
    metrics: str | None = None,
) -> None:  # fmt: skip
    """The daemon: collects until ``stop`` is set; a server that goes away is waited for."""
    endpoint = Metrics(metrics) if metrics else None
    said: frozenset[str] = frozenset()
    try:
        while not stop.is_set():
            try:
                with (
                    connect(dsn, autocommit=True) as connection,
                    Collector(connection, limit=limit, patience=patience) as collector,
                ):
                    people.print("collecting")
                    first = read_state(connection).moved_at is None

                    def heard(
                        visit: Visit, connection: psycopg.Connection[Any] = connection
                    ) -> None:
                        nonlocal said, first
                        state = read_state(connection)
                        if endpoint is not None:
                            endpoint.heard(visit)
                            endpoint.tell(state)
                        if visit.gap and first:
                            people.print(_BEGINS)
                        elif visit.gap:
                            people.print(
                                "PM812: notes are missing; the gap is on record", style="red"
                            )
                        first = False
                        said = _say(tuple(alarms(state)), said)

                    collector.run(stop, interval=interval, heard=heard, alerted=_alerted)
            except (psycopg.OperationalError, PgmaskError) as error:
                if isinstance(error, PgmaskError) and error.code != "PM020":
                    raise
                people.print(f"the server is away, trying again in {_RETRY:g} s", style="yellow")
                stop.wait(_RETRY)
    finally:
        if endpoint is not None:
            endpoint.close()
    people.print("stopped")


def _alerted(found: int | str) -> None:
    """What came of evaluating the rules for alerts."""
    if isinstance(found, str):
        people.print(f"alerts could not be evaluated (SQLSTATE {found})", style="yellow")
    elif found:
        people.print(f"{many(found, 'new alert')}: pgmask audit alerts list", style="yellow")


def status(
    dsn: Dsn = None,
    format: Annotated[
        TableFormat, typer.Option("--format", envvar="PGMASK_FORMAT", help="How data is printed.")
    ] = TableFormat.table,
    behind: Annotated[
        int, typer.Option("--behind", metavar="MIB", help="Alarm from so much uncollected log on.")
    ] = 64,
    idle: Annotated[
        float, typer.Option("--idle", metavar="S", help="Alarm when nobody collected for so long.")
    ] = 60.0,
    safe: Annotated[
        int,
        typer.Option("--safe", metavar="MIB", help="Alarm when notes are lost after so much log."),
    ] = 1024,
) -> None:
    """Tell how collecting stands and how much log until notes are lost; exit 2 on alarms."""
    limits = Thresholds(behind=behind << 20, idle=idle, safe=safe << 20)
    try:
        with connect(require_dsn(dsn)) as connection:
            state = read_state(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        raise told(error) from error
    found = tuple(alarms(state, limits))
    if format is TableFormat.json:
        data(json.dumps(
            asdict(state) | {"idle": state.idle, "alarms": [asdict(a) for a in found]},
            ensure_ascii=False, indent=2, default=_text,
        ))  # fmt: skip
    else:
        shown.print(_table(state))
        _say(found, frozenset())
    if found:
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("collect")(collect)
    app.command("status")(status)


def _counted(work: Callable[[Callable[[Visit], None]], T]) -> T:
    """What the work gives, its rows counted on a terminal meanwhile."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} rows"), TimeElapsedColumn())
    with Progress(*columns, console=people, disable=not people.is_terminal) as bar:
        task = bar.add_task("collecting", total=None)
        return work(lambda v: bar.advance(task, v.stored))


def _logs(
    dsn: str, paths: tuple[Path, ...], node: str | None, *, with_pgaudit: bool = False
) -> None:
    if not node:
        raise typer.BadParameter("--log needs --node: the name of the server whose log it is")
    found = files(paths)
    total = Visit()
    columns = (
        TextColumn("{task.description}"),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
    )
    bar = Progress(*columns, console=people, disable=not people.is_terminal)
    with connect(dsn, autocommit=True) as connection, bar:
        task = bar.add_task("files", total=len(found))
        for path in found:
            total = total + collect_file(connection, path, node, with_pgaudit=with_pgaudit)
            bar.advance(task)
    people.print(many(len(found), "file"), end=": ")
    _tell(total)


def _tell(visit: Visit, *, first: bool = False) -> None:
    people.print(
        f"{many(visit.stored, 'row')} stored, {visit.folded} folded, {visit.rejected} rejected"
        + (", with a gap before them (PM812)" if visit.gap and not first else "")
    )
    if visit.gap and first:
        people.print(_BEGINS)


def _say(found: tuple[Alarm, ...], said: frozenset[str]) -> frozenset[str]:
    """Tell the alarms whose code was not told already; the codes that are told now."""
    for alarm in found:
        if alarm.code not in said:
            people.print(f"{alarm.code}: {alarm.what}", style="red" if alarm.now else "yellow")
            people.print(f"  {alarm.way_out}", style="green")
    return frozenset(a.code for a in found)


def _table(state: State) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column()

    def row(name: str, value: object) -> None:
        table.add_row(name, "-" if value is None else str(value))

    row("slot", state.slot)
    row("its log", state.wal_status)
    row("behind", None if state.behind is None else size(state.behind))
    row("held on disk", None if state.held is None else size(state.held))
    row("until notes are lost", _loss(state))
    row("last visit", None if state.idle is None else f"{state.idle:.0f} s ago")
    row("stored", state.stored)
    row("rejected", state.rejected)
    row("gaps in seven days", f"{state.gaps}, not counting the beginning of the record")
    row("when it stalls", state.when_audit_stalls)
    row("reads until", state.reads_until)
    row("months ahead", state.months_ahead)
    row("rows outside a month", state.strays)
    return table


def _loss(state: State) -> str | None:
    """How much log until notes are lost."""
    if state.slot is None:
        return None
    if state.wal_status == "lost":
        return "they are lost"
    return "no limit" if state.safe is None else size(state.safe)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
