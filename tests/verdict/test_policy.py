"""Forms, names and functions come from what the compiler makes, at every stage."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pgmask.catalogue import load
from pgmask.catalogue.model import Catalogue
from pgmask.facts.schema import Relation, Schema, make_schema
from pgmask.verdict import judge
from pgmask.verdict.model import Shown
from pgmask.verdict.policy import Policy
from pgmask.verdict.seen import facts_of, seen_by
from pgmask.verdict.validator import Validator
from tests.harness import Database
from tests.verdict.world import codes, found, insurer, snapshot

pytestmark = pytest.mark.requirement("I1")

COLUMNS = {
    "id": "bigint", "unit_id": "integer", "name": "character varying(60)", "phone": "text",
    "born": "date", "city": "text",
}  # fmt: skip
CATALOGUE = """
pgmask: 1
packs: [baseline]
store: {store}
subject: {{table: customer, key: id, unit: unit_id}}
tables:
  customer:
    rollout: {stage}
    columns:
      name: {{level: 2, category: basic, kind: person_name, hidden_as: {hidden_as}}}
      phone: {{kind: mobile}}
      born: {{level: 1, category: basic, kind: date}}
    level_3: [id, unit_id]
profiles:
  agent:
    rows: own_unit
    direct_service: true
    columns: {{1: mask, 2: plain, 3: plain}}
    tables: {{"*": write}}
  desk:
    rows: own_unit
    columns: {{1: mask, 2: mask, 3: plain}}
    tables: {{"*": write}}
  reader:
    rows: all
    columns: {{1: hidden, 2: mask, 3: plain}}
    tables: {{"*": read}}
"""
ASIDE = "{schema: crm, mode: aside, as: crm_store, profile: agent}"
BESIDE = "{schema: crm, mode: beside}"


def schema(*, moved: bool = False) -> Schema:
    """One table, where it always was or in the store."""
    table = Relation(
        schema="crm_store" if moved else "crm",
        name="customer",
        columns=tuple(COLUMNS),
        types=tuple(COLUMNS.values()),
        primary_key=("id",),
    )
    return make_schema([table], search_path=("crm",))


def catalogue(
    folder: Path, store: str = ASIDE, stage: str = "enforced", hidden_as: str = "shadow"
) -> Catalogue:
    file = folder / "catalogue.yml"
    file.write_text(CATALOGUE.format(store=store, stage=stage, hidden_as=hidden_as), "utf-8")
    return load(file)


def forms(known: Catalogue, profile: str, view: str, *, moved: bool = False) -> dict[str, str]:
    validator = Validator(schema(moved=moved), catalogue=known, profile=profile)
    (verdict,) = validator.validate(f"SELECT name, phone, born, city FROM {view} WHERE id = 1")
    told = [f for f in found((verdict,)) if "PM622" not in f]
    assert told == []
    return {o.output.name: o.form.value for o in verdict.outputs}


@pytest.mark.parametrize("moved", [False, True])
def test_forms_before_and_after_adoption(tmp_path: Path, moved: bool) -> None:
    known = catalogue(tmp_path)
    nothing = {"city": "null"}  # nobody has classified it
    agent = {"name": "truth", "phone": "mask", "born": "null"} | nothing
    assert forms(known, "agent", "crm.customer", moved=moved) == agent
    desk = {"name": "mask", "phone": "mask", "born": "null"} | nothing
    assert forms(known, "desk", "desk.customer", moved=moved) == desk
    reader = {"name": "mask", "phone": "null", "born": "null"} | nothing
    assert forms(known, "reader", "reader.customer", moved=moved) == reader


@pytest.mark.parametrize("stage", ["observe", "views", "sealing", "enforced"])
def test_every_stage(tmp_path: Path, stage: str) -> None:
    known = catalogue(tmp_path, stage=stage)
    view = "agent.customer" if stage == "observe" else "crm.customer"
    assert forms(known, "agent", view)["phone"] == "mask"
    assert forms(known, "reader", "reader.customer")["phone"] == "null"


def test_beside_the_name_stays_the_tables(tmp_path: Path) -> None:
    known = catalogue(tmp_path, store=BESIDE)
    assert forms(known, "agent", "agent.customer")["phone"] == "mask"
    validator = Validator(schema(), catalogue=known, profile="agent")
    assert "PM620" in codes(validator.validate("SELECT phone FROM crm.customer WHERE id = 1"))
    (verdict,) = validator.validate("SELECT phone FROM customer WHERE id = 1")
    assert verdict.outputs[0].form is Shown.MASK, "the profile's views come first on the path"


def test_a_computed_column_is_read_only(tmp_path: Path) -> None:
    known = catalogue(tmp_path, hidden_as="computed")
    assert forms(known, "desk", "desk.customer")["name"] == "mask"
    validator = Validator(schema(), catalogue=known, profile="desk")
    write = "UPDATE desk.customer SET name = '张三' WHERE id = 1"
    assert "PM662" in codes(validator.validate(write))
    stored = Validator(schema(), catalogue=catalogue(tmp_path), profile="desk")
    assert "PM662" not in codes(stored.validate(write)), "a shadow column takes it"


def test_judge_takes_the_lineage(tmp_path: Path) -> None:
    from pgmask.lineage import trace

    known = catalogue(tmp_path)
    policy = Policy.of(known, "agent", facts_of(schema(), known))
    (lineage,) = trace("SELECT phone FROM crm.customer LIMIT 1", seen_by(schema(), policy))
    verdict = judge(lineage, known, "agent", schema())
    assert (verdict.outputs[0].level, verdict.outputs[0].form) == (1, Shown.MASK)


def test_what_a_search_and_a_reveal_give(adopted: Database) -> None:
    validator = Validator(snapshot(adopted), catalogue=insurer(), profile="agent")
    search = "SELECT name, phone FROM crm.customer_by_phone('13952992312')"
    (verdict,) = validator.validate(search)
    assert [(o.level, o.form) for o in verdict.outputs] == [(2, "truth"), (1, "mask")]
    assert verdict.allowed, list(found((verdict,)))
    reveal = "SELECT phone, id_no FROM crm.customer_reveal('00000000-0000-0000-0000-000000000000')"
    (verdict,) = validator.validate(reveal)
    assert [(o.level, o.form) for o in verdict.outputs] == [(1, "truth"), (1, "mask")]
    assert verdict.allowed, list(found((verdict,)))
    # The functions are there, and give back the columns that were said.
    with psycopg.connect(adopted.dsn("app")) as connection:
        columns = connection.execute(
            "SELECT pg_get_function_result(oid) FROM pg_proc WHERE proname IN"
            " ('customer_by_phone', 'customer_reveal') AND pronamespace = 'crm'::regnamespace"
        ).fetchall()
    assert columns == [("SETOF crm.customer",)] * 2
