"""Login with a signed statement: what is honoured, and every way around it that was tried (C04)."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from pgmask.identity import IssuerKey, answer_challenge, mint_assertion
from tests.harness import Connection
from tests.runtime.world import ANN, BEN, NINA, OTTO, World, login, scalar, units_seen

TOKEN = "SELECT current_setting('pgmask.token', true)"


def refused(code: str, connection: Connection, act: Callable[[], object]) -> str:
    """The act raises this code; the transaction is rolled back; gives the error's text."""
    with pytest.raises(psycopg.Error) as caught:
        act()
    assert caught.value.sqlstate == code, caught.value
    connection.rollback()
    diag = caught.value.diag
    return " ".join(filter(None, (diag.message_primary, diag.message_detail, diag.message_hint)))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key: IssuerKey, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    """A token with any claims, rightly signed."""
    head = header or {"alg": "HS256", "kid": key.key_id}
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{signed}.{encode(hmac.new(key.secret, signed.encode(), hashlib.sha256).digest())}"


def claims(world: World, **changed: Any) -> dict[str, Any]:
    now = time.time()
    return {
        "iss": "web", "sub": str(ANN), "profile": "agent", "unit": "north", "login": "app",
        "database": world.database.name, "iat": now, "exp": now + 30,
    } | changed  # fmt: skip


@pytest.mark.requirement("C2", "C3")
def test_a_login_shows_the_rows_of_the_unit_and_only_in_its_transaction(still: World) -> None:
    app = still.app(ANN)
    assert units_seen(app) == {"north"}
    app.commit()
    refused("PM101", app, lambda: units_seen(app))
    login(app, still.assertion(BEN))
    assert units_seen(app) == {"south"}


def test_every_claim_arrives(still: World) -> None:
    app = still.app(ANN, purpose="续保", second_factor_at=1_700_000_000.5)
    row = app.execute("SELECT * FROM pgmask.whoami()").fetchone()
    assert row is not None
    assert row[:7] == (ANN, "Ann", "agent", "north", "assertion", "web", "续保")
    assert row[7].timestamp() == pytest.approx(1_700_000_000.5)
    assert row[9:] == (False, "valid", "app", None, None)


@pytest.mark.requirement("C7")
def test_identity_carries_the_second_factor(still: World) -> None:
    """What a key operation asks: is the second factor recent? NULL is not."""
    asked = (
        "SELECT (second_factor_at > clock_timestamp() - interval '5 min') IS TRUE"
        " FROM pgmask_private.identity"
    )
    for given, wanted in ((None, False), (time.time() - 3600, False), (time.time() - 10, True)):
        probe = still.database.connect("installer")  # may read the view; its claims say so
        login(probe, still.assertion(ANN, second_factor_at=given, login="installer"))
        assert scalar(probe, asked) is wanted


def test_without_identity_every_reading_is_an_error_but_explain_is_not(still: World) -> None:
    app = still.app(None)
    app.execute("EXPLAIN SELECT * FROM things.thing")
    words = refused("PM101", app, lambda: units_seen(app))
    assert "pgmask.login($1)" in words
    refused("PM101", app, lambda: app.execute("EXPLAIN ANALYZE SELECT * FROM things.thing"))


def test_one_initplan_verifies_for_the_statement(still: World) -> None:
    app = still.app(ANN)
    plan = "\n".join(
        r[0] for r in app.execute("EXPLAIN (COSTS OFF) SELECT * FROM things.thing").fetchall()
    )
    scan = plan.split("InitPlan")[0]
    assert scan != plan
    assert "Filter: (unit_id = " in scan
    assert "hmac" not in scan  # nothing of it per row
    assert "refuse" not in scan


GARBAGE = (
    None, "", ".", "..", "a.b.c", "x" * 5000, "e30.e30." + "A" * 43, "\x01.\x02.\x03",
    "null", "e30.bnVsbA." + "A" * 43, "____.____." + "_" * 43, "A.A." + "A" * 43,
)  # fmt: skip


@pytest.mark.parametrize("value", GARBAGE)
def test_garbage_is_refused(still: World, value: str | None) -> None:
    app = still.app(None)
    refused("PM103", app, lambda: login(app, value))


def test_control_the_same_shape_rightly_signed_is_honoured(still: World) -> None:
    app = still.app(None)
    login(app, token(still.key, claims(still)))
    assert units_seen(app) == {"north"}


EDITS: dict[str, dict[str, Any]] = {
    "another issuer's name": {"iss": "other"},
    "no issuer": {"iss": None},
    "unknown person": {"sub": "999"},
    "no person": {"sub": None},
    "another unit": {"unit": "south"},
    "no unit": {"unit": None},
    "a profile nobody gave": {"profile": "analyst"},
    "no profile": {"profile": None},
    "another login": {"login": "alan"},
    "no login": {"login": None},
    "another database": {"database": "postgres"},
    "no database": {"database": None},
    "no end": {"exp": None},
    "no begin": {"iat": None},
    "a text for the end": {"exp": "tomorrow"},
    "an endless end": {"exp": "Infinity"},
    "not a number for the end": {"exp": "NaN"},
    "a longer life": {"exp": time.time() + 4000},
    "no challenge after all": {"challenge": None},
    "another challenge": {"challenge": "pgmask1:1:1:x"},
    "a second factor from the future": {"second_factor_at": time.time() + 1e6},
    "a purpose with control characters": {"purpose": "a\x1fb"},
    "a long purpose": {"purpose": "a" * 201},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_rightly_signed_but_wrong_claims_are_refused(still: World, edit: dict[str, Any]) -> None:
    app = still.app(None)
    refused("PM103", app, lambda: login(app, token(still.key, claims(still, **edit))))


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "HS512"}, {"alg": "HS256", "crit": ["x"]}, {}]
)
def test_only_one_algorithm(still: World, header: dict[str, Any]) -> None:
    app = still.app(None)
    made = token(still.key, claims(still), header | {"kid": still.key.key_id})
    refused("PM103", app, lambda: login(app, made))


def test_edited_claims_lose_the_signature(still: World) -> None:
    app = still.app(None)
    head, _, mac = still.assertion(ANN).split(".")
    forged = (
        f"{head}.{encode(json.dumps(claims(still, sub=str(BEN), unit='south')).encode())}.{mac}"
    )
    refused("PM103", app, lambda: login(app, forged))


def test_expired_and_premature(still: World) -> None:
    app = still.app(None)
    old = still.assertion(ANN, clock=lambda: time.time() - 61)
    refused("PM102", app, lambda: login(app, old))
    ahead = still.assertion(ANN, clock=lambda: time.time() + 30)
    refused("PM103", app, lambda: login(app, ahead))
    login(app, still.assertion(ANN, clock=lambda: time.time() + 3))  # within the skew allowed


def test_longer_life_than_the_issuer_may_give(world: World) -> None:
    world.database.run("SELECT pgmask.register_issuer('web', ARRAY['agent'], '10 s')")
    app = world.app(None)
    refused("PM103", app, lambda: login(app, world.assertion(ANN, ttl=11)))
    login(app, world.assertion(ANN, ttl=10))


def test_the_transaction_ends_asking_after_its_life(world: World) -> None:
    world.database.run("SELECT pgmask.register_issuer('web', ARRAY['agent'], '60 s', '0.3 s')")
    app = world.app(ANN)
    assert units_seen(app) == {"north"}
    time.sleep(0.4)
    words = refused("PM102", app, lambda: units_seen(app))
    assert "expired" in words


def test_a_stolen_token_is_dead_elsewhere(still: World) -> None:
    victim = still.app(ANN)
    stolen = scalar(victim, TOKEN)
    thief = still.database.connect("app")
    thief.execute("SELECT set_config('pgmask.token', %s, false)", (stolen,))
    refused("PM103", thief, lambda: units_seen(thief))
    # In the next transaction of its own backend it is dead as well.
    victim.commit()
    victim.execute("SELECT set_config('pgmask.token', %s, true)", (stolen,))
    refused("PM103", victim, lambda: units_seen(victim))
    victim.execute("SELECT 1")
    victim.execute("COMMIT AND CHAIN")
    victim.execute("SELECT set_config('pgmask.token', %s, true)", (stolen,))
    refused("PM103", victim, lambda: units_seen(victim))


def test_control_the_token_is_alive_where_it_was_made(still: World) -> None:
    app = still.app(ANN)
    own = scalar(app, TOKEN)
    app.execute("SELECT set_config('pgmask.token', '', true)")
    refused_before = app.execute("SELECT problem FROM pgmask.whoami()").fetchone()
    assert refused_before is not None
    assert refused_before[0].startswith("PM101")
    app.execute("SELECT set_config('pgmask.token', %s, true)", (own,))
    assert units_seen(app) == {"north"}


@pytest.mark.parametrize("field", range(1, 10))
def test_an_edited_token_is_refused(still: World, field: int) -> None:
    app = still.app(ANN, purpose="service", second_factor_at=time.time())
    parts = scalar(app, TOKEN).split("\x1f")
    swapped = {1: "12", 3: "south", 7: "t" if parts[7] == "f" else "f", 9: "9999999999"}
    parts[field] = swapped.get(field, parts[field] + "x")
    app.execute("SELECT set_config('pgmask.token', %s, true)", ("\x1f".join(parts),))
    refused("PM103", app, lambda: units_seen(app))


@pytest.mark.parametrize("value", ["x", "\x1f" * 12, "0" * 64 + "\x1f11\x1fagent\x1fnorth", " "])
def test_a_planted_setting_is_refused_and_does_not_block_a_login(still: World, value: str) -> None:
    app = still.app(None)
    app.execute("SELECT set_config('pgmask.token', %s, false)", (value,))
    app.commit()
    refused("PM103", app, lambda: units_seen(app))
    login(app, still.assertion(ANN))
    assert units_seen(app) == {"north"}


def test_another_person_in_the_same_transaction_is_refused(still: World) -> None:
    app = still.app(ANN)
    login(app, still.assertion(ANN, purpose="again"))  # the same person may
    assert units_seen(app) == {"north"}
    refused("PM103", app, lambda: login(app, still.assertion(BEN)))


def test_another_person_is_refused_after_the_first_has_expired(world: World) -> None:
    world.database.run("SELECT pgmask.register_issuer('web', ARRAY['agent'], '60 s', '0.1 s')")
    app = world.app(ANN)
    time.sleep(0.2)
    refused("PM103", app, lambda: login(app, world.assertion(BEN)))


def test_rolling_back_to_before_the_login_takes_it_away(still: World) -> None:
    app = still.app(None)
    app.execute("SAVEPOINT s")
    login(app, still.assertion(ANN))
    assert units_seen(app) == {"north"}
    app.execute("ROLLBACK TO s")
    refused("PM101", app, lambda: units_seen(app))


def test_prepared_statements_and_generic_plans_ask_anew(still: World) -> None:
    app = still.app(ANN)
    app.execute("SET plan_cache_mode = force_generic_plan")
    app.execute("PREPARE seen AS SELECT DISTINCT unit_id FROM things.thing")
    assert app.execute("EXECUTE seen").fetchall() == [("north",)]
    app.commit()
    login(app, still.assertion(BEN))
    assert app.execute("EXECUTE seen").fetchall() == [("south",)]
    app.commit()
    refused("PM101", app, lambda: app.execute("EXECUTE seen"))


def test_two_phase_commit_leaves_nothing_behind(still: World) -> None:
    app = still.app(ANN)
    app.execute("PREPARE TRANSACTION 'left_behind'")
    app.autocommit = True
    try:
        with pytest.raises(psycopg.Error) as caught:
            units_seen(app)
        assert caught.value.sqlstate == "PM101"
    finally:
        app.execute("ROLLBACK PREPARED 'left_behind'")


def test_read_only_and_repeatable_read(still: World) -> None:
    app = still.app(None)
    app.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    login(app, still.assertion(ANN))
    assert units_seen(app) == {"north"}


def test_pipelined_login_without_begin_is_one_transaction(still: World) -> None:
    app = still.database.connect("app", autocommit=True)
    with app.pipeline():
        app.execute("SELECT pgmask.login(%s)", (still.assertion(ANN),))
        cursor = app.execute("SELECT DISTINCT unit_id FROM things.thing")
        assert cursor.fetchall() == [("north",)]


def test_parallel_workers_need_no_identity_of_their_own(still: World) -> None:
    app = still.app(ANN)
    app.execute("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0")
    app.execute("SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2")
    plan = app.execute("EXPLAIN (ANALYZE) SELECT count(*) FROM things.thing").fetchall()
    text = "\n".join(r[0] for r in plan)
    assert "Gather" in text, text
    assert scalar(app, "SELECT count(*) FROM things.thing") == 10


def test_settings_of_the_caller_do_not_reach_the_check(still: World) -> None:
    app = still.app(ANN)
    app.execute("SET TIME ZONE 'Pacific/Apia'; SET DateStyle = 'SQL, DMY'; SET search_path = ''")
    app.execute("SET bytea_output = 'escape'; SET extra_float_digits = -15")
    assert units_seen(app) == {"north"}
    app.commit()
    login(app, still.assertion(BEN))
    assert units_seen(app) == {"south"}


def test_strong_grade_answers_the_challenge_of_this_transaction_only(still: World) -> None:
    app = still.app(None)
    challenge = scalar(app, "SELECT pgmask.challenge()")
    answer = answer_challenge(
        still.key, challenge, person=ANN, profile="agent", unit="north", login="app",
        database=still.database.name,
    )  # fmt: skip
    login(app, answer)
    assert scalar(app, "SELECT grade FROM pgmask.whoami()") == "challenge"
    app.commit()
    assert scalar(app, "SELECT pgmask.challenge()") != challenge
    refused("PM103", app, lambda: login(app, answer))
    other = still.database.connect("app")
    refused("PM103", other, lambda: login(other, answer))
    # Control: an assertion without a challenge may be used twice within its life.
    plain = still.assertion(ANN)
    for connection in (app, other):
        login(connection, plain)
        assert scalar(connection, "SELECT grade FROM pgmask.whoami()") == "assertion"
        connection.rollback()


def test_an_issuer_speaks_for_its_profiles_only(world: World) -> None:
    world.database.run("SELECT pgmask.register_post_profile('agent', 'claims')")
    app = world.app(None)
    words = refused("PM103", app, lambda: login(app, world.assertion(ANN, profile="claims")))
    assert "may not speak for this profile" in words
    world.database.run("SELECT pgmask.register_issuer('web', ARRAY['agent', 'claims'])")
    login(app, world.assertion(ANN, profile="claims"))


def test_rotation_keeps_two_keys_and_revocation_none(world: World) -> None:
    installer = world.database.connect(autocommit=True)
    made = [world.key]
    for _ in range(2):
        row = installer.execute("SELECT * FROM pgmask.rotate_issuer_key('web')").fetchone()
        assert row is not None
        made.append(IssuerKey(issuer="web", key_id=row[0], secret=row[1]))
    app = world.app(None)
    for key in made[1:]:
        login(app, world.assertion(ANN, key=key))
        app.rollback()
    refused("PM103", app, lambda: login(app, world.assertion(ANN, key=made[0])))
    assert scalar(installer, "SELECT pgmask.revoke_issuer('web')") is True
    for key in made:
        assertion = world.assertion(ANN, key=key)
        refused("PM103", app, functools.partial(login, app, assertion))


def test_a_third_valid_key_is_refused(world: World) -> None:
    """Also by those who write the table themselves."""
    world.database.run("SELECT pgmask.rotate_issuer_key('web')")
    with pytest.raises(psycopg.Error) as caught:
        world.database.run(
            "INSERT INTO pgmask_private.issuer_key (key_id, issuer, secret)"
            " VALUES ('web.extra', 'web', decode(repeat('00', 32), 'hex'))"
        )
    assert caught.value.sqlstate == "PM507"


def test_a_key_of_one_issuer_does_not_sign_for_another(world: World) -> None:
    world.database.run("SELECT pgmask.register_issuer('claims-web', ARRAY['agent'])")
    forged = IssuerKey(issuer="claims-web", key_id=world.key.key_id, secret=world.key.secret)
    app = world.app(None)
    refused("PM103", app, lambda: login(app, world.assertion(ANN, key=forged)))


@pytest.mark.requirement("C6")
def test_without_both_papers_nobody_is_honoured(world: World) -> None:
    app = world.app(None)
    refused("PM103", app, lambda: login(app, world.assertion(NINA)))
    world.database.run("SELECT pgmask.register_document(14, 'responsibility_letter', '1')")
    login(app, world.assertion(NINA))
    assert units_seen(app) == {"north"}


@pytest.mark.requirement("C4")
def test_an_outsourced_person_is_marked(still: World) -> None:
    app = still.app(OTTO)
    assert scalar(app, "SELECT outsourced FROM pgmask.whoami()") is True
    probe = still.database.connect("installer")
    login(probe, still.assertion(OTTO, login="installer"))
    assert scalar(probe, "SELECT outsourced FROM pgmask_private.identity") is True


DENIED = (
    "SELECT * FROM pgmask_private.identity",
    "SELECT * FROM pgmask_private.token_key",
    "SELECT * FROM pgmask_private.issuer_key",
    "SELECT * FROM pgmask_private.person",
    "SELECT * FROM pgmask_private.effective_login",
    "INSERT INTO pgmask_private.effective_login VALUES ('app')",
    "SELECT pgmask_crypto.hmac('a', 'b', 'sha256')",
    "SELECT pgmask_private.ensure_token_key()",
    "SELECT pgmask.rotate_issuer_key('web')",
    "SELECT pgmask.register_login('app', 11)",
    "SET ROLE pgmask_owner",
    "SET SESSION AUTHORIZATION ann",
)


@pytest.mark.parametrize("statement", DENIED)
@pytest.mark.requirement("C3")
def test_an_application_reaches_none_of_the_machinery(still: World, statement: str) -> None:
    app = still.app(ANN)
    with pytest.raises(psycopg.Error) as caught:
        app.execute(statement.encode())
    assert caught.value.sqlstate in ("42501", "22023", "42704"), caught.value


def test_no_secret_in_plans_notices_or_errors(still: World) -> None:
    """Custom plans fold variables into constants: nothing secret may be a variable of one (A51)."""
    secret = still.database.superuser().execute(
        "SELECT encode(secret, 'hex') FROM pgmask_private.issuer_key"
        " UNION ALL SELECT encode(secret, 'hex') FROM pgmask_private.token_key"
    ).fetchall()  # fmt: skip
    app = still.database.connect("app")
    heard: list[str] = []
    app.add_notice_handler(lambda d: heard.append(f"{d.message_primary} {d.message_detail}"))
    app.execute("SET client_min_messages = debug5; SET debug_print_plan = on")
    app.execute("SET debug_print_rewritten = on; SET debug_print_parse = on")
    login(app, still.assertion(ANN))
    units_seen(app)
    app.execute("SELECT * FROM pgmask.whoami()")
    with pytest.raises(psycopg.Error):
        login(app, still.assertion(BEN))
    text = "\n".join(heard)
    assert "pgmask" in text  # the plans were printed at all
    for (value,) in secret:
        # A datum in a printed plan is a list of signed bytes.
        data = bytes.fromhex(value)
        printed = " ".join(str(b - 256 if b > 127 else b) for b in data[:8])
        assert value not in text
        assert printed not in text


@pytest.mark.parametrize("ttl", [0, -1, 61])
def test_minting_refuses_a_wrong_life(ttl: float) -> None:
    key = IssuerKey(issuer="web", key_id="k", secret=bytes(32))
    with pytest.raises(ValueError, match="ttl"):
        mint_assertion(key, person=1, profile="p", unit="u", login="l", database="d", ttl=ttl)


def test_an_issuer_key_hides_its_secret_and_survives_its_file() -> None:
    key = IssuerKey(issuer="web", key_id="web.1", secret=bytes(range(32)))
    assert key.secret.hex() not in repr(key)
    assert IssuerKey.parse(key.dump()) == key
    with pytest.raises(ValueError, match="issuer's key"):
        IssuerKey.parse("web web.1 abc")
