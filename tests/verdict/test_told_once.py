"""Each cause is told once, the gravest first, and nothing of it is lost in JSON."""

from __future__ import annotations

import pytest

from pgmask.facts.schema import Schema
from pgmask.verdict.formats import as_dict
from pgmask.verdict.validator import Validator
from tests.verdict.world import insurer

pytestmark = pytest.mark.requirement("I1", "I2")

PHONES = (
    "SELECT c.id, c.phone,\n  c.email, upper(c.phone), p.insured_phone\n"
    "  FROM crm.customer AS c JOIN crm.policy AS p ON p.holder_id = c.id"
)


@pytest.fixture
def agent(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent")


def told(asked: Validator, text: str) -> list[tuple[str, str]]:
    return [(f.code, f.message) for v in asked.validate(text) for f in v.findings]


def test_columns_that_come_back_for_many_rows_are_one_finding(agent: Validator) -> None:
    (verdict,) = agent.validate(f"\n{PHONES}")
    (finding,) = verdict.findings
    assert finding.message == (
        "level 1 comes back for many rows: crm.customer (phone, email), crm.policy.insured_phone"
    )
    assert (finding.code, finding.line, finding.column) == ("PM623", 2, 14)
    (found,) = as_dict(verdict)["findings"]
    assert found["columns"] == [
        {"table": "crm.customer", "column": "phone", "line": 2, "at": 14},
        {"table": "crm.customer", "column": "email", "line": 3, "at": 3},
        {"table": "crm.customer", "column": "phone", "line": 3, "at": 12},
        {"table": "crm.policy", "column": "insured_phone", "line": 3, "at": 28},
    ]
    # Control: each column by itself is a finding too.
    for name in ("phone", "email", "address"):
        assert told(agent, f"SELECT {name} FROM crm.customer") == [
            ("PM623", f"level 1 comes back for many rows: crm.customer.{name}")
        ]
    assert told(agent, f"{PHONES} WHERE c.id = 1") == []


@pytest.mark.parametrize(
    ("text", "code", "count"),
    [
        ("SELECT * FROM crm.customer", "PM623", 1),
        ("COPY (SELECT * FROM crm.customer) TO STDOUT", "PM624", 2),
        ("CREATE TEMP TABLE t AS SELECT * FROM crm.customer", "PM636", 2),
        ("SELECT phone, email FROM crm.customer WHERE id = 1 GROUP BY phone, email", "PM629", 1),
        ("SELECT id FROM crm.customer ORDER BY phone, email", "PM630", 1),
        ("SELECT outcome, outcome FROM crm.contact_log", "PM622", 1),
    ],
)
def test_one_finding_per_cause(agent: Validator, text: str, code: str, count: int) -> None:
    """Level 1 and 2, masks and values, are causes of their own."""
    assert [c for c, _ in told(agent, text)].count(code) == count


def test_lines_of_columns_move_with_their_file(agent: Validator) -> None:
    first, second = agent.validate_all([PHONES, f"\n\n{PHONES}"])
    lines = [[c.line for c in v[0].findings[0].columns] for v in (first, second)]
    assert lines == [[1, 2, 2, 2], [3, 4, 4, 4]]


def test_a_relation_that_is_not_known_is_told_and_not_its_columns(agent: Validator) -> None:
    for text in (
        "SELECT x.id, name FROM crm.nothing AS x WHERE x.a = b ORDER BY c",
        "SELECT c.id, n.id FROM crm.customer AS c JOIN crm.nothing AS n USING (id)",
        "UPDATE crm.nothing SET a = 1 WHERE b = nothing.c RETURNING d",
        "INSERT INTO crm.nothing (a) VALUES (1) RETURNING b",
        "DELETE FROM crm.nothing USING crm.customer AS c WHERE c.id = a",
        "WITH x AS (SELECT a FROM crm.nothing) SELECT a FROM x",
    ):
        assert [code for code, _ in told(agent, text)] == ["PM601"], text
    # What a known relation has not is told all the same.
    found = told(agent, "SELECT c.nope, n.id FROM crm.customer AS c, crm.nothing AS n")
    assert [code for code, _ in found] == ["PM602", "PM601"]
    assert [code for code, _ in told(agent, "SELECT a, b FROM crm.customer")] == ["PM602"] * 2


def test_the_gravest_comes_first(agent: Validator) -> None:
    text = "SELECT phone, nope FROM crm.customer"
    (verdict,) = agent.validate(text)
    assert [(f.code, f.column) for f in verdict.findings] == [("PM602", 15), ("PM623", 8)]
