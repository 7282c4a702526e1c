"""Public SQL from a folder that PGMASK_SQL_FOLDER names: all of it is classified, none crashes."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from pgmask.lineage import trace
from tests.lineage.conftest import World

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
