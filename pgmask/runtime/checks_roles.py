"""Checks of who can get around the protection: attributes, memberships, outsourced persons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.names import Name
from pgmask.runtime.finding import Check, Connection, Finding, Urgency, Who, rows

OWNERS: Final = """
SELECT r.oid, r.rolname::text AS name
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname IN ('pgmask_owner', 'pgmask_sealer', 'pgmask_store', 'pgmask_migrator',
                     'pgmask_keyless', 'pgmask_lookup', 'pgmask_slots')
    OR EXISTS (SELECT FROM pgmask_private.managed_object AS m
                WHERE m.kind = 'place' AND m.fingerprint ->> 'owner' = r.rolname
                  AND EXISTS (SELECT FROM pgmask_private.store_table AS t
                               WHERE t.table_id = m.parent AND t.stage <> 'observe'))
    OR EXISTS (SELECT FROM pgmask_private.profile_column AS c
                JOIN pg_catalog.pg_class AS v ON v.relname = c.view_name AND v.relowner = r.oid
                JOIN pg_catalog.pg_namespace AS n
                  ON n.oid = v.relnamespace AND n.nspname = c.view_schema)
"""
"""The roles whose members reach keys, register or stores: owners, and the view owners."""

_POWERS: Final = (
    "pg_read_all_data", "pg_write_all_data", "pg_read_server_files", "pg_write_server_files",
    "pg_execute_server_program",
)  # fmt: skip


def attributes(connection: Connection) -> Iterator[Finding]:
    """Superusers, BYPASSRLS, REPLICATION and the roles that read everything (A32, A45, D09)."""
    declared = {
        name
        for (name,) in rows(
            connection,
            """
            SELECT m.rolname::text
              FROM pg_catalog.pg_auth_members AS a
              JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
             WHERE a.roleid = to_regrole('pgmask_backup')
            """,
        )
    }
    for oid, name, super_, bypass, replication in rows(
        connection,
        """
        SELECT r.oid::bigint, r.rolname::text, r.rolsuper, r.rolbypassrls, r.rolreplication
          FROM pg_catalog.pg_roles AS r
         WHERE r.rolsuper OR r.rolbypassrls
            OR r.rolreplication AND r.rolname <> 'pgmask_slots'  -- what that role is for
         ORDER BY r.rolname
        """,
    ):
        if super_:
            first = oid == 10  # the one that initdb made; a server has to have one
            yield Finding(
                code="PM704", urgency=Urgency.INFO if first else Urgency.NOW, who=Who.SUPERUSER,
                what=f"role {name} is a superuser: it sees everything, without a trace",
                way_out="use it for the server's own upkeep only"
                if first
                else f"ALTER ROLE {Name(name).quoted} NOSUPERUSER",
            )  # fmt: skip
            continue
        if bypass:
            known = name in declared
            yield Finding(
                code="PM704", urgency=Urgency.INFO if known else Urgency.NOW, who=Who.SUPERUSER,
                what=f"role {name} has BYPASSRLS" + (", a declared backup role" if known else ""),
                way_out=f"ALTER ROLE {Name(name).quoted} NOBYPASSRLS; backups: pgmask_backup",
            )  # fmt: skip
        if replication:
            yield Finding(
                code="PM704", urgency=Urgency.SOON, who=Who.SUPERUSER,
                what=f"role {name} has REPLICATION: it can read everything",
                way_out=f"ALTER ROLE {Name(name).quoted} NOREPLICATION, unless it feeds a standby",
            )  # fmt: skip
    for name, power in rows(
        connection,
        """
        SELECT r.rolname::text, p.rolname::text
          FROM pg_catalog.pg_roles AS p
          JOIN pg_catalog.pg_roles AS r
            ON pg_has_role(r.oid, p.oid, 'MEMBER') AND r.oid <> p.oid
         WHERE p.rolname = ANY (%s) AND NOT r.rolsuper AND NOT starts_with(r.rolname, 'pg_')
         ORDER BY 1, 2
        """,
        list(_POWERS),
    ):
        yield Finding(
            code="PM704", urgency=Urgency.NOW, who=Who.SUPERUSER,
            what=f"role {name} is a member of {power}",
            way_out=f"REVOKE {power} FROM {Name(name).quoted}",
        )  # fmt: skip


def createrole(connection: Connection) -> Iterator[Finding]:
    """CREATEROLE before 16 is a superuser in practice (D08)."""
    if connection.info.server_version >= 160000:
        return
    for name, mine in rows(
        connection,
        """
        SELECT r.rolname::text, r.rolname = CURRENT_USER
          FROM pg_catalog.pg_roles AS r
         WHERE r.rolcreaterole AND NOT r.rolsuper
         ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM705", urgency=Urgency.INFO if mine else Urgency.NOW, who=Who.SUPERUSER,
            what=f"role {name} has CREATEROLE, which before PostgreSQL 16 opens every role"
            + (" (the login in use: trusted like a superuser)" if mine else ""),
            way_out=f"ALTER ROLE {Name(name).quoted} NOCREATEROLE between deployments",
        )  # fmt: skip


def members(connection: Connection) -> Iterator[Finding]:
    """Members of the owner roles other than the login that installed pgmask."""
    inherits = "a.inherit_option OR a.set_option OR a.admin_option"
    if connection.info.server_version < 160000:
        inherits = "true"
    for member, role, mine in rows(
        connection,
        f"""
        SELECT m.rolname::text, o.name,
               m.rolname = CURRENT_USER OR m.oid = (
                 SELECT d.datdba FROM pg_catalog.pg_database AS d
                  WHERE d.datname = current_database())
          FROM ({OWNERS}) AS o
          JOIN pg_catalog.pg_auth_members AS a ON a.roleid = o.oid AND ({inherits})
          JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
         WHERE NOT m.rolsuper AND m.rolname <> 'pgmask_migrator'
           -- In a window for migrations, whose end is watched by a check of its own.
           AND NOT EXISTS (
             SELECT FROM pgmask_private.migration_window AS w
              WHERE w.closed_at IS NULL AND w.login = m.rolname AND w.owner = o.name)
         GROUP BY 1, 2, 3
         ORDER BY 2, 1
        """,  # noqa: S608  no text but our own
    ):
        if mine:
            continue
        yield Finding(
            code="PM706", urgency=Urgency.NOW, who=Who.DBA,
            what=f"role {member} is a member of {role}",
            way_out=f"REVOKE {Name(role).quoted} FROM {Name(member).quoted}",
        )  # fmt: skip


def outsourced(connection: Connection) -> Iterator[Finding]:
    """An outsourced person whose login has rights over the protection (C4)."""
    for login, person, why in rows(
        connection,
        f"""
        SELECT d.login::text, d.person_id,
               concat_ws(', ',
                 CASE WHEN r.rolsuper THEN 'superuser' END,
                 CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
                 CASE WHEN r.rolreplication THEN 'REPLICATION' END,
                 CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                 CASE WHEN r.oid = b.datdba THEN 'owner of the database' END,
                 (SELECT string_agg(DISTINCT 'member of ' || x.name, ', ')
                    FROM (SELECT o.oid, o.name FROM ({OWNERS}) AS o
                          UNION ALL
                          SELECT p.oid, p.rolname::text FROM pg_catalog.pg_roles AS p
                           WHERE p.rolname = ANY (%s)) AS x
                   WHERE NOT r.rolsuper AND pg_has_role(r.oid, x.oid, 'MEMBER')))
          FROM pgmask_private.database_login AS d
          JOIN pgmask_private.person AS p ON p.person_id = d.person_id
          JOIN pg_catalog.pg_roles AS r ON r.rolname = d.login
          JOIN pg_catalog.pg_database AS b ON b.datname = current_database()
         WHERE p.employment = 'outsourced'
         ORDER BY 1
        """,  # noqa: S608  no text but our own
        list(_POWERS),
    ):
        if why:
            yield Finding(
                code="PM713", urgency=Urgency.NOW, who=Who.DBA,
                what=f"login {login} of outsourced person {person}: {why}",
            )  # fmt: skip


def stray_logins(connection: Connection) -> Iterator[Finding]:
    """Registered logins that are no roles of this server."""
    for (login,) in rows(
        connection,
        """
        SELECT d.login::text
          FROM pgmask_private.database_login AS d
         WHERE (d.valid_to IS NULL OR clock_timestamp() < d.valid_to)
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = d.login)
         ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM719", urgency=Urgency.SOON, who=Who.REGISTER,
            what=f"login {login} is registered and is no role of this server",
        )  # fmt: skip


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("attributes of roles", attributes),
    ("CREATEROLE", createrole),
    ("members of owner roles", members),
    ("outsourced persons", outsourced),
    ("registered logins", stray_logins),
)
