"""From files to a catalogue, with every problem at once."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from pathlib import Path

from pgmask.catalogue.columns import Resolver
from pgmask.catalogue.derogations import check_exceptions, read_exceptions
from pgmask.catalogue.files import Sources, lock_file, read_files, values
from pgmask.catalogue.levels import Draft, Rules
from pgmask.catalogue.lockfile import Lock, read_lock
from pgmask.catalogue.model import (
    Catalogue,
    Opens,
    Position,
    Profile,
    Store,
    Unprotected,
)
from pgmask.catalogue.packs.policy import Policy
from pgmask.catalogue.patterns import BadReference, Pattern, alternatives, pattern
from pgmask.catalogue.policies import read_policy
from pgmask.catalogue.problems import (
    CatalogueProblems,
    Problem,
    Problems,
    did_you_mean,
    errors,
)
from pgmask.catalogue.profiles import read_profiles
from pgmask.catalogue.rules import check_rules
from pgmask.catalogue.scope import Scope
from pgmask.catalogue.settings import read_settings
from pgmask.catalogue.shapes import Entry, Located
from pgmask.catalogue.subjects import finish_tables, read_subjects
from pgmask.catalogue.tables import collect_tables, link_columns, read_columns, read_stores
from pgmask.kinds import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What reading gave, whether or not the catalogue is accepted.

    catalogue: None when the main file could not be read; problems: sorted by place; policy: the
    packs in force; origins: (table id, column) -> setting -> (where from, place); lock: what the
    patterns match among the columns and tables known without a database; locked: what the lock file
    says, None without one; patterned: columns that only the lock file names; patterns: those of
    ``defaults.columns``, and personal_patterns the ones that mean personal information.
    """

    catalogue: Catalogue | None
    problems: tuple[Problem, ...]
    policy: Policy | None = None
    origins: dict[tuple[str, str], dict[str, tuple[str, Position]]] = field(default_factory=dict)
    lock: Lock | None = None
    locked: Lock | None = None
    patterned: frozenset[tuple[str, str]] = frozenset()
    patterns: tuple[tuple[Pattern, Position], ...] = ()
    personal_patterns: frozenset[str] = frozenset()
    sources: Sources | None = None

    @property
    def accepted(self) -> bool:
        """Whether nothing refuses the catalogue."""
        return self.catalogue is not None and not errors(self.problems)


def load(
    path: str | Path,
    *,
    environment: str | None = None,
    today: datetime.date | None = None,
) -> Catalogue:
    """The catalogue of a main file (or of a folder with ``pgmask.yml``).

    environment: one of ``environments``; today: decides which exceptions are in force.  Raises
    CatalogueProblems (PM011), which holds every problem, when anything refuses it (A1).
    """
    loaded = read(path, environment=environment, today=today)
    if loaded.catalogue is None or not loaded.accepted:
        raise CatalogueProblems(loaded.problems)
    return loaded.catalogue


def read(
    path: str | Path,
    *,
    environment: str | None = None,
    today: datetime.date | None = None,
) -> Loaded:
    """Like ``load``, but never raises for what is in the files: the problems come along."""
    problems = Problems()
    sources = read_files(Path(path), problems)
    if sources.root is None:
        return Loaded(catalogue=None, problems=problems.all, sources=sources)
    return _Reading(sources, problems, environment, today or _today()).run()


def _today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.UTC).date()


class _Reading:
    def __init__(
        self, sources: Sources, problems: Problems, environment: str | None, today: datetime.date
    ) -> None:
        assert sources.root is not None  # noqa: S101 - read() has seen to it
        self.root: Entry = sources.root
        self.sources = sources
        self.problems = problems
        self.environment = environment
        self.today = today

    def run(self) -> Loaded:
        root, problems, sources = self.root, self.problems, self.sources
        policy, interpretations = read_policy(root, sources, problems)
        locked = read_lock(sources.lock, _lock_name(sources), problems) if sources.lock else None
        stores = read_stores(root.get("store", ()), problems)
        scope = Scope(stores, problems)
        collect_tables(sources.parts, scope)
        rules = Rules(
            policy=policy,
            patterns=self._patterns(),
            kinds={k.value: e for k, e in self._defaults().get("kinds", ())},
        )
        self._check_default_kinds(rules)
        in_force, exceptions = read_exceptions(sources.parts, scope, self.today)
        rules.exceptions = in_force
        resolver = Resolver(rules, problems)
        drafts: dict[tuple[str, str], Draft] = {}
        templates = {k.value: t for k, t in root.get("templates", ())}
        for raw in scope.tables.values():
            extra = {
                c
                for p, found in (locked.columns.items() if locked else ())
                if p in resolver.matched
                for t, c in found
                if t == raw.id and pattern(p, 1).matches(c)
            }
            read_columns(raw, templates, extra, resolver, problems, drafts)
        link_columns(scope, drafts, policy)
        check_exceptions(exceptions, drafts, scope)
        subjects = read_subjects(self._subjects(), scope, policy)
        tables = finish_tables(scope, subjects)
        profiles, profile_matches = read_profiles(sources.parts, scope, tables)
        settings = read_settings(root, self.environment, problems)
        unprotected = self._unprotected(scope, locked)
        stores = self._named(stores, profiles)
        profiles = self._opened(stores, profiles)
        catalogue = Catalogue(
            packs=tuple(p.name for p in policy.packs),
            stores=stores,
            subjects=subjects,
            tables=tables,
            profiles=profiles,
            unprotected=unprotected,
            exceptions=tuple(sorted(in_force.values(), key=lambda e: e.column)),
            backup=tuple(sorted(values(root.get("backup")))),
            categories=tuple(sorted((k.value, v) for k, v in root.get("categories", ()))),
            interpretations=interpretations,
            **settings,
        )
        check_rules(catalogue, policy, self.root, problems)
        return Loaded(
            catalogue=catalogue,
            problems=problems.all,
            policy=policy,
            origins={key: d.origins for key, d in drafts.items()},
            lock=Lock(
                columns={p: tuple(sorted(f)) for p, f in resolver.matched.items()},
                unprotected={t: u.matched for u in unprotected for t in u.tables},
                profiles=profile_matches,
            ),
            locked=locked,
            patterned=frozenset((r.id, c) for r in scope.tables.values() for c in r.patterned),
            patterns=tuple((p, e.at) for p, e in rules.patterns),
            personal_patterns=frozenset(
                p.text for p, e in rules.patterns if "kind" in e.values or e.get("level", 3) < 3
            ),
            sources=sources,
        )

    def _defaults(self) -> Entry:
        return self.root.get("defaults") or Entry(self.root.at)

    def _subjects(self) -> tuple[Entry, ...]:
        both = [k for k in ("subject", "subjects") if k in self.root.values]
        if len(both) == 2:
            self.problems.add(
                "PM012",
                "subject-and-subjects",
                self.root.place("subjects"),
                "both `subject` and `subjects` stand in the catalogue",
                "Keep one of them.",
            )
        return tuple(e for k in both for e in self.root.get(k))

    def _patterns(self) -> tuple[tuple[Pattern, Entry], ...]:
        found = []
        for key, entry in self._defaults().get("columns", ()):
            try:
                found.append((pattern(key.value, 1), entry))
            except BadReference as error:
                self.problems.add(
                    "PM012",
                    "bad-name",
                    key.at,
                    str(error),
                    "Write globs of column names joined by |.",
                )
        return tuple(sorted(found, key=lambda f: f[0].text))

    def _check_default_kinds(self, rules: Rules) -> None:
        for key, entry in self._defaults().get("kinds", ()):
            if key.value not in KINDS:
                self.problems.add(
                    "PM013",
                    "unknown-kind",
                    key.at,
                    f"there is no kind {key.value!r}",
                    did_you_mean(key.value, KINDS),
                )
                continue
            demand = rules.policy.kind_level(key.value)
            level = entry.get("level")
            if demand and level is not None and level > demand.level:
                self.problems.add(
                    "PM014",
                    "level-below",
                    entry.place("level"),
                    f"kind {key.value} gets level {level} here, {demand} asks for {demand.level}",
                    f"Write level: {demand.level}.",
                )

    def _unprotected(self, scope: Scope, locked: Lock | None) -> tuple[Unprotected, ...]:
        found = []
        for part in self.sources.parts:
            for entry in part.entry.get("unprotected", ()):
                names: set[str] = set()
                for item in entry.get("tables", ()):
                    names.update(self._free_of_persons(item, scope))
                matched = {
                    t for n in names for t in (locked.unprotected.get(n, ()) if locked else ())
                }
                found.append(
                    Unprotected(
                        tables=tuple(sorted(names)),
                        reason=entry.get("reason", ""),
                        matched=tuple(sorted(matched)),
                        position=entry.place("tables"),
                    )
                )
        return tuple(sorted(found, key=lambda u: (u.tables, u.reason)))

    def _free_of_persons(self, item: Located, scope: Scope) -> list[str]:
        """The patterns of one text; none may match a protected table."""
        try:
            wanted = pattern(item.value)
        except BadReference as error:
            self.problems.add("PM012", "bad-name", item.at, str(error), "Write globs of tables.")
            return []
        for raw in scope.tables.values():
            if wanted.matches(raw.schema, raw.name):
                self.problems.add(
                    "PM013",
                    "protected-and-not",
                    item.at,
                    f"{item.value!r} matches {raw.id}, which is protected at {raw.at}",
                    "Narrow the pattern; a table is one or the other.",
                )
        return alternatives(item.value)

    def _opened(
        self, stores: tuple[Store, ...], profiles: tuple[Profile, ...]
    ) -> tuple[Profile, ...]:
        """A profile that takes the application's name is open at once, unless it says otherwise."""
        said = {
            key.value
            for part in self.sources.parts
            for key, entry in part.entry.get("profiles", ())
            if "opens" in entry.values
        }
        named = {s.profile for s in stores if s.mode == "aside"} - said
        return tuple(replace(p, opens=Opens.ALWAYS) if p.name in named else p for p in profiles)

    def _named(self, stores: tuple[Store, ...], profiles: tuple[Profile, ...]) -> tuple[Store, ...]:
        """Each store set aside with the profile that takes its name."""
        known = {p.name: p for p in profiles}
        found = []
        for store in stores:
            entry = next(e for e in self.root.get("store") if e.get("schema") == store.schema)
            if store.profile is not None and store.profile not in known:
                self.problems.add(
                    "PM013",
                    "unknown-profile",
                    entry.place("profile"),
                    f"there is no profile {store.profile!r}",
                    did_you_mean(store.profile, known),
                )
            if store.mode == "aside" and store.profile is None and known:
                writers = [
                    p.name
                    for p in known.values()
                    if any(
                        len(o) > 1 for id_, o in p.operations if id_.startswith(store.schema + ".")
                    )
                ]
                only = list(known) if len(known) == 1 else writers
                if len(only) == 1:
                    store = replace(store, profile=only[0])
                else:
                    self.problems.add(
                        "PM016",
                        "store-profile",
                        entry.at,
                        f"it is not said which profile's views take the name {store.schema!r}",
                        "Add profile: one of " + ", ".join(sorted(known)) + ".",
                    )
            found.append(store)
        return tuple(found)


def _lock_name(sources: Sources) -> str:
    return lock_file(sources.folder / sources.main).name
