"""The attacked database of ``tests.attack`` with a collector: a login that is no superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pgmask.audit.collect import LIMIT, Collector
from tests.harness import Connection
from tests.reveal.site import Site

CARL: Final = "carl"
READ: Final = "SELECT count(*) FROM crm.customer"


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
        yield one


def read(site: Site, actor: str = "ann", query: str = READ, **claims: Any) -> None:
    """One statement of an application, in a transaction of its own."""
    with site.acting(actor, strong=False, **claims) as app:
        app.execute(query.encode()).fetchall()


def drop_slot(site: Site) -> None:
    """What a test with a slot does at its end: a database that has one cannot be dropped."""
    site.rows(
        "SELECT pg_terminate_backend(a.pid, 5000) FROM pg_stat_activity AS a"
        " WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()"
    )
    site.rows(
        "SELECT pg_drop_replication_slot(s.slot_name) FROM pg_replication_slots AS s"
        " WHERE s.database = current_database()"
    )


def access(site: Site, kind: str | None = None) -> list[dict[str, Any]]:
    """The rows of reads, in order."""
    return _table(site, "access", "access_id", kind)


def activity(site: Site, kind: str | None = None) -> list[dict[str, Any]]:
    """The rows of everything else, in order."""
    return _table(site, "activity", "activity_id", kind)


def _table(site: Site, name: str, order: str, kind: str | None) -> list[dict[str, Any]]:
    cursor = site.root.execute(
        f"SELECT * FROM pgmask_audit.{name} WHERE %s::text IS NULL OR kind = %s"
        f" ORDER BY {order}".encode(),
        (kind, kind),
    )
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
