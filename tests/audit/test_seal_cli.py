"""pgmask audit key, seal and anchor: places of heads, deleted batches, wrong words (G2)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from pgmask.audit import keys
from pgmask.audit.anchors import kind_of, read
from pgmask.cli.audit_told import changes_told
from pgmask.cli.main import run
from pgmask.errors import PgmaskError
from tests.audit.record import KEEPER, Record, said
from tests.harness import Database

pytestmark = pytest.mark.requirement("G2")


@pytest.fixture
def record(installed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    monkeypatch.setenv("PGMASK_DSN", installed.dsn(KEEPER))
    monkeypatch.setenv("PGMASK_SEAL_KEY", str(tmp_path / "seal.key"))
    return Record(installed, tmp_path)


@pytest.mark.parametrize(
    ("place", "kind"),
    [("stdout", "stdout"), ("heads", "file"), ("/a/b:c", "file"), ("./a:b", "file"),
     ("file:a:b", "file"), ("s3://bucket/x", "s3"), ("timestamp:https://tsa/", "timestamp")],
)  # fmt: skip
def test_kinds_of_places(place: str, kind: str) -> None:
    assert kind_of(place) == kind


@pytest.mark.parametrize(
    "place", ["bogus:foo", "S3://bucket/x", "https://tsa/", "tsa:x", "s3:bucket", "timestamp:tsa",
              "file:", ""],
)  # fmt: skip
def test_no_such_kind_of_place(
    record: Record, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Said at the start, with nothing sealed and no file made; by every command that takes one."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    record.write()
    for words in (["seal", "--to"], ["seal", "--every", "60s", "--to"], ["anchor", "--to"],
                  ["verify", "--anchor"]):  # fmt: skip
        assert run(["audit", *words, place]) == 1
        assert "PM824" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
    assert record.root.execute("SELECT count(*) FROM pgmask_audit.batch").fetchone() == (0,)


def test_a_place_that_lacks_the_head_is_given_it(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where nothing was new: a place that was away, is new, or was emptied."""
    away, heads = tmp_path / "share" / "heads", tmp_path / "heads"
    assert run(["audit", "seal", "--to", str(away)]) == 1  # sealed, and the head was not left
    assert "PM824" in capsys.readouterr().err
    assert run(["audit", "seal", "--to", str(away)]) == 1
    assert "nothing new" in capsys.readouterr().err
    away.parent.mkdir()
    for _ in range(2):  # and once is enough
        assert run(["audit", "seal", "--to", str(away), "--to", str(heads)]) == 0
    assert [a.batch for a in read([str(away), str(heads)])] == [1, 1]
    heads.unlink()
    assert run(["audit", "seal", "--to", str(heads)]) == 0
    assert record.report(anchors=read([str(heads)])).findings == ()


def test_sealing_goes_on_behind_deleted_batches(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever deletes batches and leaves traces of them neither stops the seal nor is forgotten."""
    for _ in range(3):
        record.write()
        record.seal()
    with record.tampering("superuser") as hand:
        hand.execute("SET session_replication_role = replica")
        hand.execute("DELETE FROM pgmask_audit.batch WHERE batch_id > 1")
        hand.execute("RESET session_replication_role")
    record.write()
    capsys.readouterr()
    assert run(["audit", "seal"]) == 2
    assert "PM832: of 2 batches (2 to 3)" in capsys.readouterr().err
    assert record.root.execute(
        "SELECT detail FROM pgmask_audit.activity WHERE kind = 'seal'"
    ).fetchall() == [({"gone_from": 2, "gone_to": 3},)]
    assert [f.detail for f in record.found() if f.kind == "missing"] == ["2 to 3"]
    record.write()
    assert run(["audit", "seal"]) == 0
    assert set(said(record.found())) == {("missing", "", None)}


def test_control_whole_traces_away_the_number_is_used_again(record: Record) -> None:
    record.write()
    record.seal()
    record.write()
    record.seal()
    head = record.head()
    with record.tampering("superuser") as hand:
        for table in ("leaf", "batch"):
            hand.execute(f"DELETE FROM pgmask_audit.{table} WHERE batch_id > 1".encode())
    made = record.seal()
    assert (made.header.batch, list(made.gone)) == (2, [])
    assert [f.kind for f in record.found(anchors=[head])] == ["replaced"]


def test_changes_are_told_by_kind(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    record.seal()
    with record.root.transaction():
        for number in range(3):
            record.root.execute(
                f"CREATE FUNCTION pgmask_private.new_{number}(a text, b text) RETURNS text"
                " LANGUAGE sql AS 'SELECT a'".encode()
            )
        record.root.execute(
            "SELECT pgmask_private.record_activity('command', 'upgrade',"
            ' \'{"of": "install", "was": "0000", "revision": "0001"}\')'
        )
    verifying = ["audit", "verify", "--workers", "1"]
    assert run([*verifying, "--all"]) == 0
    assert capsys.readouterr().err.count("pgmask_private.new_") == 3
    assert run(verifying) == 0
    err = capsys.readouterr().err
    assert "functions: 3 added, as activity" in err
    assert "by postgres, since the last batch; --all names each" in err
    assert "pgmask_private.new_" not in err
    assert run(["audit", "seal"]) == 0
    assert "functions: 3 added, as activity" in capsys.readouterr().err
    assert run(verifying) == 0
    assert "by postgres, between batch 1 and this one (2)" in capsys.readouterr().err


def test_what_is_no_plain_change_is_told_itself() -> None:
    lines = [
        "No anchor was given",
        "views: a.b changed, as activity 5 tells: apply 5 by x, since the last batch",
        "views: a.b changed, since the last batch",
    ]
    assert changes_told(lines, all_=False) == lines


def test_wrong_words(record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, says in (
        (["seal", "--every", "abc"], "--every"),
        (["seal", "--idle", "abc"], "--idle"),
        (["seal", "--key", str(tmp_path / "seal.key.pub")], "this is a public key"),
        (["key", "show", str(tmp_path / "seal.key")], "this is the private key"),
        (["key", "create", str(tmp_path / "no" / "such")], "folder"),
        (["retention", "--keep", "6 years"], "of which class"),
        (["retention", "nosuch"], "one of: access, handover"),
        (["retention", "nosuch", "--keep", "6 years"], "one of: access, handover"),
        (["export", "/dev/null/rec"], "PM003"),
        (["archive", "2019-01", "--out", "/dev/null/x"], "PM003"),
        (["archive", "2999-01", "--copy", "--out", str(tmp_path)], "is not over"),
    ):
        assert run(["audit", *words]) in (1, 3), words
        err = capsys.readouterr().err
        assert says in err, (words, err)
        assert "--max-lag" not in err
        assert "report it" not in err
    assert run(["audit", "retention", "access", "--keep", "6 years"]) == 0
    assert "6 years" in capsys.readouterr().out


def test_a_passphrase_is_told(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "locked.key"
    path.write_bytes(
        record.key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )  # fmt: skip
    path.chmod(0o600)
    with pytest.raises(PgmaskError) as refused:
        keys.read_private(path)
    assert (refused.value.code, refused.value.message) == (
        "PM822", "the private key has a passphrase",
    )  # fmt: skip


def test_verifying_nothing_is_no_success(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = tmp_path / "heads"
    heads.write_text("\n", "utf-8")
    record.write()
    verifying = ["audit", "verify", "--workers", "1"]

    def told(*words: str) -> tuple[int, str]:
        code = run([*verifying, *words])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    code, text = told()
    assert (code, "nothing is sealed yet: 10 rows" in text) == (1, True), text
    record.seal()
    assert told()[0] == 0  # the control
    for words, says in (
        (["--from", "200"], "there is no batch from 200"),
        (["--from", "5", "--to", "3"], "ends before it begins"),
        (["--archives", "/nonexistent"], "does not exist"),
        (["--anchor", str(tmp_path / "none")], "No such file"),
    ):
        code, text = told(*words)
        assert (code, says in text) == (1, True), text
        assert "Everything is as it was sealed" not in text
    code, text = told("--anchor", str(heads))
    assert (code, f"{heads} holds no head" in text) == (2, True), text
    assert "No anchor was given" not in text


def test_who_verifies_with_what(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record.seal()
    other = record.new_key("other.key").public.key_id
    mine = record.key.public.key_id
    words = ["audit", "verify", "--workers", "1", "--format", "json"]
    assert run([*words, "--public-key", str(tmp_path / "other.key.pub")]) == 2
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert f"Batches name key {mine}; you brought {other}." in notes
    assert not any("superuser" in note for note in notes)
    assert run([*words, "--dsn", record.database.dsn("postgres")]) == 0
    assert any("superuser" in note for note in json.loads(capsys.readouterr().out)["notes"])


def test_an_export_says_what_is_not_in_it(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record.seal()
    record.write(1)
    assert run(["audit", "export", str(tmp_path / "out")]) == 0
    err = capsys.readouterr().err
    assert err.startswith("1 batch written to ")
    assert "not sealed yet, and so not in it: 4 rows" in err  # with that of the export
