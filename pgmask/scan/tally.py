"""Counting what detectors see in a sample; the values themselves are forgotten here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pgmask.kinds import valid
from pgmask.scan.detect import DETECTORS, detect, fits, inside
from pgmask.scan.model import Tally

_LONG = 12
"""From so many characters on a value may hold another one within it."""
_FITTING = (*valid.VALIDATORS, "bank_account", "policy_number", "identity_paper", "person_name",
            "postal_address", "media")  # fmt: skip


def tally(values: Iterable[str | None]) -> Tally:
    """The counts over one column's values; repeated values are looked at once."""
    counted = Counter(v for v in values if v is not None and v.strip())
    hits: Counter[str] = Counter()
    fitting: Counter[str] = Counter()
    within: Counter[str] = Counter()
    masked = length = 0
    for value, times in counted.items():
        length += min(len(value), 400) * times
        if valid.has_glyph(value):
            masked += times
            continue
        found = detect(value)
        for kind in found:
            hits[kind] += times
        for kind in _FITTING:
            if kind in found or fits(kind, value):
                fitting[kind] += times
        if len(value) >= _LONG and not found & _WHOLE:
            for kind in inside(value):
                within[kind] += times
    seen = counted.total()
    return Tally(
        seen=seen,
        distinct=len(counted),
        masked=masked,
        hits=dict(hits),
        fitting=dict(fitting),
        inside=dict(within),
        length=length / seen if seen else 0.0,
    )


_WHOLE = frozenset(DETECTORS) - {"free_text", "json", "postal_address", "media"}
"""Kinds whose value is the whole: nothing is within it."""
