-- What protects the record and the stores, as named blocks: a row per object, its name and its state
-- without a number of the server's own, so that a dump and restore gives the same; only of views the
-- server's own form is taken, because to render thousands takes long. Ours is what belongs to a role
-- of pgmask or stands in one of its schemas.

-- name: triggers
SELECT concat(n.nspname, '.', c.relname, ' ', t.tgname),
       concat(t.tgenabled::text, ' ', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
         pg_catalog.pg_get_triggerdef(t.oid), 'UTF8')), 'hex'))
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
 WHERE NOT t.tgisinternal
   AND (n.nspname LIKE 'pgmask%' OR pg_catalog.pg_get_userbyid(c.relowner) LIKE 'pgmask\_%'
        OR pg_catalog.pg_get_userbyid(p.proowner) LIKE 'pgmask\_%')
UNION ALL
SELECT concat('(event) ', e.evtname),
       concat(e.evtenabled::text, ' ', e.evtevent, ' ', e.evtfoid::regproc::text)
  FROM pg_catalog.pg_event_trigger AS e
 ORDER BY 1, 2;

-- name: policies
SELECT concat(n.nspname, '.', c.relname, ' ', p.polname),
       concat(p.polcmd::text, ' ', p.polpermissive, ' ', pg_catalog.encode(pg_catalog.sha256(
         pg_catalog.convert_to(concat(
           (SELECT pg_catalog.string_agg(pg_catalog.pg_get_userbyid(r.role)::text, ',' ORDER BY 1)
              FROM pg_catalog.unnest(p.polroles) AS r (role)),
           ' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
           ' ', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)), 'UTF8')), 'hex'))
  FROM pg_catalog.pg_policy AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname LIKE 'pgmask%' OR pg_catalog.pg_get_userbyid(c.relowner) LIKE 'pgmask\_%'
 ORDER BY 1, 2;

-- name: tables
SELECT concat(n.nspname, '.', c.relname),
       concat(c.relkind::text, ' ', pg_catalog.pg_get_userbyid(c.relowner), ' ',
              CASE WHEN c.relrowsecurity THEN 'rows' ELSE 'open' END, ' ',
              CASE WHEN c.relforcerowsecurity THEN 'forced' ELSE 'unforced' END, ' ',
              (SELECT pg_catalog.string_agg(a.item::text, ',' ORDER BY a.item::text)
                 FROM pg_catalog.unnest(c.relacl) AS a (item)))
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
   AND (n.nspname LIKE 'pgmask%' OR pg_catalog.pg_get_userbyid(c.relowner) LIKE 'pgmask\_%')
 ORDER BY 1, 2;

-- name: functions
SELECT concat(n.nspname, '.', p.proname, '(', pg_catalog.pg_get_function_identity_arguments(p.oid), ')'),
       pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(concat_ws(' ',
         pg_catalog.pg_get_userbyid(p.proowner), p.prosecdef, p.provolatile, p.proparallel,
         p.proleakproof, p.proconfig, p.prosrc, p.probin,
         (SELECT pg_catalog.string_agg(a.item::text, ',' ORDER BY a.item::text)
            FROM pg_catalog.unnest(p.proacl) AS a (item)),
         CASE WHEN p.prosqlbody IS NOT NULL THEN pg_catalog.pg_get_functiondef(p.oid) END),
         'UTF8')), 'hex')
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname LIKE 'pgmask%' OR pg_catalog.pg_get_userbyid(p.proowner) LIKE 'pgmask\_%'
 ORDER BY 1, 2;

-- name: views
SELECT concat(n.nspname, '.', c.relname),
       pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
         concat(c.reloptions::text, ' ', r.ev_action::text), 'UTF8')), 'hex')
  FROM pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname LIKE 'pgmask%' OR pg_catalog.pg_get_userbyid(c.relowner) LIKE 'pgmask\_%'
 ORDER BY 1, 2;

-- name: schemas
SELECT n.nspname::text,
       concat(pg_catalog.pg_get_userbyid(n.nspowner), ' ',
              (SELECT pg_catalog.string_agg(a.item::text, ',' ORDER BY a.item::text)
                 FROM pg_catalog.unnest(n.nspacl) AS a (item)))
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname LIKE 'pgmask%' OR pg_catalog.pg_get_userbyid(n.nspowner) LIKE 'pgmask\_%'
 ORDER BY 1, 2;

-- name: roles
SELECT r.rolname::text,
       concat_ws(' ',
         CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
         CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
         CASE WHEN r.rolreplication THEN 'REPLICATION' END,
         CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
         CASE WHEN r.rolcanlogin THEN 'LOGIN' END,
         CASE WHEN r.rolinherit THEN 'INHERIT' END)
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname LIKE 'pgmask\_%' OR r.rolsuper OR r.rolbypassrls OR r.rolreplication
 ORDER BY 1, 2;

-- name: members
SELECT concat(pg_catalog.pg_get_userbyid(m.member), ' of ', pg_catalog.pg_get_userbyid(m.roleid)),
       concat(CASE WHEN pg_catalog.bool_or(m.admin_option) THEN 'admin' ELSE 'member' END)
  FROM pg_catalog.pg_auth_members AS m
 WHERE pg_catalog.pg_get_userbyid(m.roleid) LIKE 'pgmask\_%'
    OR pg_catalog.pg_get_userbyid(m.member) LIKE 'pgmask\_%'
    OR (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.oid = m.roleid)
 GROUP BY m.member, m.roleid
 ORDER BY 1, 2;

-- name: parameters
SELECT p.parname::text,
       (SELECT pg_catalog.string_agg(a.item::text, ',' ORDER BY a.item::text)
          FROM pg_catalog.unnest(p.paracl) AS a (item))
  FROM pg_catalog.pg_parameter_acl AS p
UNION ALL
SELECT concat('(set) ', coalesce(pg_catalog.pg_get_userbyid(s.setrole), 'everybody')), s.setconfig::text
  FROM pg_catalog.pg_db_role_setting AS s
 WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d
                              WHERE d.datname = pg_catalog.current_database()))
   AND s.setconfig::text ~ 'session_replication_role|row_security|wal_level|pgmask'
 ORDER BY 1, 2;

-- name: columns
-- The record's own tables: what a row gets and may hold. A month's follow their table's, so of them
-- only what was given or added to the one alone.
SELECT concat(n.nspname, '.', c.relname, ' ', a.attname),
       pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(concat_ws(' ',
         pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
         a.attgenerated::text, pg_catalog.pg_get_expr(d.adbin, d.adrelid),
         (SELECT pg_catalog.string_agg(i.item::text, ',' ORDER BY i.item::text)
            FROM pg_catalog.unnest(a.attacl) AS i (item))), 'UTF8')), 'hex')
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE n.nspname IN ('pgmask_audit', 'pgmask_private') AND c.relkind IN ('r', 'p')
   AND a.attnum > 0 AND NOT a.attisdropped
   AND (a.attacl IS NOT NULL OR NOT c.relispartition)
 ORDER BY 1, 2;

-- name: constraints
SELECT concat(n.nspname, '.', c.relname, ' ', k.conname),
       concat(k.convalidated, ' ', pg_catalog.pg_get_constraintdef(k.oid))
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('pgmask_audit', 'pgmask_private') AND k.contype IN ('c', 'f', 'p', 'u', 'x')
   AND NOT (c.relispartition AND k.coninhcount > 0)
UNION ALL
SELECT concat(n.nspname, '.', c.relname, ' is a partition of ', pn.nspname, '.', p.relname),
       pg_catalog.pg_get_expr(c.relpartbound, c.oid)
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
  JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
 WHERE pn.nspname IN ('pgmask_audit', 'pgmask_private') AND p.relkind IN ('r', 'p')
 ORDER BY 1, 2;

-- name: labels
-- Types by whose labels rows of the stores are read.
SELECT DISTINCT concat(tn.nspname, '.', t.typname),
       (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)::text
          FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type AS own ON own.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_type AS base ON base.oid = own.typbasetype
  JOIN pg_catalog.pg_type AS t
    ON t.oid IN (own.oid, own.typelem, base.oid, base.typelem) AND t.typtype = 'e'
  JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
 WHERE c.relkind IN ('r', 'p')
   AND (n.nspname LIKE 'pgmask%' OR pg_catalog.pg_get_userbyid(c.relowner) LIKE 'pgmask\_%'
        OR EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
                    WHERE g.tgrelid = c.oid AND g.tgname LIKE 'zzz\_pgmask\_%'))
 ORDER BY 1, 2;

-- name: settings
-- What the record obeys that is kept in rows.
SELECT 'text_key', concat(r.text_key_id, ' ', pg_catalog.encode(pg_catalog.sha256(r.text_key), 'hex'))
  FROM pgmask_audit.note_rule AS r
UNION ALL
SELECT concat('retention ', r.record_class),
       concat(pg_catalog.array_to_string(r.tables, ','), ' ', r.keep, ' / ', r.floor)
  FROM pgmask_audit.retention AS r
 ORDER BY 1, 2;
