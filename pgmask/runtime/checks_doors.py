"""Checks of ways past the views that no fingerprint of a plan or of the runtime covers.

Objects that run with the rights of pgmask's roles, and rows put by hand into what is derived from
the register.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.runtime.checks_roles import OWNERS
from pgmask.runtime.finding import Check, Connection, Finding, Urgency, Who, rows


def doors(connection: Connection) -> Iterator[Finding]:
    """Definer functions and views of pgmask's own roles that neither install nor apply made (A46).

    A function runs, and a view reads, with the rights of its owner: the sealing role opens
    everything, the backup role has all rows. Functions of pgmask_store are the application's own,
    moved along with a table; row-level security meets them like any other owner's statement.
    """
    for kind, name, owner in rows(
        connection,
        f"""
        WITH keeper AS (
          SELECT o.oid, o.name FROM ({OWNERS}) AS o
          UNION
          SELECT r.oid, r.rolname::text FROM pg_catalog.pg_roles AS r
           WHERE r.rolname = 'pgmask_backup'
        )
        SELECT 'function', p.oid::regprocedure::text, k.name
          FROM pg_catalog.pg_proc AS p
          JOIN keeper AS k ON k.oid = p.proowner AND k.name <> 'pgmask_store'
          JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
         WHERE p.prosecdef
           AND NOT EXISTS (SELECT FROM pgmask_private.runtime_object AS o
                            WHERE o.kind = 'function' AND o.identity = p.oid::regprocedure::text)
           AND NOT EXISTS (SELECT FROM pgmask_private.managed_object AS m
                            WHERE m.kind = 'function'
                              AND m.identity = n.nspname || '.' || p.proname)
        UNION ALL
        SELECT CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END,
               c.oid::regclass::text, k.name
          FROM pg_catalog.pg_class AS c
          JOIN keeper AS k ON k.oid = c.relowner
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('v', 'm')
           AND NOT EXISTS (SELECT FROM pgmask_private.runtime_object AS o
                            WHERE o.kind = 'view' AND o.identity = c.oid::regclass::text)
           AND NOT EXISTS (SELECT FROM pgmask_private.managed_object AS m
                            WHERE m.identity = n.nspname || '.' || c.relname)
           AND NOT EXISTS (SELECT FROM pgmask_private.profile_column AS m
                            WHERE m.view_schema = n.nspname AND m.view_name = c.relname)
         ORDER BY 1, 2
        """,  # noqa: S608  no text but our own
    ):
        yield Finding(
            code="PM709", urgency=Urgency.NOW, who=Who.DBA,
            what=f"{kind} {name} runs with the rights of {owner} and is none of pgmask's",
            way_out=f"find out who made it; DROP {kind.upper()} {name}",
        )  # fmt: skip


_DERIVED: Final = (
    (
        "effective_profile",
        "SELECT e.person_id, e.profile, e.unit_id, e.valid_from, e.valid_until, e.outsourced"
        " FROM pgmask_private.{} AS e",
        "profile_period",
    ),
    (
        "effective_login",
        "SELECT e.login, e.valid_from, e.valid_until, e.person_id, e.profile, e.unit_id,"
        " e.outsourced FROM pgmask_private.{} AS e",
        "login_period",
    ),
)


def derived(connection: Connection) -> Iterator[Finding]:
    """Whether who is honoured is what the register says, row by row."""
    for table, columns, source in _DERIVED:
        there, should = columns.format(table), columns.format(source)
        # Counted there: a timestamp may be infinite, which Python has no value for.
        yield from _by_hand(
            table,
            rows(connection, f"SELECT count(*) FROM ({there} EXCEPT {should}) AS x"),  # noqa: S608
        )
    found = rows(
        connection,
        """
        WITH RECURSIVE below AS (
          SELECT u.unit_id AS ancestor, u.unit_id FROM pgmask_private.unit AS u
          UNION
          SELECT b.ancestor, u.unit_id
            FROM below AS b JOIN pgmask_private.unit AS u ON u.superior = b.unit_id
        )
        SELECT count(*) FROM (
          SELECT t.ancestor, t.unit_id FROM pgmask_private.unit_below AS t
          EXCEPT SELECT b.ancestor, b.unit_id FROM below AS b
        ) AS x
        """,
    )
    yield from _by_hand("unit_below", found)


def _by_hand(table: str, counted: list[tuple[int, ...]]) -> Iterator[Finding]:
    ((many,),) = counted
    if many:
        yield Finding(
            code="PM709", urgency=Urgency.NOW, who=Who.DBA,
            what=f"pgmask_private.{table}: {many} row(s) do not follow from the register",
            way_out="find out who put them there; DELETE them as pgmask_owner",
        )  # fmt: skip


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("doors beside the views", doors),
    ("who is honoured", derived),
)
