"""The collector: moves notes from the slot into the record, exactly once (G1, G2).

Everything that matters happens in the server (``sql/63_fn_collect_*.sql``): notes are peeked,
verified, stored and the position moved in one transaction, and the slot is moved on in the next.
Here is only when: one collector at a time, visits as long as there is something, a pause that is
never shorter than the visit before it (a long transaction makes the server read its log from where
that began, with every visit), and smaller bites where one takes too long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from pgmask.errors import PgmaskError, ServerError

Connection = psycopg.Connection[Any]

LIMIT: Final = 20_000
"""Messages in one transaction."""
_LEAST: Final = 500
_LOCK: Final = (1886219115, 110)
_MONTHS: Final = 6
_UPKEEP: Final = 3600.0
_EVALUATE: Final = 60.0
_LOST: Final = "the slot was lost: the log was removed before it was collected"
_MISSING: Final = "the slot was dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one look at the slot gave.

    stored: rows added; folded: notes that say what another one says; rejected: messages that
    pretend to be notes; more: there is more already; gap: notes are missing, and that is on record.
    """

    stored: int = 0
    folded: int = 0
    rejected: int = 0
    more: bool = False
    gap: bool = False

    def __add__(self, other: Visit) -> Visit:
        return Visit(
            stored=self.stored + other.stored, folded=self.folded + other.folded,
            rejected=self.rejected + other.rejected, more=other.more, gap=self.gap or other.gap,
        )  # fmt: skip


class Collector:
    """The one collector of a database, for the length of a ``with`` block.

    connection: in autocommit mode, its login a member of pgmask_collector; not through a pooler
    that gives connections away between transactions.  limit: messages in one transaction;
    patience: seconds one transaction may take before a smaller one is tried.
    """

    def __init__(
        self, connection: Connection, *, limit: int = LIMIT, patience: float = 60.0
    ) -> None:
        self._connection = connection
        self._most = limit
        self._limit = limit
        self._patience = patience
        self._upkeep = 0.0
        self._evaluated = 0.0

    def __enter__(self) -> Self:
        """Raises ServerError: PM810 another one is at work, PM815, PM817."""
        one = self._connection
        try:
            one.execute("SET application_name = 'pgmask collector'")
            one.execute("SET synchronous_commit = local")
            one.execute(f"SET statement_timeout = {int(self._patience * 1000)}".encode())
            row = one.execute("SELECT pgmask_private.take_turn()").fetchone()
        except psycopg.Error as error:
            raise told(error) from error
        if row is None or not row[0]:
            raise ServerError(
                "PM810", "another collector is at work in this database",
                hint="One is enough: pgmask audit status tells how it does.",
            )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._connection.closed:
            self._connection.execute("SELECT pg_catalog.pg_advisory_unlock(%s, %s)", _LOCK)

    def set_up(self) -> bool:
        """Make the slot and the partitions; False where the slot was there.

        Raises ServerError PM815 where the server does not give notes or slots.
        """
        made = self._call("SELECT pgmask_private.make_slot()")
        self._partitions()
        return bool(made[0])

    def renew(self, progress: Callable[[Visit], None] | None = None) -> tuple[bool, Visit]:
        """Make a new slot in place of one that cannot be read, with a gap on record.

        One that can be read is read to its end and stays: its notes would be lost. Gives whether a
        slot was made, and what was stored.
        Raises ServerError as ``visit``: PM814 while the publication is missing.
        """
        there, publication = self._call(
            "SELECT s.slot IS NOT NULL AND s.wal_status <> 'lost', s.publication"
            " FROM pgmask_private.collector_state() AS s"
        )
        try:
            return not there, self.catch_up(progress)
        except ServerError as error:
            if error.code != "PM814":
                raise
        if not publication:
            raise ServerError(
                "PM814", "the publication pgmask_notes is missing",
                hint="As the login that installed pgmask: CREATE PUBLICATION pgmask_notes",
            )  # fmt: skip
        self._call("SELECT pgmask_private.drop_slot()")
        self.set_up()
        return True, self.catch_up(progress)

    def visit(self) -> Visit:
        """Store what is next and move the slot on. Makes a slot that is missing, with a gap.

        Raises ServerError: PM813 something else reads the slot, PM814, PM815, PM817.
        """
        if time.monotonic() >= self._upkeep:
            self._partitions()
        self._call("SELECT pgmask_private.begin_collecting()")
        try:
            found = self._bite(None)
        except psycopg.Error as error:
            if error.sqlstate != "PM811":
                raise told(error) from error
            reason = self._why_missing()
            self.set_up()
            try:
                found = self._bite(reason)
            except psycopg.Error as again:
                raise told(again) from again
        self._call("SELECT pgmask_private.release_notes()")
        return found

    def catch_up(self, progress: Callable[[Visit], None] | None = None) -> Visit:
        """Visits until there is nothing more at the moment; progress hears of each."""
        total = Visit()
        while True:
            found = self.visit()
            total = total + found
            if progress is not None:
                progress(found)
            if not found.more:
                return total

    def run(
        self,
        stop: threading.Event,
        *,
        interval: float,
        heard: Callable[[Visit], None],
        alerted: Callable[[int | str], None] = lambda _: None,
    ) -> None:
        """Visits until ``stop`` is set, ``interval`` seconds apart when there is nothing.

        Once a minute the rules for alerts are evaluated (G5); ``alerted`` hears how many were
        raised, or why they could not be evaluated: that does not keep notes from being stored.
        """
        while not stop.is_set():
            began = time.monotonic()
            found = self.visit()
            heard(found)
            if not found.more:
                spent = time.monotonic() - began
                if time.monotonic() - self._evaluated >= _EVALUATE:
                    alerted(self.evaluate())
                stop.wait(max(interval, spent))

    def evaluate(self) -> int | str:
        """Evaluate the rules for alerts: how many were raised, or the SQLSTATE of what failed."""
        one = self._connection
        self._evaluated = time.monotonic()
        try:
            # The first count of a long record takes its time; later ones add what is new.
            one.execute("SET statement_timeout = 0")
            row = one.execute("SELECT pgmask_private.evaluate_alerts()").fetchone()
        except psycopg.Error as error:
            if one.closed:
                raise
            return error.sqlstate or type(error).__name__
        finally:
            if not one.closed:
                one.execute(f"SET statement_timeout = {int(self._patience * 1000)}".encode())
        return int(row[0]) if row else 0

    def _bite(self, reason: str | None) -> Visit:
        """One transaction of at most the limit, which halves when it takes too long."""
        while True:
            try:
                row = self._connection.execute(
                    "SELECT c.stored, c.folded, c.rejected, c.more, c.gap"
                    "  FROM pgmask_private.collect_notes(%s, %s) AS c",
                    (self._limit, reason),
                ).fetchone()
            except (psycopg.errors.QueryCanceled, psycopg.errors.OutOfMemory):
                if self._limit <= _LEAST:
                    raise
                self._limit = max(_LEAST, self._limit // 4)
                continue
            self._limit = min(self._most, self._limit * 2)
            stored, folded, rejected, more, gap = row or (0, 0, 0, False, False)
            return Visit(stored=stored, folded=folded, rejected=rejected, more=more, gap=gap)

    def _why_missing(self) -> str:
        row = self._call("SELECT s.slot FROM pgmask_private.collector_state() AS s")
        return _LOST if row[0] else _MISSING

    def _partitions(self) -> None:
        self._call(f"SELECT pgmask_private.ensure_partitions({_MONTHS})")
        self._upkeep = time.monotonic() + _UPKEEP

    def _call(self, query: str) -> tuple[Any, ...]:
        try:
            row = self._connection.execute(query.encode()).fetchone()
        except psycopg.Error as error:
            raise told(error) from error
        return row or (None,)


def told(error: psycopg.Error) -> PgmaskError | psycopg.Error:
    """The error in our words; itself where the server's say more."""
    words = error.diag.message_primary or ""
    if error.sqlstate == "55006":
        return ServerError("PM813", "something else reads the slot of the notes", detail=words)
    if error.sqlstate == "42704" and "publication" in words:
        return ServerError("PM814", "the publication pgmask_notes is missing", detail=words)
    if error.sqlstate == "42501":
        if "replication" in words or "REPLICATION" in (error.diag.message_detail or ""):
            return ServerError(
                "PM815", "the role pgmask_slots may not use replication slots",
                hint="As a superuser: ALTER ROLE pgmask_slots REPLICATION",
            )  # fmt: skip
        return ServerError("PM817", "this login does not collect", detail=words)
    if error.sqlstate in ("55000", "53400"):
        return ServerError("PM815", "the server gives no slot for notes", detail=words)
    return error
