"""Where the measurements are taken: raw and protected tables with the same rows, one database."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks import data
from benchmarks.measure import Backend
from pgmask.apply import Approval, apply_plan, seal_finish
from pgmask.apply.seal import seal_rows
from pgmask.catalogue import load
from pgmask.facts.read import read_facts
from pgmask.identity import IssuerKey, mint_assertion
from pgmask.keyfile import KeyFile
from pgmask.plan import MUST_ALLOW, make
from pgmask.runtime import install, keys
from pgmask.server import connect, throw_away

Connection = psycopg.Connection[Any]
_SQL: Final = Path(__file__).parent / "sql"
_TABLES: Final = ("customer", "policy", "contact", "lead")
_FORMS: Final = ("confidentiality_agreement", "responsibility_letter")
_UNIT: Final = 7
_SETTINGS: Final = {"wal_level": "logical", "shared_buffers": "512MB", "max_wal_size": "4GB",
                    "jit": "off", "autovacuum": "off"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much: customers (and as many policies and contacts), rounds of calls, rounds of scans,
    tables of the large catalogue.
    """

    customers: int
    rounds: int
    calls: int
    scans: int
    tables: int


SCALES: Final = {
    "tiny": Scale(customers=400, rounds=2, calls=3, scans=1, tables=6),
    "small": Scale(customers=20_000, rounds=151, calls=12, scans=9, tables=200),
    "full": Scale(customers=100_000, rounds=301, calls=12, scans=15, tables=1000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """How long the product's seal took for one table, and its verification after it."""

    table: str
    rows: int
    columns: int
    seconds: float
    cpu: float | None
    verified: float


@dataclass(slots=True, kw_only=True)
class Place:
    """A database with the schemas ``raw`` (plain), ``crm_store``, ``crm`` (own_unit), ``desk``."""

    scale: Scale
    admin: str
    """DSN of a superuser, or of the owner of the database given by --dsn."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    issuer: IssuerKey | None = None
    sealed: tuple[Sealed, ...] = ()
    version: str = ""
    database: str = ""

    @classmethod
    @contextlib.contextmanager
    def made(cls, scale: Scale, *, dsn: str | None, version: int | None) -> Iterator[Place]:
        """Make it on a throw-away server, or in the database of a DSN (of a superuser)."""
        if dsn is not None:
            place = cls(scale=scale, admin=dsn)
            place._make()
            yield place
            return
        with throw_away(major=version, settings=_SETTINGS) as cluster:
            place = cls(scale=scale, admin=cluster.dsn())
            place._make()
            yield place

    @property
    def rows(self) -> int:
        """How many customers there are."""
        return self.scale.customers

    def login(self, who: str) -> str:
        """The database login of a part: desk, agent_login, app."""
        return f"bench_{who}"

    def connect(self, who: str) -> Connection:
        """An autocommit connection as that login."""
        dsn = make_conninfo(self.admin, user=self.login(who), password=self.passwords[who])
        return psycopg.connect(dsn, autocommit=True)

    def owner(self) -> Connection:
        """An autocommit connection that may read the store (superuser)."""
        return psycopg.connect(self.admin, autocommit=True)

    def assertion(self) -> str:
        """A fresh assertion of the agent of unit 7 for the application's login."""
        assert self.issuer is not None
        return mint_assertion(
            self.issuer, person=1, profile="agent", unit=str(_UNIT), login=self.login("app"),
            database=self.database,
        )  # fmt: skip

    def superuser_rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query that looks at the database itself."""
        with self.owner() as connection:
            return connection.execute(query.encode()).fetchall()

    def superuser_run(self, script: str) -> None:
        """A script in one transaction."""
        with psycopg.connect(self.admin) as connection:
            connection.execute(script.encode())

    def fsync(self, *, on: bool) -> bool:
        """Switch durable writes for the whole server; False where that is not ours to do."""
        word = "on" if on else "off"
        try:
            with self.owner() as connection:
                for name in ("fsync", "synchronous_commit"):
                    connection.execute(f"ALTER SYSTEM SET {name} = {word}")
                connection.execute("SELECT pg_catalog.pg_reload_conf()")
        except psycopg.errors.InsufficientPrivilege:
            return False
        time.sleep(0.5)
        return True

    @contextlib.contextmanager
    def anonymizer(self, script: Iterable[str]) -> Iterator[Connection]:
        """PostgreSQL Anonymizer's dynamic masking over a copy of the raw customers."""
        with self.owner() as connection:
            connection.execute("DROP ROLE IF EXISTS bench_masked")
            word = secrets.token_urlsafe(12)
            connection.execute(f"CREATE ROLE bench_masked LOGIN PASSWORD '{word}'")
            connection.execute("LOAD 'anon'")
            connection.execute("SET anon.sourceschema = 'peer'")
            for statement in script:
                connection.execute(statement.encode())
            connection.execute("SECURITY LABEL FOR anon ON ROLE bench_masked IS 'MASKED'")
            connection.execute("SELECT anon.start_dynamic_masking(false)")
        dsn = make_conninfo(self.admin, user="bench_masked", password=word)
        with psycopg.connect(dsn, autocommit=True) as masked:
            yield masked

    def fresh_database(self, name: str, scripts: Iterable[str]) -> str:
        """The DSN of a new database with the runtime and these scripts' tables."""
        with self.owner() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        dsn = make_conninfo(self.admin, dbname=name)
        install(dsn)
        for script in scripts:
            with psycopg.connect(dsn) as connection:
                connection.execute(script.encode())
        return dsn

    # -- making it ---------------------------------------------------------------------------

    def _make(self) -> None:
        with self.owner() as connection:
            found = connection.info
            self.version = f"{found.server_version // 10000}.{found.server_version % 10000}"
            self.database = found.dbname
        schema = (_SQL / "schema.sql").read_text("utf-8")
        for name in ("raw", "crm"):
            self.superuser_run(f"CREATE SCHEMA {name};" + schema.replace("{schema}", name))
            self._fill(name)
        self.superuser_run((_SQL / "raw_indexes.sql").read_text("utf-8"))
        install(self.admin)
        self._register()
        with connect(self.admin) as connection:
            key = KeyFile.new(1)
            keys.register(connection, key, "loaded", None)
            keys.load(connection, key)
        with connect(self.admin, autocommit=True) as connection:
            catalogue = load(_SQL / "catalogue.yml")
            plan = make(catalogue, read_facts(connection), author="author")
            apply_plan(
                connection, plan, allow=frozenset(h.value for h in MUST_ALLOW),
                approval=Approval(by="approver", reference="-"),
            )  # fmt: skip
        self._logins()
        self._seal()
        with self.owner() as connection:
            connection.execute("VACUUM (ANALYZE, FREEZE)")
            connection.execute("CHECKPOINT")

    def _fill(self, schema: str) -> None:
        people = self.scale.customers
        rows: dict[str, Iterable[tuple[Any, ...]]] = {
            "customer": data.customers(people),
            "policy": data.policies(people, people),
            "contact": data.contacts(people, people),
            "lead": data.leads(max(people // 50, 20), people),
        }
        with psycopg.connect(self.admin) as connection, connection.cursor() as cursor:
            for table, values in rows.items():
                with cursor.copy(f"COPY {schema}.{table} FROM STDIN") as out:
                    for value in values:
                        out.write_row(value)

    def _register(self) -> None:
        with psycopg.connect(self.admin) as connection:

            def call(function: str, *values: Any) -> None:
                marks = ", ".join(["%s"] * len(values))
                connection.execute(f"SELECT pgmask.{function}({marks})", values)

            call("register_rule", False)
            for unit in range(1, data.UNITS + 1):
                call("register_unit", str(unit), f"Unit {unit}")
            for form in _FORMS:
                call("register_form", form, "1")
            for number, (post, login) in enumerate(
                (
                    ("agent", None),
                    ("agent", "agent_login"),
                    ("desk", "desk"),
                    ("auditor", "auditor"),
                ),
                start=1,
            ):
                call("register_post", post, post)
                call("register_post_profile", post, post)
                call("register_person", number, f"Person {number}", str(_UNIT))
                call("register_person_post", number, post, str(_UNIT))
                for form in _FORMS:
                    call("register_document", number, form, "1")
                if login is not None:
                    call("register_login", self.login(login), number)
            call("register_issuer", "bench-web", ["agent"])
            made = connection.execute(
                "SELECT key_id, secret FROM pgmask.rotate_issuer_key('bench-web')"
            ).fetchone()
            assert made is not None
            self.issuer = IssuerKey(issuer="bench-web", key_id=made[0], secret=bytes(made[1]))

    def _logins(self) -> None:
        with self.owner() as connection:
            for who, group in (
                ("desk", "desk"), ("auditor", "auditor"), ("agent_login", "agent"),
                ("app", "agent"),
            ):  # fmt: skip
                self.passwords[who] = secrets.token_urlsafe(12)
                connection.execute(f"DROP ROLE IF EXISTS {self.login(who)}")
                connection.execute(
                    f"CREATE ROLE {self.login(who)} LOGIN PASSWORD '{self.passwords[who]}'"
                )
                connection.execute(f"GRANT pgmask_{group} TO {self.login(who)}")
                connection.execute(f"GRANT USAGE ON SCHEMA raw TO {self.login(who)}")
                connection.execute(
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA raw"
                    f" TO {self.login(who)}"
                )

    def _seal(self) -> None:
        """By the product, with one worker, on the rows as they came."""
        found = []
        with connect(self.admin, autocommit=True) as connection:
            for table in seal_finish.deployed(connection).tables:
                backend = Backend(connection.info.backend_pid)
                began, cpu = time.perf_counter(), backend.cpu()
                done = seal_rows(connection, table)
                sealed, after = time.perf_counter() - began, backend.cpu()
                assert not done.refused, done.refused[:3]
                wrong = seal_finish.verify(self.admin, table, workers=1)
                assert not wrong, wrong[:3]
                seal_finish.finish(connection, table)
                columns = sum(c.always for c in table.spec.columns)
                found.append(
                    Sealed(
                        table=table.id, rows=done.rows, columns=columns, seconds=sealed,
                        cpu=None if cpu is None or after is None else (after - cpu) / 1e9,
                        verified=time.perf_counter() - began - sealed,
                    )
                )  # fmt: skip
                seal_finish.rewrite(connection, table)
        self.sealed = tuple(found)
