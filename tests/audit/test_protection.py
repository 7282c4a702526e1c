"""The record blinded between two batches is a finding; ordinary life is none (G2).

Every attack is made by a superuser between two seals, and leaves the rows that are sealed alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pgmask.audit.batch import Batch
from pgmask.keyfile import KeyFile
from pgmask.migrate.window import close_windows, duration, open_window
from pgmask.runtime import install
from pgmask.server import connect
from tests.attack import place
from tests.audit.record import Record, said
from tests.harness import Database, Server
from tests.reveal.site import FIXTURES, Site

pytestmark = pytest.mark.requirement("G2")


@pytest.fixture
def record(installed: Database, tmp_path: Path) -> Record:
    made = Record(installed, tmp_path)
    made.write(3)
    return made


REPLACED = {
    "leave_note": "pgmask_private.leave_note(p_note text) RETURNS boolean LANGUAGE sql"
    " SECURITY DEFINER AS 'SELECT true'",
    "verified_notes": "pgmask_private.verified_notes(p_positions pg_lsn[], p_notes bytea[],"
    " OUT reads text[], OUT reads_at pg_lsn[], OUT others text[], OUT others_at pg_lsn[],"
    " OUT said bigint, OUT rejected bigint) LANGUAGE sql AS"
    " $$ SELECT '{}'::text[], '{}'::pg_lsn[], '{}'::text[], '{}'::pg_lsn[], 0, 0 $$",
    "refuse_record_change": "pgmask_private.refuse_record_change() RETURNS trigger"
    " LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "an overloaded one": "pgmask_private.leave_note(p_note varchar) RETURNS boolean LANGUAGE sql"
    " AS 'SELECT true'",
}  # fmt: skip
EATS = (
    "CREATE FUNCTION public.eat() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN IF NEW.login = 'app' THEN RETURN NULL; END IF; RETURN NEW; END $$;"
    "CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION public.eat();"
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
)
NEXT = "SELECT pgmask_private.make_partition('access', 'access_2030_01', '2030-01-01');"
ATTACKS = {
    "a trigger that eats rows": EATS.format(name="zz", table="pgmask_audit.access"),
    "of our name, on a new month": NEXT + EATS.format(
        name="a_never_emptied_2", table="pgmask_audit.access_2030_01"
    ),
    "a rule": "CREATE RULE r AS ON INSERT TO pgmask_audit.change DO INSTEAD NOTHING",
    "a right": "GRANT INSERT, UPDATE, DELETE ON pgmask_audit.change TO app",
    "a right on a new month": NEXT + "GRANT INSERT ON pgmask_audit.access_2030_01 TO app",
    "a right on a column": "GRANT UPDATE (login) ON pgmask_audit.change TO app",
    "a right to make functions": "GRANT CREATE ON SCHEMA pgmask_private TO app",
    "a check": "ALTER TABLE pgmask_audit.access ADD CHECK (login <> 'nobody') NOT VALID",
    "a default": "ALTER TABLE pgmask_audit.change ALTER COLUMN era_id SET DEFAULT 7",
    "a policy": "CREATE POLICY p ON pgmask_audit.leaf USING (true)",
    "a partition of somebody's": "CREATE TABLE public.away PARTITION OF pgmask_audit.access"
    " FOR VALUES FROM ('2031-01-01') TO ('2031-02-01')",
    "the key of texts": "UPDATE pgmask_audit.note_rule SET text_key = '\\x01', text_key_id = 'ab'",
    **{f"function {name}": f"CREATE OR REPLACE FUNCTION {sql}" for name, sql in REPLACED.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_blinded_between_two_batches(record: Record, name: str) -> None:
    record.seal()
    record.root.execute(ATTACKS[name].encode())
    assert {f.kind for f in record.found()} == {"protection"}, "since the last batch"
    record.root.execute("SELECT pg_current_xact_id()")
    made = record.seal()
    assert any(change.weaker for change in made.changes)
    assert {(f.kind, f.batch) for f in record.found()} == {("protection", 2)}


@pytest.mark.parametrize("role", ["pgmask_owner", "pgmask_store"])
def test_somebody_became_a_member(record: Record, role: str) -> None:
    record.seal()
    record.root.execute(f"GRANT {role} TO app".encode())
    try:
        record.seal(idle=timedelta(0))
        (finding,) = record.found()
        assert finding.detail.startswith(f"members: app of {role} added")
    finally:
        record.root.execute(f"REVOKE {role} FROM app".encode())


def test_a_disabled_event_trigger(record: Record) -> None:
    record.root.execute("SELECT pgmask_private.watch_definitions()")
    record.seal()
    record.root.execute("ALTER EVENT TRIGGER pgmask_record_drop DISABLE")
    record.seal(idle=timedelta(0))
    assert [f.kind for f in record.found()] == ["protection"]


def test_a_replaced_function_after_an_upgrade(record: Record) -> None:
    """The control of replaced functions: an installation is on record between the two batches."""
    record.seal()
    with record.root.transaction():
        record.root.execute(f"CREATE OR REPLACE FUNCTION {REPLACED['leave_note']}".encode())
        record.root.execute(
            "SELECT pgmask_private.record_activity('command', 'install',"
            ' \'{"of": "install", "was": "0000", "revision": "0001"}\')'
        )
    record.seal()
    report = record.report()
    assert report.findings == ()
    assert any("leave_note" in note and "install by postgres" in note for note in report.notes)
    # It explains its own time and no later one.
    record.root.execute(f"CREATE OR REPLACE FUNCTION {REPLACED['verified_notes']}".encode())
    record.seal(idle=timedelta(0))
    assert [f.kind for f in record.found()] == ["protection"]


def test_a_row_that_is_sealed_later_explains(record: Record) -> None:
    """An older transaction keeps the row from the batch that sees what it explains."""
    record.seal()
    other = record.database.connect("postgres")
    record.root.execute("SELECT pg_current_xact_id()")
    record.write(1)
    other.execute("SELECT pg_current_xact_id()")  # stays open
    with record.root.transaction():
        record.root.execute(f"CREATE OR REPLACE FUNCTION {REPLACED['leave_note']}".encode())
        record.root.execute(
            "SELECT pgmask_private.record_activity('command', '1', '{\"of\": \"deployment_step\"}')"
        )
    record.seal()
    assert record.found() == []
    other.commit()
    record.seal(idle=timedelta(0))
    assert record.found() == []


def test_evidence_that_was_deleted(record: Record) -> None:
    record.seal()
    record.root.execute("ALTER TABLE pgmask_audit.change DISABLE TRIGGER a_only_added")
    record.write(1)
    record.seal()
    record.root.execute("ALTER TABLE pgmask_audit.change ENABLE ALWAYS TRIGGER a_only_added")
    record.write(1)
    record.seal()
    assert {(f.kind, f.batch) for f in record.found()} == {("protection", 2)}
    with record.tampering("superuser") as hand:
        hand.execute(
            "DELETE FROM pgmask_audit.fingerprint"
            " WHERE lines LIKE '%pgmask_audit.change a_only_added' || chr(9) || 'D %'"
        )
    assert [(f.kind, f.batch, f.detail) for f in record.found()] == [("lines", 2, "triggers")]
    with record.tampering("superuser") as hand:
        hand.execute("UPDATE pgmask_audit.fingerprint SET lines = '' WHERE part = 'roles'")
    assert {f.detail for f in record.found()} == {"triggers", "roles"}


@pytest.fixture
def place_(server: Server, tmp_path: Path) -> Iterator[Record]:
    """An application's schema and the runtime; sealed before anything is protected."""
    with server.database() as database:
        place.make_schema(database)
        database.run((FIXTURES / "claim.sql").read_text("utf-8"))
        install(database.dsn())
        made = Record(database, tmp_path)
        made.seal()
        yield made


def test_ordinary_life(place_: Record, one_by_one: Path) -> None:
    """Deployments, rows sealed, rights of profiles, the register, months to come: no finding."""
    record, database = place_, place_.database
    place.fill_register(database)
    place.register_key(database, KeyFile.new(1))
    record.seal(idle=timedelta(0))
    place.protect(database, FIXTURES / "catalogue.yml")
    assert record.found() == [], "not sealed yet"
    record.seal(idle=timedelta(0))
    place.seal(database)
    record.seal(idle=timedelta(0))
    for statement in (
        "GRANT pgmask_agent TO app", "GRANT pgmask_record_auditor TO app",
        "SELECT pgmask_private.ensure_partitions(9)",
        "SELECT pgmask.set_retention('access', '4 years')",
        "ALTER ROLE pgmask_slots REPLICATION",
        "SELECT pgmask_private.watch_definitions()",
    ):  # fmt: skip
        record.root.execute(statement.encode())
        record.seal(idle=timedelta(0))
    record.root.execute("REVOKE pgmask_record_auditor FROM app")
    place.protect(database, one_by_one)
    record.seal(idle=timedelta(0))
    report = record.report()
    assert report.findings == ()
    assert any("policies: " in note and "deployment" in note for note in report.notes)
    # The control: what a deployment may do is a finding where none is on record.
    record.root.execute("DROP POLICY pgmask_agent_update ON crm_store.customer")
    record.seal(idle=timedelta(0))
    assert {f.kind for f in record.found()} == {"protection"}


def test_labels_of_a_type(place_: Record) -> None:
    record = place_
    record.root.execute(
        "CREATE TYPE crm.mood AS ENUM ('good', 'bad'); CREATE TABLE crm.felt (m crm.mood);"
        "ALTER TABLE crm.felt OWNER TO pgmask_store"
    )
    record.seal(idle=timedelta(0))
    record.root.execute("ALTER TYPE crm.mood ADD VALUE 'fair' BEFORE 'bad'")
    record.seal(idle=timedelta(0))
    assert record.found() == []
    record.root.execute("ALTER TYPE crm.mood RENAME VALUE 'bad' TO 'worse'")
    record.seal(idle=timedelta(0))
    (finding,) = record.found()
    assert "labels: crm.mood changed" in finding.detail


def test_the_key_of_texts_and_who_set_it(record: Record) -> None:
    record.seal()
    with record.root.transaction():
        record.root.execute(
            "UPDATE pgmask_audit.note_rule SET text_key = '\\x01', text_key_id = 'ab'"
        )
        record.root.execute(
            "SELECT pgmask_private.record_activity('key', 'text', '{\"set\": \"ab\"}')"
        )
    record.seal()
    assert record.found() == []
    record.root.execute("UPDATE pgmask_audit.note_rule SET text_key = '\\x02', text_key_id = 'cd'")
    record.seal(idle=timedelta(0))
    assert [f.kind for f in record.found()] == ["protection"]


def _era(record: Record, ids: str) -> None:
    record.root.execute(
        "INSERT INTO pgmask_audit.era (system_identifier, timeline, reason, last_ids)"
        f" SELECT system_identifier, timeline, 'restore', {ids} FROM pgmask_audit.era"
        " ORDER BY era_id DESC LIMIT 1".encode()
    )


def test_a_true_line_of_the_same_protection(record: Record) -> None:
    first = record.seal()
    _era(record, "pgmask_private.record_numbers()")
    record.write(2)
    made = record.seal()
    assert made.header.line > first.header.line
    assert made.header.fingerprint == first.header.fingerprint
    assert record.found() == []


def test_a_false_era_is_named_and_no_row(record: Record) -> None:
    record.seal()
    _era(
        record,
        "(SELECT jsonb_object_agg(k, 1000000000) FROM jsonb_object_keys("
        "pgmask_private.record_numbers()) AS k)",
    )
    record.write(2)
    made = record.seal()
    record.write(2)
    record.seal(idle=timedelta(0))
    (finding,) = record.found()
    assert (finding.kind, finding.batch) == ("era", 2)
    assert f"era {made.header.line}: access 1000000000 for 3" in finding.detail
    assert "6 rows are in no batch" in finding.detail


@pytest.mark.parametrize("kind", ["whole", "garbled"])
def test_a_batch_of_nobody(record: Record, kind: str) -> None:
    """Whoever may add batches adds one without the key: it is named, the others are checked."""
    first = record.seal()
    record.root.execute("SELECT pg_current_xact_id()")
    header = {
        "format": "pgmask-batch-1", "batch": 2, "previous": first.batch.digest,
        "era": first.header.era, "system": first.header.system, "line": 1,
        "floors": dict(first.header.floors), "xid_from": first.header.xid_to,
        "xid_to": first.header.xid_to, "key": first.header.key, "parts": [],
        "made_at": "2099-01-01T00:00:00Z", "fingerprint": {}, "numbers": {"access": 1 << 40},
    }  # fmt: skip
    if kind == "garbled":
        header |= {"fingerprint": 5, "numbers": []}
    record.keeper.execute(
        "SELECT pgmask_private.add_batch(%s, %s, %s, '{}', '{}', '{}', '{}')",
        (json.dumps(header), first.header.key, b"\0" * 64),
    )
    junk = [("signature", "", None)]
    assert said(record.found()) == junk
    record.write(2)
    made = record.seal()
    assert made.header.previous == Batch(text=json.dumps(header), key_id="", signature=b"").digest
    assert said(record.found()) == junk
    with record.tampering("superuser") as hand:
        hand.execute("UPDATE pgmask_audit.access SET person_id = 9 WHERE access_id = 5")
    assert said(record.found()) == [*junk, ("edited", "access", 5)]


BACKDATED = (
    "INSERT INTO pgmask_audit.{table} (at, era_id, {more}, login, backend{names})"
    " VALUES (now() - interval '{ago}', 1, {values}, 'innocent', 5{moment})"
)
KINDS = {
    "change": {"more": "operation, table_id", "values": "'update', 'crm.customer'",
               "names": ", statement_at", "moment": ", now()"},
    "activity": {"more": "kind", "values": "'login'", "names": "", "moment": ""},
}  # fmt: skip


@pytest.mark.parametrize("table", KINDS)
def test_a_back_dated_row(record: Record, table: str) -> None:
    def insert(ago: str) -> None:
        query = BACKDATED.format(table=table, ago=ago, **KINDS[table])
        hand = record.database.connect("installer", autocommit=True)
        hand.execute("SET ROLE pgmask_owner")
        hand.execute(query.encode())

    record.seal()
    insert("2 minutes")
    record.seal()
    assert record.found() == []
    number = record.id_of(table, f"max({table}_id)")
    insert("400 days")
    record.seal()
    assert [f.kind for f in record.found()] == ["backdated"]
    assert said(record.found()) == [("backdated", table, number + 1)]
    with record.tampering("superuser") as hand:  # named as the one or the other
        hand.execute(
            f"UPDATE pgmask_audit.{table} SET backend = 6 WHERE {table}_id > {number}".encode()
        )
    assert said(record.found()) == [("edited", table, number + 1)]


def test_a_long_transaction_is_not_back_dated(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are sealed a batch later; their numbers were given out when they say."""
    monkeypatch.setattr("pgmask.audit.rows.LATE", timedelta(0))
    record.seal()
    other = record.database.connect("postgres")
    record.write(1)
    record.write(1, by=other)
    record.seal()
    other.commit()
    made = record.seal(idle=timedelta(0))
    assert {part.table: part.rows for part in made.header.parts}["change"] == 1
    assert record.found() == []
    # The control: the same time under a number that was given out later.
    record.root.execute(
        "INSERT INTO pgmask_audit.change (at, era_id, operation, table_id, login, backend,"
        " statement_at) SELECT c.at, 1, 'update', 'crm.customer', 'app', 5, now()"
        " FROM pgmask_audit.change AS c ORDER BY change_id DESC LIMIT 1"
    )
    record.seal(idle=timedelta(0))
    assert [f.kind for f in record.found()] == ["backdated"]


def _migrate(record: Record) -> None:
    with record.database.connect("olga") as olga:
        olga.execute("SELECT pgmask.detach('crm.customer')")
        olga.execute("SET LOCAL ROLE pgmask_store")
        olga.execute("ALTER TABLE crm_store.customer ADD COLUMN colour text")
        olga.execute("RESET ROLE")
        olga.execute("SELECT pgmask.attach('crm.customer')")
    record.seal(idle=timedelta(0))


def test_a_migration(site: Site, tmp_path: Path) -> None:
    """A window makes a login a member of the stores' owner; what it leaves names the window."""
    record = Record(site.database, tmp_path)
    record.seal()
    with connect(site.database.dsn(), autocommit=True) as officer:
        open_window(officer, login="olga", owner="pgmask_store", ticket="T", length=duration("5m"))
    try:
        record.seal(idle=timedelta(0))
        _migrate(record)
    finally:
        with connect(site.database.dsn(), autocommit=True) as officer:
            close_windows(officer, login="olga")
    record.seal(idle=timedelta(0))
    report = record.report()
    assert report.findings == ()
    assert any("olga of pgmask_store added" in n and "window" in n for n in report.notes)


def test_a_migration_by_a_member_of_old(site: Site, tmp_path: Path) -> None:
    """Without a window of pgmask's: detach and attach are on record themselves."""
    record = Record(site.database, tmp_path)
    record.root.execute("GRANT pgmask_store TO olga")
    try:
        record.seal()
        _migrate(record)
        report = record.report()
    finally:
        record.root.execute("REVOKE pgmask_store FROM olga")
    assert report.findings == ()
    assert any("views: crm.customer changed" in n and "migration" in n for n in report.notes)
