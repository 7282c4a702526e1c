"""The example's Django project in this process, pointed at one database of the tests after another.

Two agents, Li of unit 7 and Zhao of unit 9, and the service desk's nightly letters; customers 41 to
44 are those of the first hour. The application's login is ``app``, migrations run as ``olga``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from pgmask import keyfile, sealing
from pgmask.apply import seal_finish
from pgmask.apply.seal import seal_rows
from pgmask.catalogue import load
from pgmask.integrations.acting import Actor
from pgmask.runtime import install, register
from pgmask.runtime.book import read_book
from pgmask.server import connect
from tests.harness import Database
from tests.pooler import Pooler
from tests.spine.world import INSURER, applied, load_key, plan_of

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = ROOT / "examples/django"
LI: Final = Actor(person=701, profile="agent", unit="7")
ZHAO: Final = Actor(person=901, profile="agent", unit="9")


def fill(database: Database) -> None:
    """The insurer adopted and sealed, with a schema ``web`` for what Django makes itself."""
    install(database.dsn())
    with database.superuser() as su:
        su.execute(f'GRANT CREATE ON DATABASE "{database.name}" TO olga'.encode())
        su.execute("GRANT olga TO installer")
        for role in ("crm_app", "crm_owner", "agent_zhao", "agent_li", "analyst_sun"):
            su.execute(
                "DO $$ BEGIN IF to_regrole('{0}') IS NULL THEN CREATE ROLE {0}; END IF; END $$"
                .replace("{0}", role).encode()
            )  # fmt: skip
    database.run((INSURER / "schema.sql").read_text("utf-8"), user="olga")
    database.run((ROOT / "docs/tutorial/first-hour/customers.sql").read_text("utf-8"), user="olga")
    database.run(
        "CREATE SCHEMA web; GRANT USAGE, CREATE ON SCHEMA web TO app;"
        " GRANT SELECT ON crm.unit, crm.staff TO app", user="olga",
    )  # fmt: skip
    with connect(database.dsn()) as connection:
        register.put(connection, read_book(INSURER / "register.yml"))
        connection.commit()
    load_key(database)
    applied(database, plan_of(database, load(INSURER / "catalogue")))
    with connect(database.dsn(), autocommit=True) as connection:
        for table in seal_finish.deployed(connection).tables:
            done = seal_rows(connection, table)
            assert not done.refused, done.refused[:3]
            seal_finish.finish(connection, table)
    with database.superuser() as su:
        su.execute("GRANT pgmask_agent, pgmask_service TO app")
        su.execute(f'ALTER ROLE app IN DATABASE "{database.name}" SET search_path = web, crm')


@dataclass(frozen=True, kw_only=True)
class Site:
    """One database, seen by Django's connection ``default``."""

    database: Database
    key: Path
    pooler: Pooler | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def settings(self, *, user: str = "app", **changes: Any) -> dict[str, Any]:
        """An entry of DATABASES."""
        dsn = self.pooler.dsn(self.database, user) if self.pooler else self.database.dsn(user)
        parts = psycopg.conninfo.conninfo_to_dict(dsn)
        return {
            "ENGINE": "pgmask.django",
            "NAME": self.database.name,
            "USER": user,
            "PASSWORD": parts["password"],
            "HOST": parts["host"],
            "PORT": str(parts["port"]),
            "OPTIONS": {"pgmask_issuer_key": str(self.key)} | self.options,
        } | changes

    @contextlib.contextmanager
    def used(self, **more: dict[str, Any]) -> Iterator[None]:
        """Make it Django's ``default``; more: further aliases."""
        with databases({"default": self.settings()} | more):
            yield


@contextlib.contextmanager
def databases(given: dict[str, dict[str, Any]]) -> Iterator[None]:
    """Django's connections for the length of a block."""
    from django.conf import settings
    from django.db import connections

    kept = settings.DATABASES
    forget(connections)
    settings.DATABASES = given
    connections._settings = connections.settings = connections.configure_settings(given)
    try:
        yield
    finally:
        forget(connections)
        settings.DATABASES = kept
        connections._settings = connections.settings = connections.configure_settings(kept)


def forget(connections: Any) -> None:
    """Close this thread's connections, and the pools."""
    for made in connections.all(initialized_only=True):
        made.close()
        made.close_pool()
    for alias in list(connections.settings):
        with contextlib.suppress(AttributeError):
            del connections[alias]


def setup() -> None:
    """Load the project once in this process."""
    if str(PROJECT) not in sys.path:
        sys.path.insert(0, str(PROJECT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "insurer.settings")
    import django

    django.setup()


def models() -> Any:
    """The project's models; only when Django has been set up."""
    return importlib.import_module("insurer.models")


def state(caught: Any) -> str | None:
    """The SQLSTATE behind what Django raised."""
    cause = caught.value.__cause__
    return getattr(cause, "sqlstate", None)


def truths(site: Site, customer: int) -> dict[str, Any]:
    """What is sealed in a customer's row, opened as the holder of the keys does."""
    with site.database.superuser() as su:
        stored = su.execute(
            "SELECT k.content, d.epoch, d.wrapped, c.pgmask_sealed FROM crm_store.customer AS c"
            " JOIN pgmask_private.data_key AS d ON d.subject_class = 'customer'"
            "  AND d.subject_key = c.id::text"
            " JOIN pgmask_private.loaded_key AS k ON k.kek_id = d.kek_id"
            " WHERE c.id = %s",
            (customer,),
        ).fetchone()
    assert stored is not None
    content, _, wrapped, sealed = stored
    kek = keyfile.parse(bytes(content), where="the server")
    data_key = sealing.unwrap_data_key(kek, "customer", str(customer), bytes(wrapped))
    return dict(sealing.open_bundle(data_key, "crm.customer", "own", (customer,), bytes(sealed)))
