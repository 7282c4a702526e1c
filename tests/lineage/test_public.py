"""Public SQL from a folder that PGMASK_SQL_FOLDER names: read as the server reads it, none crashes.

How the folder is laid out stands in ``docs/explanation/lineage.md``.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from pgmask.lineage import trace
from tests.harness import Server
from tests.lineage.conftest import World
from tests.lineage.public import compare_set, sets

FOLDER = os.environ.get("PGMASK_SQL_FOLDER", "")
FILES = sorted(Path(FOLDER).rglob("*.sql")) if FOLDER else []
HANDLED_BY_NOBODY = "PM612"


@pytest.mark.requirement("I1")
@pytest.mark.skipif(not FILES, reason="PGMASK_SQL_FOLDER names no folder with SQL")
def test_public_sql_is_classified(world: World) -> None:
    kinds: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    for path in FILES:
        for lineage in trace(path.read_text("utf-8", "replace"), world.schema):
            kinds[lineage.kind] += 1
            parsed = all(u.code != "PM600" for u in lineage.unresolved)
            assert not parsed or lineage.kind, lineage.text[:200]
            codes.update({u.code for u in lineage.unresolved} or {"resolved"})
            for problem in lineage.unresolved:
                assert problem.code != HANDLED_BY_NOBODY, lineage.text[:200]
                if problem.code == "PM605":
                    odd[problem.message] += 1
    print(f"{sum(kinds.values())} statements of {len(kinds)} kinds: {dict(codes)}; {dict(odd)}")


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("folder", sets(FOLDER), ids=lambda folder: folder.name)
def test_public_queries_are_read_as_the_server_reads_them(server: Server, folder: Path) -> None:
    with server.database() as database:
        outcome = compare_set(database, folder)
    print(f"{folder.name} on {server.major}: {outcome}")
    assert outcome.counts["compared"]
    assert outcome.wrong == []
    # A suite has whatever a server can do; of an application's queries none is refused.
    assert (folder / "suite").is_dir() or outcome.refused == []
