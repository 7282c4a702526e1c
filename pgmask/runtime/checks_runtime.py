"""Checks of the runtime itself: marks, changes by hand, keys, backups, publications, register."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from pgmask.runtime.finding import Check, Connection, Finding, Urgency, Who, rows
from pgmask.runtime.install import head

_COUNTED: Final = 1_000_000
"""Rows up to which doctor counts what a backup would hold; beyond it looks at the policy only."""


def revision(connection: Connection) -> Iterator[Finding]:
    """Whether the installed revision is this program's."""
    found = rows(connection, "SELECT version_num FROM pgmask_private.alembic_version")
    at = found[0][0] if found else "none"
    if at != head():
        yield Finding(
            code="PM027", urgency=Urgency.SOON, who=Who.DBA,
            what=f"the runtime is at revision {at}, this program at {head()}",
            way_out="pgmask upgrade",
        )  # fmt: skip


def marks(connection: Connection) -> Iterator[Finding]:
    """The runtime's own check, as at install."""
    for thing, problem in rows(connection, "SELECT * FROM pgmask_private.self_check()"):
        yield Finding(code="PM720", urgency=Urgency.NOW, who=Who.DBA, what=f"{thing}: {problem}")


def changed(connection: Connection) -> Iterator[Finding]:
    """Functions, views and triggers that are not what the installed revision made."""
    for kind, name, gone in rows(
        connection,
        """
        SELECT o.kind, o.identity, n.identity IS NULL
          FROM pgmask_private.runtime_object AS o
          LEFT JOIN pgmask_private.runtime_now() AS n USING (kind, identity)
         WHERE n.hash IS DISTINCT FROM o.hash
         ORDER BY 1, 2
        """,
    ):
        yield Finding(
            code="PM709", urgency=Urgency.NOW, who=Who.DBA,
            what=f"{kind} {name} is {'gone' if gone else 'not what the installed revision made'}",
        )  # fmt: skip


def identities(connection: Connection) -> Iterator[Finding]:
    """The token key and the issuers' keys."""
    if not rows(connection, "SELECT 1 FROM pgmask_private.token_key"):
        yield Finding(
            code="PM718", urgency=Urgency.NOW, who=Who.DBA,
            what="there is no token key, so every login is refused",
            way_out="pgmask install",
        )  # fmt: skip
    for (issuer,) in rows(
        connection,
        """
        SELECT i.issuer
          FROM pgmask_private.issuer AS i
         WHERE i.revoked_at IS NULL
           AND NOT EXISTS (
             SELECT FROM pgmask_private.issuer_key AS k
              WHERE k.issuer = i.issuer AND k.valid_from <= clock_timestamp()
                AND (k.valid_to IS NULL OR clock_timestamp() < k.valid_to))
         ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM718", urgency=Urgency.SOON, who=Who.DBA,
            what=f"issuer {issuer} has no valid key",
            way_out=f"pgmask issuer rotate {issuer} --out FILE",
        )  # fmt: skip


def keys(connection: Connection) -> Iterator[Finding]:
    """Whether each registered key can be used now."""
    for kek, provider, condition in rows(
        connection,
        """
        SELECT k.kek_id, k.provider, pgmask_private.key_condition(k.kek_id)
          FROM pgmask_private.kek AS k
         WHERE k.state <> 'destroyed'
         ORDER BY 1
        """,
    ):
        if condition != "ok":
            yield Finding(
                code="PM710", urgency=Urgency.NOW, who=Who.KEYS,
                what=f"key {kek} ({provider}): {condition}",
                way_out=f"pgmask explain {condition}",
            )  # fmt: skip
    if not rows(connection, "SELECT 1 FROM pgmask_private.kek WHERE state = 'current'"):
        yield Finding(
            code="PM710", urgency=Urgency.TODAY, who=Who.KEYS,
            what="no key is registered: nothing can be sealed",
            way_out="pgmask keys --help",
        )  # fmt: skip


def environment(connection: Connection) -> Iterator[Finding]:
    """Keys of production where the data is invented, and keys without a copy in escrow."""
    for (provider,) in rows(
        connection,
        """
        SELECT DISTINCT k.provider
          FROM pgmask_private.environment AS e, pgmask_private.kek AS k
         WHERE NOT e.production AND k.provider <> 'dev' AND k.state <> 'destroyed'
         ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM351", urgency=Urgency.TODAY, who=Who.KEYS,
            what=f"the data here is invented, and the key (provider {provider}) is none for"
            " development: if its file also opens production, it is out of place",
            way_out="In the next test database: pgmask keys create FILE --provider dev",
        )  # fmt: skip
    for (kek,) in rows(
        connection,
        """
        SELECT k.kek_id
          FROM pgmask_private.environment AS e, pgmask_private.kek AS k
         WHERE e.production AND e.escrow AND k.state = 'current' AND k.escrowed_at IS NULL
        """,
    ):
        yield Finding(
            code="PM353", urgency=Urgency.NOW, who=Who.KEYS,
            what=f"no copy of key {kek} has been shown to be in escrow",
        )  # fmt: skip


def backups(connection: Connection) -> Iterator[Finding]:
    """Whether a backup would be complete: who makes it, and what it would hold."""
    tables = rows(
        connection,
        r"""
        SELECT t.table_id, t.schema_name, t.table_name, greatest(c.reltuples, 0)::bigint,
               EXISTS (
                 SELECT FROM pg_catalog.pg_policy AS p
                  WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*') AND p.polpermissive
                    AND to_regrole('pgmask_backup') = ANY (p.polroles)
                    AND pg_get_expr(p.polqual, p.polrelid)
                        ~ '^(true|\( SELECT pgmask_note\.backup\(''[^'']*''::text\) AS backup\))$')
               AND has_table_privilege('pgmask_backup', c.oid, 'SELECT')
               AND has_schema_privilege('pgmask_backup', n.oid, 'USAGE')
          FROM pgmask_private.store_table AS t
          JOIN pg_catalog.pg_namespace AS n ON n.nspname = t.schema_name
          JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.table_name
         ORDER BY 1
        """,
    )
    if tables and not rows(
        connection,
        """
        SELECT 1 FROM pg_catalog.pg_auth_members AS a
          JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
         WHERE a.roleid = to_regrole('pgmask_backup') AND m.rolcanlogin
           AND m.rolname <> CURRENT_USER
        """,
    ):
        yield Finding(
            code="PM711", urgency=Urgency.TODAY, who=Who.DBA,
            what="nobody is a member of pgmask_backup, so no login can make a complete backup",
        )  # fmt: skip
    for table, schema, name, about, sees_all in tables:
        if not sees_all:
            yield Finding(
                code="PM711", urgency=Urgency.TODAY, who=Who.DBA,
                what=f"pgmask_backup does not see every row of {table}",
                way_out="pgmask apply",
            )  # fmt: skip
        elif about < _COUNTED:
            seen, there = (
                _count(connection, "pgmask_backup", schema, name),
                _count(connection, "pgmask_sealer", schema, name),
            )
            if seen != there:
                yield Finding(
                    code="PM711", urgency=Urgency.TODAY, who=Who.DBA,
                    what=f"pgmask_backup sees {seen} of {there} rows of {table}",
                    way_out="pgmask drift",
                )  # fmt: skip


def _count(connection: Connection, role: str, schema: str, table: str) -> int:
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        found = connection.execute(
            sql.SQL("SELECT pg_catalog.count(*) FROM {}").format(sql.Identifier(schema, table))
        ).fetchone()
        connection.execute("RESET ROLE")
    assert found is not None  # noqa: S101  count gives one row
    return int(found[0])


def publications(connection: Connection) -> Iterator[Finding]:
    """Publications that send keys, the register or sealed columns away (A32)."""
    for publication, schema, table in rows(
        connection,
        """
        SELECT p.pubname::text, p.schemaname::text, p.tablename::text
          FROM pg_catalog.pg_publication_tables AS p
         WHERE p.schemaname = 'pgmask_private'
            OR (EXISTS (SELECT FROM pgmask_private.store_table AS t
                         WHERE t.schema_name = p.schemaname AND t.table_name = p.tablename)
                AND EXISTS (SELECT FROM unnest(p.attnames) AS a
                             WHERE starts_with(a, 'pgmask_sealed')
                                OR starts_with(a, 'pgmask_bidx')))
         ORDER BY 1, 2, 3
        """,
    ):
        yield Finding(
            code="PM715", urgency=Urgency.NOW, who=Who.DBA,
            what=f"publication {publication} sends {schema}.{table}"
            + ("" if schema == "pgmask_private" else " with its sealed columns"),
        )  # fmt: skip


def register(connection: Connection) -> Iterator[Finding]:
    """What the register lacks (C8)."""
    for what, stops, many, first in rows(
        connection,
        """
        SELECT g.what || ' ' || g.missing, bool_or(g.stops), count(*)::integer, min(g.key)
          FROM pgmask_private.register_gap AS g
         GROUP BY g.what, g.missing
         ORDER BY 2 DESC, 1
        """,
    ):
        yield Finding(
            code="PM712", urgency=Urgency.SOON if stops else Urgency.TODAY, who=Who.REGISTER,
            what=f"missing: {what} ({many}, the first {first})"
            + ("; they are not honoured" if stops else ""),
            way_out="pgmask register gaps",
        )  # fmt: skip


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("revision", revision),
    ("marks", marks),
    ("changes by hand", changed),
    ("identities", identities),
    ("keys", keys),
    ("environment", environment),
    ("backups", backups),
    ("publications", publications),
    ("register", register),
)
