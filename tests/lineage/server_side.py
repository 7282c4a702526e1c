"""The base columns of a query, as we and as the server see them."""

from __future__ import annotations

from pgmask.lineage.model import Lineage
from tests.harness import Connection
from tests.lineage.nodes import Reader

FIRST_OF_OURS = 16384
"""The server's own relations are pinned: ``pg_depend`` leaves most of them out."""
Names = set[tuple[str, str, str]]


def ours(lineage: Lineage) -> Names:
    return {(c.schema, c.table, c.column) for c in lineage.columns}


def theirs(connection: Connection, query: str) -> Names:
    """The server's own answer; its two records of it are compared on the way."""
    with connection.transaction(force_rollback=True):
        # As a sub-query: columns may be records or have one name there.
        connection.execute(f"CREATE VIEW public.probe AS SELECT 1 AS one FROM ({query}) q".encode())
        reader = Reader(connection)
        direct = reader.direct("public.probe")
        named = {(oid, n) for oid, n in direct if n != 0 and oid >= FIRST_OF_OURS}
        depends = {part for part in reader.depends("public.probe") if part[0] >= FIRST_OF_OURS}
        assert depends <= named or reader.fields
        assert named <= depends or reader.followed
        return reader.base("public.probe")
