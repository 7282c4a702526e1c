"""Questions to the system catalogues that a view answers otherwise than a table."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule

_NAMES = ("pg_get_serial_sequence", "pg_relation_size", "pg_table_size", "pg_total_relation_size",
          "pg_indexes_size")  # fmt: skip
_RELATIONS = ("table_constraints", "key_column_usage", "referential_constraints", "pg_constraint",
              "pg_index", "pg_indexes", "tables", "columns")  # fmt: skip
_CATALOGUES = ("pg_catalog", "information_schema")


def check(case: Case) -> Iterator[Hit]:
    """Serial sequences, sizes, keys and indexes."""
    for called, node in case.calls(*_NAMES):
        yield Hit(message=f"{called[-1]}() of a view says nothing of the table behind it",
                  position=case.at(node))  # fmt: skip
    for node in case.of("RangeVar"):
        schema, name = case.place(node)
        if name in _RELATIONS and (schema or "pg_catalog") in _CATALOGUES:
            yield Hit(message=f"{name} says of a view other things than of its table",
                      position=case.at(node))  # fmt: skip


RULE = Rule(
    code="PM683",
    name="metadata",
    severity=Severity.NOTE,
    check=check,
    migration=False,
    example="SELECT pg_get_serial_sequence('crm.policy', 'id')",
    ok="SELECT * FROM pgmask.key_metadata",
)
