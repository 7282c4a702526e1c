"""Hold back: replication lag, WAL rate, hours of the day."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from datetime import time as clock
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a long run must not exceed.

    max_lag: seconds that any replica may be behind, None: no limit; max_wal_rate: bytes a second of
    the whole server; between: local times, over midnight too, outside of which it waits.
    """

    max_lag: float | None = 30.0
    max_wal_rate: float | None = None
    between: tuple[clock, clock] | None = None


class Throttle:
    """Waits before a batch until the limits allow it."""

    def __init__(
        self,
        connection: Connection,
        limits: Limits,
        *,
        now: Callable[[], datetime] = datetime.now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._now = now
        self._sleep = sleep
        self._since = time.monotonic()
        self._wal = self._position() if limits.max_wal_rate else 0

    def wait(self, tell: Callable[[str], None]) -> None:
        """Return when a batch may run; ``tell`` is called with what is waited for."""
        while self._closed():
            tell("the hours allowed")
            self._sleep(_PAUSE * 10)
        while self._lag() > (self._limits.max_lag or float("inf")):
            tell("replicas")
            self._sleep(_PAUSE)
        if self._limits.max_wal_rate:
            due = (self._position() - self._wal) / self._limits.max_wal_rate
            behind = due - (time.monotonic() - self._since)
            if behind > 0:
                tell("the WAL rate")
                self._sleep(min(behind, 10.0))
            else:
                # Idle time is not saved up: the next second counts from now.
                self._since, self._wal = time.monotonic(), self._position()

    def _closed(self) -> bool:
        if self._limits.between is None:
            return False
        start, end = self._limits.between
        now = self._now().time()
        inside = start <= now < end if start <= end else now >= start or now < end
        return not inside

    def _lag(self) -> float:
        if self._limits.max_lag is None:
            return 0.0
        row = self._connection.execute(
            "SELECT coalesce(pg_catalog.max(extract(epoch FROM r.replay_lag)), 0)"
            "  FROM pg_catalog.pg_stat_replication AS r"
        ).fetchone()
        return float(row[0]) if row else 0.0

    def _position(self) -> int:
        row = self._connection.execute(
            "SELECT (pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"
        ).fetchone()
        return int(row[0]) if row else 0
