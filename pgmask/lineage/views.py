"""Views: their columns written out to base columns, so that only what is used counts as read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pgmask.facts.schema import Relation
from pgmask.lineage import select
from pgmask.lineage.model import Unresolved
from pgmask.lineage.parse import parse_one
from pgmask.lineage.reader import DEEPEST, Node, Reader
from pgmask.lineage.rows import Out, Rows
from pgmask.lineage.scope import index_of
from pgmask.lineage.values import CONDITION, NO_SOURCES, NOTHING, Notes, Sources, Value

# What pg_get_viewdef leaves without a schema stands in pg_catalog, whatever a session has made.
_SERVERS_OWN = ("pg_catalog", "pg_temp")


@dataclass(frozen=True, slots=True)
class View:
    """values by column; extra: what a column reads beside its sources; always: all the rest."""

    values: list[Value]
    index: dict[str, int]
    extra: list[Notes | None] | None
    always: Notes
    conditions: Sources
    problems: tuple[Unresolved, ...]
    sets_path: bool = False
    bare: bool = False
    """Whether a body in it looks for names on the path of the session."""


def expanded(r: Reader, relation: Relation, node: Node) -> View:
    """The view, worked out once per schema; its problems are those of the statement."""
    # Functions with bodies of text run on the session's path, in a view too.
    key = ("view", relation.schema, relation.name, r.session.running_path())
    memo = r.session.memo
    known = memo.get(key)
    made = r.session.state.views.get((relation.schema, relation.name))
    if made is not None:
        view: View = made[0]
    elif known is not None and known[0] is relation:
        view = known[1]
    elif key in r.busy or r.depth > DEEPEST:
        r.refuse("PM609", f"the view {relation.name!r} refers to itself", node)
        return View([NOTHING] * len(relation.columns), index_of(relation.columns), None, Notes(),
                    NO_SOURCES, ())  # fmt: skip
    else:
        view = _read(r, relation, key)
        r.session.memo[key] = (relation, view)
    r.session.pending = r.session.pending or view.sets_path
    r.session.bare_inside = r.session.bare_inside or view.bare
    for problem in view.problems:
        r.refuse(
            problem.code, f"in the view {relation.schema}.{relation.name}: {problem.message}",
            node, problem.hint,
        )  # fmt: skip
    return view


def of_snapshot(r: Reader, relation: Relation) -> View:
    """What a view of the snapshot means; nothing of it is told of the statement."""
    return _read(r, relation, ("view", relation.schema, relation.name))


def same(one: View, other: View) -> bool:
    """Whether every column that both have comes from the same, and all else that is read too."""
    if one.problems or other.problems or one.sets_path or other.sets_path:
        return False
    if one.bare or other.bare or one.conditions != other.conditions:
        return False

    def read(notes: Notes | None) -> tuple[set[Any], ...]:
        return (set(), set()) if notes is None else (set(notes.reads), set(notes.calls))

    def column(view: View, name: str) -> tuple[Any, ...]:
        number = view.index[name]
        value = view.values[number]
        extra = view.extra[number] if view.extra is not None else None
        return value.sources, value.type, _parts(value), read(extra)

    both = one.index.keys() & other.index.keys()
    return read(one.always) == read(other.always) and all(
        column(one, name) == column(other, name) for name in both
    )


def _parts(value: Value) -> tuple[Any, ...] | None:
    if value.fields is None:
        return None
    return tuple((name, one.sources, one.type, _parts(one)) for name, one in value.fields)


def _read(r: Reader, relation: Relation, key: Any) -> View:
    return read(r, relation, parse_one(relation.definition or ""), _SERVERS_OWN, key)


def read(r: Reader, relation: Relation, tree: Node | None, path: tuple[str, ...], key: Any) -> View:
    """What a view's query means on a path, just now."""
    state = r.session.state
    inner = Reader(r.session, tree)
    inner.quiet = 1
    inner.fresh = path != _SERVERS_OWN
    inner.at = 0
    inner.depth = r.depth + 1
    inner.busy = r.busy | {key}
    before, known, caller = state.path, state.path_known, r.session.caller
    bare, r.session.bare_inside = r.session.bare_inside, False
    pending, r.session.pending = r.session.pending, False
    r.session.caller = r.session.running_path()
    state.path, state.path_known = path, True
    try:
        if tree is None:
            rows = Rows()
            inner.refuse("PM609", "its definition cannot be parsed", {})
        else:
            rows = select.query(inner, tree, None, apart=True)
    finally:
        state.path, state.path_known, r.session.caller = before, known, caller
        found_bare, r.session.bare_inside = r.session.bare_inside, bare
        sets_path, r.session.pending = r.session.pending, pending
    if len(rows.columns) != len(relation.columns) and not inner.unresolved:
        inner.refuse("PM609", "its definition has other columns than the view", {})
    values: list[Value] = []
    extra: list[Notes | None] = []
    for text, out in zip(relation.types, rows.columns, strict=False):
        values.append(Value(out.value.sources, text, out.value.fields))
        extra.append(_beside(out))
    missing = len(relation.columns) - len(values)
    values += [NOTHING] * missing
    extra += [None] * missing
    beside = extra if any(e is not None for e in extra) else None
    return View(
        values, index_of(relation.columns), beside, inner.notes, rows.conditions,
        tuple(inner.unresolved), sets_path, found_bare,
    )  # fmt: skip


def _beside(out: Out) -> Notes | None:
    notes = out.notes
    if notes is None:
        return None
    plain = {c for c, near in out.value.sources.items() if near < CONDITION}
    if notes.reads or notes.calls or not notes.named.keys() <= plain:
        return notes
    return None
