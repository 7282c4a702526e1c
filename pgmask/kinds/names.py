"""What the name of a column, or a comment, suggests: English, pinyin and Chinese characters (A1).

The words are data, ``words/*.yml``.  A name is evidence and no proof: each suggestion carries its
strength and the word that it rests on, and a word only counts at the end of a name
(``customer_mobile_no``, ``khsjh``, ``投保人手机号码``), because ``mobile_type`` is no number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

import yaml

from pgmask.kinds.registry import KINDS

STRENGTHS: Final = ("strong", "medium", "weak")
_FILES: Final = ("english.yml", "pinyin.yml", "chinese.yml")
# Every scalar stays text: `on` and `no` are words here.
_LOADER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
# What may follow a word without changing what it means.
_TAILS: Final = ("number", "num", "nbr", "no", "value", "text", "str", "plain", "enc", "old", "new")
_HAN_TAILS: Final = ("号码", "号", "信息", "内容")
_SPLIT: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[㐀-鿿]+")
_HAN: Final = re.compile(r"[㐀-鿿]")
# Between clauses of a comment.
_CLAUSE: Final = re.compile(r"[,，;；。.、:：()（）\[\]【】/|\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One suggestion.

    kind: of the registry, '' for personal information without a form of its own; category: PICC
    Article 7's, the kind's own where there is one; strength: one of ``STRENGTHS``; word: the entry.
    """

    kind: str
    category: str
    strength: str
    word: str


@dataclass(frozen=True, slots=True)
class _Words:
    """One language: joined phrase -> suggestion.

    alone: count as the whole name, or behind a person, only; of_person: behind a person, or as the
    whole name in a table of persons; longest_first: the persons.
    """

    suggestions: dict[str, Named]
    alone: frozenset[str]
    of_person: frozenset[str]
    persons: frozenset[str]
    longest_first: tuple[str, ...]
    plain: frozenset[str]


def _joined(phrase: str) -> str:
    return phrase.replace(" ", "").lower()


def _read(file: str) -> _Words:
    text = resources.files("pgmask.kinds").joinpath("words", file).read_text("utf-8")
    data = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a loader of texts, on a packed file
    suggestions: dict[str, Named] = {}
    alone: set[str] = set()
    of_person: set[str] = set()
    for group in ("kinds", "categories"):
        for name, words in data[group].items():
            kind = name if group == "kinds" else ""
            category = KINDS[name].category if kind else name
            for strength, phrases in words.items():
                for phrase in phrases:
                    word = _joined(phrase)
                    named = Named(
                        kind=kind,
                        category=category,
                        strength="strong" if strength == "of_person" else strength,
                        word=word,
                    )
                    if suggestions.setdefault(word, named) is not named:
                        raise ValueError(f"{file}: {phrase!r} stands twice")
                    if strength == "weak":
                        alone.add(word)
                    elif strength == "of_person":
                        of_person.add(word)
    persons = frozenset(map(_joined, data["persons"]))
    return _Words(
        suggestions,
        frozenset(alone),
        frozenset(of_person),
        persons,
        tuple(sorted(persons, key=len, reverse=True)),
        frozenset(map(_joined, data["plain"])),
    )


@cache
def _languages() -> tuple[_Words, ...]:
    return tuple(_read(file) for file in _FILES)


@lru_cache(maxsize=65536)
def suggestions(name: str, table: str = "") -> tuple[Named, ...]:
    """What a column's name suggests, the strongest first, at most one per language.

    table: its table's name; ``name`` alone is a person's in a table of persons only.
    """
    found = []
    for words in _languages():
        best = _longest(words, _endings(name), _whole(name), table)
        if best is not None:
            found.append(best)
    return tuple(sorted(found, key=lambda n: (STRENGTHS.index(n.strength), -len(n.word))))


@lru_cache(maxsize=65536)
def plain_word(name: str) -> str | None:
    """The word at the end of a name that says nothing of a person, or None."""
    endings = _endings(name)
    for words in _languages():
        for ending in endings:
            if ending in words.plain:
                return ending
            # khbh, tbrzjlx: a person's number or type in the system.
            rest = _without_person(words, ending)
            if rest and rest in words.plain:
                return rest
    return None


def in_comment(comment: str) -> tuple[Named, ...]:
    """What a comment says in its first clauses; a clause must end in the word, as a name does."""
    found: dict[tuple[str, str], Named] = {}
    for clause in [c for c in _CLAUSE.split(comment) if c.strip()][:3]:
        for named in suggestions(clause):
            if named.strength != "weak" and len(named.word) > 1:
                found.setdefault((named.kind, named.category), named)
    return tuple(sorted(found.values(), key=lambda n: STRENGTHS.index(n.strength)))


@lru_cache(maxsize=8192)
def speaks_of_persons(table: str) -> bool:
    """Whether a table's name has a word for a person in it."""
    parts = _parts(table)
    singular = {p.removesuffix("s") for p in parts} | set(parts)
    return any(
        singular & words.persons
        or any(p.startswith(tuple(words.persons)) for p in parts if _HAN.search(p))
        or any(_person_first(words, p) for p in parts)
        for words in _languages()
    )


def _person_first(words: _Words, part: str) -> bool:
    # khxx, kehuxinxi: a person and "information".
    return any(part == p + tail for p in words.persons for tail in ("xx", "xinxi", "info", "信息"))


def _parts(name: str) -> list[str]:
    return [p.lower() for p in _SPLIT.findall(name)]


def _whole(name: str) -> str:
    return "".join(p for p in _parts(name) if not p.isdigit())


@lru_cache(maxsize=65536)
def _endings(name: str) -> tuple[str, ...]:
    """The joined ends of a name, the longest first; also without a tail such as ``no``."""
    parts = _parts(name)
    while parts and parts[-1].isdigit():
        parts.pop()
    found: dict[str, None] = {}
    for kept in _shortened(parts):
        for start in range(len(kept)):
            ending = "".join(kept[start:])
            found.setdefault(ending)
            if start == len(kept) - 1 and _HAN.search(ending):
                for inner in range(1, len(ending)):
                    found.setdefault(ending[inner:])
    return tuple(sorted(found, key=len, reverse=True))


def _shortened(parts: list[str]) -> Iterator[list[str]]:
    yield parts
    if len(parts) > 1 and parts[-1] in _TAILS:
        yield parts[:-1]
    if parts and _HAN.search(parts[-1]):
        for tail in _HAN_TAILS:
            if parts[-1].endswith(tail) and len(parts[-1]) > len(tail) + 1:
                yield [*parts[:-1], parts[-1].removesuffix(tail)]


def _longest(words: _Words, endings: tuple[str, ...], whole: str, table: str) -> Named | None:
    for ending in endings:
        if ending in words.plain:
            return None  # order no, bank code: a longer plain word explains the end
        named = words.suggestions.get(ending)
        rest = None if named else _without_person(words, ending)
        if rest:
            named = words.suggestions.get(rest)
        if named is None:
            continue
        if named.word in words.of_person and rest is None:
            before = whole.removesuffix(ending)
            if before and not any(before.endswith(p) for p in words.persons):
                return None  # product_name is nobody's
            if not before:
                strength = "medium" if speaks_of_persons(table) else "weak"
                return Named(
                    kind=named.kind, category=named.category, strength=strength, word=ending
                )
        elif named.word in words.alone and whole != ending and rest is None:
            continue
        return named
    return None


def _without_person(words: _Words, ending: str) -> str | None:
    """What follows a person's word in a joined name (khsjh, 投保人手机), or None."""
    for person in words.longest_first:
        if ending.startswith(person) and len(ending) > len(person) + 1:
            rest = ending[len(person) :]
            if rest in words.suggestions or rest in words.plain:
                return rest
    return None
