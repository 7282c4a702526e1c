"""INSERT, UPDATE, DELETE and MERGE: what is written from what, and what RETURNING gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pgmask.facts.schema import Relation
from pgmask.lineage import ctes, from_items, kept, relations, select
from pgmask.lineage.model import Use, Write
from pgmask.lineage.reader import Node, Reader
from pgmask.lineage.rows import Rows
from pgmask.lineage.scope import Item, Level
from pgmask.lineage.session import Renamed
from pgmask.lineage.values import DIRECT, NOTHING, Sources, Value, as_sources, merged

INSERT: Final = "relation cols selectStmt onConflictClause returningClause withClause override"
UPDATE: Final = "relation targetList whereClause fromClause returningClause withClause"
DELETE: Final = "relation usingClause whereClause returningClause withClause"
MERGE: Final = "relation sourceRelation joinCondition mergeWhenClauses returningClause withClause"
_CONFLICT: Final = frozenset({"action", "infer", "targetList", "whereClause", "location"})
_WHEN: Final = frozenset(
    {"matchKind", "commandType", "override", "condition", "targetList", "values"}
)
_RETURNING_SINCE: Final = 180000

Written = dict[str, Sources]


class Target:
    """What is written to: the relation, its item, and what has been put into each column."""

    def __init__(self, r: Reader, node: Node, level: Level) -> None:
        self.node = node
        self.position = r.position(node)
        self.written: Written = {}
        self.filled: kept.Filled = {}
        """What the table puts in by itself, by the base column's name."""
        alias = node.get("alias") or {}
        self.alias: str = str(alias.get("aliasname", node["relname"]))
        found = None
        if "schemaname" not in node and ctes.find(level, node["relname"]) is not None:
            r.refuse("PM611", f"the WITH query {node['relname']!r} cannot be written to", node)
        else:
            found = relations.lookup(r, node)
        self.relation: Relation | None = found
        if found is None:
            self.item = Item(self.alias, (), ())
            return
        r.name(found, "write", self.position)
        relations.followed(r, found, node)
        servers_own(r, found, node)
        self.item = relations.relation_item(r, found, self.alias, node, None)
        if alias:
            self.item.plain_base = None

    def put(self, r: Reader, name: str, value: Value, node: Node) -> None:
        """A value goes into a column."""
        if self.relation is not None and name not in self.item.index:
            r.refuse("PM602", f"{self.relation.name!r} has no column {name!r}", node)
            return
        r.note(value.sources, Use.WRITE, r.position(node))
        known = self.written.get(name)
        self.written[name] = value.sources if known is None else merged((known, value.sources))

    def fill(self, r: Reader, body: Node, given: Iterable[str], *, inserts: bool) -> None:
        """What the table runs and puts in beside the statement."""
        if self.relation is None or not kept.any_kept(r):
            return
        filled = kept.filled(
            r, self.relation, self.item, given, self.node, inserts=inserts,
            defaults=kept.has_default(body),
        )  # fmt: skip
        for name, sources in filled.items():
            self.filled[name] = merged((self.filled.get(name, {}), sources))

    def _now(self, name: str, value: Value) -> Value:
        parts = [self.written.get(name)]
        if self.filled:
            parts.append(self.filled.get(kept.base_name(name, value)))
        some = [part for part in parts if part]
        return Value(merged((value.sources, *some)), value.type) if some else value

    def item_now(self, alias: str | None = None) -> Item:
        """The target as RETURNING sees it: a column may hold what was just put into it."""
        made = Item(
            alias or self.alias,
            self.item.names,
            [self._now(n, v) for n, v in zip(self.item.names, self.item.values, strict=True)],
            index=self.item.index,
            base=self.item.base,
            plain_base=self.item.plain_base if alias is None else None,
            extra=self.item.extra,
            row_type=self.item.row_type,
        )
        return made

    def item_before(self, alias: str) -> Item:
        """The target's rows as they were."""
        return Item(
            alias, self.item.names, self.item.values, index=self.item.index, base=self.item.base,
            extra=self.item.extra, row_type=self.item.row_type,
        )  # fmt: skip

    def write(self, action: str) -> Write | None:
        """The write as the contract has it; of a simple view it is its table's."""
        if self.relation is None:
            return None
        schema, table, names = self._base()
        by_name: Written = {}
        for name, sources in self.written.items():
            by_name[names.get(name, name)] = sources
        for name, sources in self.filled.items():
            by_name[name] = merged((by_name.get(name, {}), sources))
        columns = sorted(by_name)
        return Write(
            schema=schema,
            table=table,
            action=action,
            columns=tuple(columns),
            sources=tuple((n, as_sources(by_name[n])) for n in columns),
            position=self.position,
        )

    def _base(self) -> tuple[str, str, dict[str, str]]:
        relation = self.relation
        assert relation is not None  # noqa: S101 - asked by write
        origins = dict(relation.origins) if isinstance(relation, Renamed) else {}
        own = (relation.schema, relation.name, origins)
        if relation.is_boundary or relation.instead:
            return own
        tables = set()
        names = {}
        for name, value in zip(self.item.names, self.item.values, strict=True):
            if len(value.sources) == 1:
                ((column, near),) = value.sources.items()
                if near == DIRECT:
                    names[name] = column.column
                    tables.add((column.schema, column.table))
        if len(tables) != 1 or not self.written.keys() <= names.keys():
            return own
        ((schema, table),) = tables
        return schema, table, names


def servers_own(r: Reader, relation: Relation, node: Node) -> None:
    """Refuse a write to the server's own tables and views: pg_settings is SET by another name."""
    if relation.schema in ("pg_catalog", "information_schema"):
        r.session.lose_path()
        r.refuse(
            "PM605", f"what a write to {relation.name!r} of the server does is not known", node
        )


def insert(r: Reader, body: Node, parent: Level | None) -> Rows | None:
    level = Level(parent)
    if "withClause" in body:
        ctes.enter(r, body["withClause"], level)
    target = Target(r, body["relation"], level)
    names = _columns(r, body, target, level)
    if "selectStmt" in body:
        rows = select.query(r, body["selectStmt"], level)
        if len(rows.columns) > len(names) and target.relation is not None:
            r.refuse("PM611", "INSERT has more expressions than columns", body["relation"])
        for (name, node), out in zip(names, rows.columns, strict=False):
            target.put(r, name, out.value, node)
    for name, node in names if "cols" in body else ():
        target.put(r, name, NOTHING, node)
    target.fill(r, body, target.written, inserts=True)
    if "onConflictClause" in body:
        _on_conflict(r, body["onConflictClause"], target, level)
        target.fill(r, body, target.written, inserts=False)
    return _done(r, body, target, level, "insert", [])


def _columns(r: Reader, body: Node, target: Target, level: Level) -> list[tuple[str, Node]]:
    if "cols" not in body:
        return [(name, body["relation"]) for name in target.item.names]
    found = []
    for node in body["cols"]:
        part = r.part(node, "ResTarget")
        _indices(r, part, level)
        found.append((part["name"], part))
    return found


def _indices(r: Reader, part: Node, level: Level) -> None:
    """Subscripts on the left side of an assignment may hold expressions."""
    for step in part.get("indirection", ()):
        for key in ("lidx", "uidx"):
            if key in step.get("A_Indices", {}):
                r.evaluate(step["A_Indices"][key], level, Use.WRITE)


def _on_conflict(r: Reader, clause: Node, target: Target, level: Level) -> None:
    r.known("OnConflictClause", clause, _CONFLICT)
    before = level.items
    excluded = Item(
        "excluded",
        target.item.names,
        [
            Value(target.written.get(n, {}), v.type)
            for n, v in zip(target.item.names, target.item.values, strict=True)
        ],
        row_type=target.item.row_type,
    )
    level.items = [target.item]
    infer = clause.get("infer", {})
    for node in infer.get("indexElems", ()):
        element = node["IndexElem"]
        if "expr" in element:
            r.evaluate(element["expr"], level, Use.LOCK)
        elif element["name"] in target.item.index:
            number = target.item.index[element["name"]]
            r.note(target.item.values[number].sources, Use.LOCK, r.position(infer))
        else:
            r.refuse("PM602", f"there is no column {element['name']!r} to conflict on", infer)
    if "whereClause" in infer:
        r.evaluate(infer["whereClause"], level, Use.FILTER)
    if clause.get("action") == "ONCONFLICT_UPDATE":
        excluded.cols_visible = False
        level.items = [target.item, excluded]
        _assign(r, clause.get("targetList", ()), target, level)
        if "whereClause" in clause:
            r.evaluate(clause["whereClause"], level, Use.FILTER)
    level.items = before


def _assign(r: Reader, nodes: list[Node], target: Target, level: Level) -> None:
    """SET: every value first, as all see the row as it was."""
    made = []
    for node in nodes:
        part = r.part(node, "ResTarget")
        _indices(r, part, level)
        made.append((part, r.evaluate(part.get("val"), level, Use.WRITE)))
    for part, value in made:
        target.put(r, part.get("name", ""), value, part)


def update(r: Reader, body: Node, parent: Level | None) -> Rows | None:
    level = Level(parent)
    if "withClause" in body:
        ctes.enter(r, body["withClause"], level)
    target = Target(r, body["relation"], level)
    others = _sources(r, body.get("fromClause", []), target, level)
    if "whereClause" in body:
        level.decide(r.evaluate(body["whereClause"], level, Use.FILTER))
    _assign(r, body.get("targetList", ()), target, level)
    target.fill(r, body, target.written, inserts=False)
    return _done(r, body, target, level, "update", others)


def _sources(r: Reader, nodes: list[Node], target: Target, level: Level) -> list[Item]:
    """FROM and USING: sub-queries there do not see the target."""
    target.item.lateral_only = True
    target.item.lateral_ok = False
    level.items = [target.item]
    from_items.enter(r, nodes, level)
    return level.items[1:]


def delete(r: Reader, body: Node, parent: Level | None) -> Rows | None:
    level = Level(parent)
    if "withClause" in body:
        ctes.enter(r, body["withClause"], level)
    target = Target(r, body["relation"], level)
    others = _sources(r, body.get("usingClause", []), target, level)
    if "whereClause" in body:
        level.decide(r.evaluate(body["whereClause"], level, Use.FILTER))
    return _done(r, body, target, level, "delete", others)


def merge(r: Reader, body: Node, parent: Level | None) -> Rows | None:
    level = Level(parent)
    if "withClause" in body:
        ctes.enter(r, body["withClause"], level)
    target = Target(r, body["relation"], level)
    _, others = from_items.from_item(r, body["sourceRelation"], level)
    both = [target.item, *others]
    level.items = both
    level.decide(r.evaluate(body.get("joinCondition"), level, Use.JOIN))
    for node in body.get("mergeWhenClauses", ()):
        clause = node["MergeWhenClause"]
        r.known("MergeWhenClause", clause, _WHEN)
        kind = clause.get("matchKind", "MERGE_WHEN_MATCHED")
        if kind == "MERGE_WHEN_NOT_MATCHED_BY_TARGET":
            level.items = others
        elif kind == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE":
            level.items = [target.item]
        else:
            level.items = both
        if "condition" in clause:
            level.decide(r.evaluate(clause["condition"], level, Use.FILTER))
        if clause.get("commandType") == "CMD_INSERT":
            _merge_insert(r, clause, target, level)
        elif clause.get("commandType") == "CMD_UPDATE":
            _assign(r, clause.get("targetList", ()), target, level)
    inserts = any(c["MergeWhenClause"].get("commandType") == "CMD_INSERT"
                  for c in body.get("mergeWhenClauses", ()))  # fmt: skip
    if target.written or inserts:
        # What one branch gives another one may leave out.
        target.fill(r, body, () if inserts else target.written, inserts=inserts)
    return _done(r, body, target, level, "merge", others)


def _merge_insert(r: Reader, clause: Node, target: Target, level: Level) -> None:
    values = r.many(clause.get("values"), level, Use.WRITE)
    if "targetList" in clause:
        places = [
            (part["name"], part) for part in (r.part(n, "ResTarget") for n in clause["targetList"])
        ]
    else:
        places = [(name, target.node) for name in target.item.names]
    if len(values) > len(places) and target.relation is not None:
        r.refuse("PM611", "INSERT has more expressions than columns", clause)
    for (name, node), value in zip(places, values, strict=False):
        target.put(r, name, value, node)


def _done(
    r: Reader, body: Node, target: Target, level: Level, action: str, others: list[Item]
) -> Rows | None:
    made = target.write(action)
    if made is not None:
        r.writes.append(made)
    clause = body.get("returningClause")
    if clause is None:
        return None
    now = target.item_now()
    level.items = [*others, now] if action == "merge" else [now, *others]
    taken = {item.alias for item in level.items if item.rel_visible}
    names = {"OLD": "old", "NEW": "new"}
    asked = set()
    for node in clause.get("options", ()):
        option = node["ReturningOption"]
        word = option["option"].removeprefix("RETURNING_OPTION_")
        names[word] = option.get("value", "")
        asked.add(word)
    server = r.session.schema.server
    for word, item in (
        ("OLD", target.item_before(names["OLD"])),
        ("NEW", target.item_now(names["NEW"])),
    ):
        if word in asked or (
            names[word] not in taken and (not server or server >= _RETURNING_SINCE)
        ):
            item.cols_visible = False
            level.items.append(item)
    return Rows(select.targets(r, clause.get("exprs", ()), level), level.conditions)
