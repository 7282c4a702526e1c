"""A migration's window: how long detach and attach lock a table with six profiles."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.measure import Backend, Measurement, at_most, figure
from benchmarks.place import Place
from pgmask.apply import Approval, apply_plan, plan_database
from pgmask.catalogue import load
from pgmask.plan import MUST_ALLOW
from pgmask.server import connect

_SCHEMA: Final = """
CREATE SCHEMA crm;
CREATE TABLE crm.customer (
  id bigint PRIMARY KEY, unit_id integer NOT NULL, name varchar(60), phone varchar(11),
  id_no varchar(18), email varchar(120), health text, income numeric(12, 2), status text,
  card_grade text, created_at timestamptz DEFAULT now(), updated_at timestamptz, note varchar(80)
);
CREATE INDEX customer_unit_idx ON crm.customer (unit_id, id);
"""
_CATALOGUE: Final = """\
pgmask: 1
packs: [baseline]
store: {schema: crm, mode: aside, as: crm_store, profile: p1}
subject: {table: customer, key: id, unit: unit_id}
tables:
  customer:
    columns:
      name: {level: 2, category: basic, kind: person_name}
      phone: {level: 1, category: contact, kind: mobile}
      id_no: {level: 1, category: basic, kind: cn_id_card}
      email: {level: 1, category: contact, kind: email}
      health: {level: 2, category: health}
      income: {level: 2, category: finance}
      note: {level: 2, category: touch, kind: free_text}
    level_3: [id, unit_id, status, card_grade, created_at, updated_at]
profiles:
"""
_WRITES: Final = """\
  p{0}:
    rows: own_unit
    direct_service: true
    columns: {{1: mask, 2: plain, 3: plain}}
    tables: {{"*": write}}
    opens: always
"""
_READS: Final = """\
  p{0}:
    rows: all
    columns: {{1: hidden, 2: mask, 3: plain}}
    tables: {{"*": read}}
    opens: always
"""
_LIMIT_MS: Final = 20


def run(place: Place) -> list[Measurement]:
    """The group ``migrate``: three profiles that write and three that read."""
    text = _CATALOGUE + "".join((_WRITES if n < 4 else _READS).format(n) for n in range(1, 7))
    dsn = place.fresh_database("bench_migrate", [_SCHEMA])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pgmask.yml"
        path.write_text(text, "utf-8")
        with connect(dsn, autocommit=True) as connection:
            apply_plan(
                connection, plan_database(connection, load(path), author="author"),
                allow=frozenset(h.value for h in MUST_ALLOW),
                approval=Approval(by="approver", reference="-"),
            )  # fmt: skip
    with connect(dsn) as connection:
        backend = Backend(connection.info.backend_pid)
        found = [_window(connection, backend) for _ in range(max(9, place.scale.rounds // 10))][2:]
    wall = statistics.median(f[0] for f in found)
    attach = statistics.median(f[1] for f in found)
    work = [f[2] - f[3] for f in found if f[2] is not None and f[3] is not None]
    # On a busy machine the clock counts other people's work: the backend's own time is what lasts.
    lock = min(wall, statistics.median(work)) if work else wall
    return [
        at_most("migrate.lock", lock, _LIMIT_MS,
                "exclusive lock of detach + attach + COMMIT, no DDL between; 6 profiles, 3 of them"
                f" writing, 3 sealed columns; by the clock {wall:.1f}", unit="ms"),
        figure("migrate.attach", attach, "of that attach by the clock, with the comparison of every"
               " protection", unit="ms"),
    ]  # fmt: skip


def _window(
    connection: psycopg.Connection[Any], backend: Backend
) -> tuple[float, float, float | None, float | None]:
    """Milliseconds from the table's lock to the end of COMMIT, of attach alone; then of CPU time,
    of all three and of the comparison that detach makes before it locks.

    The server's clock tells when detach has taken the lock.
    """
    idle = backend.cpu()
    connection.execute(
        "SELECT count(*) FROM pgmask_private.protection_difference('crm.customer', false)"
    )
    before = backend.cpu()
    connection.execute("SELECT pgmask.detach('crm.customer')")
    row = connection.execute(
        "SELECT extract(epoch FROM pg_catalog.clock_timestamp() - d.at) * 1000"
        " FROM pgmask_private.detached AS d"
    ).fetchone()
    assert row is not None
    began = time.perf_counter()
    connection.execute("SELECT * FROM pgmask.attach('crm.customer')").fetchall()
    attached = time.perf_counter()
    connection.commit()
    ended = time.perf_counter()
    after = backend.cpu()
    lock, alone = float(row[0]) + (ended - began) * 1000, (attached - began) * 1000
    if idle is None or before is None or after is None:
        return lock, alone, None, None
    return lock, alone, (after - before) / 1e6, (before - idle) / 1e6
