"""The statements of the compatibility page, judged before they run and then run.

What PostgreSQL refuses of a view is refused by validate, what works is not; what gives other rows
than the table gave has a finding.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pgmask.catalogue import load
from pgmask.facts.snapshot import read_schema
from pgmask.lineage import trace
from pgmask.verdict.placeholders import numbered
from pgmask.verdict.validator import Validator
from tests.compat.model import DIFFERS, Statement, groups, judged
from tests.compat.run import WORLD, outcome, places
from tests.harness import Database, Server
from tests.verdict.world import found, snapshot

pytestmark = pytest.mark.requirement("I1", "I2", "B7")

APPLICATION = [s for g in groups() for s in g.statements if s.login == "app"]
# Refused for a value or a row, or for what only the server knows at that moment.
DATA = ("22", "23", "25", "40", "55", "PM04")


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[tuple[Database, Database, Validator]]:
    with places(server) as (raw, view):
        with psycopg.connect(view.dsn()) as connection:
            schema = read_schema(connection)
        yield raw, view, Validator(schema, catalogue=load(WORLD / "catalogue.yml"), profile="app")


@pytest.mark.parametrize("statement", APPLICATION, ids=lambda s: s.says)
def test_the_page_is_known_before(
    world: tuple[Database, Database, Validator], statement: Statement
) -> None:
    raw, view, validator = world
    steps = [s.partition("\n")[0] if s.startswith("COPY") else s for s in statement.sql]
    verdicts = validator.validate(numbered(";\n".join(steps)))
    told = "\n".join(found(verdicts))
    refused = any(f.refused for v in verdicts for f in v.findings)
    here, there = outcome(raw, statement), outcome(view, statement)
    if there.error and there.error == here.error:
        return  # what is wrong on the table too
    if there.error and not there.error.startswith(DATA):
        assert refused, f"{there.error} {there.message}"
    elif not there.error:
        assert not refused, told
    if not there.error and judged(here, there, compare=statement.compare) == DIFFERS:
        assert any(v.findings for v in verdicts), "other rows than on the table, without a word"


@pytest.mark.requirement("I1")
def test_bare_names_stay_known_after_a_protected_table_is_read(adopted: Database) -> None:
    text = "SELECT * FROM crm.customer; SELECT name FROM customer"
    found = trace(text, snapshot(adopted), search_path=("crm",))
    assert [one.unresolved for one in found] == [(), ()]
