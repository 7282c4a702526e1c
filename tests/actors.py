"""The people of the tests, as roles of the database.

Nobody here is a superuser or may bypass row-level security. ``rex``, who is, stands only for what
nobody can stop; he is reached by ``database.superuser()``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A login of the cluster; attributes as CREATE ROLE takes them."""

    name: str
    attributes: str
    part: str


INSTALLER: Final = Actor(
    name="installer",
    attributes="CREATEROLE CREATEDB",
    part="owns the databases, installs pgmask, applies plans; no superuser",
)
OLGA: Final = Actor(name="olga", attributes="", part="owns the application's tables")
APP: Final = Actor(name="app", attributes="", part="login of an application behind a pool")
ALAN: Final = Actor(name="alan", attributes="", part="analyst with a login of his own")
DORA: Final = Actor(name="dora", attributes="", part="approves; another person than an author")
AUDRA: Final = Actor(name="audra", attributes="", part="auditor")
BACKUP: Final = Actor(name="nightly", attributes="", part="takes the backups")
MALLORY: Final = Actor(name="mallory", attributes="", part="may log in and nothing else")

ACTORS: Final = (INSTALLER, OLGA, APP, ALAN, DORA, AUDRA, BACKUP, MALLORY)
SUPERUSER: Final = "postgres"


def password(name: str) -> str:
    """Every test login's password, by its name."""
    return f"{name}-pw"
