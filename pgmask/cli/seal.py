"""``pgmask seal``: adopt the rows that are already there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time as clock
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pgmask.apply import seal as rows
from pgmask.apply import seal_finish as ending
from pgmask.apply.holders import patiently, reading, settle
from pgmask.apply.seal_table import SealTable
from pgmask.cli.options import Attempts, Dsn, LockTimeout
from pgmask.cli.output import data, people
from pgmask.errors import PlanError
from pgmask.server import connect, require_dsn

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def seal(
    table: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="schema.table as in the catalogue.")
    ] = None,
    dsn: Dsn = None,
    all_: Annotated[bool, typer.Option("--all", help="Every table that has plain values.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Measure a sample, undo it, and say what it takes.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only verify; exit 2 when a row does not hold.")
    ] = False,
    rewrite: Annotated[
        bool,
        typer.Option(
            "--rewrite",
            help="At the end rewrite the table (VACUUM FULL), so that no old row version is left;"
            " it is locked meanwhile.",
        ),
    ] = False,
    batch_rows: Annotated[int, typer.Option(min=1, max=100_000, help="Rows a transaction.")] = 1000,
    max_lag: Annotated[
        str, typer.Option(metavar="SECONDS", help="Wait while a replica is further behind.")
    ] = "30s",
    max_wal_rate: Annotated[
        str, typer.Option(metavar="BYTES", help="Bytes of WAL a second, such as 50MB; 0: no limit.")
    ] = "0",
    between: Annotated[
        str, typer.Option(metavar="HH:MM-HH:MM", help="Work at these local times only.")
    ] = "",
    lock_timeout: LockTimeout = rows.LOCK_TIMEOUT_MS,
    attempts: Attempts = rows.ATTEMPTS,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Connections that verify.")] = 2,
) -> None:
    """Seal existing rows in batches while the table stays in use; goes on where it stopped.

    At the end every row is verified, the constraints that promise masks are validated, and the
    profiles that open when a table is sealed are opened. The report goes to stdout, progress to
    stderr.
    """
    if (table is None) == (not all_):
        raise typer.BadParameter("name a table, or say --all", param_hint="TABLE")
    limits = rows.Limits(
        max_lag=seconds(max_lag), max_wal_rate=size(max_wal_rate) or None, between=hours(between)
    )
    where = require_dsn(dsn)
    with connect(where, autocommit=True) as connection:
        settle(connection)
        with reading(connection, lock_timeout_ms=lock_timeout * attempts):
            known = ending.deployed(connection)
        tables = known.tables if all_ else (known.table(table or ""),)
        if estimate:
            for one in tables:
                data(_estimate(ending.estimate(connection, one)))
            return
        if verify:
            wrong = sum(_verify(where, one, workers) for one in tables)
            if erased := ending.erased_subjects(connection):
                data(
                    f"{erased:,} subjects are erased: nothing of their sealed values can be opened,"
                    " and that is no finding"
                )
            if wrong:
                raise typer.Exit(2)
            return
        failed = False
        for one in tables:
            failed |= not _seal(
                where, connection, one, limits, batch_rows, workers, rewrite,
                lock_timeout, attempts,
            )  # fmt: skip
        if failed:
            raise PlanError("PM324", "some rows could not be sealed; they are named above")


def _seal(
    where: str, connection: rows.Connection, table: SealTable, limits: rows.Limits,
    batch_rows: int, workers: int, rewrite: bool, lock_timeout: int, attempts: int,
) -> bool:  # fmt: skip
    with bar("seal", table.id) as show:
        done = rows.seal_rows(
            connection, table, limits=limits, batch_rows=batch_rows, report=show,
            lock_timeout_ms=lock_timeout, attempts=attempts,
        )  # fmt: skip
    rate = f", {done.rows / done.seconds:,.0f} rows/s" if done.rows and done.seconds else ""
    data(f"{table.id}: {done.rows:,} rows sealed{rate}")
    if done.refused:
        people.print(
            f"{table.id}: {len(done.refused):,} rows could not be sealed:", style="bold red"
        )
        for row in done.refused[:100]:
            code = "PM321" if row.code == "23505" else row.code
            what = f" ({row.object})" if row.object else ""
            data(f"{table.id}\t{', '.join(row.key)}\t{code}{what}")
        return False
    if _verify(where, table, workers):
        raise PlanError("PM322", f"{table.id}: sealed rows did not pass the verification")
    connection.execute(
        "SELECT pg_catalog.set_config('lock_timeout', %s, false)", (f"{lock_timeout}",)
    )
    relation = table.spec.store.quoted
    opened = patiently(
        connection, table.id, relation, lambda: ending.finish(connection, table), attempts=attempts
    )
    if opened:
        data(f"{table.id}: opened to the profiles that waited for it")
    if rewrite:
        gone = patiently(
            connection, table.id, relation, lambda: ending.rewrite(connection, table),
            attempts=attempts,
        )  # fmt: skip
        rest = "" if gone else "; the old files go with the next CHECKPOINT (a superuser's)"
        data(f"{table.id}: rewritten, statistics taken anew{rest}")
    if done.rows:
        data(_remains(ending.remains(connection, table), rewrite))
    return True


class bar:
    """A progress bar on a terminal, a line every ten per cent elsewhere."""

    def __init__(self, verb: str, table: str) -> None:
        self._title = f"{verb} {table}"
        self._bar: Progress | None = None
        self._said = -1

    def __enter__(self) -> Callable[[rows.Progress], None]:
        if people.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), console=people,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=None, rate="")
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, now: rows.Progress) -> None:
        waits = f"waits for {now.waits_for}" if now.waits_for else ""
        if self._bar is not None:
            rate = waits or (f"{now.rate:,.0f} rows/s" if now.done else "")
            self._bar.update(self._task, completed=now.done, total=now.total, rate=rate)
            return
        tenth = now.done * 10 // now.total if now.total else 10
        if tenth > self._said:
            self._said = tenth
            people.print(f"{self._title}  {now.done:,} of {now.total:,} rows  {waits}".rstrip())


def _verify(where: str, table: SealTable, workers: int) -> int:
    wrong = ending.verify(where, table, workers=workers)
    for key, what in wrong:
        data(f"{table.id}\t{', '.join(key)}\t{what}")
    keyless = sum(what.startswith("key:") for _, what in wrong)
    if keyless:
        people.print(
            f"{table.id}: {keyless:,} rows whose data key is gone though nobody erased it (PM314)",
            style="bold red",
        )
    if len(wrong) > keyless:
        people.print(
            f"{table.id}: {len(wrong) - keyless:,} rows do not hold (PM322)", style="bold red"
        )
    if not wrong:
        data(f"{table.id}: verified, every row")
    return len(wrong)


def _estimate(found: ending.Estimate) -> str:
    if not found.sample:
        return f"{found.table}: nothing to seal"
    return "\n".join(
        (
            f"{found.table}: {found.rows:,} rows to seal",
            f"  time      about {found.seconds:,.0f} s on this server, now"
            f" ({found.rows / found.seconds if found.seconds else 0:,.0f} rows/s)",
            f"  WAL       about {bytes_of(found.wal)}, to {found.replicas} streaming replicas",
            f"  disk      about {bytes_of(found.growth)} more than the {bytes_of(found.size)} of"
            " now, until vacuum or --rewrite",
            f"  measured on {found.sample} rows, undone",
        )
    )


def _remains(found: ending.Remains, rewritten: bool) -> str:
    lines = [f"{found.table}: old copies of the plain values may still lie in"]
    if not rewritten:
        lines.append(
            f"  {found.dead_rows:,} dead row versions: VACUUM hides, --rewrite removes them"
        )
        lines.append("  samples of the planner: dead rows of pg_statistic until it is vacuumed")
    lines.append("  WAL and its archive, until it is recycled and expires")
    lines.append("  backups and dumps taken before now, until they expire")
    if found.replicas or found.slots:
        lines.append(
            f"  {found.replicas} replicas and {found.slots} replication slots, until they follow"
        )
    return "\n".join(lines)


def bytes_of(count: int) -> str:
    """A size for people."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1024
    raise AssertionError


def seconds(text: str) -> float | None:
    """``30s``, ``2m``, ``30``; 0 or nothing: no limit."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|)", text.strip() or "0")
    if match is None:
        raise typer.BadParameter("a time such as 30s or 2m", param_hint="--max-lag")
    found = float(match[1]) * (60 if match[2] == "m" else 1)
    return found or None


def size(text: str) -> float:
    """``50MB``, ``50MB/s``, ``800k``, ``0``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:/s)?", text.strip().lower())
    if match is None:
        raise typer.BadParameter("a size such as 50MB", param_hint="--max-wal-rate")
    return float(match[1]) * _UNITS[match[2]]


def hours(text: str) -> tuple[clock, clock] | None:
    """``22:00-05:00``; empty: always."""
    if not text:
        return None
    try:
        start, end = (clock.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        raise typer.BadParameter("hours such as 22:00-05:00", param_hint="--between") from None
    return start, end


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("seal")(seal)
