"""A total, stable order: shared objects, then tables by id; inside by phase, kind and identity."""

from __future__ import annotations

from collections.abc import Iterable

from pgmask.compile.objects import Kind, Object

# Inside one phase: what others stand on comes first.
_KINDS = {kind: number for number, kind in enumerate(Kind)}


def sort_key(one: Object) -> tuple[str, int, int, str]:
    """Table, phase, kind, identity."""
    return (one.table, int(one.phase), _KINDS[one.kind], one.identity)


def ordered(objects: Iterable[Object]) -> tuple[Object, ...]:
    """The objects in the order of creation; of two with one key the first given stays."""
    found: dict[str, Object] = {}
    for one in objects:
        found.setdefault(one.key, one)
    return tuple(sorted(found.values(), key=sort_key))
