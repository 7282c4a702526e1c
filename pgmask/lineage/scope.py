"""Scopes: which names a query sees, found in the order and with the errors of PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pgmask.lineage.model import Column
from pgmask.lineage.values import DIRECT, Notes, Sources, Value, merged

if TYPE_CHECKING:
    from pgmask.lineage.ctes import Cte

SYSTEM_COLUMNS: Final = {
    "ctid": "tid", "xmin": "xid", "cmin": "cid", "xmax": "xid", "cmax": "cid", "tableoid": "oid",
}  # fmt: skip
TWICE: Final = -1
ROW: Final = -2


class Item:
    """One thing in FROM: its alias and columns, and what of it may be named just now.

    base: schema and name of the relation it is, for system columns and ``schema.table.column``;
    extra: notes of a view's columns, taken when the column is used; row_type: the type of its rows.
    """

    __slots__ = (
        "alias", "base", "cols_visible", "extra", "index", "lateral_ok", "lateral_only", "names",
        "plain_base", "rel_visible", "row_type", "scalar", "values",
    )  # fmt: skip

    def __init__(
        self,
        alias: str,
        names: Sequence[str],
        values: Sequence[Value],
        *,
        index: dict[str, int] | None = None,
        base: tuple[str, str] | None = None,
        plain_base: tuple[str, str] | None = None,
        extra: Sequence[Notes | None] | None = None,
        row_type: str = "",
    ) -> None:
        self.alias = alias
        self.names = names
        self.values = values
        self.index = index_of(names) if index is None else index
        self.base = base
        self.plain_base = plain_base
        self.extra = extra
        self.row_type = row_type
        self.rel_visible = True
        self.cols_visible = True
        self.lateral_only = False
        self.lateral_ok = True
        self.scalar = False

    def system(self, name: str) -> Value | None:
        """A system column of a table, where it is one."""
        if self.base is None or name not in SYSTEM_COLUMNS:
            return None
        return Value({Column(*self.base, name): DIRECT}, SYSTEM_COLUMNS[name])

    def row(self) -> Value:
        """The whole row as a value."""
        if self.scalar and len(self.values) == 1:
            return self.values[0]
        fields = tuple(zip(self.names, self.values, strict=True))
        return Value(merged(v.sources for v in self.values), self.row_type or "record", fields)


def index_of(names: Sequence[str]) -> dict[str, int]:
    """Where each name stands; ``TWICE`` where more than one column has it."""
    found: dict[str, int] = {}
    for number, name in enumerate(names):
        found[name] = TWICE if name in found else number
    return found


class Level:
    """One query's namespace, inside of another's.

    parameters: of a function's body, by name and number, at the outermost level only; conditions:
    what decides which rows there are.
    """

    __slots__ = (
        "conditions", "ctes", "items", "lateral_active", "merging", "parameters", "parent",
        "windows",
    )  # fmt: skip

    def __init__(self, parent: Level | None = None) -> None:
        self.parent = parent
        self.items: list[Item] = []
        self.ctes: dict[str, Cte] = {}
        self.lateral_active = False
        self.windows: dict[str, Sources] = {}
        self.conditions: Sources = {}
        self.parameters: dict[str, Value] | None = None
        self.merging = False

    def decide(self, value: Value) -> None:
        """Rows of this level come back or not depending on the value."""
        if value.sources:
            self.conditions = merged((self.conditions, value.sources), 3)


class NameProblem(Exception):
    """A name that PostgreSQL would not take either: the code and one sentence."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


Found = tuple[Item | None, int, Value]
"""The item, the column's number (-1 a system column, ROW the whole row), and the value."""


def column_by_name(level: Level | None, name: str, *, local: bool = False) -> Found | None:
    """A column named without a relation; the nearest level that has it decides."""
    while level is not None:
        found: Found | None = None
        for item in level.items:
            if not item.cols_visible or (item.lateral_only and not level.lateral_active):
                continue
            number = item.index.get(name)
            if number is None:
                value = item.system(name)
                if value is None:
                    continue
                one: Found = (item, -1, value)
            elif number == TWICE:
                raise NameProblem("PM603", f"the column name {name!r} is ambiguous")
            else:
                one = (item, number, item.values[number])
            if found is not None:
                raise NameProblem("PM603", f"the column name {name!r} is ambiguous")
            check_lateral(item)
            found = one
        if found is not None:
            return found
        if local:
            return None
        level = level.parent
    return None


def item_by_name(level: Level | None, name: str, schema: str | None = None) -> Item | None:
    """A relation by its alias, or by schema and name where it has no alias."""
    while level is not None:
        found: Item | None = None
        for item in level.items:
            if not item.rel_visible or (item.lateral_only and not level.lateral_active):
                continue
            if schema is None:
                if item.alias != name:
                    continue
            elif item.plain_base != (schema, name):
                continue
            if found is not None:
                raise NameProblem("PM603", f"the table name {name!r} is ambiguous")
            check_lateral(item)
            found = item
        if found is not None:
            return found
        level = level.parent
    return None


def check_lateral(item: Item) -> None:
    """A LATERAL reference from the wrong side of an outer join is an error."""
    if item.lateral_only and not item.lateral_ok:
        raise NameProblem(
            "PM611", f"{item.alias!r} may not be named from this side of the outer join"
        )


def parameter(level: Level | None, name: str) -> Value | None:
    """A parameter of the function whose body this is."""
    while level is not None:
        if level.parameters is not None:
            return level.parameters.get(name)
        level = level.parent
    return None


def column_of(item: Item, name: str) -> Found | None:
    """One column of an item, or a system column."""
    number = item.index.get(name)
    if number is None:
        value = item.system(name)
        return None if value is None else (item, -1, value)
    if number == TWICE:
        raise NameProblem("PM603", f"the column name {name!r} is ambiguous")
    return item, number, item.values[number]


def strings(nodes: Sequence[Any]) -> list[str]:
    """The text of a list of String nodes."""
    return [node["String"].get("sval", "") for node in nodes]
