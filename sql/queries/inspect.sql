-- Everything pgmask reads from the system catalogues, as named blocks: one question a block, rows
-- in a total order. The parameter `scope` is an array of relation oids, or NULL for the whole
-- database; system schemas and temporary objects never appear.

-- name: server
SELECT
  current_setting('server_version_num')::integer,
  current_database()::text,
  current_user::text,
  (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),
  current_setting('max_locks_per_transaction')::bigint
    * (current_setting('max_connections')::bigint
       + current_setting('max_prepared_transactions')::bigint),
  to_regclass('pgmask_private.managed_object') IS NOT NULL;

-- name: roles
SELECT
  r.rolname::text, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
  r.rolreplication, r.rolbypassrls
FROM pg_catalog.pg_roles AS r
WHERE r.rolname !~ '^pg_'
ORDER BY r.rolname;

-- name: memberships
SELECT
  r.rolname::text,
  m.rolname::text,
  bool_or(a.admin_option),
  bool_or(coalesce((to_jsonb(a) ->> 'inherit_option')::boolean, m.rolinherit)),
  bool_or(coalesce((to_jsonb(a) ->> 'set_option')::boolean, true))
FROM pg_catalog.pg_auth_members AS a
JOIN pg_catalog.pg_roles AS r ON r.oid = a.roleid
JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
GROUP BY r.rolname, m.rolname
ORDER BY r.rolname, m.rolname;

-- name: schemas
SELECT
  n.nspname::text,
  pg_catalog.pg_get_userbyid(n.nspowner)::text,
  pg_catalog.obj_description(n.oid, 'pg_namespace'),
  n.nspacl::text[]
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname;

-- name: relations
SELECT
  c.oid,
  n.nspname::text,
  c.relname::text,
  c.relkind::text,
  pg_catalog.pg_get_userbyid(c.relowner)::text,
  c.relpersistence::text,
  c.relrowsecurity,
  c.relforcerowsecurity,
  coalesce(c.reloptions, '{}')::text[],
  d.description,
  c.relacl::text[],
  c.relispartition,
  CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
  CASE WHEN c.relkind = 'p' THEN (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_catalog.pg_depend AS k
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.refobjsubid
    WHERE k.classid = 'pg_catalog.pg_class'::regclass AND k.objid = c.oid
      AND k.refclassid = 'pg_catalog.pg_class'::regclass AND k.refobjid = c.oid
      AND k.refobjsubid > 0 AND k.objsubid = 0
  ) END,
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END,
  EXISTS (
    SELECT FROM pg_catalog.pg_depend AS e
    WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
  ),
  c.relreplident::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description AS d
  ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR c.oid = ANY (%(scope)s::oid[]))
ORDER BY n.nspname, c.relname;

-- name: columns
SELECT
  a.attrelid,
  json_agg(json_build_array(
    a.attname,
    a.attnum,
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    pg_catalog.format_type(b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END),
    b.typcategory,
    CASE WHEN t.typtype = 'd' THEN t.typnotnull END,
    a.attnotnull,
    pg_catalog.pg_get_expr(f.adbin, f.adrelid),
    a.attidentity,
    a.attgenerated,
    CASE WHEN a.attcollation <> t.typcollation
      THEN pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname) END,
    a.attstattarget,
    d.description,
    a.attacl::text[],
    b.typtype,
    t.typname
  ) ORDER BY a.attnum)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type AS b
  ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
LEFT JOIN pg_catalog.pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
LEFT JOIN pg_catalog.pg_description AS d
  ON d.objoid = a.attrelid AND d.objsubid = a.attnum
  AND d.classoid = 'pg_catalog.pg_class'::regclass
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR c.oid = ANY (%(scope)s::oid[]))
GROUP BY a.attrelid
ORDER BY a.attrelid;

-- name: constraints
SELECT
  k.conrelid,
  k.conname::text,
  k.contype::text,
  (SELECT array_agg(a.attname::text ORDER BY u.place)
   FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number),
  pg_catalog.pg_get_constraintdef(k.oid),
  k.convalidated,
  k.condeferrable,
  k.coninhcount > 0,
  CASE WHEN k.confrelid <> 0 THEN rn.nspname::text END,
  CASE WHEN k.confrelid <> 0 THEN r.relname::text END,
  (SELECT array_agg(a.attname::text ORDER BY u.place)
   FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number),
  d.description
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
LEFT JOIN pg_catalog.pg_description AS d
  ON d.objoid = k.oid AND d.classoid = 'pg_catalog.pg_constraint'::regclass AND d.objsubid = 0
WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR c.oid = ANY (%(scope)s::oid[]))
ORDER BY k.conrelid, k.conname;

-- name: indexes
SELECT
  i.indrelid,
  xn.nspname::text,
  x.relname::text,
  i.indisunique,
  i.indisprimary,
  i.indisexclusion,
  i.indisvalid,
  coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
  (SELECT array_agg(a.attname::text ORDER BY u.place)
   FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, place)
   LEFT JOIN pg_catalog.pg_attribute AS a
     ON a.attrelid = i.indrelid AND a.attnum = u.number AND u.number > 0),
  i.indnkeyatts::integer,
  pg_catalog.pg_get_expr(i.indexprs, i.indrelid),
  pg_catalog.pg_get_expr(i.indpred, i.indrelid),
  CASE WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL THEN (
    SELECT array_agg(DISTINCT a.attname::text)
    FROM pg_catalog.pg_depend AS u
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = u.refobjsubid
    WHERE u.classid = 'pg_catalog.pg_class'::regclass AND u.objid = i.indexrelid
      AND u.refclassid = 'pg_catalog.pg_class'::regclass AND u.refobjid = i.indrelid
      AND u.refobjsubid > 0
  ) END,
  pg_catalog.pg_get_indexdef(i.indexrelid),
  (SELECT k.conname::text FROM pg_catalog.pg_constraint AS k
   WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')),
  m.amname::text,
  EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = i.indexrelid),
  d.description
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS xn ON xn.oid = x.relnamespace
JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description AS d
  ON d.objoid = x.oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR c.oid = ANY (%(scope)s::oid[]))
ORDER BY i.indrelid, xn.nspname, x.relname;

-- name: triggers
SELECT
  t.tgrelid,
  t.tgname::text,
  t.tgenabled::text,
  t.tgtype::integer,
  pn.nspname::text,
  p.proname::text,
  p.prosecdef,
  t.tgparentid <> 0,
  t.tgconstraint <> 0,
  pg_catalog.pg_get_triggerdef(t.oid),
  d.description,
  -- What the function is: it sees rows as they came. Functions of ours have facts of their own.
  CASE WHEN pn.nspname NOT IN ('pgmask', 'pgmask_private') THEN
    pg_catalog.format(
      '%%s of %%s, SHA-256 %%s', p.oid::regprocedure, pg_catalog.pg_get_userbyid(p.proowner),
      pg_catalog.encode(pg_catalog.sha256(
        pg_catalog.convert_to(pg_catalog.pg_get_functiondef(p.oid), 'UTF8')), 'hex'))
  END
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_description AS d
  ON d.objoid = t.oid AND d.classoid = 'pg_catalog.pg_trigger'::regclass AND d.objsubid = 0
WHERE NOT t.tgisinternal
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR c.oid = ANY (%(scope)s::oid[]))
ORDER BY t.tgrelid, t.tgname;

-- name: policies
SELECT
  p.polrelid,
  p.polname::text,
  p.polcmd::text,
  p.polpermissive,
  CASE WHEN p.polroles = '{0}' THEN '{PUBLIC}'::text[]
    ELSE ARRAY(SELECT pg_catalog.pg_get_userbyid(r)::text FROM unnest(p.polroles) AS r ORDER BY 1)
  END,
  pg_catalog.pg_get_expr(p.polqual, p.polrelid),
  pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
  d.description
FROM pg_catalog.pg_policy AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description AS d
  ON d.objoid = p.oid AND d.classoid = 'pg_catalog.pg_policy'::regclass AND d.objsubid = 0
WHERE (%(scope)s::oid[] IS NULL OR c.oid = ANY (%(scope)s::oid[]))
ORDER BY p.polrelid, p.polname;

-- name: rules
SELECT w.ev_class, w.rulename::text
FROM pg_catalog.pg_rewrite AS w
JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE w.rulename <> '_RETURN'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR c.oid = ANY (%(scope)s::oid[]))
ORDER BY w.ev_class, w.rulename;

-- name: inheritance
SELECT h.inhrelid, h.inhparent
FROM pg_catalog.pg_inherits AS h
JOIN pg_catalog.pg_class AS c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p', 'f')
WHERE (%(scope)s::oid[] IS NULL OR h.inhrelid = ANY (%(scope)s::oid[]))
ORDER BY h.inhparent, h.inhseqno, h.inhrelid;

-- name: sequences
SELECT
  n.nspname::text,
  c.relname::text,
  pg_catalog.pg_get_userbyid(c.relowner)::text,
  c.relacl::text[],
  d.refobjid,
  a.attname::text,
  d.deptype::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend AS d
  ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
  AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE c.relkind = 'S'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR d.refobjid = ANY (%(scope)s::oid[])
       OR c.relname::text = ANY (%(sequences)s::text[]))
ORDER BY n.nspname, c.relname;

-- name: default_sequences
SELECT DISTINCT d.adrelid, a.attname::text, n.nspname::text, s.relname::text
FROM pg_catalog.pg_attrdef AS d
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
JOIN pg_catalog.pg_depend AS u
  ON u.classid = 'pg_catalog.pg_attrdef'::regclass AND u.objid = d.oid
  AND u.refclassid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_class AS s ON s.oid = u.refobjid AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
WHERE (%(scope)s::oid[] IS NULL OR d.adrelid = ANY (%(scope)s::oid[]))
ORDER BY d.adrelid, a.attname::text, n.nspname::text, s.relname::text;

-- name: default_functions
SELECT DISTINCT d.adrelid, n.nspname::text, p.oid::regprocedure::text
FROM pg_catalog.pg_attrdef AS d
JOIN pg_catalog.pg_depend AS u
  ON u.classid = 'pg_catalog.pg_attrdef'::regclass AND u.objid = d.oid
  AND u.refclassid = 'pg_catalog.pg_proc'::regclass
JOIN pg_catalog.pg_proc AS p ON p.oid = u.refobjid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname <> 'pg_catalog'
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
  AND (%(scope)s::oid[] IS NULL OR d.adrelid = ANY (%(scope)s::oid[]))
ORDER BY d.adrelid, n.nspname::text, p.oid::regprocedure::text;

-- name: planned_calls
-- Functions that PostgreSQL may call while it plans a query on the relation: those of index
-- expressions and predicates, statistics, CHECKs and the partition key. Not those that a superuser
-- or pgmask owns: nobody else can change them.
SELECT DISTINCT c.relation, c.kind, c.name, p.oid::regprocedure::text, r.rolname::text
FROM (
  SELECT x.relation, x.kind, x.name,
    CASE d.refclassid WHEN 'pg_catalog.pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END AS function
  FROM (
    SELECT i.indrelid AS relation, 'index' AS kind, n.relname::text AS name,
      'pg_catalog.pg_class'::regclass AS class, i.indexrelid AS oid
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS n ON n.oid = i.indexrelid
    WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    UNION ALL
    SELECT s.stxrelid, 'statistics', s.stxname::text, 'pg_catalog.pg_statistic_ext'::regclass, s.oid
    FROM pg_catalog.pg_statistic_ext AS s
    UNION ALL
    SELECT k.conrelid, 'CHECK', k.conname::text, 'pg_catalog.pg_constraint'::regclass, k.oid
    FROM pg_catalog.pg_constraint AS k
    WHERE k.contype = 'c' AND k.conrelid <> 0
    UNION ALL
    SELECT t.partrelid, 'partition key of', n.relname::text, 'pg_catalog.pg_class'::regclass, t.partrelid
    FROM pg_catalog.pg_partitioned_table AS t
    JOIN pg_catalog.pg_class AS n ON n.oid = t.partrelid
  ) AS x
  JOIN pg_catalog.pg_depend AS d ON d.classid = x.class AND d.objid = x.oid
    AND d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
  LEFT JOIN pg_catalog.pg_operator AS o
    ON d.refclassid = 'pg_catalog.pg_operator'::regclass AND o.oid = d.refobjid
) AS c
JOIN pg_catalog.pg_proc AS p ON p.oid = c.function
JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
WHERE NOT r.rolsuper AND r.rolname NOT IN ('pgmask_owner', 'pgmask_sealer')
  AND (%(scope)s::oid[] IS NULL OR c.relation = ANY (%(scope)s::oid[]))
ORDER BY c.relation, c.kind, c.name, 4;

-- name: view_dependants
SELECT DISTINCT
  d.refobjid,
  n.nspname::text,
  v.relname::text,
  v.relkind::text,
  pg_catalog.pg_get_userbyid(v.relowner)::text,
  EXISTS (
    SELECT FROM pg_catalog.pg_options_to_table(v.reloptions) AS o
    WHERE o.option_name = 'security_invoker' AND o.option_value::boolean
  )
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
  AND d.refclassid = 'pg_catalog.pg_class'::regclass
  AND d.deptype = 'n'
  AND v.oid <> d.refobjid
  AND cn.nspname !~ '^pg_' AND cn.nspname <> 'information_schema'
  AND (%(scope)s::oid[] IS NULL OR d.refobjid = ANY (%(scope)s::oid[]))
ORDER BY d.refobjid, n.nspname::text, v.relname::text;

-- name: function_dependants
SELECT DISTINCT coalesce(t.typrelid, d.refobjid), n.nspname::text, p.oid::regprocedure::text,
  pg_catalog.pg_get_userbyid(p.proowner)::text
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_type AS t
  ON d.refclassid = 'pg_catalog.pg_type'::regclass AND t.oid = d.refobjid AND t.typrelid <> 0
WHERE d.classid = 'pg_catalog.pg_proc'::regclass
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND (t.oid IS NOT NULL OR d.refclassid = 'pg_catalog.pg_class'::regclass)
  AND (%(scope)s::oid[] IS NULL OR coalesce(t.typrelid, d.refobjid) = ANY (%(scope)s::oid[]))
ORDER BY 1, 2, 3;

-- name: functions
SELECT
  n.nspname::text,
  p.proname::text,
  pg_catalog.pg_get_function_identity_arguments(p.oid),
  pg_catalog.pg_get_userbyid(p.proowner)::text,
  l.lanname::text,
  p.provolatile::text,
  p.proisstrict,
  p.proparallel::text,
  p.prosecdef,
  p.proleakproof,
  coalesce(p.proconfig, '{}')::text[],
  pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.pg_get_functiondef(p.oid), 'UTF8')), 'hex'),
  p.proacl::text[],
  d.description
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_description AS d
  ON d.objoid = p.oid AND d.classoid = 'pg_catalog.pg_proc'::regclass AND d.objsubid = 0
WHERE p.prokind IN ('f', 'p')
  AND (n.nspname = 'pgmask_private' OR pg_catalog.pg_get_userbyid(p.proowner) = 'pgmask_sealer')
  AND n.nspname <> 'pgmask'
  AND (%(functions)s::text[] IS NULL OR p.proname::text = ANY (%(functions)s::text[]))
ORDER BY n.nspname, p.proname, 3;

-- name: beside
-- Objects of pgmask's roles or in its schemas that the runtime did not make; those of the plans are
-- among them. Members of extensions are not.
WITH role AS (
  SELECT r.oid, r.rolname, o.stores
  FROM (
    SELECT u.name, bool_and(u.stores) AS stores
    FROM (
      VALUES ('pgmask_owner', false), ('pgmask_sealer', false), ('pgmask_backup', false),
        ('pgmask_register', false), ('pgmask_unseal', false), ('pgmask_migrator', false),
        ('pgmask_keyless', false), ('pgmask_lookup', false), ('pgmask_store', true)
      UNION ALL
      SELECT m.fingerprint ->> 'owner', m.kind = 'place'
      FROM pgmask_private.managed_object AS m
      WHERE m.kind = 'place' OR (m.kind = 'view' AND m.parent <> '')
    ) AS u (name, stores)
    GROUP BY u.name
  ) AS o
  JOIN pg_catalog.pg_roles AS r ON r.rolname = o.name
), home AS (
  SELECT n.oid
  FROM pg_catalog.pg_namespace AS n
  WHERE n.nspname IN ('pgmask', 'pgmask_private', 'pgmask_note', 'pgmask_report')
    OR n.nspname IN (
      SELECT m.identity FROM pgmask_private.managed_object AS m WHERE m.kind = 'schema')
), found AS (
  SELECT 'function' AS kind, p.oid::regprocedure::text AS identity, n.nspname, p.proname::text,
    pg_catalog.pg_get_function_identity_arguments(p.oid) AS part, p.proowner,
    'pg_proc'::regclass AS class, p.oid
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  WHERE p.proowner IN (SELECT oid FROM role) OR p.pronamespace IN (SELECT oid FROM home)
  UNION ALL
  SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'matview' ELSE 'table' END,
    c.oid::regclass::text, n.nspname, c.relname::text, '', c.relowner, 'pg_class'::regclass, c.oid
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname !~ '^pg_'
    AND (c.relowner IN (SELECT oid FROM role) OR c.relnamespace IN (SELECT oid FROM home))
    -- Months of the record come and go.
    AND NOT (c.relispartition AND n.nspname = 'pgmask_audit')
  UNION ALL
  SELECT 'rule', pg_catalog.format('%I on %s', w.rulename, c.oid::regclass), n.nspname,
    c.relname::text, w.rulename::text, c.relowner, 'pg_rewrite'::regclass, w.oid
  FROM pg_catalog.pg_rewrite AS w
  JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE w.rulename <> '_RETURN' AND n.nspname IN ('pgmask', 'pgmask_private')
  UNION ALL
  SELECT 'trigger', pg_catalog.format('%s on %s', t.tgname, c.oid::regclass), n.nspname,
    c.relname::text, t.tgname::text, c.relowner, 'pg_trigger'::regclass, t.oid
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND n.nspname IN ('pgmask', 'pgmask_private')
  UNION ALL
  SELECT 'operator', o.oid::regoperator::text, n.nspname, o.oprname::text, '', o.oprowner,
    'pg_operator'::regclass, o.oid
  FROM pg_catalog.pg_operator AS o
  JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
  WHERE o.oprowner IN (SELECT oid FROM role) OR o.oprnamespace IN (SELECT oid FROM home)
)
SELECT f.kind, f.identity, f.nspname::text, f.proname, f.part,
  pg_catalog.pg_get_userbyid(f.proowner)::text, coalesce(r.stores, false)
FROM found AS f
LEFT JOIN role AS r ON r.oid = f.proowner
WHERE NOT EXISTS (
    SELECT FROM pgmask_private.runtime_object AS o
    WHERE o.kind = f.kind AND o.identity = f.identity)
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = f.class AND d.objid = f.oid AND d.deptype = 'e')
ORDER BY 1, 2;

-- name: publications
SELECT p.pubname::text, pg_catalog.pg_get_userbyid(p.pubowner)::text, p.puballtables,
  coalesce((SELECT array_agg(n.nspname::text ORDER BY n.nspname)
    FROM pg_catalog.pg_publication_namespace AS s
    JOIN pg_catalog.pg_namespace AS n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid), '{}')
FROM pg_catalog.pg_publication AS p
ORDER BY p.pubname;

-- name: published
SELECT p.pubname::text, r.prrelid, (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM unnest(r.prattrs::int2[]) AS u (number)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.prrelid AND a.attnum = u.number
  ),
  pg_catalog.pg_get_expr(r.prqual, r.prrelid)
FROM pg_catalog.pg_publication_rel AS r
JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
WHERE (%(scope)s::oid[] IS NULL OR r.prrelid = ANY (%(scope)s::oid[]))
ORDER BY p.pubname, r.prrelid;

-- name: oids
SELECT c.oid
FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w (schema_name, relation_name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.relation_name;

-- name: managed
SELECT m.kind, m.identity, m.parent, m.phase, m.address, m.desired_hash, m.fingerprint, m.drop_sql
FROM pgmask_private.managed_object AS m
WHERE (%(parent)s::text IS NULL OR m.parent = %(parent)s::text)
ORDER BY m.kind, m.identity;

-- name: stores
SELECT s.table_id, s.schema_name, s.table_name, s.original_schema, s.original_owner, s.stage,
  s.sealed_at IS NOT NULL, s.adopted,
  EXISTS (SELECT FROM pgmask_private.unseal_run AS u WHERE u.table_id = s.table_id),
  -- Without a page there is no row; no row is read to know it.
  NOT EXISTS (
    WITH RECURSIVE family AS (
      SELECT c.oid
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = s.schema_name AND c.relname = s.table_name
      UNION ALL
      SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN family AS f ON f.oid = i.inhparent
    )
    SELECT FROM family AS f WHERE pg_catalog.pg_relation_size(f.oid) > 0
  )
FROM pgmask_private.store_table AS s
WHERE (%(parent)s::text IS NULL OR s.table_id = %(parent)s::text)
ORDER BY s.table_id;

-- name: places
SELECT s.table_id, s.schema_name, s.table_name
FROM pgmask_private.store_table AS s;

-- name: deployed
SELECT d.id, d.catalogue_hash, d.access
FROM pgmask_private.deployment AS d
WHERE d.finished_at IS NOT NULL
ORDER BY d.id DESC
LIMIT 1;

-- name: profile_columns
SELECT p.table_id, pg_catalog.md5(pg_catalog.string_agg(p::text, E'\n' ORDER BY p.profile, p.position))
FROM pgmask_private.profile_column AS p
WHERE (%(parent)s::text IS NULL OR p.table_id = %(parent)s::text)
GROUP BY p.table_id
UNION ALL
SELECT 'profile_path ' || w.profile, pg_catalog.md5(w.path)
FROM pgmask_private.profile_path AS w
UNION ALL
SELECT 'stall_rule', pg_catalog.md5(r.when_audit_stalls)
FROM pgmask_audit.stall_rule AS r
ORDER BY 1;

-- name: uses
SELECT u.table_id, u.login, u.application_name, pg_catalog.to_char(max(u.last_seen), 'YYYY-MM-DD HH24:MI')
FROM pgmask_private.base_use AS u
GROUP BY u.table_id, u.login, u.application_name
ORDER BY u.table_id, u.login, u.application_name;

-- name: memo
SELECT d.catalogue_hash, d.pgmask_version, d.state_digest
FROM pgmask_private.deployment AS d
WHERE d.finished_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM pgmask_private.deployment AS u WHERE u.id > d.id)
ORDER BY d.id DESC
LIMIT 1;

-- name: digest
-- Who wrote each row of the catalogues last: equal digests mean that nothing at all was changed.
-- Statistics are updated in place and keep their xmin.
WITH space AS (
  SELECT n.oid FROM pg_catalog.pg_namespace AS n
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), relation AS (
  SELECT c.oid, c.xmin FROM pg_catalog.pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM space)
)
SELECT pg_catalog.md5(pg_catalog.concat_ws(':',
  (SELECT md5(string_agg(n.oid::text || n.xmin, ',' ORDER BY n.oid))
   FROM pg_catalog.pg_namespace AS n WHERE n.oid IN (SELECT oid FROM space)),
  (SELECT md5(string_agg(c.oid::text || '.' || c.xmin, ',' ORDER BY c.oid)) FROM relation AS c),
  (SELECT md5(string_agg(a.attrelid::text || '.' || a.attnum || '.' || a.xmin, ','
                         ORDER BY a.attrelid, a.attnum))
   FROM pg_catalog.pg_attribute AS a WHERE a.attnum > 0 AND a.attrelid IN (SELECT oid FROM relation)),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_attrdef AS x WHERE x.adrelid IN (SELECT oid FROM relation)),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_constraint AS x WHERE x.connamespace IN (SELECT oid FROM space)),
  (SELECT md5(string_agg(x.indexrelid::text || '.' || x.xmin, ',' ORDER BY x.indexrelid))
   FROM pg_catalog.pg_index AS x WHERE x.indrelid IN (SELECT oid FROM relation)),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_trigger AS x WHERE x.tgrelid IN (SELECT oid FROM relation)),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_policy AS x),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_rewrite AS x WHERE x.ev_class IN (SELECT oid FROM relation)),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_proc AS x WHERE x.pronamespace IN (SELECT oid FROM space)),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_type AS x WHERE x.typnamespace IN (SELECT oid FROM space)),
  (SELECT md5(string_agg(x.inhrelid::text || '.' || x.inhparent || '.' || x.xmin, ','
                         ORDER BY x.inhrelid, x.inhparent)) FROM pg_catalog.pg_inherits AS x),
  (SELECT md5(string_agg(x.objoid::text || '.' || x.objsubid || '.' || x.xmin, ','
                         ORDER BY x.objoid, x.classoid, x.objsubid))
   FROM pg_catalog.pg_description AS x WHERE x.objoid >= 16384),
  (SELECT md5(string_agg(r::text, ',' ORDER BY r.rolname)) FROM (
     SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
       r.rolreplication, r.rolbypassrls FROM pg_catalog.pg_roles AS r) AS r),
  (SELECT md5(string_agg(m::text, ',' ORDER BY m.roleid, m.member, m.grantor))
   FROM pg_catalog.pg_auth_members AS m),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_publication AS x),
  (SELECT md5(string_agg(x.oid::text || '.' || x.xmin, ',' ORDER BY x.oid))
   FROM pg_catalog.pg_publication_rel AS x),
  (SELECT md5(string_agg(x.ctid::text || '.' || x.xmin, ',' ORDER BY x.ctid))
   FROM pgmask_private.managed_object AS x),
  (SELECT md5(string_agg(x.table_id || '.' || x.xmin, ',' ORDER BY x.table_id))
   FROM pgmask_private.store_table AS x),
  (SELECT md5(string_agg(x.ctid::text || '.' || x.xmin, ',' ORDER BY x.ctid))
   FROM pgmask_private.profile_column AS x),
  (SELECT md5(string_agg(x.profile || '.' || x.xmin, ',' ORDER BY x.profile))
   FROM pgmask_private.profile_path AS x),
  (SELECT md5(string_agg(x.ctid::text || '.' || x.xmin, ',' ORDER BY x.ctid))
   FROM pgmask_audit.stall_rule AS x),
  pg_catalog.current_setting('server_version_num')
));
