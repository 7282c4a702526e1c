"""What one profile may see and do, column by column, as the compiler lays it into views.

Nothing is decided here: the form of a column, the names of views and functions and who may write
come from the functions of ``pgmask.compile`` that make the views.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from pgmask.catalogue.model import Catalogue, Form, Operation, Profile, Rows, Table
from pgmask.catalogue.model import Column as Classified
from pgmask.compile import contexts, reveal, search, views
from pgmask.compile.columns import shadow_name
from pgmask.compile.context import Context
from pgmask.compile.grants import allowed
from pgmask.compile.store import place_of
from pgmask.errors import CatalogueError
from pgmask.facts.model import ColumnFact, Facts
from pgmask.kinds.types import type_treatment
from pgmask.lineage.model import Column
from pgmask.names import Name
from pgmask.verdict.model import Shown

OWN_SCHEMAS = frozenset({"pgmask", "pgmask_private", "pgmask_report", "pgmask_audit"})

REVEALED = "revealed:"
"""Put before a view's schema: the same rows as a reveal gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One column of a protected table as the profile sees it.

    stored: where it lies now; classified None: the catalogue does not name it;
    level None likewise; writable: the view's column is a stored one and the profile writes; search:
    the qualified search function, '' without one.
    """

    table: Table
    name: str
    stored: Column
    classified: Classified | None
    form: Shown
    writable: bool = False
    search: str = ""

    @property
    def level(self) -> int | None:
        """1 the gravest."""
        return self.classified.level if self.classified is not None else None

    @property
    def sealed(self) -> bool:
        """Level 1: what is stored is the mask."""
        return self.classified is not None and self.classified.sealed

    @property
    def personal(self) -> bool:
        """Level 1 or 2."""
        return self.level in (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One protected table as the profile has it: its view, or the table's name without a view."""

    schema: str
    name: str
    context: Context
    operations: frozenset[Operation]
    sights: dict[str, Sight] = field(repr=False)
    request: str = ""
    reveal: str = ""
    searches: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """The catalogue's table."""
        return self.context.table


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One profile over the tables of one database; make it with ``of``.

    path: the search_path of the application, where it is not the profile's own.
    """

    catalogue: Catalogue
    profile: Profile
    facts: Facts
    path: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, catalogue: Catalogue, profile: str, facts: Facts, path: tuple[str, ...] | None = None
    ) -> Policy:
        """Raises CatalogueError PM013 for a profile that the catalogue does not have."""
        for found in catalogue.profiles:
            if found.name == profile:
                return cls(catalogue=catalogue, profile=found, facts=facts, path=path)
        names = ", ".join(p.name for p in catalogue.profiles)
        raise CatalogueError(
            "PM013", f"the catalogue has no profile {profile!r}", hint=f"It has: {names}."
        )

    @cached_property
    def contexts(self) -> tuple[Context, ...]:
        """One per protected table that is there."""
        return contexts(self.catalogue, self.facts)

    @cached_property
    def views(self) -> dict[tuple[str, str], View]:
        """The profile's views by schema and name."""
        found = {}
        for context in self.contexts:
            if self.profile.may(context.table):
                view = _view(context, self.profile)
                found[view.schema, view.name] = view
        return found

    @cached_property
    def others(self) -> dict[tuple[str, str], tuple[Table, str]]:
        """The views of other profiles: their table and profile, where the name is not ours."""
        found = {}
        for context in self.contexts:
            for profile in context.profiles:
                name = context.view(profile)
                key = (name.schema.text, name.name.text)
                if key not in self.views:
                    found[key] = (context.table, profile.name)
        return found

    @cached_property
    def stores(self) -> dict[tuple[str, str], Context]:
        """Store tables, and their partitions and children, by where they stand now and will."""
        found = {}
        for context in self.contexts:
            for relation in (context.relation, *self.facts.descendants(context.relation)):
                place = place_of(context, relation)
                names = {(place.schema.text, place.name.text), relation.qualified}
                found.update(dict.fromkeys(names - set(self.views) - set(self.others), context))
        return found

    @cached_property
    def partitions(self) -> frozenset[tuple[str, str]]:
        """Partitions and children of stores, by where they stand now, will, and stood before."""
        found = set()
        for context in self.contexts:
            for relation in self.facts.descendants(context.relation):
                place = place_of(context, relation)
                found |= {relation.qualified, (place.schema.text, place.name.text)}
                found.add((context.table.schema, relation.name))
        return frozenset(found)

    @cached_property
    def search_path(self) -> tuple[str, ...]:
        """As a login of this profile has it: its views, then what the application has beside."""
        if self.path is not None:
            return self.path
        own = [self.catalogue.view_schema(self.profile, s) for s in self.catalogue.stores]
        return tuple(dict.fromkeys([*own, *(s.schema for s in self.catalogue.stores), "public"]))

    def found(self, name: str) -> tuple[str, str]:
        """Schema and name of an unqualified relation, by the search path; no schema: not there."""
        for schema in self.search_path:
            key = (schema, name)
            if key in self.views or key in self.others or self.facts.relation(*key) is not None:
                return key
        return "", name

    @cached_property
    def functions(self) -> dict[tuple[str, str], tuple[str, View]]:
        """Generated functions by schema and name: request, reveal, search or bulk, and the view."""
        found = {}
        for view in self.views.values():
            context, profile = view.context, self.profile
            if not context.stage.seals:
                continue
            made = [
                ("request", reveal.request_name(context, profile)),
                ("reveal", reveal.reveal_name(context, profile)),
            ] * bool(view.reveal)
            for column in view.searches:
                made.append(("search", search.search_name(context, profile, column)))
                made.append(("bulk", search.bulk_name(context, profile, column)))
            for what, name in made:
                found[name.schema.text, name.name.text] = (what, view)
        return found

    @cached_property
    def generated(self) -> frozenset[tuple[str, str]]:
        """Schema and name of every generated function, those of other profiles too."""
        found = set(self.functions)
        for context in self.contexts:
            for profile in context.profiles:
                made = [reveal.request_name(context, profile), reveal.reveal_name(context, profile)]
                for column in search.searched(context, profile):
                    made.append(search.search_name(context, profile, column))
                    made.append(search.bulk_name(context, profile, column))
                found |= {(name.schema.text, name.name.text) for name in made}
        return frozenset(found)

    @cached_property
    def schemas(self) -> frozenset[str]:
        """Schemas that hold views, stores or functions of pgmask, and its own."""
        managed = {s for s, _ in (*self.views, *self.others, *self.stores)}
        return OWN_SCHEMAS | (managed - {"public"})

    @property
    def own_unit(self) -> bool:
        """Whether rows are those of the own unit and nothing wider."""
        return not {Rows.ALL, Rows.UNITS, Rows.ASSIGNED, Rows.GRANTED} & set(self.profile.rows)

    def sight(self, column: Column) -> Sight | None:
        """A column of a view, or of a store, as the profile sees it; None: not of a protected
        table.
        """
        view = self.views.get((column.schema, column.table))
        if view is not None:
            return view.sights.get(column.column)
        if column.schema.startswith(REVEALED):
            return self._revealed(column)
        context = self.stores.get((column.schema, column.table))
        other = self.others.get((column.schema, column.table))
        if context is None and other is not None:
            context = next(c for c in self.contexts if c.table is other[0])
        if context is None:
            return None
        return _stored(context, self.profile, column)

    def _revealed(self, column: Column) -> Sight | None:
        view = self.views.get((column.schema.removeprefix(REVEALED), column.table))
        sight = view.sights.get(column.column) if view is not None else None
        if view is None or sight is None:
            return None
        shown = column.column in reveal.revealed(view.context, self.profile)
        return replace(sight, form=Shown.TRUTH) if shown else sight

    def table_of(self, schema: str, name: str) -> Table | None:
        """The protected table that is meant by a view's, a store's or its own name."""
        schema = schema.removeprefix(REVEALED)
        if (schema, name) in self.views:
            return self.views[schema, name].table
        if (schema, name) in self.others:
            return self.others[schema, name][0]
        if (schema, name) in self.stores:
            return self.stores[schema, name].table
        return self.catalogue.table(f"{schema}.{name}")

    def unprotected(self, schema: str, name: str) -> bool:
        """Whether the catalogue says that the table holds nothing personal."""
        return self.catalogue.unprotected_by(schema, name) is not None


def _view(context: Context, profile: Profile) -> View:
    name = context.view(profile)
    may = frozenset(allowed(context, profile))
    searched = search.searched(context, profile) if context.stage.seals else ()
    searches = {c: str(search.search_name(context, profile, c)) for c in searched}
    shows = bool(reveal.revealed(context, profile)) and context.stage.seals
    return View(
        schema=name.schema.text,
        name=name.name.text,
        context=context,
        operations=may,
        sights={
            fact.name: _sight(context, profile, fact, searches.get(fact.name, ""))
            for fact in context.columns
        },
        request=str(reveal.request_name(context, profile)) if shows else "",
        reveal=str(reveal.reveal_name(context, profile)) if shows else "",
        searches=searches,
    )


def _sight(context: Context, profile: Profile, fact: ColumnFact, search_by: str = "") -> Sight:
    stored = views.stored_source(context, profile, fact.name)
    return Sight(
        table=context.table,
        name=fact.name,
        stored=Column(*context.relation.qualified, fact.name),
        classified=context.table.column(fact.name),
        form=shown(context, profile, fact),
        writable=stored is not None and profile.writes(context.table) and not fact.generated,
        search=search_by,
    )


def _stored(context: Context, profile: Profile, column: Column) -> Sight | None:
    """A column of the store itself; a shadow column speaks of the column it stands for."""
    for fact in context.columns:
        shadows = {shadow_name(fact.name, form).text for form in (Form.MASK, Form.HIDDEN)}
        if column.column == fact.name or column.column in shadows:
            return _sight(context, profile, fact)
    return None


def shown(context: Context, profile: Profile, fact: ColumnFact) -> Shown:
    """The form in which the profile's view gives the column, read off the view's own making."""
    column = context.table.column(fact.name)
    if column is None:
        return Shown.NULL
    stored = views.stored_source(context, profile, fact.name)
    if stored is None:
        return Shown.MASK if views.sources(context, profile, fact) else Shown.NULL
    if stored == Name(fact.name):
        return _at_rest(column, fact) if column.sealed else Shown.TRUTH
    hidden = stored == shadow_name(fact.name, Form.HIDDEN)
    return Shown.NULL if hidden else _at_rest(column, fact)


def _at_rest(column: Classified, fact: ColumnFact) -> Shown:
    """Only character types can hold a mask; every other is NULL beside the sealed truth."""
    treatment = type_treatment(
        "free_text" if column.kind is None else column.kind,
        fact.type,
        base_type=fact.base_type if fact.domain else None,
        is_enum=fact.kind == "e",
    )
    return Shown.MASK if treatment.at_rest == "mask" else Shown.NULL
