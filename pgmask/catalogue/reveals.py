"""What a profile may reveal and search, from its entry (B2, B3, B8).

Everything that needs no database is refused here, with its position; ``cover`` adds what depends on
types and keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.catalogue.files import values
from pgmask.catalogue.model import (
    Form,
    Grade,
    Operation,
    Position,
    Purpose,
    Reveal,
    Search,
    Table,
    Unique,
)
from pgmask.catalogue.scope import Scope
from pgmask.catalogue.shapes import Entry, Located

Operations = dict[str, tuple[Operation, ...]]


class RevealReader:
    """The reveal and search entries of one profile.

    forms: per level; column_forms: per ``schema.table.column``; operations: per table id, as the
    profile's own.
    """

    def __init__(
        self,
        name: str,
        scope: Scope,
        tables: tuple[Table, ...],
        operations: Operations,
        forms: dict[int, Form],
        column_forms: dict[str, Form],
    ) -> None:
        self._name = name
        self._scope = scope
        self._tables = {t.id: t for t in tables}
        self._operations = operations
        self._forms = forms
        self._column_forms = column_forms

    def _refuse(self, rule: str, at: Position, message: str, fix: str) -> None:
        self._scope.problems.add("PM016", rule, at, message, fix)

    def reveal(self, entry: Entry | None) -> Reveal | None:
        """Complete values one record at a time."""
        if entry is None:
            return None
        columns = [full for item in entry.get("columns", ()) if (full := self._revealed(item))]
        purposes = tuple(sorted(self._purposes(entry, columns), key=lambda p: p.name))
        return Reveal(
            columns=tuple(sorted(columns)),
            purposes=purposes,
            per_day=entry.get("per_day", 1),
            per_month=entry.get("per_month"),
            per_subject_per_day=entry.get("per_subject_per_day"),
            share_per_month=entry.get("share_per_month"),
            second_factor_within=entry.get("second_factor_within"),
            grade=Grade(entry.get("grade", "challenge")),
            position=entry.at,
        )

    def _reference(self, item: Located, use: str) -> str | None:
        """``schema.table.column`` that the profile has a view of, None after recording why not."""
        reference = self._scope.column(item.value, item.at)
        if reference is None:
            return None
        raw, name = reference
        if raw.columns[name].never_shown:
            self._scope.problems.add(
                "PM014", "never-shown", item.at,
                f"{item.value} is of a kind that is never shown (B8)", f"Remove it from {use}.",
            )  # fmt: skip
            return None
        if Operation.SELECT not in self._operations.get(raw.id, ()):
            self._refuse(
                f"{use}-no-view", item.at,
                f"{self._name!r} does not read {raw.id}, so it finds no row there to {use}",
                f"Give the profile {raw.name}: read, or remove the column.",
            )  # fmt: skip
            return None
        return f"{raw.id}.{name}"

    def _revealed(self, item: Located) -> str | None:
        full = self._reference(item, "reveal")
        if full is None:
            return None
        reference = self._scope.column(item.value, item.at)
        if reference is not None:
            column = reference[0].columns[reference[1]]
            form = self._column_forms.get(full, self._forms[column.level])
            if not column.sealed and form is Form.PLAIN and not column.hidden_by_default:
                self._scope.problems.warn(
                    "PM016", "reveal-plain", item.at,
                    f"{item.value} has level {column.level} and is plain for {self._name!r}: there"
                    " is nothing to reveal",
                    "Remove it from reveal.",
                )  # fmt: skip
        return full

    def _purposes(self, entry: Entry, columns: list[str]) -> Iterator[Purpose]:
        classes = self._classes(columns)
        for purpose in entry.get("purposes", ()):
            if isinstance(purpose, Located):
                yield Purpose(name=purpose.value)
                continue
            key, case = purpose
            if isinstance(case, str):
                if case != "none":
                    table = self._scope.table(case, key.at)
                    if table is not None:
                        self._case_of(table.id, key, classes)
                    yield Purpose(name=key.value, case=table.id if table else None)
                else:
                    yield Purpose(name=key.value)
                continue
            yield self._case(key, case, classes)

    def _classes(self, columns: list[str]) -> set[str]:
        """The classes of the subjects that the revealed columns speak of."""
        found = set()
        for full in columns:
            id_, _, name = full.rpartition(".")
            table = self._tables.get(id_)
            column = table.column(name) if table else None
            if table is None or column is None:
                continue
            own = column.subject_class or table.subject_class
            found.add(own or table.id)
        return found

    def _case_of(self, id_: str, key: Located, classes: set[str]) -> None:
        table = self._tables.get(id_)
        if table is None or not classes:
            return
        theirs = {table.subject_class} | {c.subject_class for c in table.columns if c.subject}
        if table.subject is None or not theirs & classes:
            self._refuse(
                "case-subject", key.at,
                f"rows of {id_} belong to no subject whose values {self._name!r} reveals, so none"
                f" can be the case of the purpose {key.value!r}",
                "Name a table with the same class of subjects.",
            )  # fmt: skip

    def _case(self, key: Located, entry: Entry, classes: set[str]) -> Purpose:
        at = entry.place("table")
        table = self._scope.table(entry.get("table", ""), at) if entry.get("table") else None
        if table is None:
            return Purpose(name=key.value)
        self._case_of(table.id, Located(key.value, at), classes)
        when = []
        for column, wanted in entry.get("when", ()):
            if self._condition(table.id, column.value, column.at):
                when.append((column.value, tuple(sorted(str(v) for v in values(wanted)))))
        within = None
        rule = entry.get("within")
        if rule is not None and rule.get("column") and rule.get("days"):
            name = rule.get("column")
            if self._condition(table.id, name, rule.place("column")):
                within = (name, rule.get("days"))
        return Purpose(name=key.value, case=table.id, when=tuple(sorted(when)), within=within)

    def _condition(self, id_: str, name: str, at: Position) -> bool:
        """Whether a case can be judged by the column: there, and not masked in any row."""
        raw = self._scope.tables[id_]
        if not self._scope.has(raw, name, at):
            return False
        level = raw.columns[name].level
        if level < 3:
            self._refuse(
                "case-column", at,
                f"{id_}.{name} has level {level}: it is stored masked, or is in rows of high-value"
                " customers, so no case can be judged by it",
                "Name a column of level 3.",
            )  # fmt: skip
            return False
        return True

    def search(self, entry: Entry | None) -> Search | None:
        """Exact search by blind index."""
        if entry is None:
            return None
        columns = [full for item in entry.get("columns", ()) if (full := self._searched(item))]
        return Search(
            columns=tuple(sorted(columns)),
            per_day=entry.get("per_day", 1),
            near_per_day=entry.get("near_per_day", 5),
            position=entry.at,
        )

    def _searched(self, item: Located) -> str | None:
        full = self._reference(item, "search")
        if full is None:
            return None
        reference = self._scope.column(item.value, item.at)
        if reference is None:
            return None
        column = reference[0].columns[reference[1]]
        if not column.sealed or not (column.search or column.unique is not Unique.NO):
            self._refuse(
                "search-no-index", item.at,
                f"{item.value} has no blind index"
                + ("" if column.sealed else f": it has level {column.level}"),
                "Write search: exact for the column or its kind." if column.sealed
                else "Search it on the view, as any other column.",
            )  # fmt: skip
            return None
        if column.kind_by is not None:
            self._refuse(
                "search-kind-by", item.at,
                f"the kind of {item.value} changes from row to row, so no value of it has one"
                " normal form",
                "Remove it from search.",
            )  # fmt: skip
            return None
        return full
