"""pgmask seal: batches while the table is in use, killed and resumed, verified, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from datetime import time as clock

import psycopg
import pytest

from pgmask.apply.seal import Progress, seal_rows
from pgmask.apply.seal_finish import estimate, remains, verify
from pgmask.apply.seal_table import SealTable
from pgmask.apply.throttle import Limits, Throttle
from pgmask.compile.sealing_spec import SealSpec
from pgmask.errors import KeyFault, PgmaskError, Refused
from pgmask.keyfile import KeyFile
from tests.harness import Connection, Database, Server
from tests.sealing import tables
from tests.sealing.conftest import SealedDatabase, load_key, register_key, run_sql

ROWS = 600
CUSTOMER = SealTable(spec=tables.CUSTOMER)
POLICY = SealTable(spec=tables.POLICY)
FILL = f"""
INSERT INTO crm_store.customer
  (id, customer_no, name, phone, email, bank, birth, health, grade, note)
SELECT i, 'C' || i, '王小' || i, '138' || lpad(i::text, 8, '0'), 'user' || i || '@example.com',
       '622202' || lpad(i::text, 10, '0'), '1980-01-01', CASE WHEN i % 2 = 0 THEN 'asthma' END,
       CASE WHEN i % 50 = 0 THEN 'diamond' END, '138' || lpad(i::text, 8, '0')
  FROM generate_series(1, {ROWS}) i;
INSERT INTO crm_store.policy (no, holder_id, insured_id, value, paid, remark)
SELECT 'p' || i, i, 1 + i % {ROWS}, 'value ' || i, i, 'remark'
  FROM generate_series(1, {ROWS}) i;
"""


@pytest.fixture
def legacy(server: Server, the_key: KeyFile) -> Iterator[SealedDatabase]:
    """Tables that were filled in plain text before they got their triggers."""

    def prepare(database: Database) -> None:
        with database.connect() as connection:
            run_sql(connection)
            register_key(connection, the_key)
            connection.execute(tables.TABLES.encode())
            connection.execute(tables.SLOT.encode())
            connection.execute(FILL.encode())
            tables.seal_table(connection, tables.CUSTOMER, tables.POLICY)
            connection.execute(tables.VIEWS.encode())
            tables.protect(connection, (tables.CUSTOMER, tables.POLICY))

    with server.database(template=server.template("legacy", prepare)) as made:
        yield SealedDatabase(made, the_key)


@pytest.fixture
def installer(legacy: SealedDatabase) -> Connection:
    """The connection that seals."""
    return legacy.database.connect(autocommit=True)


def _plain_left(crm: SealedDatabase) -> int:
    row = crm.root.execute(
        "SELECT count(*) FROM crm_store.customer WHERE strpos(phone, '*') = 0"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _as_before(crm: SealedDatabase, *statements: str) -> None:
    """Change rows as they were before the table was protected."""
    root = crm.root
    names = root.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'crm_store.customer'::regclass"
        " AND conname LIKE 'pgmask%'"
    ).fetchall()
    for (name,) in names:
        root.execute(f"ALTER TABLE crm_store.customer DROP CONSTRAINT {name}".encode())
    root.execute("ALTER TABLE crm_store.customer DISABLE TRIGGER USER")
    for statement in statements:
        root.execute(statement.encode())
    root.execute("ALTER TABLE crm_store.customer ENABLE ALWAYS TRIGGER zzz_pgmask_insert,"
                 " ENABLE ALWAYS TRIGGER zzz_pgmask_update")  # fmt: skip


@pytest.mark.requirement("F1", "B1", "D2")
def test_everything_is_sealed_and_verified(legacy: SealedDatabase, installer: Connection) -> None:
    """All rows, shadows and flags; every truth is what was there; nothing is left to do."""
    seen: list[Progress] = []
    done = seal_rows(installer, CUSTOMER, batch_rows=100, report=seen.append)
    assert done.rows == ROWS
    assert not done.refused
    assert seen[0].done == 0
    assert seen[-1].done == ROWS == seen[-1].total
    for key in (1, 50, ROWS):
        truth = legacy.truth(key)
        assert (truth["phone"],) == legacy.stored("note", key)
    assert legacy.stored("name, birth, health, pgmask_shadow_health", 50) == (
        "王***", None, "******", "******")  # fmt: skip
    rows = legacy.root.execute(
        "SELECT count(*) FROM crm_store.policy WHERE pgmask_high_value"
    ).fetchone()
    assert rows == (2 * ROWS // 50,)
    seal_rows(installer, POLICY, batch_rows=250)
    dsn = legacy.database.dsn()
    for table in (CUSTOMER, POLICY):
        assert verify(dsn, table) == ()
        assert seal_rows(installer, table).rows == 0
    assert legacy.wrong() == []


@pytest.mark.requirement("F1")
def test_verification_names_what_does_not_hold(
    legacy: SealedDatabase, installer: Connection
) -> None:
    """A mask, a blind index, a sealed value and a data key changed by hand are found, by key."""
    seal_rows(installer, CUSTOMER)
    root = legacy.root
    root.execute("ALTER TABLE crm_store.customer DISABLE TRIGGER USER")
    root.execute("UPDATE crm_store.customer SET phone = '139****0000' WHERE id = 1")
    root.execute("UPDATE crm_store.customer SET pgmask_bidx_phone = 5 WHERE id = 2")
    root.execute("UPDATE crm_store.customer a SET pgmask_sealed = b.pgmask_sealed"
                 " FROM crm_store.customer b WHERE a.id = 3 AND b.id = 4")  # fmt: skip
    root.execute("DELETE FROM pgmask_private.data_key WHERE subject_key = '5'")
    root.execute("UPDATE pgmask_private.data_key SET state = 'erased', wrapped = NULL"
                 " WHERE subject_key = '6'")  # fmt: skip
    assert verify(legacy.database.dsn(), CUSTOMER, workers=3) == (
        (("1",), "mask:phone"), (("2",), "index:phone"), (("3",), "unopened"), (("5",), "key:own"),
    )  # fmt: skip


@pytest.mark.requirement("F1")
def test_goes_on_where_it_was_killed(legacy: SealedDatabase) -> None:
    """Kill -9 in the middle loses nothing; the next run does the rest and no more."""
    code = (
        "import psycopg, sys, time\n"
        "from pgmask.apply.seal import seal_rows\n"
        "from tests.sealing.test_seal import CUSTOMER\n"
        "c = psycopg.connect(sys.argv[1], autocommit=True)\n"
        "seal_rows(c, CUSTOMER, batch_rows=20, report=lambda p: (print(p.done, flush=True),"
        " time.sleep(0.05)))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, legacy.database.dsn()],
        stdout=subprocess.PIPE, text=True, cwd=os.getcwd(),
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 100:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    left = _plain_left(legacy)
    assert 0 < left < ROWS
    legacy.app.execute("UPDATE crm.customer SET note = note WHERE id = 400")  # seals it as well
    assert "*" in str(legacy.stored("phone", 400)[0])
    left = _plain_left(legacy)
    connection = legacy.database.connect(autocommit=True)
    for _ in range(50):  # the dead client's backend ends and frees the table
        try:
            assert seal_rows(connection, CUSTOMER, batch_rows=100).rows == left
            break
        except Refused:
            time.sleep(0.1)
    assert _plain_left(legacy) == 0
    assert legacy.truth(ROWS)["phone"] == f"138{ROWS:08d}"
    assert verify(legacy.database.dsn(), CUSTOMER) == ()


@pytest.mark.requirement("F1", "F3")
def test_the_table_stays_in_use(legacy: SealedDatabase, installer: Connection) -> None:
    """Applications write, hold rows and insert meanwhile; every truth is the last one written."""
    stop = threading.Event()
    written: dict[int, str] = {}

    def work() -> None:
        with psycopg.connect(legacy.database.dsn("app"), autocommit=True) as app:
            number = 0
            while not stop.is_set():
                number += 1
                key = number * 37 % ROWS + 1
                phone = f"139{number:08d}"
                app.execute("UPDATE crm.customer SET phone = %s WHERE id = %s", (phone, key))
                written[key] = phone
                app.execute(
                    "INSERT INTO crm.customer (id, phone) VALUES (%s, %s)", (10_000 + number, phone)
                )

    held = legacy.database.connect("app")
    held.execute("SELECT FROM crm.customer WHERE id = 7 FOR UPDATE")
    threading.Timer(1.0, held.rollback).start()
    worker = threading.Thread(target=work)
    worker.start()
    try:
        done = seal_rows(installer, CUSTOMER, batch_rows=50)
    finally:
        stop.set()
        worker.join()
    assert not done.refused
    assert _plain_left(legacy) == 0
    for key, phone in written.items():
        assert legacy.truth(key)["phone"] == phone
    assert legacy.truth(7)["phone"] in (written.get(7), "13800000007")
    assert verify(legacy.database.dsn(), CUSTOMER) == ()


@pytest.mark.requirement("F4")
def test_rows_that_cannot_be_sealed_are_named(
    legacy: SealedDatabase, installer: Connection
) -> None:
    """Two rows with one unique number: the second is named by key, never by value."""
    _as_before(
        legacy,
        "UPDATE crm_store.customer SET id_no = '11010519491231002X' WHERE id = 10",
        "UPDATE crm_store.customer SET id_no = '11010519491231002x' WHERE id IN (300, 301)",
    )
    done = seal_rows(installer, CUSTOMER)
    assert [(r.key, r.code, r.object) for r in done.refused] == [
        (("300",), "23505", "customer_id_no_key"), (("301",), "23505", "customer_id_no_key"),
    ]  # fmt: skip
    assert done.rows == ROWS - 2
    assert _plain_left(legacy) == 2
    _as_before(legacy, "UPDATE crm_store.customer SET id_no = NULL WHERE id IN (300, 301)")
    again = seal_rows(installer, CUSTOMER)
    assert not again.refused
    assert _plain_left(legacy) == 0


@pytest.mark.requirement("F4")
def test_old_values_are_flagged_not_refused(legacy: SealedDatabase, installer: Connection) -> None:
    """What an old row brings along is sealed as it is: invalid, or with an asterisk in it."""
    _as_before(
        legacy,
        "UPDATE crm_store.customer SET email = 'a*b' WHERE id = 1",
        "UPDATE crm_store.customer SET email = 'nobody' WHERE id = 2",
    )
    assert not seal_rows(installer, CUSTOMER).refused
    assert legacy.truth(1)["email"] == "a*b"
    assert legacy.truth(2)["email"] == "nobody"
    assert legacy.stored("email, pgmask_quality", 1) == ("***", ["email:form"])
    assert legacy.stored("pgmask_quality", 2) == (["email:form"],)
    assert verify(legacy.database.dsn(), CUSTOMER) == ()


@pytest.mark.requirement("F1")
def test_without_the_key(legacy: SealedDatabase, installer: Connection) -> None:
    """Nothing is sealed and nothing lost without the key; with it the run goes on."""
    legacy.root.execute("DELETE FROM pgmask_private.loaded_key")
    with pytest.raises(KeyFault) as refused:
        seal_rows(installer, CUSTOMER)
    assert refused.value.code == "PM310"
    assert _plain_left(legacy) == ROWS
    load_key(legacy.root, legacy.key)
    assert seal_rows(installer, CUSTOMER).rows == ROWS


@pytest.mark.requirement("F1")
def test_one_at_a_time(legacy: SealedDatabase, installer: Connection) -> None:
    """A second run at the same table is refused; the first is not disturbed."""
    other = legacy.database.connect(autocommit=True)
    caught: list[PgmaskError] = []

    def meet(progress: Progress) -> None:
        if not caught:
            with pytest.raises(Refused) as refused:
                seal_rows(other, CUSTOMER)
            caught.append(refused.value)

    assert seal_rows(installer, CUSTOMER, report=meet).rows == ROWS
    assert caught[0].code == "PM323"


@pytest.mark.requirement("F1")
def test_server_goes_away(legacy: SealedDatabase) -> None:
    """The backend is ended in the middle: a clear error, and the next run finishes."""
    connection = legacy.database.connect(autocommit=True)
    pid = connection.info.backend_pid

    def end(progress: Progress) -> None:
        if progress.done >= 100:
            legacy.root.execute("SELECT pg_terminate_backend(%s)", (pid,))

    with pytest.raises(PgmaskError) as stopped:
        seal_rows(connection, CUSTOMER, batch_rows=50, report=end)
    assert stopped.value.code == "PM323"
    assert 0 < _plain_left(legacy) < ROWS
    again = legacy.database.connect(autocommit=True)
    seal_rows(again, CUSTOMER)
    assert _plain_left(legacy) == 0


@pytest.mark.requirement("F1")
def test_disk_full(legacy: SealedDatabase, installer: Connection) -> None:
    """No room in the middle: said as it is, nothing lost, the next run goes on."""
    legacy.root.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.id = 250 THEN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END IF;"
        " RETURN NEW; END $$;"
        " CREATE TRIGGER aaa BEFORE UPDATE ON crm_store.customer"
        " FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
    with pytest.raises(PgmaskError) as stopped:
        seal_rows(installer, CUSTOMER, batch_rows=100)
    assert stopped.value.code == "PM323"
    assert "disk is full" in stopped.value.message
    assert _plain_left(legacy) == ROWS - 200
    legacy.root.execute("DROP TRIGGER aaa ON crm_store.customer")
    assert seal_rows(installer, CUSTOMER, batch_rows=100).rows == ROWS - 200


@pytest.mark.requirement("F1")
def test_estimate_changes_nothing(legacy: SealedDatabase, installer: Connection) -> None:
    """A sample is sealed, measured and undone."""
    found = estimate(installer, CUSTOMER, sample=100)
    assert (found.rows, found.sample) == (ROWS, 100)
    assert found.seconds > 0
    assert found.wal > 0
    assert found.growth > 0
    assert found.size > 0
    assert _plain_left(legacy) == ROWS
    assert legacy.root.execute("SELECT count(*) FROM pgmask_private.data_key").fetchone() == (0,)
    left = remains(installer, CUSTOMER)
    assert left.replicas == 0


def test_throttle_waits_for_hours_and_wal(keyed: Database) -> None:
    """Outside of its hours it waits; a WAL rate slows it down; both say for what."""
    connection = keyed.connect(autocommit=True)
    times = iter([datetime(2026, 1, 1, 21, 59), datetime(2026, 1, 1, 22, 0)])
    said: list[str] = []
    slept: list[float] = []
    night = Limits(between=(clock(22), clock(5)))
    Throttle(connection, night, now=lambda: next(times), sleep=slept.append).wait(said.append)
    assert said == ["the hours allowed"]
    assert slept == [10.0]
    inside = iter([datetime(2026, 1, 1, hour) for hour in (23, 0, 4)])
    for _ in range(3):
        Throttle(connection, night, now=lambda: next(inside)).wait(said.append)
    slow = Throttle(connection, Limits(max_wal_rate=1000.0), sleep=slept.append)
    connection.execute("CREATE TABLE w AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
    slow.wait(said.append)
    assert said[1:] == ["the WAL rate"]
    assert slept[1] == 10.0


def test_specs_are_values() -> None:
    """The same spec gives the same functions, byte for byte."""
    from pgmask.compile.sealing_objects import objects

    spec: SealSpec = tables.CUSTOMER
    assert [o.desired_hash for o in objects(spec)] == [o.desired_hash for o in objects(spec)]
