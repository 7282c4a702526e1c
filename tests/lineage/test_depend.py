"""Columns that are read: equal to what PostgreSQL itself notes of a view of the same query."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from pgmask.lineage import trace
from tests.lineage.conftest import World
from tests.lineage.server_side import ours, theirs
from tests.lineage.world import PATH, Case, cases

COUNTS: defaultdict[int, Counter[str]] = defaultdict(Counter)
CASES = cases("lineage")
SINCE = {"since_16.sql": 160000, "since_17.sql": 170000}


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_reads_are_those_of_the_server(world: World, case: Case) -> None:
    if world.schema.server < SINCE.get(case.file, 0):
        pytest.skip("this server has not the grammar")
    (lineage,) = trace(case.text, world.schema, search_path=PATH)
    assert lineage.unresolved == ()
    found, expected = ours(lineage), theirs(world.connection, case.text)
    count = COUNTS[world.database.major]
    count["queries"] += 1
    count["right"] += len(found & expected)
    count["found"] += len(found)
    count["expected"] += len(expected)
    assert found == expected


def test_precision_and_recall(world: World) -> None:
    count = COUNTS[world.database.major]
    if not count["queries"]:
        pytest.skip("run together with the queries")
    precision, recall = (count["right"] / count[part] for part in ("found", "expected"))
    print(f"{count['queries']} queries: precision {precision:.4f}, recall {recall:.4f}")
    assert (precision, recall) == (1.0, 1.0)
