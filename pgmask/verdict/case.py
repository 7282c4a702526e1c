"""One statement as rules look at it: lineage, parse tree and the profile's policy, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pgmask.facts.schema import Schema
from pgmask.lineage.model import Column, Lineage, Use
from pgmask.verdict.policy import Policy, Sight, View
from pgmask.verdict.tree import Node, bare, only, parsed, parsed_part, relation, strings, walk
from pgmask.verdict.window import State

NOTHING_BEFORE: Final = State()


@dataclass(frozen=True, slots=True)
class Compared:
    """A column beside what it is compared with; other: the node or nodes of the other side."""

    node: Node
    column: Any
    other: tuple[Any, ...]
    operator: str


def _comparisons(nodes: Iterable[Node]) -> Iterator[Compared]:
    for node in nodes:
        operator = (strings(node.get("name")) or ("",))[-1]
        left, right = node.get("lexpr"), node.get("rexpr")
        for column, other in ((left, right), (right, left)):
            if other is not None and bare(column)[0] == "ColumnRef":
                yield Compared(node, column, items(other), operator)


def inner_of(lineage: Lineage) -> Iterator[Lineage]:
    """Every statement inside of a statement, at whatever depth."""
    for one in lineage.inner:
        yield one
        yield from inner_of(one)


def items(node: Any) -> tuple[Any, ...]:
    """The parts of a list, an array constructor or a row; a single node as it is."""
    kind, content = bare(node)
    if kind == "List":
        return tuple(content.get("items", ()))
    if kind == "A_ArrayExpr":
        return tuple(content.get("elements", ()))
    return (node,)


class Case:
    """One statement before the rules.

    state: what earlier statements of the text leave behind; last: none follows; migration: it is
    run by the tables' owner beside pgmask; version: the server's; schema: as the profile meets it;
    outer: of the statement whose body or part this is; tree: where it is a part of its text.
    ``looked`` becomes true where a rule has asked for a literal:
    then what is found holds for this text only, not for its shape.
    """

    def __init__(
        self,
        lineage: Lineage,
        policy: Policy | None,
        *,
        state: State = NOTHING_BEFORE,
        last: bool = True,
        migration: bool = False,
        version: int = 18,
        schema: Schema | None = None,
        outer: Lineage | None = None,
        tree: Node | None = None,
    ) -> None:
        self.lineage = lineage
        self.policy = policy
        self.state = state
        self.last = last
        self.migration = migration
        self.version = version
        self.schema = schema
        self.outer = outer
        self.looked = False
        self._tree = tree

    @cached_property
    def tree(self) -> Node:
        """The statement's node, wrapped in its kind."""
        if self._tree is not None:
            return self._tree
        text = self.lineage.text
        return parsed(text) if self.outer is None else parsed_part(text)

    @cached_property
    def kind(self) -> str:
        """``SelectStmt`` and so on, '' where nothing was parsed."""
        return only(self.tree)[0]

    @cached_property
    def body(self) -> Node:
        """What the statement's node holds."""
        return only(self.tree)[1]

    @cached_property
    def nodes(self) -> dict[str, list[Node]]:
        """Every node by its kind, of one kind in the order of the text."""
        found: dict[str, list[Node]] = {}
        for kind, node in walk(self.tree):
            found.setdefault(kind, []).append(node)
        return found

    def of(self, kind: str) -> Sequence[Node]:
        """The nodes of a kind."""
        return self.nodes.get(kind, ())

    @cached_property
    def comparisons(self) -> tuple[Compared, ...]:
        """Every comparison with a column on one side, of every kind of expression."""
        return tuple(_comparisons(self.of("A_Expr")))

    def at(self, node: Node | None) -> int:
        """Where a node stands, in characters of the whole text; -1 where it does not tell."""
        offset: int = (node or {}).get("location", -1)
        if offset < 0:
            return -1
        text = self.lineage.text
        if not text.isascii():
            offset = len(text.encode()[:offset].decode(errors="ignore"))
        return self.lineage.start + offset

    # Columns.

    @cached_property
    def _by_place(self) -> dict[int, list[Column]]:
        found: dict[int, list[Column]] = {}
        for read in self.lineage.reads:
            found.setdefault(read.position, []).append(read.column)
        return found

    @cached_property
    def _by_text(self) -> dict[tuple[str, ...], list[Column]]:
        found: dict[tuple[str, ...], list[Column]] = {}
        for node in self.of("ColumnRef"):
            columns = self._by_place.get(self.at(node))
            if columns:
                found.setdefault(strings(node.get("fields")), []).extend(columns)
        return found

    def columns(self, node: Any) -> tuple[Column, ...]:
        """The base columns behind a column reference, under casts; empty for anything else."""
        kind, content = bare(node)
        if kind != "ColumnRef":
            return ()
        names = strings(content.get("fields"))
        found = self._by_place.get(self.at(content)) or self._by_text.get(names, [])
        if not found and names:
            named = {r.column for r in self.lineage.reads if r.column.column == names[-1]}
            found = list(named) if len(named) == 1 else []
        return tuple(dict.fromkeys(found))

    def sight(self, column: Column) -> Sight | None:
        """The column as the profile sees it."""
        return self.policy.sight(column) if self.policy is not None else None

    def sights(self, node: Any) -> tuple[Sight, ...]:
        """The protected columns behind a column reference."""
        return tuple(s for c in self.columns(node) if (s := self.sight(c)) is not None)

    def used(self, *uses: Use) -> Iterator[tuple[Sight, int]]:
        """Protected columns with such a use, and where."""
        for read in self.lineage.reads:
            if read.use in uses:
                sight = self.sight(read.column)
                if sight is not None:
                    yield sight, read.position

    # Relations.

    def place(self, node: Node) -> tuple[str, str]:
        """Schema and name of a RangeVar, found as PostgreSQL would by the profile's path."""
        schema, name = relation(node)
        if schema or self.policy is None:
            return schema, name
        position = self.at(node)
        for known in self.lineage.relations:
            if known.position == position and known.name == name:
                return known.schema, known.name
        return self.policy.found(name)

    def view(self, node: Node) -> View | None:
        """The profile's view that a RangeVar means."""
        return self.policy.views.get(self.place(node)) if self.policy is not None else None

    def protected(self, node: Node) -> str:
        """The id of the protected table that a RangeVar means, by any of its names; '' for none."""
        if self.policy is None:
            return ""
        table = self.policy.table_of(*self.place(node))
        return table.id if table is not None else ""

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The profile's views that the text names."""
        found = [self.view(n) for n in self.of("RangeVar")]
        return tuple({(v.schema, v.name): v for v in found if v is not None}.values())

    # Literals: whoever asks whether a node is one, or which, makes the answer depend on it.

    def literal(self, node: Any) -> str | None:
        """The text of a string constant, under casts; None for anything else."""
        content = self._constant(node)
        return content["sval"].get("sval", "") if content and "sval" in content else None

    def number(self, node: Any) -> int | None:
        """The value of an integer constant; None for anything else."""
        content = self._constant(node)
        return content["ival"].get("ival", 0) if content and "ival" in content else None

    def null(self, node: Any) -> bool:
        """Whether it is the constant NULL."""
        content = self._constant(node)
        return content is not None and bool(content.get("isnull"))

    def constant(self, node: Any) -> bool:
        """Whether it is a constant, under casts."""
        return self._constant(node) is not None

    def true(self, node: Any) -> bool:
        """Whether it is the constant true."""
        content = self._constant(node)
        return content is not None and bool(content.get("boolval", {}).get("boolval"))

    def parameter(self, node: Any) -> bool:
        """Whether it is a parameter, under casts."""
        self._constant(node)
        return bare(node)[0] == "ParamRef"

    def _constant(self, node: Any) -> Node | None:
        kind, content = bare(node)
        # With its literals taken out, a text cannot be told from one with parameters.
        self.looked |= kind in ("A_Const", "ParamRef")
        return content if kind == "A_Const" else None

    def unseen(self, *names: str) -> Iterator[tuple[str, int]]:
        """System functions that are called behind a view, an operator and the like: by a node of
        neither this text nor a body that was read.
        """
        if self.outer is not None:
            return
        meant = {
            c.name: c.position
            for c in self.lineage.calls
            if c.name in names and c.schema == "pg_catalog"
        }
        if not meant:
            return
        trees = [self.tree, *(parsed_part(one.text) for one in inner_of(self.lineage))]
        for tree in trees:
            for kind, node in walk(tree):
                if kind == "FuncCall":
                    meant.pop((strings(node.get("funcname")) or ("",))[-1], None)
        yield from sorted(meant.items())

    def calls(self, *names: str) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Calls by the last word of their name; without names every call."""
        for node in self.of("FuncCall"):
            called = strings(node.get("funcname"))
            if called and (not names or called[-1] in names):
                yield called, node
