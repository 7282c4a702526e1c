"""What every builder needs to know about one protected table: catalogue, facts and place."""

from __future__ import annotations

from dataclasses import dataclass

from pgmask.catalogue.model import Catalogue, Form, Opens, Profile, Store, Subject, Table
from pgmask.compile.columns import PREFIX, subject_of, unit_column
from pgmask.compile.stages import Stage
from pgmask.errors import InternalError
from pgmask.facts.model import ColumnFact, Facts, RelationFact
from pgmask.names import QualName, derived
from pgmask.sqltext import Statement

SEALER = "pgmask_sealer"
BACKUP = "pgmask_backup"
OWNER = "pgmask_owner"
MIGRATOR = "pgmask_migrator"
KEYLESS = "pgmask_keyless"
"""Runs what may set off code of the application: triggers, CHECKs, domains."""
READER = "pgmask_lookup"
"""Plans every query of generated functions on stores and views: it reads, and reaches no key."""


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
    def stage(self) -> Stage:
        """The stage that the catalogue asks for."""
        return Stage(self.table.rollout)

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
        """The name of a profile's view; while the table is observed, it keeps its own name."""
        schema = self.catalogue.view_schema(profile, self.store)
        return QualName.of(schema if self.stage.moved else profile.name, self.table.name)

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
        fact = self.unit_fact
        return fact.type if fact is not None else "text"

    @property
    def unit_fact(self) -> ColumnFact | None:
        """The unit column, or for the added one that of the subject's own table; None: none."""
        if self.table.unit is not None:
            return self.fact(self.table.unit)
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
        return relation.column(subject.unit) if relation is not None else None

    def opened(self, profile: Profile) -> bool:
        """Whether the profile's group gets its grants now (``opens:``)."""
        if profile.opens is Opens.ALWAYS:
            return True
        return self.stage is Stage.ENFORCED and self.sealed

    def computes(self, profile: Profile) -> bool:
        """Whether this profile's view masks the plain level-1 values that the store still holds."""
        if not self.stage.seals:
            return True
        return not self.sealed and self.opened(profile) and not profile.writes(self.table)

    @property
    def sealed(self) -> bool:
        """Nothing plain is left to seal: no level-1 column, or ``pgmask seal`` has ended.

        A column classified since then opens it anew: its CHECK is missing or not yet validated.
        """
        if not self.table.sealed_columns:
            return True
        if not self.stage.seals:
            return False
        recorded = self.facts.store(self.table.id)
        if recorded is None or not recorded.sealed:
            return False
        store = self.facts.store_relation(self.table.id, self.table.schema, self.table.name)
        held = {c.name for c in store.constraints if c.validated} if store is not None else set()
        return all(
            derived("pgmask_mask_", column.name).text in held
            for column in self.table.sealed_columns
        )


def place_in(catalogue: Catalogue, facts: Facts, table: Table | None) -> QualName | None:
    """Where a protected table will stand at its stage; None where it is not there."""
    if table is None:
        return None
    relation = facts.store_relation(table.id, table.schema, table.name)
    store = catalogue.store(table.schema)
    if relation is None or store is None:
        return None
    if not Stage(table.rollout).moved:
        return QualName.of(table.schema, relation.name)
    moves = relation.schema in (store.schema, store.store_schema)
    return QualName.of(store.store_schema if moves else relation.schema, relation.name)


def statement(text: str, comment: str = "") -> Statement:
    """A statement with the note the plan prints above it."""
    return Statement(text=text, comment=comment)


__all__ = [
    "BACKUP",
    "KEYLESS",
    "MIGRATOR",
    "OWNER",
    "READER",
    "SEALER",
    "Context",
    "Form",
    "place_in",
    "statement",
]
