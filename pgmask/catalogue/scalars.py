# ruff: noqa: D102 - what words, read and schema give is said once, at Shape
"""Shapes of single values: texts, names, choices, numbers, flags, dates, durations."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping as AbcMapping
from dataclasses import dataclass
from typing import Any, Final

from pgmask.catalogue.nodes import Node
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.shape import BAD, scalar_of, wrong
from pgmask.names import MAX_NAME_BYTES

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


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
        scalar = scalar_of(node, self.words, problems)
        if scalar is None:
            return BAD
        text = scalar.text.strip() if scalar.plain else scalar.text.rstrip("\n")
        if not text or len(text) > self.limit or _CONTROL.search(text):
            return wrong(
                node, f"{self.words} of one line and 1 to {self.limit} characters", problems
            )
        if self.pattern and not re.fullmatch(self.pattern, text):
            return wrong(node, self.words, problems, self.hint)
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
        scalar = scalar_of(node, self.words, problems)
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
        scalar = scalar_of(node, self.words, problems)
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
        scalar = scalar_of(node, self.words, problems)
        if scalar is None:
            return BAD
        if not re.fullmatch(r"[0-9]{1,9}", scalar.text) or not (
            self.low <= int(scalar.text) <= self.high
        ):
            return wrong(node, self.words, problems)
        return int(scalar.text)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """``true`` or ``false``."""

    words: str = "true or false"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = scalar_of(node, self.words, problems)
        if scalar is None:
            return BAD
        if scalar.text not in ("true", "false"):
            return wrong(node, self.words, problems)
        return scalar.text == "true"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """A day, kept as ``YYYY-MM-DD``."""

    words: str = "a date such as 2027-06-30"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = scalar_of(node, self.words, problems)
        if scalar is None:
            return BAD
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", scalar.text):
            return wrong(node, self.words, problems)
        try:
            return datetime.date.fromisoformat(scalar.text).isoformat()
        except ValueError:
            return wrong(node, self.words, problems, "No such day in the calendar.")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """A duration with unit, kept in seconds."""

    high: int = 3600
    words: str = "a duration such as 60s or 2m"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = scalar_of(node, self.words, problems)
        if scalar is None:
            return BAD
        found = re.fullmatch(r"([0-9]{1,6})(s|m|h)", scalar.text)
        if not found:
            return wrong(node, self.words, problems)
        seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]
        if not 1 <= seconds <= self.high:
            return wrong(node, f"a duration from 1s to {self.high}s", problems)
        return seconds

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]{1,6}[smh]$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent:
    """A share such as ``20%``, kept as a whole number of per cent."""

    words: str = "a share such as 20%"

    def read(self, node: Node, problems: Problems) -> Any:
        scalar = scalar_of(node, self.words, problems)
        if scalar is None:
            return BAD
        found = re.fullmatch(r"([0-9]{1,3})\s?%", scalar.text)
        if not found or not 1 <= int(found[1]) <= 100:
            return wrong(node, "a share from 1% to 100%", problems)
        return int(found[1])

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]{1,3} ?%$"}
