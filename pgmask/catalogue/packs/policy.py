"""Several packs in force: the stricter level wins, masks must satisfy every floor (A2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pgmask.catalogue.packs.model import HighValueRule, Pack
from pgmask.kinds import Floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a pack asks for and where it says so."""

    level: int
    pack: str
    article: str

    def __str__(self) -> str:
        return source(self.pack, self.article)


def source(pack: str, article: str) -> str:
    """``taikang, article 12(1)``."""
    if not article:
        return pack
    return f"{pack}, article {article}" if article[0].isdigit() else f"{pack}, {article}"


class Policy:
    """The packs in force, sorted by name, with the organisation's choices between readings.

    chosen: (pack, row) -> option, for rows where the organisation decided by itself.
    categories: the organisation's own, as (name, what they hold).
    """

    def __init__(
        self,
        packs: Iterable[Pack],
        chosen: dict[tuple[str, str], str] | None = None,
        categories: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.packs = tuple(sorted(packs, key=lambda p: p.name))
        self.chosen = chosen or {}
        self.own_categories = tuple(categories)

    @cached_property
    def categories(self) -> dict[str, str]:
        """Every category and what it holds."""
        found = dict(self.own_categories)
        for pack in self.packs:
            for category in pack.categories:
                found.setdefault(category.name, category.title)
        return found

    @cached_property
    def _category_levels(self) -> dict[str, Demand]:
        found: dict[str, Demand] = {}
        for pack in self.packs:
            for rule in pack.categories:
                _stricter(found, rule.name, rule.level, pack.name, rule.article)
        return found

    @cached_property
    def _kind_levels(self) -> dict[str, Demand]:
        found: dict[str, Demand] = {}
        for pack in self.packs:
            for rule in pack.kinds:
                _stricter(found, rule.kind, rule.level, pack.name, rule.article)
            for row in pack.interpretations:
                option = self.chosen.get((pack.name, row.row), row.chosen)
                for when, kind, level in row.effects:
                    if when == option:
                        _stricter(found, kind, level, pack.name, f"interpretation {row.row}")
        return found

    @cached_property
    def _floors(self) -> dict[str, tuple[tuple[Floor, str], ...]]:
        found: dict[str, tuple[tuple[Floor, str], ...]] = {}
        for pack in self.packs:
            for rule in pack.kinds:
                if rule.floor:
                    entry = (rule.floor, source(pack.name, rule.article))
                    found[rule.kind] = (*found.get(rule.kind, ()), entry)
            if pack.high_value:
                for kind, floor in pack.high_value.floors:
                    entry = (floor, source(pack.name, pack.high_value.article))
                    found[kind] = (*found.get(kind, ()), entry)
        return found

    def category_level(self, category: str) -> Demand | None:
        """The strictest level any pack asks of a category."""
        return self._category_levels.get(category)

    def kind_level(self, kind: str) -> Demand | None:
        """The strictest level any pack asks of a kind."""
        return self._kind_levels.get(kind)

    def floors(self, kind: str) -> tuple[tuple[Floor, str], ...]:
        """Every floor on the masks of a kind, with its source; a mask must satisfy all (union)."""
        return self._floors.get(kind, ())

    def must_seal(self, level: int) -> str | None:
        """The pack that wants this level never plain at rest, or None."""
        return next((p.name for p in self.packs if level in p.sealed_levels), None)

    @property
    def high_value(self) -> HighValueRule | None:
        """The rule for high-value subjects, of the first pack that has one."""
        return next((p.high_value for p in self.packs if p.high_value), None)

    def derivation(self, name: str) -> tuple[bool, str]:
        """Whether a named derivation may stand below its sources, and who says so."""
        allowed = ""
        for pack in self.packs:
            for rule in pack.derivations:
                if rule.name == name:
                    if rule.rule == "never":
                        return False, source(pack.name, rule.article)
                    allowed = allowed or source(pack.name, rule.article)
        return bool(allowed), allowed

    @property
    def derivations(self) -> tuple[str, ...]:
        """The names of all derivations that a pack allows."""
        names = {r.name for p in self.packs for r in p.derivations if r.rule == "allow"}
        return tuple(sorted(n for n in names if self.derivation(n)[0]))

    def refuses_level_2_plain(self, posts: Iterable[str]) -> str | None:
        """Who forbids level 2 plain outside direct service to these posts (B4), or None.

        A profile all of whose posts are named by packs in force is exempt; an organisation names
        its own in a pack of its own.
        """
        named = {post for p in self.packs if p.level_2_plain for post in p.level_2_plain.posts}
        wanted = set(posts)
        if wanted and wanted <= named:
            return None
        for pack in self.packs:
            rule = pack.level_2_plain
            if rule and rule.rule == "direct_service":
                return source(pack.name, rule.article)
        return None

    def outsourced(self) -> str | None:
        """Who forbids reveal and high-value rows to outsourced staff (C4), or None."""
        for pack in self.packs:
            if pack.outsourced:
                return source(pack.name, pack.outsourced.article)
        return None


def _stricter(found: dict[str, Demand], key: str, level: int, pack: str, article: str) -> None:
    known = found.get(key)
    if known is None or level < known.level:
        found[key] = Demand(level=level, pack=pack, article=article)
