"""A PostgreSQL to run on: find its programs, start and stop a server, reach one by DSN."""

from pgmask.server.binaries import Binaries, find_binaries
from pgmask.server.cluster import (
    RECOMMENDED,
    SUPERUSER,
    Cluster,
    create_cluster,
    open_cluster,
    throw_away,
)
from pgmask.server.connect import connect, redact, require_dsn, resolve_dsn

__all__ = [
    "RECOMMENDED",
    "SUPERUSER",
    "Binaries",
    "Cluster",
    "connect",
    "create_cluster",
    "find_binaries",
    "open_cluster",
    "redact",
    "require_dsn",
    "resolve_dsn",
    "throw_away",
]
