"""Drift: what somebody changed by hand since the last apply, attribute by attribute (A4).

The recorded fingerprint of every managed object is compared with what the server says now; beside
them, objects that nobody planned: whatever belongs to pgmask's roles, stands in its schemas, or
reads a store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pgmask.catalogue.model import Catalogue
from pgmask.compile import check
from pgmask.facts.model import Facts
from pgmask.plan.fingerprint import Reader, differences


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Drift:
    """One attribute that is not as it was left.

    table: the protected table, '' for what the database shares; object: ``kind:identity``;
    attribute; recorded, now: as the server describes it (definitions and names, never a value).
    """

    table: str
    object: str
    attribute: str
    recorded: str
    now: str


def drift(facts: Facts, catalogue: Catalogue | None = None) -> tuple[Drift, ...]:
    """Every difference, sorted by table and object; empty when all is as it was left.

    catalogue: when given, also whether it is the deployed one, and what in the database it does not
    know (unclassified tables and columns).
    """
    found = [*_changed(facts), *_unplanned(facts)]
    if catalogue is not None:
        found += _catalogue(facts, catalogue)
    return tuple(sorted(found))


def _changed(facts: Facts) -> Iterator[Drift]:
    reader = Reader(facts, {(m.kind, m.address) for m in facts.managed})
    for one in facts.managed:
        if not one.address:
            continue
        now = reader.read(one.kind, one.address)
        if now is None:
            yield Drift(
                table=one.parent,
                object=one.key,
                attribute="existence",
                recorded="there",
                now="gone",
            )
            continue
        recorded = one.fingerprint or {}
        for attribute in differences(recorded, now):
            yield Drift(
                table=one.parent,
                object=one.key,
                attribute=attribute,
                recorded=_text(recorded.get(attribute)),
                now=_text(now.get(attribute)),
            )


def _unplanned(facts: Facts) -> Iterator[Drift]:
    """What stands beside the plans: with rights of pgmask's roles, in its schemas, on its stores.

    A view or function has the rights of its owner; one that nobody planned is a door.
    """
    if not facts.managed:
        if facts.stores:
            yield Drift(
                table="", object="record:managed_object", attribute="existence",
                recorded="there", now="gone: nothing can be compared",
            )  # fmt: skip
        return
    planned = {
        (m.kind, *m.address)
        if m.kind != "function"
        else (m.kind, *m.address, str((m.fingerprint or {}).get("arguments")))
        for m in facts.managed
    }
    family = {m.address for m in facts.managed if m.kind == "security"}
    # An application's trigger function that belongs to a store's owner is recorded with the table.
    triggered = {t.function for r in facts.relations if r.qualified in family for t in r.triggers}
    aside = {s.schema for s in facts.stores if s.schema != s.original_schema}
    for one in facts.beside:
        here = (one.schema, one.name)
        if one.kind == "table" and one.stores and one.owner != "pgmask_store":
            # The application's own role: it also owns tables that need no protection. Whether they
            # do is the catalogue's to say (PM202); in a store's schema they do.
            if one.schema not in aside:
                continue
        if one.kind == "function":
            known = ("function", *here, one.part) in planned or (one.stores and here in triggered)
        elif one.kind == "table":
            known = here in family
        else:
            known = (one.kind, *here) in planned
        if known:
            continue
        # Under the name that the plan gives to a table of a store's owner.
        kind = "place" if one.kind == "table" else one.kind
        yield Drift(
            table="", object=f"{kind}:{one.identity}", attribute="existence",
            recorded="not planned", now=f"owned by {one.owner}"
            + (", without protection" if one.kind == "table" else ""),
        )  # fmt: skip
    for relation in facts.relations:
        for call in relation.planned_calls if relation.qualified in family else ():
            yield Drift(
                table="", object=f"{call.kind}:{relation.schema}.{relation.name}.{call.name}",
                attribute="code", recorded="none of the application",
                now=f"calls {call.function}, owned by {call.owner} (PM257)",
            )  # fmt: skip
    named = {(b.schema, b.name) for b in facts.beside}
    for relation in facts.relations:
        if relation.qualified not in family:
            continue
        for reader in relation.dependants:
            here = (reader.schema, reader.name)
            if reader.kind == "function" or here in named or ("view", *here) in planned:
                continue
            yield Drift(
                table="", object=f"{reader.kind}:{reader.schema}.{reader.name}",
                attribute="existence", recorded="not planned",
                now=f"reads {relation.schema}.{relation.name}, owned by {reader.owner}",
            )  # fmt: skip


def _catalogue(facts: Facts, catalogue: Catalogue) -> Iterator[Drift]:
    deployed = facts.deployed.catalogue_hash if facts.deployed is not None else ""
    if deployed != catalogue.hash:
        yield Drift(
            table="", object="catalogue", attribute="hash", recorded=deployed or "none deployed",
            now=catalogue.hash,
        )  # fmt: skip
    for problem in check(catalogue, facts):
        if problem.code == "PM202":
            yield Drift(
                table=problem.table, object=f"column:{problem.table}.{problem.what}"
                if problem.what != problem.table else f"table:{problem.table}",
                attribute="classification", recorded="classified", now="unclassified",
            )  # fmt: skip


def _text(value: object) -> str:
    if value is None or value == "" or value == [] or value == {}:
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_text(v)}" for k, v in sorted(value.items()))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
