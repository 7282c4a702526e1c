"""Old months leave the record, verified, and come back (G3)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from pgmask.audit.archive import archive, reattach
from pgmask.audit.seal import seal
from pgmask.errors import PgmaskError, Refused
from tests.audit.record import Record, said
from tests.harness import Database

pytestmark = pytest.mark.requirement("G3")
MONTH: Final = "2019-05"


@pytest.fixture
def record(installed: Database, tmp_path: Path) -> Record:
    """Rows of May 2019 in their partition, of two batches, and rows of now."""
    made = Record(installed, tmp_path)
    made.root.execute(
        "SELECT pgmask_private.make_partition('access', 'access_2019_05', '2019-05-01')"
    )
    for number in range(2):
        made.write(2)
        made.root.execute(
            "INSERT INTO pgmask_audit.access (at, era_id, kind, login, backend, statement_at,"
            " application_name) SELECT '2019-05-31 23:59:59.999+00', 1, 'statement', 'app', 5,"
            f" now(), E'a\\tb\\\\{number}' FROM generate_series(1, 3)"
        )
        made.seal()
    return made


def leaves(record: Record, folder: Path, *, remove: bool = True) -> Path:
    archive(record.keeper, record.key, "access", MONTH, folder, remove=remove)
    return folder / f"access-{MONTH}.manifest.json"


def test_a_month_leaves_and_comes_back(record: Record, tmp_path: Path) -> None:
    before = record.root.execute(
        "SELECT * FROM pgmask_audit.access WHERE at < '2019-06-01+00' ORDER BY access_id"
    ).fetchall()
    manifest = leaves(record, tmp_path / "out")
    rows = record.root.execute("SELECT count(*) FROM pgmask_audit.access").fetchone()
    assert rows == (4,)
    report = record.report()
    assert report.findings == ()
    assert any("its file was not read" in note for note in report.notes)
    report = record.report(archives=str(tmp_path / "out"))
    assert report.findings == ()
    assert any("its file holds" in note for note in report.notes)
    found, number = reattach(record.keeper, manifest, (record.key.public,))
    assert (found.month, number) == (MONTH, 6)
    assert (
        before
        == record.root.execute(
            "SELECT * FROM pgmask_audit.access WHERE at < '2019-06-01+00' ORDER BY access_id"
        ).fetchall()
    )
    with pytest.raises(psycopg.Error) as refused:
        record.root.execute("DELETE FROM pgmask_audit.access_2019_05")
    assert refused.value.sqlstate == "PM801"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        record.keeper.execute("INSERT INTO pgmask_audit.access_2019_05 DEFAULT VALUES")
    record.seal()
    assert record.found() == []
    with record.tampering("superuser") as hand:
        hand.execute("UPDATE pgmask_audit.access SET backend = 6 WHERE access_id = 3")
    assert ("edited", "access", 3) in said(record.found())
    with record.tampering("superuser") as hand:
        hand.execute("UPDATE pgmask_audit.access SET backend = 5 WHERE access_id = 3")
    leaves(record, tmp_path / "again")
    assert (tmp_path / "again" / f"access-{MONTH}.lines.gz").read_bytes() == (
        tmp_path / "out" / f"access-{MONTH}.lines.gz"
    ).read_bytes()
    record.seal()
    assert record.found(archives=str(tmp_path / "out")) == []


def test_what_is_recorded(record: Record, tmp_path: Path) -> None:
    leaves(record, tmp_path / "out")
    rows = record.root.execute(
        "SELECT login, object, detail ->> 'month', (detail ->> 'rows')::int, detail ->> 'removed'"
        " FROM pgmask_audit.activity WHERE kind = 'archive'"
    ).fetchall()
    assert rows == [("keeper", "access", MONTH, 6, "true")]


def _keep_ten_years(record: Record) -> None:
    record.root.execute("SELECT pgmask.set_retention('access', '10 years')")


def _unsealed(record: Record) -> None:
    record.root.execute(
        "INSERT INTO pgmask_audit.access (at, era_id, kind, login, backend, statement_at)"
        " VALUES ('2019-05-02', 1, 'statement', 'app', 5, now())"
    )


def _edited(record: Record) -> None:
    with record.tampering("owner") as hand:
        hand.execute("UPDATE pgmask_audit.access SET backend = 6 WHERE at < '2019-06-01+00'")


def _deleted(record: Record) -> None:
    with record.tampering("owner") as hand:
        hand.execute("DELETE FROM pgmask_audit.access_2019_05 WHERE access_id = 3")


@pytest.mark.parametrize(
    "spoil", [_keep_ten_years, _unsealed, _edited, _deleted], ids=lambda f: f.__name__
)
def test_a_month_stays(record: Record, tmp_path: Path, spoil: Callable[[Record], None]) -> None:
    spoil(record)
    with pytest.raises(Refused) as refused:
        leaves(record, tmp_path / "out")
    assert refused.value.code == "PM825"
    assert list((tmp_path / "out").iterdir()) == []
    assert record.root.execute("SELECT to_regclass('pgmask_audit.access_2019_05')").fetchone() != (
        None,
    )  # fmt: skip


def test_the_function_itself_refuses(record: Record) -> None:
    """Whoever calls it without the program gets no further; the control is the program."""
    manifest = {"manifest": {"rows": 5}, "signature": "00" * 64}
    for table, month in (
        ("access", "2019-05-01"), ("access", "2019-05-02"), ("ticket", "2019-05-01"),
        ("access", "2019-04-01"),
    ):  # fmt: skip
        with pytest.raises(psycopg.Error) as refused:
            record.keeper.execute(
                "SELECT pgmask_private.archive_month(%s, %s::date, 'x', %s::jsonb, true)",
                (table, month, json.dumps(manifest)),
            )
        assert refused.value.sqlstate == "PM825"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        record.database.connect("mallory").execute(
            "SELECT pgmask_private.archive_month('access', '2019-05-01', 'x', '{}', true)"
        )


def test_a_copy_leaves_everything_where_it_is(record: Record, tmp_path: Path) -> None:
    _keep_ten_years(record)
    leaves(record, tmp_path / "out", remove=False)
    assert record.root.execute("SELECT count(*) FROM pgmask_audit.access").fetchone() == (10,)
    record.seal()
    assert record.found() == []


def _other_line(folder: Path) -> None:
    path = folder / f"access-{MONTH}.lines.gz"
    text = gzip.decompress(path.read_bytes()).replace(b"\tapp\t", b"\tann\t", 1)
    path.write_bytes(gzip.compress(text))


def _cut(folder: Path) -> None:
    path = folder / f"access-{MONTH}.lines.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).split(b"\n")[0] + b"\n"))


def _more(folder: Path) -> None:
    path = folder / f"access-{MONTH}.lines.gz"
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(text + text.split(b"\n")[0] + b"\n"))


def _rubbish(folder: Path) -> None:
    (folder / f"access-{MONTH}.lines.gz").write_bytes(b"no file of this sort")


@pytest.mark.parametrize("spoil", [_other_line, _cut, _more, _rubbish], ids=lambda f: f.__name__)
def test_a_spoilt_file(record: Record, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    manifest = leaves(record, tmp_path / "out")
    spoil(tmp_path / "out")
    assert {f.kind for f in record.found(archives=str(tmp_path / "out"))} == {"archive"}
    with pytest.raises(PgmaskError) as refused:
        reattach(record.keeper, manifest, (record.key.public,))
    assert refused.value.code in ("PM826", "PM830")
    assert record.root.execute("SELECT to_regclass('pgmask_audit.access_2019_05')").fetchone() == (
        None,
    )  # fmt: skip


@pytest.mark.requirement("G2")
@pytest.mark.parametrize("who", ["owner", "superuser"])
def test_a_month_that_was_dropped_and_called_archived(record: Record, who: str) -> None:
    forged = record.new_key("forged.key")
    with record.tampering(who) as hand:
        hand.execute("ALTER TABLE pgmask_audit.access DETACH PARTITION pgmask_audit.access_2019_05")
        hand.execute("DROP TABLE pgmask_audit.access_2019_05")
    assert {f.kind for f in record.found()} == {"deleted"}
    with record.tampering(who) as hand:
        hand.execute(
            "INSERT INTO pgmask_audit.archive (table_name, month, row_count, digest, manifest)"
            " VALUES ('access', '2019-05-01', 6, 'x', %s)",
            (json.dumps({"manifest": {"key": forged.public.key_id}, "signature": ""}),),
        )
    assert {f.kind for f in record.found()} == {"archive", "deleted"}


@pytest.mark.requirement("G2")
@pytest.mark.parametrize("copied", [True, False])
def test_a_month_that_was_only_copied(record: Record, tmp_path: Path, copied: bool) -> None:
    """Dropped and called archived, with the copy's signed manifest; the control leaves rightly."""
    if copied:
        _keep_ten_years(record)
    signed = archive(
        record.keeper, record.key, "access", MONTH, tmp_path / "out", remove=not copied
    )
    record.seal()
    if copied:
        record.root.execute("DROP TABLE pgmask_audit.access_2019_05")
        record.root.execute(
            "INSERT INTO pgmask_audit.archive (table_name, month, row_count, digest, manifest)"
            " VALUES ('access', '2019-05-01', 6, %s, %s)",
            (signed.manifest.sha256, signed.json()),
        )
    record.seal(idle=timedelta(0))
    assert [f.detail for f in record.found()] == (
        [
            "2019-05: its manifest is that of a copy",
            "2019-05: no activity tells that it was removed",
        ]
        if copied
        else []
    )


def test_a_month_that_left_too_early(record: Record, tmp_path: Path) -> None:
    """The function that refuses was replaced while the month left, and put back."""
    _keep_ten_years(record)
    record.seal()
    (source,) = record.root.execute(
        "SELECT pg_get_functiondef('pgmask_private.archive_month(text, date, text, jsonb,"
        " boolean)'::regprocedure)"
    ).fetchone() or ("",)
    record.root.execute(source.replace("IF NOT p_remove THEN", "IF true THEN").encode())
    leaves(record, tmp_path / "out")
    record.root.execute(source.encode())
    record.seal()
    (finding,) = record.found()
    assert "it was to be kept longer" in finding.detail


def test_a_shorter_retention_and_a_longer_one_later(record: Record, tmp_path: Path) -> None:
    record.keeper.execute("SELECT pgmask.set_retention('access', '2 years', 'agreed')")
    leaves(record, tmp_path / "out")
    record.seal()
    _keep_ten_years(record)
    record.seal()
    assert record.found() == []


@pytest.mark.requirement("G2")
@pytest.mark.parametrize("who", ["owner", "superuser"])
def test_a_row_put_into_an_archived_month(record: Record, tmp_path: Path, who: str) -> None:
    leaves(record, tmp_path / "out")
    with record.tampering(who) as hand:
        hand.execute(
            "INSERT INTO pgmask_audit.access (at, access_id, xid, era_id, kind, login, backend,"
            " statement_at) SELECT '2019-05-03', 77, xid, era_id, 'statement', login, backend,"
            " statement_at FROM pgmask_audit.access WHERE access_id = 1"
        )
    assert said(record.found()) == [("inserted", "access", 77)]


def test_a_row_that_came_late_is_sealed_for_itself(record: Record, tmp_path: Path) -> None:
    leaves(record, tmp_path / "out")
    _unsealed(record)
    record.seal()
    assert record.found(archives=str(tmp_path / "out")) == []
    with record.tampering("superuser") as hand:
        hand.execute("DELETE FROM pgmask_audit.access WHERE at < '2019-06-01+00'")
    assert [f.kind for f in record.found()] == ["deleted"]


def test_a_manifest_of_another_key(record: Record, tmp_path: Path) -> None:
    manifest = leaves(record, tmp_path / "out")
    stranger = record.new_key("stranger.key")
    with pytest.raises(PgmaskError) as refused:
        reattach(record.keeper, manifest, (stranger.public,))
    assert refused.value.code == "PM826"
    reattach(record.keeper, manifest, (record.key.public,))  # the control
    with pytest.raises(PgmaskError) as again:
        reattach(record.keeper, manifest, (record.key.public,))
    assert again.value.code == "PM827"


def test_retention_is_shortened_with_a_reason_only(record: Record) -> None:
    def keep(interval: str, reason: str | None = None) -> None:
        record.keeper.execute(
            "SELECT pgmask.set_retention('access', %s::interval, %s)", (interval, reason)
        )

    keep("4 years")
    for interval, reason in (("2 years", None), ("2 years", " "), ("11 months", "disk is full")):
        with pytest.raises(psycopg.Error) as refused:
            keep(interval, reason)
        assert refused.value.sqlstate == "PM828"
    keep("2 years", "the supervisor agreed")
    rows = record.root.execute(
        "SELECT keep = '2 years', reason FROM pgmask_audit.retention WHERE record_class = 'access'"
    ).fetchall()
    assert rows == [(True, "the supervisor agreed")]
    noted = record.root.execute(
        "SELECT detail ->> 'reason' FROM pgmask_audit.activity WHERE object = 'retention'"
        " ORDER BY activity_id"
    ).fetchall()
    assert noted == [(None,), ("the supervisor agreed",)]
    assert seal(record.keeper, record.key) is not None
