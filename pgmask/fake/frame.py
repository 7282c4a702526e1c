"""What is known of a value that shall be invented: its mask and the room its column has."""

from __future__ import annotations

from dataclasses import dataclass

from pgmask.kinds.show import GLYPHS


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The visible part of a mask.

    prefix, suffix: the characters shown at the beginning and at the end; length: of the whole, 0
    where there is no mask (NULL at rest); limit: the most characters the column takes, 0 for any.
    """

    prefix: str = ""
    suffix: str = ""
    length: int = 0
    limit: int = 0

    @classmethod
    def of(cls, mask: str | None, limit: int = 0) -> Frame:
        """The frame of a mask; of None, and of a text without a glyph, an empty one."""
        found = [i for i, c in enumerate(mask or "") if c in GLYPHS]
        if mask is None or not found:
            return cls(limit=limit)
        return cls(
            prefix=mask[: found[0]], suffix=mask[found[-1] + 1 :], length=len(mask), limit=limit
        )

    @property
    def hidden(self) -> int:
        """How many characters the mask hides."""
        return self.length - len(self.prefix) - len(self.suffix)

    def fit(self, text: str) -> str:
        """The text, cut to what the column takes."""
        return text[: self.limit] if self.limit else text
