"""The attacked database: an application's schema with two units, adopted by pgmask's own tools.

It is made once per server as a template; every row of the table works on a clone of its own.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import psycopg

from pgmask import sealing
from pgmask.apply import Approval, apply_plan, seal_finish
from pgmask.apply.seal import seal_rows
from pgmask.catalogue import load
from pgmask.facts.read import read_facts
from pgmask.keyfile import KeyFile
from pgmask.plan import MUST_ALLOW, make
from pgmask.runtime import install
from tests.attack.minting import ISSUER, KEYS, OTHER, assertion_of
from tests.attack.model import Outcome
from tests.attack.people import CARED, COLUMNS, PERSONAS, PERSONS, PROMISED, customers, id_no
from tests.attack.session import Session
from tests.harness import Database, Server

FIXTURES = Path(__file__).parent / "fixtures"
PROFILES = ("agent", "chief", "care", "vip", "hunter", "desk", "analyst")
_FORMS = ("confidentiality_agreement", "responsibility_letter")


class Play:
    """One row's clone of the attacked database, and the hands that act on it.

    flags: what a control has taken away that is no object of the database (it may be that the
    attempt itself stays in its transaction). strong: whether persons answer the challenge.
    """

    def __init__(
        self, server: Server, database: Database, key: bytes, *, strong: bool = False
    ) -> None:
        self.server = server
        self.database = database
        self.key = key
        self.strong = strong
        self.flags: set[str] = set()
        self._sessions: list[Session] = []

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.server.major

    def rex(self, statements: str) -> list[tuple[Any, ...]]:
        """The superuser's hand, for setups and controls: each call on a connection of its own."""
        with psycopg.connect(self.database.dsn("postgres"), autocommit=True) as connection:
            cursor = connection.execute(self.filled(statements).encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description is not None else []

    def session(self, login: str) -> Session:
        """A new connection of a login, closed with the row."""
        made = Session(self, self.database.connect(login, autocommit=True))
        self._sessions.append(made)
        return made

    def assertion(self, actor: str, **claims: Any) -> str | None:
        """The assertion an honest application makes for this actor; claims: what differs."""
        if actor not in PERSONAS:
            return None
        return assertion_of(self.database.name, actor, **claims)

    def attempt(self, actor: str, statements: tuple[str, ...]) -> Outcome:
        """The statements by this actor, logged in, in a transaction that is rolled back."""
        session = self.session(PERSONAS[actor].login).begin(actor)
        for statement in statements:
            session.run(self.filled(statement))
        outcome = session.outcome()
        session.connection.rollback()
        return outcome

    def filled(self, statement: str) -> str:
        """Names that differ from clone to clone: ``{database}``, ``{store_oid}``."""
        if "{database}" in statement:
            statement = statement.replace("{database}", self.database.name)
        if "{store_oid}" in statement:
            oid = self.database.rows("SELECT 'crm_store.customer'::regclass::oid")[0][0]
            statement = statement.replace("{store_oid}", str(oid))
        return statement

    def end(self) -> None:
        """Close every session; nothing of an attempt stays but what it committed."""
        for session in self._sessions:
            session.connection.close()
        self._sessions.clear()


@functools.cache
def template(server: Server) -> tuple[str, bytes]:
    """The protected, filled and sealed database of this server, and its key file's content."""
    database = server.create_database(name="attacked")
    key = KeyFile.new(1)
    try:
        make_schema(database)
        install(database.dsn())
        fill_register(database)
        register_key(database, key)
        protect(database)
        seal(database)
        _open(database)
    except BaseException:
        server.drop_database(database)  # the next row shall meet the fault, not its remains
        raise
    database.close()
    return database.name, key.to_bytes()


def make_schema(database: Database) -> None:
    """The application's tables with their rows, in plain text."""
    database.run((FIXTURES / "schema.sql").read_text("utf-8"))
    with psycopg.connect(database.dsn()) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO crm.unit (id, title) VALUES (%s, %s)",
            [("north", "North"), ("south", "South")],
        )
        marks = ", ".join(["%s"] * len(COLUMNS.split(",")))
        cursor.executemany(
            f"INSERT INTO crm.customer ({COLUMNS}) VALUES ({marks})",
            [c.row for c in customers()],
        )
        cursor.execute("SELECT setval('crm.customer_id_seq', 1000)")
        cursor.executemany(
            "INSERT INTO crm.policy (holder_id, insured_id, unit_id, product, insured_id_no)"
            " VALUES (%s, %s, %s, 'life', %s)",
            [(c.id, c.id, c.unit, id_no(c.id + 700)) for c in customers()],
        )
        cursor.executemany(
            "INSERT INTO crm.contact_log (customer_id, value, purpose, at)"
            " VALUES (%s, %s, 'service', %s)",
            [(c.id, c.phone, f"2026-{1 + c.id % 12:02d}-15") for c in customers()],
        )


def fill_register(database: Database) -> None:
    """Units, posts, persons, their papers, logins and issuers."""
    with psycopg.connect(database.dsn()) as connection:
        call = functools.partial(_call, connection)
        call("register_rule", False)
        for unit in ("north", "south"):
            call("register_unit", unit, unit.title(), "branch")
        for profile in PROFILES:
            call("register_post", profile, profile.title())
            call("register_post_profile", profile, profile)
        for form in _FORMS:
            call("register_form", form, "2026")
        for person in PERSONS:
            call("register_person", person.id, person.name, person.unit, person.employment)
            call("register_person_post", person.id, person.post, person.unit)
            if person.signed:
                for form in _FORMS:
                    call("register_document", person.id, form, "2026")
            if person.login is not None:
                call("register_login", person.login, person.id)
        call("register_assignment", 16, "customer", str(CARED.id))
        call("register_assignment", 19, "customer", str(PROMISED))
        call("register_issuer", ISSUER, ["agent", "chief", "care", "vip", "hunter"])
        call("register_issuer", OTHER, ["care"])
    with psycopg.connect(database.dsn("postgres")) as connection:
        for issuer, (key_id, secret) in KEYS.items():
            connection.execute(
                "INSERT INTO pgmask_private.issuer_key (key_id, issuer, secret)"
                " VALUES (%s, %s, %s)",
                (key_id, issuer, secret),
            )


def _call(connection: psycopg.Connection[Any], function: str, *values: Any) -> None:
    marks = ", ".join(["%s"] * len(values))
    connection.execute(f"SELECT pgmask.{function}({marks})", values)


def protect(database: Database, catalogue_file: Path = FIXTURES / "catalogue.yml") -> None:
    """Apply the catalogue as the installer, approved by somebody else."""
    catalogue = load(catalogue_file)
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        plan = make(catalogue, read_facts(connection), author="ilse")
        apply_plan(
            connection, plan, allow=frozenset(h.value for h in MUST_ALLOW),
            approval=Approval(by="dora", reference="CM-1"),
        )  # fmt: skip


def register_key(database: Database, key: KeyFile) -> None:
    """Register the key and load it."""
    with psycopg.connect(database.dsn("postgres")) as connection:
        connection.execute(
            "INSERT INTO pgmask_private.kek (kek_id, provider, fingerprint, canary)"
            " VALUES (%s, 'loaded', %s, %s)",
            (key.key_id, key.fingerprint, sealing.make_canary(key)),
        )
        connection.execute(
            "INSERT INTO pgmask_private.loaded_key (kek_id, content) VALUES (%s, %s)",
            (key.key_id, key.to_bytes()),
        )


def seal(database: Database) -> None:
    """Seal every row by the product, verify and rewrite."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for table in seal_finish.deployed(connection).tables:
            assert not seal_rows(connection, table).refused
            assert not seal_finish.verify(database.dsn(), table, workers=1)
            seal_finish.finish(connection, table)
            seal_finish.rewrite(connection, table)


def _open(database: Database) -> None:
    """Memberships of the logins, and fresh statistics."""
    with psycopg.connect(database.dsn("postgres"), autocommit=True) as connection:
        for profile in ("agent", "chief", "care", "vip", "hunter", "desk"):
            connection.execute(f"GRANT pgmask_{profile} TO app")
        connection.execute("GRANT pgmask_analyst TO alan")
        # pgmask grants nothing on tables that the catalogue leaves unprotected.
        connection.execute("GRANT SELECT ON crm.unit TO nightly")
        connection.execute("ANALYZE")
