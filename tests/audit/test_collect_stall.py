"""What happens when notes are not collected: stop_reads, or lose_with_alarm (G1)."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pgmask.audit.collect import Collector
from pgmask.cli.audit_collect import _loss
from pgmask.cli.main import run
from pgmask.runtime.collecting import alarms, read_state
from pgmask.runtime.doctor import examine
from tests.attack.place import protect
from tests.audit.collecting import access, activity, carl, collecting, prepare, read
from tests.reveal.site import FIXTURES, Site

pytestmark = pytest.mark.requirement("G1")
UNTIL = "SELECT isfinite(reads_until), reads_until > now() FROM pgmask_audit.note_rule"


def ruled(site: Site, folder: Path, rule: str) -> None:
    """Apply the catalogue with this rule."""
    text = (FIXTURES / "catalogue.yml").read_text("utf-8")
    path = folder / "catalogue.yml"
    path.write_text(text + f"\nwhen_audit_stalls: {rule}\n", "utf-8")
    protect(site.database, path)


def stalled(site: Site) -> None:
    """As if the collector had been away for longer than is allowed."""
    site.root.execute("UPDATE pgmask_audit.note_rule SET reads_until = now() - interval '1 s'")


def test_reads_stop_and_go_on(place: Site, tmp_path: Path) -> None:
    assert place.rows(UNTIL) == [(False, True)]
    ruled(place, tmp_path, "stop_reads")
    assert place.rows(UNTIL) == [(True, True)]
    with collecting(place) as collector:
        read(place)
        stalled(place)
        with pytest.raises(psycopg.Error) as refused:
            read(place)
        assert refused.value.sqlstate == "PM802"
        state = read_state(place.root)
        assert next((a.code, a.now) for a in alarms(state)) == ("PM729", True)
        collector.visit()
        read(place)
        collector.visit()
    assert len(access(place, "statement")) == 2
    ruled(place, tmp_path, "lose_with_alarm")
    assert place.rows(UNTIL) == [(False, True)]


def test_control_without_the_rule_reads_go_on(place: Site, tmp_path: Path) -> None:
    ruled(place, tmp_path, "stop_reads")
    place.root.execute("DELETE FROM pgmask_audit.stall_rule")
    assert place.rows(UNTIL) == [(False, True)]
    read(place)


def test_a_rule_that_was_taken_away_by_hand_is_drift(
    place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ruled(place, tmp_path, "stop_reads")
    words = ["drift", str(tmp_path / "catalogue.yml"), "--dsn", place.database.dsn()]
    assert run(words) == 0, capsys.readouterr()
    place.root.execute("DELETE FROM pgmask_audit.stall_rule")
    capsys.readouterr()
    assert run(words) == 2
    assert "stall_rule" in "".join(capsys.readouterr())


def test_backups_and_refusals_do_not_stop(place: Site, tmp_path: Path) -> None:
    ruled(place, tmp_path, "stop_reads")
    with collecting(place) as collector:
        stalled(place)
        with place.connect("nightly") as one:
            one.execute("SELECT count(*) FROM crm_store.customer").fetchone()
        collector.visit()
    assert len(access(place, "backup")) == 1


def test_the_log_is_lost_before_the_disk_is_full(place: Site) -> None:
    """max_slot_wal_keep_size takes the slot: told before, on record after."""
    root = place.root
    prepare(place)
    root.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '48MB'")
    root.execute("SELECT pg_reload_conf()")
    try:
        with (
            place.database.server.watch.letting_go(root), Collector(carl(place)) as collector,
        ):  # fmt: skip
            collector.set_up()
            collector.visit()
            read(place)
            told = written(place, 3)
            assert "PM722" in {a.code for a in told}
            for _ in range(20):
                if read_state(root).wal_status == "lost":
                    break
                written(place, 2)
            assert read_state(root).wal_status == "lost"
            assert next((a.code, a.now) for a in alarms(read_state(root))) == ("PM722", True)
            with psycopg.connect(place.database.dsn()) as installer:
                found = {f.code for f in examine(installer)}
            assert "PM722" in found
            assert _loss(read_state(root)) == "they are lost"
            assert collector.visit().gap
            read(place)
            collector.visit()
    finally:
        root.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        root.execute("SELECT pg_reload_conf()")
    gap = activity(place, "gap")[-1]
    assert gap["detail"]["reason"].startswith("the slot was lost")
    assert len(access(place, "statement")) == 1


def written(site: Site, segments: int) -> list:  # type: ignore[type-arg]
    """So many segments of log; the alarms after it."""
    for _ in range(segments):
        site.rows("SELECT pg_logical_emit_message(true, 'other', repeat('x', 1000))")
        site.rows("SELECT pg_switch_wal()")
    site.root.execute("CHECKPOINT")
    return list(alarms(read_state(site.root)))
