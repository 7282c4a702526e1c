"""Health of the collector for Prometheus (optional extra ``metrics``)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pgmask.audit.collect import Visit
from pgmask.errors import ServerError
from pgmask.runtime.collecting import State, alarms


class Metrics:
    """An endpoint at ADDRESS:PORT that tells how collecting stands, for as long as it is open.

    Raises ServerError: PM818 without the library, PM020 where the address cannot be used.
    """

    def __init__(self, where: str) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
        except ImportError as error:
            raise ServerError("PM818", "prometheus-client is not installed") from error
        address, _, port = where.rpartition(":")
        self._registry = CollectorRegistry()

        def gauge(name: str, says: str) -> Gauge:
            return Gauge(f"pgmask_audit_{name}", says, registry=self._registry)

        def counter(name: str, says: str) -> Counter:
            return Counter(f"pgmask_audit_{name}", says, registry=self._registry)

        self._stored = counter("stored", "Rows added to the record.")
        self._folded = counter("folded", "Notes that said what another one says.")
        self._rejected = counter("rejected", "Messages that pretended to be notes.")
        self._gaps = counter("gaps", "Times that notes were missing.")
        self._gauges: dict[str, tuple[Gauge, Callable[[State], float | None]]] = {
            "behind_bytes": (
                gauge("behind_bytes", "Log that is not collected."), lambda s: s.behind,
            ),
            "held_bytes": (
                gauge("held_bytes", "Log that the slot keeps on disk."), lambda s: s.held,
            ),
            "bytes_to_loss": (
                gauge("bytes_to_loss", "Log until notes are lost; +Inf: no limit."),
                lambda s: float("inf") if s.safe is None and s.slot else s.safe,
            ),
            "last_visit_timestamp_seconds": (
                gauge("last_visit_timestamp_seconds", "When notes were last looked for."),
                lambda s: s.moved_at.timestamp() if s.moved_at is not None else None,
            ),
            "slot": (
                gauge("slot", "1 where the slot of the notes is there and not lost."),
                lambda s: float(s.slot is not None and s.wal_status != "lost"),
            ),
            "stray_rows": (gauge("stray_rows", "Rows outside every month."), lambda s: s.strays),
            "months_ahead": (gauge("months_ahead", "Partitions ahead."), lambda s: s.months_ahead),
        }  # fmt: skip
        self._alarms = Gauge(
            "pgmask_audit_alarm", "1 per alarm that pgmask audit status tells.", ["code", "now"],
            registry=self._registry,
        )  # fmt: skip
        try:
            started: Any = start_http_server(
                int(port), addr=address or "127.0.0.1", registry=self._registry
            )
        except (OSError, ValueError, OverflowError) as error:
            raise ServerError(
                "PM020", f"metrics cannot be served at {where}",
                hint="An address of this machine and a port that is free: 127.0.0.1:9187",
            ) from error  # fmt: skip
        self._server, self._thread = started
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def heard(self, visit: Visit) -> None:
        """Count a visit."""
        self._stored.inc(visit.stored)
        self._folded.inc(visit.folded)
        self._rejected.inc(visit.rejected)
        self._gaps.inc(visit.gap)

    def tell(self, state: State) -> None:
        """Show how it stands now."""
        with self._lock:
            for gauge, value in self._gauges.values():
                number = value(state)
                gauge.set(float("nan") if number is None else number)
            self._alarms.clear()
            for alarm in alarms(state):
                self._alarms.labels(code=alarm.code, now=str(alarm.now).lower()).set(1)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
