"""A migration's window: how long detach and attach lock a table with six profiles."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.measure import Measurement, at_most, figure
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
        times = [_window(connection) for _ in range(max(9, place.scale.scans))]
    lock, attach = (statistics.median(t[n] for t in times[2:]) for n in (0, 1))
    return [
        at_most("migrate.lock", lock, _LIMIT_MS,
                "exclusive lock of detach + attach + COMMIT without DDL between; 6 profiles,"
                f" 3 of them writing, 3 sealed columns; slowest {max(t[0] for t in times[2:]):.1f}",
                unit="ms"),
        figure("migrate.attach", attach, "of that attach, with the comparison of every protection",
               unit="ms"),
    ]  # fmt: skip


def _window(connection: psycopg.Connection[object]) -> tuple[float, float]:
    """Milliseconds from the table's lock to the end of COMMIT, and of attach alone.

    The server's clock tells when detach, which compares before it locks, has taken the lock.
    """
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
    return float(str(row[0])) + (ended - began) * 1000, (attached - began) * 1000
