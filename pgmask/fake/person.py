"""The invented person behind a subject: drawn from the seed and the subject's key, nothing else."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random
from typing import Final

_OLDEST: Final = dt.date(1940, 1, 1)
_DAYS: Final = 23_000


def draw(seed: int, *words: str) -> Random:
    """A random source that depends on the seed and these words, on every machine alike."""
    text = json.dumps([seed, *words], ensure_ascii=False)
    return Random(int.from_bytes(sha256(text.encode()).digest()))  # noqa: S311  invented data


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who stands behind a subject: day of birth, sex."""

    born: dt.date
    male: bool

    def with_number(self, prefix: str, length: int) -> Person:
        """The same person, born when the visible part of an identity number says.

        prefix: its first characters; length: 18 or 15, others say nothing.
        """
        digits = prefix[6:14] if length == 18 else "19" + prefix[6:12] if length == 15 else ""
        if len(digits) < 4 or not digits.isdecimal():
            return self
        year = int(digits[:4])
        if len(digits) == 8:
            try:
                return replace(self, born=dt.date(year, int(digits[4:6]), int(digits[6:])))
            except ValueError:
                return self
        return replace(self, born=_in_year(self.born, year))


def _in_year(day: dt.date, year: int) -> dt.date:
    """The same day of another year; the 28th for a 29th of February that is not there."""
    if not 1 <= year <= 9999:
        return day
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def person(seed: int, subject_class: str, subject_key: str) -> Person:
    """The person behind a subject, the same for the same seed."""
    random = draw(seed, "person", subject_class, subject_key)
    born = _OLDEST + dt.timedelta(days=random.randrange(_DAYS))
    return Person(born=born, male=random.random() < 0.5)
