"""Believe no command: after every step ask the server what holds.

A GRANT or REVOKE that did nothing succeeds with a warning at most; so privileges are asked for with
``has_*_privilege``, and objects are read back.
"""

from __future__ import annotations

from typing import Any

import psycopg

from pgmask.errors import PlanError
from pgmask.facts.model import Facts
from pgmask.plan.fingerprint import Reader
from pgmask.plan.plan import PlannedObject, Step

RELATION = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
SEQUENCE = ("USAGE", "SELECT", "UPDATE")
SCHEMA = ("USAGE", "CREATE")
FUNCTION = ("EXECUTE",)
_KNOWN = {
    "relation": RELATION, "sequence": SEQUENCE, "schema": SCHEMA, "function": FUNCTION,
}  # fmt: skip

Connection = psycopg.Connection[Any]
Row = tuple[str, str, str, str, str | None, str, bool]


def verify(connection: Connection, step: Step, before: Facts, after: Facts) -> None:
    """Raise PlanError (PM236) when an object is missing or a privilege is not as wanted.

    before, after: the facts around the step.
    """
    reader = Reader(after, {(o.kind, o.address) for o in step.objects})
    missing = [o.key for o in step.objects if reader.read(o.kind, o.address) is None]
    problems = [f"{key} is not there" for key in missing]
    for one in step.objects:
        if one.kind == "security" and one.address:
            found = reader.read(one.kind, one.address) or {}
            if found.get("enabled") is not True or found.get("forced") is not True:
                problems.append(f"{one.key}: row-level security is not enabled and forced")
        if one.kind == "place" and one.address:
            found = reader.read(one.kind, one.address) or {}
            for held in (*found.get("grants", ()), *found.get("column_grants", {}).values()):
                problems.append(f"{one.key}: somebody else still has privileges: {held}")
    problems += _privileges(connection, step, after)
    problems += _old_grantees(connection, step, before)
    if problems:
        raise PlanError(
            "PM236",
            f"{step.table or 'what the database shares'} is not as it should be after the change",
            detail="\n".join(problems),
        )


def _old_grantees(connection: Connection, step: Step, before: Facts) -> list[str]:
    """Whoever had a right on the table before has none now, by whatever way it would come.

    Members of pgmask's own roles, superusers and readers of everything are not measured by it:
    ``doctor`` names those.
    """
    place = next((o for o in step.objects if o.kind == "place" and o.address), None)
    was = before.relation(*step.lock) if step.lock is not None else None
    if place is None or was is None:
        return []
    named = {e.grantee for e in was.acl or ()} | {e.grantee for c in was.columns for e in c.acl}
    ours = {o.address[3] for o in step.objects if o.kind == "grant" and o.address}
    roles = sorted((named | {was.owner}) - ours - {""})
    found = connection.execute(
        """
        SELECT r.rolname::text
        FROM pg_catalog.pg_roles AS r, pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE r.rolname = ANY (%s) AND n.nspname = %s AND c.relname = %s
          AND NOT r.rolsuper AND NOT pg_has_role(r.oid, c.relowner, 'USAGE')
          AND NOT pg_has_role(r.oid, 'pg_read_all_data', 'USAGE')
          AND NOT pg_has_role(r.oid, 'pg_write_all_data', 'USAGE')
          AND NOT EXISTS (
            SELECT FROM unnest(%s::text[]) AS o (name)
            JOIN pg_catalog.pg_roles AS m ON m.rolname = o.name
            WHERE pg_has_role(r.oid, m.oid, 'USAGE'))
          AND (has_table_privilege(r.oid, c.oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER')
            OR has_any_column_privilege(r.oid, c.oid, 'SELECT,INSERT,UPDATE,REFERENCES'))
        ORDER BY r.rolname
        """,
        (roles, *place.address, sorted(ours)),
    ).fetchall()
    return [f"role {role!r} still has rights on {place.identity}" for (role,) in found]


def _privileges(connection: Connection, step: Step, after: Facts) -> list[str]:
    rows: list[Row] = []
    views = {o.address for o in step.objects if o.kind == "view"}
    observed = any(
        o.kind == "place" and o.identity == f"{step.table} observed" for o in step.objects
    )
    for one in step.objects:
        if one.kind == "grant" and one.address:
            # An observed table is its owner's: what else he has granted, to PUBLIC too, stays.
            base = observed and one.address[0] == "relation" and one.address[1:3] not in views
            rows += [r for r in _wanted(one, after) if r[6] or not base]
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    found = connection.execute(
        """
        SELECT w.role, w.kind, w.schema_name, w.object_name, w.column_name, w.privilege, w.wanted
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                    %s::boolean[])
          AS w (role, kind, schema_name, object_name, column_name, privilege, wanted)
        JOIN pg_catalog.pg_roles AS r ON r.rolname = w.role
        WHERE NOT r.rolsuper AND w.wanted IS DISTINCT FROM CASE w.kind
          WHEN 'relation' THEN
            CASE WHEN w.column_name IS NULL
              THEN has_table_privilege(w.role, format('%%I.%%I', w.schema_name, w.object_name),
                                       w.privilege)
              ELSE has_column_privilege(w.role, format('%%I.%%I', w.schema_name, w.object_name),
                                        w.column_name, w.privilege)
            END
          WHEN 'sequence' THEN
            has_sequence_privilege(w.role, format('%%I.%%I', w.schema_name, w.object_name),
                                   w.privilege)
          WHEN 'schema' THEN has_schema_privilege(w.role, w.object_name, w.privilege)
          WHEN 'function' THEN (
            SELECT bool_and(has_function_privilege(w.role, p.oid, w.privilege))
            FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE n.nspname = w.schema_name AND p.proname = w.object_name)
        END
        """,
        [list(c) for c in columns],
    ).fetchall()
    return [
        f"role {role!r} {'lacks' if wanted else 'still has'} {privilege} on {kind} "
        + ".".join(p for p in (schema, name, column) if p)
        for role, kind, schema, name, column, privilege, wanted in found
    ]


def _wanted(one: PlannedObject, after: Facts) -> list[Row]:
    """Every privilege on the object, wanted or not, as rows for one query."""
    kind, schema, name, role = one.address
    given = dict(one.expects)
    known = _KNOWN.get(kind, ())
    rows: list[Row] = []
    for privilege in known:
        columns = given.get(privilege)
        whole = columns is not None and not columns
        if kind == "schema" and not whole:
            continue  # PUBLIC and membership may give it: the schema is not always ours
        rows.append((role, kind, schema, name, None, privilege, whole))
        if kind != "relation" or privilege not in ("SELECT", "INSERT", "UPDATE", "REFERENCES"):
            continue
        relation = after.relation(schema, name)
        for column in relation.columns if relation is not None else ():
            wanted = whole or (columns is not None and column.name in columns)
            rows.append((role, kind, schema, name, column.name, privilege, wanted))
    return rows
