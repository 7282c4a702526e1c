"""The compiler as a function: same input, same bytes; forms, privileges and conditions as asked."""

from __future__ import annotations

import dataclasses
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pgmask.catalogue.model import Catalogue, Form, Operation, Profile, Rows
from pgmask.compile import Kind, Object, compile
from pgmask.compile.columns import shadow_name, shadows
from pgmask.emit import comment_block, gated, script
from pgmask.errors import InternalError
from pgmask.facts.model import (
    ColumnFact,
    ConstraintFact,
    Facts,
    RelationFact,
)
from pgmask.sqltext import Statement
from tests.spine.world import catalogue_of

pytestmark = pytest.mark.requirement("B6")


def _facts(catalogue: Catalogue) -> Facts:
    """A database that has just the catalogue's tables, made without one."""
    relations = []
    for table in catalogue.tables:
        columns = tuple(
            ColumnFact(name=c.name, number=n, type="bigint" if c.level == 3 else "text",
                       base_type="bigint" if c.level == 3 else "text")
            for n, c in enumerate(table.columns, 1)
        )  # fmt: skip
        key = ConstraintFact(name="k", type="p", columns=(columns[0].name,), definition="-")
        relations.append(
            RelationFact(schema=table.schema, name=table.name, owner="olga", columns=columns,
                         constraints=(key,))
        )  # fmt: skip
    return Facts(relations=tuple(relations), user="installer")


def _sql(objects: tuple[Object, ...]) -> str:
    return script(s for o in objects for s in o.create)


def test_same_bytes_from_shuffled_input() -> None:
    catalogue = catalogue_of("two_tables")
    facts = _facts(catalogue)
    wanted = _sql(compile(catalogue, facts))
    chance = random.Random(7)
    for _ in range(5):

        def shuffled(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(chance.sample(values, len(values)))

        other = dataclasses.replace(
            catalogue,
            tables=shuffled(catalogue.tables),
            profiles=shuffled(catalogue.profiles),
            subjects=shuffled(catalogue.subjects),
        )
        mixed = dataclasses.replace(facts, relations=shuffled(facts.relations))
        assert _sql(compile(other, mixed)) == wanted


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_same_bytes_under_every_hash_seed(seed: str) -> None:
    code = (
        "from tests.spine.test_compile import _facts, _sql; from tests.spine.world import"
        " catalogue_of; from pgmask.compile import compile; import hashlib;"
        " c = catalogue_of('two_tables');"
        " print(hashlib.sha256(_sql(compile(c, _facts(c))).encode()).hexdigest())"
    )
    root = Path(__file__).parent.parent.parent
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    import hashlib

    catalogue = catalogue_of("two_tables")
    wanted = hashlib.sha256(_sql(compile(catalogue, _facts(catalogue))).encode()).hexdigest()
    assert found.stdout.strip() == wanted


def test_every_statement_passes_the_gate() -> None:
    for case in ("two_tables", "names", "family"):
        catalogue = catalogue_of(case)
        for one in compile(catalogue, _facts(catalogue)):
            gated((*one.create, *one.drop))


def test_the_gate_stops_two_statements_and_none() -> None:
    for text in ("SELECT 1; SELECT 2", "", "SELEC 1"):
        with pytest.raises(InternalError) as caught:
            gated((Statement(text=text),))
        assert caught.value.code == "PM002"


def test_a_comment_cannot_end_early() -> None:
    assert comment_block("a\nDROP TABLE x") == "-- a DROP TABLE x"


def test_identities_are_unique_and_the_order_is_total() -> None:
    catalogue = catalogue_of("two_tables")
    objects = compile(catalogue, _facts(catalogue))
    assert len({o.key for o in objects}) == len(objects)
    seen: set[str] = set()
    for one in objects:
        inside = {d for d in one.depends if any(o.key == d for o in objects)}
        assert inside <= seen, f"{one.key} comes before what it stands on"
        seen.add(one.key)


def _with_profile(catalogue: Catalogue, **changes: object) -> tuple[Catalogue, Profile]:
    agent = dataclasses.replace(catalogue.profiles[0], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(catalogue, profiles=(agent, *catalogue.profiles[1:])), agent


@pytest.mark.requirement("D1", "C1")
@pytest.mark.parametrize("rows", [(r,) for r in Rows] + [(Rows.ASSIGNED, Rows.OWN_UNIT)])
@pytest.mark.parametrize("sees", [True, False])
def test_every_policy_of_a_profile_leaves_flagged_rows_out(
    rows: tuple[Rows, ...], sees: bool
) -> None:
    catalogue, agent = _with_profile(catalogue_of("two_tables"), rows=rows, sees_high_value=sees)
    role = catalogue.view_owner(agent)
    found = [
        o.create[0].text for o in compile(catalogue, _facts(catalogue))
        if o.kind is Kind.POLICY and f'TO "{role}"' in o.create[0].text
    ]  # fmt: skip
    assert len(found) == 8
    for text in found:
        assert text.count('NOT "pgmask_restricted"') == text.count(" USING (") + text.count(
            " WITH CHECK ("
        )
        if Rows.ASSIGNED not in rows:
            assert 'NOT "pgmask_high_value"' in text
        assert ("my_designations" in text) is (sees and rows != (Rows.ASSIGNED,))
        for word in (" IN (SELECT", "EXISTS"):
            assert word not in text


def test_view_owner_reads_just_what_its_view_shows() -> None:
    catalogue = catalogue_of("two_tables")
    grants = {
        o.address: dict(o.expects)
        for o in compile(catalogue, _facts(catalogue))
        if o.kind is Kind.GRANT
    }
    analyst = grants["relation", "crm_store", "customer", "pgmask_analyst_views"]
    assert set(analyst) == {"SELECT"}
    assert not {"health", "born"} & set(analyst["SELECT"])
    agent = grants["relation", "crm_store", "customer", "pgmask_agent_views"]
    assert "health" not in agent["SELECT"]
    assert shadow_name("health", Form.HIDDEN).text in agent["UPDATE"]
    assert shadow_name("remark", Form.MASK).text in agent["SELECT"]
    assert "remark" not in agent["SELECT"]
    group = grants["relation", "crm", "customer", "pgmask_agent"]
    assert set(group) == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_hidden_as_computed_makes_no_shadow() -> None:
    catalogue = catalogue_of("two_tables")
    tables = tuple(
        dataclasses.replace(
            t, columns=tuple(dataclasses.replace(c, hidden_as="computed") for c in t.columns)
        )
        for t in catalogue.tables
    )
    other = dataclasses.replace(catalogue, tables=tables)
    assert shadows(catalogue, catalogue.tables[0])
    assert shadows(other, other.tables[0]) == ()


@pytest.mark.requirement("B1")
def test_raising_a_level_never_adds_a_right() -> None:
    """Monotone: of any column made more sensitive, no profile reads more than before."""
    catalogue = catalogue_of("two_tables")
    facts = _facts(catalogue)

    def reads(one: Catalogue) -> dict[tuple[str, ...], set[str]]:
        return {
            o.address: {c for p, cs in o.expects if p == "SELECT" for c in cs}
            for o in compile(one, facts)
            if o.kind is Kind.GRANT and o.address[3].endswith("_views")
        }

    before = reads(catalogue)
    for number, table in enumerate(catalogue.tables):
        for column in table.columns:
            if column.level == 1 or column.name in ("id", "unit_id", "holder_id"):
                continue
            raised = dataclasses.replace(column, level=column.level - 1, kind="free_text")
            if raised.level == 1:
                continue
            columns = tuple(raised if c is column else c for c in table.columns)
            tables = list(catalogue.tables)
            tables[number] = dataclasses.replace(table, columns=columns)
            after = reads(dataclasses.replace(catalogue, tables=tuple(tables)))
            for address, held in after.items():
                gained = {c for c in held - before[address] if not c.startswith("pgmask_")}
                assert not gained, (address, gained)


def test_no_operation_no_view() -> None:
    catalogue, _ = _with_profile(
        catalogue_of("two_tables"), operations=(("crm.customer", (Operation.SELECT,)),)
    )
    keys = {o.key for o in compile(catalogue, _facts(catalogue))}
    assert "view:crm.customer" in keys
    assert "view:crm.policy" not in keys
    assert "view:analyst.policy" in keys
