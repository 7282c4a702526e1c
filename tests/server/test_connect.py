"""Which DSN is meant, how it is printed, and what a failed connection says."""

from __future__ import annotations

import socket

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgmask.errors import ServerError
from pgmask.server import connect, redact, require_dsn, resolve_dsn
from tests.harness import Server

SECRET = "hunter2-not-to-be-seen"


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        ("host=a", {"PGMASK_DSN": "host=b"}, "host=a"),
        (None, {"PGMASK_DSN": "host=b", "PGHOST": "c"}, "host=b"),
        (None, {"PGHOST": "c"}, ""),
        (None, {"PGSERVICE": "crm"}, ""),
        (None, {"PGDATABASE": "crm"}, ""),
        (None, {"PGUSER": "me"}, None),
        (None, {}, None),
        ("", {}, None),
        ("crm", {}, "service=crm"),
        ("postgresql://u@h:5433/d", {}, "postgresql://u@h:5433/d"),
    ],
)
def test_dsn_is_looked_for_in_order(
    option: str | None, environ: dict[str, str], expected: str | None
) -> None:
    assert resolve_dsn(option, environ=environ) == expected


def test_no_dsn_is_an_error_where_one_is_needed() -> None:
    with pytest.raises(ServerError, match="no database was named") as caught:
        require_dsn(None, environ={})
    assert caught.value.code == "PM020"
    assert require_dsn(None, environ={"PGHOST": "h"}) == ""


@pytest.mark.parametrize(
    "dsn", [f"host=a pasword={SECRET}", f"postgresql://u:{SECRET}@[h/d", f"host=a {SECRET} x"]
)
def test_an_unreadable_dsn_is_not_repeated(dsn: str) -> None:
    with pytest.raises(ServerError) as caught:
        resolve_dsn(dsn, environ={})
    error = caught.value
    assert SECRET not in f"{error}{error.detail}{error.hint}{error.__cause__}"
    assert SECRET not in redact(dsn)


@given(password=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_redacted_dsn_has_everything_but_the_secret(password: str) -> None:
    dsn = make_conninfo("", host="h", user="u", password=password, dbname="d", sslpassword="x")
    assert conninfo_to_dict(redact(dsn)) == {"host": "h", "user": "u", "dbname": "d"}


def test_redacted_url() -> None:
    assert SECRET not in redact(f"postgresql://u:{SECRET}@h:1/d?sslpassword={SECRET}")


@pytest.mark.parametrize(
    ("changes", "words", "way_out"),
    [
        ({"password": SECRET}, "password authentication failed", "Check the user"),
        ({"user": "nobody_here"}, "password authentication failed", "Check the user"),
        ({"dbname": "no_such"}, "does not exist", "database's name"),
        ({"host": "127.0.0.1", "port": "1"}, "refused", "No server listens"),
        ({"host": "/nowhere"}, "No such file", "No server listens"),
        ({"host": "no-such-host.invalid"}, "", "Check the host name"),
        (
            {"host": "127.0.0.1", "sslmode": "verify-full", "sslrootcert": "/nowhere"},
            "root certificate",
            "sslrootcert",
        ),
    ],
    ids=lambda v: "-".join(v) if isinstance(v, dict) else "",
)
def test_a_failed_connection_says_why_and_what_to_do(
    server: Server, changes: dict[str, str], words: str, way_out: str
) -> None:
    with pytest.raises(ServerError) as caught:
        connect(make_conninfo(server.dsn("mallory"), **changes))
    error = caught.value
    assert error.code == "PM020"
    assert words in error.detail
    assert way_out in error.hint
    assert SECRET not in f"{error}{error.detail}{error.hint}"
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_a_server_that_does_not_answer_is_given_up() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(ServerError) as caught:
            connect(make_conninfo("", host="127.0.0.1", port=deaf.getsockname()[1]),
                    connect_timeout=2)  # fmt: skip
    assert "does not answer" in caught.value.hint


def test_a_database_without_the_right_to_connect(server: Server) -> None:
    with server.database() as database:
        database.run(f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")
        with pytest.raises(ServerError) as caught:
            connect(database.dsn("mallory"))
    assert "GRANT CONNECT" in caught.value.hint


def test_connection_names_itself(server: Server) -> None:
    with connect(server.dsn()) as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("pgmask",)
    with connect(server.dsn(application_name="mine"), autocommit=True) as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("mine",)
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
