"""From catalogue and facts to objects and problems."""

from __future__ import annotations

from dataclasses import replace

from pgmask.catalogue.model import Catalogue
from pgmask.compile import (
    added,
    audit_subjects,
    backup,
    changes,
    grants,
    identity_views,
    indexes,
    notes,
    policies,
    problems,
    publications,
    reveal,
    rollout,
    rowterms,
    shared,
    store,
    views,
)
from pgmask.compile.context import Context, place_in
from pgmask.compile.objects import Object, Problem
from pgmask.compile.order import ordered
from pgmask.compile.sealing import sealing_objects, sealing_problems
from pgmask.facts.model import Facts


def contexts(catalogue: Catalogue, facts: Facts) -> tuple[Context, ...]:
    """One per protected table that the database has, in the catalogue's order."""
    found = []
    for table in catalogue.tables:
        kept = catalogue.store(table.schema)
        relation = facts.store_relation(table.id, table.schema, table.name)
        place = place_in(catalogue, facts, table)
        if kept is None or relation is None or place is None:
            continue
        found.append(
            Context(
                catalogue=catalogue,
                facts=facts,
                table=table,
                store=kept,
                relation=relation,
                place=place,
            )
        )
    return tuple(found)


def _protected(known: tuple[Context, ...]) -> frozenset[tuple[str, str]]:
    """The stores and their children by name, as they are and where they will be."""
    found = set()
    for context in known:
        for relation in (context.relation, *context.facts.descendants(context.relation)):
            place = store.place_of(context, relation)
            found |= {relation.qualified, (place.schema.text, place.name.text)}
    return frozenset(found)


def check(catalogue: Catalogue, facts: Facts) -> tuple[Problem, ...]:
    """Everything in the database that the catalogue cannot be laid over, all at once, sorted."""
    found = list(problems.of_database(catalogue, facts))
    known = contexts(catalogue, facts)
    there = {c.table.id for c in known}
    for table in catalogue.tables:
        if table.id not in there:
            found.append(problems.missing_table(table, facts))
    found += backup.problems(catalogue, facts, _protected(known))
    for context in known:
        found += problems.of_table(context)
        found += rollout.problems(context)
        found += problems.writes_computed(context)
        found += problems.planned_calls(context)
        found += indexes.missing(context)
        found += indexes.telling(context)
        found += reveal.problems(context)
        found += publications.problems(context)
        if context.relation.kind in "rp" and context.stage.seals:
            found += sealing_problems(catalogue, facts, context.table)
    return tuple(sorted(set(found)))


def compile(catalogue: Catalogue, facts: Facts) -> tuple[Object, ...]:
    """Every object that should stand in this database, in a total order.

    The same catalogue and facts give the same bytes, whatever the order of their tuples.  Call
    ``check`` first: objects are made only for tables and columns that are there.
    """
    catalogue = replace(
        catalogue,
        tables=tuple(sorted(catalogue.tables, key=lambda t: t.id)),
        profiles=tuple(sorted(catalogue.profiles, key=lambda p: p.name)),
        subjects=tuple(sorted(catalogue.subjects, key=lambda s: s.name)),
    )
    known = contexts(catalogue, facts)
    stores = {s.store_schema for s in catalogue.stores}
    elsewhere = frozenset(
        place
        for c in known
        if c.stage.moved
        for child in facts.descendants(c.relation)
        if (place := store.place_of(c, child).schema.text) not in stores
    )
    # Of two with one key the first stays: the sealer's rights on view schemas are the wider ones.
    found: list[Object] = list(reveal.schemas(catalogue))
    found += shared.build(catalogue, facts, elsewhere)
    found += identity_views.build(catalogue)
    found += notes.stall_rule(catalogue)
    found += backup.build(catalogue, facts, _protected(known))
    found += rowterms.subject_views(catalogue, facts, known)
    for context in known:
        if context.stage.moved:
            found += store.build(context)
            found += policies.build(context)
            found += changes.build(context)
        else:
            found.append(rollout.observed(context))
        if context.stage.seals:
            # The sealing compiler's objects come first: of two with one key the first stays.
            found += sealing_objects(catalogue, facts, context.table)
            found += added.build_shadows(context)
            found += indexes.build(context)
            found += publications.build(context)
            found += audit_subjects.build(context)
        found += added.build(context)
        found += views.build(context)
        found += grants.build(context)
        found += reveal.build(context)
        found.append(rollout.stage(context))
    return ordered(found)
