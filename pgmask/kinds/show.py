"""Show rules: which characters of a value a mask leaves visible, as data.

One small interpreter reads the rules.  It is the Python side of the SQL functions
``pgmask.mask_*`` and gives the same text for every value; property tests hold the two together.
The check of pack floors, the examples of ``explain`` and client-side loads use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pgmask.kinds.address import LONGEST_HEAD, district_end
from pgmask.kinds.floor import Floor, FloorShape
from pgmask.kinds.surnames import COMPOUND_SURNAMES

GLYPH = "*"
"""The glyph that every mask function writes."""
ALTERNATE_GLYPH = "•"
"""The second glyph (U+2022): the sealing trigger puts it where two masks collide."""
GLYPHS = (GLYPH, ALTERNATE_GLYPH)

SAMPLE_LENGTHS: tuple[int, ...] = tuple(range(1, 65))
"""The lengths at which a rule is compared with a floor."""

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Part(StrEnum):
    """The part of a value that a test looks at."""

    ALL = "all"
    FIRST = "first"
    SECOND = "second"
    BODY = "body"
    """All but the last character."""
    LAST = "last"
    ENDS = "ends"
    """The first and the last four characters."""


class Extent(StrEnum):
    """How a form finds the visible part where numbers of characters do not say it."""

    FIXED = "fixed"
    SURNAME = "surname"
    TOP_LEVEL = "top_level"
    """A dot and two or three characters at the end (``.com``)."""
    DISTRICT = "district"


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A condition on one part of a value.

    allowed: the only characters, '' for any; refused: characters that may not occur; contains: a
    character that must occur, first of all not at the beginning; ranges: inclusive code point
    ranges, one of which the part, then a single character, must fall into.
    """

    part: Part
    allowed: str = ""
    refused: str = ""
    contains: str = ""
    ranges: tuple[tuple[int, int], ...] = ()

    def holds(self, value: str) -> bool:
        """Whether the value passes."""
        text = {
            Part.ALL: value,
            Part.FIRST: value[:1],
            Part.SECOND: value[1:2],
            Part.BODY: value[:-1],
            Part.LAST: value[-1:],
            Part.ENDS: value[:1] + value[-4:],
        }[self.part]
        if self.allowed and any(c not in self.allowed for c in text):
            return False
        if any(c in self.refused for c in text):
            return False
        if self.contains and text.find(self.contains) < 1:
            return False
        if not self.ranges:
            return True
        return len(text) == 1 and any(low <= ord(text) <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One shape of a value and what is shown of it: ``first`` and ``last`` characters.

    lengths: inclusive; tests: all must hold.  With an extent other than ``fixed`` the two numbers
    come from the value.
    """

    lengths: tuple[int, int]
    tests: tuple[Test, ...] = ()
    first: int = 0
    last: int = 0
    extent: Extent = Extent.FIXED

    def accepts(self, value: str) -> bool:
        """Whether the value has this shape."""
        low, high = self.lengths
        return low <= len(value) <= high and all(test.holds(value) for test in self.tests)

    def visible(self, value: str) -> tuple[int, int]:
        """The number of characters shown at the beginning and at the end of this value."""
        match self.extent:
            case Extent.SURNAME:
                compound = len(value) > 2 and value[:2] in COMPOUND_SURNAMES
                return (2 if compound else 1), 0
            case Extent.TOP_LEVEL:
                end = value[-4:]
                return self.first, 4 if end[0] == "." else 3 if end[1] == "." else 0
            case Extent.DISTRICT:
                return min(district_end(value), (len(value) - 4) // 2), 0
            case _:
                return self.first, self.last

    def reach(self, length: int) -> tuple[int, int]:
        """The most that can be shown of any value of this length."""
        match self.extent:
            case Extent.SURNAME:
                return (2 if length > 2 else 1), 0
            case Extent.TOP_LEVEL:
                return self.first, 4
            case Extent.DISTRICT:
                return min(LONGEST_HEAD, (length - 4) // 2), 0
            case _:
                return self.first, self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRule:
    """What stays visible: the first form that accepts a value decides; without one, nothing.

    says: the rule in words, for the reference and for error messages.
    """

    says: str
    forms: tuple[Form, ...] = ()

    def visible(self, value: str) -> tuple[int, int]:
        """The number of characters shown at the beginning and at the end."""
        for form in self.forms:
            if form.accepts(value):
                return form.visible(value)
        return 0, 0

    def apply(self, value: str | None) -> str | None:
        """The mask of a value, of the same length; None stays None and '' stays ''."""
        if value is None:
            return None
        first, last = self.visible(value)
        hidden = len(value) - first - last
        return value[:first] + GLYPH * hidden + (value[-last:] if last else "")

    def weaker_at(
        self, floor: Floor, lengths: Iterable[int] = SAMPLE_LENGTHS
    ) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Where the rule shows what the floor hides: (length, positions from 1); empty is good."""
        found: list[tuple[int, tuple[int, ...]]] = []
        for length in lengths:
            shown: set[int] = set()
            for form in self.forms:
                if form.lengths[0] <= length <= form.lengths[1]:
                    first, last = form.reach(length)
                    if not self._exempt(form, floor):
                        shown |= set(range(first)) | set(range(length - last, length))
            if floor.shape is FloorShape.SURNAME:
                shown -= {0}
            hidden = (
                frozenset(range(length))
                if floor.shape in (FloorShape.DISTRICT, FloorShape.SURNAME)
                else floor.hidden(length)
            )
            if over := sorted(shown & hidden):
                found.append((length, tuple(position + 1 for position in over)))
        return tuple(found)

    def hides_at_least(self, floor: Floor, lengths: Iterable[int] = SAMPLE_LENGTHS) -> bool:
        """Whether the rule hides all that the floor hides, at every given length (B1)."""
        return not self.weaker_at(floor, lengths)

    @staticmethod
    def _exempt(form: Form, floor: Floor) -> bool:
        return (floor.shape, form.extent) in {
            (FloorShape.DISTRICT, Extent.DISTRICT),
            (FloorShape.SURNAME, Extent.SURNAME),
        }
