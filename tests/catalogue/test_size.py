"""A large catalogue stays quick to read: 1,000 tables of 12 columns in 10 files."""

from __future__ import annotations

import time
from pathlib import Path

from pgmask.catalogue.check import check
from pgmask.catalogue.schema_source import Schema, SchemaColumn, SchemaTable
from tests.catalogue.samples import HEAD, PROFILES, TODAY, accepted, write

FILES, TABLES = 10, 100
DEFAULTS = 'defaults: {columns: {"*_phone|mobile": {kind: mobile}, "*id_no": {kind: cn_id_card}}}\n'
COLUMNS = """\
    subject: customer_id
    why: service
    columns:
      home_phone: {}
      id_no: {why: contract}
      name: {level: 2, category: basic, kind: person_name}
      address: {kind: postal_address}
      health: {level: 2, category: health}
      note: {level: 1, kind: free_text}
    level_3: [id, customer_id, status, product, created_at, updated_at]
"""
NAMES = (
    "id customer_id home_phone id_no name address health note status product created_at updated_at"
)


def test_a_thousand_tables_are_read_and_checked_in_seconds(tmp_path: Path) -> None:
    main = HEAD + PROFILES + DEFAULTS + 'include: [{file: "d/*.yml", owner: team}]\n'
    main += "tables: {customer: {level_3: [id, unit_id]}}\n"
    parts = {
        f"d__{file}": "tables:\n"
        + "".join(f"  t_{file}_{number}:\n{COLUMNS}" for number in range(TABLES))
        for file in range(FILES)
    }
    path = write(tmp_path, main, **parts)
    names = ["customer", *(f"t_{f}_{n}" for f in range(FILES) for n in range(TABLES))]
    schema = Schema(
        tables=tuple(
            SchemaTable(
                schema="crm",
                name=name,
                columns=tuple(
                    SchemaColumn(name=c, type="text")
                    for c in ("id unit_id" if name == "customer" else NAMES).split()
                ),
                primary_key=("id",),
            )
            for name in sorted(names)
        )
    )
    start = time.perf_counter()
    found = check(path, schema=schema, today=TODAY)
    seconds = time.perf_counter() - start
    assert len(accepted(found.loaded).tables) == 1001
    assert found.accepted
    # About one second on two cores; the bound leaves room for a busy machine.
    assert seconds < 20
