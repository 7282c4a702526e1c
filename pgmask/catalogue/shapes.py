# ruff: noqa: D102 - what words, read and schema give is said once, at Shape
"""Shapes of YAML values: one description that reads, refuses, documents and becomes JSON Schema.

A shape's ``read`` gives a typed value, or ``BAD`` after recording why it cannot.  Which shape is
meant is decided by the form of the node (text, list, mapping), never by trying one after another,
so that every problem is the one the writer can see.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping as AbcMapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pgmask.catalogue.model import Position
from pgmask.catalogue.nodes import REFUSED, Mapping, Node, Scalar, Sequence
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.names import MAX_NAME_BYTES


class _Bad:
    def __repr__(self) -> str:
        return "BAD"


BAD: Final = _Bad()
"""A value that could not be read; its problem is recorded."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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


def _wrong(node: Node, wanted: str, problems: Problems, fix: str = "") -> Any:
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


def _scalar(node: Node, wanted: str, problems: Problems) -> Scalar | None:
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
    _wrong(node, wanted, problems)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text on one line; limit: characters.

    suggest: words that editors offer; open_ended: others are allowed too.  Reading does not compare
    with them: who reads knows more and says more.
    """

    words: str = "a text"
    limit: int = 2000
    pattern: str = ""
    hint: str = ""
    suggest: tuple[str, ...] = ()
    open_ended: bool = False

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = _scalar(node, self.words, problems)
        if scalar is None:
            return BAD
        text = scalar.text.strip() if scalar.plain else scalar.text.rstrip("\n")
        if not text or len(text) > self.limit or _CONTROL.search(text):
            return _wrong(
                node, f"{self.words} of one line and 1 to {self.limit} characters", problems
            )
        if self.pattern and not re.fullmatch(self.pattern, text):
            return _wrong(node, self.words, problems, self.hint)
        return text

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": self.limit}
        if self.pattern:
            found["pattern"] = f"^(?:{self.pattern})$"
        if self.suggest:
            offered = {"enum": list(self.suggest)}
            return {"anyOf": [offered, found]} if self.open_ended else offered
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseName:
    """One PostgreSQL name, exactly as the server stores it."""

    words: str = "a name"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = _scalar(node, self.words, problems)
        if scalar is None:
            return BAD
        size = len(scalar.text.encode("utf-8", "surrogatepass"))
        if not scalar.text or "\x00" in scalar.text or size > MAX_NAME_BYTES:
            problems.add(
                "PM012",
                "bad-name",
                node.at,
                f"{scalar.text[:70]!r} cannot be a PostgreSQL name",
                f"A name has 1 to {MAX_NAME_BYTES} bytes; this one has {size}.",
            )
            return BAD
        return scalar.text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words."""

    options: AbcMapping[str, str]
    """Word and what it means."""

    @property
    def words(self) -> str:
        return " or ".join(self.options)

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = _scalar(node, self.words, problems)
        if scalar is None:
            return BAD
        if scalar.text not in self.options:
            problems.add(
                "PM012",
                "choice",
                node.at,
                f"{scalar.text[:40]!r} is not one of the words allowed",
                did_you_mean(scalar.text, self.options),
            )
            return BAD
        return scalar.text

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number within bounds."""

    low: int
    high: int

    @property
    def words(self) -> str:
        return (
            f"{self.low}" if self.low == self.high else f"a number from {self.low} to {self.high}"
        )

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = _scalar(node, self.words, problems)
        if scalar is None:
            return BAD
        if not re.fullmatch(r"[0-9]{1,9}", scalar.text) or not (
            self.low <= int(scalar.text) <= self.high
        ):
            return _wrong(node, self.words, problems)
        return int(scalar.text)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """``true`` or ``false``."""

    words: str = "true or false"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = _scalar(node, self.words, problems)
        if scalar is None:
            return BAD
        if scalar.text not in ("true", "false"):
            return _wrong(node, self.words, problems)
        return scalar.text == "true"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """A day, kept as ``YYYY-MM-DD``."""

    words: str = "a date such as 2027-06-30"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = _scalar(node, self.words, problems)
        if scalar is None:
            return BAD
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", scalar.text):
            return _wrong(node, self.words, problems)
        try:
            return datetime.date.fromisoformat(scalar.text).isoformat()
        except ValueError:
            return _wrong(node, self.words, problems, "No such day in the calendar.")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """A duration with unit, kept in seconds."""

    high: int = 3600
    words: str = "a duration such as 60s or 2m"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = _scalar(node, self.words, problems)
        if scalar is None:
            return BAD
        found = re.fullmatch(r"([0-9]{1,6})(s|m|h)", scalar.text)
        if not found:
            return _wrong(node, self.words, problems)
        seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]
        if not 1 <= seconds <= self.high:
            return _wrong(node, f"a duration from 1s to {self.high}s", problems)
        return seconds

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]{1,6}[smh]$"}


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
            return _wrong(node, self.words, problems)
        if len(node.items) < self.least:
            return _wrong(node, f"{self.words}, at least {self.least}", problems)
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
            return _wrong(node, self.words, problems)
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
            return _wrong(node, f"a mapping with keys such as {self.keys[0].name}", problems)
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
            return _wrong(node, self.words, problems)
        value = shape.read(node, problems)
        if value is not BAD and self.single and not isinstance(node, Sequence):
            return (Located(value, node.at),) if isinstance(value, (str, int)) else (value,)
        return value

    def schema(self) -> dict[str, Any]:
        shapes = [s for s in (self.scalar, self.sequence, self.mapping) if s]
        return {"anyOf": [s.schema() for s in shapes]}
