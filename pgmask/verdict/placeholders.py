"""Placeholders of drivers and mappers as PostgreSQL's own parameters: ``%s`` becomes ``$1``."""

from __future__ import annotations

import re
from typing import Final

from pglast.parser import ParseError, scan

_PLACEHOLDER: Final = re.compile(r"%(?:%|\((?P<name>[^)]+)\))?(?P<form>[sbt])?")


def numbered(text: str) -> str:
    """The text with numbered parameters; ``%%`` is one per cent sign.

    A text without a placeholder is returned as it is: drivers leave ``%`` alone then.
    """
    if not re.search(r"%(\([^)]+\))?[sbt]", text):
        return text
    names: dict[str, int] = {}
    count = 0

    def one(match: re.Match[str]) -> str:
        nonlocal count
        if match[0].startswith("%%"):
            return "%" + match[0][2:]
        if match["form"] is None:
            return match[0]
        if match["name"] is not None:
            number = names.setdefault(match["name"], len(names) + 1)
            return f"${number}"
        count += 1
        return f"${count}"

    return _PLACEHOLDER.sub(one, text)


_QUOTED: Final = {"SCONST", "USCONST", "BCONST", "XCONST", "SQL_COMMENT", "C_COMMENT"}
_WRITTEN: Final = re.compile(
    r"(?P<found>%\(\w+\)s|%s\b|#\{[^{}]*\}|(?<![:\w\]]):[^\W\d]\w*)"
    r"|(?:(?<=[=<>(,])|\s)(?P<mark>\?)(?=[\s,);]|$)"
)


def positional(text: str) -> str:
    """The text with ``$1`` where a placeholder of a driver or mapper stands: ``%s``, ``%(name)s``,
    ``:name``, ``?``, ``#{name}``; not in strings and comments.

    Padded, so that places stay what they were; a ``?`` takes the space beside it, where there is
    one.  All get the number 1: of a parameter only that it is one matters to whoever reads.
    """
    try:
        tokens = scan(text)
    except (ParseError, UnicodeEncodeError):
        return text
    parts, done = [], 0
    for token in tokens:
        if token.name in _QUOTED:
            parts += [_filled(text[done : token.start]), text[token.start : token.end + 1]]
            done = token.end + 1
    return "".join([*parts, _filled(text[done:])])


def _filled(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        return "$1".ljust(len(match[0])) if match["found"] else "$1"

    return _WRITTEN.sub(one, text)
