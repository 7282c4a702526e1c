"""Questions to the system catalogues that a view answers otherwise than a table."""

from __future__ import annotations

from collections.abc import Iterator

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule

_NAMES = ("pg_get_serial_sequence", "pg_relation_size", "pg_table_size", "pg_total_relation_size",
          "pg_indexes_size")  # fmt: skip
_RELATIONS = ("table_constraints", "key_column_usage", "referential_constraints", "pg_constraint",
              "pg_index", "pg_indexes")  # fmt: skip


def check(case: Case) -> Iterator[Hit]:
    """Serial sequences, sizes, keys and indexes."""
    for called, node in case.calls(*_NAMES):
        yield Hit(message=f"{called[-1]}() of a view says nothing of the table behind it",
                  position=case.at(node))  # fmt: skip
    for node in case.of("RangeVar"):
        if node.get("relname") in _RELATIONS and node.get("schemaname", "pg_catalog") in (
            "pg_catalog",
            "information_schema",
        ):
            yield Hit(message=f"{node['relname']} has nothing of views", position=case.at(node))


RULE = Rule(
    code="PM683",
    name="metadata",
    severity=Severity.NOTE,
    check=check,
    migration=False,
    example="SELECT pg_get_serial_sequence('crm.policy', 'id')",
    ok="SELECT * FROM pgmask.key_metadata",
)
