"""Attempts to put something into the record by its collector, or to keep something out (G1, G3)."""

from __future__ import annotations

import psycopg
import pytest

from pgmask.audit.collect import Visit
from pgmask.runtime.doctor import examine
from pgmask.runtime.superuser import superuser_sql
from tests.audit.collecting import CARL, access, activity, carl, collecting, prepare, read
from tests.audit.site import noting
from tests.reveal.site import Site

pytestmark = [pytest.mark.attack, pytest.mark.requirement("G1", "G3")]

FORGED = "0" * 64 + "\x1f" + "\x1f".join(
    ("n1", "statement", "1", "1700000000000000", "1", "1700000000000000", "boss", "psql", "",
     "crm.customer", "", "", "", "18", "vip", "north", "login", "", "f", "f", "login",
     "2030-01-01", "")
)  # fmt: skip


def emitted(site: Site, message: str | bytes) -> None:
    """By an application's login, as everybody may."""
    app = site.connect()
    kind = "bytea" if isinstance(message, bytes) else "text"
    app.execute(f"SELECT pg_logical_emit_message(false, 'pgmask', %s::{kind})".encode(), (message,))


def stolen(site: Site) -> str:
    """The whole note of a read, as only a superuser gets hold of it."""
    with noting(site) as root:
        read(site)
        root.execute("SET synchronous_commit = on")
        root.execute("SELECT pg_logical_emit_message(true, 'other', 'flush')")
        rows = root.execute(
            "SELECT data FROM pg_logical_slot_peek_changes('test_notes', NULL, NULL)"
        )
        (text,) = [
            content
            for (data,) in rows.fetchall()
            for head, _, content in [data.partition(" content:")]
            if "prefix: pgmask," in head and content[65:77] == "n1\x1fstatement"
        ]
    return str(text)


def test_a_forged_note_is_counted_and_dropped(place: Site) -> None:
    with collecting(place) as collector:
        emitted(place, FORGED)
        read(place)
        found = collector.catch_up()
    assert found.rejected == 1
    assert [r["login"] for r in access(place, "statement")] == ["app"]
    assert place.rows("SELECT rejected FROM pgmask_audit.collector") == [(1,)]


def test_control_without_the_signature_it_would_be_stored(place: Site) -> None:
    place.root.execute(
        "DO $$ BEGIN EXECUTE replace(pg_get_functiondef("
        "'pgmask_private.verified_notes(pg_lsn[],bytea[])'::regprocedure),"
        " '= substr(v_head, 1, 64)', 'IS NOT NULL'); END $$"
    )
    with collecting(place) as collector:
        emitted(place, FORGED)
        collector.catch_up()
    assert [r["login"] for r in access(place, "statement")] == ["boss"]


@pytest.mark.parametrize(
    "message",
    [b"\xff\xfe" * 50, b"", "x", "\x1e\x1e", "0" * 64 + '{"ticket": "x"}', b"\x00" * 200],
    ids=["no text", "empty", "short", "separators", "no search", "zeros"],
)
def test_nothing_stops_the_collector(place: Site, message: str | bytes) -> None:
    with collecting(place) as collector:
        emitted(place, message)
        read(place)
        found = collector.catch_up()
    assert found.rejected == (0 if message in (b"", "") else 1)
    assert len(access(place, "statement")) == 1


def test_a_message_of_a_transaction_is_no_note(place: Site) -> None:
    """Also one that is signed: notes never wait for a commit."""
    text = stolen(place)
    with collecting(place) as collector:
        place.connect().execute("SELECT pg_logical_emit_message(true, 'pgmask', %s)", (text,))
        found = collector.catch_up()
    assert (found.rejected, access(place)) == (1, [])


def test_a_copy_of_a_note_is_not_stored_again(place: Site) -> None:
    """At once with the note, and later."""
    text = stolen(place)
    with collecting(place) as collector:
        emitted(place, text)
        emitted(place, text)
        collector.catch_up()
        emitted(place, text)
        found = collector.catch_up()
    assert (found.stored, found.folded) == (0, 1)
    assert len(access(place, "statement")) == 1


def test_what_is_added_to_a_stolen_note_is_no_text(place: Site) -> None:
    """The customers behind the signed part are not signed; they stop nothing."""
    text = stolen(place).encode()
    with collecting(place) as collector:
        emitted(place, text + b"\x1e\xff\xfe")
        emitted(place, text + b"\x1e")
        read(place)
        found = collector.catch_up()
    assert found.rejected == 1
    assert [(r["kind"], r["subject_key"]) for r in access(place)] == [("statement", None)] * 2


def test_the_collector_has_no_powers(place: Site) -> None:
    """Its login does not read the slot, and changes no record; the role that may has no login."""
    prepare(place)
    one = carl(place)
    assert place.rows(
        "SELECT rolsuper, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = %s", CARL
    ) == [(False, False, False)]
    for attempt in (
        "SELECT pg_create_logical_replication_slot('own', 'test_decoding')",
        "SELECT * FROM pgmask_private.peek_notes('0/0', NULL, 1)",
        "SELECT pgmask_private.move_slot('0/FFFFFFFF')",
        "SELECT pgmask_private.store_notes(NULL, NULL, '{}')",
        "DELETE FROM pgmask_audit.activity",
        "UPDATE pgmask_audit.collector SET position = 'F/0'",
        "SELECT secret FROM pgmask_private.audit_key",
        "SET ROLE pgmask_slots",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            one.execute(attempt.encode())
    assert not place.rows("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'pgmask_slots'")[0][0]
    place.root.execute(f"GRANT pgmask_slots TO {CARL}".encode())  # control
    try:
        one.execute("SET ROLE pgmask_slots")
        one.execute("SELECT pg_create_logical_replication_slot('own', 'test_decoding', true)")
    finally:
        place.root.execute(f"REVOKE pgmask_slots FROM {CARL}".encode())


def test_others_do_not_collect(place: Site) -> None:
    prepare(place)
    for login in ("app", "mallory", "nightly"):
        one = place.connect(login)
        for attempt in (
            "SELECT pgmask_private.make_slot()", "SELECT pgmask_private.drop_slot()",
            "SELECT pgmask_private.release_notes()",
            "SELECT * FROM pgmask_private.collect_notes(10)",
            "SELECT * FROM pgmask_private.collect_log('n', 'f', 0, 1, '{}', '[]')",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                one.execute(attempt.encode())
    assert activity(place, "gap") == []


@pytest.mark.parametrize(("size", "many", "visits"), [(1_000_000, 5, 1), (250_000, 400, 2)])
def test_no_message_is_too_long_or_too_many(place: Site, size: int, many: int, visits: int) -> None:
    """An array ends at 1 GiB: longer ones are no notes, of others 64 MiB are taken at a time."""
    seen: list[Visit] = []
    with collecting(place) as collector:
        place.connect().execute(
            f"DO $$ BEGIN FOR n IN 1..{many} LOOP"
            f" PERFORM pg_logical_emit_message(false, 'pgmask', repeat('x', {size}));"
            " END LOOP; END $$".encode()
        )
        read(place)
        found = collector.catch_up(seen.append)
    assert found.rejected == many
    assert [v.more for v in seen] == [True] * (visits - 1) + [False]
    assert len(access(place, "statement")) == 1


def test_advisory_locks_of_others_stop_nothing(place: Site) -> None:
    held = place.connect()
    for number in (-110, -102, -101, -100, 110):
        held.execute("SELECT pg_advisory_lock(1886219115, %s)", (number,))
    with collecting(place) as collector:
        read(place)
        assert collector.catch_up().stored >= 1
        place.root.execute("SELECT pgmask_private.evaluate_alerts()")
    assert len(access(place, "statement")) == 1


def replaced(site: Site, function: str, old: str, new: str) -> None:
    """The function with a part of its body changed, as a superuser could."""
    row = site.root.execute("SELECT pg_get_functiondef(%s::regprocedure)", (function,)).fetchone()
    assert row is not None
    assert row[0].count(old) == 1
    site.root.execute(row[0].replace(old, new).encode())


def test_control_without_the_bound_all_is_taken_at_once(place: Site) -> None:
    replaced(place, "pgmask_private.peek_notes(pg_lsn, pg_lsn, integer)", "67108864", "9000000000")
    seen: list[Visit] = []
    with collecting(place) as collector:
        place.connect().execute(
            "DO $$ BEGIN FOR n IN 1..400 LOOP"
            " PERFORM pg_logical_emit_message(false, 'pgmask', repeat('x', 250000));"
            " END LOOP; END $$"
        )
        collector.catch_up(seen.append)
    assert [v.more for v in seen] == [False]


def test_control_with_an_advisory_lock_anybody_stops_it(place: Site) -> None:
    replaced(
        place, "pgmask_private.current_era()",
        "PERFORM FROM pgmask_audit.turn AS t WHERE t.name = 'era' FOR UPDATE",
        "PERFORM pg_advisory_xact_lock(1886219115, -100)",
    )  # fmt: skip
    with collecting(place):
        pass
    held = place.connect()
    held.execute("SELECT pg_advisory_lock(1886219115, -100)")
    one = carl(place)
    one.execute("SET statement_timeout = '1s'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        one.execute("SELECT pgmask_private.begin_collecting()")


def test_notes_are_left_where_nobody_else_may_emit_messages(place: Site) -> None:
    """What docs/howto/collect-the-record.md, --superuser-sql and doctor advise."""

    def advice() -> list[str]:
        with place.database.connect() as installer:
            return [f.what for f in examine(installer) if "pg_logical_emit_message" in f.what]

    assert len(advice()) == 2
    text = superuser_sql(version=place.root.info.server_version, database="x")
    for line in text.splitlines():
        if "pg_logical_emit_message" in line and not line.startswith("--"):
            place.root.execute(line.encode())
    assert advice() == []
    with collecting(place) as collector:
        for message in (FORGED, FORGED.encode()):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                emitted(place, message)
        read(place)
        assert collector.catch_up().rejected == 0
    assert len(access(place, "statement")) == 1
