"""What a database is for: production or invented data (the catalogue's environments)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from pgmask.catalogue.model import Catalogue
from pgmask.runtime.keys import told

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The one row of ``pgmask_private.environment``.

    name: of the catalogue's environment, '' for none; production: everything that does not say
    ``data: fake``; declared: by ``pgmask install --production``, for good; persons: real or fake;
    escrow: a copy of the key must have been shown before rows are sealed.
    """

    name: str
    production: bool
    declared: bool
    persons: str
    escrow: bool


def environment(connection: Connection) -> Environment | None:
    """What was said of this database, None when nothing was."""
    row = connection.execute(
        "SELECT e.name, e.production, e.declared, e.persons, e.escrow"
        "  FROM pgmask_private.environment AS e"
    ).fetchone()
    if row is None:
        return None
    return Environment(
        name=row[0], production=row[1], declared=row[2], persons=row[3], escrow=row[4]
    )


def set_environment(connection: Connection, catalogue: Catalogue) -> None:
    """Write what the catalogue's environment says, where it differs. Raises Refused PM352."""
    production = catalogue.data != "fake"
    with told():
        connection.execute(
            "SELECT pgmask_private.set_environment(%s, %s, %s, %s, false)",
            (catalogue.environment, production, catalogue.persons, catalogue.key_escrow),
        )


def declare_production(connection: Connection) -> None:
    """Declare the database to be production, for good. Raises Refused PM352."""
    with told():
        connection.execute(
            "SELECT pgmask_private.set_environment(coalesce((SELECT e.name"
            "  FROM pgmask_private.environment AS e), ''), true, 'real', coalesce((SELECT e.escrow"
            "  FROM pgmask_private.environment AS e), false), true)"
        )
