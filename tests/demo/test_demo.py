"""The demonstration through its command line: what it prints is what stands in the database."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from rich.cells import cell_len

from pgmask import keyfile
from pgmask.catalogue import load
from pgmask.cli.main import run
from pgmask.demo.data import generate
from pgmask.demo.keyholder import open_customers
from pgmask.demo.site import DATABASE, KEY_LINK, PEOPLE, open_kept
from pgmask.demo.thief import Loot, search_folder
from pgmask.facts.read import read_facts
from pgmask.plan import make
from pgmask.runtime.keys import GRANT as KEY_GRANT
from pgmask.server import open_cluster, throw_away
from tests.restore import elsewhere

SECONDS = 60
"""Some 12 s alone on two cores; the tests share them."""


@dataclass(frozen=True)
class Kept:
    folder: Path
    lines: list[str]

    def line(self, start: str) -> str:
        return next(line for line in self.lines if line.startswith(start))

    def psql(self, login: str, query: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "psql", login, "-X", "-A", "-t", "-c", query],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip


def _demo(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = dict(os.environ)
    if folder is not None:
        environ["PGMASK_DEMO"] = str(folder)
    return subprocess.run(
        [sys.executable, "-m", "pgmask", "demo", *words],
        env=environ, capture_output=True, text=True, check=False, timeout=SECONDS * 3,
    )  # fmt: skip


def _texts(out: str) -> list[str]:
    """The lines without their numbers, which must count up by one."""
    found = []
    for number, line in enumerate(out.splitlines(), start=1):
        assert int(line[:3]) == number
        found.append(line[5:])
    return found


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    # Short and open to the account that runs the server: a socket lies in it.
    parent = Path(tempfile.mkdtemp(prefix="pgmask-kept-", dir="/tmp"))
    parent.chmod(0o755)
    folder = parent / "demo"
    try:
        done = _demo("--quick", "--keep", folder=folder)
        assert done.returncode == 0, done.stderr + done.stdout
        yield Kept(folder, _texts(done.stdout))
        stopped = _demo("stop", folder=folder)
        assert stopped.returncode == 0, stopped.stderr
        assert not folder.exists()
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@pytest.mark.requirement("B1", "F1")
def test_everybody_sees_in_psql_what_was_printed(kept: Kept) -> None:
    number = kept.line("SELECT name").partition(" -- ")[0].split()[-1]
    for login, heading in (
        ("agent_li", "  agent 李娜"),
        ("service_wu", "  service desk"),
        ("analyst_sun", "  analyst"),
    ):  # fmt: skip
        done = kept.psql(
            login, f"SELECT name, phone, id_no, address FROM customer WHERE id = {number}"
        )
        assert done.returncode == 0, done.stderr
        for cell in done.stdout.strip().split("|"):
            # The number was changed by a later line of the same run.
            if not re.fullmatch(r"1\d\d\*{4}\d{4}", cell):
                assert (cell or "NULL") in kept.line(heading)
    li = kept.line("  agent 李娜")
    yesterday = kept.line("  yesterday")
    phone = next(w for w in yesterday.split() if re.fullmatch(r"1\d{10}", w))
    assert phone not in li
    assert f"{phone[:3]}****{phone[-4:]}" in li


@pytest.mark.requirement("C1", "C6")
def test_who_is_refused_is_told_why(kept: Kept) -> None:
    assert kept.line("  agent 赵强").endswith("no row")
    for login, code in (("agent_qian", "PM103"), ("crm_app", "PM101")):
        done = kept.psql(login, "SELECT count(*) FROM customer")
        assert done.returncode != 0
        sqlstate = kept.psql(login, "\\set VERBOSITY sqlstate\nSELECT count(*) FROM customer")
        assert code in sqlstate.stderr + done.stderr or "identity" in done.stderr
    assert "PM103" in kept.line("  agent 钱进")
    assert "PM101" in kept.line("  the application, for nobody")


@pytest.mark.requirement("C1", "D1", "D2")
def test_the_counts_are_those_of_the_data(kept: Kept) -> None:
    customer = generate(2_000).table("customer")
    unit, owner, grade = (customer.columns.index(c) for c in ("unit_id", "owner_id", "card_grade"))
    rows = [r for r in customer.rows if r[unit] == 7]
    hidden = [r for r in rows if r[grade] in {"diamond", "black"} and r[owner] != 701]
    line = kept.line("  unit 7 has")
    assert f"{len(rows):,} customers" in line
    assert f"counts {len(rows) - len(hidden):,}" in line
    assert f" {len(hidden)} high-value" in line
    assert hidden
    assert kept.psql("agent_li", "SELECT count(*) FROM customer").stdout.strip() == str(
        len(rows) - len(hidden)
    )


@pytest.mark.requirement("F1", "F3")
def test_every_truth_is_still_there_under_the_key(kept: Kept) -> None:
    customer = generate(2_000).table("customer")
    site = open_kept(kept.folder)
    kek = keyfile.read(site.key_file)
    with site.connect("dba") as dba:
        dba.execute("SET ROLE pgmask_sealer")
        found = open_customers(dba, kek, [r[0] for r in customer.rows])
    assert len(found) == 2_000
    changed = 0
    for row in customer.rows:
        whole = dict(zip(customer.columns, row, strict=True))
        truth = found[whole["id"]]
        if truth["phone"] == "13900001111":
            changed += 1
            truth["phone"] = whole["phone"]
        for name in ("phone", "landline", "email", "address", "id_no"):
            assert truth.get(name) == whole[name], (whole["id"], name)
    assert changed == 1


@pytest.mark.requirement("F1")
def test_the_thief_finds_nothing_in_what_is_left(kept: Kept) -> None:
    assert re.search(r"reads 1,680 of 1,680 phone numbers", kept.line("          who copies"))
    assert "0 of 1,680 phone numbers" in kept.line("thief")
    loot = Loot.of(generate(2_000))
    search_folder(kept.folder / "data", loot)
    assert loot.total == 0


@pytest.mark.requirement("A4")
def test_planned_again_nothing_is_left_to_do(kept: Kept) -> None:
    with open_kept(kept.folder).connect("dba") as dba:
        plan = make(load(kept.folder / "catalogue" / "pgmask.yml"), read_facts(dba))
    assert plan.empty, [(s.table, s.drifted) for s in plan.steps]


@pytest.mark.requirement("F1")
def test_it_is_restored_elsewhere_and_verified_with_the_key(kept: Kept, tmp_path: Path) -> None:
    first, site = open_cluster(kept.folder), open_kept(kept.folder)
    with elsewhere(
        first.binaries,
        superuser=first.dsn(dbname=DATABASE),
        backup=site.dsn("nightly"),
        folder=tmp_path,
    ) as (fresh, dsn):
        assert run(["seal", "--all", "--verify", "--dsn", dsn]) == 1
        # The key comes by another way than the backup.
        key = fresh.folder / "1.key"
        key.write_bytes(site.key_file.read_bytes())
        fresh.account.own(key)
        (fresh.data / KEY_LINK).symlink_to(key)
        with psycopg.connect(dsn, autocommit=True) as admin:
            admin.execute(KEY_GRANT)
        assert run(["seal", "--all", "--verify", "--dsn", dsn]) == 0


@pytest.mark.requirement("B2", "B3")
def test_what_was_revealed_is_on_record_and_no_more_is_given(kept: Kept) -> None:
    assert "13900001111   (on record first; 29 left today)" in kept.line("reveal phone")
    assert "29 more, then ERROR PM405" in kept.line("500 reveals")
    with open_kept(kept.folder).connect("dba") as dba:
        dba.execute("SET ROLE pgmask_owner")
        found = dba.execute(
            "SELECT kind, count(*) FROM pgmask_audit.ticket WHERE person_id = 701 GROUP BY kind"
        ).fetchall()
    assert dict(found) == {"reveal": 30, "search": 1}


@pytest.mark.requirement("A5", "B7")
def test_django_the_migration_and_the_way_back_are_told(kept: Kept) -> None:
    assert "5 of 5 truths kept" in kept.line("Django")
    assert "views back" in kept.line("a migration")
    assert kept.psql("agent_li", "SELECT DISTINCT preferred_hour FROM customer").stdout == "9\n"
    assert "its dump is that of line 1" in kept.line("way back")


@pytest.mark.requirement("G2", "G4")
def test_the_record_of_a_kept_one_is_whole_and_goes_on(kept: Kept) -> None:
    """The lines it prints for the auditor and the keeper, run as they stand."""
    lines = [line.strip() for line in kept.lines]
    begin = next(n for n, line in enumerate(lines) if line.startswith("export PGSERVICEFILE="))
    export = lines[begin]
    for line in lines[begin + 1 : begin + 5]:
        for part in line.split(";"):
            words = part.split()
            assert words[0] == "pgmask"
            command = shlex.join([sys.executable, "-m", "pgmask", *words[1:]])
            done = subprocess.run(
                ["sh", "-c", f"{export}; {command}"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr + done.stdout
            if "who_saw" in part:
                assert "shown" in done.stdout
            if "collect" in part:
                assert "PM721" not in done.stderr


def test_a_second_one_is_refused_while_one_is_kept(kept: Kept) -> None:
    done = _demo("--quick", "--keep", folder=kept.folder)
    assert done.returncode == 1
    assert "PM036" in done.stderr
    assert done.stdout == ""


def test_the_first_twenty_lines_tell_the_story(kept: Kept) -> None:
    first = "\n".join(kept.lines[:20])
    for word in ("today", "check", "apply", "seal", "thief", "SELECT name", "PM103", "PM101"):
        assert word in first
    assert max(map(cell_len, kept.lines[:20])) <= 130


def test_on_another_s_server_nothing_is_left() -> None:
    with throw_away() as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            admin.execute("CREATE ROLE boss LOGIN CREATEROLE CREATEDB PASSWORD 'boss-pw'")
            before = _inventory(admin)
        dsn = cluster.dsn(user="boss", password="boss-pw")
        done = _demo("--customers", "400", "--dsn", dsn)
        assert done.returncode == 0, done.stderr + done.stdout
        assert "0 of" in next(t for t in _texts(done.stdout) if t.startswith("thief"))
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            assert _inventory(admin) == before
            admin.execute(f"CREATE ROLE {PEOPLE[0]}")
        done = _demo("--customers", "400", "--dsn", dsn)
        assert done.returncode == 3
        assert "PM035" in done.stderr


def _inventory(admin: psycopg.Connection[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return admin.execute(
        "SELECT rolname::text FROM pg_roles UNION ALL SELECT datname::text FROM pg_database"
        " ORDER BY 1"
    ).fetchall()
