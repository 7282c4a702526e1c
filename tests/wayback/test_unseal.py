"""Unsealing while the application goes on; killed and gone on with; what stays a mask."""

from __future__ import annotations

import psycopg
import pytest

from pgmask import keyfile
from pgmask.apply.seal import work_through
from pgmask.apply.unseal import begin
from pgmask.cli.main import run
from tests.faults.world import until
from tests.harness import Database, Server
from tests.sealing.test_secrets import _forms
from tests.wayback import site
from tests.wayback.small import CATALOGUE, ROWS, SLOW, adopt, create, end, key_file, running, truths

pytestmark = pytest.mark.requirement("A5", "B3", "F3")
CUSTOMER = "id, name, phone, born, plate::text, remark, updated_at"


def before(server: Server) -> dict[int, tuple[object, ...]]:
    """The customers as they were before pgmask, by key; without the time of making."""
    with server.database(template=server.template("small_adopted", adopt)) as made:
        times = dict(made.rows("SELECT id, updated_at FROM crm_store.customer", user="postgres"))
    with server.database(template=server.template("small_before", create)) as made:
        rows = truths(made, "id, name, phone, born, plate::text, remark", "crm.customer")
    return {row[0]: (*row, times[row[0]]) for row in rows}


def unseal(database: Database, *words: str) -> int:
    """The run of request 1."""
    return run(["unseal", "run", "1", "--key-file", str(key_file(database)), *words,
                "--dsn", database.dsn()])  # fmt: skip


def test_untouched_rows_are_what_they_were_and_written_ones_what_was_written(
    small: Database, server: Server
) -> None:
    was = before(server)
    app = small.connect("app", autocommit=True)
    row = app.execute("SELECT phone, born FROM crm.customer WHERE id = 6").fetchone()
    assert row is not None
    mask, born = row
    assert "*" in mask
    assert born is None
    app.execute("UPDATE crm.customer SET phone = '13711112222' WHERE id = 2")  # sealed still
    site.decide(small, "crm.customer")
    small_key = str(key_file(small))
    with running(small, "unseal", "run", "1", "--key-file", small_key, *SLOW) as process:
        root = small.superuser()
        until(
            lambda: root.execute("SELECT rows_opened > 0 FROM pgmask_private.unseal_run").fetchone()
            == (True,) or process.poll() is not None,
            what="the first batch",
        )  # fmt: skip
        assert process.poll() is None, process.communicate()
        # The first rows are open, the last sealed; whole rows are written back as they were.
        app.execute("UPDATE crm.customer SET name = '李四', phone = phone WHERE id = 4")
        app.execute("UPDATE crm.customer SET remark = 'called' WHERE id = 198")
        app.execute("UPDATE crm.customer SET phone = '13711113333' WHERE id = 196")
        with pytest.raises(psycopg.Error) as refused:
            app.execute("UPDATE crm.customer SET phone = %s WHERE id = 4", (mask,))
        assert refused.value.sqlstate in ("PM042", "PM043")
        with pytest.raises(psycopg.Error) as refused:
            app.execute("UPDATE crm.customer SET born = NULL WHERE id = 4")
        assert refused.value.sqlstate == "PM335"
        # Unique as ever: against an opened row and against a sealed one.
        for phone in ("13800000004", "13800000199"):
            with pytest.raises(psycopg.errors.UniqueViolation):
                app.execute("UPDATE crm.customer SET phone = %s WHERE id = 194", (phone,))
        app.execute("INSERT INTO crm.customer (unit_id, name, phone, born, remark)"
                    " VALUES (1, '新人', '13711114444', '1990-01-01', 'new')")  # fmt: skip
        # The throttle counts the whole server's WAL: a checkpoint in between makes it wait longer.
        assert process.wait(300) == 0, process.communicate()
    now = {row[0]: row for row in truths(small, CUSTOMER)}
    touched = {2: "13711112222", 4: "13800000004", 196: "13711113333", 198: "13800000198"}
    for key, row in was.items():
        if key not in touched:
            assert now[key] == row
        else:
            assert now[key][2] == touched[key]
            assert now[key][3:5] == row[3:5]
    assert now[4][1] == "李四"
    assert now[198][5] == "called"
    assert now[ROWS + 1][2:4] == ("13711114444", psycopg.Date(1990, 1, 1))
    assert all("*" in row[0] for row in truths(small, "insured_phone", "crm_store.policy"))
    record = small.rows(
        "SELECT kind, login::text, table_id, row_count, erased_count FROM pgmask_audit.unseal_event"
        " ORDER BY event_id", user="postgres",
    )  # fmt: skip
    assert record == [
        ("approved", "dora", None, None, None),
        ("begun", "installer", "crm.customer", None, None),
        ("opened", "installer", "crm.customer", ROWS + 1, 0),
    ]


@pytest.mark.parametrize("how", ["client", "server"])
def test_killed_it_goes_on(small: Database, server: Server, how: str) -> None:
    was = before(server)
    site.decide(small)
    root = small.superuser()
    with running(small, "unseal", "run", "1", "--key-file", str(key_file(small)), *SLOW) as process:
        until(
            lambda: root.execute("SELECT sum(rows_opened) >= 20 FROM pgmask_private.unseal_run")
            .fetchone() == (True,) or process.poll() is not None, what="some batches",
        )  # fmt: skip
        assert process.poll() is None, process.communicate()
        end(process, root, how)
    done = [row[0] for row in truths(small, "pgmask_opened")]
    assert 0 < done.count(True) < ROWS
    # The application works on both sorts of rows.
    app = small.connect("app", autocommit=True)
    app.execute("UPDATE crm.customer SET remark = remark")
    assert unseal(small) == 0
    assert {row[0]: row[:6] for row in truths(small, CUSTOMER)} == {
        key: row[:6] for key, row in was.items()
    }
    kinds = small.rows("SELECT kind, table_id FROM pgmask_audit.unseal_event ORDER BY event_id",
                       user="postgres")  # fmt: skip
    assert ("resumed", "crm.customer") in kinds
    assert kinds.count(("opened", "crm.customer")) == 1


def test_erased_subjects_keep_their_masks_and_are_counted(
    small: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    root = small.superuser()
    root.execute("UPDATE pgmask_private.data_key SET state = 'erased', wrapped = NULL,"
                 " ended_at = now() WHERE subject_key IN ('8', '50')")  # fmt: skip
    site.decide(small)
    assert unseal(small) == 0
    said = capsys.readouterr().err
    assert "198 rows hold their truths" in said
    assert "2 rows keep masks" in said
    found = truths(small, "phone, born, pgmask_opened", "crm_store.customer")
    assert [n for n, row in enumerate(found, 1) if "*" in row[0]] == [8, 50]
    assert found[7][1:] == (None, False)
    # What is written to such a row meanwhile is plain.
    app = small.connect("app", autocommit=True)
    app.execute("UPDATE crm.customer SET phone = '13711115555', born = '1991-01-01' WHERE id = 8")
    assert truths(small, "phone", "crm_store.customer")[7] == ("13711115555",)
    # A NOT NULL and the unit's number cannot come back over the other one: refused, then left out.
    words = ["uninstall", "--yes-database", small.name, "--drop-audit", "--dsn", small.dsn()]
    assert run(words) == 1
    assert "PM341" in capsys.readouterr().err
    assert run([*words, "--without-constraints"]) == 0
    assert "born: NOT NULL" in capsys.readouterr().out


def test_a_row_that_does_not_open_stops_it_and_is_named(
    small: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    root = small.superuser()
    kept = root.execute("SELECT pgmask_sealed FROM crm_store.customer WHERE id = 5").fetchone()
    root.execute(
        "UPDATE crm_store.customer SET pgmask_sealed ="
        " set_byte(pgmask_sealed, 30, 255 - get_byte(pgmask_sealed, 30)) WHERE id = 5"
    )
    root.execute("DELETE FROM pgmask_private.data_key WHERE subject_key = '7'")
    site.decide(small, "crm.customer")
    assert unseal(small) == 1
    found = capsys.readouterr()
    assert "PM337" in found.err
    assert "crm.customer\t5\tPM315" in found.out
    assert "crm.customer\t7\tPM314" in found.out
    assert run(["uninstall", "--yes-database", small.name, "--dsn", small.dsn()]) == 3
    assert "crm.customer is sealed" in capsys.readouterr().err
    assert kept is not None
    root.execute("UPDATE crm_store.customer SET pgmask_sealed = %s WHERE id = 5", kept)
    root.execute("DELETE FROM crm_store.customer WHERE id = 7")
    assert unseal(small) == 0


def test_given_up_it_is_sealed_again(small: Database) -> None:
    was = truths(small, "id, phone, born, remark, name", "crm_store.customer")
    site.decide(small)
    assert unseal(small) == 0
    app = small.connect("app", autocommit=True)
    app.execute("UPDATE crm.customer SET phone = '13711116666' WHERE id = 2")
    assert run(["seal", "--all", "--dsn", small.dsn()]) == 3
    site.command(small, "unseal", "cancel", "1", user="rita")
    site.apply(small, CATALOGUE)
    site.command(small, "seal", "--all")
    assert run(["seal", "--all", "--verify", "--dsn", small.dsn()]) == 0
    assert run(["plan", str(CATALOGUE), "--check", "--dsn", small.dsn()]) == 0
    now = truths(small, "id, phone, born, remark, name", "crm_store.customer")
    assert [r for r in now if r[0] != 2] == [r for r in was if r[0] != 2]
    assert "*" in now[1][1]
    columns = small.rows("SELECT attname FROM pg_attribute WHERE attname = 'pgmask_opened'"
                         " AND NOT attisdropped", user="postgres")  # fmt: skip
    assert columns == []


def test_profiles_that_open_when_sealed_are_closed_first(small: Database) -> None:
    def may() -> bool:
        return bool(small.rows(
            "SELECT has_table_privilege('pgmask_analyst', 'analyst.customer', 'SELECT')",
            user="postgres")[0][0])  # fmt: skip

    assert may()
    site.decide(small, "crm.customer")
    assert unseal(small) == 0
    assert not may()
    assert run(["plan", str(CATALOGUE), "--check", "--dsn", small.dsn()]) == 0


@pytest.mark.requirement("F1", "B1")
def test_no_plan_shows_a_truth(small: Database) -> None:
    """Whoever may set debug_print_plan sees no value that comes back (A51)."""
    site.decide(small, "crm.customer")
    said: list[str] = []
    with psycopg.connect(small.dsn(), autocommit=True) as runner:
        runner.add_notice_handler(lambda d: said.append(f"{d.message_primary} {d.message_detail}"))
        runner.execute("SET client_min_messages = log; SET debug_print_plan = on;"
                       " SET plan_cache_mode = force_custom_plan")  # fmt: skip
        table = begin(runner, 1, "crm.customer", keyfile.read(key_file(small)))
        assert work_through(runner, table, batch_rows=50).rows == ROWS
    text = " ".join("".join(said).split())
    assert "PLANNEDSTMT" in text
    assert ("13800000077",) in truths(small, "phone")
    # Its middle as text is mostly noughts, which costs and addresses have as well.
    forms = (*_forms("13800000077")[:2], "13800000077")
    assert not [form for form in forms if form in text]
    said.clear()
    # Control: the value is found where it does stand in a nested statement.
    root = small.superuser()
    root.execute("SET debug_print_plan = on; SET client_min_messages = log")
    root.add_notice_handler(lambda d: said.append(f"{d.message_detail}"))
    root.execute(
        "CREATE TABLE crm.sink (t text); CREATE FUNCTION crm.leaky(p text) RETURNS void"
        " LANGUAGE plpgsql AS $$ BEGIN INSERT INTO crm.sink VALUES (p || ''); END $$"
    )
    root.execute("SELECT crm.leaky(phone) FROM crm_store.customer WHERE id = 77")
    assert any(form in " ".join("".join(said).split()) for form in _forms("13800000077"))


def test_the_estimate_changes_nothing(small: Database, capsys: pytest.CaptureFixture[str]) -> None:
    was = truths(small, "*", "crm_store.customer")
    site.command(small, "unseal", "--all", "--estimate")
    found = capsys.readouterr().out
    assert "crm.customer: 200 rows to open" in found
    assert "WAL" in found
    assert truths(small, "*", "crm_store.customer") == was
