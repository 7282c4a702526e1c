"""Work through a table in batches while it stays in use: adopt its rows, or open them again.

Each batch is a transaction of its own over a range of the primary key: it makes the data keys of
its subjects and touches its rows, and the table's trigger does the rest. Rows that somebody holds
are left out and taken in a later pass. A killed run loses at most the batch it was in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import psycopg
from psycopg import errors as pg

from pgmask.apply.holders import ATTEMPTS, LOCK_TIMEOUT_MS, patiently, settle
from pgmask.apply.seal_table import BatchTable, SealTable
from pgmask.apply.throttle import Limits, Throttle
from pgmask.errors import KeyFault, PgmaskError, Refused, ServerError
from pgmask.runtime.keys import require_escrow

Connection = psycopg.Connection[Any]
T = TypeVar("T")
LOCK = 0x70677365  # "pgse" as a number; the second half of the lock is the table
USUAL = Limits()
_PASSING = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)
_GRAVE = (psycopg.OperationalError, psycopg.InternalError)
_KEYS = ("PM310", "PM311", "PM312", "PM313")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a table is: rows done by this run, rows it began with, seconds, and what it waits
    for ('' while it works).
    """

    table: str
    done: int
    total: int
    seconds: float
    waits_for: str = ""

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.done / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that the database refused: its key, the SQLSTATE and the constraint or column."""

    key: tuple[str, ...]
    code: str
    object: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a run did with one table."""

    table: str
    rows: int
    seconds: float
    refused: tuple[RefusedRow, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Run:
    connection: Connection
    table: BatchTable
    throttle: Throttle
    report: Callable[[Progress], None]
    batch_rows: int
    attempts: int
    total: int = 0
    done: int = 0
    started: float = field(default_factory=time.monotonic)

    def patiently(self, work: Callable[[], T]) -> T:
        """What ``work`` gives; tried again while somebody holds a lock.  Raises PM323 at last."""
        return patiently(
            self.connection, self.table.id, self.table.spec.store.quoted, work,
            attempts=self.attempts, tell=self.tell, code=self.table.stopped,
            again=f"pgmask {self.table.verb}",
        )  # fmt: skip

    def tell(self, waits_for: str = "") -> None:
        self.report(
            Progress(
                table=self.table.id, done=self.done, total=max(self.total, self.done),
                seconds=time.monotonic() - self.started, waits_for=waits_for,
            )
        )  # fmt: skip


def seal_rows(
    connection: Connection,
    table: SealTable,
    *,
    limits: Limits = USUAL,
    batch_rows: int = 1000,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    attempts: int = ATTEMPTS,
    report: Callable[[Progress], None] = lambda _: None,
) -> Sealed:
    """Seal every row that is left, over an autocommit connection of the installer.

    Goes on where an earlier run stopped; may run beside applications and beside seals of other
    tables.  Rows the database refuses are remembered by key (``seal_refused``) and left as they
    are.  Raises Refused PM320 not applied yet, PM323 another run is at this table or the disk is
    full, PM353 the key's copy in escrow
    was not shown; KeyFault PM310 to PM313.
    """
    if table.spec.unsealing:
        raise Refused(
            "PM338", f"{table.id} is on its way back and is not sealed now",
            hint="Finish it with pgmask unseal run, or give it up with pgmask unseal cancel.",
        )  # fmt: skip
    return work_through(
        connection, table, limits=limits, batch_rows=batch_rows, lock_timeout_ms=lock_timeout_ms,
        attempts=attempts, report=report, ready=require_escrow,
    )  # fmt: skip


def work_through(
    connection: Connection,
    table: BatchTable,
    *,
    limits: Limits = USUAL,
    batch_rows: int = 1000,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    attempts: int = ATTEMPTS,
    report: Callable[[Progress], None] = lambda _: None,
    ready: Callable[[Connection], None] = lambda _: None,
) -> Sealed:
    """Work on every row that is left, as ``pgmask_sealer``; see ``seal_rows`` for what it raises.

    ready: asked before the first row, as ``pgmask_sealer`` too.
    """
    if not connection.autocommit:
        raise ValueError("batches need an autocommit connection")
    with _told(table), _as_sealer(connection), _only_one(connection, table):
        settle(connection)
        ready(connection)
        connection.execute(
            "SELECT pg_catalog.set_config('lock_timeout', %s, false)", (str(lock_timeout_ms),)
        )
        run = _Run(
            connection=connection, table=table, throttle=Throttle(connection, limits),
            report=report, batch_rows=batch_rows, attempts=attempts,
        )  # fmt: skip
        run.total = run.patiently(lambda: table.count_left(connection))
        last = run.patiently(lambda: table.begin(connection))
        run.tell()
        left = run.total

        def left_now() -> int:
            return table.count_left(connection, without_refused=True)

        # A last pass takes what was locked or written meanwhile; it ends when it finds nothing new.
        while left:
            before = run.done
            _one_pass(run, last, patient=last is None and before > 0)
            last = None
            left = run.patiently(left_now)
            if run.done == before and left:
                _one_pass(run, None, patient=True)
                left = run.patiently(left_now)
                if run.done == before and left:
                    break
        refused = tuple(
            RefusedRow(key=k, code=c, object=o) for k, c, o in table.refused(connection)
        )
        if not refused and not left:
            table.phase(connection, "verifying")
        return Sealed(
            table=table.id, rows=run.done, seconds=time.monotonic() - run.started,
            refused=refused,
        )  # fmt: skip


def _one_pass(run: _Run, last: Sequence[str] | None, *, patient: bool) -> None:
    """Once over the table, from after ``last``; patient: wait for locked rows."""
    while True:
        run.throttle.wait(run.tell)
        keys = _batch(run, last, run.batch_rows, patient=patient)
        if not keys:
            return
        last = keys[-1]
        run.tell()


def _batch(
    run: _Run, last: Sequence[str] | None, rows: int, *, patient: bool
) -> list[tuple[str, ...]]:
    """One batch; the keys it went over, [] at the end of the table."""
    try:
        return run.patiently(lambda: _try(run, last, rows, patient=patient))
    except _GRAVE as error:
        raise _stopped(run.table, error) from None
    except psycopg.OperationalError as error:
        raise _stopped(run.table, error) from None
    except psycopg.Error as error:
        if error.sqlstate in _KEYS:
            raise
        return _halves(run, last, rows, error)


def _try(
    run: _Run, last: Sequence[str] | None, rows: int, *, patient: bool
) -> list[tuple[str, ...]]:
    with run.connection.transaction():
        keys = run.table.next_keys(run.connection, last, rows, skip_locked=not patient)
        if not keys:
            return []
        run.table.work(run.connection, keys)
        run.table.advance(run.connection, keys[-1], len(keys))
    run.done += len(keys)
    return keys


def _halves(
    run: _Run, last: Sequence[str] | None, rows: int, error: psycopg.Error
) -> list[tuple[str, ...]]:
    """A batch the database refused: smaller ones, down to the row that it refuses."""
    if rows > 1:
        return _batch(run, last, max(1, rows // 8), patient=True)
    with run.connection.transaction():
        keys = run.table.next_keys(run.connection, last, 1, skip_locked=False)
        if keys:
            named = error.diag.constraint_name or error.diag.column_name
            run.table.refuse(run.connection, keys[0], error.sqlstate or "", named)
    return keys


def _stopped(table: BatchTable, error: psycopg.Error) -> PgmaskError:
    full = isinstance(error, pg.DiskFull)
    why = "the disk is full" if full else f"the server ended it ({type(error).__name__})"
    return ServerError(
        table.stopped, f"{table.id}: {why}; what was {table.participle} stays {table.participle}",
        hint="Make room" * full + "Look at the server" * (not full)
        + f", then run pgmask {table.verb} again: it goes on where it stopped.",
    )  # fmt: skip


@contextmanager
def _told(table: BatchTable) -> Iterator[None]:
    """What ends a run, in the words of the registry."""
    try:
        yield
    except _GRAVE as error:
        raise _stopped(table, error) from None
    except psycopg.Error as error:
        if error.sqlstate not in _KEYS:
            raise
        diag = error.diag
        raise KeyFault(
            error.sqlstate, f"{table.id}: {diag.message_primary}", hint=diag.message_hint or ""
        ) from None


@contextmanager
def _as_sealer(connection: Connection) -> Iterator[None]:
    """Everything here is done as the role that owns keys and triggers, not as the installer."""
    connection.execute("SET ROLE pgmask_sealer")
    try:
        yield
    finally:
        if not (connection.closed or connection.broken):
            connection.execute("RESET ROLE")


@contextmanager
def _only_one(connection: Connection, table: BatchTable) -> Iterator[None]:
    row = connection.execute(
        "SELECT pg_catalog.pg_try_advisory_lock(%s, pg_catalog.hashtext(%s))", (LOCK, table.id)
    ).fetchone()
    if row is None or not row[0]:
        raise Refused(
            table.stopped,
            f"another pgmask {table.verb} is at {table.id}",
            hint="Wait for it, or end it; a killed one frees the table by itself.",
        )
    try:
        yield
    finally:
        if not (connection.closed or connection.broken):
            connection.execute(
                "SELECT pg_catalog.pg_advisory_unlock(%s, pg_catalog.hashtext(%s))",
                (LOCK, table.id),
            )


__all__ = [
    "ATTEMPTS",
    "LOCK_TIMEOUT_MS",
    "Limits",
    "Progress",
    "RefusedRow",
    "Sealed",
    "replace",
    "seal_rows",
    "work_through",
]
