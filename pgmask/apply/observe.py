"""Who still uses an observed table under its own name, and with which statement (A5, B7).

Two sources, each with what it cannot see.  *activity*: the locks of running transactions, looked at
again and again: whoever holds a lock on the table and none on a view of ours is at the base table.
It knows the application's name, and misses what is over between two looks.  *statements*:
``pg_stat_statements`` where the database has it: complete, without the application's name.  Of both
the statement's text is shown only to members of ``pg_read_all_stats``.

No constant of a statement is ever kept: its tokens are read and every constant becomes ``?``; what
cannot be read as tokens is kept as its first word alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pglast
import psycopg
from pglast import ast, parser, visitors

from pgmask.errors import Refused
from pgmask.names import Name

Connection = psycopg.Connection[Any]
HIDDEN = "(hidden from this login: it is no member of pg_read_all_stats)"
_CONSTANTS = frozenset({"SCONST", "USCONST", "BCONST", "XCONST", "FCONST", "ICONST"})
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_VERB = re.compile(r"\s*([A-Za-z]{1,20})")
_NUMBER = re.compile(r'"(?:[^"]|"")*[0-9]{6}(?:[^"]|"")*"')
_LISTS = re.compile(r"\?(?:\s*,\s*\?)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One observed table; oids: of it and its children; views: oids of the views over it."""

    table: str
    schema: str
    name: str
    oids: tuple[int, ...]
    views: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One login, application and form of a statement that was met at an observed table."""

    table: str
    login: str
    application: str
    statement: str
    source: str
    times: int
    first_seen: str
    last_seen: str


@dataclass(slots=True, kw_only=True)
class Observer:
    """One run of the collector over an autocommit connection."""

    connection: Connection
    watched: tuple[Watched, ...]
    _seen: set[tuple[int, str]] = field(default_factory=set)

    def look(self) -> int:
        """Look once at both sources; gives how many uses were new or were met again."""
        return self._activity() + self._statements()

    def _activity(self) -> int:
        count = 0
        for table in self.watched:
            for pid, since, login, application, text in self.connection.execute(
                _ACTIVITY, (list(table.oids), list(table.views))
            ).fetchall():
                if (pid, since) in self._seen:
                    continue
                self._seen.add((pid, since))
                fingerprint, statement = normalised(text or "")
                self.connection.execute(
                    _MET, (table.table, login, application, fingerprint, statement)
                )
                count += 1
        return count

    def _statements(self) -> int:
        schema = self._extension()
        if schema is None:
            return 0
        paths = _paths(self.connection)
        try:
            rows = self.connection.execute(_STATEMENTS.format(Name(schema).quoted).encode())
        except psycopg.Error:
            return 0  # made in the database, not loaded by the server
        found: dict[tuple[str, str, str], tuple[str, int]] = {}
        for login, text, calls in rows.fetchall():
            for table in self.watched:
                if names_table(text, table, paths.get(login, paths[""]), self._homes()):
                    fingerprint, statement = normalised(text)
                    key = (table.table, login, fingerprint)
                    found[key] = (statement, found.get(key, ("", 0))[1] + calls)
        marked = {
            r[0]
            for r in self.connection.execute(
                "SELECT u.table_id FROM pgmask_private.base_use AS u"
                " WHERE u.login = '' AND u.source = 'statements'"
            ).fetchall()
        }
        for (table_id, login, fingerprint), (statement, calls) in found.items():
            first = 0 if table_id not in marked else calls
            self.connection.execute(
                _COUNTED, (table_id, login, fingerprint, statement, first, calls)
            )
        for table in self.watched:
            # What ran before observing began is no use of now: the first look is the mark.
            self.connection.execute(_COUNTED, (table.table, "", "", "", 0, 0))
        return len(found)

    def _homes(self) -> Mapping[str, frozenset[str]]:
        """Schemas that have a relation of a watched table's name, by name."""
        names = [t.name for t in self.watched]
        rows = self.connection.execute(
            "SELECT c.relname::text, n.nspname::text FROM pg_catalog.pg_class AS c"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
            (names,),
        ).fetchall()
        return {n: frozenset(s for name, s in rows if name == n) for n in names}

    def _extension(self) -> str | None:
        row = self.connection.execute(
            "SELECT n.nspname::text FROM pg_catalog.pg_extension AS e"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
            " WHERE e.extname = 'pg_stat_statements'"
        ).fetchone()
        return row[0] if row else None


_WATCHED = """
WITH RECURSIVE watched AS (
  SELECT s.table_id, s.schema_name, s.table_name, c.oid
  FROM pgmask_private.store_table AS s
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schema_name
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.table_name
  WHERE s.stage = 'observe'
), family AS (
  SELECT w.table_id, w.oid FROM watched AS w
  UNION
  SELECT f.table_id, i.inhrelid FROM family AS f
  JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.oid
)
SELECT w.table_id, w.schema_name, w.table_name,
  ARRAY(SELECT f.oid::bigint FROM family AS f WHERE f.table_id = w.table_id ORDER BY 1),
  ARRAY(
    SELECT v.oid::bigint FROM pgmask_private.managed_object AS m
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = m.address[1]
    JOIN pg_catalog.pg_class AS v ON v.relnamespace = n.oid AND v.relname = m.address[2]
    WHERE m.kind = 'view' AND m.parent = w.table_id ORDER BY 1)
FROM watched AS w ORDER BY w.table_id
"""
_ACTIVITY = """
SELECT DISTINCT a.pid, coalesce(a.query_start::text, ''), a.usename::text,
  coalesce(left(a.application_name, 64), ''), a.query
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.relation = ANY (%s::bigint[]::oid[])
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
                    WHERE d.datname = pg_catalog.current_database())
  AND l.pid <> pg_catalog.pg_backend_pid()
  -- Of another's session a login without pg_read_all_stats sees little but its name.
  AND coalesce(a.backend_type, 'client backend') = 'client backend' AND a.usename IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks AS v
    WHERE v.pid = l.pid AND v.locktype = 'relation' AND v.relation = ANY (%s::bigint[]::oid[]))
"""
_STATEMENTS = """
SELECT pg_catalog.pg_get_userbyid(s.userid)::text, s.query, s.calls
FROM {}.pg_stat_statements AS s
WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d
                WHERE d.datname = pg_catalog.current_database())
  AND s.query IS NOT NULL AND s.calls > 0
"""
_MET = """
INSERT INTO pgmask_private.base_use AS u
  (table_id, login, application_name, fingerprint, statement, source)
VALUES (%s, %s, %s, %s, %s, 'activity')
ON CONFLICT ON CONSTRAINT base_use_pkey
DO UPDATE SET times = u.times + 1, last_seen = pg_catalog.clock_timestamp()
"""
_COUNTED = """
INSERT INTO pgmask_private.base_use AS u
  (table_id, login, fingerprint, statement, source, times, counted)
VALUES (%s, %s, %s, %s, 'statements', %s, %s)
ON CONFLICT ON CONSTRAINT base_use_pkey
DO UPDATE SET
  times = u.times + CASE WHEN EXCLUDED.counted >= u.counted
                      THEN EXCLUDED.counted - u.counted ELSE EXCLUDED.counted END,
  last_seen = CASE WHEN EXCLUDED.counted <> u.counted
                THEN pg_catalog.clock_timestamp() ELSE u.last_seen END,
  counted = EXCLUDED.counted
"""


def observer(connection: Connection) -> Observer:
    """A collector for the tables that are observed now; Refused PM275 without one."""
    rows = connection.execute(_WATCHED).fetchall()
    if not rows:
        raise Refused("PM275", "no table is at the stage observe")
    watched = tuple(
        Watched(table=t, schema=s, name=n, oids=tuple(o), views=tuple(v)) for t, s, n, o, v in rows
    )
    return Observer(connection=connection, watched=watched)


def collect(
    connection: Connection,
    *,
    seconds: float = 0,
    every: float = 1.0,
    report: Callable[[int], None] = lambda _: None,
) -> int:
    """Look for so long, every so many seconds; gives how many uses were met.

    ``report`` is called with that number after each look.  Raises Refused PM275.
    """
    end = time.monotonic() + seconds
    one = observer(connection)
    met = one.look()
    report(met)
    while time.monotonic() < end:
        time.sleep(max(0.0, min(every, end - time.monotonic())))
        met += one.look()
        report(met)
    return met


def uses(connection: Connection, table_id: str | None = None) -> tuple[Use, ...]:
    """What was met, the latest first; of one table, or of all."""
    rows = connection.execute(
        "SELECT u.table_id, u.login, u.application_name, u.statement, u.source, u.times,"
        " pg_catalog.to_char(u.first_seen, 'YYYY-MM-DD HH24:MI'),"
        " pg_catalog.to_char(u.last_seen, 'YYYY-MM-DD HH24:MI')"
        " FROM pgmask_private.base_use AS u"
        " WHERE u.times > 0 AND (%(table)s::text IS NULL OR u.table_id = %(table)s)"
        " ORDER BY u.last_seen DESC, u.table_id, u.login, u.fingerprint",
        {"table": table_id},
    ).fetchall()
    return tuple(
        Use(table=t, login=w, application=a, statement=s, source=o, times=n, first_seen=f,
            last_seen=e)
        for t, w, a, s, o, n, f, e in rows
    )  # fmt: skip


def normalised(text: str) -> tuple[str, str]:
    """(fingerprint, text) of a statement without any of its constants and comments."""
    if text == "<insufficient privilege>" or not text.strip():
        return "hidden", HIDDEN
    try:
        tokens = parser.scan(text)
    except pglast.Error:
        return _verb(text)
    parts: list[str] = []
    end = 0
    for token in tokens:
        parts.append(" " if token.start > end else "")
        piece = text[token.start : token.end + 1]
        if token.name in _CONSTANTS:
            piece = "?"
        elif token.name == "IDENT" and _NUMBER.fullmatch(piece):
            piece = '"?"'  # a value in the wrong quotes
        elif token.name in _COMMENTS:
            piece = ""
        parts.append(piece)
        end = token.end + 1
    shown = _LISTS.sub("?, ...", " ".join("".join(parts).split()))
    try:
        return str(parser.fingerprint(text)), shown
    except pglast.Error:
        return _verb(text)


def _verb(text: str) -> tuple[str, str]:
    """Of what cannot be read (cut off by the server, or not SQL) the first word and no more."""
    match = _VERB.match(text)
    verb = match[1].upper() if match else "?"
    return sha256(f"cut {verb}".encode()).hexdigest()[:16], f"{verb} ... (not readable)"


class _Ranges(visitors.Visitor):
    """Relations named in a statement, and the names that its WITH lists make."""

    def __init__(self) -> None:
        self.named: set[tuple[str | None, str]] = set()
        self.own: set[str] = set()

    def visit_RangeVar(self, _: Any, node: ast.RangeVar) -> None:
        self.named.add((node.schemaname, str(node.relname)))

    def visit_CommonTableExpr(self, _: Any, node: ast.CommonTableExpr) -> None:
        self.own.add(str(node.ctename))


def names_table(
    text: str, table: Watched, path: tuple[str, ...], homes: Mapping[str, frozenset[str]]
) -> bool:
    """Whether the statement means the base table, as far as its login's search path tells.

    A bare name that the path leads nowhere was resolved by a path set in the session: it counts.
    """
    if table.name not in text:
        return False
    try:
        ranges = _Ranges()
        ranges(pglast.parse_sql(text))
    except pglast.Error:
        return False
    for schema, name in ranges.named:
        if name != table.name or (schema is None and name in ranges.own):
            continue
        if schema is not None:
            if schema == table.schema:
                return True
            continue
        first = next((s for s in path if s in homes.get(name, frozenset())), table.schema)
        if first == table.schema:
            return True
    return False


def _paths(connection: Connection) -> dict[str, tuple[str, ...]]:
    """The search path each login begins with; '' for those without a setting of their own."""
    rows = connection.execute(
        "SELECT coalesce(r.rolname::text, ''), s.setdatabase <> 0, c.value"
        " FROM pg_catalog.pg_db_role_setting AS s"
        " LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole"
        " CROSS JOIN LATERAL unnest(s.setconfig) AS g (text)"
        " CROSS JOIN LATERAL (SELECT substr(g.text, strpos(g.text, '=') + 1)) AS c (value)"
        " WHERE g.text LIKE 'search\\_path=%%'"
        " AND (s.setdatabase = 0 OR s.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database AS d"
        "      WHERE d.datname = pg_catalog.current_database()))"
        " ORDER BY 1, 2",
        (),
    ).fetchall()
    found: dict[str, tuple[str, ...]] = {"": ("public",)}
    for login, _, value in rows:  # the setting for this database comes last and counts
        found[login] = tuple(_schemas(value))
    return found


def _schemas(path: str) -> Iterator[str]:
    for part in path.split(","):
        name = part.strip().strip('"')
        if name and name != "$user":
            yield name
