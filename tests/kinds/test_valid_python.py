"""The validators without a database say what those in SQL say, value by value."""

from __future__ import annotations

import random

import pytest

from pgmask.kinds.generate import GENERATORS
from pgmask.kinds.valid import VALIDATORS, luhn_holds
from tests.harness import Database
from tests.kinds.test_valid_and_normal import INVALID, VALID

_EDGES = [
    "",
    " ",
    "\u3000",
    "13800001234\n",
    "１３８００００１２３４",
    "138****1234",
    "138＊＊＊＊1234",
    "+8613800001234",
    "008613800001234",
    "86 138 0000 1234",
    "010—65432100",
    "010~65432100",
    "０１０～65432100",
    "010-65432100转801",
    "010-65432100#1",
    "Ａ＠ｂ．ｃｎ",
    "a@b\u00a0c.cn",
    "a@b.c\u0301m",
    "a@b.cn ",
    "\ta@b.cn",
    "a" * 250 + "@b.cn",
    "京Ａ１２３４５",
    "京a12345",
    "19900307 ",
    "1990年3月7日",
    "0" * 61,
    "4111 1111 1111 1111",
    "٤١١١١١١١١١١١١١١١",
    "1" * 18,
    "x" * 18,
    "ſ" * 18,
    "9135010㎡M000100Y43",
]


def _values(kind: str) -> list[str]:
    source = random.Random(kind)
    known = VALID.get(kind, []) + INVALID.get(kind, [])
    made = [GENERATORS[kind](source) for _ in range(150)]
    # One character changed: the check characters and the calendar must notice the same.
    broken = []
    for value in made + known:
        if value:
            at = source.randrange(len(value))
            broken.append(value[:at] + source.choice("0123456789XxA -*•．") + value[at + 1 :])
    return [*known, *made, *broken, *_EDGES]


@pytest.mark.requirement("A1")
@pytest.mark.parametrize("kind", [*sorted(VALIDATORS), "bank_account"])
def test_python_and_sql_agree(installed: Database, kind: str) -> None:
    """All kinds' values are given to each validator."""
    values = [v for name in (*VALIDATORS, "bank_account") for v in _values(name)]
    function = "luhn_holds" if kind == "bank_account" else f"valid_{kind}"
    ours = luhn_holds if kind == "bank_account" else VALIDATORS[kind]
    with installed.superuser() as connection:
        query = (
            f"SELECT v, pgmask.{function}(v) FROM unnest(%s::text[]) WITH ORDINALITY AS g (v, n)"
            " ORDER BY n"
        )
        rows = connection.execute(query.encode(), (values,)).fetchall()
    assert [v for v, held in rows if ours(v) is not held] == []
    assert {held for _, held in rows} == {True, False}
