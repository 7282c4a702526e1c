"""Attacks on what an upsert carries from its INSERT to its UPDATE: refused, or without effect."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.sealing.conftest import SealedDatabase
from tests.sealing.tables import CUSTOMER
from tests.sealing.test_upsert import COLLIDES, HEAD, OLD, OTHER

SETTING = CUSTOMER.setting


@pytest.fixture
def one(crm: SealedDatabase) -> SealedDatabase:
    """One customer, and a function of the application that runs inside its statements."""
    crm.app.execute(
        "INSERT INTO crm.customer (id, customer_no, phone) VALUES (1, 'C1', %s)", (OLD,)
    )
    crm.root.execute("CREATE SCHEMA app_ws; GRANT ALL ON SCHEMA app_ws TO app")
    return crm


def _function(crm: SealedDatabase, body: str) -> None:
    crm.app.execute(
        f"CREATE OR REPLACE FUNCTION app_ws.f(p text) RETURNS text LANGUAGE plpgsql AS"
        f" $f$ DECLARE v text; BEGIN {body} RETURN p; END $f$".encode()
    )


@pytest.mark.requirement("F3", "B1")
@pytest.mark.parametrize(
    ("name", "body", "codes"),
    [
        ("erased", f"PERFORM set_config('{SETTING}', '', true);", {"PM042"}),
        ("garbage", f"PERFORM set_config('{SETTING}', 'x', true);", {"PM042"}),
        ("broken", f"PERFORM set_config('{SETTING}', '{{', true);", {"22P02"}),
        (
            "forged",
            f"v := current_setting('{SETTING}'); PERFORM set_config('{SETTING}',"
            " jsonb_set(v::jsonb, '{sealed}', to_jsonb(repeat('0101', 40)))::text, true);",
            {"PM046"},
        ),
        (
            "one bit",
            f"v := current_setting('{SETTING}'); PERFORM set_config('{SETTING}',"
            " jsonb_set(v::jsonb, '{sealed}', to_jsonb(overlay(v::jsonb ->> 'sealed' placing"
            " translate(substr(v::jsonb ->> 'sealed', 90, 1), '0123456789abcdef',"
            " '1032547698badcfe') from 90)))::text, true);",
            {"PM046"},
        ),
        (
            "made to hold nothing",
            f"v := current_setting('{SETTING}'); PERFORM set_config('{SETTING}',"
            " (v::jsonb - 'sealed')::text, true);",
            {"PM046"},
        ),
        (
            "inner update",
            "UPDATE crm.customer SET n = n + 1 WHERE id = 1;",
            {"PM042", "27000", "21000"},
        ),
        (
            "inner upsert",
            "INSERT INTO crm.customer (id, phone) VALUES (2, '13899990001')"
            " ON CONFLICT (id) DO UPDATE SET phone = EXCLUDED.phone;",
            {"PM042", None},
        ),
    ],
)
def test_attack(one: SealedDatabase, name: str, body: str, codes: set[str | None]) -> None:
    """The old truth stays where the statement is refused; what is accepted is the new truth."""
    _function(one, body)
    statement = (HEAD + "phone = EXCLUDED.phone, tag = app_ws.f('t')").encode()
    code: str | None = None
    try:
        one.app.execute(statement, (COLLIDES, ""))
    except psycopg.Error as error:
        code = error.sqlstate
    assert code in codes
    assert one.truth(1)["phone"] == (OLD if code else COLLIDES)
    assert one.wrong() == []
    # Control: the same statement without the attack stores the new truth.
    _function(one, "")
    one.app.execute(statement, (COLLIDES, ""))
    assert one.truth(1)["phone"] == COLLIDES


@pytest.mark.requirement("F3")
def test_set_before_the_statement(one: SealedDatabase) -> None:
    """Whatever stands in the setting beforehand, the statement trigger clears it."""
    for value in (
        "garbage",
        "{",
        '{"depth": 1, "rows": {"[1]": "x"}, "forms": {"phone": "13*"}}',
        "on",
    ):
        one.app.execute(f"SET {SETTING} TO '{value}'".encode())
        one.app.execute((HEAD + "phone = EXCLUDED.phone").encode(), (COLLIDES, ""))
        assert one.truth(1)["phone"] == COLLIDES
        one.app.execute("UPDATE crm.customer SET phone = %s WHERE id = 1", (OLD,))
        assert one.truth(1)["phone"] == OLD
    assert one.wrong() == []


@pytest.mark.requirement("F3")
def test_replayed_from_another_transaction(one: SealedDatabase) -> None:
    """A stash copied out of one transaction opens in no other."""
    _function(one, f"PERFORM set_config('app.copy', current_setting('{SETTING}'), false);")
    statement = (HEAD + "phone = EXCLUDED.phone, tag = app_ws.f('t')").encode()
    one.app.execute(statement, (COLLIDES, ""))
    one.app.execute("UPDATE crm.customer SET phone = %s WHERE id = 1", (OLD,))
    _function(one, f"PERFORM set_config('{SETTING}', current_setting('app.copy'), true);")
    with pytest.raises(psycopg.Error) as refused:
        one.app.execute(statement, (OTHER, ""))
    assert refused.value.sqlstate in {"PM046", "40001"}
    assert one.truth(1)["phone"] == OLD


@pytest.mark.requirement("B1", "F1", "C1")
def test_the_stash_shows_nothing(one: SealedDatabase) -> None:
    """What the application can read of it is a depth and ciphertext, the same length every time.

    The row met may be hidden from who writes: COLLIDES has its mask, OTHER has not, and neither the
    text nor its length says which; nor do two equal probes look alike.
    """
    _function(one, f"PERFORM set_config('app.copy', current_setting('{SETTING}'), false);")
    statement = (HEAD + "phone = EXCLUDED.phone, tag = app_ws.f('t')").encode()
    seen: list[dict[str, object]] = []
    for phone in (COLLIDES, OTHER, COLLIDES, COLLIDES):
        one.app.execute("UPDATE crm.customer SET phone = %s WHERE id = 1", (OLD,))
        one.app.execute(statement, (phone, ""))
        row = one.app.execute("SELECT current_setting('app.copy')").fetchone()
        assert row is not None
        assert phone not in row[0]
        assert phone.encode().hex() not in row[0]
        assert "*" not in row[0]
        assert "\N{BULLET}" not in row[0]
        digest = one.root.execute(
            "SELECT encode(sha256(pgmask_sealed), 'hex') FROM crm_store.customer WHERE id = 1"
        ).fetchone()
        assert digest is not None
        assert digest[0] not in row[0]
        seen.append(json.loads(row[0]))
    assert {frozenset(s) for s in seen} == {frozenset({"depth", "sealed"})}
    assert len({s["sealed"] for s in seen}) == len(seen)
    # The phones are equally long: so are the stashes, whether the masks collide or not.
    assert len({len(str(s["sealed"])) for s in seen}) == 1
