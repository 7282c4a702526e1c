"""Sealing: which rows a batch covers, who may add one, and what a header says (G2, G3)."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from pgmask.audit import keys, merkle
from pgmask.audit.batch import Header, Index
from pgmask.audit.seal import seal
from pgmask.errors import KeyFault, PgmaskError
from tests.audit.record import NEVER_IDLE, Record
from tests.harness import Connection, Database

pytestmark = pytest.mark.requirement("G2")


@pytest.fixture
def record(installed: Database, tmp_path: Path) -> Record:
    return Record(installed, tmp_path)


@pytest.fixture
def other(installed: Database) -> Connection:
    return installed.connect("postgres")


def test_a_batch_covers_each_row_once(record: Record) -> None:
    record.write(3)
    first = record.seal()
    record.write(2)
    second = record.seal()
    counts = {p.table: p.rows for p in first.header.parts}
    assert (counts["access"], counts["change"], counts["ticket"]) == (3, 3, 3)
    assert {p.table: p.rows for p in second.header.parts} == {"access": 2, "change": 2, "ticket": 2}
    assert (second.header.previous, second.header.xid_from) == (
        first.batch.digest, first.header.xid_to,
    )  # fmt: skip
    assert record.found() == []


def test_a_long_open_writer_is_sealed_when_it_ends_and_nothing_before_it_twice(
    record: Record, other: Connection
) -> None:
    record.write(1)
    record.seal()
    record.write(2, by=other)  # stays open
    record.write(3)
    waiting = seal(record.keeper, record.key, idle=NEVER_IDLE)
    held = waiting.header.rows if waiting else 0
    assert held == 0  # what began after the open transaction waits for it
    assert sum(record.report().unsealed.values()) == 9
    other.commit()
    record.seal()
    assert record.found() == []
    assert record.report().rows == 3 * (1 + 2 + 3) + 1  # and the key's registration


def test_nothing_new_makes_no_batch_until_it_was_idle(record: Record) -> None:
    record.write()
    record.seal()
    assert seal(record.keeper, record.key) is None
    record.root.execute("SELECT pg_current_xact_id()")
    assert record.seal(idle=timedelta(0)).header.rows == 0
    assert record.found() == []


def test_a_large_interval_is_cut_between_transactions(record: Record) -> None:
    for _ in range(4):
        record.write(2)
    rows = []
    more = True
    while more:
        made = record.seal(most=3)
        rows.append({p.table: p.rows for p in made.header.parts}.get("access", 0))
        more = made.more
    assert sum(rows) == 8
    assert max(rows) <= 3
    assert len(rows) >= 4
    assert record.found() == []


@pytest.mark.parametrize(
    "change",
    [{"batch": 5}, {"previous": "00"}, {"xid_from": 1}, {"xid_to": 1 << 60}, {"era": 9},
     {"key": "0" * 16}, {"format": "other"}, {"system": "1"}],
    ids=lambda c: next(iter(c)),
)  # fmt: skip
def test_a_batch_that_does_not_follow_is_refused(record: Record, change: dict[str, object]) -> None:
    record.write()
    made = record.seal()
    record.root.execute("SELECT pg_current_xact_id()")
    header = {
        "format": "pgmask-batch-1", "batch": 2, "previous": made.batch.digest,
        "era": made.header.era,
        "system": made.header.system, "line": 1, "floors": dict(made.header.floors),
        "xid_from": made.header.xid_to, "xid_to": made.header.xid_to, "key": made.header.key,
        "made_at": made.header.made_at, "parts": [],
    }  # fmt: skip

    def add(changed: dict[str, object]) -> None:
        record.keeper.execute(
            "SELECT pgmask_private.add_batch(%s, %s, %s, '{}', '{}', '{}', '{}')",
            (json.dumps(header | changed), header["key"], b"\0" * 64),
        )

    with pytest.raises(psycopg.Error) as refused:
        add(change)
    assert refused.value.sqlstate == "PM823"
    add({})  # the control: the same header without the change


def test_only_the_collector_adds_batches(record: Record) -> None:
    record.write()
    record.seal()
    stranger = record.database.connect("mallory", autocommit=True)
    for query in ("SELECT pgmask_private.seal_state()", "SELECT * FROM pgmask_audit.access",
                  "SELECT pgmask_private.add_signing_key('\\x00')"):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            stranger.execute(query.encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        record.keeper.execute("DELETE FROM pgmask_audit.batch")
    with pytest.raises(psycopg.Error) as refused:
        record.root.execute("DELETE FROM pgmask_audit.batch")
    assert refused.value.sqlstate == "PM801"


def test_key_files(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    public = keys.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.read_private(path).public == public == keys.read_public(tmp_path / "seal.key.pub")
    assert public.key_id == sha256(public.raw).hexdigest()[:16]
    assert "private" not in repr(keys.read_private(path))
    with pytest.raises(FileExistsError):
        keys.create(path)

    def refused() -> str:
        with pytest.raises(KeyFault) as fault:
            keys.read_private(path)
        return fault.value.code

    path.chmod(0o640)
    assert refused() == "PM821"
    path.chmod(0o600)
    path.write_text("no key", "utf-8")
    assert refused() == "PM822"
    path.unlink()
    assert refused() == "PM820"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8, 4095, 4096, 4097, 12289])
def test_the_tree(size: int) -> None:
    leaves = merkle.leaves(b"%d\n" % n for n in range(size))

    def split(some: list[bytes]) -> bytes:  # RFC 6962: the left side is the greatest power of two
        if len(some) < 2:
            return some[0] if some else sha256().digest()
        left = 1 << (len(some) - 1).bit_length() - 1
        return merkle.node(split(some[:left]), split(some[left:]))

    assert merkle.root(leaves) == split(leaves)
    tree = merkle.Tree()
    for start in range(0, size, 1000):
        tree.extend(leaves[start : start + 1000])
    assert (tree.root(), tree.rows) == (split(leaves), size)
    for place in {0, size // 2, size - 1} if size else set():
        assert merkle.climb(leaves[place], merkle.path(leaves, place)) == split(leaves)


def test_an_index_keeps_any_number() -> None:
    ids = (-(1 << 63), -1, 0, 1, 2, 3, (1 << 63) - 1)
    index = Index(ids=ids, hashes=bytes(8 * len(ids)))
    assert Index.unpack(index.packed, index.hashes, len(ids)) == index
    assert Index.unpack(index.packed, index.hashes, len(ids) - 1) is None
    assert Index.unpack(b"nonsense", index.hashes, len(ids)) is None


@pytest.mark.parametrize(
    "change", [{"batch": "1; DROP"}, {"xid_to": 1.5}, {"xid_from": 1 << 64}, {"floors": {"a": "1"}},
               {"parts": [{}]}, {"more": 1}, {"numbers": []}],
    ids=str,
)  # fmt: skip
def test_a_header_that_somebody_wrote_himself_is_read_strictly(
    change: dict[str, object],
) -> None:
    header = {
        "format": "pgmask-batch-1", "batch": 1, "previous": "", "era": 1, "system": "1", "line": 1,
        "floors": {}, "xid_from": 0, "xid_to": 1, "key": "", "made_at": "", "parts": [],
        "fingerprint": {}, "numbers": {},
    }  # fmt: skip
    dumps = json.dumps
    assert Header.parse(dumps(header)).batch == 1
    with pytest.raises(PgmaskError) as refused:
        Header.parse(dumps(header | change))
    assert refused.value.code == "PM830"
