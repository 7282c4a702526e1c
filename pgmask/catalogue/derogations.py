"""Exceptions: a column below the level it would have, with reason, approver and end (A2)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from pgmask.catalogue.files import Part
from pgmask.catalogue.model import Exception_
from pgmask.catalogue.problems import did_you_mean
from pgmask.catalogue.scope import Scope
from pgmask.catalogue.shapes import Entry

Key = tuple[str, str]
"""Table id and column."""

_WANTED = ("column", "level", "instead_of", "reason", "approved_by", "until")


def read_exceptions(
    parts: Iterable[Part], scope: Scope, today: datetime.date
) -> tuple[dict[Key, Exception_], tuple[tuple[Entry, Key], ...]]:
    """Those in force by column, and every one with its column, for ``check_exceptions``.

    One that has ended is not in force: the column has its stricter level again, and a warning says
    so.  The last day still counts.
    """
    every: list[tuple[Entry, Key]] = []
    in_force: dict[Key, Exception_] = {}
    for part in parts:
        for entry in part.entry.get("exceptions", ()):
            if any(k not in entry.values for k in _WANTED):
                continue
            key = _column(entry, scope)
            if key is None:
                continue
            every.append((entry, key))
            column, until = ".".join(key), entry.get("until")
            if until < today.isoformat():
                scope.problems.warn(
                    "PM017",
                    "exception-ended",
                    entry.place("until"),
                    f"the exception for {column} ended on {until}: the column has level "
                    f"{entry.get('instead_of')} again",
                    "Renew it with a new approval, or remove it.",
                )
            elif key in in_force:
                scope.problems.add(
                    "PM013",
                    "exception-twice",
                    entry.place("column"),
                    f"two exceptions for {column} are in force, first at {in_force[key].position}",
                    "Keep one of them.",
                )
            else:
                in_force[key] = Exception_(
                    column=column,
                    level=entry.get("level"),
                    instead_of=entry.get("instead_of"),
                    reason=entry.get("reason"),
                    approved_by=entry.get("approved_by"),
                    until=until,
                    position=entry.place("column"),
                )
    return in_force, tuple(every)


def _column(entry: Entry, scope: Scope) -> Key | None:
    at = entry.place("column")
    names = scope.split(entry.get("column"), at, 3)
    if names is None:
        return None
    if len(names) == 3:
        return f"{names[0]}.{names[1]}", names[2]
    if len(names) == 2 and len(scope.schemas) == 1:
        return f"{scope.schemas[0]}.{names[0]}", names[1]
    scope.problems.add(
        "PM013",
        "ambiguous-table",
        at,
        f"{entry.get('column')!r} does not name its table",
        "Write table.column, or schema.table.column with several stores.",
    )
    return None


def check_exceptions(
    every: Iterable[tuple[Entry, Key]], known: Mapping[Key, object], scope: Scope
) -> None:
    """Record exceptions for columns that do not exist."""
    for entry, key in every:
        if key not in known:
            scope.problems.add(
                "PM013",
                "unknown-column",
                entry.place("column"),
                f"there is no column {'.'.join(key)} in the catalogue",
                did_you_mean(".".join(key), (".".join(k) for k in known)),
            )
