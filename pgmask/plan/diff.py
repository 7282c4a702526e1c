"""What has to change: wanted objects against recorded and present ones.

An object needs nothing when its wanted hash is the recorded one and the server describes it as it
did after the last apply.  Otherwise it is made (not there), made over (``replace``), or dropped and
made again; what hangs on something dropped is made again too.  A recorded object that nobody wants
any more is dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pgmask.compile.objects import Kind, Object, Phase
from pgmask.facts.model import Facts, ManagedFact
from pgmask.plan.fingerprint import Reader, differences


class Action(StrEnum):
    """What happens to one object."""

    KEEP = "keep"
    CREATE = "create"
    REPLACE = "replace"
    RECREATE = "recreate"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object and what happens to it.

    object: as wanted, None for a drop; managed: as recorded, None when new; drifted: attributes
    that somebody changed since the last apply.
    """

    action: Action
    object: Object | None
    managed: ManagedFact | None
    drifted: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``kind:identity``."""
        one = self.object or self.managed
        assert one is not None  # noqa: S101  one of the two is always given
        return one.key

    @property
    def table(self) -> str:
        """The protected table it belongs to."""
        if self.object is not None:
            return self.object.table
        assert self.managed is not None  # noqa: S101
        return self.managed.parent


def known_addresses(
    objects: Iterable[Object], managed: Iterable[ManagedFact]
) -> set[tuple[str, tuple[str, ...]]]:
    """(kind, address) of everything wanted or recorded."""
    return {(o.kind.value, o.address) for o in objects} | {(m.kind, m.address) for m in managed}


def diff(objects: tuple[Object, ...], facts: Facts) -> tuple[Change, ...]:
    """One change per wanted or recorded object, wanted ones in their order, drops at the end."""
    recorded = {m.key: m for m in facts.managed}
    reader = Reader(facts, known_addresses(objects, facts.managed))
    found: dict[str, Change] = {}
    for one in objects:
        found[one.key] = _change(one, recorded.pop(one.key, None), reader)
    _spread(objects, found, recorded)
    dropped = [
        Change(action=Action.DROP, object=None, managed=m)
        for m in sorted(recorded.values(), key=lambda m: (m.parent, -m.phase, m.kind, m.identity))
    ]
    return (*found.values(), *dropped)


def _change(one: Object, managed: ManagedFact | None, reader: Reader) -> Change:
    now = reader.read(one.kind.value, one.address)
    if now is None:
        action = Action.CREATE
        gone = ("missing",) if managed is not None else ()
        return Change(action=action, object=one, managed=managed, drifted=gone)
    drifted: tuple[str, ...] = ()
    if managed is not None:
        drifted = differences(managed.fingerprint or {}, now) if one.address else ()
        if managed.desired_hash == one.desired_hash and not drifted:
            return Change(action=Action.KEEP, object=one, managed=managed)
    elif not one.address or one.kind is Kind.INDEX:
        # An index of that name that is not ours is the table's own, and its constraint takes it.
        return Change(action=Action.CREATE, object=one, managed=None)
    action = Action.REPLACE if one.replace else Action.RECREATE
    return Change(action=action, object=one, managed=managed, drifted=drifted)


def _spread(objects: tuple[Object, ...], found: dict[str, Change], dropped: Iterable[str]) -> None:
    """Make again what hangs on something that is dropped or newly made."""
    hanging: defaultdict[str, list[Object]] = defaultdict(list)
    for one in objects:
        for key in one.depends:
            hanging[key].append(one)
    todo = [
        k for k, c in found.items() if c.action in (Action.RECREATE, Action.CREATE) and k in hanging
    ]
    todo += [k for k in dropped if k in hanging]
    while todo:
        for one in hanging[todo.pop()]:
            change = found[one.key]
            if change.action in (Action.KEEP, Action.REPLACE) and not one.replace:
                found[one.key] = Change(
                    action=Action.RECREATE, object=one, managed=change.managed,
                    drifted=change.drifted,
                )  # fmt: skip
                todo.append(one.key)
            elif change.action is Action.KEEP:
                found[one.key] = Change(action=Action.REPLACE, object=one, managed=change.managed)
                todo.append(one.key)


LATE = frozenset({Kind.COLUMN.value, Kind.FUNCTION.value, Kind.SCHEMA.value, Kind.ROLE.value})
"""Kinds that others may still use until the creates have run: dropped at the end of a step."""


def sequence(changes: Iterable[Change]) -> tuple[tuple[Change, str], ...]:
    """(change, ``drop`` or ``create``) in the order in which one transaction runs them.

    Drops go from the outside in (grants, views, policies ...), then creates from the inside out,
    then drops of what the replaced objects stood on (columns, functions).
    """
    early: list[tuple[int, str, Change]] = []
    late: list[tuple[int, str, Change]] = []
    create: list[Change] = []
    for change in changes:
        if change.action is Action.DROP:
            managed = change.managed
            if managed is not None and managed.drop:
                # A function over a view's type goes before the view, one that others call last.
                target = late if managed.kind in LATE and managed.phase < Phase.VIEWS else early
                target.append((-managed.phase, change.key, change))
        elif change.action is Action.RECREATE and change.object is not None:
            early.append((-int(change.object.phase), change.key, change))
            create.append(change)
        elif change.action is not Action.KEEP:
            create.append(change)
    dropped = [(c, "drop") for _, _, c in sorted(early, key=lambda e: e[:2])]
    made = [(c, "create") for c in create]
    last = [(c, "drop") for _, _, c in sorted(late, key=lambda e: e[:2])]
    return (*dropped, *made, *last)


__all__ = ["LATE", "Action", "Change", "Phase", "diff", "known_addresses", "sequence"]
