"""Checks of the server around pgmask: version, TLS, log, extensions, settings, search paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.names import Name
from pgmask.runtime.finding import Check, Connection, Finding, Urgency, Who, rows

FLOORS: Final = {15: 14, 16: 10, 17: 6}
"""Minor versions with the planner fixes of August 2025; 18 has had them from its first release."""

LOGINS: Final = """
SELECT r.rolname::text
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolcanlogin AND NOT r.rolsuper
   AND EXISTS (
     SELECT FROM (SELECT DISTINCT view_schema, view_name FROM pgmask_private.profile_column) AS v
       JOIN pg_catalog.pg_namespace AS n ON n.nspname = v.view_schema
       JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = v.view_name
      CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
      WHERE a.grantee <> 0 AND a.grantee <> c.relowner
        AND pg_catalog.pg_has_role(r.oid, a.grantee, 'USAGE'))
 ORDER BY 1
"""
"""Logins that reach a profile's view: the applications and the people."""


_STORED: Final = """
SELECT CASE s.setrole WHEN 0 THEN 'every role' ELSE pg_get_userbyid(s.setrole)::text END,
       split_part(c, '=', 1)
  FROM pg_catalog.pg_db_role_setting AS s
 CROSS JOIN LATERAL unnest(s.setconfig) AS c
 WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d
                              WHERE d.datname = current_database()))
   AND (starts_with(c, 'pgmask.') OR starts_with(c, 'session_replication_role=')
        OR starts_with(c, 'role='))
 ORDER BY 1, 2
"""


def version(connection: Connection) -> Iterator[Finding]:
    """The minor version floor (the attack table's A03)."""
    number = connection.info.server_version
    major, minor = divmod(number, 10000)
    floor = FLOORS.get(major)
    if floor is not None and minor < floor:
        yield Finding(
            code="PM701", urgency=Urgency.NOW, who=Who.SUPERUSER,
            what=f"PostgreSQL {major}.{minor} is below the floor {major}.{floor}",
        )  # fmt: skip
    else:
        yield Finding(
            code="PM701", urgency=Urgency.INFO, who=Who.SUPERUSER,
            what=f"PostgreSQL {major}.{minor} is not below the floor {major}.{floor or 0}",
            way_out="nothing to do",
        )  # fmt: skip


def tls(connection: Connection) -> Iterator[Finding]:
    """Whether the server offers TLS where it listens beyond this machine."""
    ((ssl, listen),) = rows(
        connection,
        "SELECT current_setting('ssl'), current_setting('listen_addresses', true)",
    )
    if ssl == "on":
        return
    places = {place.strip() for place in (listen or "").split(",") if place.strip()}
    local = places <= {"localhost", "127.0.0.1", "::1"}
    yield Finding(
        code="PM702", urgency=Urgency.INFO if local else Urgency.SOON, who=Who.SUPERUSER,
        what="the server offers no TLS" + (", and listens on this machine only" if local else ""),
    )  # fmt: skip


def log(connection: Connection) -> Iterator[Finding]:
    """What the log keeps of the applications' statements (A29)."""
    wanted = {
        "log_parameter_max_length": "0",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    server = dict(
        rows(
            connection,
            "SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY (%s)",
            list(wanted),
        )
    )
    for (login,) in rows(connection, LOGINS):
        own = rows(
            connection,
            """
            SELECT split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
              FROM pg_catalog.pg_db_role_setting AS s
             CROSS JOIN LATERAL unnest(s.setconfig) AS c
             WHERE s.setrole IN (0, to_regrole(quote_ident(%s)))
               AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d
                                          WHERE d.datname = current_database()))
             ORDER BY s.setrole <> 0, s.setdatabase <> 0
            """,
            login,
        )
        in_force = server | dict(own)
        lacking = [name for name, value in wanted.items() if in_force.get(name) != value]
        if lacking:
            yield Finding(
                code="PM703", urgency=Urgency.SOON, who=Who.SUPERUSER,
                what=f"login {login}: the log may keep values ({', '.join(lacking)})",
                way_out=f"pgmask install --superuser-sql --login {login}",
            )  # fmt: skip
    if connection.info.server_version < 160000:
        kept = rows(
            connection,
            "SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements'"
            " AND current_setting('pg_stat_statements.track_utility', true)"
            " IS DISTINCT FROM 'off'",
        )
        if kept:
            yield Finding(
                code="PM703", urgency=Urgency.SOON, who=Who.SUPERUSER,
                what="pg_stat_statements keeps SET commands with their values",
                way_out="ALTER SYSTEM SET pg_stat_statements.track_utility = off",
            )  # fmt: skip


def extensions(connection: Connection) -> Iterator[Finding]:
    """Links to elsewhere, and languages that run as the server (A31)."""
    for (name,) in rows(
        connection,
        "SELECT extname::text FROM pg_catalog.pg_extension"
        " WHERE extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack') ORDER BY 1",
    ):
        yield Finding(
            code="PM714", urgency=Urgency.SOON, who=Who.SUPERUSER,
            what=f"extension {name} is installed",
            way_out=f"DROP EXTENSION {Name(name).quoted}, or REVOKE its use from everybody",
        )  # fmt: skip
    for (name,) in rows(
        connection,
        "SELECT lanname::text FROM pg_catalog.pg_language"
        " WHERE NOT lanpltrusted AND lanname NOT IN ('internal', 'c') ORDER BY 1",
    ):
        yield Finding(
            code="PM714", urgency=Urgency.SOON, who=Who.SUPERUSER,
            what=f"language {name} is not trusted: its functions run as the server",
        )  # fmt: skip


def leakproof(connection: Connection) -> Iterator[Finding]:
    """Functions outside pg_catalog and extensions that claim to be LEAKPROOF."""
    for (name,) in rows(
        connection,
        """
        SELECT p.oid::regprocedure::text
          FROM pg_catalog.pg_proc AS p
         WHERE p.proleakproof
           AND p.pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                            WHERE d.classid = 'pg_catalog.pg_proc'::regclass
                              AND d.objid = p.oid AND d.deptype = 'e')
         ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM708", urgency=Urgency.SOON, who=Who.SUPERUSER,
            what=f"function {name} claims to be LEAKPROOF",
            way_out=f"ALTER FUNCTION {name} NOT LEAKPROOF",
        )  # fmt: skip


def parameters(connection: Connection) -> Iterator[Finding]:
    """Grants on session_replication_role (B10), and settings stored for a role or database."""
    for grantee, privilege in rows(
        connection,
        """
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END,
               a.privilege_type
          FROM pg_catalog.pg_parameter_acl AS p
         CROSS JOIN LATERAL aclexplode(p.paracl) AS a
         WHERE p.parname = 'session_replication_role'
           AND a.grantee NOT IN (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolsuper)
         ORDER BY 1, 2
        """,
    ):
        yield Finding(
            code="PM716", urgency=Urgency.NOW, who=Who.SUPERUSER,
            what=f"{grantee} has {privilege} on session_replication_role",
            way_out=f"REVOKE {privilege} ON PARAMETER session_replication_role FROM {grantee}",
        )  # fmt: skip
    for role, setting in rows(
        connection,
        _STORED,
    ):
        yield Finding(
            code="PM717", urgency=Urgency.SOON, who=Who.DBA,
            what=f"{setting} is stored as a setting of {role}",
        )  # fmt: skip


def creators(connection: Connection) -> Iterator[Finding]:
    """Schemas in which everybody, or an application's login, may create objects (A24, A25)."""
    for (schema,) in rows(
        connection,
        """
        SELECT n.nspname::text
          FROM pg_catalog.pg_namespace AS n
         CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
         WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'
           AND NOT starts_with(n.nspname, 'pg_temp')
         ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM717", urgency=Urgency.SOON, who=Who.DBA,
            what=f"everybody may create objects in schema {schema}",
            way_out=f"REVOKE CREATE ON SCHEMA {Name(schema).quoted} FROM PUBLIC",
        )  # fmt: skip
    for login, schema in rows(
        connection,
        f"""
        SELECT l.rolname, n.nspname::text
          FROM ({LOGINS}) AS l
          JOIN pg_catalog.pg_namespace AS n
            ON has_schema_privilege(l.rolname, n.oid, 'CREATE')
         WHERE n.nspname IN (SELECT view_schema FROM pgmask_private.profile_column)
           AND NOT pg_has_role(l.rolname, n.nspowner, 'USAGE')
         ORDER BY 1, 2
        """,  # noqa: S608  no text but our own
    ):
        yield Finding(
            code="PM717", urgency=Urgency.SOON, who=Who.DBA,
            what=f"login {login} may create objects in schema {schema}, beside the views",
            way_out=f"REVOKE CREATE ON SCHEMA {Name(schema).quoted} FROM {Name(login).quoted}",
        )  # fmt: skip


def revokes(connection: Connection) -> Iterator[Finding]:
    """Rights of everybody that a REVOKE should have taken, as they hold, not as commands said."""
    ((database,),) = rows(connection, "SELECT current_database()::text")
    for privilege in ("TEMPORARY", "CREATE"):
        if rows(
            connection,
            "SELECT 1 WHERE has_database_privilege('public', current_database(), %s)",
            privilege,
        ):
            yield Finding(
                code="PM707", urgency=Urgency.SOON, who=Who.DBA,
                what=f"everybody has {privilege} on database {database}",
                way_out=f"REVOKE {privilege} ON DATABASE {Name(database).quoted} FROM PUBLIC",
            )  # fmt: skip
    for (function,) in rows(
        connection,
        """
        SELECT p.oid::regprocedure::text
          FROM pg_catalog.pg_proc AS p
         WHERE p.pronamespace = 'pg_catalog'::regnamespace
           AND p.proname IN ('pg_logical_emit_message', 'pg_read_binary_file', 'pg_read_file')
           AND has_function_privilege('public', p.oid, 'EXECUTE')
         ORDER BY 1
        """,
    ):
        emit = function.startswith("pg_logical")
        way_out = f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC"
        advice = "" if not emit else (
            ", and so leave messages that look like notes of the record: an advice, pgmask install"
            " --superuser-sql prints how to end it"
        )  # fmt: skip
        yield Finding(
            code="PM707", urgency=Urgency.SOON if not emit else Urgency.INFO, who=Who.SUPERUSER,
            what=f"everybody may execute {function}{advice}",
            way_out=way_out if not emit else (
                f"{way_out}; GRANT EXECUTE ON FUNCTION pg_catalog.{function} TO pgmask_owner"
            ),
        )  # fmt: skip


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("version", version),
    ("TLS", tls),
    ("log", log),
    ("extensions", extensions),
    ("leakproof functions", leakproof),
    ("parameters", parameters),
    ("who may create", creators),
    ("revokes", revokes),
)
