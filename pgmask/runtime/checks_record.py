"""Checks of the record: notes are collected, and there is a place for them (G1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.runtime.collecting import alarms, read_state
from pgmask.runtime.finding import Check, Connection, Finding, Urgency, Who, rows

_OF_THE_STORE: Final = ("PM725", "PM726")
"""What is said before a table is protected, too."""


def collecting(connection: Connection) -> Iterator[Finding]:
    """The collector, its slot and the partitions, where there is something to note."""
    protects = bool(rows(
        connection,
        "SELECT 1 FROM pgmask_private.store_table WHERE stage <> 'observe' LIMIT 1",
    ))  # fmt: skip
    for alarm in alarms(read_state(connection)):
        if not protects and alarm.code not in _OF_THE_STORE:
            continue
        yield Finding(
            code=alarm.code, urgency=Urgency.NOW if alarm.now else Urgency.SOON,
            who=Who.SUPERUSER if alarm.code in ("PM723", "PM724") else Who.DBA, what=alarm.what,
            way_out=alarm.way_out,
        )  # fmt: skip


CHECKS: Final[tuple[tuple[str, Check], ...]] = (("the record", collecting),)
