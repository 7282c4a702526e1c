"""Locks held by others, and pgmask against itself: retried, given up cleanly, never mixed."""

from __future__ import annotations

import re
import threading

import pytest

from tests.faults.world import (
    APPROVED,
    LEVEL_1,
    ROWS,
    Site,
    backends,
    failed,
    finished,
    held,
    until,
    waits_for_lock,
)

pytestmark = pytest.mark.requirement("A5", "B1")


def named(told: str, pid: int) -> bool:
    return re.search(rf"\bpid {pid}\b", told) is not None


@pytest.mark.parametrize("mode", ["ACCESS SHARE", "ACCESS EXCLUSIVE"])
def test_apply_gives_up_a_held_table(plain: Site, mode: str) -> None:
    """The application's long transaction wins; who holds what is named."""
    with held(plain.database, f"LOCK TABLE crm.customer IN {mode} MODE", user="installer") as other:
        done = plain.refused("apply", "plan.json", *APPROVED, "--lock-timeout", "100",
                             "--attempts", "3", code="PM234", says="crm.customer")  # fmt: skip
        assert named(done.stderr, other.info.backend_pid), done.stderr
        assert plain.database.rows("SELECT to_regclass('crm_store.customer')") == [(None,)]
    plain.closed()
    plain.apply()
    plain.people()
    plain.seal()
    plain.whole()


def test_apply_waits_for_a_lock_that_is_let_go(plain: Site) -> None:
    with held(plain.database, "LOCK TABLE crm.policy IN ACCESS SHARE MODE", user="app") as other:
        process = plain.start("apply", "plan.json", *APPROVED)
        with plain.database.superuser() as su:
            until(lambda: waits_for_lock(su) or process.poll() is not None)
        # Traffic behind the waiting request is not held up for longer than one attempt.
        assert plain.sees("app", "SELECT count(*) FROM crm.policy") == [(ROWS,)]
        other.rollback()
        assert finished(process).returncode == 0


@pytest.mark.parametrize("mode", ["ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE"])
def test_seal_gives_up_a_held_table(applied: Site, mode: str) -> None:
    with held(applied.database, f"LOCK TABLE crm_store.customer IN {mode} MODE") as other:
        done = applied.refused("seal", "crm.customer", "--lock-timeout", "100", "--attempts", "3", says="customer",  # noqa: E501
                               code="PM234" if mode == "ACCESS EXCLUSIVE" else "PM323")  # fmt: skip
        assert named(done.stderr, other.info.backend_pid), done.stderr
        if mode == "ACCESS EXCLUSIVE":
            blocked = applied.refused("drift", code="PM234", says="crm_store.customer")
            assert named(blocked.stderr, other.info.backend_pid), blocked.stderr
    assert not any(applied.truths().values())
    applied.closed()
    applied.seal()
    applied.whole()


def test_seal_leaves_out_a_held_row_and_takes_it_at_last(applied: Site) -> None:
    change = "UPDATE crm_store.customer SET unit_id = unit_id WHERE id = 8"
    with held(applied.database, change) as other:
        done = applied.refused("seal", "crm.customer", "--lock-timeout", "100", "--attempts", "3",
                               code="PM323")  # fmt: skip
        assert named(done.stderr, other.info.backend_pid), done.stderr
        truths = applied.truths()
        assert [n for n, v in truths.items() if v is None] == [8], "all but the held row"
    applied.closed()
    applied.seal()
    applied.whole()


def test_two_applies(plain: Site) -> None:
    with held(plain.database, "LOCK TABLE crm.policy IN ACCESS SHARE MODE") as other:
        first = plain.start("apply", "plan.json", *APPROVED)
        with plain.database.superuser() as su:
            until(lambda: waits_for_lock(su) or first.poll() is not None)
        plain.refused("apply", "plan.json", *APPROVED, code="PM233", says="another apply")
        other.rollback()
        assert finished(first).returncode == 0
    # Done by the first: the same plan again is for a state that is past.
    plain.refused("apply", "plan.json", *APPROVED, code="PM230")
    assert "nothing to do" in plain.fine("apply", "catalogue.yml", *APPROVED,
                                         "--yes-database", plain.database.name).stderr  # fmt: skip
    plain.fine("drift")


def test_many_applies_at_once(plain: Site) -> None:
    started = [plain.start("apply", "plan.json", *APPROVED) for _ in range(4)]
    ended = [finished(p) for p in started]
    assert [d.returncode for d in ended].count(0) == 1, [d.stderr for d in ended]
    for done in ended:
        if done.returncode:
            failed(done, code="PM233" if "PM233" in done.stderr else "PM230")
    plain.people()
    plain.seal()
    plain.whole()
    plain.fine("drift")


def test_two_seals(applied: Site) -> None:
    slow = ("--batch-rows", "10", "--max-wal-rate", "60kB")
    first = applied.start("seal", "crm.customer", *slow)
    until(lambda: applied.sealed_rows() or first.poll() is not None)
    applied.refused("seal", "crm.customer", code="PM323", exit_code=3, says="another pgmask seal")
    # Another table is free.
    applied.fine("seal", "crm.policy")
    assert finished(first).returncode == 0
    applied.whole()


def test_an_apply_while_a_seal_runs(applied: Site) -> None:
    slow = ("--batch-rows", "10", "--max-wal-rate", "60kB")
    text = applied.catalogue.read_text("utf-8")
    applied.catalogue.write_text(
        text.replace(
            "    opens: when_sealed", "    column: {customer.name: hidden}\n    opens: when_sealed"
        ),
        "utf-8",
    )
    first = applied.start("seal", "crm.customer", *slow)
    until(lambda: applied.sealed_rows() or first.poll() is not None)
    assert first.poll() is None
    changed = applied.run("apply", "catalogue.yml", *APPROVED, "--allow", "DROPS_PROTECTION",
                          "--yes-database", applied.database.name)  # fmt: skip
    assert changed.returncode in (0, 1, 3), changed.stderr
    assert "PM901" not in changed.stderr
    applied.closed()
    done = finished(first)
    assert "PM901" not in done.stderr
    applied.fine("apply", "catalogue.yml", *APPROVED, "--yes-database", applied.database.name)
    applied.seal()
    applied.whole()
    applied.fine("drift")
    assert applied.sees("alan", "SELECT count(*), count(name) FROM analyst.customer") == [(ROWS, 0)]


def test_writers_during_a_seal(applied: Site) -> None:
    """Applications write through the view while batches go over the table; nothing is lost."""
    wanted: dict[int, str] = {}
    stop = threading.Event()
    wrong: list[str] = []

    def write() -> None:
        number = 0
        with applied.database.connect("app", autocommit=True) as app:
            while not stop.is_set():
                number += 1
                key = 2 * (number % (ROWS // 2)) + 2
                value = f"13{number % 9 + 1}{number:08d}"[:11]
                try:
                    app.execute("UPDATE crm.customer SET phone = %s WHERE id = %s", (value, key))
                    wanted[key] = value
                    row = app.execute(
                        "SELECT phone FROM crm.customer WHERE id = %s", (key,)
                    ).fetchone()
                    if row is None or row[0] == value:
                        wrong.append(f"{key} is not masked")
                except Exception as error:  # told at the end, by the main thread
                    wrong.append(type(error).__name__)
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        applied.seal("--batch-rows", "20")
    finally:
        stop.set()
        writer.join()
    assert not wrong
    assert wanted
    applied.whole(changed=wanted)


def test_nobody_else_sees_what_it_works_with(applied: Site) -> None:
    """While a seal runs another login looks at the activity of the server: no value, no key."""
    slow = ("--batch-rows", "10", "--max-wal-rate", "60kB")
    process = applied.start("seal", "crm.customer", *slow)
    key = applied.key.read_bytes()
    with applied.database.superuser() as su:
        until(lambda: backends(su) or process.poll() is not None)
        while process.poll() is None:
            shown = str(su.execute("SELECT query FROM pg_stat_activity").fetchall())
            assert LEVEL_1.search(shown) is None
            assert key[12:76].hex() not in shown
    assert finished(process).returncode == 0
