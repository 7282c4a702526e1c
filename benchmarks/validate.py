"""Verdicts: a query for the first time, one of a known shape, a folder of 10,000 statements."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from benchmarks.measure import Measurement, at_most
from benchmarks.place import Place
from pgmask.catalogue import load
from pgmask.facts.snapshot import read_schema
from pgmask.resources import example_dir
from pgmask.server import connect
from pgmask.verdict.validator import Validator

_QUERY = (
    "SELECT c.id, c.name, c.phone, p.policy_no, p.premium FROM crm.customer AS c"
    " JOIN crm.policy AS p ON p.holder_id = c.id WHERE c.status = 'active'"
    " AND p.ends_on < '2026-01-{:02}' AND c.id = {} ORDER BY p.ends_on LIMIT 20"
)
_KNOWN = "SELECT c.id, c.name FROM crm.customer AS c WHERE c.unit_id = 7 AND c.status = 'x{}'"
_FILES, _EACH = 100, 25
_FOUR = (
    "CREATE TABLE crm.ref_t{0} (code text, n integer);\n"
    "INSERT INTO crm.ref_product (code, name, line) VALUES ('{0}', 'n', 'life');\n"
    "SELECT id, name FROM crm.customer WHERE id = {0};\n"
    "UPDATE crm.customer SET status = 'active' WHERE id = {0};\n"
)


def run(place: Place) -> list[Measurement]:
    """The group ``validate``."""
    example = example_dir("insurer")
    dsn = place.fresh_database("bench_validate", [(example / "schema.sql").read_text("utf-8")])
    with connect(dsn, autocommit=True) as connection:
        schema = read_schema(connection)
    catalogue = load(example / "catalogue")
    asked = Validator(schema, catalogue=catalogue, profile="agent")
    asked.validate(_QUERY.format(1, 1))
    cold = [_seconds(lambda n=n: asked.validate(_QUERY.format(n % 28 + 1, n))) for n in range(300)]
    asked.check(_KNOWN.format(""))
    hits = [_seconds(lambda n=n: asked.check(_KNOWN.format(n))) for n in range(300)]
    owner = Validator(schema, catalogue=catalogue, profile="agent", migration=True)
    texts = [
        "".join(_FOUR.format(file * _EACH + n) for n in range(_EACH)) for file in range(_FILES)
    ]
    count = 0
    began = time.perf_counter()
    for verdicts in owner.validate_all(texts):
        count += len(verdicts)
    folder = time.perf_counter() - began
    return [
        at_most("validate.query", median(cold) * 1000, 1, f"{len(_QUERY)} characters, two tables,"
                " lineage and all rules; median of different literals", unit="ms"),
        at_most("validate.hit", median(hits) * 1e6, 50, "the same shape with another literal,"
                " remembered; median", unit="us"),
        at_most("validate.folder", folder, 20, f"{count:,} statements in {_FILES} migrations",
                unit="s"),
    ]  # fmt: skip


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
