"""The attacked database of ``tests.attack`` with reveal and search in its catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from pgmask.keyfile import KeyFile
from pgmask.runtime import install
from tests.attack import place
from tests.attack.minting import KEYS, mint
from tests.attack.people import PERSONAS, PERSONS
from tests.harness import Connection, Database

FIXTURES = Path(__file__).parent / "fixtures"


def fill(database: Database) -> None:
    """Adopt, register, seal."""
    place.make_schema(database)
    database.run((FIXTURES / "claim.sql").read_text("utf-8"))
    install(database.dsn())
    place.fill_register(database)
    place.register_key(database, KeyFile.new(1))
    place.protect(database, FIXTURES / "catalogue.yml")
    place.seal(database)
    with database.superuser() as root:
        for profile in ("agent", "chief", "care", "vip", "hunter", "desk", "analyst"):
            root.execute(f"GRANT pgmask_{profile} TO app".encode())
        root.execute("GRANT pgmask_analyst TO alan")
        root.execute("ANALYZE")
    database.close()


class Site:
    """A clone of it, and the people who ask."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.root = database.superuser()

    def connect(self, login: str = "app") -> Connection:
        """A connection, one transaction at a time."""
        return self.database.connect(login, autocommit=True)

    def own_login(self, person: int, profile: str, service: str | None = None) -> Connection:
        """A connection of a login that is this person, or a service he answers for."""
        name = f"{service or 'person'}_{person}_{profile}"
        self.database.server.role(name)
        self.root.execute(f"GRANT pgmask_{profile} TO {name}".encode())
        self.root.execute(
            "SELECT pgmask.register_login(%s, %s, %s, %s, 'north')",
            (name, person, service, profile),
        )
        return self.connect(name)

    def log_in(self, connection: Connection, actor: str = "ann", **claims: Any) -> None:
        """Log the actor in to the open transaction, with the challenge answered."""
        if claims.pop("strong", True):
            row = connection.execute("SELECT pgmask.challenge()").fetchone()
            claims["challenge"] = row[0] if row else None
        connection.execute("SELECT pgmask.login(%s)", (self.token(actor, **claims),))

    def token(self, actor: str = "ann", **claims: Any) -> str:
        """What the issuer signs for the actor; claims: instead of, or beside, the actor's own."""
        persona = PERSONAS[actor]
        assert persona.person is not None
        unit = next(p.unit for p in PERSONS if p.id == persona.person)
        made: dict[str, Any] = {
            "login": persona.login, "database": self.database.name, "person": persona.person,
            "profile": persona.profile, "unit": unit,
        }  # fmt: skip
        return mint(**(made | claims))

    @contextmanager
    def acting(
        self, actor: str = "ann", connection: Connection | None = None, **claims: Any
    ) -> Iterator[Connection]:
        """A transaction in which the actor is logged in."""
        one = connection or self.connect()
        with one.transaction():
            self.log_in(one, actor, **claims)
            yield one

    def request(
        self, actor: str = "ann", key: int | str = 1, columns: list[str] | None = None,
        purpose: str = "callback", reference: str | None = None, table: str = "crm.customer",
        **claims: Any,
    ) -> Any:  # fmt: skip
        """A committed ticket."""
        with self.acting(actor, **claims) as one:
            return ask(one, key, columns, purpose, reference, table)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the superuser sees."""
        return self.root.execute(query.encode(), values or None).fetchall()


def ask(
    connection: Connection, key: int | str = 1, columns: list[str] | None = None,
    purpose: str = "callback", reference: str | None = None, table: str = "crm.customer",
) -> Any:  # fmt: skip
    """Step one."""
    row = connection.execute(
        "SELECT pgmask.reveal_request(%s, %s::text, %s::text[], %s, %s)",
        (table, str(key), columns, purpose, reference),
    ).fetchone()
    assert row is not None
    return row[0]


def shown(connection: Connection, ticket: Any) -> dict[str, str | None]:
    """Step two, untyped."""
    return dict(connection.execute("SELECT * FROM pgmask.reveal(%s)", (ticket,)).fetchall())


def code(error: psycopg.Error) -> str:
    """The SQLSTATE."""
    return error.sqlstate or ""


__all__ = ["KEYS", "PERSONAS", "Site", "ask", "code", "fill", "shown"]
