"""What should stand in the database, one frozen value per object.

An object knows how it is made and how it is taken away; the planner decides whether either is
needed.  ``table`` groups objects that change together in one transaction: the id of the protected
table, or ``''`` for what the whole database shares (roles, schemas, identity views).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from hashlib import sha256

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
    PUBLICATION = "publication"
    """The columns of a store table that a publication sends."""
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
    CALLS = 82
    """Functions whose result has a view's type."""
    ROWS = 85
    GRANTS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """One managed object.

    identity: unique within its kind, readable, stable over plans (``crm_store.customer.phone``);
    table: see the module; phase: its place in the order of creation; create: statements that make
    it, or change it from whatever is there (idempotent where PostgreSQL allows); drop: statements
    that take it away, empty when it never goes by a plan; replace: whether ``create`` may run over
    an existing one (else it is dropped first); depends: keys ``kind:identity`` made before; when
    one of them is dropped and made again, so is this object.

    address: the names under which the facts know it, so that no name is ever split at a dot:

    ============ ==========================================================
    role         role
    membership   role, member
    schema       schema
    place        schema, relation
    security     schema, relation
    column       schema, relation, column
    check        schema, relation, constraint (any table constraint)
    index        schema, index
    function     schema, function (generated functions are never overloaded)
    trigger      schema, relation, trigger
    policy       schema, relation, policy
    view         schema, view
    grant        ``relation`` | ``schema`` | ``function`` | ``sequence``, schema, name, grantee
    publication  publication, schema, relation
    row          table of ``pgmask_private``, key
    ============ ==========================================================

    An empty address means that nothing can be read back: only ``desired_hash`` is compared.

    state: what is wanted, where the statements depend on what is there (a table that has moved
    already needs no move): then the hash is taken over this value, not over the statements.
    hazards: names of ``pgmask.plan.hazards`` that making this object carries.
    expects: of a grant, what ``has_*_privilege`` must say afterwards: (privilege, columns), empty
    columns for the whole object; every other privilege must be absent.
    """

    kind: Kind
    identity: str
    table: str
    phase: Phase
    create: tuple[Statement, ...]
    drop: tuple[Statement, ...] = ()
    replace: bool = False
    depends: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    state: str = ""
    hazards: tuple[str, ...] = ()
    expects: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def key(self) -> str:
        """``kind:identity``, the name of the object in plans and in the deployed state."""
        return f"{self.kind}:{self.identity}"

    @property
    def desired_hash(self) -> str:
        """SHA-256 over what is wanted: ``state``, else what would be run to make it."""
        wanted = self.state or "\0".join(s.text for s in self.create)
        return sha256(wanted.encode()).hexdigest()


class Severity(StrEnum):
    """What a problem does to a plan."""

    REFUSE = "refuse"
    """Nothing is planned; all such problems are reported together."""
    WARN = "warn"
    """The plan names it and goes on."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing in the database that the catalogue cannot be laid over as it stands.

    code: of the registry (PM2xx); table: id of the protected table, ``''`` for the database;
    what: the object, by name; message: one sentence, never a value; hint: the way out.
    """

    table: str
    code: str
    what: str
    message: str
    hint: str = ""
    severity: Severity = Severity.REFUSE

    def __str__(self) -> str:
        place = f"{self.table}: " if self.table else ""
        return f"{self.code} {place}{self.message}"
