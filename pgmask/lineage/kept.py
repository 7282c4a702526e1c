"""What a write runs beside itself: defaults, checks, generated columns, expressions of indexes and
partition keys that call functions, and the checks of domains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pgmask.facts.schema import Kept, Relation, row_type
from pgmask.lineage import select
from pgmask.lineage.model import Use
from pgmask.lineage.parse import parse_one
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.scope import Item, Level
from pgmask.lineage.session import Renamed
from pgmask.lineage.types import bare, row_of
from pgmask.lineage.values import EXPRESSION, NO_SOURCES, Sources, Value, merged

# The server writes stored expressions with every name outside of pg_catalog qualified.
_SERVERS_OWN: Final = ("pg_catalog", "pg_temp")
_WORD: Final = re.compile(r"[\w$]+")
Filled = dict[str, Sources]


def expression(r: Reader, text: str, level: Level | None, node: Node, what: str) -> Value:
    """The value of a stored expression, run as part of this statement."""
    made = r.session.kept.get(text)
    tree, path = made or (parse_one(f"SELECT {text}"), _SERVERS_OWN)
    if tree is None:
        return r.refuse("PM609", f"{what} cannot be parsed", node)
    before, r.at = r.at, max(r.position(node), 0)
    state = r.session.state
    was, known = state.path, state.path_known
    state.path, state.path_known = path, True
    r.quiet += 1
    try:
        rows = select.query(r, tree, level)
    finally:
        r.quiet -= 1
        r.session.state.path, r.session.state.path_known, r.at = was, known, before
    return Value(merged((out.value.sources for out in rows.columns), EXPRESSION))


def remember(r: Reader, tree: Node) -> str:
    """Keep an expression of this text, bound on the path of this moment; its name for ``Kept``."""
    name = f"of this text {len(r.session.kept)}"
    query = {"SelectStmt": {"targetList": [{"ResTarget": {"val": tree}}]}}
    r.session.kept[name] = (query, r.session.state.path)
    return name


# Domains.


def coerced(r: Reader, text: str, node: Node) -> None:
    """A value becomes one of this type: what the domains in it check is run."""
    if not r.session.schema.checked or not text:
        return
    for domain in _domains(r, text):
        key = ("domain", domain)
        if key in r.busy:
            continue
        info = r.session.schema.types_by_text[domain]
        own = Level()
        own.items = [Item("", ["value"], [Value(type=info.base)])]
        r.busy = r.busy | {key}
        for one in info.checks:
            value = expression(r, one, own, node, f"a check of the domain {domain}")
            r.note(value.sources, Use.WRITE, r.position(node))
        r.busy = r.busy - {key}


def inherited(r: Reader, text: str, node: Node) -> None:
    """What a domain over this type runs too."""
    coerced(r, text, node)
    for domain in _domains(r, text) if r.session.schema.checked else ():
        default = r.session.schema.types_by_text[domain].default
        if default:
            expression(r, default, Level(), node, f"the default of {domain}")


def named(r: Reader, source: str) -> None:
    """A body in PL/pgSQL may coerce to every type whose name stands in it: its parser keeps of a
    declaration less than that.
    """
    if not r.session.schema.checked:
        return
    words = {*_WORD.findall(source), *_WORD.findall(source.lower())}
    schema = r.session.schema
    for (_, name), info in schema.types_by_name.items():
        if name in words:
            coerced(r, info.formatted, {})
    for key in schema.relations:
        if key[1] in words:
            coerced(r, row_type(*key), {})


def _domains(r: Reader, text: str) -> tuple[str, ...]:
    """The domains with checks or a default that a type is made of."""
    key = ("domains", text)
    known: tuple[str, ...] | None = r.session.memo.get(key)
    if known is None:
        found: dict[str, None] = {}
        todo, seen = [text], set()
        while todo:
            one = bare(todo.pop()).removesuffix("[]")
            if one in seen:
                continue
            seen.add(one)
            info = r.session.schema.types_by_text.get(one)
            if info is not None:
                todo.append(info.base)
                if info.checks or info.default:
                    found[one] = None
            row = row_of(r.session, one)
            todo += row.types if row is not None else ()
        known = r.session.memo[key] = tuple(found)
    return known


# Writes.


def any_kept(r: Reader) -> bool:
    """Whether any table keeps something that a write runs."""
    return r.session.schema.keeps or bool(r.session.kept)


def filled(
    r: Reader,
    relation: Relation,
    item: Item,
    given: Iterable[str],
    node: Node,
    *,
    inserts: bool,
    defaults: bool,
) -> Filled:
    """Runs what a write runs; what it puts by itself into columns of the table, where that is read.

    given: the columns that the statement names; inserts: rows are added; defaults: DEFAULT may
    stand for a column that is named.
    """
    found: Filled = {}
    if not any_kept(r):
        return found
    names = set(given)
    columns = dict(zip(item.names, item.values, strict=True))
    base = {base_name(n, columns[n]) for n in names if n in columns}
    for one in _run(r, relation, item):
        origins = dict(one.origins) if isinstance(one, Renamed) else {}
        has = names if one is relation else base
        has = has | {origins[name] for name in has if name in origins}
        own = Level()
        own.items = [_row(one, origins)]
        for kept in _kept(r, one):
            left_out = inserts and kept.column not in has
            if kept.column and not (kept.generated or left_out or defaults):
                continue
            if one is relation and left_out and kept.column in columns:
                # A view's own default comes before the table's.
                base.add(base_name(kept.column, columns[kept.column]))
            what = f"what {one.name!r} keeps"
            _fill(r, found, kept.column, expression(r, kept.text, own, node, what), node)
        for name, text in zip(one.columns, one.types, strict=True):
            left_out = inserts and name not in has
            if left_out or name in has:
                coerced(r, text, node)
            for domain in _domains(r, text) if left_out and r.session.schema.checked else ():
                default = r.session.schema.types_by_text[domain].default
                if default:
                    value = expression(r, default, own, node, f"the default of {domain}")
                    _fill(r, found, name, value, node)
    return found


def _row(relation: Relation, origins: dict[str, str]) -> Item:
    """A row as stored expressions see it, those that name a column as before it was renamed too."""
    types = dict(zip(relation.columns, relation.types, strict=True))
    types |= {old: types[new] for new, old in origins.items() if new in types}
    return Item(relation.name, list(types), [Value(type=text) for text in types.values()])


def _fill(r: Reader, found: Filled, column: str, value: Value, node: Node) -> None:
    r.note(value.sources, Use.WRITE, r.position(node))
    if column and value.sources:
        found[column] = merged((found.get(column, NO_SOURCES), value.sources))


def base_name(name: str, value: Value) -> str:
    """Of a view's column the base column's name."""
    if len(value.sources) == 1:
        ((column, _),) = value.sources.items()
        return column.column
    return name


def _kept(r: Reader, relation: Relation) -> Iterator[Kept]:
    """Of a name that the text has made or changed, of whatever may be there; what the text gives a
    parent its heirs get.
    """
    seen = set()
    todo, known = [(relation.schema, relation.name)], set()
    while todo:
        key = todo.pop()
        if key in known:
            continue
        known.add(key)
        now = relation if len(known) == 1 else r.session.relation(*key)
        for one in (now, *r.session.versions.get(key, ())):
            if one is None:
                continue
            todo += one.parents if r.session.kept else ()
            for kept in one.kept:
                if kept not in seen and (len(known) == 1 or kept.text in r.session.kept):
                    seen.add(kept)
                    yield kept


def _run(r: Reader, relation: Relation, item: Item) -> list[Relation]:
    """The relations whose expressions a write runs: of a view the views and tables it stands on,
    of a table its partitions and heirs too.
    """
    memo_key = ("run", relation.schema, relation.name)
    known: list[Relation] | None = r.session.memo.get(memo_key)
    if known is None or known[0] is not relation:
        known = r.session.memo[memo_key] = _worked_out(r, relation, item)
    return known


def _worked_out(r: Reader, relation: Relation, item: Item) -> list[Relation]:
    found = {(relation.schema, relation.name): relation}
    if not relation.is_boundary and not relation.instead:
        for value in item.values:
            for column in value.sources:
                _enter(r, found, (column.schema, column.table))
        todo = [relation]
        while todo:
            view = todo.pop()
            made = r.session.state.views.get((view.schema, view.name))
            for key in made[1] if made else _named(parse_one(view.definition or "")):
                one = r.session.relation(*key)
                if one is not None and one.kind == "v" and _enter(r, found, key):
                    todo.append(one)
    todo = list(found.values())
    while todo:
        one = todo.pop()
        key = (one.schema, one.name)
        heirs = [*r.session.schema.children.get(key, ())]
        heirs += [c for c in r.session.state.relations.values() if c is not None
                  and key in c.parents]  # fmt: skip
        todo += [c for c in heirs if _enter(r, found, (c.schema, c.name))]
    return list(found.values())


def _enter(r: Reader, found: dict[tuple[str, str], Relation], key: tuple[str, str]) -> bool:
    """Whether the relation was not there yet."""
    one = r.session.relation(*key) if key not in found else None
    if one is None:
        return False
    found[key] = one
    return True


def _named(node: Any) -> Iterator[tuple[str, str]]:
    """The relations that a stored definition names, all of them with their schema."""
    if isinstance(node, dict):
        if "relname" in node and "schemaname" in node:
            yield node["schemaname"], node["relname"]
        for value in node.values():
            yield from _named(value)
    elif isinstance(node, list):
        for one in node:
            yield from _named(one)


def has_default(node: Any) -> bool:
    """Whether DEFAULT stands anywhere in it."""
    if isinstance(node, dict):
        return "SetToDefault" in node or any(has_default(value) for value in node.values())
    return isinstance(node, list) and any(has_default(one) for one in node)
