"""Places in a text: line, column, and the line with a mark under the place."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column from 1, in characters; caret: two lines."""

    line: int
    column: int
    caret: str


def place_of(text: str, position: int) -> Place:
    """The place of an offset in characters; one beyond the text is its end."""
    position = max(0, min(position, len(text)))
    line = text.count("\n", 0, position) + 1
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    whole = text[start : end if end >= 0 else len(text)]
    return Place(line, position - start + 1, _caret(whole, position - start))


def _caret(line: str, at: int) -> str:
    if len(line) > _LONGEST:
        cut = max(0, at - _LONGEST // 2)
        line, at = line[cut : cut + _LONGEST], at - cut
    # Nothing of the text may steer the terminal that it is printed on.
    line = "".join(" " if c == "\t" else "\ufffd" if not c.isprintable() else c for c in line)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in line[:at])
    return f"{line.rstrip()}\n{' ' * (at + wide)}^"
