"""Notes in the server's log: a standby, and a server without logical decoding (G1)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pgmask.audit.logs import bites, collect_file, files
from pgmask.cli.main import run
from pgmask.errors import ServerError
from pgmask.server.cluster import Cluster
from tests.attack.test_standby import arrived, standby
from tests.audit.collecting import CARL, READ, access, activity, carl, prepare
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "G2")
FORMATS = ("csvlog", "jsonlog")


@contextmanager
def logging(copy: Cluster, kind: str) -> Iterator[Path]:
    """The standby writes its log in this format; the folder of it."""
    with (copy.data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(
            f"logging_collector = on\nlog_destination = '{kind}'\nlog_directory = 'log'\n"
            "log_file_mode = 0644\nlog_rotation_age = 0\n"
        )
    copy._pg_ctl("-w", "-m", "fast", "stop")
    copy.start()
    yield copy.data / "log"


@pytest.mark.parametrize("kind", FORMATS)
def test_reads_on_a_standby(place: Site, tmp_path: Path, kind: str) -> None:
    prepare(place)
    ticket = place.request(columns=["phone"])
    database = place.database
    with standby(database.server) as copy, logging(copy, kind) as folder:
        arrived(copy, database, str(ticket))
        read_there(place, copy, 2)
        folder.chmod(0o755)
        (log,) = files([folder])
        assert collect(place, log) == (4, 0)  # two log-ins, two reads
        assert collect(place, log) == (0, 0)
        read_there(place, copy, 1)
        whole = log.read_bytes()
        torn = tmp_path / "torn.log"
        torn.write_bytes(whole[: whole.rindex(b"pgmask note")])  # a line that is being written
        assert collect(place, torn)[0] == 1  # the log-in
        moved = tmp_path / "rotated.log.1"
        moved.write_bytes(whole)
        assert collect(place, moved)[0] == 1  # the read, out of the file by its new name
        forged = whole + whole.splitlines(keepends=True)[-1]
        moved.write_bytes(forged.replace(b"pgmask note", b"pgmask note f"))
    rows = access(place, "statement")
    assert [(r["node"], r["table_id"], r["login"], r["position"]) for r in rows] == [
        ("second", "crm.customer", "app", None)
    ] * 3
    assert {r["node"] for r in activity(place, "login")} == {None, "second"} - {None}


def test_a_forged_line_is_rejected(place: Site, tmp_path: Path) -> None:
    """Everybody can write into the server's log."""
    prepare(place)
    log = tmp_path / "postgres.json"
    log.write_text(
        "\n".join(json.dumps({"message": m}) for m in (
            "pgmask note " + "0" * 64 + "\x1fn1\x1fstatement\x1f", "something else",
            "pgmask note ",
        )) + "\n",
        "utf-8",
    )  # fmt: skip
    assert collect(place, log) == (0, 2)
    assert access(place) == []


def test_a_server_without_logical_decoding(
    place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function that writes the line is what leave_note calls there; the command reads it."""
    prepare(place)
    note = place.rows(
        "SELECT pgmask_private.sign_note("
        "'statement', NULL, 'crm.customer', NULL, NULL, NULL, false)"
    )[0][0]
    log = tmp_path / "a.json"
    lines = [json.dumps({"timestamp": "t", "message": f"pgmask note {note}"}), "{}"]
    log.write_text("\n".join(lines) + "\n", "utf-8")
    words = ["audit", "collect", "--log", str(tmp_path), "--dsn", place.database.dsn(CARL)]
    assert run(words) != 0  # whose log?
    assert run([*words, "--node", "first"]) == 0
    assert "1 row stored" in capsys.readouterr().err
    assert run([*words, "--node", "first"]) == 0
    assert "0 rows stored" in capsys.readouterr().err
    assert [r["node"] for r in access(place)] == ["first"]


def test_lines_over_several_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    quoted = '"a ""b""\nc",' + "," * 12 + '"pgmask note x\ny"' + "," * 13 + "\n"
    log.write_text("2026," + "," * 24 + "\n" + quoted * 2, "utf-8")
    with log.open("rb") as file:
        (bite,) = bites(file, log, 0)
    assert bite.notes == ("x\ny", "x\ny")
    assert bite.end == log.stat().st_size


def test_what_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(ServerError) as error:
        files([tmp_path / "missing.csv"])
    assert error.value.code == "PM816"
    plain = tmp_path / "plain.csv"
    plain.write_text("LOG:  pgmask note x\n", "utf-8")
    with plain.open("rb") as file, pytest.raises(ServerError) as error:
        list(bites(file, plain, 0))
    assert error.value.code == "PM816"


def collect(site: Site, log: Path) -> tuple[int, int]:
    found = collect_file(carl(site), log, "second")
    return found.stored, found.rejected


def read_there(site: Site, copy: Cluster, times: int) -> None:
    """Reads of the application on the standby."""
    dsn = copy.dsn(user="app", password="app-pw", dbname=site.database.name)
    with psycopg.connect(dsn, autocommit=True) as one:
        for _ in range(times):
            with one.transaction():
                site.log_in(one, "ann", strong=False)
                one.execute(READ.encode()).fetchall()
    time.sleep(0.5)
