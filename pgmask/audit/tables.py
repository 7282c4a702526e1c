"""The tables of the record that are sealed, and the line that each row is sealed as.

A line is what ``COPY (SELECT columns FROM table) TO STDOUT`` gives under ``PINNED``: it begins with
when, number and transaction. The columns and their order belong to the format ``pgmask-batch-1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg

Connection = psycopg.Connection[Any]

PINNED: Final = {
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "search_path": "",
    # A policy that hides rows from us must be an error, not a shorter record.
    "row_security": "off",
    "work_mem": "64MB",
    "jit": "off",
}
"""What a line depends on, or would be slower without."""

_WHO: Final = ("person_id", "profile", "unit_id", "grade", "issuer", "service", "login",
               "application_name", "client_addr", "backend")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTable:
    """One table of the record.

    columns: in the order of the line; the first three are when, number and transaction. sequence:
    what gives the numbers. monthly: whether it is partitioned by month.
    """

    name: str
    schema: str
    columns: tuple[str, ...]
    sequence: str
    monthly: bool = False

    @property
    def at(self) -> str:
        """The column that says when."""
        return self.columns[0]

    @property
    def number(self) -> str:
        """The column that numbers the rows."""
        return self.columns[1]

    @property
    def xid(self) -> str:
        """The column of the transaction that wrote the row."""
        return self.columns[2]

    @property
    def qualified(self) -> str:
        """Schema and name; neither needs quoting."""
        return f"{self.schema}.{self.name}"


TABLES: Final = (
    SealedTable(
        name="access", schema="pgmask_audit", monthly=True, sequence="access_access_id_seq",
        columns=(
            "at", "access_id", "xid", "era_id", "kind", *_WHO, "statement_at", "purpose",
            "request", "query_id", "statement_text", "table_id", "subject_class", "subject_key",
            "node", "position",
        ),
    ),
    SealedTable(
        name="change", schema="pgmask_audit", monthly=True, sequence="change_change_id_seq",
        columns=(
            "at", "change_id", "xid", "era_id", "operation", "table_id", "row_key", "new_key",
            "subject_class", "subject_key", *_WHO, "statement_at", "purpose", "request", "before",
            "after", "before_sealed",
        ),
    ),
    SealedTable(
        name="activity", schema="pgmask_audit", monthly=True,
        sequence="activity_activity_id_seq",
        columns=(
            "at", "activity_id", "xid", "era_id", "kind", "code", *_WHO, "purpose", "request",
            "object", "detail", "node", "position",
        ),
    ),
    SealedTable(
        name="ticket", schema="pgmask_audit", sequence="ticket_ticket_number_seq",
        columns=(
            "at", "ticket_number", "xid", "ticket_id", "expires_at", "kind", "person_id", "profile",
            "unit_id", "grade", "issuer", "login", "database", "application_name", "client_addr",
            "purpose", "reference", "table_id", "row_key", "subject_class", "subject_key",
            "columns", "digest", "outcome",
        ),
    ),
    SealedTable(
        name="register_history", schema="pgmask_private",
        sequence="register_history_history_id_seq",
        columns=(
            "changed_at", "history_id", "transaction", "login", "person_id", "table_name",
            "operation", "old_row", "new_row",
        ),
    ),
    SealedTable(
        name="unseal_request", schema="pgmask_audit", sequence="unseal_request_request_id_seq",
        columns=(
            "requested_at", "request_id", "xid", "tables", "purpose", "reference",
            "requested_by", "person_id",
        ),
    ),
    SealedTable(
        name="unseal_event", schema="pgmask_audit", sequence="unseal_event_event_id_seq",
        columns=(
            "at", "event_id", "xid", "request_id", "kind", "login", "person_id",
            "application_name", "client_addr", "table_id", "row_count", "erased_count", "said",
        ),
    ),
)  # fmt: skip
BY_NAME: Final = {t.name: t for t in TABLES}


def pin(connection: Connection) -> None:
    """Set ``PINNED`` until the open transaction ends."""
    connection.execute(
        "SELECT pg_catalog.set_config(p.name, p.value, true)"
        " FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]))"
        " AS p (name, value)",
        (list(PINNED), list(PINNED.values())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which rows of a table: numbers in (above, upto], transactions in [lo, hi); None: no limit.

    month: ``YYYY-MM`` (UTC), to read one month of a monthly table only.
    """

    above: int | None = None
    upto: int | None = None
    lo: int | None = None
    hi: int | None = None
    month: str | None = None

    def where(self, table: SealedTable) -> str:
        """The condition; only numbers of ours are in it."""
        kind = "xid8" if table.xid == "transaction" or table.name == "ticket" else "bigint"
        parts = [
            f"{column} {sign} '{value}'::pg_catalog.{cast}"
            for column, sign, value, cast in (
                (table.number, ">", self.above, "int8"),
                (table.number, "<=", self.upto, "int8"),
                (table.xid, ">=", self.lo, kind.replace("bigint", "int8")),
                (table.xid, "<", self.hi, kind.replace("bigint", "int8")),
            )
            if value is not None
        ]
        if self.month is not None:
            year, month = int(self.month[:4]), int(self.month[5:7])
            after = f"{year + month // 12:04d}-{month % 12 + 1:02d}-01 00:00+00"
            parts.append(f"{table.at} >= '{year:04d}-{month:02d}-01 00:00+00'::timestamptz")
            parts.append(f"{table.at} < '{after}'::timestamptz")
        return " AND ".join(parts) or "true"


def lines(connection: Connection, table: SealedTable, reach: Reach) -> Iterator[bytes]:
    """The lines of these rows by number, each with its line feed. The settings must be pinned."""
    query = (
        f"COPY (SELECT {', '.join(table.columns)} FROM {table.qualified}"  # noqa: S608
        f" WHERE {reach.where(table)} ORDER BY {table.number}, {table.xid}, {table.at}) TO STDOUT"
    )
    with connection.cursor() as cursor, cursor.copy(query.encode()) as out:
        # The server sends one row a message.
        while data := out.read():
            yield bytes(data)


def count(connection: Connection, table: SealedTable, reach: Reach) -> int:
    """How many rows these are."""
    row = connection.execute(
        f"SELECT pg_catalog.count(*) FROM {table.qualified} WHERE {reach.where(table)}".encode()  # noqa: S608
    ).fetchone()
    return int(row[0]) if row else 0
