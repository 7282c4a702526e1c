"""Drift: what somebody changed by hand since the last apply, attribute by attribute (A4).

The recorded fingerprint of every managed object is compared with what the server says now; beside
them, objects that nobody planned: a view owned by a view owner, a table without protection.
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
    """Relations that belong to roles of ours and are in nobody's plan."""
    views = {m.address for m in facts.managed if m.kind == "view"}
    owners = {
        str((m.fingerprint or {}).get("owner"))
        for m in facts.managed
        if m.kind == "view" and m.parent
    }
    family = {m.address for m in facts.managed if m.kind == "security"}
    stores = {str((m.fingerprint or {}).get("owner")) for m in facts.managed if m.kind == "place"}
    for relation in facts.relations:
        name = f"{relation.schema}.{relation.name}"
        if relation.owner in owners and relation.qualified not in views:
            yield Drift(
                table="", object=f"view:{name}", attribute="existence",
                recorded="not planned", now=f"owned by {relation.owner}",
            )  # fmt: skip
        if relation.owner in stores and relation.kind in "rp" and relation.qualified not in family:
            yield Drift(
                table="", object=f"place:{name}", attribute="existence",
                recorded="not planned", now=f"owned by {relation.owner}, without protection",
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
