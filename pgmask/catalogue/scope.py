"""What the names of a catalogue mean: stores, tables and columns by reference."""

from __future__ import annotations

from dataclasses import dataclass, field

from pgmask.catalogue.model import Column, Position, Store
from pgmask.catalogue.patterns import BadReference, is_glob, parts
from pgmask.catalogue.problems import Problems, did_you_mean
from pgmask.catalogue.shapes import Entry


@dataclass(slots=True)
class RawTable:
    """A table as written, before its columns are resolved."""

    schema: str
    name: str
    entry: Entry
    owner: str
    domain: str
    at: Position
    columns: dict[str, Column] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Columns whose entries were refused: naming them elsewhere is no further problem."""
    patterned: frozenset[str] = frozenset()
    """Columns that only the lock file names."""

    @property
    def id(self) -> str:
        """``schema.table``."""
        return f"{self.schema}.{self.name}"


class Scope:
    """Resolves references and records those that lead nowhere."""

    def __init__(self, stores: tuple[Store, ...], problems: Problems) -> None:
        self.stores = stores
        self.schemas = [s.schema for s in stores]
        self.tables: dict[str, RawTable] = {}
        self.problems = problems

    def split(self, text: str, at: Position, most: int) -> tuple[str, ...] | None:
        """The names of a reference without globs, or None after recording why not."""
        try:
            found = parts(text, most)
        except BadReference as error:
            self.problems.add(
                "PM012",
                "bad-name",
                at,
                str(error),
                'Write table, schema.table, or "odd.name" in double quotes.',
            )
            return None
        if any(is_glob(p) for p in found):
            self.problems.add(
                "PM012",
                "glob",
                at,
                f"{text[:70]!r} is a pattern, a name is wanted",
                "Put a name with * or ? in double quotes inside the YAML quotes.",
            )
            return None
        return tuple(p.text for p in found)

    def qualify(self, text: str, at: Position) -> tuple[str, str] | None:
        """Schema and name of a table, which need not be in the catalogue."""
        names = self.split(text, at, 2)
        if names is None:
            return None
        if len(names) == 2:
            if names[0] not in self.schemas:
                self.problems.add(
                    "PM013",
                    "unknown-schema",
                    at,
                    f"no store has the schema {names[0]!r}",
                    did_you_mean(names[0], self.schemas),
                )
                return None
            return names[0], names[1]
        if len(self.schemas) != 1:
            if self.schemas:
                self.problems.add(
                    "PM013",
                    "ambiguous-table",
                    at,
                    f"{names[0]!r} does not say which of {len(self.schemas)} schemas it is in",
                    f"Write {self.schemas[0]}.{names[0]} or another schema.",
                )
            return None
        return self.schemas[0], names[0]

    def table(self, text: str, at: Position) -> RawTable | None:
        """The protected table of that name."""
        names = self.qualify(text, at)
        if names is None:
            return None
        found = self.tables.get(".".join(names))
        if found is None:
            self.problems.add(
                "PM013",
                "unknown-table",
                at,
                f"there is no protected table {'.'.join(names)}",
                did_you_mean(".".join(names), self.tables),
            )
        return found

    def column(
        self, text: str, at: Position, home: RawTable | None = None
    ) -> tuple[RawTable, str] | None:
        """The table and column of a reference; a bare name means a column of ``home``."""
        names = self.split(text, at, 3)
        if names is None:
            return None
        if len(names) == 1:
            if home is None:
                self.problems.add(
                    "PM013",
                    "bare-column",
                    at,
                    f"{names[0]!r} does not say which table it is in",
                    f"Write table.{names[0]}.",
                )
                return None
            table: RawTable | None = home
        elif len(names) == 2:
            schema = self.schemas[0] if len(self.schemas) == 1 else None
            if schema is None:
                self.problems.add(
                    "PM013",
                    "ambiguous-table",
                    at,
                    f"{text!r} does not name the schema",
                    "Write schema.table.column.",
                )
                return None
            table = self._known(f"{schema}.{names[0]}", at)
        else:
            table = self._known(f"{names[0]}.{names[1]}", at)
        if table is None:
            return None
        return (table, names[-1]) if self.has(table, names[-1], at) else None

    def _known(self, id_: str, at: Position) -> RawTable | None:
        found = self.tables.get(id_)
        if found is None:
            self.problems.add(
                "PM013",
                "unknown-table",
                at,
                f"there is no protected table {id_}",
                did_you_mean(id_, self.tables),
            )
        return found

    def has(self, table: RawTable, column: str, at: Position) -> bool:
        """Whether the table has the column; recorded when not."""
        if column in table.columns:
            return True
        if column in table.broken:
            return False
        self.problems.add(
            "PM013",
            "unknown-column",
            at,
            f"{table.id} has no column {column!r} in the catalogue",
            did_you_mean(column, table.columns),
        )
        return False

    def key_column(self, table: RawTable, name: str, at: Position, use: str) -> None:
        """A column that rows are found or decided by: it must exist and not be sealed."""
        if self.has(table, name, at) and table.columns[name].sealed:
            self.problems.add(
                "PM013",
                "sealed-key",
                at,
                f"{table.id}.{name} is sealed, so it cannot serve as {use}: the store holds its "
                "mask",
                "Name a column of level 2 or 3.",
            )
