"""What the verbs that compare a catalogue with a database share."""

from __future__ import annotations

from pathlib import Path

from pgmask.apply import plan_database
from pgmask.apply.holders import reading
from pgmask.catalogue.load import load
from pgmask.catalogue.model import Catalogue
from pgmask.facts.model import Facts
from pgmask.facts.read import read_facts
from pgmask.plan import Plan
from pgmask.server import connect, require_dsn


def read_catalogue(path: Path, environment: str | None) -> Catalogue:
    """The written-out catalogue; raises CatalogueError with every problem at once."""
    return load(path, environment=environment)


def read(dsn: str | None) -> Facts:
    """The facts of the database, as one consistent picture, changing nothing."""
    with connect(require_dsn(dsn)) as connection:
        with reading(connection):
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return read_facts(connection)


def plan_now(dsn: str | None, catalogue: Catalogue, author: str) -> Plan:
    """The plan for this database, from one consistent picture of it."""
    with connect(require_dsn(dsn)) as connection:
        with reading(connection):
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return plan_database(connection, catalogue, author=author)
