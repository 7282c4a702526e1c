"""Checks of ways past the views that no fingerprint of a plan or of the runtime covers.

Objects that run with the rights of pgmask's roles, and rows put by hand into what is derived from
the register.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.names import Name
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
        yield from _differing(connection, table, there, should)
    yield from _differing(
        connection,
        "unit_below",
        "SELECT t.ancestor, t.unit_id FROM pgmask_private.unit_below AS t",
        "SELECT b.ancestor, b.unit_id FROM below AS b",
        """
        WITH RECURSIVE below AS (
          SELECT u.unit_id AS ancestor, u.unit_id FROM pgmask_private.unit AS u
          UNION
          SELECT b.ancestor, u.unit_id
            FROM below AS b JOIN pgmask_private.unit AS u ON u.superior = b.unit_id
        )
        """,
    )  # fmt: skip


def _differing(
    connection: Connection, table: str, there: str, should: str, before: str = ""
) -> Iterator[Finding]:
    # Counted there: a timestamp may be infinite, which Python has no value for.
    ((many, missing),) = rows(
        connection,
        f"{before} SELECT (SELECT count(*) FROM ({there} EXCEPT {should}) AS x),"  # noqa: S608
        f" (SELECT count(*) FROM ({should} EXCEPT {there}) AS x)",
    )
    if many:
        yield Finding(
            code="PM709", urgency=Urgency.NOW, who=Who.DBA,
            what=f"pgmask_private.{table}: {many} row(s) do not follow from the register",
            way_out="find out who put them there; DELETE them as pgmask_owner",
        )  # fmt: skip
    if missing:
        yield Finding(
            code="PM709", urgency=Urgency.NOW, who=Who.DBA,
            what=f"pgmask_private.{table}: {missing} row(s) that the register asks for are missing",
            way_out="find out who took them; UPDATE the register's rows, which makes them anew",
        )  # fmt: skip


_NOTED: Final = (
    "issuer", "issuer_profile", "issuer_key", "database_login", "post_profile", "person_post",
    "person", "assignment", "designation", "unit_access",
)  # fmt: skip
"""Tables of the register whose every row gives somebody something."""


def unwritten(connection: Connection) -> Iterator[Finding]:
    """Rows of the register that its history does not know (C8): put there around the triggers.

    Times are left out: the history holds them in the time zone of who wrote them.
    """
    if not rows(connection, "SELECT 1 FROM pgmask_private.register_history LIMIT 1"):
        return
    for table in _NOTED:
        ((many,),) = rows(
            connection,
            f"""
            WITH times AS (
              SELECT coalesce(array_agg(a.attname::text), '{{}}') || 'secret'::text AS names
                FROM pg_catalog.pg_attribute AS a
               WHERE a.attrelid = 'pgmask_private.{table}'::regclass
                 AND a.atttypid = 'timestamptz'::regtype
            )
            SELECT count(*)
              FROM (
                SELECT to_jsonb(t) - (SELECT names FROM times) FROM pgmask_private.{table} AS t
                EXCEPT
                SELECT h.new_row - (SELECT names FROM times)
                  FROM pgmask_private.register_history AS h
                 WHERE h.table_name = '{table}' AND h.new_row IS NOT NULL
              ) AS x
            """,  # noqa: S608  no text but our own
        )
        if many:
            yield Finding(
                code="PM709", urgency=Urgency.NOW, who=Who.DBA,
                what=f"pgmask_private.{table}: {many} row(s) that no history knows",
                way_out="find out who put them there around the triggers; DELETE them",
            )  # fmt: skip


def weaker(connection: Connection) -> Iterator[Finding]:
    """Rules of the register that are weaker than what install made (C8)."""
    for (who,) in rows(
        connection,
        """
        SELECT coalesce((SELECT h.login || ' on ' || to_char(h.changed_at, 'YYYY-MM-DD')
                           FROM pgmask_private.register_history AS h
                          WHERE h.table_name = 'register_rule'
                            AND h.new_row @> '{"complete_unit": false}'
                          ORDER BY h.history_id DESC LIMIT 1), 'nobody that the history knows')
          FROM pgmask_private.register_rule AS r
         WHERE NOT r.complete_unit
        """,
    ):
        yield Finding(
            code="PM712", urgency=Urgency.TODAY, who=Who.REGISTER,
            what="people of units without kind, head, security responsible and contact are"
            f" honoured too: complete_unit was switched off by {who}",
            way_out="SELECT pgmask.register_rule(true)",
        )  # fmt: skip
    for issuer, life in rows(
        connection,
        """
        SELECT i.issuer, i.transaction_life::text
          FROM pgmask_private.issuer AS i
         WHERE i.revoked_at IS NULL AND i.transaction_life > '15 min'
         ORDER BY 1
        """,
    ):
        yield Finding(
            code="PM712", urgency=Urgency.TODAY, who=Who.REGISTER,
            what=f"a login by issuer {issuer} lasts up to {life} in one transaction, longer than"
            " the 15 minutes of the default",
            way_out="pgmask.register_issuer with a transaction_life of at most 15 minutes",
        )  # fmt: skip


def memberships(connection: Connection) -> Iterator[Finding]:
    """Persons' logins in the group role of a profile that the register does not give them."""
    for login, role, given in rows(
        connection,
        """
        WITH RECURSIVE grp AS (
          SELECT DISTINCT c.profile, r.oid, r.rolname::text AS name
            FROM pgmask_private.profile_column AS c
            JOIN pgmask_private.managed_object AS m
              ON m.kind = 'role' AND right(m.identity, length(c.profile) + 1) = '_' || c.profile
            JOIN pg_catalog.pg_roles AS r ON r.rolname = m.identity
        ), reach AS (
          SELECT a.member, g.profile, g.name
            FROM grp AS g JOIN pg_catalog.pg_auth_members AS a ON a.roleid = g.oid
          UNION
          SELECT a.member, x.profile, x.name
            FROM reach AS x JOIN pg_catalog.pg_auth_members AS a ON a.roleid = x.member
        ), honoured AS (
          SELECT d.login,
                 ARRAY(SELECT DISTINCT p.profile FROM pgmask_private.effective_profile AS p
                        WHERE p.person_id = d.person_id ORDER BY 1)
                   || coalesce(ARRAY[d.profile], '{}') AS profiles
            FROM pgmask_private.database_login AS d
        )
        SELECT h.login::text, x.name,
               coalesce(nullif(array_to_string(h.profiles, ', '), ''), 'no profile')
          FROM reach AS x
          JOIN pg_catalog.pg_roles AS m ON m.oid = x.member AND NOT m.rolsuper
          JOIN honoured AS h ON h.login = m.rolname
         WHERE (x.profile = ANY (h.profiles)) IS NOT TRUE
         ORDER BY 1, 2
        """,
    ):
        yield Finding(
            code="PM712", urgency=Urgency.TODAY, who=Who.DBA,
            what=f"login {login} is a member of {role}; the register gives it {given}",
            way_out=f"REVOKE {Name(role).quoted} FROM {Name(login).quoted}, or register the post",
        )  # fmt: skip


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("doors beside the views", doors),
    ("who is honoured", derived),
    ("rows without history", unwritten),
    ("rules of the register", weaker),
    ("members of profiles", memberships),
)
