"""What a kind of value is: its masks, its validator, its normal form, the types it can live in."""

from __future__ import annotations

from dataclasses import dataclass

from pgmask.kinds.show import ShowRule


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskRule:
    """One named mask of a kind.

    name: as the catalogue's ``mask:`` writes it; function: the SQL function, schema-qualified,
    ``text -> text``; shows: what stays visible, the same rule as data.
    """

    name: str
    function: str
    shows: ShowRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of value.

    name: as the catalogue's ``kind:`` writes it; title, title_zh: for people; category: PICC
    Article 7's category, the default where a pack gives none; default_mask: name of one of
    ``masks``; validator: SQL function ``text -> boolean`` that never raises; normaliser: SQL
    function ``text -> text`` that gives the form for the blind index, None where a search by exact
    value makes no sense; families: the type families in which the kind may live (A1);
    never_shown: no reveal, no extract, comparison only (B8); hidden_by_default: views give NULL
    unless the catalogue says otherwise (A7); note: what the reference adds; example: an invented
    plain value for ``explain`` and the reference.
    """

    name: str
    title: str
    title_zh: str
    category: str
    default_mask: str
    masks: tuple[MaskRule, ...]
    validator: str | None
    normaliser: str | None
    families: tuple[str, ...]
    example: str
    never_shown: bool = False
    hidden_by_default: bool = False
    note: str = ""

    @property
    def column_types(self) -> tuple[str, ...]:
        """The type families in which the kind may live (see ``pgmask.kinds.types``)."""
        return self.families

    @property
    def mask_names(self) -> tuple[str, ...]:
        """The names that ``mask:`` accepts."""
        return tuple(rule.name for rule in self.masks)

    def rule(self, name: str | None = None) -> MaskRule:
        """The named mask rule, or the default one; ``KeyError`` for an unknown name."""
        wanted = self.default_mask if name is None else name
        for rule in self.masks:
            if rule.name == wanted:
                return rule
        raise KeyError(wanted)

    def mask(self, value: str | None, name: str | None = None) -> str | None:
        """The value under the named or the default mask, as the SQL function gives it."""
        return self.rule(name).shows.apply(value)
