"""What the acts of the demonstration share: the site, the data, what was learnt on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from pgmask.catalogue import Catalogue
from pgmask.demo.cost import Cost
from pgmask.demo.data import Insurer
from pgmask.demo.site import Site
from pgmask.demo.story import Story
from pgmask.demo.thief import Loot
from pgmask.errors import InternalError
from pgmask.identity import IssuerKey
from pgmask.resources import example_dir

Connection = psycopg.Connection[Any]


@dataclass(slots=True, kw_only=True)
class Scene:
    """The state of one run; an act fills in what later acts use.

    chosen: id of the customer everybody asks for; yesterday: that row before pgmask; before: the
    lines of a dump taken then; of_unit,
    high_value: customers of unit 7, and those of them that 李娜 will not see; collected: whether
    notes of reads reach the record.
    """

    site: Site
    story: Story
    customers: int
    insurer: Insurer | None = None
    catalogue: Catalogue | None = None
    issuer_keys: dict[str, IssuerKey] = field(default_factory=dict, repr=False)
    loot: Loot | None = None
    costs: tuple[Cost, ...] = ()
    chosen: int = 0
    yesterday: tuple[Any, ...] = ()
    before: tuple[str, ...] = field(default=(), repr=False)
    of_unit: int = 0
    high_value: int = 0
    collected: bool = False
    _open: dict[str, Connection] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> Path:
        """The example's files: schema, catalogue, register."""
        return example_dir("insurer")

    def script(self, name: str) -> bytes:
        """One of the example's SQL files."""
        return (self.folder / name).read_bytes()

    def by(self, login: str) -> Connection:
        """One connection per login for the whole run, as a pool would keep it."""
        if login not in self._open:
            self._open[login] = self.site.connect(login)
        return self._open[login]

    def forget(self, login: str) -> None:
        """Close that login's connection; the next ``by`` makes a new one."""
        self._open.pop(login).close()

    def close(self) -> None:
        """Close every connection opened through ``by``."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


def one(connection: Connection, query: str, *values: Any) -> tuple[Any, ...]:
    """The single row of a query that always has one."""
    row: tuple[Any, ...] | None = connection.execute(query.encode(), values or None).fetchone()
    if row is None:
        raise InternalError("PM901", "a query of the demonstration gave no row")
    return row
