"""Take the runtime away: what pgmask made for all tables, its schemas, its roles.

Comes after every table has gone back.  One transaction: as long as it has not committed, all of the
runtime is there.  The record is kept, or exported, or dropped, as asked; what stays is named with
the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any, Final

import psycopg
from psycopg import sql

from pgmask.errors import Refused

Connection = psycopg.Connection[Any]
SCHEMAS: Final = (
    "pgmask", "pgmask_private", "pgmask_note", "pgmask_report", "pgmask_audit", "pgmask_crypto",
)  # fmt: skip
ROLES: Final = (
    "pgmask_owner", "pgmask_sealer", "pgmask_store", "pgmask_backup", "pgmask_register",
    "pgmask_unseal", "pgmask_migrator", "pgmask_keyless", "pgmask_lookup", "pgmask_recorder",
    "pgmask_collector", "pgmask_slots", "pgmask_record_sealer", "pgmask_record_auditor",
    "pgmask_record_unit", "pgmask_record_high_value",
)  # fmt: skip
KEPT: Final = "pgmask_audit"
"""The schema in which the record stays."""
RECORD: Final = ("deployment", "deployment_step", "rollout_step", "register_history")
"""Tables of pgmask_private that belong to the record."""
REGISTER: Final = (
    "unit", "person", "post", "post_profile", "person_post", "document_form", "document",
    "training", "assignment", "designation", "database_login",
)  # fmt: skip
_OLD: Final = "pgmask_audit_before"
_REFUSE: Final = f"""
CREATE FUNCTION {KEPT}.refuse_change()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'PM339',
    MESSAGE = 'this is a record: its rows are neither changed nor removed';
END
$pgmask$;
REVOKE ALL ON FUNCTION {KEPT}.refuse_change() FROM PUBLIC;
COMMENT ON FUNCTION {KEPT}.refuse_change() IS 'Trigger: the record stays as it is.';
"""
SECRET: Final = ("audit_key",)
"""Tables of the record's schema that are never exported."""


class Record(StrEnum):
    """What becomes of the record."""

    KEEP = "keep"
    EXPORT = "export"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What went and what stays; stays: object and reason; roles: dropped."""

    statements: int
    roles: tuple[str, ...]
    stays: tuple[tuple[str, str], ...]


def dependants(connection: Connection, allowed: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Objects of others that stand on something in pgmask's schemas, as the server names them.

    allowed: relations of ours outside these schemas, by schema and name.
    """
    rows = connection.execute(
        """
        WITH ours AS (
          SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY (%s)
        ), home AS (
          SELECT d.classid, d.objid, d.objsubid,
            coalesce(r.ev_class, t.tgrelid, p.polrelid, a.adrelid, k.conrelid,
                     CASE WHEN d.classid = 'pg_catalog.pg_class'::regclass THEN d.objid END)
              AS relation
          FROM pg_catalog.pg_depend AS d
          CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) AS o
          LEFT JOIN pg_catalog.pg_rewrite AS r
            ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
          LEFT JOIN pg_catalog.pg_trigger AS t
            ON d.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = d.objid
          LEFT JOIN pg_catalog.pg_policy AS p
            ON d.classid = 'pg_catalog.pg_policy'::regclass AND p.oid = d.objid
          LEFT JOIN pg_catalog.pg_attrdef AS a
            ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND a.oid = d.objid
          LEFT JOIN pg_catalog.pg_constraint AS k
            ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
          WHERE d.deptype IN ('n', 'a') AND o.schema IN (SELECT u.nspname FROM ours AS u)
        )
        SELECT DISTINCT pg_catalog.pg_describe_object(h.classid, h.objid, 0)
        FROM home AS h
        LEFT JOIN pg_catalog.pg_class AS c ON c.oid = h.relation
        LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL pg_catalog.pg_identify_object(h.classid, h.objid, h.objsubid) AS i
        WHERE coalesce(n.nspname, i.schema, '') NOT IN (SELECT u.nspname FROM ours AS u)
          AND NOT EXISTS (
            SELECT FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]))
              AS w (schema_name, name)
            WHERE w.schema_name = n.nspname AND w.name = c.relname)
          AND h.classid <> 'pg_catalog.pg_extension'::regclass
        ORDER BY 1
        """,
        (list(SCHEMAS), [s for s, _ in allowed], [n for _, n in allowed]),
    ).fetchall()
    return tuple(name for (name,) in rows)


def audit_tables(connection: Connection) -> tuple[str, ...]:
    """The tables of the record that are here: schema.table, sorted."""
    rows = connection.execute(
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname)"
        "  FROM pg_catalog.pg_class AS c"
        "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT c.relrowsecurity"
        "   AND c.relpersistence = 'p' AND c.relname <> ALL (%s)"
        "   AND (n.nspname = %s OR n.nspname = 'pgmask_private' AND c.relname = ANY (%s))"
        " ORDER BY 1",
        (list(SECRET), KEPT, list(RECORD)),
    ).fetchall()
    return tuple(name for (name,) in rows)


def export(connection: Connection, out: IO[str]) -> int:
    """Write the record as JSON lines, ``{"table": .., "row": {..}}``; how many rows."""
    count = 0
    for table in audit_tables(connection):
        with connection.cursor() as cursor:
            query = f"SELECT pg_catalog.to_jsonb(t) FROM {table} AS t"  # noqa: S608  named by us
            for (row,) in cursor.stream(query.encode()):
                out.write(json.dumps({"table": table, "row": row}, ensure_ascii=False) + "\n")
                count += 1
    return count


def remove(connection: Connection, *, record: Record, keep_register: bool = False) -> Removed:
    """Everything that is left of pgmask in this database, inside the caller's transaction.

    Raises Refused PM340 when objects of others stand on the runtime.
    """
    stays: list[tuple[str, str]] = []
    statements = _managed(connection)
    roles = _roles(connection)
    schemas = _schemas(connection)
    for statement in statements:
        connection.execute(statement.encode())
    foreign = dependants(connection, ())
    if foreign:
        raise Refused(
            "PM340", "objects of others stand on pgmask's functions",
            detail="\n".join(foreign), hint="Drop or change them, then run it again.",
        )  # fmt: skip
    for schema in schemas:
        reason = _tried(connection, sql.SQL("DROP SCHEMA {}").format(sql.Identifier(schema)))
        if reason:
            _disown(connection, schema)
            stays.append((f"schema {schema}", reason))
    for role in roles:
        stays += _clear(connection, role)
    stays += _runtime(connection, record, keep_register)
    return Removed(statements=len(statements), roles=(*roles, *ROLES), stays=tuple(stays))


def drop_roles(
    connection: Connection, roles: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Drop the roles that nothing in the cluster uses any more: (dropped, (role, reason))."""
    dropped: list[str] = []
    stays: list[tuple[str, str]] = []
    for role in roles:
        row = connection.execute(
            "SELECT (SELECT pg_catalog.string_agg("
            "                 DISTINCT coalesce(d.datname::text, 'the cluster'), ', ')"
            "          FROM pg_catalog.pg_shdepend AS s"
            "          LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid"
            "         WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = r.oid"
            "           AND s.classid <> 'pg_catalog.pg_auth_members'::regclass)"
            "  FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s",
            (role,),
        ).fetchone()
        if row is None:
            continue
        if row[0]:
            stays.append((f"role {role}", f"used in {row[0]}"))
            continue
        reason = _tried(connection, sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        if reason:
            stays.append((f"role {role}", reason))
        else:
            dropped.append(role)
    return tuple(dropped), tuple(stays)


def _managed(connection: Connection) -> list[str]:
    """How the objects that were made by plans are taken away, outermost first."""
    rows = connection.execute(
        "SELECT m.drop_sql FROM pgmask_private.managed_object AS m"
        " WHERE m.kind NOT IN ('place', 'row', 'role', 'membership')"
        " ORDER BY m.kind IN ('column', 'function'), m.phase DESC, m.kind, m.identity"
    ).fetchall()
    return [text for (texts,) in rows for text in texts]


def _roles(connection: Connection) -> tuple[str, ...]:
    """The roles of profiles that plans made for this database."""
    rows = connection.execute(
        "SELECT m.identity FROM pgmask_private.managed_object AS m"
        "  JOIN pg_catalog.pg_roles AS r ON r.rolname = m.identity"
        " WHERE m.kind = 'role' ORDER BY m.identity"
    ).fetchall()
    return tuple(name for (name,) in rows)


def _schemas(connection: Connection) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT m.address[1] FROM pgmask_private.managed_object AS m"
        "  JOIN pg_catalog.pg_namespace AS n ON n.nspname = m.address[1]"
        " WHERE m.kind = 'schema' ORDER BY 1"
    ).fetchall()
    return tuple(name for (name,) in rows)


def _tried(connection: Connection, statement: sql.Composed) -> str:
    """'' when it ran; else why not, as the server says it (names, no values)."""
    try:
        with connection.transaction():
            connection.execute(statement)
    except psycopg.Error as error:
        return error.diag.message_primary or type(error).__name__
    return ""


def _disown(connection: Connection, schema: str) -> None:
    """A schema that holds something of others becomes the installer's."""
    connection.execute(
        sql.SQL("ALTER SCHEMA {} OWNER TO CURRENT_USER").format(sql.Identifier(schema))
    )


def _clear(connection: Connection, role: str) -> Iterator[tuple[str, str]]:
    """Take every grant from a profile's role that plans gave and no object of theirs names."""
    owns = connection.execute(
        "SELECT pg_catalog.pg_describe_object(s.classid, s.objid, s.objsubid)"
        "  FROM pg_catalog.pg_shdepend AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.refobjid"
        " WHERE r.rolname = %s AND s.deptype = 'o' AND s.dbid ="
        "   (SELECT d.oid FROM pg_catalog.pg_database AS d"
        "     WHERE d.datname = pg_catalog.current_database())",
        (role,),
    ).fetchall()
    if owns:
        yield f"role {role}", "owns " + ", ".join(name for (name,) in owns)
        return
    name = sql.Identifier(role)
    _tried(connection, sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    reason = _tried(connection, sql.SQL("DROP OWNED BY {} RESTRICT").format(name))
    if reason:
        yield f"grants of {role}", reason


def _runtime(
    connection: Connection, record: Record, keep_register: bool
) -> Iterator[tuple[str, str]]:
    made = connection.execute(
        "SELECT o.made_pgcrypto FROM pgmask_private.runtime_origin AS o"
    ).fetchone()
    kept = list(audit_tables(connection)) if record is Record.KEEP else []
    if keep_register:
        kept += [f"pgmask_private.{name}" for name in REGISTER]
    reason = _tried(connection, sql.SQL("SELECT pgmask_private.drop_slot()").format())
    if reason:
        yield "replication slot of the notes", reason
    connection.execute("DROP PUBLICATION IF EXISTS pgmask_notes")
    connection.execute(f"ALTER SCHEMA {KEPT} RENAME TO {_OLD}".encode())
    if kept:
        yield from _keep(connection, kept)
    connection.execute(f"DROP SCHEMA {_OLD} CASCADE".encode())
    for schema in ("pgmask_note", "pgmask_report", "pgmask"):
        connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())
    connection.execute("DROP SCHEMA pgmask_private CASCADE")
    if made is not None and made[0]:
        connection.execute("DROP EXTENSION pgcrypto")
        connection.execute("DROP SCHEMA pgmask_crypto")
    else:
        connection.execute("ALTER SCHEMA pgmask_crypto OWNER TO CURRENT_USER")
        connection.execute("REVOKE ALL ON SCHEMA pgmask_crypto FROM pgmask_sealer, pgmask_backup")
        yield (
            "extension pgcrypto in schema pgmask_crypto",
            "it was here before; ALTER EXTENSION pgcrypto SET SCHEMA moves it where it was",
        )


def _keep(connection: Connection, kept: list[str]) -> Iterator[tuple[str, str]]:
    """The tables stay as plain tables of the installer; those of the record refuse changes."""
    connection.execute(f"CREATE SCHEMA {KEPT}".encode())
    says = "What pgmask uninstall left: the record of what was done."
    connection.execute(f"COMMENT ON SCHEMA {KEPT} IS '{says}'".encode())
    connection.execute(_REFUSE.encode())
    for table in kept:
        schema, _, name = table.partition(".")
        connection.execute(
            f"ALTER TABLE {_OLD if schema == KEPT else schema}.{name} SET SCHEMA {KEPT}".encode()
        )
        place = f"{KEPT}.{name}"
        connection.execute(f"ALTER TABLE {place} OWNER TO CURRENT_USER".encode())
        connection.execute(f"REVOKE ALL ON TABLE {place} FROM PUBLIC, {', '.join(ROLES)}".encode())
        if name in REGISTER:
            yield f"table {place}", "--keep-register"
            continue
        connection.execute(
            f"CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {place}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {KEPT}.refuse_change()".encode()
        )
        connection.execute(f"ALTER TABLE {place} ENABLE ALWAYS TRIGGER stays".encode())
        yield f"table {place}", "the record; --export-audit FILE or --drop-audit takes it away"
