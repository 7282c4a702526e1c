"""One column from its layers: its own entry, a template, name patterns, its kind, the packs.

A setting is taken from the first layer that says it.  The level is the strictest of all of them:
a pattern raises, a kind or a pack refuses what is weaker, an exception in force lowers (A1, A2).
"""

from __future__ import annotations

from typing import Any, Final

from pgmask.catalogue.levels import Draft, Layer, Levels, Rules
from pgmask.catalogue.model import Column, KindBy, Position, Recorded, Unique
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.shapes import Entry
from pgmask.kinds import KINDS, Kind

GENERAL: Final = "general"
"""The category of columns that only ``level_3`` lists."""
CHECKS: Final = ("birth_date", "sex")
"""The cross checks that a kind may offer against other columns."""


class Resolver:
    """Makes columns of drafts; one instance reads one catalogue."""

    def __init__(self, rules: Rules, problems: Problems) -> None:
        self.rules = rules
        self.problems = problems
        self.matched: dict[str, set[tuple[str, str]]] = {p.text: set() for p, _ in rules.patterns}
        self.levels = Levels(rules, problems)

    def resolve(self, draft: Draft) -> Column | None:
        """The column, or None when it has no level or category that could be used."""
        layers = self._layers(draft)
        said = [entry for _, entry in layers]
        if any({"level", "category", "kind", "kind_by"} & e.bad for e in said):
            return None  # recorded where it stands
        kind_by = self._kind_by(draft)
        kind = None if kind_by else self._kind(draft, layers)
        if (
            kind is None
            and kind_by is None
            and any({"kind", "kind_by"} & set(e.values) for e in said)
        ):
            return None
        if kind is not None and (default := self.rules.kinds.get(kind.name)) is not None:
            layers.append((f"defaults.kinds {kind.name}", default))
        category = self._category(draft, layers, kind, kind_by)
        level = self.levels.level(draft, layers, self._all_kinds(kind, kind_by), category)
        if level is None or category is None:
            return None
        if level == 1 and kind is None and kind_by is None:
            self.problems.add(
                "PM014",
                "no-kind",
                draft.at,
                f"{draft.table}.{draft.name} has level 1 and no kind, so no mask",
                "Add kind: one of `pgmask kinds`; free_text is masked whole.",
            )
        kinds = self._all_kinds(kind, kind_by)
        if level > 1 and any(k.never_shown for k in kinds):
            self.problems.add(
                "PM014",
                "never-shown",
                draft.origins["level"][1],
                f"{draft.table}.{draft.name} is of a kind that is never shown and would be plain "
                "at rest (B8)",
                "It has level 1; no exception lowers it.",
            )
        mask = self._mask(draft, layers, kind)
        search = self._say(draft, layers, "search") == "exact"
        unique = Unique(self._say(draft, layers, "unique") or "no")
        self._only_sealed(draft, level, kind, kind_by, search=search, unique=unique)
        why, basis = self._say(draft, layers, "why"), self._say(draft, layers, "basis")
        table = draft.table_entry
        if table is not None and level < 3:
            why = why or self._from_table(draft, table, "why")
            basis = basis or self._from_table(draft, table, "basis")
        subject, subject_class = self._subject(draft)
        return Column(
            name=draft.name,
            level=level,
            category=category,
            kind=kind.name if kind else None,
            kind_by=kind_by,
            mask=mask,
            subject=subject,
            subject_class=subject_class,
            search=search and level == 1,
            unique=unique,
            required=bool(self._say(draft, layers, "required")),
            validate=self._say(draft, layers, "validate") or "refuse",
            why=why,
            basis=basis,
            derivation=self._say(draft, layers, "derivation"),
            hidden_as=self._say(draft, layers, "hidden_as") or "shadow",
            never_shown=any(k.never_shown for k in kinds),
            hidden_by_default=bool(kinds) and all(k.hidden_by_default for k in kinds),
            audit=self._audit(draft, layers, level, kinds),
            position=draft.at,
        )

    def _layers(self, draft: Draft) -> list[Layer]:
        layers: list[Layer] = []
        if draft.own is not None:
            layers.append(("here", draft.own))
        if draft.template is not None:
            layers.append(draft.template)
        for pattern, entry in self.rules.patterns:
            if pattern.matches(draft.name):
                self.matched[pattern.text].add((draft.table, draft.name))
                layers.append((f"defaults.columns {pattern.text!r}", entry))
        return layers

    def _say(self, draft: Draft, layers: list[Layer], key: str) -> Any:
        for label, entry in layers:
            if key in entry.values:
                draft.origins[key] = (label, entry.place(key))
                return entry.values[key]
        return None

    @staticmethod
    def _from_table(draft: Draft, table: Entry, key: str) -> Any:
        value = table.get(key)
        if value is not None:
            draft.origins[key] = ("the table", table.place(key))
        return value

    def _known_kind(self, name: str, at: Position) -> Kind | None:
        kind = KINDS.get(name)
        if kind is None:
            self.problems.add(
                "PM013", "unknown-kind", at, f"there is no kind {name!r}", did_you_mean(name, KINDS)
            )
        return kind

    def _kind(self, draft: Draft, layers: list[Layer]) -> Kind | None:
        said = [(label, entry) for label, entry in layers if "kind" in entry.values]
        if not said:
            return None
        label, entry = said[0]
        by_pattern = {e.values["kind"] for lb, e in said if lb.startswith("defaults.columns")}
        if label.startswith("defaults.columns") and len(by_pattern) > 1:
            self.problems.add(
                "PM013",
                "pattern-conflict",
                draft.at,
                f"{draft.table}.{draft.name} matches patterns of different kinds: "
                + ", ".join(sorted(by_pattern)),
                "Name the kind at the column.",
            )
        draft.origins["kind"] = (label, entry.place("kind"))
        return self._known_kind(entry.values["kind"], entry.place("kind"))

    def _kind_by(self, draft: Draft) -> KindBy | None:
        written = draft.own.get("kind_by") if draft.own else None
        if written is None or draft.own is None:
            return None
        at = draft.own.place("kind_by")
        said = {key.value: (value, key.at) for key, value in written}
        column, otherwise = said.pop("column", None), said.pop("else", None)
        if column is None or otherwise is None or not said:
            self.problems.add(
                "PM012",
                "kind-by",
                at,
                "kind_by needs `column`, `else` and at least one value",
                "Write {column: type, phone: mobile, else: free_text}.",
            )
            return None
        if "kind" in draft.own.values:
            self.problems.add(
                "PM012",
                "kind-and-kind-by",
                draft.own.place("kind"),
                f"{draft.table}.{draft.name} has both kind and kind_by",
                "Remove one of them.",
            )
        for kind, place in [*said.values(), otherwise]:
            if self._known_kind(kind, place) is None:
                return None
        draft.origins["kind_by"] = ("here", at)
        return KindBy(
            column=column[0],
            cases=tuple(sorted((value, kind) for value, (kind, _) in said.items())),
            otherwise=otherwise[0],
        )

    @staticmethod
    def _all_kinds(kind: Kind | None, kind_by: KindBy | None) -> tuple[Kind, ...]:
        if kind_by is not None:
            names = {k for _, k in kind_by.cases} | {kind_by.otherwise}
            return tuple(KINDS[n] for n in sorted(names))
        return (kind,) if kind else ()

    def _category(
        self, draft: Draft, layers: list[Layer], kind: Kind | None, kind_by: KindBy | None
    ) -> str | None:
        category = self._say(draft, layers, "category")
        known = self.rules.policy.categories
        if category is not None:
            if category not in known:
                self.problems.add(
                    "PM013",
                    "unknown-category",
                    draft.origins["category"][1],
                    f"no pack in force has the category {category!r}",
                    did_you_mean(category, known) + " Or add it under `categories`.",
                )
                return None
            return str(category)
        kinds = self._all_kinds(kind, kind_by)
        if kinds:

            def strictness(k: Kind) -> tuple[int, str]:
                demand = self.rules.policy.kind_level(k.name)
                return (demand.level if demand else 4, k.name)

            first = min(kinds, key=strictness)
            draft.origins["category"] = (f"kind {first.name}", draft.at)
            return first.category
        if draft.listed and all(e.get("level", 3) == 3 for _, e in layers):
            draft.origins["category"] = ("level_3", draft.at)
            return GENERAL
        self.problems.add(
            "PM012",
            "no-category",
            draft.at,
            f"{draft.table}.{draft.name} has no category",
            "Add category: one of " + ", ".join(sorted(known)) + ".",
        )
        return None

    def _mask(self, draft: Draft, layers: list[Layer], kind: Kind | None) -> str | None:
        mask = self._say(draft, layers, "mask")
        at = draft.origins["mask"][1] if mask else draft.at
        if kind is None:
            if mask is not None:
                self.problems.add(
                    "PM012",
                    "mask-without-kind",
                    at,
                    f"{draft.table}.{draft.name} names a mask and no kind",
                    "Add the kind.",
                )
            return None
        if mask is not None and mask not in kind.mask_names:
            self.problems.add(
                "PM013",
                "unknown-mask",
                at,
                f"kind {kind.name} has no mask {mask!r}",
                did_you_mean(mask, kind.mask_names),
            )
            return None
        weaker = self._below_floor(kind, mask)
        if weaker:
            self.problems.add("PM014", "mask-below-floor", at, weaker, "Choose another mask.")
        return None if mask is None or mask == kind.default_mask else str(mask)

    def _below_floor(self, kind: Kind, mask: str | None) -> str:
        """What the mask shows that a floor hides, '' when nothing."""
        key = (kind.name, mask)
        if key not in self.rules.floors_checked:
            rule = kind.rule(mask)
            message = ""
            for floor, says in self.rules.policy.floors(kind.name):
                weaker = rule.shows.weaker_at(floor)
                if weaker:
                    length, positions = weaker[0]
                    message = (
                        f"the mask {rule.name} of kind {kind.name} shows {rule.shows.says}; "
                        f"{says} hides at least {floor} (at {length} characters it shows "
                        f"position {', '.join(map(str, positions))})"
                    )
                    break
            self.rules.floors_checked[key] = message
        return self.rules.floors_checked[key]

    def _only_sealed(
        self,
        draft: Draft,
        level: int,
        kind: Kind | None,
        kind_by: KindBy | None,
        *,
        search: bool,
        unique: Unique,
    ) -> None:
        """Search and uniqueness by blind index belong to sealed columns."""
        wanted = "search" if search else "unique" if unique is not Unique.NO else ""
        if not wanted:
            return
        label, at = draft.origins[wanted]
        if level > 1:
            if label == "here":
                self.problems.warn(
                    "PM014",
                    f"{wanted}-not-sealed",
                    at,
                    f"{draft.table}.{draft.name} is not sealed, so it needs no blind index",
                    f"Remove {wanted}; an ordinary index or constraint serves.",
                )
        elif any(k.normaliser is None for k in self._all_kinds(kind, None)):
            self.problems.add(
                "PM014",
                f"{wanted}-without-normal-form",
                at,
                f"values of kind {kind.name if kind else ''} cannot be compared by blind index",
                f"Remove {wanted}, or choose another kind.",
            )

    def _audit(
        self, draft: Draft, layers: list[Layer], level: int, kinds: tuple[Kind, ...]
    ) -> Recorded | None:
        """What the record of changes holds: never more than the level allows (G1)."""
        written = self._say(draft, layers, "audit")
        if written is None:
            return None
        at = draft.origins["audit"][1]
        wanted = Recorded(written)
        where = f"{draft.table}.{draft.name}"
        media = bool(kinds) and all(k.hidden_by_default for k in kinds)
        message, hint = "", "Write mask or omit."
        if wanted is Recorded.PLAIN and level < 3:
            message = f"{where} has level {level}, and the record of changes would hold it plain"
        elif wanted is Recorded.HASH and (level == 1 or (level == 2 and not media)):
            message = f"{where} has level {level}, and its digest could be guessed from the record"
        elif wanted is Recorded.MASK and not kinds and level == 3:
            message, hint = f"{where} has no kind, so no mask", "Name a kind, or write omit."
        elif wanted is not Recorded.OMIT and any(k.never_shown for k in kinds):
            message, hint = f"{where} is of a kind that is never shown (B8)", "Write omit."
        if message:
            self.problems.add("PM014", "audit-values", at, message, hint)
            return None
        return wanted

    @staticmethod
    def _subject(draft: Draft) -> tuple[str | None, str | None]:
        written = draft.own.get("subject") if draft.own else None
        if isinstance(written, Entry):
            return written.get("column"), written.get("class")
        return written, None
