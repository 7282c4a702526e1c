"""Every rule with its example, which triggers it, and its twin, which does not."""

from __future__ import annotations

import dataclasses
import re

import pytest

from pgmask.errors import REGISTRY
from pgmask.facts.schema import Schema
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Rule
from pgmask.verdict.rules import RULES
from pgmask.verdict.validator import Validator
from tests.verdict.world import codes, found, insurer

pytestmark = pytest.mark.requirement("I1", "I2")


# Where the example needs the catalogue to know what is protected.
BARE = {"PM642": "GRANT pgmask_agent TO mallory"}


def asked(schema: Schema, rule: Rule) -> Validator:
    return Validator(
        dataclasses.replace(schema, server=rule.version * 10000),
        catalogue=insurer(),
        profile=rule.profile,
        migration=bool(rule.migration),
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.code}_{r.name}")
def test_a_rule_finds_its_example_and_not_its_twin(schema: Schema, rule: Rule) -> None:
    validator = asked(schema, rule)
    verdicts = validator.validate(rule.example)
    told = "\n".join(found(verdicts))
    assert rule.code in codes(verdicts), f"not found; only:\n{told}"
    mine = [f for v in verdicts for f in v.findings if f.code == rule.code]
    assert mine[0].hint
    assert mine[0].caret.endswith("^")
    assert max(f.severity.rank for f in mine) <= rule.severity.rank
    twin = validator.validate(rule.ok)
    told = "\n".join(found(twin))
    assert rule.code not in codes(twin), told
    # A way out that is denied for another reason is none.
    assert not [f for v in twin for f in v.findings if f.severity is Severity.DENY], told


@pytest.mark.parametrize("rule", [r for r in RULES if not r.catalogue], ids=lambda r: r.code)
def test_what_needs_no_catalogue_is_found_without(schema: Schema, rule: Rule) -> None:
    validator = Validator(schema, migration=bool(rule.migration))
    example = BARE.get(rule.code, rule.example.replace("crm_store.", "crm."))
    assert rule.code in codes(validator.validate(example))


def test_codes_are_registered_and_one_rule_each() -> None:
    assert len({r.code for r in RULES}) == len(RULES)
    assert len({r.name for r in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.code in REGISTRY
        assert re.fullmatch(r"PM6[2-8]\d", rule.code)
        module = rule.check.__module__.rpartition(".")[2]
        assert module.startswith(rule.code.lower()), "one file, named by its code"


def test_messages_hold_no_literal_of_the_statement(schema: Schema) -> None:
    validator = Validator(schema, catalogue=insurer(), profile="agent")
    secret = "13952992312"
    for sql in (
        f"SELECT id FROM crm.customer WHERE phone = '{secret}'",
        f"SELECT id FROM crm.customer WHERE phone LIKE '%{secret}%'",
        f"UPDATE crm.customer SET phone = '{secret[:3]}****{secret[7:]}' WHERE id = 1",
        f"SELECT nothing_{secret}('{secret}') FROM crm.customer",
        f"SELECT '{secret}' ! FROM",
        f"SELECT pgmask.reveal_request('crm.customer', '1', '{{phone}}', '{secret}')",
    ):
        for verdict in validator.validate(sql):
            assert verdict.findings, sql
            for finding in verdict.findings:
                assert f"'{secret}" not in finding.message + finding.hint + finding.path
