"""What a server's own analysis of a view reads: its stored tree, and ``pg_depend``.

``pg_depend`` names the columns of a view's query but neither whole rows nor which column of the
view reads which, so the stored tree is read too; where both speak they must agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.harness import Connection

Tree = Any
Part = tuple[int, int]
"""A relation's oid and a column's number, 0 for the whole row."""
_TOKEN = re.compile(r"[{}()]|(?:\\.|[^\s{}()\\])+")


def parse(text: str) -> Tree:
    """A stored tree: nodes are dicts with ``node``, lists are lists, all else is text."""
    tokens = _TOKEN.findall(text)
    value, end = _value(tokens, 0)
    assert end == len(tokens)
    return value


def _value(tokens: list[str], at: int) -> tuple[Tree, int]:
    token = tokens[at]
    if token == "{":
        found: dict[str, Tree] = {"node": tokens[at + 1]}
        at += 2
        while tokens[at] != "}":
            name = tokens[at]
            assert name.startswith(":"), name
            values = []
            at += 1
            while tokens[at] != "}" and not tokens[at].startswith(":"):
                value, at = _value(tokens, at)
                values.append(value)
            found[name[1:]] = values[0] if len(values) == 1 else values
        return found, at + 1
    if token == "(":
        listed = []
        at += 1
        while tokens[at] != ")":
            value, at = _value(tokens, at)
            listed.append(value)
        return listed, at + 1
    return token, at + 1


@dataclass
class Reader:
    """The columns that trees read, with views and SQL functions followed."""

    connection: Connection
    views: dict[int, Tree] = field(default_factory=dict)
    bodies: dict[int, Tree] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    columns: dict[int, dict[int, tuple[str, str, str]]] = field(default_factory=dict)
    followed: bool = False
    """Whether a function's body was read, or a whole row of a join: ``pg_depend`` has neither."""
    fields: bool = False
    """Whether a field is taken of a row, or of the rows of a function: ``pg_depend`` counts it as a
    column of the table whose row it is."""

    def direct(self, view: str) -> set[Part]:
        """What the view's own query reads."""
        return set(self._query(self._tree(self._oid(view)), [], None))

    def depends(self, view: str) -> set[Part]:
        """The same as ``pg_depend`` has it: no whole rows."""
        rows = self.connection.execute(
            "SELECT DISTINCT d.refobjid::int, d.refobjsubid FROM pg_depend d"
            " JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = d.refobjid"
            " WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass"
            " AND r.ev_class = %s AND d.refobjsubid <> 0 AND c.relkind <> 'c'",
            (self._oid(view),),
        ).fetchall()
        return {(oid, number) for oid, number in rows}

    def base(self, view: str) -> set[tuple[str, str, str]]:
        """Schema, table and column of every base column behind the view's query."""
        found: set[tuple[str, str, str]] = set()
        todo = [(oid, number) for oid, number in self.direct(view)]
        # A view adds what it reads itself even where none of its columns is used.
        todo += [(oid, -99) for oid in self._named(self._tree(self._oid(view)))]
        seen: dict[int, set[int]] = {}
        while todo:
            oid, number = todo.pop()
            if self._kind(oid) != "v":
                if number == 0:
                    found |= {c for n, c in self._columns(oid).items() if n > 0}
                elif number != -99:
                    found.add(self._columns(oid)[number])
                continue
            known = seen.setdefault(oid, set())
            numbers = {n for n in self._columns(oid) if n > 0} if number == 0 else {number}
            if numbers <= known:
                continue
            known |= numbers
            tree = self._tree(oid)
            todo += self._query(tree, [], known)
            todo += [(one, -99) for one in self._named(tree)]
        return found

    def _oid(self, view: str) -> int:
        row = self.connection.execute("SELECT %s::regclass::oid::int", (view,)).fetchone()
        assert row is not None
        return int(row[0])

    def _tree(self, oid: int) -> Tree:
        if oid not in self.views:
            row = self.connection.execute(
                "SELECT ev_action::text FROM pg_rewrite WHERE ev_class = %s AND ev_type = '1'",
                (oid,),
            ).fetchone()
            assert row is not None
            self.views[oid] = parse(row[0])[0]
        return self.views[oid]

    def _body(self, oid: int) -> Tree:
        if oid not in self.bodies:
            row = self.connection.execute(
                "SELECT prosqlbody::text FROM pg_proc WHERE oid = %s AND pronamespace NOT IN"
                " ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
                (oid,),
            ).fetchone()
            self.bodies[oid] = parse(row[0]) if row is not None and row[0] else None
        return self.bodies[oid]

    def _kind(self, oid: int) -> str:
        if oid not in self.kinds:
            row = self.connection.execute(
                "SELECT CASE WHEN relnamespace IN ('pg_catalog'::regnamespace,"
                " 'information_schema'::regnamespace) THEN 'r' ELSE relkind::text END"
                " FROM pg_class WHERE oid = %s",
                (oid,),
            ).fetchone()
            assert row is not None
            self.kinds[oid] = row[0]
        return self.kinds[oid]

    def _columns(self, oid: int) -> dict[int, tuple[str, str, str]]:
        if oid not in self.columns:
            self.columns[oid] = {
                number: (schema, table, name)
                for number, schema, table, name in self.connection.execute(
                    "SELECT a.attnum, n.nspname, c.relname, a.attname FROM pg_attribute a"
                    " JOIN pg_class c ON c.oid = a.attrelid"
                    " JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE a.attrelid = %s AND NOT a.attisdropped",
                    (oid,),
                )
            }
        return self.columns[oid]

    def _named(self, tree: Tree) -> set[int]:
        """Every view that the tree names, at whatever depth."""
        found = set()
        for node in _nodes(tree):
            if node["node"] in ("RTE", "RANGETBLENTRY") and node["rtekind"] == "0":
                oid = int(node["relid"])
                # Rules of 15 carry OLD and NEW, which are the view itself.
                used = node.get("inFromCl", "true") == "true"
                if used and self._kind(oid) == "v":
                    found.add(oid)
        for oid in self._functions(tree):
            found |= self._named(self._body(oid))
        return found

    def _functions(self, tree: Tree) -> set[int]:
        called = {int(n["funcid"]) for n in _nodes(tree) if n["node"] == "FUNCEXPR"}
        return {oid for oid in called if self._body(oid) is not None}

    def _query(self, query: Tree, above: list[Tree], keep: set[int] | None) -> Iterator[Part]:
        """What a query reads; keep: the columns that are wanted, None for all."""
        levels = [*above, query]
        pruned = set()
        if keep is not None and query["setOperations"] != "<>":
            pruned = _union_all(query["setOperations"])
        for name, value in query.items():
            if value == "<>":
                continue
            if name == "targetList":
                for entry in value:
                    wanted = keep is None or int(entry["resno"]) in keep
                    if wanted or int(entry["ressortgroupref"]):
                        yield from self._walk(entry, levels)
            elif name == "rtable":
                for number, entry in enumerate(value, 1):
                    inner = keep if number in pruned else None
                    yield from self._entry(entry, levels, inner)
            else:
                yield from self._walk(value, levels)
        if not above:
            self.fields = any(
                n["node"] == "FIELDSELECT" or n.get("rtekind") == "3" for n in _nodes(query)
            )
            for oid in self._functions(query):
                self.followed = True
                for body in _queries(self._body(oid)):
                    yield from self._query(body, [], None)

    def _entry(self, entry: Tree, levels: list[Tree], keep: set[int] | None) -> Iterator[Part]:
        for name, value in entry.items():
            if name == "subquery" and value != "<>":
                yield from self._query(value, levels, keep)
            elif name not in ("joinaliasvars", "groupexprs"):
                yield from self._walk(value, levels)

    def _walk(self, node: Tree, levels: list[Tree]) -> Iterator[Part]:
        if isinstance(node, list):
            for one in node:
                yield from self._walk(one, levels)
        elif isinstance(node, dict):
            if node["node"] == "QUERY":
                yield from self._query(node, levels, None)
            elif node["node"] == "VAR":
                yield from self._var(node, levels)
            else:
                for value in node.values():
                    yield from self._walk(value, levels)

    def _var(self, var: Tree, levels: list[Tree]) -> Iterator[Part]:
        level = len(levels) - 1 - int(var["varlevelsup"])
        entry = levels[level]["rtable"][int(var["varno"]) - 1]
        number = int(var["varattno"])
        kind = entry["rtekind"]
        if kind == "0":
            yield int(entry["relid"]), number
        elif kind == "2":
            all_of_them = entry["joinaliasvars"]
            self.followed |= number == 0
            wanted = all_of_them[number - 1] if number > 0 else all_of_them
            yield from self._walk(wanted, levels[: level + 1])
        elif "groupexprs" in entry and entry["groupexprs"] != "<>" and number > 0:
            yield from self._walk(entry["groupexprs"][number - 1], levels[: level + 1])


def _union_all(node: Tree) -> set[int]:
    """The range table numbers of queries that nothing but UNION ALL stands above."""
    if node["node"] == "RANGETBLREF":
        return {int(node["rtindex"])}
    if node["op"] != "1" or node["all"] != "true":
        return set()
    return _union_all(node["larg"]) | _union_all(node["rarg"])


def _queries(tree: Tree) -> Iterator[Tree]:
    """The outermost queries of a body."""
    if isinstance(tree, list):
        for one in tree:
            yield from _queries(one)
    elif isinstance(tree, dict):
        if tree["node"] == "QUERY":
            yield tree
        else:
            for value in tree.values():
                yield from _queries(value)


def _nodes(tree: Tree) -> Iterator[dict[str, Tree]]:
    if isinstance(tree, list):
        for one in tree:
            yield from _nodes(one)
    elif isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
