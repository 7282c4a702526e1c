"""Tryton, its code unchanged, over the views of its adopted database: what works is on a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Golden
from tests.harness import Database, Server
from tests.tryton import site
from tests.tryton.orm import ACTIONS, INSTEAD

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/compatibility-tryton.md"
_HEAD = """\
# Tryton over its views

What Tryton's users do, through its own models (trytond 8.0, party, bank; its code unchanged, after
`examples/tryton/compact.sql`), with its service login: on its tables as they were and on the views
of the adopted database, on PostgreSQL 15 and 18 alike. Written from the run by
`pytest tests/tryton/test_orm.py --golden`.

*works*: as on the tables. *masks*: works, and shows masks in place of personal values. *differs*:
no error, another answer. Else the name of Tryton's own error, or the SQLSTATE of the database's;
nothing of such an action is kept. Beside it: [SQL on tables and behind views](compatibility.md).

| action | tables | views | instead |
|---|---|---|---|
"""


@pytest.fixture
def outcomes(server: Server) -> Iterator[tuple[dict[str, str], dict[str, str], Database]]:
    """What the actions gave on the raw database and on the adopted one, and the adopted one."""
    with server.database(template=server.template("tryton", site.create)) as raw:
        before = site.actions(raw)
    with server.database(template=server.template("tryton_adopted", site.adopt)) as adopted:
        site.load_key(adopted)
        yield before, site.actions(adopted), adopted


@pytest.mark.requirement("B7")
def test_the_page_says_what_tryton_can_do(
    outcomes: tuple[dict[str, str], dict[str, str], Database], golden: Golden
) -> None:
    before, after, adopted = outcomes
    rows = []
    for action in ACTIONS:
        name = action.__name__
        says = " ".join((action.__doc__ or "").split()).rstrip(".")
        rows.append(f"| {says} | {before[name]} | {after[name]} | {INSTEAD.get(name, '')} |\n")
    assert set(before.values()) == {"works"}
    refused = {name for name, outcome in after.items() if outcome not in ("works", "masks")}
    assert refused == set(INSTEAD)
    golden(PAGE, _HEAD + "".join(rows))

    # What was created, changed and deleted left nothing, and nothing was stored plain on the way.
    assert adopted.superuser().execute(
        "SELECT count(*) FROM tryton_store.party_party WHERE code = 'ORM1'"
    ).fetchone() == (0,)
