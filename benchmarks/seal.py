"""Adopting rows that are there: how many are sealed in a second by one core."""

from __future__ import annotations

from benchmarks.measure import Measurement, at_least, figure
from benchmarks.place import Place


def run(place: Place) -> list[Measurement]:
    """The group ``seal``: measured while the place was made, with the product's own seal."""
    timed = place.sealed
    rows = sum(t.rows for t in timed)
    seconds = sum(t.seconds for t in timed)
    how = f"{rows} rows of {len(timed)} tables, batches of 1,000, one worker"
    cores = [t.cpu for t in timed if t.cpu]
    if len(cores) == len(timed):
        # A machine that does other work meanwhile has less than one core to give.
        how += f", by the backend's CPU time; {rows / seconds:.0f} rows/s by the clock"
        seconds = sum(cores)
    found = [at_least("seal.rows", rows / seconds, 8000, how, unit="rows/s")]
    checked = sum(t.verified for t in timed)
    found.append(
        figure("seal.verify", rows / checked, "verification at the end, one worker", unit="rows/s")
    )
    found += [
        figure(
            f"seal.rows.{t.table}", t.rows / (t.cpu or t.seconds),
            f"{t.rows} rows, {t.columns} columns",
            unit="rows/s",
        )
        for t in timed
    ]  # fmt: skip
    return found
