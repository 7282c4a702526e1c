"""The demonstration's printed lines: numbered, aligned by what a terminal shows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from rich.cells import cell_len


@dataclass(slots=True)
class Story:
    """Prints lines one after the other and counts them.

    out: where to, stdout by default, looked up when the story begins.
    """

    out: TextIO = field(default_factory=lambda: sys.stdout)
    number: int = 0

    def line(self, text: str = "") -> None:
        """One numbered line."""
        self.number += 1
        print(f"{self.number:3}  {text}".rstrip(), file=self.out, flush=True)

    def step(self, word: str, text: str, seconds: float | None = None) -> None:
        """What was done, and how long it took."""
        took = "" if seconds is None else f"  ({seconds:.1f} s)"
        self.line(f"{word:<9} {text}{took}")

    def table(self, rows: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Rows of cells behind a heading each, in columns; a single cell runs to the end."""
        widths: dict[int, int] = {}
        for _, cells in rows:
            if len(cells) > 1:
                for place, cell in enumerate(cells):
                    widths[place] = max(widths.get(place, 0), cell_len(cell))
        head = max((cell_len(heading) for heading, _ in rows), default=0)
        for heading, cells in rows:
            shown = cells if len(cells) == 1 else [
                padded(cell, widths[place]) for place, cell in enumerate(cells)
            ]  # fmt: skip
            self.line(f"  {padded(heading, head)}  {'  '.join(shown)}")


def padded(text: str, width: int) -> str:
    """The text and blanks up to so many columns of a terminal; Chinese characters take two."""
    return text + " " * max(0, width - cell_len(text))


def count(number: int, thing: str, things: str = "") -> str:
    """``1 table``, ``2,000 tables``."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
