"""The level of a column: the strictest that anything asks for, lowered by an exception only.

What a column says of itself may be stricter than the rest.  Where it is weaker, a pattern raises it
with a warning, a kind or a pack refuses it (A1, A2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pgmask.catalogue.model import Exception_, Position
from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.patterns import Pattern
from pgmask.catalogue.problems import Problems
from pgmask.catalogue.shapes import Entry
from pgmask.kinds import KINDS, Kind

BY_PATTERN: Final = "defaults.columns"
"""Begins the origin of whatever a name pattern brought."""

Demanded = tuple[int, str, Position]
"""A level, who asks for it, and where."""

Layer = tuple[str, Entry]
"""Where it comes from, in words, and what it says."""


@dataclass(slots=True)
class Rules:
    """What holds for all columns: patterns in name order, kind defaults, packs, exceptions."""

    policy: Policy
    patterns: tuple[tuple[Pattern, Entry], ...] = ()
    kinds: Mapping[str, Entry] = field(default_factory=dict)
    exceptions: Mapping[tuple[str, str], Exception_] = field(default_factory=dict)
    floors_checked: dict[tuple[str, str | None], str] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """One column before and after resolving; origins: setting -> where it came from."""

    table: str
    name: str
    at: Position
    own: Entry | None
    template: Layer | None = None
    listed: bool = False
    """Named by ``level_3``."""
    table_entry: Entry | None = None
    origins: dict[str, tuple[str, Position]] = field(default_factory=dict)


class Levels:
    """Finds the levels of one catalogue's columns."""

    def __init__(self, rules: Rules, problems: Problems) -> None:
        self.rules = rules
        self.problems = problems

    def level(
        self, draft: Draft, layers: list[Layer], kinds: tuple[Kind, ...], category: str | None
    ) -> int | None:
        """The level, or None after recording why there is none."""
        own: Demanded | None = None
        wanted: list[Demanded] = []
        for label, entry in layers:
            if label.startswith(BY_PATTERN) and entry.get("kind") in KINDS:
                # Also where the column names another kind: a pattern may only raise.
                wanted += self._of_kind(KINDS[entry.get("kind")], f"{label}: ", entry.place("kind"))
            level = entry.get("level")
            if level is None:
                continue
            if label.startswith("defaults.kinds"):
                continue  # with the demands of the kind
            if label.startswith(BY_PATTERN):
                wanted.append((level, label, entry.place("level")))
            elif own is None:
                own = (level, label, entry.place("level"))
            elif level < own[0]:
                wanted.append((level, label, entry.place("level")))
        if own is None and draft.listed:
            own = (3, "level_3", draft.at)
        by_default = [k for k in kinds if self._default(k) is not None]
        if own is None and not wanted and not by_default:
            by_content = [k for k in kinds if k.hidden_by_default and not k.never_shown]
            said_category = not draft.origins.get("category", ("kind ",))[0].startswith("kind ")
            if kinds and len(by_content) == len(kinds):
                self._none(draft, f"holds {kinds[0].title}: its level is that of its content (A7)")
                return None
            if not said_category and not any(self.rules.policy.kind_level(k.name) for k in kinds):
                self._none(draft, "has no level")
                return None
        wanted += self._demands(draft, kinds, category)
        strictest = min(wanted, key=lambda w: w[0], default=own)
        if strictest is None:
            self._none(draft, "has no level")
            return None
        return self._settle(draft, own, strictest)

    def _none(self, draft: Draft, why: str) -> None:
        self.problems.add(
            "PM012",
            "no-level",
            draft.at,
            f"{draft.table}.{draft.name} {why}",
            "Add level: 1, 2 or 3.",
        )

    def _default(self, kind: Kind) -> Demanded | None:
        entry = self.rules.kinds.get(kind.name)
        if entry is None or entry.get("level") is None:
            return None
        return entry.get("level"), f"defaults.kinds {kind.name}", entry.place("level")

    def _of_kind(self, kind: Kind, prefix: str, at: Position) -> list[Demanded]:
        """What the defaults and the packs ask for a kind."""
        found: list[Demanded] = []
        default = self._default(kind)
        if default is not None:
            found.append((default[0], f"{prefix}{default[1]}", default[2]))
        demand = self.rules.policy.kind_level(kind.name)
        if demand:
            found.append((demand.level, f"{prefix}kind {kind.name} ({demand})", at))
        return found

    def _demands(
        self, draft: Draft, kinds: tuple[Kind, ...], category: str | None
    ) -> list[Demanded]:
        """What kinds and the category ask for; a kind that a pattern brought speaks as pattern."""
        by, _ = draft.origins.get("kind", ("", draft.at))
        prefix = f"{by}: " if by.startswith(BY_PATTERN) else ""
        found: list[Demanded] = []
        if not prefix:
            for kind in kinds:
                found += self._of_kind(kind, "", draft.at)
        demand = self.rules.policy.category_level(category) if category else None
        if demand:
            by_kind = draft.origins["category"][0].startswith("kind ")
            label = f"{prefix if by_kind else ''}category {category} ({demand})"
            found.append((demand.level, label, draft.at))
        return found

    def _settle(
        self,
        draft: Draft,
        own: Demanded | None,
        strictest: Demanded,
    ) -> int:
        """The level from what the column says of itself and the strictest demand of others."""
        exception = self.rules.exceptions.get((draft.table, draft.name))
        if exception is not None:
            demanded = strictest[0] if own is None else min(own[0], strictest[0])
            if own is not None and own[0] == exception.level:
                demanded = strictest[0]
            if exception.instead_of == demanded and exception.level > demanded:
                draft.origins["level"] = (
                    f"exception {exception.reason!r} until {exception.until}",
                    exception.position,
                )
                return exception.level
            self.problems.add(
                "PM017",
                "exception-mismatch",
                exception.position,
                f"the exception lowers {draft.table}.{draft.name} from {exception.instead_of} to "
                f"{exception.level}, but without it the level would be {demanded}",
                "Correct instead_of, or remove the exception.",
            )
        if own is None or own[0] > strictest[0]:
            level, label, place = strictest
            draft.origins["level"] = (label, place)
            if own is not None:
                self._raised(draft, own, strictest)
            return level
        draft.origins["level"] = (own[1], own[2])
        return own[0]

    def _raised(self, draft: Draft, own: Demanded, strictest: Demanded) -> None:
        name = f"{draft.table}.{draft.name}"
        if strictest[1].startswith(BY_PATTERN):
            self.problems.warn(
                "PM014",
                "raised-by-pattern",
                own[2],
                f"{name} is level {strictest[0]}, not {own[0]}: {strictest[1]} raises it",
                f"Write level: {strictest[0]}, or record an exception.",
            )
        else:
            self.problems.add(
                "PM014",
                "level-below",
                own[2],
                f"{name} has level {own[0]}, {strictest[1]} asks for {strictest[0]}",
                f"Write level: {strictest[0]}, or record an exception with reason and end.",
            )
