"""Heads outside of the database, exports, proofs and restored backups (G2)."""

from __future__ import annotations

import http.server
import json
import shutil
import stat
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from pgmask.audit import keys
from pgmask.audit.anchors import Anchor, last_batch, leave, read
from pgmask.audit.batch import Header
from pgmask.audit.export import Proof, export, prove
from pgmask.audit.restored import excused
from pgmask.audit.seal import register_key
from pgmask.audit.verify import check_timestamps, verify
from pgmask.cli.main import run
from pgmask.errors import PgmaskError
from pgmask.resources import example_dir
from tests.actors import SUPERUSER
from tests.audit.record import KEEPER, Record, said
from tests.harness import Connection, Database
from tests.restore import elsewhere

pytestmark = pytest.mark.requirement("G2")


@pytest.fixture
def record(installed: Database, tmp_path: Path) -> Record:
    made = Record(installed, tmp_path)
    made.write(5)
    made.seal()
    return made


def test_a_file_is_only_added_to(record: Record, tmp_path: Path) -> None:
    place = tmp_path / "heads"
    leave(record.keeper, record.head(), [f"file:{place}"])
    record.write()
    record.seal()
    leave(record.keeper, record.head(), [str(place)])
    assert [a.batch for a in read([str(place)])] == [1, 2]
    report = record.report(anchors=read([str(place)]))
    assert report.findings == ()
    assert any("agree up to batch 2 of 2" in note for note in report.notes)
    with pytest.raises(PgmaskError) as refused:
        leave(record.keeper, record.head(), [str(tmp_path / "no" / "such"), str(place)])
    assert refused.value.code == "PM824"
    assert [a.batch for a in read([str(place)])] == [1, 2, 2]  # the other place has it all the same


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with object lock on a local server of S3's protocol."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # Its buckets outlive the server within a process.
    reset = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()  # noqa: S310
    for name, value in (("AWS_ENDPOINT_URL", f"http://{host}:{port}"), ("AWS_ACCESS_KEY_ID", "a"),
                        ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_DEFAULT_REGION", "us-east-1"),
                        ("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")):  # fmt: skip
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="heads", ObjectLockEnabledForBucket=True)
    try:
        yield "s3://heads/insurer"
    finally:
        server.stop()


def test_a_locked_object(record: Record, bucket: str) -> None:
    leave(record.keeper, record.head(), [bucket], lock_days=30)
    found = read([bucket])
    assert record.report(anchors=found).findings == ()
    assert [a.batch for a in found] == [1]
    client = boto3.client("s3")
    (version,) = client.list_object_versions(Bucket="heads")["Versions"]
    with pytest.raises(ClientError):
        client.delete_object(Bucket="heads", Key=version["Key"], VersionId=version["VersionId"])
    assert read([bucket]) == found
    with pytest.raises(PgmaskError) as refused:
        leave(record.keeper, record.head(), ["s3://no-such-bucket/x"])
    assert refused.value.code == "PM824"


class Stamps:
    """A time stamping service: OpenSSL's, behind a small web server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = shutil.which("openssl")
        assert program is not None
        self.program = program
        (folder / "tsa.cnf").write_text(
            "[req]\ndistinguished_name=dn\n[dn]\n[root]\nbasicConstraints=critical,CA:true\n"
            "keyUsage=keyCertSign\nsubjectKeyIdentifier=hash\n"
            "[tsa]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=digitalSignature\n"
            "authorityKeyIdentifier=keyid\n"
            f"[service]\nserial={folder}/serial\ncrypto_device=builtin\nsigner_digest=sha256\n"
            f"signer_cert={folder}/tsa.pem\nsigner_key={folder}/tsa.key\n"
            "default_policy=1.2.3.4\ndigests=sha256,sha512\nordering=no\ntsa_name=no\n"
            "ess_cert_id_chain=no\ness_cert_id_alg=sha256\n",
            "utf-8",
        )
        (folder / "serial").write_text("01\n", "utf-8")
        self._ssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out",
                  "root.pem", "-subj", "/CN=root", "-days", "30", "-extensions", "root",
                  "-config", "tsa.cnf")  # fmt: skip
        self._ssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
                  "-subj", "/CN=tsa", "-config", "tsa.cnf")  # fmt: skip
        self._ssl("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key",
                  "-CAcreateserial", "-out", "tsa.pem", "-days", "30", "-extfile", "tsa.cnf",
                  "-extensions", "tsa")  # fmt: skip
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                (service.folder / "asked").write_bytes(asked)
                service._ssl("ts", "-reply", "-queryfile", "asked", "-config", "tsa.cnf",
                             "-section", "service", "-out", "given")  # fmt: skip
                self.send_response(200)
                self.end_headers()
                self.wfile.write((service.folder / "given").read_bytes())

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"timestamp:http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def _ssl(self, *words: str) -> None:
        done = subprocess.run(
            [self.program, *words], cwd=self.folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def stamps(tmp_path: Path) -> Iterator[Stamps]:
    folder = tmp_path / "tsa"
    folder.mkdir()
    made = Stamps(folder)
    try:
        yield made
    finally:
        made.stop()


def test_a_time_stamp(
    record: Record, stamps: Stamps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    leave(record.keeper, record.head(), [stamps.url])
    root = (stamps.folder / "root.pem").read_bytes()
    notes: list[str] = []
    assert check_timestamps(record.keeper, [root], notes) == ()
    assert len(notes) == 1
    assert notes[0].startswith("A time stamp proves that batch 1 existed at ")
    # A stamp of one head says nothing of another one.
    record.write()
    record.seal()
    with record.tampering("superuser") as hand:
        hand.execute("UPDATE pgmask_audit.anchor SET batch_id = 2")
    assert [f.kind for f in check_timestamps(record.keeper, [root], [])] == ["anchor"]


def test_an_export_is_verified_with_python_alone(record: Record, tmp_path: Path) -> None:
    record.write(2)
    record.seal()

    def offline(folder: Path, key: str = "seal.key.pub") -> tuple[int, str]:
        return alone(str(folder), str(tmp_path / key))

    assert export(record.keeper, tmp_path / "whole") == 2
    code, said_ = offline(tmp_path / "whole")
    assert (code, "Everything holds." in said_) == (0, True), said_
    assert record.report().head in said_
    with pytest.raises(PgmaskError):
        export(record.keeper, tmp_path / "whole")
    assert export(record.keeper, tmp_path / "range", first=2) == 1
    assert offline(tmp_path / "range")[0] == 0
    record.new_key("other.key")
    code, said_ = offline(tmp_path / "whole", "other.key.pub")
    assert (code, said_.count("is none of those you brought")) == (2, 2)

    lines = (tmp_path / "whole" / "access.lines").read_text("utf-8")
    (tmp_path / "whole" / "access.lines").write_text(lines.replace("k2\t", "k9\t", 1), "utf-8")
    assert "batch 1: access " in offline(tmp_path / "whole")[1]
    assert "edited: [2]" in offline(tmp_path / "whole")[1]

    with record.tampering("superuser") as hand:
        hand.execute("DELETE FROM pgmask_audit.access WHERE access_id = 3")
        hand.execute("UPDATE pgmask_audit.change SET backend = 1 WHERE change_id = 6")
        hand.execute(
            "UPDATE pgmask_audit.ticket SET at = at - interval '1 year' WHERE ticket_number = 1"
        )
    export(record.keeper, tmp_path / "spoilt")
    code, said_ = offline(tmp_path / "spoilt")
    assert code == 2
    for words in ("deleted: [3]", "edited: [6]", "deleted: [1]", "inserted: [1]", "findings: 4"):
        assert words in said_


def alone(*words: str) -> tuple[int, str]:
    """The program of the example without any library: its code, and what it said."""
    script = example_dir("verify") / "verify_record.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_an_export_over_a_change_of_keys(record: Record, tmp_path: Path) -> None:
    """Each key is brought; heads are compared, and an end that was cut off shows by them."""
    heads = tmp_path / "heads"
    leave(record.keeper, record.head(), [str(heads)])
    record.key = record.new_key("new.key")
    register_key(record.keeper, record.key)
    record.write(1)
    record.seal()
    leave(record.keeper, record.head(), [str(heads)])
    old, new = str(tmp_path / "seal.key.pub"), str(tmp_path / "new.key.pub")
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    export(record.keeper, Path(whole))
    export(record.keeper, Path(cut), last=1)
    code, said_ = alone(whole, old)
    assert (code, said_.count("is none of those you brought")) == (2, 1)
    code, said_ = alone(whole, old, new, "--heads", str(heads))
    assert (code, "The heads agree up to batch 2." in said_) == (0, True), said_
    code, said_ = alone(cut, old, new, "--heads", str(heads))
    assert (code, "its end was cut off" in said_) == (2, True), said_
    assert alone(cut, old, new, "--heads", str(heads), "--to", "1")[0] == 0
    lines = heads.read_text("utf-8")
    heads.write_text(lines.replace('"batch":2', '"batch":1'), "utf-8")
    assert alone(whole, old, new, "--heads", str(heads))[0] == 2
    heads.write_text("", "utf-8")
    assert alone(whole, old, new, "--heads", str(heads))[0] == 2


def test_an_export_is_for_its_account_alone(record: Record, tmp_path: Path) -> None:
    export(record.keeper, tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert modes == {0o600}


def test_mistakes_with_an_export_are_told(record: Record, tmp_path: Path) -> None:
    """1: it could not be asked so; 2: what was brought is damaged. Never a traceback."""
    out, key = tmp_path / "out", str(tmp_path / "seal.key.pub")
    export(record.keeper, out)
    (tmp_path / "README").write_text("no key", "utf-8")
    for words in (
        (), (str(out),), (str(tmp_path), key), (str(out), str(tmp_path / "none")),
        (str(out), str(tmp_path / "README")), (str(out), str(tmp_path / "seal.key")),
        (str(out), str(out)), (str(out), key, "--heads", str(tmp_path / "none")),
    ):  # fmt: skip
        assert alone(*words)[0] == 1, words
    assert "this is the private key" in alone(str(out), str(tmp_path / "seal.key"))[1]
    assert alone("--help")[0] == 0
    batches = out / "batches.jsonl"
    whole = batches.read_bytes()
    for spoilt in (whole[:-100], b"{}\n", b"\xff\xfe\n", b"", whole.replace(b"parts", b"xarts")):
        batches.write_bytes(spoilt)
        assert alone(str(out), key)[0] == 2, spoilt[:20]
    batches.write_bytes(whole)
    (out / "access.lines").write_bytes(b"1\n1\t0\n")
    assert alone(str(out), key)[0] == 2


def test_the_proof_of_one_event(record: Record) -> None:
    keyring = keys.ring([record.key.public])
    for table, number in (("access", 1), ("access", 5), ("ticket", 3), ("activity", 1)):
        made = Proof.parse(prove(record.keeper, table, number).json())
        assert made.holds(keyring)
        assert not made.holds(keys.ring([record.new_key(f"{table}{number}").public]))
        assert not Proof.parse(made.json().replace("\\tapp\\t", "\\tann\\t")).holds(keyring) or (
            "\tapp\t" not in made.line
        )
        assert not Proof.parse(
            made.json().replace(f'"number":{number}', f'"number":{number + 1}')
        ).holds(keyring)
    with pytest.raises(PgmaskError) as refused:
        prove(record.keeper, "access", 99)
    assert refused.value.code == "PM829"


def test_the_commands(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PGMASK_DSN", record.database.dsn(KEEPER))
    key, public = str(tmp_path / "seal.key"), str(tmp_path / "seal.key.pub")
    heads = str(tmp_path / "heads")
    record.write(1)
    assert run(["audit", "seal", "--key", key, "--to", heads]) == 0
    assert run(["audit", "anchor", "--key", key, "--to", "stdout"]) == 0
    assert json.loads(capsys.readouterr().out)["head"]["batch"] == 2
    verifying = ["audit", "verify", "--public-key", public, "--anchor", heads, "--workers", "1"]
    assert run(verifying) == 0
    assert run(["audit", "proof", "access", "2"]) == 0
    (tmp_path / "proof.json").write_text(capsys.readouterr().out, "utf-8")
    proof = ["audit", "verify", "--proof", str(tmp_path / "proof.json"), "--public-key", public]
    assert run(proof) == 0
    assert "\tk2\t" in capsys.readouterr().out
    assert run(["audit", "export", str(tmp_path / "out")]) == 0
    assert run(["audit", "retention"]) == 0
    assert run(["audit", "key", "show", public]) == 0
    with record.tampering("owner") as hand:
        hand.execute("UPDATE pgmask_audit.access SET backend = 1 WHERE access_id = 2")
    capsys.readouterr()
    assert run([*verifying, "--format", "json"]) == 2
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["kind"], finding["table"], finding["number"]) == ("edited", "access", 2)
    (tmp_path / "seal.key").chmod(0o644)
    assert run(["audit", "seal", "--key", key]) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_an_old_backup(record: Record, tmp_path: Path, workers: int) -> None:
    """Restored elsewhere: a new era and line, what was not sealed is taken over, the cut shows."""
    database = record.database
    record.root.execute("GRANT pgmask_backup TO nightly")
    record.write(2)  # in the dump, in no batch
    heads = str(tmp_path / "heads")
    leave(record.keeper, record.head(), [heads])
    with elsewhere(
        database.server.binaries, superuser=database.dsn(SUPERUSER), backup=database.dsn("nightly"),
        folder=tmp_path,
    ) as (_, dsn):  # fmt: skip
        record.seal()
        leave(record.keeper, record.head(), [heads])  # of a batch that the backup has not
        from pgmask.runtime import install
        from pgmask.server import connect

        install(dsn)
        there = [record.key.public]
        found = verify(dsn, keys=there, anchors=read([heads]), workers=workers).findings
        assert said(list(found)) == [("cut", "", None)], sorted(str(f) for f in found)
        with connect(dsn, autocommit=True) as connection:
            from pgmask.audit.seal import seal

            made = seal(connection, record.key)
            assert made is not None
            assert {(p.table, p.carried, p.rows) for p in made.header.parts} >= {
                ("access", True, 2), ("change", True, 2), ("ticket", True, 2),
            }  # fmt: skip
            assert made.header.line > 1
            acknowledged(connection, dsn, heads, made.header.line, tmp_path)
            for query in (
                "SELECT pg_current_xact_id()",
                "SELECT pgmask.set_retention('access', '9 years')",
            ):
                connection.execute(query.encode())
            made = seal(connection, record.key)
            assert made is not None
            assert verify(dsn, keys=there, workers=workers).findings == ()
            for statement in (
                "ALTER TABLE pgmask_audit.ticket DISABLE TRIGGER USER",
                "UPDATE pgmask_audit.ticket SET person_id = 5 WHERE ticket_number IN (2, 6)",
            ):
                connection.execute(statement.encode())
            report = verify(dsn, keys=there, workers=workers)
            assert [f.number for f in report.findings if f.kind == "edited"] == [2, 6]
            found = verify(dsn, keys=there, anchors=read([heads]), workers=workers).findings
            assert "replaced" in {f.kind for f in found}


def acknowledged(
    connection: Connection, dsn: str, heads: str, era: int, folder: Path
) -> None:  # fmt: skip
    """Only who names the restore is told no more of what it lost; later heads are not excused."""
    verifying = ["audit", "verify", "--dsn", dsn, "--anchor", heads, "--public-key",
                 str(folder / "seal.key.pub"), "--workers", "1"]  # fmt: skip
    assert run(verifying) == 2
    assert run([*verifying, "--acknowledge-restore", str(era)]) == 0
    for other in (1, era + 1):
        assert run([*verifying, "--acknowledge-restore", str(other)]) == 1
    # A head that was left since is of what somebody cut off.
    batch = last_batch(connection)
    assert batch is not None
    number = Header.parse(batch.text).batch
    text = batch.text.replace(f'"batch":{number}', '"batch":9')
    later = Anchor.of(replace(batch, text=text), keys.read_private(folder / "seal.key"))
    trusted = keys.ring([keys.read_public(folder / "seal.key.pub")])
    kept, _ = excused(connection, [*read([heads]), later], era, trusted)
    assert [head.batch for head in kept] == [1, 9]


def test_a_copy_of_the_database_goes_on_in_one_line(record: Record) -> None:
    record.database.close()
    server = record.database.server
    with server.database(template=record.database.name) as copied:
        other = Record.__new__(Record)
        other.database, other.key = copied, record.key
        other.root = copied.superuser()
        other.keeper = copied.connect(KEEPER, autocommit=True)
        assert other.found() == []
        other.write(2)
        made = other.seal()
        assert (made.header.line, made.header.xid_from) == (1, made.header.xid_from)
        assert made.header.xid_from > 0
        assert other.found() == []
