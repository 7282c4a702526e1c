"""What every builder needs to know about one protected table: catalogue, facts and place."""

from __future__ import annotations

from dataclasses import dataclass

from pgmask.catalogue.model import Catalogue, Form, Profile, Store, Subject, Table
from pgmask.compile.columns import PREFIX, subject_of, unit_column
from pgmask.errors import InternalError
from pgmask.facts.model import ColumnFact, Facts, RelationFact
from pgmask.names import QualName, derived
from pgmask.sqltext import Statement

SEALER = "pgmask_sealer"
BACKUP = "pgmask_backup"
OWNER = "pgmask_owner"
MIGRATOR = "pgmask_migrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One protected table over the facts of one database.

    relation: the table as it is now, wherever it is; place: where it will stand.
    """

    catalogue: Catalogue
    facts: Facts
    table: Table
    store: Store
    relation: RelationFact
    place: QualName

    @property
    def subject(self) -> Subject | None:
        """The subject class of the table's rows."""
        return subject_of(self.catalogue, self.table)

    @property
    def columns(self) -> tuple[ColumnFact, ...]:
        """The application's own columns in the table's order."""
        return tuple(c for c in self.relation.columns if not c.name.startswith(PREFIX))

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles that have a view of the table, in the catalogue's order."""
        return tuple(p for p in self.catalogue.profiles if p.may(self.table))

    def view(self, profile: Profile) -> QualName:
        """The name of a profile's view."""
        return QualName.of(self.catalogue.view_schema(profile, self.store), self.table.name)

    def fact(self, column: str) -> ColumnFact:
        """The column in the database; it is there, or the plan was refused before."""
        found = self.relation.column(column)
        if found is None:
            raise InternalError(
                "PM901", f"column {column!r} of {self.table.id} is not in the facts"
            )
        return found

    def type_of(self, column: str) -> str:
        """The type a column has once the table is sealed: a domain gives way to its base type."""
        fact = self.fact(column)
        known = self.table.column(column)
        sealed = known is not None and known.sealed
        return fact.base_type if sealed and fact.domain else fact.type

    @property
    def unit_column(self) -> str | None:
        """The column that holds the unit, own or added."""
        return unit_column(self.catalogue, self.table)

    @property
    def unit_type(self) -> str:
        """The type of the unit column; for the added one that of the subject's own table."""
        if self.table.unit is not None:
            return self.fact(self.table.unit).type
        subject = self.subject
        if subject is None or subject.unit is None:
            raise InternalError("PM901", f"{self.table.id} has no unit column")
        schema, _, name = subject.table.partition(".")
        home = self.catalogue.table(subject.table)
        relation = (
            self.facts.store_relation(home.id, home.schema, home.name)
            if home is not None
            else self.facts.relation(schema, name)
        )
        fact = relation.column(subject.unit) if relation is not None else None
        return fact.type if fact is not None else "text"

    @property
    def sealed(self) -> bool:
        """Nothing plain is left to seal: no level-1 column, or ``pgmask seal`` has ended.

        A column classified since then opens it anew: its CHECK is missing or not yet validated.
        """
        if not self.table.sealed_columns:
            return True
        recorded = self.facts.store(self.table.id)
        if recorded is None or not recorded.sealed:
            return False
        store = self.facts.store_relation(self.table.id, self.table.schema, self.table.name)
        held = {c.name for c in store.constraints if c.validated} if store is not None else set()
        return all(
            derived("pgmask_mask_", column.name).text in held
            for column in self.table.sealed_columns
        )


def statement(text: str, comment: str = "") -> Statement:
    """A statement with the note the plan prints above it."""
    return Statement(text=text, comment=comment)


__all__ = ["BACKUP", "MIGRATOR", "OWNER", "SEALER", "Context", "Form", "statement"]
