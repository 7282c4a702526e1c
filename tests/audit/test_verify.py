"""Tampering with a sealed record by whoever owns it: verification names the very row (G2).

Every attack runs as the owner of the tables and as a superuser. Its control is the same attack
where the one thing that finds it is not there: before the seal, without an anchor, with the other's
key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pgmask.audit.anchors import leave, read
from tests.audit.record import Record, said
from tests.harness import Connection, Database

pytestmark = pytest.mark.requirement("G2")
WHO = pytest.mark.parametrize("who", ["owner", "superuser"])


@pytest.fixture
def record(installed: Database, tmp_path: Path) -> Record:
    made = Record(installed, tmp_path)
    made.write(5)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """run: what is done to sealed rows; found: kind, table and number, of what is then named."""

    run: Callable[[Record, Connection], None]
    found: list[tuple[str, str, int | None]]


def _do(*statements: str) -> Callable[[Record, Connection], None]:
    def run(record: Record, hand: Connection) -> None:
        for statement in statements:
            hand.execute(statement.encode())

    return run


ATTACKS = {
    "edit": Attack(
        run=_do("UPDATE pgmask_audit.access SET subject_key = 'other' WHERE access_id = 2"),
        found=[("edited", "access", 2)],
    ),
    "edit the time": Attack(
        run=_do("UPDATE pgmask_audit.change SET at = at + interval '1 us' WHERE change_id = 4"),
        found=[("edited", "change", 4)],
    ),
    "edit into another month": Attack(
        run=_do("UPDATE pgmask_audit.access SET at = at - interval '400 days' WHERE access_id = 1"),
        found=[("edited", "access", 1)],
    ),
    "edit a ticket": Attack(
        run=_do("UPDATE pgmask_audit.ticket SET person_id = 77 WHERE ticket_number = 3"),
        found=[("edited", "ticket", 3)],
    ),
    "delete": Attack(
        run=_do("DELETE FROM pgmask_audit.access WHERE access_id = 3"),
        found=[("deleted", "access", 3)],
    ),
    "delete the last row": Attack(
        run=_do("DELETE FROM pgmask_audit.ticket WHERE ticket_number = 5"),
        found=[("deleted", "ticket", 5)],
    ),
    "swap two rows": Attack(
        run=_do(
            "UPDATE pgmask_audit.access SET access_id = CASE access_id WHEN 2 THEN 4 ELSE 2 END"
            " WHERE access_id IN (2, 4)"
        ),
        found=[("edited", "access", 2), ("edited", "access", 4)],
    ),
    "insert back-dated": Attack(
        run=_do(
            "INSERT INTO pgmask_audit.access (at, access_id, xid, era_id, kind, login, backend,"
            " statement_at) SELECT at, 999, xid, era_id, 'statement', login, backend, statement_at"
            " FROM pgmask_audit.access WHERE access_id = 1"
        ),
        found=[("inserted", "access", 999)],
    ),
    "insert with a number of before": Attack(
        run=_do(
            "INSERT INTO pgmask_audit.access (at, access_id, xid, era_id, kind, login, backend,"
            " statement_at) SELECT at, -5, xid, era_id, 'statement', login, backend, statement_at"
            " FROM pgmask_audit.access WHERE access_id = 1"
        ),
        found=[("inserted", "access", -5)],
    ),
    "copy a row": Attack(
        run=_do(
            "INSERT INTO pgmask_audit.access SELECT * FROM pgmask_audit.access WHERE access_id = 1"
        ),
        found=[("inserted", "access", 1)],
    ),
    "everything": Attack(
        run=_do("DELETE FROM pgmask_audit.change"),
        found=[("deleted", "change", n) for n in range(1, 6)],
    ),
}  # fmt: skip


@WHO
@pytest.mark.parametrize("name", ATTACKS)
def test_rows(record: Record, who: str, name: str) -> None:
    attack = ATTACKS[name]
    record.seal()
    assert record.found() == []
    with record.tampering(who) as hand:
        attack.run(record, hand)
    assert said(record.found()) == attack.found


@pytest.mark.parametrize("name", [n for n in ATTACKS if "number of before" not in n])
def test_control_before_the_first_seal_nothing_shows(record: Record, name: str) -> None:
    with record.tampering("superuser") as hand:
        ATTACKS[name].run(record, hand)
    record.seal()
    assert record.found() == []


@WHO
def test_a_row_moved_into_another_batch(record: Record, who: str) -> None:
    record.seal()
    record.write(2)
    record.seal()
    with record.tampering(who) as hand:
        hand.execute(
            "UPDATE pgmask_audit.access SET xid = (SELECT xid FROM pgmask_audit.access"
            " WHERE access_id = 7) WHERE access_id = 2"
        )
    (finding,) = record.found()
    assert (finding.kind, finding.batch, finding.number) == ("moved", 1, 2)
    assert "batch 2" in finding.detail


@WHO
def test_a_row_of_a_transaction_to_come(record: Record, who: str) -> None:
    record.seal()
    with record.tampering(who) as hand:
        hand.execute("UPDATE pgmask_audit.access SET xid = xid + 1000000 WHERE access_id = 2")
    assert said(record.found()) == [
        ("future", "access", None), ("deleted", "access", 2),
    ]  # fmt: skip


@WHO
def test_the_end_is_cut_off_with_its_batch(record: Record, who: str, tmp_path: Path) -> None:
    record.seal()
    record.write(3)
    record.seal()
    place = f"file:{tmp_path / 'anchors'}"
    leave(record.keeper, record.head(), [place])
    assert record.found(anchors=read([place])) == []
    with record.tampering(who) as hand:
        for table in ("leaf", "anchor", "batch"):
            hand.execute(f"DELETE FROM pgmask_audit.{table} WHERE batch_id = 2".encode())
        for table, number in (("access", "access_id"), ("change", "change_id"),
                              ("ticket", "ticket_number")):  # fmt: skip
            hand.execute(f"DELETE FROM pgmask_audit.{table} WHERE {number} > 5".encode())
    assert record.found() == []  # the control: without an anchor it looks whole
    (finding,) = record.found(anchors=read([place]))
    assert (finding.kind, finding.batch) == ("cut", 2)


@WHO
def test_everything_is_gone(record: Record, who: str, tmp_path: Path) -> None:
    record.seal()
    place = f"file:{tmp_path / 'anchors'}"
    leave(record.keeper, record.head(), [place])
    with record.tampering(who) as hand:
        for table in ("leaf", "anchor", "batch", "access", "change", "ticket", "activity"):
            hand.execute(f"DELETE FROM pgmask_audit.{table}".encode())
    assert said(record.found(anchors=read([place]))) == [("cut", "", None)]


@WHO
def test_a_batch_out_of_the_middle(record: Record, who: str) -> None:
    for _ in range(3):
        record.seal()
        record.write(1)
    with record.tampering(who) as hand:
        hand.execute("DELETE FROM pgmask_audit.leaf WHERE batch_id = 2")
        hand.execute("DELETE FROM pgmask_audit.batch WHERE batch_id = 2")
    assert {f.kind for f in record.found()} == {"missing", "chain"}


@WHO
def test_sealed_anew_with_another_key(record: Record, who: str, tmp_path: Path) -> None:
    record.seal()
    place = f"file:{tmp_path / 'anchors'}"
    leave(record.keeper, record.head(), [place])
    trusted, mine = record.key, record.new_key("mine.key")
    with record.tampering(who) as hand:
        hand.execute("UPDATE pgmask_audit.access SET person_id = 1 WHERE access_id = 2")
        for table in ("leaf", "anchor", "batch", "signing_key"):
            hand.execute(f"DELETE FROM pgmask_audit.{table}".encode())
    record.root.execute("SELECT pgmask_private.add_signing_key(%s)", (mine.public.raw,))
    record.key = mine
    record.seal()
    assert record.found(keys=[mine.public]) == []  # the control: whoever trusts the other key
    assert {f.kind for f in record.found(keys=[trusted.public])} == {"signature"}
    kinds = {f.kind for f in record.found(keys=[trusted.public], anchors=read([place]))}
    assert kinds == {"signature", "replaced"}
    report = record.report(keys=[])
    assert report.findings == ()
    assert any("taken from the database itself" in note for note in report.notes)


@WHO
@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("header = replace(header, '\"rows\":5', '\"rows\":4')", {"header", "signature", "chain"}),
        ("header = '{}'", {"header"}),
        ('header = replace(header, \'"batch":1\', \'"batch":"1; DROP"\')', {"header"}),
        ("signature = decode(repeat('00', 64), 'hex')", {"signature"}),
        ("xid_to = xid_to + 1", {"header"}),
    ],
)
def test_a_changed_header(record: Record, who: str, change: str, kinds: set[str]) -> None:
    record.seal()
    record.write(1)
    record.seal()
    with record.tampering(who) as hand:
        hand.execute(f"UPDATE pgmask_audit.batch SET {change} WHERE batch_id = 1".encode())
    found = {f.kind for f in record.found()}
    assert kinds <= found
    assert found <= kinds | {"chain", "part", "inserted", "deleted", "index"}


@WHO
def test_without_its_index_a_part_is_named(record: Record, who: str) -> None:
    record.seal()
    with record.tampering(who) as hand:
        hand.execute("UPDATE pgmask_audit.access SET person_id = 9 WHERE access_id = 2")
        hand.execute("DELETE FROM pgmask_audit.leaf")
    assert said(record.found()) == [("index", "access", None), ("part", "access", None)]


@WHO
def test_a_disabled_trigger(record: Record, who: str) -> None:
    record.seal()
    hand = record.database.connect("installer" if who == "owner" else "postgres", autocommit=True)
    hand.execute("SET ROLE pgmask_owner")
    hand.execute("ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER USER")
    found = record.found()
    assert {(f.kind, f.batch) for f in found} == {("protection", 0)}
    assert all("triggers: pgmask_audit.ticket " in f.detail for f in found)
    made = record.seal()
    assert {c.weaker for c in made.changes} == {True}
    rows = record.root.execute(
        "SELECT kind, object, detail -> 'weaker' FROM pgmask_audit.activity"
        " WHERE kind = 'definition'"
    ).fetchall()
    assert rows == [("definition", "triggers", True)]
    assert {(f.kind, f.batch) for f in record.found()} == {("protection", 2)}


def test_control_a_trigger_disabled_between_two_seals_does_not_show(record: Record) -> None:
    record.seal()
    with record.tampering("superuser"):
        pass
    assert record.found() == []


def test_a_right_to_switch_triggers_off(record: Record) -> None:
    record.seal()
    record.root.execute("GRANT SET ON PARAMETER session_replication_role TO mallory")
    try:
        made = record.seal()
        assert [(c.part, c.weaker) for c in made.changes] == [("parameters", True)]
        assert [f.kind for f in record.found()] == ["protection"]
    finally:
        record.root.execute("REVOKE SET ON PARAMETER session_replication_role FROM mallory")


def test_a_role_that_bypasses_policies(record: Record) -> None:
    record.seal()
    record.root.execute("ALTER ROLE pgmask_owner BYPASSRLS")
    try:
        assert [f.kind for f in record.found()] == ["protection"]
    finally:
        record.root.execute("ALTER ROLE pgmask_owner NOBYPASSRLS")
    assert record.found() == []


def test_a_replaced_function(record: Record) -> None:
    record.seal()
    record.root.execute(
        "CREATE OR REPLACE FUNCTION pgmask_private.log_note(p_note text) RETURNS boolean"
        " LANGUAGE sql VOLATILE AS 'SELECT true'"
    )
    record.seal()
    (finding,) = record.found()
    assert "pgmask_private.log_note(p_note text) changed" in finding.detail


@WHO
def test_rewound_numbers(record: Record, who: str) -> None:
    record.seal()
    with record.tampering(who) as hand:
        hand.execute("SELECT setval('pgmask_audit.access_access_id_seq', 1)")
    assert said(record.found()) == [("sequence", "access", None)]
    record.write(1)
    record.seal()
    assert ("sequence", "access", None) in said(record.found())


def test_a_policy_that_hides_rows_from_the_sealer_is_an_error(record: Record) -> None:
    record.seal()
    with record.tampering("owner") as hand:
        hand.execute("ALTER TABLE pgmask_audit.ticket ENABLE ROW LEVEL SECURITY")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        record.found()


def test_an_anchor_of_nobody(record: Record, tmp_path: Path) -> None:
    record.seal()
    head = record.head()
    place = tmp_path / "anchors"
    place.write_text(head.line().replace(head.digest, "0" * 64) + "\n", "utf-8")
    assert [f.kind for f in record.found(anchors=read([str(place)]))] == ["anchor"]


def test_a_range_and_several_processes(record: Record) -> None:
    for _ in range(3):
        record.seal()
        record.write(1)
    assert record.report(first=2, last=2).batches == 1
    with record.tampering("superuser") as hand:
        hand.execute("UPDATE pgmask_audit.access SET person_id = 9 WHERE access_id = 2")
    assert record.found(first=2, last=3) == []
    assert said(record.found(first=1, last=1)) == [("edited", "access", 2)]
