"""YAML text as nodes with positions.

libyaml's event stream, not its object construction: nothing is typed by how it looks (``no`` stays
``no``), duplicate keys survive to be reported, and anchors, aliases, merge keys and tags can be
refused at their place.  Comments are not needed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from pgmask.catalogue.model import Position
from pgmask.catalogue.problems import Problems

Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH: Final = 32
"""Deeper than any catalogue; a guard against files made to exhaust the stack."""

REFUSED: Final = "\x00refused"
"""Stands for an alias or a key that was refused already; no YAML text can hold it."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True)
class Scalar:
    """A text as written; plain: without quotes."""

    text: str
    plain: bool
    at: Position

    @property
    def null(self) -> bool:
        """Whether nothing was written."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class Mapping:
    """Keys and values in the order of the file, duplicates included."""

    items: list[tuple[Scalar, Node]]
    at: Position


@dataclass(slots=True)
class Sequence:
    """Items in the order of the file."""

    items: list[Node]
    at: Position


Node = Scalar | Mapping | Sequence


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet; key: waits for its value."""

    node: Mapping | Sequence
    key: Scalar | None = None


def parse(text: str, file: str, problems: Problems) -> Node | None:
    """The one document of a file, or None when it cannot be read (PM010 is recorded)."""
    stack: list[_Open] = []
    root: Node | None = None
    documents = 0
    try:
        events: Iterator[Any] = yaml.parse(text, Loader=Loader)
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent or kind in (
                yaml.MappingStartEvent,
                yaml.SequenceStartEvent,
            ):
                mark = event.start_mark
                at = Position(file, mark.line + 1, mark.column + 1)
                _refuse_indirection(event, at, problems)
                if kind is yaml.ScalarEvent:
                    node: Node = Scalar(event.value, event.style in (None, ""), at)
                elif kind is yaml.MappingStartEvent:
                    node = Mapping([], at)
                else:
                    node = Sequence([], at)
                if stack:
                    _attach(stack[-1], node, problems)
                else:
                    root = node
                if not isinstance(node, Scalar):
                    stack.append(_Open(node))
                    if len(stack) > MAX_DEPTH:
                        problems.add(
                            "PM010",
                            "too-deep",
                            at,
                            f"more than {MAX_DEPTH} levels of nesting",
                            "No part of a catalogue is nested that deep.",
                        )
                        return None
            elif kind is yaml.AliasEvent:
                mark = event.start_mark
                at = Position(file, mark.line + 1, mark.column + 1)
                problems.add(
                    "PM012",
                    "alias",
                    at,
                    f"the alias *{event.anchor} is refused",
                    "A reader must see what a line means: use `templates` and `use`.",
                )
                if stack:
                    _attach(stack[-1], Scalar(REFUSED, True, at), problems)
            elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
                stack.pop()
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    mark = event.start_mark
                    problems.add(
                        "PM010",
                        "documents",
                        Position(file, mark.line + 1, mark.column + 1),
                        "a second YAML document in one file",
                        "One file holds one document.",
                    )
                    return None
    except yaml.MarkedYAMLError as error:
        found = error.problem_mark or error.context_mark
        at = Position(file, found.line + 1, found.column + 1) if found else Position(file, 1, 1)
        problems.add(
            "PM010",
            "yaml",
            at,
            f"not YAML: {error.problem or 'cannot be read'}",
            "Correct the indentation, quotes or brackets here.",
        )
        return None
    except yaml.YAMLError as error:
        at = _place_of(text, getattr(error, "position", 0), file)
        problems.add("PM010", "yaml", at, "a character that YAML does not allow", "Remove it.")
        return None
    return root


def _attach(parent: _Open, node: Node, problems: Problems) -> None:
    if isinstance(parent.node, Sequence):
        parent.node.items.append(node)
    elif parent.key is not None:
        parent.node.items.append((parent.key, node))
        parent.key = None
    elif isinstance(node, Scalar):
        parent.key = node
        if node.plain and node.text == "<<":
            problems.add(
                "PM012",
                "merge-key",
                node.at,
                "the merge key << is refused",
                "It hides duplicate keys: use `templates` and `use`.",
            )
    else:
        problems.add("PM012", "complex-key", node.at, "a key must be a text", "Write a plain key.")
        parent.key = Scalar(REFUSED, True, node.at)


def _refuse_indirection(event: Any, at: Position, problems: Problems) -> None:
    if event.anchor is not None:
        problems.add(
            "PM012",
            "anchor",
            at,
            f"the anchor &{event.anchor} is refused",
            "A reader must see what a line means: use `templates` and `use`.",
        )
    if event.tag is not None:
        problems.add(
            "PM012", "tag", at, f"the tag {event.tag} is refused", "Write the value without a tag."
        )


def _place_of(text: str, offset: int, file: str) -> Position:
    before = text[: max(offset, 0)]
    return Position(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
