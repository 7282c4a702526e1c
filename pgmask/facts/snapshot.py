"""Read from a live database what names mean in it, in a few queries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import psycopg

from pgmask.facts.schema import (
    Function,
    Kept,
    Operator,
    Relation,
    Schema,
    make_schema,
    type_of,
)

_HEAD: Final = """
SELECT pg_catalog.current_database(), pg_catalog.current_setting('server_version_num')::integer,
       pg_catalog.current_schemas(false)::text[],
       ARRAY(SELECT nspname::text FROM pg_catalog.pg_namespace
              WHERE nspname !~ '^pg_(toast|temp_|toast_temp_)')
"""

_COLUMNS: Final = r"""
SELECT n.nspname::text, c.relname::text, c.relkind::text, a.names, a.types, a.not_null,
       (SELECT pg_catalog.array_agg(t.attname::text ORDER BY k.ord)
          FROM pg_catalog.pg_constraint AS p
          CROSS JOIN LATERAL pg_catalog.unnest(p.conkey) WITH ORDINALITY AS k (num, ord)
          JOIN pg_catalog.pg_attribute AS t ON t.attrelid = c.oid AND t.attnum = k.num
         WHERE p.conrelid = c.oid AND p.contype = 'p'),
       (SELECT pg_catalog.array_agg(ARRAY[m.nspname::text, q.relname::text] ORDER BY i.inhseqno)
          FROM pg_catalog.pg_inherits AS i
          JOIN pg_catalog.pg_class AS q ON q.oid = i.inhparent
          JOIN pg_catalog.pg_namespace AS m ON m.oid = q.relnamespace
         WHERE i.inhrelid = c.oid),
       CASE WHEN c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
            THEN pg_catalog.pg_get_viewdef(c.oid) END,
       (c.relkind = 'v' AND EXISTS (
          SELECT FROM pg_catalog.pg_trigger AS t
           WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype::integer & 64 <> 0))
       OR EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r
                   WHERE r.ev_class = c.oid AND r.ev_type <> '1')
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(t.attname::text ORDER BY t.attnum) AS names,
           pg_catalog.array_agg(pg_catalog.format_type(t.atttypid, t.atttypmod)
                                ORDER BY t.attnum) AS types,
           pg_catalog.array_agg(t.attname::text ORDER BY t.attnum)
             FILTER (WHERE t.attnotnull) AS not_null
      FROM pg_catalog.pg_attribute AS t
     WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
  ) AS a ON true
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
   AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
 ORDER BY 1, 2
"""

_FUNCTIONS: Final = r"""
SELECT n.nspname::text, p.proname::text, p.prokind::text, p.pronargdefaults,
       p.proargmodes::text[], p.proargnames,
       ARRAY(SELECT pg_catalog.format_type(u.t, NULL)
               FROM pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
                    WITH ORDINALITY AS u (t, ord) ORDER BY u.ord),
       pg_catalog.format_type(p.prorettype, NULL), p.proretset, l.lanname::text,
       p.provolatile::text, p.prosecdef,
       CASE WHEN n.nspname NOT IN ('pg_catalog', 'information_schema') AND l.lanname = 'plpgsql'
              THEN p.prosrc
            WHEN n.nspname NOT IN ('pg_catalog', 'information_schema') AND l.lanname = 'sql'
              THEN coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) END,
       p.prosqlbody IS NOT NULL,
       (SELECT pg_catalog.substr(s, 13) FROM pg_catalog.unnest(p.proconfig) AS s
         WHERE s LIKE 'search\_path=%'),
       coalesce((SELECT x.extname::text FROM pg_catalog.pg_depend AS d
                   JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
                  WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
                    AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
                    AND d.deptype = 'e'), ''),
       CASE WHEN n.nspname <> 'pg_catalog' AND p.pronargdefaults > 0
            THEN pg_catalog.pg_get_expr(p.proargdefaults, 0) ELSE '' END,
       ARRAY(SELECT ARRAY[m.nspname::text, b.proname::text, pg_catalog.array_to_string(ARRAY(
                SELECT pg_catalog.format_type(u.t, NULL)
                  FROM pg_catalog.unnest(b.proargtypes::oid[]) WITH ORDINALITY AS u (t, ord)
                 ORDER BY u.ord), ', ')]
               FROM pg_catalog.pg_aggregate AS a
               JOIN pg_catalog.pg_proc AS b
                 ON b.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
                              a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
               JOIN pg_catalog.pg_namespace AS m ON m.oid = b.pronamespace
              WHERE a.aggfnoid = p.oid AND m.nspname <> 'pg_catalog' ORDER BY b.oid)
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
 WHERE n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
 ORDER BY 2, 1, p.oid
"""

# Rows of relations and their arrays follow from the relations.
_TYPES: Final = r"""
SELECT n.nspname::text, t.typname::text, pg_catalog.format_type(t.oid, NULL), t.typtype::text,
       t.typcategory::text,
       CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
            WHEN t.typelem <> 0 THEN pg_catalog.format_type(t.typelem, NULL) ELSE '' END,
       CASE WHEN t.typtype = 'd' AND n.nspname <> 'information_schema'
            THEN ARRAY(SELECT pg_catalog.pg_get_expr(k.conbin, 0)
                         FROM pg_catalog.pg_constraint AS k
                        WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.oid) END,
       CASE WHEN t.typtype = 'd' THEN pg_catalog.pg_get_expr(t.typdefaultbin, 0) END
  FROM pg_catalog.pg_type AS t
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
 WHERE n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
   AND (c.oid IS NULL OR c.relkind = 'c')
   AND NOT (t.typtype = 'b' AND t.typcategory = 'A' AND e.typrelid <> 0)
 ORDER BY 1, 2
"""

# What a write runs beside itself.  Functions of pg_catalog are pinned: pg_depend has none of them.
_KEPT: Final = r"""
WITH own AS (
  SELECT DISTINCT d.classid, d.objid
    FROM pg_catalog.pg_depend AS d
    LEFT JOIN pg_catalog.pg_type AS t
      ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.refobjid
   WHERE d.classid IN ('pg_catalog.pg_attrdef'::pg_catalog.regclass,
                       'pg_catalog.pg_constraint'::pg_catalog.regclass,
                       'pg_catalog.pg_class'::pg_catalog.regclass)
     AND (d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                           'pg_catalog.pg_operator'::pg_catalog.regclass)
          OR t.typtype IN ('d', 'c'))
), kept AS (
  SELECT f.adrelid AS relid, pg_catalog.pg_get_expr(f.adbin, f.adrelid) AS text,
         a.attname::text AS name, a.attgenerated = 's' AS generated
    FROM own AS o
    JOIN pg_catalog.pg_attrdef AS f
      ON o.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = o.objid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
   WHERE a.attgenerated <> 'v'
  UNION ALL
  SELECT k.conrelid, pg_catalog.pg_get_expr(k.conbin, k.conrelid), '', false
    FROM own AS o
    JOIN pg_catalog.pg_constraint AS k
      ON o.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = o.objid
   WHERE k.contype = 'c' AND k.conrelid <> 0
  UNION ALL
  SELECT i.indrelid, pg_catalog.pg_get_expr(e.tree, i.indrelid), '', false
    FROM own AS o
    JOIN pg_catalog.pg_index AS i
      ON o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.indexrelid = o.objid
    CROSS JOIN LATERAL (VALUES (i.indexprs), (i.indpred)) AS e (tree)
   WHERE e.tree IS NOT NULL
  UNION ALL
  SELECT p.partrelid, pg_catalog.pg_get_expr(p.partexprs, p.partrelid), '', false
    FROM own AS o
    JOIN pg_catalog.pg_partitioned_table AS p
      ON o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.partrelid = o.objid
   WHERE p.partexprs IS NOT NULL
)
SELECT n.nspname::text, c.relname::text, k.text, k.name, k.generated
  FROM kept AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_(toast|temp_|toast_temp_)' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2, 4, 3
"""

_OPERATORS: Final = r"""
SELECT n.nspname::text, o.oprname::text,
       CASE WHEN o.oprleft = 0 THEN '' ELSE pg_catalog.format_type(o.oprleft, NULL) END,
       pg_catalog.format_type(o.oprright, NULL), m.nspname::text, p.proname::text,
       pg_catalog.array_to_string(ARRAY(
         SELECT pg_catalog.format_type(u.t, NULL)
           FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (t, ord)
          ORDER BY u.ord), ', ')
  FROM pg_catalog.pg_operator AS o
  JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
  JOIN pg_catalog.pg_proc AS p ON p.oid = o.oprcode
  JOIN pg_catalog.pg_namespace AS m ON m.oid = p.pronamespace
 WHERE m.nspname <> 'pg_catalog'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                      AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT '', '::', pg_catalog.format_type(c.castsource, NULL),
       pg_catalog.format_type(c.casttarget, NULL), m.nspname::text, p.proname::text,
       pg_catalog.array_to_string(ARRAY(
         SELECT pg_catalog.format_type(u.t, NULL)
           FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (t, ord)
          ORDER BY u.ord), ', ')
  FROM pg_catalog.pg_cast AS c
  JOIN pg_catalog.pg_proc AS p ON p.oid = c.castfunc
  JOIN pg_catalog.pg_namespace AS m ON m.oid = p.pronamespace
 WHERE m.nspname <> 'pg_catalog'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                      AND d.objid = p.oid AND d.deptype = 'e')
 ORDER BY 1, 2, 3, 4
"""


def read_schema(connection: psycopg.Connection[Any]) -> Schema:
    """The snapshot of the connection's database and search_path, changing nothing.

    In the caller's transaction; where that is not one of REPEATABLE READ, a migration at the same
    moment may show in parts.
    """
    with connection.transaction(), connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        head = cursor.execute(_HEAD.encode()).fetchone()
        assert head is not None  # noqa: S101 - one row by construction
        before = cursor.execute("SELECT pg_catalog.current_setting('search_path')").fetchone()
        cursor.execute("SELECT pg_catalog.set_config('search_path', 'pg_catalog', true)")
        kept: dict[tuple[str, str], list[Kept]] = {}
        for schema, name, *one in cursor.execute(_KEPT.encode()):
            kept.setdefault((schema, name), []).append(Kept(*one))
        relations = [
            _relation(row, kept.get((row[0], row[1]), ()))
            for row in cursor.execute(_COLUMNS.encode())
        ]
        functions = [_function(row) for row in cursor.execute(_FUNCTIONS.encode())]
        types = tuple(type_of(row) for row in cursor.execute(_TYPES.encode()))
        operators = tuple(
            Operator(row[0], row[1], row[2], row[3], (row[4], row[5], row[6]))
            for row in cursor.execute(_OPERATORS.encode())
        )
        cursor.execute("SELECT pg_catalog.set_config('search_path', %s, true)", before)
    return make_schema(
        relations,
        functions,
        types=types,
        operators=operators,
        search_path=tuple(head[2]),
        schemas=frozenset(head[3]),
        database=head[0],
        server=head[1],
    )


def _relation(row: tuple[Any, ...], kept: Iterable[Kept]) -> Relation:
    schema, name, kind, columns, types, not_null, key, parents, definition, instead = row
    return Relation(
        schema=schema,
        name=name,
        kind=kind,
        columns=tuple(columns or ()),
        types=tuple(types or ()),
        not_null=frozenset(not_null or ()) if kind in "rpf" else frozenset(),
        primary_key=tuple(key or ()),
        parents=tuple((s, n) for s, n in parents or ()),
        definition=definition.strip().rstrip(";") if definition and kind == "v" else None,
        instead=instead,
        kept=tuple(kept),
    )


def _function(row: tuple[Any, ...]) -> Function:
    (schema, name, kind, defaults, modes, names, types, returns, returns_set, language, volatility,
     definer, body, atomic, path, extension, default_text, behind) = row  # fmt: skip
    modes = modes or ["i"] * len(types)
    names = names or [""] * len(types)
    parts = list(zip(modes, names, types, strict=True))
    given = [p for p in parts if p[0] in "ibv"]
    out = tuple((n, t) for m, n, t in parts if m in "obt")
    return Function(
        schema=schema, name=name, kind=kind, args=tuple(t for _, _, t in given),
        names=tuple(n for _, n, _ in given) if any(n for _, n, _ in given) else (),
        modes="".join(m for m, _, _ in given) if any(m != "i" for m, _, _ in given) else "",
        defaults=defaults, columns=out, returns=returns, returns_set=returns_set,
        language=language, volatility=volatility, definer=definer, body=body, atomic=atomic,
        path=None if path is None else path_of(path), extension=extension,
        default_text=default_text, behind=tuple((s, n, a) for s, n, a in behind),
    )  # fmt: skip


def path_of(setting: str) -> tuple[str, ...]:
    """The schemas of a search_path as it is written in a setting; ``$user`` is kept."""
    found = []
    for part in setting.split(","):
        name = part.strip()
        if name.startswith('"') and name.endswith('"') and len(name) > 1:
            found.append(name[1:-1].replace('""', '"'))
        elif name:
            found.append(name.lower())
    return tuple(found)
