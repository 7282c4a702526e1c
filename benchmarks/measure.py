"""Interleaved medians, and what a measurement is."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

SCHEDSTAT: Final = "/proc/{pid}/schedstat"
Case = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One line of the table.

    name: ``group.what``; unit: ``x`` for a ratio to the raw form, else the unit; value; target: as
    printed, empty where the figure only explains another one; passed: None without a target, or
    where it could not be measured; how: what was compared, in one line.
    """

    name: str
    unit: str
    value: float | None
    target: str
    passed: bool | None
    how: str

    def as_json(self) -> dict[str, Any]:
        """``{name, unit, value, target, pass, how}``."""
        found = asdict(self)
        found["pass"] = found.pop("passed")
        return {k: found[k] for k in ("name", "unit", "value", "target", "pass", "how")}


def at_most(name: str, value: float, limit: float, how: str, *, unit: str = "x") -> Measurement:
    """A measurement that is good when it is small."""
    return Measurement(
        name=name, unit=unit, value=round(value, 3), target=f"<= {limit:g}",
        passed=value <= limit, how=how,
    )  # fmt: skip


def at_least(name: str, value: float, limit: float, how: str, *, unit: str) -> Measurement:
    """A measurement that is good when it is large."""
    return Measurement(
        name=name, unit=unit, value=round(value, 3), target=f">= {limit:g}",
        passed=value >= limit, how=how,
    )  # fmt: skip


def figure(name: str, value: float | None, how: str, *, unit: str = "x") -> Measurement:
    """A figure without a target: it explains another one, or says why one is missing."""
    return Measurement(
        name=name, unit=unit, value=None if value is None else round(value, 3), target="",
        passed=None, how=how,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Samples:
    """Per round the time per call of one case in microseconds.

    wall: as the client sees it; cpu: of the backend; work: of the backend and the client, that is
    the client-seen time without what both wait for the processor on a busy machine.
    """

    wall: list[float]
    cpu: list[float]
    work: list[float]


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians of one case per call in microseconds; or of its ratios to another case.

    cpu and work are None where the backend's CPU time is not to be had.
    """

    wall: float
    cpu: float | None
    work: float | None


class Backend:
    """The CPU time of one backend, from the kernel; nothing where the server is elsewhere."""

    def __init__(self, pid: int) -> None:
        self._path = Path(SCHEDSTAT.format(pid=pid))
        try:
            self._known = "postgres" in Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        except OSError:
            self._known = False

    def cpu(self) -> int | None:
        """Nanoseconds on a CPU since its start."""
        if not self._known:
            return None
        try:
            return int(self._path.read_text().split()[0])
        except OSError:
            return None


def interleaved(
    cases: Mapping[str, Case],
    *,
    rounds: int,
    calls: int,
    backends: Mapping[str, Backend] | None = None,
    warm: int = 1,
) -> dict[str, Samples]:
    """Per case the time per call of each round.

    Each round runs every case ``calls`` times; the order turns from round to round, so that what
    the machine does meanwhile hits all of them alike. ``warm`` rounds are thrown away.
    """
    names = list(cases)
    found = {n: Samples([], [], []) for n in names}
    clock, own = time.perf_counter_ns, time.thread_time_ns
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for turn in range(rounds + warm):
            start = turn % len(names)
            for name in names[start:] + names[:start]:
                case = cases[name]
                backend = (backends or {}).get(name)
                cpu = backend.cpu() if backend else None
                mine = own()
                began = clock()
                for _ in range(calls):
                    case()
                wall = clock() - began
                mine = own() - mine
                after = backend.cpu() if backend else None
                if turn < warm:
                    continue
                found[name].wall.append(wall / calls / 1000)
                if cpu is not None and after is not None:
                    found[name].cpu.append((after - cpu) / calls / 1000)
                    found[name].work.append((after - cpu + mine) / calls / 1000)
    finally:
        if was_enabled:
            gc.enable()
    return found


def timing(samples: Samples) -> Timing:
    """The medians of one case."""
    return Timing(*(_median(m) for m in (samples.wall, samples.cpu, samples.work)))  # type: ignore[arg-type]


def ratio(samples: Mapping[str, Samples], case: str, base: str) -> Timing:
    """The median over the rounds of case / base, each round for itself."""
    mine, other = samples[case], samples[base]
    return Timing(
        *(
            _median(_paired(a, b))  # type: ignore[arg-type]
            for a, b in (
                (mine.wall, other.wall), (mine.cpu, other.cpu), (mine.work, other.work)
            )
        )
    )  # fmt: skip


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def without_waiting(name: str, measured: Timing) -> list[Measurement]:
    """The ratio of the work, beside a ratio of client-seen times; nothing where it is unknown."""
    if measured.work is None:
        return []
    how = "the same in CPU time of backend and client: without waiting for a processor"
    return [figure(f"{name}.work", measured.work, how)]


def _paired(above: Iterable[float], below: Iterable[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=False) if b > 0]
