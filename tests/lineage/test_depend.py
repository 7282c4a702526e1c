"""Columns that are read: equal to what PostgreSQL itself notes of a view of the same query."""

from __future__ import annotations

import pytest

from pgmask.lineage import trace
from pgmask.lineage.model import Lineage
from tests.lineage.conftest import World
from tests.lineage.nodes import Reader
from tests.lineage.world import PATH, cases

CASES = cases("lineage")
SINCE = {"since_16.sql": 160000, "since_17.sql": 170000}
Names = set[tuple[str, str, str]]


def ours(lineage: Lineage) -> Names:
    return {(c.schema, c.table, c.column) for c in lineage.columns}


def theirs(world: World, query: str) -> Names:
    """The server's own answer; its two records of it are compared on the way."""
    connection = world.connection
    with connection.transaction(force_rollback=True):
        width = len(connection.execute(f"SELECT * FROM ({query}) AS q LIMIT 0".encode()).description or ())
        names = ", ".join(f"c{n}" for n in range(width))
        columns = f" ({names})" if width else ""
        connection.execute(f"CREATE VIEW public.probe{columns} AS {query}".encode())
        reader = Reader(connection)
        named = {(oid, n) for oid, n in reader.direct("public.probe") if n != 0}
        depends = reader.depends("public.probe")
        bodies = reader.followed
        assert depends <= named
        assert bodies or named <= depends
        return reader.base("public.probe")


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_reads_are_those_of_the_server(world: World, case: object) -> None:
    assert hasattr(case, "text")
    if world.schema.server < SINCE.get(case.file, 0):
        pytest.skip("this server has not the grammar")
    (lineage,) = trace(case.text, world.schema, search_path=PATH)
    assert lineage.unresolved == ()
    assert ours(lineage) == theirs(world, case.text)
