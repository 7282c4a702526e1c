# ruff: noqa: D102 - what words, read and schema give is said once, at Shape
"""Shapes of YAML values: one description that reads, refuses, documents and becomes JSON Schema.

A shape's ``read`` gives a typed value, or ``BAD`` after recording why it cannot.  Which shape is
meant is decided by the form of the node (text, list, mapping), never by trying one after another,
so that every problem is the one the writer can see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pgmask.catalogue.model import Position
from pgmask.catalogue.nodes import REFUSED, Mapping, Node, Scalar, Sequence
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.scalars import (
    Choice,
    DatabaseName,
    Date,
    Flag,
    Percent,
    Seconds,
    Text,
    Whole,
)
from pgmask.catalogue.shape import BAD, Entry, Located, Shape, wrong

__all__ = [
    "BAD",
    "ByForm",
    "Choice",
    "DatabaseName",
    "Date",
    "Entry",
    "Flag",
    "Key",
    "ListOf",
    "Located",
    "MapOf",
    "Percent",
    "Record",
    "Seconds",
    "Shape",
    "Text",
    "Whole",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list; read as a tuple of Located scalars or of Entries."""

    item: Shape
    least: int = 0

    @property
    def words(self) -> str:
        return f"a list: {self.item.words}"

    def read(self, node: Node, problems: Problems) -> Any:
        if not isinstance(node, Sequence):
            return wrong(node, self.words, problems)
        if len(node.items) < self.least:
            return wrong(node, f"{self.words}, at least {self.least}", problems)
        found = []
        seen: dict[Any, Position] = {}
        for item in node.items:
            value = self.item.read(item, problems)
            if value is BAD:
                continue
            if isinstance(value, (str, int)):
                if value in seen:
                    problems.add(
                        "PM012",
                        "duplicate-item",
                        item.at,
                        f"{str(value)[:70]!r} is listed twice, first at line {seen[value].line}",
                        "Remove one of them.",
                    )
                    continue
                seen[value] = item.at
                value = Located(value, item.at)
            found.append(value)
        return tuple(found)

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "array", "items": self.item.schema()}
        if self.least:
            found["minItems"] = self.least
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping with free keys; read as a tuple of (Located key, value)."""

    key: Shape
    value: Shape
    about: str = "a key"

    @property
    def words(self) -> str:
        return f"a mapping from {self.key.words} to {self.value.words}"

    def read(self, node: Node, problems: Problems) -> Any:
        if not isinstance(node, Mapping):
            return wrong(node, self.words, problems)
        found = []
        seen: dict[Any, Position] = {}
        for key, value in node.items:
            name = self.key.read(key, problems)
            if name is BAD:
                continue
            if name in seen:
                _duplicate(key, seen[name], problems)
                continue
            seen[name] = key.at
            read = self.value.read(value, problems)
            if read is BAD:
                continue
            if isinstance(read, Entry):
                read.at = key.at
            found.append((Located(name, key.at), read))
        return tuple(found)

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "propertyNames": _text_of(self.key.schema()),
            "additionalProperties": self.value.schema(),
        }


def _text_of(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema for property names, which are always strings in JSON."""
    if schema.get("type") == "integer":
        return {"enum": [str(n) for n in range(schema["minimum"], schema["maximum"] + 1)]}
    return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a record."""

    name: str
    shape: Shape
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with known keys; read as an Entry."""

    name: str
    doc: str
    keys: tuple[Key, ...]

    @property
    def words(self) -> str:
        return f"a mapping ({self.name})"

    def read(self, node: Node, problems: Problems) -> Any:
        if not isinstance(node, Mapping):
            return wrong(node, f"a mapping with keys such as {self.keys[0].name}", problems)
        entry = Entry(node.at)
        known = {k.name: k for k in self.keys}
        seen: dict[str, Position] = {}
        for key, value in node.items:
            if key.text in seen:
                _duplicate(key, seen[key.text], problems)
                continue
            seen[key.text] = key.at
            described = known.get(key.text)
            if described is None:
                if not (key.plain and key.text in ("<<", REFUSED)):
                    problems.add(
                        "PM012",
                        "unknown-key",
                        key.at,
                        f"unknown key {key.text[:70]!r} in {self.name}",
                        did_you_mean(key.text, known),
                    )
                continue
            read = described.shape.read(value, problems)
            if read is not BAD:
                entry.values[key.text] = read
                entry.places[key.text] = value.at
            else:
                entry.bad.add(key.text)
        for described in self.keys:
            if described.required and described.name not in seen:
                problems.add(
                    "PM012",
                    "missing-key",
                    node.at,
                    f"{self.name} has no {described.name!r}",
                    f"Add {described.name}: {described.shape.words}.",
                )
        return entry

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name.replace(' ', '_')}"}

    def definition(self) -> dict[str, Any]:
        """The record's own entry among the definitions of the JSON Schema."""
        found: dict[str, Any] = {
            "description": self.doc,
            "type": "object",
            "additionalProperties": False,
            "properties": {k.name: {**k.shape.schema(), "description": k.doc} for k in self.keys},
        }
        required = [k.name for k in self.keys if k.required]
        if required:
            found["required"] = required
        return found


def _duplicate(key: Scalar, first: Position, problems: Problems) -> None:
    problems.add(
        "PM012",
        "duplicate-key",
        key.at,
        f"the key {key.text[:70]!r} stands twice, first at line {first.line}",
        "Remove one of them; YAML readers keep only the last.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ByForm:
    """Different shapes for a text, a list and a mapping.

    single: a text or mapping is read as a list of one.
    """

    scalar: Shape | None = None
    sequence: Shape | None = None
    mapping: Shape | None = None
    single: bool = False

    @property
    def words(self) -> str:
        shapes = [s for s in (self.scalar, self.sequence, self.mapping) if s]
        return ", or ".join(s.words for s in shapes)

    def read(self, node: Node, problems: Problems) -> Any:
        if isinstance(node, Sequence):
            shape = self.sequence
        elif isinstance(node, Mapping):
            shape = self.mapping
        else:
            shape = None if node.null else self.scalar
        if shape is None:
            return wrong(node, self.words, problems)
        value = shape.read(node, problems)
        if value is not BAD and self.single and not isinstance(node, Sequence):
            return (Located(value, node.at),) if isinstance(value, (str, int)) else (value,)
        return value

    def schema(self) -> dict[str, Any]:
        shapes = [s for s in (self.scalar, self.sequence, self.mapping) if s]
        return {"anyOf": [s.schema() for s in shapes]}
