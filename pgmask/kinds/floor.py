"""Mask floors: the characters that a rule book wants hidden at the least.

A floor is data of a policy pack, written as ``middle 4``, ``last 4``, ``whole``, ``district``,
``surname`` or ``none`` (Taikang Article 12: contact fields and bank accounts the middle four,
identity papers the last four; Article 39(2): of a high-value customer's name the surname only).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class FloorShape(StrEnum):
    """What a floor speaks of; the first two carry a number of characters."""

    MIDDLE = "middle"
    LAST = "last"
    WHOLE = "whole"
    DISTRICT = "district"
    """Of an address nothing beyond province, city and district may be shown."""
    SURNAME = "surname"
    """Of a name nothing beyond the surname may be shown."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A floor: its shape, and for ``middle`` and ``last`` the number of characters."""

    shape: FloorShape
    count: int = 0

    def __str__(self) -> str:
        return f"{self.shape} {self.count}" if self.count else str(self.shape)

    def hidden(self, length: int) -> frozenset[int]:
        """The positions (from 0) of a value of this length that must be hidden.

        A value no longer than the number of characters is hidden whole.  The middle n of an odd
        remainder lie one position nearer to the beginning (``138****5678``).  For ``district`` and
        ``surname`` the answer depends on the value, so positions say nothing: the set is empty.
        """
        if self.shape is FloorShape.WHOLE:
            return frozenset(range(length))
        if self.shape in (FloorShape.MIDDLE, FloorShape.LAST) and length <= self.count:
            return frozenset(range(length))
        if self.shape is FloorShape.MIDDLE:
            start = (length - self.count) // 2
            return frozenset(range(start, start + self.count))
        if self.shape is FloorShape.LAST:
            return frozenset(range(length - self.count, length))
        return frozenset()


_FLOOR = re.compile(r"(middle|last)[ _:]([1-9][0-9]?)|(whole|district|surname|none)")


def parse_floor(text: str) -> Floor:
    """The floor that a pack wrote; ``ValueError`` names the accepted forms."""
    match = _FLOOR.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(
            f"floor {text!r} is not one of: middle N, last N, whole, district, surname, none"
        )
    if match[1]:
        return Floor(shape=FloorShape(match[1]), count=int(match[2]))
    return Floor(shape=FloorShape(match[3]))
