"""The act of sealing: existing rows in batches, verified, and no old copy left."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pgmask.apply import seal as rows
from pgmask.apply import seal_finish as ending
from pgmask.apply.seal_table import SealTable
from pgmask.demo.scene import Scene
from pgmask.demo.story import count
from pgmask.errors import PlanError

WORKERS = 2


def seal(scene: Scene) -> None:
    """Seal, verify, validate, open and rewrite every table; print what it took."""
    started = time.perf_counter()
    with scene.site.connect(autocommit=True) as dba:
        tables = ending.deployed(dba).tables
    subjects = tuple(t for t in tables if t.spec.subject_class is not None)
    others = tuple(t for t in tables if t.spec.subject_class is None)
    with _bar() as bar:
        # The customers first: their data keys are made once, not by every table at the same time.
        for group in (subjects, others):
            with ThreadPoolExecutor(WORKERS) as pool:
                list(pool.map(lambda table: _rows(scene, table, bar), group))
    sealing = time.perf_counter() - started
    started = time.perf_counter()
    wrong = sum(len(ending.verify(scene.site.dsn(), t, workers=WORKERS)) for t in tables)
    if wrong or bar.refused:
        raise PlanError("PM322", f"{bar.refused} rows were not sealed, {wrong} did not verify")
    verifying = time.perf_counter() - started
    with scene.site.connect(autocommit=True) as dba:
        for table in tables:
            ending.finish(dba, table)
            ending.rewrite(dba, table)
    scene.story.step(
        "seal",
        f"{count(bar.done, 'row')} at {bar.done / sealing:,.0f} rows/s; every one opened again and"
        " verified; tables rewritten",
        sealing + verifying,
    )


def _rows(scene: Scene, table: SealTable, bar: _bar) -> None:
    with scene.site.connect(autocommit=True) as dba:
        done = rows.seal_rows(dba, table, report=bar.show)
    bar.end(done)


@dataclass
class _Count:
    done: int = 0
    refused: int = 0


class _bar(_Count):
    """One bar for all tables, on a terminal only, gone when it is full."""

    def __init__(self) -> None:
        super().__init__()
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("seal {task.description}"), BarColumn(), MofNCompleteColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> _bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, now: rows.Progress) -> None:
        """Called after every batch."""
        if now.table not in self._tasks:
            self._tasks[now.table] = self._bar.add_task(now.table, total=now.total)
        self._bar.update(self._tasks[now.table], completed=now.done, total=now.total)  # type: ignore[arg-type]

    def end(self, sealed: rows.Sealed) -> None:
        """Add what a table came to."""
        self.done += sealed.rows
        self.refused += len(sealed.refused)
