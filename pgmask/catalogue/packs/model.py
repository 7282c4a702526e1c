"""One policy pack as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from pgmask.kinds import Floor


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelName:
    """A level of the pack's own scheme; rank: 1 the most sensitive, comparable between packs."""

    level: int
    rank: int
    title: str
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRule:
    """A category; level: no column of it may stand below (have a higher number)."""

    name: str
    title: str
    level: int
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRule:
    """A kind's lowest protection: its level, and what every mask of it must hide."""

    kind: str
    level: int
    floor: Floor | None
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HighValueRule:
    """Who is high-value (D1) and which masks their values need (D3)."""

    at_least: str
    order: tuple[str, ...]
    floors: tuple[tuple[str, Floor], ...]
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level2Plain:
    """Who may see level 2 plain (B4): ``direct_service`` or ``any``; posts: exempted by name."""

    rule: str
    posts: tuple[str, ...]
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationRule:
    """A named derivation that may (``allow``) or may never stand below its sources (A3)."""

    name: str
    rule: str
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsourcedRule:
    """What outsourced staff never get (C4); scope: ``it`` or ``all``."""

    reveal: str
    high_value: str
    scope: str
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackInterpretation:
    """A clause the source leaves open: its readings, the one chosen, by whom and since when.

    effects: what a reading changes, as (option, kind, level).
    """

    row: str
    text: str
    options: tuple[tuple[str, str], ...]
    chosen: str
    by: str
    since: str
    effects: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A policy pack: one rule book as data."""

    name: str
    title: str
    source: str
    levels: tuple[LevelName, ...]
    categories: tuple[CategoryRule, ...]
    kinds: tuple[KindRule, ...]
    sealed_levels: tuple[int, ...]
    high_value: HighValueRule | None
    level_2_plain: Level2Plain | None
    derivations: tuple[DerivationRule, ...]
    outsourced: OutsourcedRule | None
    documents: tuple[str, ...]
    interpretations: tuple[PackInterpretation, ...]
