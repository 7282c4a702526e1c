"""What pgaudit wrote into the server's log, taken into the record (G1, G2)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from pgmask.audit.pgaudit import parsed
from pgmask.cli.main import run
from pgmask.server.cluster import Cluster, throw_away
from tests.attack.people import OURS
from tests.audit.collecting import CARL, activity, prepare
from tests.harness import Server
from tests.reveal.site import Site

pytestmark = pytest.mark.requirement("G1", "G2")


@pytest.fixture
def audited(place: Site, server: Server) -> Iterator[Cluster]:
    """Another cluster with pgaudit, and in it a database of the same name."""
    if not (server.binaries.bin.parent / "lib" / "pgaudit.so").exists():
        pytest.skip("pgaudit is not installed for this server")
    settings = {
        "shared_preload_libraries": "pgaudit", "pgaudit.log": "read, write",
        "logging_collector": "on", "log_destination": "jsonlog", "log_directory": "log",
        "log_file_mode": "0644", "log_timezone": place.rows("SHOW log_timezone")[0][0],
    }  # fmt: skip
    with throw_away(major=server.major, settings=settings) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as root:
            root.execute(f'CREATE DATABASE "{place.database.name}"'.encode())
            root.execute("CREATE ROLE app LOGIN PASSWORD 'app-pw'")
        yield cluster


def test_who_did_what_to_which_object_and_no_value(
    place: Site, audited: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(place)
    dsn = audited.dsn(user="app", password="app-pw", dbname=place.database.name)
    with psycopg.connect(dsn, autocommit=True) as app:
        app.execute("SET application_name = 'desk'")
        app.execute("CREATE TABLE pg_temp.people AS SELECT 'x' AS phone")
        app.execute(f"SELECT phone FROM people WHERE phone = '{OURS.phone}'".encode())
        app.execute("SELECT phone FROM people WHERE phone = %s", (OURS.phone,))
    with psycopg.connect(audited.dsn(), autocommit=True) as other:
        other.execute("CREATE TABLE elsewhere AS SELECT 1")  # in another database
    time.sleep(1)
    folder = audited.data / "log"
    folder.chmod(0o755)
    words = ["audit", "collect", "--log", str(folder), "--node", "desk-1",
             "--dsn", place.database.dsn(CARL)]  # fmt: skip
    assert run(words) == 0, capsys.readouterr()
    assert activity(place, "pgaudit") == [], "only where it is asked for"
    place.root.execute("DELETE FROM pgmask_audit.collector")
    assert run([*words, "--pgaudit"]) == 0, capsys.readouterr()
    found = activity(place, "pgaudit")
    reads = [r for r in found if r["detail"]["command"] == "SELECT"]
    assert len(reads) == 3, "two, and that of CREATE TABLE AS"
    assert {(r["login"], r["application_name"], r["node"]) for r in found} == {
        ("app", "desk", "desk-1")
    }
    assert reads[0]["detail"]["group"] == "READ"
    assert OURS.phone not in str(found)
    (near,) = place.rows(
        "SELECT bool_and(abs(extract(epoch FROM now() - at)) < 600) FROM pgmask_audit.activity"
        " WHERE kind = 'pgaudit'"
    )[0]
    assert near, "moments are read in the log's time zone"
    assert run([*words, "--pgaudit"]) == 0
    assert len(activity(place, "pgaudit")) == len(found), "each line once"


def test_what_is_no_line_of_pgaudits() -> None:
    entry = {
        "at": "2026-11-28 07:00:00.123 CST", "login": "app", "database": "d", "backend": "7",
        "address": "10.0.0.7:5432", "application": "desk",
    }  # fmt: skip
    line = 'AUDIT: SESSION,1,1,READ,SELECT,TABLE,crm.customer,"SELECT 1",<not logged>'
    found = parsed(entry | {"message": line})
    assert found is not None
    assert (found.at, found.address, found.object) == (
        "2026-11-28 07:00:00.123", "10.0.0.7", "crm.customer",
    )  # fmt: skip
    for message in ("AUDIT: SESSION,1", "AUDIT: NOTHING,1,1,a,b,c,d,e,f", "AUDIT: ", "other"):
        assert parsed(entry | {"message": message}) is None
    assert parsed(entry | {"message": line, "at": "never"}) is None
    assert parsed(entry | {"message": line, "backend": ""}) is None
