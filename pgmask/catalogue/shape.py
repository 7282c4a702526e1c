"""What reading a YAML node gives, and what every shape of one can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pgmask.catalogue.model import Position
from pgmask.catalogue.nodes import REFUSED, Node, Scalar, Sequence
from pgmask.catalogue.problems import Problems


class _Bad:
    def __repr__(self) -> str:
        return "BAD"


BAD: Final = _Bad()
"""A value that could not be read; its problem is recorded."""


@dataclass(frozen=True, slots=True)
class Located:
    """A scalar of a list or a key of a mapping, with its place."""

    value: Any
    at: Position


@dataclass(slots=True)
class Entry:
    """A record as read: values by key and their places; bad: keys whose value was refused."""

    at: Position
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Position] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or the default when it is absent or could not be read."""
        return self.values.get(key, default)

    def place(self, key: str) -> Position:
        """Where the value stands, or the record itself."""
        return self.places.get(key, self.at)


class Shape(Protocol):
    """What may be written at a place."""

    @property
    def words(self) -> str:
        """The shape for people."""
        ...

    def read(self, node: Node, problems: Problems) -> Any:
        """The typed value, or BAD."""
        ...

    def schema(self) -> dict[str, Any]:
        """The shape as JSON Schema."""
        ...


def wrong(node: Node, wanted: str, problems: Problems, fix: str = "") -> Any:
    """Record that something else stands here than what is wanted; BAD."""
    if isinstance(node, Scalar):
        if node.text == REFUSED:
            return BAD
        found = "nothing" if node.null else f"the text {node.text[:40]!r}"
    else:
        found = "a list" if isinstance(node, Sequence) else "a mapping"
    problems.add(
        "PM012",
        "type",
        node.at,
        f"{found} stands where {wanted} is wanted",
        fix or f"Write {wanted}.",
    )
    return BAD


def scalar_of(node: Node, wanted: str, problems: Problems) -> Scalar | None:
    """The node as a text that was written, or None after recording why not."""
    if isinstance(node, Scalar) and node.plain and node.text == "TODO":
        problems.add(
            "PM012",
            "todo",
            node.at,
            f"not decided yet: {wanted} is wanted",
            "Decide, and write it in place of TODO.",
        )
        return None
    if isinstance(node, Scalar) and not node.null and node.text != REFUSED:
        return node
    wrong(node, wanted, problems)
    return None
