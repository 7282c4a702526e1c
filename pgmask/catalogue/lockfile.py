"""``catalogue.lock``: what every pattern matched, so that a review shows what fell under one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from pgmask.catalogue.model import Position
from pgmask.catalogue.problems import Problems

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Matches by pattern text, each sorted.

    columns: ``defaults.columns`` pattern -> (table id, column); unprotected: pattern -> table ids;
    profiles: ``profile: pattern`` -> table ids.
    """

    columns: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    unprotected: dict[str, tuple[str, ...]] = field(default_factory=dict)
    profiles: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self) -> str:
        """The file: JSON, one match a line, in a stable order."""
        return (
            json.dumps(
                {
                    "pgmask_lock": FORMAT,
                    "columns": {
                        p: [list(c) for c in sorted(found)]
                        for p, found in sorted(self.columns.items())
                    },
                    "unprotected": {p: sorted(f) for p, f in sorted(self.unprotected.items())},
                    "profiles": {p: sorted(f) for p, f in sorted(self.profiles.items())},
                },
                ensure_ascii=False,
                indent=1,
            )
            + "\n"
        )


def read_lock(text: str, file: str, problems: Problems) -> Lock | None:
    """The lock, or None after recording that it cannot be read."""
    try:
        data = json.loads(text)
        if data["pgmask_lock"] != FORMAT:
            raise ValueError("another format")
        return Lock(
            columns={_text(p): tuple((_text(t), _text(c)) for t, c in found)
                     for p, found in data["columns"].items()},
            unprotected={_text(p): tuple(map(_text, f)) for p, f in data["unprotected"].items()},
            profiles={_text(p): tuple(map(_text, f)) for p, f in data["profiles"].items()},
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        problems.add(
            "PM018",
            "lock-unreadable",
            Position(file, 1, 1),
            "the lock file cannot be read",
            "It is written by: pgmask check ... --write-lock; resolve merge conflicts that way.",
        )
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
