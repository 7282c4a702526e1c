"""Large catalogues: checked, compiled and planned, the first time and again without a change."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import synthetic
from benchmarks.measure import Measurement, at_most, figure
from benchmarks.place import Place
from pgmask.apply import Approval, apply_plan, plan_database
from pgmask.catalogue import load
from pgmask.plan import MUST_ALLOW, Plan
from pgmask.server import connect


def run(place: Place) -> list[Measurement]:
    """The group ``compile``: tables x 3 profiles against a live database of its own."""
    count = place.scale.tables
    what = f"{count} tables x 3 profiles"
    dsn = place.fresh_database("bench_large", synthetic.schema(count))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pgmask.yml"
        path.write_text(synthetic.catalogue(count), "utf-8")
        first, plan, parts = _planned(dsn, path)
        began = time.perf_counter()
        with connect(dsn, autocommit=True) as connection:
            outcome = apply_plan(
                connection, plan, allow=frozenset(h.value for h in MUST_ALLOW),
                approval=Approval(by="approver", reference="-"),
            )  # fmt: skip
        applied = time.perf_counter() - began
        again, nothing, parts_again = _planned(dsn, path)
    # The targets are for a thousand tables; a smaller run is measured against its share.
    share = count / 1000
    return [
        at_most("compile.first", first, 10 * max(share, 0.1),
                f"check + compile + plan, {what}; {parts}", unit="s"),
        figure("compile.apply", applied, f"apply, {outcome.statements} statements in"
               f" {outcome.steps} steps", unit="s"),
        at_most("compile.unchanged", again, 2 * max(share, 0.1),
                f"the same without a change; {parts_again}; plan empty: {nothing.empty}", unit="s"),
    ]  # fmt: skip


def _planned(dsn: str, path: Path) -> tuple[float, Plan, str]:
    clock = time.perf_counter
    began, work = clock(), time.process_time()
    catalogue = load(path)
    loaded = clock()
    with connect(dsn, autocommit=True) as connection:
        plan = plan_database(connection, catalogue, author="author")
    done = clock()
    work = time.process_time() - work
    parts = f"check {loaded - began:.1f}, plan {done - loaded:.1f} s; {work:.1f} s of a core's time"
    return done - began, plan, parts
