"""Columns that are read: equal to what PostgreSQL itself notes of a view of the same query."""

from __future__ import annotations

import pytest

from pgmask.lineage import trace
from pgmask.lineage.model import Lineage
from tests.lineage.conftest import World
from tests.lineage.nodes import Reader
from tests.lineage.world import PATH, Case, cases

CASES = cases("lineage")
SINCE = {"since_16.sql": 160000, "since_17.sql": 170000}
FIRST_OF_OURS = 16384
"""The server's own relations are pinned: ``pg_depend`` leaves most of them out."""
Names = set[tuple[str, str, str]]


def ours(lineage: Lineage) -> Names:
    return {(c.schema, c.table, c.column) for c in lineage.columns}


def theirs(world: World, query: str) -> Names:
    """The server's own answer; its two records of it are compared on the way."""
    connection = world.connection
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


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_reads_are_those_of_the_server(world: World, case: Case) -> None:
    if world.schema.server < SINCE.get(case.file, 0):
        pytest.skip("this server has not the grammar")
    (lineage,) = trace(case.text, world.schema, search_path=PATH)
    assert lineage.unresolved == ()
    assert ours(lineage) == theirs(world, case.text)
