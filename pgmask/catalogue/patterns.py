"""References to tables and columns as people write them, and name patterns.

A reference is ``table``, ``schema.table``, ``table.column`` or ``schema.table.column``; a part with
a dot, a star or another special character in its name stands in double quotes, as in SQL:
``crm."odd.name"``.  Unlike SQL, nothing is folded to lower case: names are meant as the server
stores them.  A pattern is one or more globs (``*`` any characters, ``?`` one) joined by ``|`` or a
comma.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from functools import lru_cache

from pgmask.names import MAX_NAME_BYTES

_PART = re.compile(r'"((?:[^"]|"")+)"|([^."]+)')
_BARE = re.compile(r"[^\W\d][\w$-]*")


class BadReference(ValueError):
    """The text is not a reference; the message says why, without a position."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a reference; quoted: written in double quotes, so never a pattern."""

    text: str
    quoted: bool


@lru_cache(maxsize=65536)
def parts(text: str, most: int = 3) -> tuple[Part, ...]:
    """The parts between the dots.  Raises BadReference."""
    found: list[Part] = []
    rest = text.strip()
    while True:
        match = _PART.match(rest)
        if not match:
            raise BadReference(f"{text[:70]!r} is not a name or names joined by dots")
        part = (
            Part(match[1].replace('""', '"'), True) if match[1] else Part(match[2].strip(), False)
        )
        if not part.text or "\x00" in part.text:
            raise BadReference(f"{text[:70]!r} has an empty part")
        if len(part.text.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
            raise BadReference(f"{part.text[:70]!r} is longer than {MAX_NAME_BYTES} bytes")
        found.append(part)
        rest = rest[match.end() :]
        if not rest:
            break
        if not rest.startswith("."):
            raise BadReference(f"{text[:70]!r} is not a name or names joined by dots")
        rest = rest[1:]
    if len(found) > most:
        raise BadReference(f"{text[:70]!r} has more than {most} parts")
    return tuple(found)


def written(*names: str) -> str:
    """A reference that ``parts`` reads back: parts with special characters are quoted."""
    return ".".join(n if _BARE.fullmatch(n) else '"' + n.replace('"', '""') + '"' for n in names)


@lru_cache(maxsize=4096)
def _regex(glob: str) -> re.Pattern[str]:
    # fnmatch's translation does not backtrack over many stars; its [] means nothing here.
    return re.compile(fnmatch.translate(glob.replace("[", "[[]")))


def is_glob(part: Part) -> bool:
    """Whether the part stands for more than its own name."""
    return not part.quoted and ("*" in part.text or "?" in part.text)


def part_matches(part: Part, name: str) -> bool:
    """Whether a name is meant."""
    if is_glob(part):
        return _regex(part.text).fullmatch(name) is not None
    return part.text == name


@dataclass(frozen=True, slots=True)
class Pattern:
    """Alternatives of references, each a tuple of parts; equal when the text is."""

    text: str
    alternatives: tuple[tuple[Part, ...], ...] = field(compare=False)

    def matches(self, *names: str) -> bool:
        """Whether an alternative fits the last names (``table`` fits in every schema)."""
        return _fits(self, names)

    def rank(self, *names: str) -> tuple[int, int] | None:
        """How closely the best alternative names them: (parts without a glob, letters), or None."""
        best: tuple[int, int] | None = None
        for alternative in self.alternatives:
            tail = names[-len(alternative) :]
            if len(tail) == len(alternative) and all(
                part_matches(p, n) for p, n in zip(alternative, tail, strict=True)
            ):
                exact = sum(not is_glob(p) for p in alternative)
                letters = sum(len(p.text.replace("*", "").replace("?", "")) for p in alternative)
                rank = (exact, letters)
                best = rank if best is None or rank > best else best
        return best


@lru_cache(maxsize=131072)
def _fits(wanted: Pattern, names: tuple[str, ...]) -> bool:
    # Most names recur in every table (id, created_at), so each is compared once.
    return wanted.rank(*names) is not None


@lru_cache(maxsize=16384)
def pattern(text: str, most: int = 2) -> Pattern:
    """The pattern written in a text.  Raises BadReference."""
    found = []
    for alternative in alternatives(text):
        found.append(parts(alternative, most))
    return Pattern(text, tuple(found))


def alternatives(text: str) -> list[str]:
    """The texts between ``|`` and commas outside double quotes.  Raises BadReference."""
    pieces: list[str] = []
    current = ""
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character in "|," and not quoted:
            pieces.append(current)
            current = ""
        else:
            current += character
    pieces.append(current)
    if any(not piece.strip() for piece in pieces):
        raise BadReference(f"{text[:70]!r} has an empty alternative")
    return [piece.strip() for piece in pieces]
