"""How changes of what protects the record are told: by kind with a count, or one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_CHANGE = re.compile(
    r"(?P<part>[a-z]+): .* (?P<what>added|removed|changed)"
    r"(?P<when>, (?:since the last batch|between batch \d+ and this one \(\d+\)))?"
)
"""A change as ``fingerprint.Change`` and verification say it."""


def changes_told(lines: Iterable[str], *, all_: bool) -> list[str]:
    """The lines, those of changes of one kind as one with their number; all_: as they are.

    What is not of that form, such as a change that names the work it belongs to, stays itself.
    """
    if all_:
        return list(lines)
    kinds: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], str] = {}
    told: list[str | tuple[str, str, str]] = []
    for line in lines:
        match = _CHANGE.fullmatch(line)
        if match is None:
            told.append(line)
            continue
        kind = (match["part"], match["what"], match["when"] or "")
        if not kinds[kind]:
            told.append(kind)
            first[kind] = line
        kinds[kind] += 1
    return [
        one if isinstance(one, str)
        else first[one] if kinds[one] == 1
        else f"{one[0]}: {kinds[one]:,} {one[1]}{one[2]}; --all names each"
        for one in told
    ]  # fmt: skip
