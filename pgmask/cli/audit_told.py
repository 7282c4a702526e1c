"""How changes of what protects the record are told: by kind with a count, or one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_CHANGE = re.compile(
    r"(?P<part>[a-z]+): .* (?P<what>added|removed|changed)(?P<why>, (?:as|with|whose) .*?)?"
    r"(?P<when>, (?:since the last batch|between batch \d+ and this one \(\d+\)))?"
)
"""A change as ``fingerprint.Change`` and verification say it."""


def changes_told(lines: Iterable[str], *, all_: bool) -> list[str]:
    """The lines, those of changes of one kind as one with their number; all_: as they are.

    Changes that belong to the same work on record are of one kind; what is no change stays itself.
    """
    if all_:
        return list(lines)
    kinds: Counter[tuple[str, ...]] = Counter()
    first: dict[tuple[str, ...], str] = {}
    told: list[str | tuple[str, ...]] = []
    for line in lines:
        match = _CHANGE.fullmatch(line)
        if match is None:
            told.append(line)
            continue
        kind = (match["part"], match["what"], match["why"] or "", match["when"] or "")
        if not kinds[kind]:
            told.append(kind)
            first[kind] = line
        kinds[kind] += 1
    return [
        one if isinstance(one, str)
        else first[one] if kinds[one] == 1
        else f"{one[0]}: {kinds[one]:,} {one[1]}{one[2]}{one[3]}; --all names each"
        for one in told
    ]  # fmt: skip
