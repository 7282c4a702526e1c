"""Hash trees over lines of the record: roots, paths, and what a path proves. Pure.

The tree is that of RFC 6962: a leaf is SHA-256 of a zero byte and the line, a node SHA-256 of a one
byte and its two children; a node without a neighbour rises as it is. The tree of nothing is SHA-256
of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

BLOCK: Final = 4096
"""How many leaves are folded at once; a power of two, so that the tree stays the same."""

Step = tuple[str, bytes]
"""On which side the neighbour stands (left or right), and its hash."""


def leaf(line: bytes) -> bytes:
    """The hash of one line, its line feed included."""
    return sha256(b"\x00" + line).digest()


def leaves(lines: Iterable[bytes]) -> list[bytes]:
    """The hashes of many lines."""
    made = sha256
    return [made(b"\x00" + line).digest() for line in lines]


def node(left: bytes, right: bytes) -> bytes:
    """The hash above two nodes."""
    return sha256(b"\x01" + left + right).digest()


def fold(level: Sequence[bytes]) -> list[bytes]:
    """The level above."""
    made = sha256
    # An odd one out has no partner: zip leaves it, and it rises.
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [made(b"\x01" + left + right).digest() for left, right in pairs]
    if len(level) % 2:
        above.append(level[-1])
    return above


def root(level: Sequence[bytes]) -> bytes:
    """The root over these leaves."""
    if not level:
        return sha256().digest()
    while len(level) > 1:
        level = fold(level)
    return level[0]


class Tree:
    """A root over leaves that come one after the other; holds one hash per ``BLOCK`` of them."""

    __slots__ = ("_open", "_tops", "rows")

    def __init__(self) -> None:
        self._tops: list[bytes] = []
        self._open: list[bytes] = []
        self.rows = 0

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Add leaves."""
        self.rows += len(hashes)
        self._open.extend(hashes)
        while len(self._open) >= BLOCK:
            self._tops.append(root(self._open[:BLOCK]))
            del self._open[:BLOCK]

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return root([*self._tops, root(self._open)] if self._open or not self.rows else self._tops)


def path(level: Sequence[bytes], index: int) -> tuple[Step, ...]:
    """The neighbours from leaf ``index`` to the root."""
    steps: list[Step] = []
    while len(level) > 1:
        other = index ^ 1
        if other < len(level):
            steps.append(("left" if other < index else "right", level[other]))
        level, index = fold(level), index // 2
    return tuple(steps)


def climb(hashed: bytes, steps: Iterable[Step]) -> bytes:
    """The root that a leaf and its neighbours give."""
    for side, other in steps:
        hashed = node(other, hashed) if side == "left" else node(hashed, other)
    return hashed
