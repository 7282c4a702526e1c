"""pgmask audit collect and status: the daemon, one visit, health (G1)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from pgmask.audit.metrics import Metrics
from pgmask.cli.audit_collect import serve
from pgmask.cli.main import run
from tests.audit.collecting import CARL, access, drop_slot, prepare, read
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1")


def test_set_up_once_and_catch_up(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(place)
    dsn = ["--dsn", place.database.dsn(CARL)]
    assert run(["audit", "collect", "--setup", *dsn]) == 0
    assert run(["audit", "collect", "--setup", *dsn]) == 0
    assert run(["audit", "collect", "--once", *dsn]) == 0
    said = capsys.readouterr().err
    assert "the slot was made" in said
    assert "the slot is there" in said
    assert "the record begins here" in said  # and that is no loss
    assert "PM812" not in said
    read(place)
    assert run(["audit", "collect", "--catch-up", *dsn]) == 0
    assert "2 rows stored" in capsys.readouterr().err
    assert len(access(place, "statement")) == 1
    assert not capsys.readouterr().err


def test_a_slot_that_can_be_read_is_not_renewed(
    place: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its notes are stored; only what cannot be read is given up, with a gap."""
    prepare(place)
    dsn = ["--dsn", place.database.dsn(CARL)]
    assert run(["audit", "collect", "--once", *dsn]) == 0
    for _ in range(5):
        read(place)
    capsys.readouterr()
    assert run(["audit", "collect", "--renew", *dsn]) == 0
    said = capsys.readouterr().err
    assert "the slot can be read: it was read to its end and stays" in said
    assert "PM812" not in said
    assert len(access(place, "statement")) == 5
    drop_slot(place)
    assert run(["audit", "collect", "--renew", *dsn]) == 0
    said = capsys.readouterr().err
    assert "the slot was made anew" in said
    assert "PM812" in said


def test_without_the_publication(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Before 18 nothing is read, and nothing thrown away until it is there again."""
    prepare(place)
    dsn = ["--dsn", place.database.dsn(CARL)]
    assert run(["audit", "collect", "--once", *dsn]) == 0
    patient = place.root.info.server_version >= 180000
    place.root.execute("DROP PUBLICATION pgmask_notes")
    place.root.execute("CREATE TABLE public.changed AS SELECT 1")
    place.root.execute("INSERT INTO public.changed VALUES (2)")
    read(place)
    capsys.readouterr()
    assert run(["audit", "collect", "--renew", *dsn]) == (0 if patient else 1)
    said = capsys.readouterr().err
    assert ("CREATE PUBLICATION pgmask_notes" in said) is not patient
    assert "PM812" not in said
    place.root.execute("CREATE PUBLICATION pgmask_notes")
    assert run(["audit", "collect", "--once", *dsn]) == (0 if patient else 1)
    assert len(access(place, "statement")) == (1 if patient else 0)
    capsys.readouterr()
    assert run(["audit", "collect", "--renew", *dsn]) == 0
    said = capsys.readouterr().err
    assert ("PM812" in said) is not patient  # what lay in the old slot is lost there, on record
    read(place)
    assert run(["audit", "collect", "--once", *dsn]) == 0
    assert len(access(place, "statement")) == (2 if patient else 1)


def test_one_thing_at_a_time(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    dsn = ["--dsn", place.database.dsn(CARL)]
    for words in (["--once", "--catch-up"], ["--setup", "--once"], ["--log", "x", "--renew"]):
        assert run(["audit", "collect", *words, *dsn]) == 1
        assert "one of them at a time" in capsys.readouterr().err


def test_status(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(place)
    dsn = ["--dsn", place.database.dsn(CARL)]
    assert run(["audit", "status", *dsn]) == 2
    said = capsys.readouterr().err
    assert "PM721: there is no slot" in said
    assert "pgmask audit collect --setup" in said
    assert run(["audit", "collect", "--once", *dsn]) == 0
    capsys.readouterr()
    assert run(["audit", "status", "--format", "json", *dsn]) == 2
    told = json.loads(capsys.readouterr().out)
    assert [a["code"] for a in told["alarms"]] == ["PM723"]  # the test's server has no limit
    assert (told["wal_status"], told["safe"], told["months_ahead"]) == ("reserved", None, 6)
    assert told["alarms"][0]["way_out"].startswith("ALTER SYSTEM SET max_slot_wal_keep_size")
    assert run(["audit", "status", "--dsn", place.database.dsn("mallory")]) == 1
    assert "PM817" in capsys.readouterr().err


def test_the_daemon_ends_when_it_is_told(place: Site) -> None:
    prepare(place)
    words = [sys.executable, "-m", "pgmask", "audit", "collect", "--interval", "0.1"]
    environ = os.environ | {"PGMASK_DSN": place.database.dsn(CARL)}
    with subprocess.Popen(words, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "collecting\n"
        wait(lambda: bool(place.rows("SELECT FROM pgmask_audit.collector")))
        read(place)
        wait(lambda: len(access(place, "statement")) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read().endswith("stopped\n")


def test_the_daemon_waits_for_its_server_and_tells_prometheus(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(place)
    monkeypatch.setattr("pgmask.cli.audit_collect._RETRY", 0.2)
    ports: list[int] = []

    class Spied(Metrics):
        def __init__(self, where: str) -> None:
            super().__init__(where)
            ports.append(self.port)

    monkeypatch.setattr("pgmask.cli.audit_collect.Metrics", Spied)
    stop = threading.Event()
    thread = threading.Thread(
        target=serve, args=(place.database.dsn(CARL), stop),
        kwargs={"interval": 0.1, "limit": 1000, "patience": 20.0, "metrics": "127.0.0.1:0"},
    )  # fmt: skip
    thread.start()
    try:
        wait(lambda: bool(place.rows("SELECT FROM pgmask_audit.collector")))
        place.rows(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", CARL
        )
        read(place)
        wait(lambda: len(access(place, "statement")) == 1)

        def told() -> dict[str, str]:
            with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/metrics") as answer:
                lines = answer.read().decode().splitlines()
            return dict(line.rsplit(" ", 1) for line in lines if line[:1] != "#")

        wait(lambda: told().get("pgmask_audit_stored_total") == "2.0")
        found = told()
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert found["pgmask_audit_slot"] == "1.0"
    assert found["pgmask_audit_bytes_to_loss"] == "+Inf"
    assert float(found["pgmask_audit_last_visit_timestamp_seconds"]) > time.time() - 60
    assert found['pgmask_audit_alarm{code="PM723",now="false"}'] == "1.0"


def wait(condition) -> None:  # type: ignore[no-untyped-def]
    """At most 30 seconds."""
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")
