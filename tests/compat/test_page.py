"""docs/reference/compatibility.md is what a run gives; every way out on it is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat import page
from tests.compat.model import Result, groups
from tests.compat.run import outcome, places, steps
from tests.conftest import Golden
from tests.harness import Servers

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/compatibility.md"


@pytest.mark.requirement("B7")
def test_the_page_is_what_a_run_gives(servers: Servers, golden: Golden) -> None:
    known = groups()
    outcomes: dict[tuple[str, int], tuple[Result, Result]] = {}
    wrong: list[str] = []
    for version in page.VERSIONS:
        with places(servers.get(version)) as (raw, view):
            for statement in (s for g in known for s in g.statements):
                outcomes[statement.says, version] = (
                    outcome(raw, statement),
                    outcome(view, statement),
                )
                if statement.attempt:
                    tried = steps(view, statement.attempt, statement.login)
                    if tried.error:
                        wrong.append(f"{version}: instead of {statement.says}: {tried.message}")
        wrong += [f"{version}: {u}" for u in page.unexplained(known, outcomes, version)]
    assert not wrong, "\n".join(wrong)
    golden(PAGE, page.page(known, outcomes))
