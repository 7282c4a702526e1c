"""Two persons decide and the holder of the key file acts: attacked by each of them alone (C9)."""

from __future__ import annotations

import psycopg
import pytest

from pgmask import keyfile
from pgmask.apply import unseal as back
from pgmask.cli.main import run
from pgmask.errors import KeyFault, PgmaskError, Refused
from pgmask.keyfile import KeyFile
from tests.harness import Connection, Database
from tests.wayback import site
from tests.wayback.small import key_file, truths

pytestmark = pytest.mark.requirement("C9", "A5", "B3")
ASK = "SELECT pgmask.unseal_request('{crm.customer}', 'leave', 'OP-7')"
APPROVE = "SELECT pgmask.unseal_approve(1)"


def refused(connection: Connection, query: str) -> str:
    """The code with which the database refuses it."""
    with pytest.raises(psycopg.Error) as error:
        connection.execute(query.encode())
    return error.value.sqlstate or ""


def begun(database: Database, key: KeyFile | None = None) -> str:
    """What the one who runs it meets: '' when the table is on its way back, else the code."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        try:
            back.begin(connection, 1, "crm.customer", key or keyfile.read(key_file(database)))
        except PgmaskError as error:
            return error.code
    return ""


def without(root: Connection, function: str, *checks: str) -> None:
    """The control: the same function without these checks."""
    row = root.execute("SELECT pg_get_functiondef(%s::regprocedure)", (function,)).fetchone()
    assert row is not None
    text = row[0]
    for check in checks:
        assert check in text
        text = text.replace(check, "TRUE")
    root.execute(text.encode())


def masked(database: Database) -> bool:
    return all("*" in phone for (phone,) in truths(database, "phone"))


def test_the_requesting_login_alone(small: Database) -> None:
    rita = small.connect("rita", autocommit=True)
    rita.execute(ASK.encode())
    assert refused(rita, APPROVE) == "PM332"
    assert refused(rita, "SET ROLE dora") == "42501"
    assert refused(rita, "SELECT pgmask_private.unseal_begin(1, 'crm.customer', '')") == "42501"
    assert refused(rita, "INSERT INTO pgmask_audit.unseal_event (request_id, kind, login)"
                         " VALUES (1, 'approved', 'dora')") == "42501"  # fmt: skip
    assert refused(rita, "SELECT phone FROM crm_store.customer") == "42501"
    assert begun(small) == "PM333"
    assert masked(small)
    # Control: without the comparison of logins one person would do.
    without(small.superuser(), "pgmask.unseal_approve(bigint, text)",
            "v_request.requested_by <> SESSION_USER")  # fmt: skip
    rita.execute(APPROVE.encode())
    assert begun(small) == "PM333"  # asked a second time, at the beginning
    without(small.superuser(), "pgmask_private.unseal_begin(bigint, text, bytea)",
            "v_approved.login <> v_request.requested_by")  # fmt: skip
    assert begun(small) == ""


def test_the_approver_alone(small: Database) -> None:
    dora = small.connect("dora", autocommit=True)
    assert refused(dora, APPROVE) == "PM331"
    dora.execute(ASK.encode())
    assert refused(dora, APPROVE) == "PM332"
    assert refused(dora, "SELECT pgmask_private.unseal_challenge(1)") == "42501"
    assert begun(small) == "PM333"
    # Control: with another person's approval it begins.
    small.connect("rita", autocommit=True).execute(APPROVE.encode())
    assert begun(small) == ""


def test_the_application_and_a_stranger(small: Database) -> None:
    for login in ("app", "mallory"):
        mine = small.connect(login, autocommit=True)
        for query in (ASK, APPROVE, "SELECT * FROM pgmask.unseal_requests()",
                      "SELECT pgmask.unseal_cancel(1)"):  # fmt: skip
            assert refused(mine, query) == "42501"
    assert run(["unseal", "request", "--all", "--purpose", "x y z", "--reference", "r",
                "--dsn", small.dsn("app")]) == 3  # fmt: skip
    # Control: the membership is what it takes, of the login itself.
    root = small.superuser()
    root.execute("GRANT pgmask_unseal TO app")
    try:
        small.connect("app", autocommit=True).execute(ASK.encode())
    finally:
        root.execute("REVOKE pgmask_unseal FROM app")


def test_two_logins_of_one_person(small: Database) -> None:
    root = small.superuser()
    root.execute("SELECT pgmask.register_person(9, 'Rita', '1')")
    for login in site.DECIDERS:
        root.execute("SELECT pgmask.register_login(%s, 9)", (login,))
    small.connect("rita", autocommit=True).execute(ASK.encode())
    dora = small.connect("dora", autocommit=True)
    assert refused(dora, APPROVE) == "PM332"
    without(root, "pgmask.unseal_approve(bigint, text)",
            "coalesce(v_request.person_id <> v_person, TRUE)")  # fmt: skip
    dora.execute(APPROVE.encode())


def test_nothing_without_a_purpose_and_nothing_twice(small: Database) -> None:
    rita, dora = (small.connect(login, autocommit=True) for login in site.DECIDERS)
    for query in (
        "SELECT pgmask.unseal_request('{crm.customer}', '  ', 'r')",
        "SELECT pgmask.unseal_request('{crm.customer}', 'leave', NULL)",
        "SELECT pgmask.unseal_request('{crm.nothing}', 'leave', 'r')",
        "SELECT pgmask.unseal_request('{NULL}', 'leave', 'r')",
    ):
        assert refused(rita, query) == "PM331"
    rita.execute(ASK.encode())
    dora.execute(APPROVE.encode())
    assert refused(dora, APPROVE) == "PM331"
    rita.execute("SELECT pgmask.unseal_cancel(1)")
    assert refused(dora, APPROVE) == "PM331"
    assert begun(small) == "PM331"


def test_the_key_file(small: Database) -> None:
    site.decide(small, "crm.customer")
    right, wrong = keyfile.read(key_file(small)), KeyFile.new(1)
    with psycopg.connect(small.dsn(), autocommit=True) as connection:
        with pytest.raises(KeyFault) as error:
            back.require_key(connection, wrong)
        assert error.value.code == "PM334"
        with pytest.raises(Refused):
            back.request(connection, 2)
    assert begun(small, wrong) == "PM334"
    # A proof is of one transaction: kept, it opens nothing.
    with psycopg.connect(small.dsn()) as connection:
        row = connection.execute("SELECT pgmask_private.unseal_challenge(1)").fetchone()
        assert row is not None
        kept = back.proof(right, row[0])
        connection.commit()
        with pytest.raises(psycopg.Error) as refusal:
            connection.execute("SELECT pgmask_private.unseal_begin(1, 'crm.customer', %s)", (kept,))
        assert refusal.value.sqlstate == "PM334"
    root = small.superuser()
    root.execute("DELETE FROM pgmask_private.loaded_key")
    assert begun(small) == "PM310"
    assert masked(small)
    site.command(small, "keys", "load", str(key_file(small)))
    assert begun(small, right) == ""


def test_the_record_stays(small: Database) -> None:
    site.decide(small, "crm.customer")
    root = small.superuser()
    for query in (
        "UPDATE pgmask_audit.unseal_event SET login = 'app'",
        "DELETE FROM pgmask_audit.unseal_request",
        "TRUNCATE pgmask_audit.unseal_event",
        "SET session_replication_role = replica; DELETE FROM pgmask_audit.unseal_event",
    ):
        assert refused(root, query) == "PM339"
    root.execute("ALTER TABLE pgmask_audit.unseal_event DISABLE TRIGGER unseal_event_stays")
    root.execute("DELETE FROM pgmask_audit.unseal_event")


def test_the_next_step_is_told(small: Database, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["unseal", "crm.customer", "--dsn", small.dsn("rita")]
    assert run(asked) == 0
    assert "pgmask unseal request crm.customer" in capsys.readouterr().err
    small.connect("rita", autocommit=True).execute(ASK.encode())
    assert run(asked) == 0
    assert "pgmask unseal approve 1" in capsys.readouterr().err
    small.connect("dora", autocommit=True).execute(APPROVE.encode())
    assert run(asked) == 0
    assert "pgmask unseal run 1 --key-file FILE" in capsys.readouterr().err
    assert run(["unseal", "list", "--dsn", small.dsn("rita")]) == 0
    assert "approved by dora" in capsys.readouterr().out
