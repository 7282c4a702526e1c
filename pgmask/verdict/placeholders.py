"""Placeholders of Python's drivers as PostgreSQL's own: ``%s`` and ``%(name)s`` become ``$1``."""

from __future__ import annotations

import re
from typing import Final

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
