"""The seal of the record: what a batch costs for each event, and how fast all of it is verified."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.measure import Backend, Measurement, at_least, at_most, figure
from benchmarks.place import Place
from pgmask.audit import fingerprint, keys
from pgmask.audit.chain import chunks_of, lines_of, links_of
from pgmask.audit.rows import check_on
from pgmask.audit.seal import register_key, seal
from pgmask.audit.verify import verify

_FEWEST: Final = 2_000
_CORES: Final = 2
_EVENTS: Final = """
INSERT INTO pgmask_audit.access (
  at, era_id, kind, person_id, profile, unit_id, grade, issuer, login, application_name,
  client_addr, backend, statement_at, purpose, query_id, table_id, subject_class, subject_key,
  position)
SELECT clock_timestamp(), 1, 'subject', mod(g, 500), 'agent', mod(g, 40)::text, 'challenge',
       'crm-web', 'crm_app', 'crm-web/7.2', '10.2.3.4', 4711, clock_timestamp(), 'service',
       8123456789 + g, 'crm.customer', 'customer', mod(g * 7919::bigint, 100000)::text,
       '0/1A2B3C4D'
  FROM generate_series(1, %s) AS g
"""


def run(place: Place) -> list[Measurement]:
    """The group ``record``."""
    events = max(2 * place.scale.customers, _FEWEST)
    with place.owner() as connection, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seal.key"
        keys.create(path)
        key = keys.read_private(path)
        register_key(connection, key)
        while seal(connection, key) is not None:  # what came before the events to be measured
            pass
        each = events // 20
        for _ in range(20):
            connection.execute(_EVENTS.encode(), (each,))
        connection.execute("VACUUM (ANALYZE) pgmask_audit.access")
        backend = Backend(connection.info.backend_pid)
        cpu, own, began = backend.cpu(), time.process_time(), time.perf_counter()
        made = seal(connection, key)
        wall = time.perf_counter() - began
        work = _work(own, cpu, backend, wall)
        assert made is not None
        assert made.header.rows >= 20 * each
        rows = made.header.rows
        links = tuple(links_of(connection, None))
        chunks = chunks_of(links[made.header.batch - 1 :], lines_of(links))
        cpu, own, began = backend.cpu(), time.process_time(), time.perf_counter()
        wrong = [f for chunk in chunks for f in check_on(connection, chunk)]
        checked = time.perf_counter() - began
        again = _work(own, cpu, backend, checked)
        assert wrong == []
        size = connection.execute(
            "SELECT sum(length(l.ids) + length(l.hashes)), sum(length(b.header))"
            " FROM pgmask_audit.leaf AS l JOIN pgmask_audit.batch AS b USING (batch_id)"
            " WHERE l.batch_id = %s",
            (made.header.batch,),
        ).fetchone()
        assert size is not None
        cpu, own, began = backend.cpu(), time.process_time(), time.perf_counter()
        parts = fingerprint.read(connection)
        looked = _work(own, cpu, backend, time.perf_counter() - began)
        objects = sum(text.count("\n") + 1 for text in parts.values())
        began = time.perf_counter()
        report = verify(place.admin, keys=[key.public], workers=_CORES)
        whole = time.perf_counter() - began
        assert not [f for f in report.findings if f.kind != "protection"], report.findings[:3]
    how = f"{rows} events in one batch, CPU time of backend and client"
    return [
        at_most("record.seal", work / rows * 1e6, 10, how, unit="us"),
        figure("record.seal.wall", wall / rows * 1e6, "the same by the clock", unit="us"),
        at_least(
            "record.verify", _CORES * rows / again, 200_000,
            f"{rows} events, {_CORES} cores at the CPU time that one core needs", unit="events/s",
        ),
        figure(
            "record.verify.wall", report.rows / whole,
            f"all {report.rows} events by the clock, {_CORES} processes, their start included",
            unit="events/s",
        ),
        figure(
            "record.fingerprint", looked * 1000,
            f"{objects} objects that protect the record and the stores, read twice a batch",
            unit="ms",
        ),
        figure(
            "record.index", float(size[0] or 0) / rows,
            "what the database keeps to be able to name a row", unit="bytes",
        ),
    ]  # fmt: skip


def _work(own: float, cpu: int | None, backend: Backend, wall: float) -> float:
    """Seconds of CPU of both sides since then; by the clock where the backend's are not known."""
    after = backend.cpu()
    if cpu is None or after is None:
        return wall
    return time.process_time() - own + (after - cpu) / 1e9
