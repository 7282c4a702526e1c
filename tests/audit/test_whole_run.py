"""The watch over the whole run finds what it is for, wherever it lies (G2).

Each of these is a control: somebody puts a value where none may be, and the look at that place
says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import watch
from tests.attack.people import OURS, THEIRS
from tests.harness import Database, Server
from tests.truths import truths_in

pytestmark = pytest.mark.requirement("G2", "F1")
_ACTIVITY = (
    "INSERT INTO pgmask_audit.activity (era_id, kind, login, object) VALUES (1, 'command', 'x', %s)"
)
_TEXT = (
    "INSERT INTO pgmask_audit.access (at, era_id, kind, login, backend, statement_at,"
    " statement_text) VALUES (now(), 1, 'statement', 'x', 1, now(), convert_to(%s, 'UTF8'))"
)
_CHANGE = (
    "INSERT INTO pgmask_audit.change (at, era_id, operation, table_id, login, backend,"
    " statement_at, before) VALUES (now(), 1, 'update', 'crm.customer', 'x', 1, now(),"
    " jsonb_build_object('name', %s::text))"
)


@pytest.fixture
def looked(server: Server) -> Server:
    """A server with nothing left to look at."""
    with server.admin() as admin:
        server.watch.look_at_messages(admin, now=True)
    server.watch.look_at_log()
    return server


@pytest.fixture
def marked(installed: Database) -> Iterator[Database]:
    """A database that may not be blamed on this test, whatever is put into its record."""
    yield installed
    watch.EXCUSE.reason = "the value was planted"


@pytest.mark.parametrize(
    ("planting", "value"),
    [
        (_ACTIVITY, OURS.phone), (_ACTIVITY, f"call {OURS.id_no}."), (_ACTIVITY, OURS.email),
        (_TEXT, f"SELECT '{THEIRS.phone}'"), (_CHANGE, THEIRS.name),
    ],
    ids=["phone", "identity", "mail", "bytea", "name"],
)  # fmt: skip
def test_a_value_in_the_record_is_found_at_the_drop(
    marked: Database, planting: str, value: str
) -> None:
    server, dsn = marked.server, marked.dsn("postgres")
    server.watch.look_at_record(dsn)
    with marked.superuser() as root:
        root.execute(planting.encode(), (value,))
    (known,) = truths_in(value.encode())
    with pytest.raises(watch.Leak, match=f"pgmask_audit.*{known}"):
        server.watch.look_at_record(dsn)
    with pytest.raises(watch.Leak, match="the record of t"):
        server.drop_database(marked)
    with server.admin() as admin:
        row = admin.execute(
            "SELECT count(*) FROM pg_database WHERE datname = %s", (marked.name,)
        ).fetchone()
    assert row == (0,), "it is dropped all the same"


@pytest.mark.parametrize("transactional", ["true", "false"])
def test_a_value_in_a_message_is_found(looked: Server, transactional: str) -> None:
    with looked.admin() as admin:
        admin.execute(
            f"SELECT pg_logical_emit_message({transactional}, 'pgmask', %s)".encode(),
            (f"note1\x1f{OURS.phone}\x1f",),
        )
        with pytest.raises(watch.Leak, match=OURS.phone):
            looked.watch.look_at_messages(admin, now=True)
        looked.watch.look_at_messages(admin, now=True)  # it was said once


def test_a_message_across_segments_is_found(looked: Server) -> None:
    with looked.admin() as admin:
        before = looked.watch.messages
        for number in range(20):
            text = f"{'-' * 1_000_000}{OURS.id_no if number == 15 else number}"
            admin.execute("SELECT pg_logical_emit_message(false, 'pgmask', %s)", (text,))
        with pytest.raises(watch.Leak, match=OURS.id_no):
            looked.watch.look_at_messages(admin, now=True)
    assert looked.watch.messages - before >= 20


def test_a_value_in_the_log_is_found(looked: Server) -> None:
    with looked.admin() as admin:
        admin.execute(f"DO $$ BEGIN RAISE LOG 'pgmask note {THEIRS.email}'; END $$".encode())
    with pytest.raises(watch.Leak, match=THEIRS.email):
        looked.watch.look_at_log()
    looked.watch.look_at_log()


def test_masks_and_other_numbers_are_none() -> None:
    for text in (
        "139****5678", "1391234567", "139123456789", "a13912345678", "-13912345678",
        "0/13912345", "2026-11-28 10:15:01.139123+08",
    ):  # fmt: skip
        assert truths_in(text.encode()) == []
