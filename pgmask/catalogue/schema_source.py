"""The columns a database has, for comparison with the catalogue: from a dump or from facts.

``Schema`` holds the application's tables under the names the application knows, without pgmask's
own columns.  ``schema_of_facts`` makes it from what ``pgmask.facts`` read, by protocol only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

PREFIX: Final = "pgmask_"
"""Columns of that prefix are pgmask's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaColumn:
    """One column; type: as written or as ``format_type`` gives it; base_type: under a domain."""

    name: str
    type: str
    base_type: str | None = None
    is_enum: bool = False
    not_null: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaTable:
    """One table; columns in order; primary_key: its columns, empty without one."""

    schema: str
    name: str
    columns: tuple[SchemaColumn, ...]
    primary_key: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """``schema.table``."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> SchemaColumn | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All tables, sorted by id."""

    tables: tuple[SchemaTable, ...]
    _index: dict[str, SchemaTable] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {t.id: t for t in self.tables})

    def table(self, id_: str) -> SchemaTable | None:
        """The table of that id, or None."""
        return self._index.get(id_)


class ColumnLike(Protocol):
    """A column of the facts; kind: ``typtype`` of the base type."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def base_type(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def domain(self) -> bool: ...  # noqa: D102
    @property
    def not_null(self) -> bool: ...  # noqa: D102


class RelationLike(Protocol):
    """A relation of the facts; kind: ``relkind``; parents: by inheritance or partitioning."""

    @property
    def schema(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def extension(self) -> bool: ...  # noqa: D102
    @property
    def columns(self) -> Sequence[ColumnLike]: ...  # noqa: D102
    @property
    def parents(self) -> Sequence[tuple[str, str]]: ...  # noqa: D102
    @property
    def primary_key(self) -> Sequence[str]: ...  # noqa: D102


class StoreLike(Protocol):
    """Where a protected table lies now."""

    @property
    def table_id(self) -> str: ...  # noqa: D102
    @property
    def schema(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def original_schema(self) -> str: ...  # noqa: D102


def schema_of_facts(relations: Iterable[RelationLike], stores: Iterable[StoreLike] = ()) -> Schema:
    """The application's tables: store tables by their old names, partitions with their parent."""
    moved = {(s.schema, s.name): s.original_schema for s in stores}
    found = []
    for relation in relations:
        if relation.kind not in ("r", "p", "f") or relation.extension or relation.parents:
            continue
        if relation.schema in ("pgmask", "pgmask_private"):
            continue
        found.append(
            SchemaTable(
                schema=moved.get((relation.schema, relation.name), relation.schema),
                name=relation.name,
                columns=tuple(
                    SchemaColumn(
                        name=c.name,
                        type=c.type,
                        base_type=c.base_type if c.domain else None,
                        is_enum=c.kind == "e",
                        not_null=c.not_null,
                    )
                    for c in relation.columns
                    if not c.name.startswith(PREFIX)
                ),
                primary_key=tuple(relation.primary_key),
            )
        )
    return Schema(tables=tuple(sorted(found, key=lambda t: t.id)))
