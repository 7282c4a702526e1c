-- What the tables behind a caller's views promise: keys, nullability, defaults, sequences. A view has
-- none of these in the system catalogues, and tools that reflect a model from the database ask for
-- them. Everybody may read the three views of schema pgmask; each shows only views of protected
-- tables that the caller may read. security_barrier: no condition of a caller's is tried on the
-- others.

-- Relations are read with the rights of pgmask_owner; has_any_column_privilege asks about whoever
-- runs the statement.
CREATE VIEW pgmask_private.visible_view WITH (security_barrier = true) AS
SELECT
  v.oid AS view_oid,
  n.nspname::text AS table_schema,
  v.relname::text AS table_name,
  s.table_id,
  t.oid AS store_oid
FROM pgmask_private.managed_object AS m
JOIN pgmask_private.store_table AS s ON s.table_id = m.parent
JOIN pg_catalog.pg_namespace AS n ON n.nspname = m.address[1]
JOIN pg_catalog.pg_class AS v
  ON v.relnamespace = n.oid AND v.relname = m.address[2] AND v.relkind = 'v'
JOIN pg_catalog.pg_namespace AS h ON h.nspname = s.schema_name
JOIN pg_catalog.pg_class AS t ON t.relnamespace = h.oid AND t.relname = s.table_name
WHERE m.kind = 'view'
  AND pg_catalog.has_any_column_privilege(v.oid, 'SELECT');
ALTER VIEW pgmask_private.visible_view OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.visible_view FROM PUBLIC;
COMMENT ON VIEW pgmask_private.visible_view IS
  'The views of protected tables that the caller may read, each with its table.';

CREATE VIEW pgmask.table_metadata WITH (security_barrier = true) AS
SELECT
  v.table_schema,
  v.table_name,
  'BASE TABLE'::text AS table_type,
  pg_catalog.has_any_column_privilege(v.view_oid, 'INSERT') AS may_insert,
  pg_catalog.has_any_column_privilege(v.view_oid, 'UPDATE') AS may_update,
  pg_catalog.has_table_privilege(v.view_oid, 'DELETE') AS may_delete,
  pg_catalog.obj_description(v.view_oid, 'pg_class') AS table_comment
FROM pgmask_private.visible_view AS v;
ALTER VIEW pgmask.table_metadata OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask.table_metadata FROM PUBLIC;
GRANT SELECT ON TABLE pgmask.table_metadata TO PUBLIC;
COMMENT ON VIEW pgmask.table_metadata IS
  'The caller''s protected tables under the names of their views, and what he may do with them.';

-- Of a hidden column everything is NULL, so it is nullable, whatever the table says.
CREATE VIEW pgmask.column_metadata WITH (security_barrier = true) AS
SELECT
  v.table_schema,
  v.table_name,
  a.attname::text AS column_name,
  a.attnum::integer AS ordinal_position,
  pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type,
  CASE
    WHEN p.form = 'hidden' OR NOT (c.attnotnull OR y.typnotnull) THEN 'YES'
    ELSE 'NO'
  END AS is_nullable,
  CASE WHEN c.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END
    AS column_default,
  CASE c.attidentity WHEN '' THEN 'NO' ELSE 'YES' END AS is_identity,
  CASE c.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END AS identity_generation,
  CASE c.attgenerated WHEN '' THEN 'NEVER' ELSE 'ALWAYS' END AS is_generated,
  (
    SELECT pg_catalog.format('%I.%I', sn.nspname, sc.relname)
    FROM pg_catalog.pg_depend AS sd
    JOIN pg_catalog.pg_class AS sc ON sc.oid = sd.refobjid AND sc.relkind = 'S'
    JOIN pg_catalog.pg_namespace AS sn ON sn.oid = sc.relnamespace
    WHERE sd.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
      AND sd.objid = d.oid
      AND sd.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    ORDER BY sc.oid
    LIMIT 1
  ) AS sequence_name,
  p.form,
  pg_catalog.has_column_privilege(v.view_oid, a.attnum, 'UPDATE')
    AND pg_catalog.pg_column_is_updatable(v.view_oid, a.attnum, false) AS may_update,
  pg_catalog.col_description(v.view_oid, a.attnum) AS column_comment
FROM pgmask_private.visible_view AS v
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = v.view_oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_attribute AS c
  ON c.attrelid = v.store_oid AND c.attname = a.attname AND NOT c.attisdropped
JOIN pg_catalog.pg_type AS y ON y.oid = c.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.attrelid AND d.adnum = c.attnum
LEFT JOIN pgmask_private.profile_column AS p
  ON p.table_id = v.table_id AND p.column_name = a.attname
  AND p.view_schema = v.table_schema AND p.view_name = v.table_name;
ALTER VIEW pgmask.column_metadata OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask.column_metadata FROM PUBLIC;
GRANT SELECT ON TABLE pgmask.column_metadata TO PUBLIC;
COMMENT ON VIEW pgmask.column_metadata IS
  'Columns of the caller''s views with the nullability, default, identity and sequence of the table behind them, and whether he sees them plain, masked or hidden.';

-- Unique keys are read from the indexes: where a column is sealed, its blind index bears the key
-- under the key's old name. Foreign keys to tables that the caller cannot read are left out.
CREATE VIEW pgmask.key_metadata WITH (security_barrier = true) AS
SELECT
  v.table_schema,
  v.table_name,
  i.relname::text AS constraint_name,
  CASE WHEN x.indisprimary THEN 'PRIMARY KEY' ELSE 'UNIQUE' END AS constraint_type,
  k.number AS ordinal_position,
  coalesce(
    (
      SELECT p.column_name
      FROM pgmask_private.profile_column AS p
      WHERE p.table_id = v.table_id AND a.attname = 'pgmask_bidx_' || p.column_name
      LIMIT 1
    ),
    a.attname::text
  ) AS column_name,
  NULL::text AS referenced_schema,
  NULL::text AS referenced_table,
  NULL::text AS referenced_column,
  NULL::text AS update_rule,
  NULL::text AS delete_rule
FROM pgmask_private.visible_view AS v
JOIN pg_catalog.pg_index AS x
  ON x.indrelid = v.store_oid AND x.indisunique AND x.indexprs IS NULL
  AND (x.indpred IS NULL
       OR pg_catalog.pg_get_expr(x.indpred, x.indrelid)
          ~ '^\("?pgmask_bidx_[^()]+ IS NOT NULL\)$')
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) AS k (number)
JOIN pg_catalog.pg_attribute AS a
  ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k.number - 1]
UNION ALL
SELECT
  v.table_schema,
  v.table_name,
  f.conname::text,
  'FOREIGN KEY',
  k.number,
  a.attname::text,
  coalesce(r.table_schema, rn.nspname::text),
  coalesce(r.table_name, rc.relname::text),
  b.attname::text,
  CASE f.confupdtype WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
    WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END,
  CASE f.confdeltype WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
    WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END
FROM pgmask_private.visible_view AS v
JOIN pg_catalog.pg_constraint AS f
  ON f.conrelid = v.store_oid AND f.contype = 'f' AND f.conparentid = 0
JOIN pg_catalog.pg_class AS rc ON rc.oid = f.confrelid
JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rc.relnamespace
LEFT JOIN pgmask_private.visible_view AS r
  ON r.store_oid = f.confrelid AND r.table_schema = v.table_schema
CROSS JOIN LATERAL pg_catalog.generate_subscripts(f.conkey, 1) AS k (number)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[k.number]
JOIN pg_catalog.pg_attribute AS b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[k.number]
WHERE r.view_oid IS NOT NULL OR pg_catalog.has_any_column_privilege(f.confrelid, 'SELECT');
ALTER VIEW pgmask.key_metadata OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask.key_metadata FROM PUBLIC;
GRANT SELECT ON TABLE pgmask.key_metadata TO PUBLIC;
COMMENT ON VIEW pgmask.key_metadata IS
  'Primary, unique and foreign keys of the caller''s protected tables, one row per column, under the names that errors use.';
