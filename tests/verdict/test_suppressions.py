"""What a comment may allow, and what it may not."""

from __future__ import annotations

import pytest

from pgmask.facts.schema import Schema
from pgmask.integrations.validating import Guard, StatementRefused
from pgmask.verdict.validator import Validator
from tests.verdict.world import codes, found, insurer

pytestmark = pytest.mark.requirement("I1", "I2")

COPIED = "CREATE TABLE crm.calls AS SELECT id, name FROM crm.customer WHERE id = 1"


@pytest.fixture
def agent(schema: Schema) -> Validator:
    return Validator(schema, catalogue=insurer(), profile="agent")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC name FROM crm_store.customer", "PM600"),
        ("SELECT name FROM crm.nothing", "PM601"),
        ("SELECT name FROM crm_store.customer WHERE id = 1", "PM620"),
    ],
)
def test_what_is_not_understood_or_refused_stays_denied(
    agent: Validator, sql: str, code: str
) -> None:
    verdicts = agent.validate(f"-- pgmask: allow {code} known\n{sql}")
    assert verdicts[-1].verdict == "deny"
    assert code in codes(verdicts)
    assert any(f"no comment can allow {code}" in one for one in found(verdicts))


def test_a_comment_speaks_of_its_own_statement(agent: Validator) -> None:
    comment = "-- pgmask: allow PM636 a list of one"
    fine, copied = agent.validate(f"SELECT 1; {comment}\n{COPIED}")
    assert fine.verdict == "allow"
    assert copied.verdict == "deny"
    one, two = agent.validate(f"{COPIED}; {COPIED.replace('calls', 'more')}; {comment}")
    assert (one.verdict, two.verdict) == ("deny", "allow")
    # Control: before the statement, on a line of its own.
    _, copied = agent.validate(f"SELECT 1;\n{comment}\n{COPIED}")
    assert copied.verdict == "allow"
    assert [f.code for f in copied.suppressed] == ["PM636"]


def test_the_hook_takes_no_comments(schema: Schema, agent: Validator) -> None:
    text = f"{COPIED} -- pgmask: allow PM636 said by an input"
    assert agent.validate(text)[0].allowed
    with pytest.raises(StatementRefused):
        Guard(schema, insurer(), profile="agent").ask(text)
