"""Adopting rows that are there: how many are sealed in a second by one core."""

from __future__ import annotations

from benchmarks.measure import Measurement, at_least, figure
from benchmarks.place import Place


def run(place: Place) -> list[Measurement]:
    """The group ``seal``: measured while the place was made, with the product's own seal."""
    timed = place.sealed
    rows = sum(t.rows for t in timed)
    seconds = sum(t.seconds for t in timed)
    found = [
        at_least(
            "seal.rows", rows / seconds, 8000,
            f"{rows} rows of {len(timed)} tables, batches of 1,000, one worker",
            unit="rows/s",
        )
    ]  # fmt: skip
    checked = sum(t.verified for t in timed)
    found.append(
        figure("seal.verify", rows / checked, "verification at the end, one worker", unit="rows/s")
    )
    found += [
        figure(
            f"seal.rows.{t.table}", t.rows / t.seconds, f"{t.rows} rows, {t.columns} columns",
            unit="rows/s",
        )
        for t in timed
    ]  # fmt: skip
    return found
