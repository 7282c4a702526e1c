"""What should stand in the database, one frozen value per object.

An object knows how it is made and how it is taken away; the planner decides whether either is
needed.  ``table`` groups objects that change together in one transaction: the id of the protected
table, or ``''`` for what the whole database shares (roles, schemas, identity views).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from pgmask.hashing import digest
from pgmask.sqltext import Statement


class Kind(StrEnum):
    """The kinds of managed objects."""

    ROLE = "role"
    MEMBERSHIP = "membership"
    SCHEMA = "schema"
    PLACE = "place"
    """Where a store table lives and who owns it."""
    COLUMN = "column"
    CHECK = "check"
    INDEX = "index"
    FUNCTION = "function"
    TRIGGER = "trigger"
    SECURITY = "security"
    """Row-level security enabled and forced."""
    POLICY = "policy"
    VIEW = "view"
    GRANT = "grant"
    """All privileges of one role on one object or its columns."""
    ROW = "row"
    """Rows of pgmask's own tables that the compiled policy is looked up in."""


class Phase(IntEnum):
    """Order of creation: what protects comes before what opens (confidentiality first)."""

    ROLES = 10
    PLACE = 20
    COLUMNS = 30
    FUNCTIONS = 40
    CHECKS = 45
    TRIGGERS = 50
    INDEXES = 55
    SECURITY = 60
    POLICIES = 70
    VIEWS = 80
    ROWS = 85
    GRANTS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """One managed object.

    identity: unique within its kind, readable, stable over plans (``crm_store.customer.phone``);
    table: see the module; phase: its place in the order of creation; create: statements that make
    it, or change it from whatever is there (idempotent where PostgreSQL allows); drop: statements
    that take it away, empty when it never goes by a plan; replace: whether ``create`` may run over
    an existing one (else it is dropped first); depends: identities ``kind:identity`` made before.
    """

    kind: Kind
    identity: str
    table: str
    phase: Phase
    create: tuple[Statement, ...]
    drop: tuple[Statement, ...] = ()
    replace: bool = False
    depends: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``kind:identity``, the name of the object in plans and in the deployed state."""
        return f"{self.kind}:{self.identity}"

    @property
    def desired_hash(self) -> str:
        """SHA-256 over what would be run to make it."""
        return digest([s.text for s in self.create])
