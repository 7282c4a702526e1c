"""``pgmask fake``: invented truths behind the masks of a test database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pgmask.apply import fake as filling
from pgmask.apply import seal as rows
from pgmask.apply import seal_finish as ending
from pgmask.apply.fake_persons import invent_persons
from pgmask.apply.holders import reading, settle
from pgmask.cli.options import Dsn
from pgmask.cli.output import data, people
from pgmask.errors import PlanError
from pgmask.runtime.environment import environment
from pgmask.server import connect, require_dsn


def fake(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="schema.table as in the catalogue; all without."),
    ] = None,
    dsn: Dsn = None,
    seed: Annotated[
        int, typer.Option(help="Another seed, other values; the same seed, the same values.")
    ] = 0,
    persons: Annotated[
        bool,
        typer.Option(
            "--persons/--no-persons",
            help="Where the environment says persons: fake, also one person per profile and unit.",
        ),
    ] = True,
    batch_rows: Annotated[int, typer.Option(min=1, max=10_000, help="Rows a transaction.")] = 500,
) -> None:
    """Give every mask that has no truth behind it an invented one of valid form.

    For a database restored from `pgmask dump --anonymous`, whose environment says data: fake and
    whose key is one for development. The values have the visible part of the mask, agree with each
    other where they speak of the same person, and are sealed by the same trigger as an
    application's. Never over a truth: where there may be one, nothing is done.
    """
    where = require_dsn(dsn)
    with connect(where, autocommit=True) as connection:
        settle(connection)
        with reading(connection):
            known, tables = filling.fakeable(connection)
        chosen = [t for t in tables if table is None or t.id == table]
        if not chosen:
            known.table(table or "")
        refused = False
        for one in chosen:
            with _bar(one.id) as show:
                done = filling.fill(
                    connection, known, one, seed=seed, batch_rows=batch_rows, report=show
                )
            people.print(f"{one.id}: {done.rows:,} rows filled in {done.seconds:,.1f} s")
            for row in done.refused:
                what = f" {row.object}" if row.object else ""
                data(f"{one.id}\t{', '.join(row.key)}\t{row.code}{what}")
            refused |= bool(done.refused)
        if refused:
            raise PlanError("PM355", "some rows got no invented values; they are named above")
        if table is None:
            _finish(where, connection, known)
        says = environment(connection)
        if persons and says is not None and says.persons == "fake":
            for who in invent_persons(connection, known.catalogue, known.facts, seed=seed):
                data(f"{who.number}\t{who.profile}\t{who.unit}\t{who.name}")


def _finish(where: str, connection: rows.Connection, known: ending.Deployed) -> None:
    """What ``seal`` does at its end: rows without a truth, verification, the profiles that wait."""
    for table in known.tables:
        done = rows.seal_rows(connection, table)
        wrong = ending.verify(where, table)
        for key, what in wrong:
            data(f"{table.id}\t{', '.join(key)}\t{what}")
        if wrong or done.refused:
            raise PlanError("PM322", f"{table.id}: rows did not pass the verification")
        ending.finish(connection, table)
    people.print("every row verified; the profiles that waited are open")


class _bar:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._bar: Progress | None = None

    def __enter__(self) -> Callable[[filling.Filling], None]:
        if people.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeRemainingColumn(), console=people,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task(f"fake {self._table}", total=None)
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, now: filling.Filling) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=now.done, total=now.total)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("fake")(fake)
