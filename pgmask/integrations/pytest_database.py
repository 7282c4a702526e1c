"""A throw-away database that has adopted an application's schema, for the application's own tests.

The schema is adopted once, in a template named by what it is made from; every test gets a copy.
Everything is done by a login that may create databases and roles and is no superuser.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgmask.apply import Approval, apply_plan, plan_database
from pgmask.apply import seal as rows
from pgmask.apply import seal_finish as ending
from pgmask.apply.fake_persons import invent_person
from pgmask.catalogue.load import load
from pgmask.catalogue.model import Catalogue
from pgmask.errors import Refused
from pgmask.integrations.acting import Actor
from pgmask.integrations.issuer import Minter
from pgmask.integrations.psycopg import Connection as ActingConnection
from pgmask.keyfile import KeyFile
from pgmask.plan import Hazard
from pgmask.runtime import install, keys, register
from pgmask.server import create_cluster

if TYPE_CHECKING:
    from pgmask.facts.schema import Schema
    from pgmask.verdict.model import Verdict
    from pgmask.verdict.validator import Validator

ISSUER = "pgmask-tests"
"""Who signs for profiles whose catalogue names no issuer."""
_LOCK = 0x70677079  # "pgpy": workers of one run make one template


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a test database is made from.

    catalogue: its folder or main file; schema: SQL files, run in order as the schema's owner;
    environment: of the catalogue, with ``data: fake`` and ``persons: fake``; search_path: of the
    application, for ``validate``, where it is not the profile's own.
    """

    catalogue: Path
    schema: tuple[Path, ...]
    environment: str = "test"
    search_path: tuple[str, ...] | None = None

    def load(self) -> Catalogue:
        """The catalogue. Raises CatalogueError, and Refused PM354 where its data is real."""
        found = load(self.catalogue, environment=self.environment)
        if found.data != "fake" or found.persons != "fake":
            raise Refused(
                "PM354", f"the environment {self.environment!r} is for real data",
                hint="environments: {test: {keys: {provider: dev}, data: fake, persons: fake}}",
            )  # fmt: skip
        return found


@contextlib.contextmanager
def own_server() -> Iterator[str]:
    """A throw-away server for a ``with`` block: the DSN of a login that may create."""
    cluster = create_cluster(settings={"max_connections": "40"})
    try:
        cluster.start()
        password = secrets.token_urlsafe(16)
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE ROLE pgmask_tester LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                    sql.Literal(password)
                )
            )
        yield cluster.dsn(user="pgmask_tester", password=password)
    finally:
        cluster.stop()


@dataclass(slots=True, kw_only=True)
class TestServer:
    """A server with the template of one setup, and an application's login of this run."""

    __test__ = False

    admin: str = field(repr=False)
    setup: Setup
    catalogue: Catalogue
    login: str = ""
    password: str = field(default="", repr=False)
    _schema: Schema | None = field(default=None, repr=False)
    _validators: dict[str, Validator] = field(default_factory=dict, repr=False)

    @property
    def template(self) -> str:
        """The template's name: it changes with the catalogue, the schema and this version."""
        from pgmask import __version__
        from pgmask.runtime.install import head

        digest = sha256(f"{__version__} {head()} {self.catalogue.hash}".encode())
        for file in self.setup.schema:
            digest.update(file.read_bytes())
        return f"pgmask_test_{digest.hexdigest()[:16]}"

    def dsn(self, dbname: str) -> str:
        """The administrator's DSN of a database."""
        return make_conninfo(self.admin, dbname=dbname)

    def prepare(self) -> None:
        """Make the template where it is not there, and this run's login."""
        with psycopg.connect(self.admin, autocommit=True) as admin:
            admin.execute("SELECT pg_catalog.pg_advisory_lock(%s)", (_LOCK,))
            there = admin.execute(
                "SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = %s",
                (self.template,),
            ).fetchone()
            name = sql.Identifier(self.template)
            if there is None or not there[0]:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
                admin.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name)
                )
                self._fill()
                # Marked last: what a killed run leaves is not taken for a template.
                admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(name))
            self.login = f"pgmask_test_{os.getpid()}_{secrets.token_hex(3)}"
            self.password = secrets.token_urlsafe(16)
            admin.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(self.login), sql.Literal(self.password)
                )
            )
            for profile in self.catalogue.profiles:
                admin.execute(
                    sql.SQL("GRANT {} TO {}").format(
                        sql.Identifier(self.catalogue.group_role(profile)),
                        sql.Identifier(self.login),
                    )
                )

    def _fill(self) -> None:
        where = self.dsn(self.template)
        with psycopg.connect(where) as connection:
            for file in self.setup.schema:
                connection.execute(file.read_bytes())
        install(where)
        with psycopg.connect(where, autocommit=True) as connection:
            plan = plan_database(connection, self.catalogue, author="the tests")
            apply_plan(
                connection, plan, allow=frozenset(h.value for h in Hazard),
                approval=Approval(by="nobody: a test", reference="tests"),
            )  # fmt: skip
            key = KeyFile.new(keys.next_id(connection), dev=True)
            keys.register(connection, key, "dev", None)
            keys.load(connection, key)
            for table in ending.deployed(connection).tables:
                rows.seal_rows(connection, table)
                ending.finish(connection, table)

    def validate(self, sql: str, profile: str, *, strict: bool = False) -> tuple[Verdict, ...]:
        """The verdicts on a text as a profile, over the adopted schema; a denial fails the test."""
        import pytest

        from pgmask.facts.snapshot import read_schema
        from pgmask.verdict.formats import Judged, as_text, failing
        from pgmask.verdict.placeholders import numbered
        from pgmask.verdict.validator import Validator

        if self._schema is None:
            # A template may have no connection while it is copied: its snapshot is of a copy.
            with self.database() as made, psycopg.connect(made.admin_dsn) as connection:
                self._schema = read_schema(connection)
        asked = self._validators.get(profile)
        if asked is None:
            asked = Validator(
                self._schema, catalogue=self.catalogue, profile=profile,
                search_path=self.setup.search_path,
            )  # fmt: skip
            self._validators[profile] = asked
        verdicts = asked.validate(numbered(sql))
        failed = tuple(v for v in verdicts if failing(v, strict))
        if failed:
            pytest.fail(as_text([Judged(file=profile, verdicts=failed)]), pytrace=False)
        return verdicts

    def close(self) -> None:
        """Drop this run's login; the template stays for the next run."""
        if self.login:
            with psycopg.connect(self.admin, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(self.login)))

    @contextlib.contextmanager
    def database(self) -> Iterator[TestDatabase]:
        """A copy of the template for the length of a ``with`` block."""
        name = f"pgmask_test_{os.getpid()}_{secrets.token_hex(4)}"
        with psycopg.connect(self.admin, autocommit=True) as admin:
            # One copy of a template at a time, and none while somebody is connected to it.
            admin.execute("SELECT pg_catalog.pg_advisory_lock(%s)", (_LOCK,))
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(self.template)
                )
            )
        made = TestDatabase(server=self, name=name)
        try:
            made.issue()
            yield made
        finally:
            with psycopg.connect(self.admin, autocommit=True) as admin:
                admin.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )


@dataclass(slots=True, kw_only=True)
class TestDatabase:
    """One test's database: the application's DSN, its signing keys, and persons on request."""

    __test__ = False

    server: TestServer
    name: str
    _minters: dict[str, Minter] = field(default_factory=dict, repr=False)

    @property
    def dsn(self) -> str:
        """The application's DSN: a login with the rights of every profile, and nothing else."""
        return make_conninfo(
            self.server.admin, dbname=self.name, user=self.server.login,
            password=self.server.password,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The same as a URL, for SQLAlchemy and others."""
        from urllib.parse import quote, urlencode

        parts = conninfo_to_dict(self.dsn)
        user, password = (quote(str(parts.pop(k, "")), safe="") for k in ("user", "password"))
        dbname = parts.pop("dbname")
        return f"postgresql://{user}:{password}@/{dbname}?{urlencode(parts)}"

    @property
    def admin_dsn(self) -> str:
        """The DSN of the login that owns the database: for preparing, not for what is tested."""
        return self.server.dsn(self.name)

    def issue(self) -> None:
        """Make the issuers of the catalogue and their keys, of this copy alone."""
        profiles: dict[str, list[str]] = {}
        for profile in self.server.catalogue.profiles:
            for issuer in profile.identity.issuers or (ISSUER,):
                profiles.setdefault(issuer, []).append(profile.name)
        with psycopg.connect(self.admin_dsn) as connection:
            for issuer, names in profiles.items():
                register.add_issuer(connection, issuer, tuple(names))
                key = register.rotate(connection, issuer)
                for name in names:
                    self._minters.setdefault(name, Minter(key, self.server.login, self.name))

    def minter(self, profile: str) -> Minter:
        """Who signs for a profile. Raises KeyError for one the catalogue does not have."""
        return self._minters[profile]

    def actor(self, profile: str, unit: str, *, purpose: str | None = None) -> Actor:
        """An invented person with that profile in that unit, for ``pgmask.acting_as``."""
        self.minter(profile)
        with psycopg.connect(self.admin_dsn) as connection:
            who = invent_person(connection, profile, unit)
        return Actor(person=who.number, profile=profile, unit=unit, purpose=purpose)

    def connect(self, profile: str, **options: Any) -> ActingConnection[Any]:
        """The application's connection: logs in whoever is acting, like the one in production."""
        return ActingConnection.connect(self.dsn, minter=self.minter(profile), **options)
