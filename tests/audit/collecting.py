"""The attacked database of ``tests.attack`` with a collector: a login that is no superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pgmask.audit.collect import LIMIT, Collector, Visit
from tests.harness import Connection
from tests.reveal.site import Site

CARL: Final = "carl"


def prepare(site: Site) -> None:
    """The login, and REPLICATION for the role that owns the functions of the slot."""
    site.database.server.role(CARL)
    site.root.execute("ALTER ROLE pgmask_slots REPLICATION")
    site.root.execute(f"GRANT pgmask_collector TO {CARL}".encode())


def carl(site: Site) -> Connection:
    """A connection as the collector's login."""
    return site.database.connect(CARL, autocommit=True)


@contextmanager
def collecting(site: Site, limit: int = LIMIT) -> Iterator[Collector]:
    """A collector that has begun: what is noted from now on is collected."""
    prepare(site)
    with Collector(carl(site), limit=limit) as one:
        one.set_up()
        one.catch_up()
        try:
            yield one
        finally:
            pass


def drop_slot(site: Site) -> None:
    """What a test that has a slot must do at its end: slots outlive their database's test."""
    site.rows(
        "SELECT pg_terminate_backend(s.active_pid) FROM pg_replication_slots AS s"
        " WHERE s.database = current_database() AND s.active"
    )
    site.rows(
        "SELECT pg_drop_replication_slot(s.slot_name) FROM pg_replication_slots AS s"
        " WHERE s.database = current_database()"
    )


def access(site: Site, kind: str | None = None) -> list[dict[str, Any]]:
    """The rows of reads, in order."""
    return table(site, "access", "access_id", kind)


def activity(site: Site, kind: str | None = None) -> list[dict[str, Any]]:
    """The rows of everything else, in order."""
    return table(site, "activity", "activity_id", kind)


def table(site: Site, name: str, order: str, kind: str | None) -> list[dict[str, Any]]:
    cursor = site.root.execute(
        f"SELECT * FROM pgmask_audit.{name} WHERE %s::text IS NULL OR kind = %s"
        f" ORDER BY {order}".encode(),
        (kind, kind),
    )
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


__all__ = ["CARL", "Visit", "access", "activity", "carl", "collecting", "drop_slot", "prepare"]
