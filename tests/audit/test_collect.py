"""The collector: every note becomes a row, once and in order, whatever is killed (G1, G2)."""

from __future__ import annotations

import hashlib
import hmac
import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from pgmask.audit.collect import Collector
from pgmask.errors import ServerError
from tests.attack.impersonating import designated
from tests.attack.people import OURS, PERSONAS, RICH
from tests.audit.collecting import CARL, access, activity, carl, collecting, prepare, read
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "G2")
SEARCH = "SELECT id, phone FROM crm.customer_by_phone(%s)"


def test_a_read_becomes_a_row(place: Site) -> None:
    with collecting(place) as collector:
        read(place, purpose="service")
        found = collector.catch_up()
        assert collector.visit().stored == 0
    (row,) = access(place, "statement")
    assert (row["table_id"], row["profile"], row["purpose"], row["login"], row["grade"]) == (
        "crm.customer", "agent", "service", "app", "assertion",
    )  # fmt: skip
    assert row["person_id"] == 11
    assert row["era_id"] == place.rows("SELECT max(era_id) FROM pgmask_audit.era")[0][0]
    assert abs((row["at"] - row["statement_at"]).total_seconds()) < 5
    assert found.stored == len(access(place)) + len(activity(place, "login"))


def test_customers_become_rows_of_their_own(place: Site) -> None:
    """The high-value customers that the department's statement examined."""
    place.root.execute(designated(18).encode())
    with collecting(place) as collector:
        read(place, "vera", "SELECT id FROM vip.customer")
        collector.catch_up()
    (row,) = access(place, "subject")
    assert (row["subject_class"], row["subject_key"]) == ("customer", str(RICH.id))
    (statement,) = access(place, "statement")
    named = ("statement_at", "backend", "person_id", "table_id")
    assert [row[k] for k in named] == [statement[k] for k in named]


def test_rollback_and_savepoint_take_nothing_back(place: Site) -> None:
    with collecting(place) as collector:
        app = place.connect()
        app.execute("BEGIN READ ONLY")
        place.log_in(app, "ann", strong=False)
        app.execute("SAVEPOINT s")
        app.execute("SELECT id FROM crm.customer LIMIT 1").fetchall()
        app.execute("ROLLBACK TO s")
        app.execute("ROLLBACK")
        collector.catch_up()
    assert len(access(place, "statement")) == 1


def test_two_looks_of_one_statement_are_two_rows(place: Site) -> None:
    with collecting(place) as collector:
        read(place, query="SELECT count(*) FROM crm.customer a, crm.customer b")
        assert collector.catch_up().folded == 0
    assert len(access(place, "statement")) == 2


def test_statements_that_come_in_one_message_stay_apart(place: Site) -> None:
    """All have one time of the statement: two persons, and a loop."""
    with collecting(place) as collector:
        app = place.connect()
        statements = "; ".join(
            f"BEGIN; SELECT pgmask.login('{place.token(actor)}');"
            " SELECT id FROM crm.customer LIMIT 1; COMMIT"
            for actor in ("ann", "ben")
        )
        app.execute(statements.encode())
        with place.acting("ann", strong=False) as app:
            app.execute(
                "DO $$ BEGIN FOR n IN 1..20 LOOP"
                " PERFORM FROM crm.customer WHERE id = n; END LOOP; END $$"
            )
        collector.catch_up()
    found = [r["person_id"] for r in access(place, "statement")]
    assert len(found) == 22
    assert found[:2] == [11, PERSONAS["ben"].person]


def test_log_ins_and_refusals(place: Site) -> None:
    with collecting(place) as collector:
        with pytest.raises(psycopg.Error) as refused:
            place.connect().execute("SELECT id FROM crm.customer")
        assert refused.value.sqlstate == "PM101"
        read(place)
        collector.catch_up()
    (one,) = activity(place, "refused")
    assert (one["code"], one["login"], one["person_id"]) == ("PM101", "app", None)
    assert [r["person_id"] for r in activity(place, "login")] == [11]


def test_in_the_order_of_the_log(place: Site) -> None:
    """The clock is only told; the order is where the notes lay."""
    with collecting(place) as collector:
        for at in ("2026-03-01 10:00:00.000007Z", "2025-01-01 00:00:00Z", "2026-02-01 00:00:00Z"):
            left(place, at)
        collector.catch_up()
    rows = access(place, "statement")
    assert [r["at"].year for r in rows] == [2026, 2025, 2026]
    assert rows[0]["at"].microsecond == 7
    positions = place.rows("SELECT position FROM pgmask_audit.access ORDER BY access_id")
    assert positions == place.rows("SELECT position FROM pgmask_audit.access ORDER BY position")


def test_a_month_without_partition(place: Site) -> None:
    with collecting(place) as collector:
        left(place, "2031-05-05 00:00:00Z")
        collector.catch_up()
    assert place.rows("SELECT count(*) FROM pgmask_audit.access_default") == [(1,)]


def test_partitions_are_made_ahead(place: Site) -> None:
    place.root.execute(
        "DO $$ DECLARE v name; BEGIN FOR v IN SELECT c.relname FROM pg_class AS c"
        " WHERE c.relnamespace = 'pgmask_audit'::regnamespace AND c.relkind = 'r'"
        " AND c.relname ~ '^access_2' ORDER BY 1 DESC LIMIT 3"
        " LOOP EXECUTE format('DROP TABLE pgmask_audit.%I', v); END LOOP; END $$"
    )
    ahead = "SELECT months_ahead FROM pgmask_private.collector_state()"
    before = place.rows(ahead)[0][0]
    with collecting(place):
        pass
    assert (before, place.rows(ahead)[0][0]) == (3, 6)


@pytest.mark.parametrize("at", ["begun", "stored", "committed", "released"])
def test_killed_at_every_step(place: Site, at: str) -> None:
    """What is read again is passed over by its position: exactly once."""
    with collecting(place):
        pass
    read(place)
    one = carl(place)
    one.execute("SELECT pgmask_private.begin_collecting()")
    if at != "begun":
        one.execute("BEGIN")
        found = one.execute("SELECT stored FROM pgmask_private.collect_notes(1000)").fetchone()
        assert found is not None
        assert found[0] > 0
        if at != "stored":
            one.execute("COMMIT")
        if at == "released":
            one.execute("SELECT pgmask_private.release_notes()")
    place.rows("SELECT pg_terminate_backend(%s, 5000)", one.info.backend_pid)
    assert len(access(place, "statement")) == (at in ("committed", "released"))
    read(place)
    with Collector(carl(place)) as collector:
        collector.catch_up()
    assert len(access(place, "statement")) == 2
    assert activity(place, "gap")[1:] == []


def test_killed_again_and_again(place: Site) -> None:
    """The real process, under SIGKILL, while others read: every read once."""
    prepare(place)
    words = [
        sys.executable, "-m", "pgmask", "audit", "collect", "--limit", "100", "--interval", "0.05",
    ]  # fmt: skip
    environ = os.environ | {"PGMASK_DSN": place.database.dsn(CARL)}
    with collecting(place):
        pass
    app, count = place.connect(), 0
    for turn in range(4):
        with subprocess.Popen(words, env=environ, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == b"collecting\n"
            end = time.monotonic() + 0.5 + turn / 3
            while time.monotonic() < end:
                with app.transaction():
                    place.log_in(app, "ann", strong=False)
                    for _ in range(10):
                        app.execute("SELECT id FROM crm.customer WHERE id = -1").fetchall()
                        count += 1
            process.send_signal(signal.SIGKILL)
    some = len(access(place, "statement"))
    assert 0 < some
    for _ in range(50):  # until the server has noticed the last one's end
        try:
            with Collector(carl(place)) as collector:
                collector.catch_up()
            break
        except ServerError:
            time.sleep(0.1)
    assert len(access(place, "statement")) == count


def test_one_collector_at_a_time(place: Site) -> None:
    with collecting(place), pytest.raises(ServerError) as error, Collector(carl(place)):
        pass
    assert error.value.code == "PM810"
    with Collector(carl(place)) as next_one:
        next_one.visit()


def test_a_dropped_slot_leaves_a_signed_gap(place: Site) -> None:
    with collecting(place) as collector:
        place.rows("SELECT pg_drop_replication_slot(pgmask_private.slot_name())")
        read(place)  # lost
        assert collector.visit().gap
        read(place)
        assert not collector.catch_up().gap
    assert len(access(place, "statement")) == 1
    gap = activity(place, "gap")[-1]
    said = gap["detail"]
    assert (gap["code"], said["reason"]) == ("PM812", "the slot was dropped")
    secret = bytes(place.rows("SELECT secret FROM pgmask_private.audit_key")[0][0])
    named = ("from", "to", "since", "until", "reason")
    parts = ("gap1", str(gap["era_id"]), "slot", *(said[k] for k in named))
    text = "\x1f".join(parts).encode()
    assert hmac.new(secret, text, hashlib.sha256).hexdigest() == said["mac"]


def test_a_slot_that_another_hand_moved_leaves_a_gap(place: Site) -> None:
    with collecting(place) as collector:
        read(place)
        place.root.execute("SET synchronous_commit = on")
        place.rows("SELECT pg_current_xact_id(), pg_logical_emit_message(true, 'other', 'flush')")
        place.rows(
            "SELECT pg_replication_slot_advance(pgmask_private.slot_name(), pg_current_wal_lsn())"
        )
        assert collector.visit().gap
    assert access(place, "statement") == []
    assert "another hand" in activity(place, "gap")[-1]["detail"]["reason"]


def test_small_bites_give_the_same(place: Site) -> None:
    with collecting(place, limit=3) as collector:
        for _ in range(4):
            read(place)
        found = collector.catch_up()
    assert len(access(place, "statement")) == 4
    assert found.stored == len(access(place)) + len(activity(place, "login"))


def test_a_statement_that_takes_too_long_gets_smaller(place: Site) -> None:
    prepare(place)
    with Collector(carl(place), patience=0.4) as collector:
        collector.set_up()
        collector.catch_up()
        for _ in range(30):
            read(place)
        place.root.execute(  # each row of the record takes 20 ms
            "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END';"
            " CREATE TRIGGER slow BEFORE INSERT ON pgmask_audit.access FOR EACH ROW"
            " EXECUTE FUNCTION public.slow();"
        )
        collector._limit, collector._most = 640, 640
        import pgmask.audit.collect as module

        least, module._LEAST = module._LEAST, 10  # type: ignore[misc]
        try:
            collector.catch_up()
        finally:
            module._LEAST = least  # type: ignore[misc]
    assert len(access(place, "statement")) == 30


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_searches_stand_by_their_tickets(place: Site, end: str) -> None:
    """On record by the ticket; where that was rolled back, by the note."""
    with collecting(place) as collector:
        app = place.connect()
        app.execute("BEGIN")
        place.log_in(app)
        app.execute(SEARCH.encode(), (OURS.phone,))
        collector.catch_up()  # the ticket is not committed yet
        assert activity(place, "search") == []
        assert place.rows("SELECT count(*) FROM pgmask_audit.search_note") == [(1,)]
        app.execute(end.encode())
        collector.catch_up()
        assert place.rows("SELECT count(*) FROM pgmask_audit.search_note") == [(0,)]
    tickets = place.rows("SELECT count(*) FROM pgmask_audit.ticket WHERE kind = 'search'")[0][0]
    found = activity(place, "search")
    assert (tickets, len(found)) == ((1, 0) if end == "COMMIT" else (0, 1))
    for one in found:
        assert (one["person_id"], one["object"], one["detail"]["column"]) == (
            11, "crm.customer", "phone",
        )  # fmt: skip
        assert OURS.phone not in str(one)


def test_backups_are_noted(place: Site) -> None:
    with collecting(place) as collector:
        place.database.program("pg_dump", "--enable-row-security", user="nightly")
        collector.catch_up()
    rows = access(place, "backup")
    tables = [t for (t,) in place.rows("SELECT table_id FROM pgmask_private.store_table")]
    filled = {r["table_id"] for r in rows}
    assert {"crm.customer", "crm.policy"} <= filled <= set(tables)
    assert {r["login"] for r in rows} == {"nightly"}
    statements = {(r["table_id"], r["backend"], r["statement_at"]) for r in rows}
    assert len(rows) == len(statements), rows


def left(site: Site, at: str) -> None:
    """A note as of another time, signed: what a server whose clock was wrong would leave."""
    site.rows(
        r"""
        WITH body AS (
          SELECT regexp_replace(
                   substr(pgmask_private.sign_note('statement', NULL, 'crm.customer', NULL, NULL,
                                                   NULL, false), 65),
                   E'^(\x1Fn1\x1F[^\x1F]*\x1F[^\x1F]*\x1F)[^\x1F]*',
                   E'\\1' || (extract(epoch FROM %s::timestamptz) * 1000000)::bigint) AS text)
        SELECT pgmask_private.leave_note(
                 encode(pgmask_crypto.hmac(convert_to(b.text, 'UTF8'), k.secret, 'sha256'), 'hex')
                 || b.text)
          FROM body AS b, pgmask_private.audit_key AS k
        """,
        at,
    )
