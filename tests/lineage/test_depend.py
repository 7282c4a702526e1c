"""Columns that are read: equal to what PostgreSQL itself notes of a view of the same query."""

from __future__ import annotations

import pytest

from pgmask.lineage import trace
from tests.lineage.conftest import World
from tests.lineage.server_side import ours, theirs
from tests.lineage.world import PATH, Case, cases

CASES = cases("lineage")
SINCE = {"since_16.sql": 160000, "since_17.sql": 170000}


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_reads_are_those_of_the_server(world: World, case: Case) -> None:
    if world.schema.server < SINCE.get(case.file, 0):
        pytest.skip("this server has not the grammar")
    (lineage,) = trace(case.text, world.schema, search_path=PATH)
    assert lineage.unresolved == ()
    assert ours(lineage) == theirs(world.connection, case.text)
