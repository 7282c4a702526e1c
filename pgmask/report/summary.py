"""An answer made shorter: some of its columns, or one row per person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from pgmask.errors import PgmaskError
from pgmask.report.run import Answer

SUMMED: Final = ("who_saw", "who_saw_many", "what_person_saw")
"""The reports that can be summed up per person."""
_KEYS: Final = ("subject_key", "certainty", "person_id", "person", "profile", "unit_id", "login")
_OF_ONE: Final = ("certainty", "subject_class", "subject_key")


def only(answer: Answer, names: Sequence[str]) -> Answer:
    """These columns in this order. Raises PgmaskError (PM845)."""
    wanted = [name.strip() for name in names]
    unknown = [name for name in wanted if name not in answer.columns]
    if unknown:
        raise PgmaskError(
            "PM845", f"--columns: report {answer.report.name} has no column {', '.join(unknown)}",
            hint=f"It has {', '.join(answer.columns)}.",
        )  # fmt: skip
    places = [answer.columns.index(name) for name in wanted]
    rows = tuple(tuple(row[n] for n in places) for row in answer.rows)
    return replace(answer, columns=tuple(wanted), rows=rows)


def by_person(answer: Answer) -> Answer:
    """One row per customer, certainty and person (of what_person_saw: per customer), with the first
    and last time and how often, in the order of the answer.
    """
    named = _KEYS if "person_id" in answer.columns else _OF_ONE
    keys = [name for name in named if name in answer.columns]
    places = [answer.columns.index(name) for name in keys]
    first, last, times = (answer.columns.index(n) for n in ("first_at", "last_at", "times"))
    found: dict[tuple[Any, ...], tuple[Any, Any, int]] = {}
    for row in answer.rows:
        key = tuple(row[n] for n in places)
        begin, end, count = found.get(key, (row[first], row[last], 0))
        found[key] = (min(begin, row[first]), max(end, row[last]), count + int(row[times]))
    rows = tuple((*key, *summed) for key, summed in found.items())
    return replace(answer, columns=(*keys, "first_at", "last_at", "times"), rows=rows)
