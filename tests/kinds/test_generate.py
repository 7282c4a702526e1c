"""Invented values: of valid form in the database's own judgement, and repeatable."""

from __future__ import annotations

import datetime as dt
from random import Random

import pytest

from pgmask.kinds import KINDS, generate
from tests.harness import Database


@pytest.mark.requirement("F4")
def test_every_invented_value_is_valid(installed: Database) -> None:
    connection = installed.superuser()
    random = Random(7)
    assert set(generate.GENERATORS) == set(KINDS)
    for name, make in generate.GENERATORS.items():
        values = [make(random) for _ in range(300)]
        wrong = connection.execute(
            f"SELECT v FROM unnest(%s::text[]) AS u (v)"
            f" WHERE {KINDS[name].validator}(v) IS NOT TRUE".encode(),
            (values,),
        ).fetchall()
        assert wrong == [], name


@pytest.mark.requirement("F4")
def test_an_invented_identity_number_states_what_it_was_given(installed: Database) -> None:
    connection = installed.superuser()
    for born in (dt.date(1949, 12, 31), dt.date(1988, 2, 29), dt.date(2004, 1, 1)):
        for male in (True, False):
            number = generate.id_card(Random(born.year), "110105", born, male=male)
            old = generate.old_id_card(number) if born.year < 2000 else number
            row = connection.execute(
                "SELECT pgmask.birth_date_of_cn_id_card(%s), pgmask.sex_of_cn_id_card(%s),"
                " pgmask.normal_cn_id_card(%s)",
                (number, old, old),
            ).fetchone()
            assert row == (born, "male" if male else "female", number)


@pytest.mark.requirement("F4")
def test_cards_hold_their_luhn_digit(installed: Database) -> None:
    random = Random(3)
    cards = [generate.bank_card(random, "622200") for _ in range(100)]
    rows = installed.rows(
        "SELECT DISTINCT pgmask.luhn_holds(v) FROM unnest(%s::text[]) AS u (v)",
        cards,
        user="postgres",
    )
    assert rows == [(True,)]


def test_the_same_source_gives_the_same_values() -> None:
    for make in generate.GENERATORS.values():
        assert [make(Random(5)) for _ in range(3)] == [make(Random(5)) for _ in range(3)]
    assert generate.mobile(Random(1)) != generate.mobile(Random(2))
