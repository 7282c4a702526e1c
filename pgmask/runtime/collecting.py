"""How collecting notes stands, and what of it is an alarm (G1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import psycopg

from pgmask.errors import REGISTRY

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How collecting stands.

    slot: None where there is none; wal_status: reserved, extended, unreserved or lost; behind:
    bytes of log that are not collected; held: bytes of log that the slot keeps on disk; safe: bytes
    until notes are lost, None where the server would rather fill its disk; moved_at: the last
    visit; strays: rows outside every month's partition; gaps: of the last seven days.
    """

    wal_level: str
    may_read_slots: bool
    publication: bool
    slot: str | None
    wal_status: str | None
    busy: bool | None
    behind: int | None
    held: int | None
    safe: int | None
    keep: str
    moved_at: datetime | None
    stored: int | None
    rejected: int | None
    when_audit_stalls: str
    reads_until: datetime | None
    strays: int
    months_ahead: int
    gaps: int

    @property
    def idle(self) -> float | None:
        """Seconds since the last visit, None before the first."""
        if self.moved_at is None:
            return None
        return max(0.0, (datetime.now(UTC) - self.moved_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From when on something is an alarm: bytes, seconds, bytes until notes are lost."""

    behind: int = 64 << 20
    idle: float = 60.0
    safe: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """code: PM72x, as doctor says it; now: whether notes are being lost, or reads refused.

    way_out: a command or statement, the registry's words when empty.
    """

    code: str
    what: str
    now: bool = False
    way_out: str = ""

    def __post_init__(self) -> None:
        if not self.way_out:
            object.__setattr__(self, "way_out", REGISTRY[self.code].way_out)


def read_state(connection: Connection) -> State:
    """How it stands. The login is a member of pgmask_collector, or the installer."""
    names = ", ".join(
        "CASE WHEN isfinite(s.reads_until) THEN s.reads_until END" if f.name == "reads_until"
        else f"s.{f.name}" for f in fields(State)
    )  # fmt: skip
    query = f"SELECT {names} FROM pgmask_private.collector_state() AS s"  # noqa: S608  our names
    row = connection.execute(query.encode()).fetchone()
    return State(**dict(zip((f.name for f in fields(State)), row or (), strict=True)))


def alarms(state: State, limits: Thresholds | None = None) -> Iterator[Alarm]:
    """What somebody must look at, the most urgent first."""
    limits = limits or Thresholds()
    if state.reads_until is not None and state.reads_until <= datetime.now(UTC):
        yield Alarm(code="PM729", what="reads are stopped: notes are not collected", now=True)
    if state.wal_level != "logical":
        yield Alarm(
            code="PM724", what=f"wal_level is {state.wal_level}: notes go to the server's log"
        )
    elif state.wal_status == "lost":
        yield Alarm(
            code="PM722", what="the slot of the notes is lost", now=True,
            way_out="pgmask audit collect makes a new one, and puts the gap on record.",
        )  # fmt: skip
    elif state.slot is None:
        yield Alarm(
            code="PM721", what="there is no slot: notes are not kept", now=True,
            way_out="pgmask audit collect --setup",
        )  # fmt: skip
    else:
        yield from _slot(state, limits)
    if not state.publication:
        yield Alarm(
            code="PM721", what="the publication pgmask_notes is missing", now=True,
            way_out="CREATE PUBLICATION pgmask_notes, then pgmask audit collect",
        )  # fmt: skip
    if state.gaps:
        gaps = "1 gap" if state.gaps == 1 else f"{state.gaps} gaps"
        yield Alarm(
            code="PM722", what=f"{gaps} in the record in seven days",
            way_out="pgmask report gaps tells from when to when; find out why the collector was"
            " away. This is told for seven days.",
        )  # fmt: skip
    if state.rejected:
        some = "1 message" if state.rejected == 1 else f"{state.rejected} messages"
        yield Alarm(code="PM728", what=f"{some} pretended to be notes")
    if state.strays:
        some = "1 row lies" if state.strays == 1 else f"{state.strays} rows lie"
        yield Alarm(code="PM725", what=f"{some} outside every month's partition")
    if state.months_ahead < 1:
        yield Alarm(code="PM726", what="next month has no partition")


def _slot(state: State, limits: Thresholds) -> Iterator[Alarm]:
    if state.wal_status == "unreserved":
        yield Alarm(code="PM722", what="the log with notes is about to be removed", now=True)
    elif state.safe is not None and state.safe < limits.safe:
        yield Alarm(code="PM722", what=f"notes are lost after {size(state.safe)} more of log")
    if state.keep == "-1":
        yield Alarm(
            code="PM723", what="max_slot_wal_keep_size is -1: a stalled collector fills the disk"
        )
    if state.idle is None:
        yield Alarm(code="PM721", what="nobody has collected yet")
    elif state.idle > limits.idle:
        yield Alarm(code="PM721", what=f"nobody has collected for {state.idle:.0f} s")
    if state.behind is not None and state.behind > limits.behind:
        yield Alarm(code="PM721", what=f"collecting is {size(state.behind)} behind")


def size(count: int) -> str:
    """Bytes for a person."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if abs(count) >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"
