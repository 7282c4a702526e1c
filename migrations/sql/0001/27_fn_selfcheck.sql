-- The runtime looks at itself: every function, table, trigger and comment of pgmask's schemas has
-- the marks that protect it. Installing and upgrading fail where a mark is missing
-- (99_selfcheck.sql), and `pgmask doctor` runs the same again later.
--
--   result  the object and what is wrong with it, one row each; nothing when all is well
--   marks   SECURITY INVOKER: reads system catalogues, which everybody may
CREATE FUNCTION pgmask_private.self_check()
  RETURNS TABLE (object text, problem text)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  -- Everybody may call these; each acts for its caller only, or computes a pure function.
  c_public CONSTANT text[] := ARRAY[
    'pgmask.login(text)', 'pgmask.log_in(text,text)',
    'pgmask.identity_claims(text,text[],text[],boolean)', 'pgmask.challenge()', 'pgmask.whoami()', 'pgmask.my_columns(text)',
    'pgmask.why(text,text)', 'pgmask.explain_error(text)', 'pgmask.refuse_identity(text)',
    'pgmask.refuse_owner()', 'pgmask.has_no_glyph(text)', 'pgmask.address_head(text)',
    'pgmask.is_plain_place(text)', 'pgmask.address_district_end(text)',
    'pgmask.detach(text)', 'pgmask.detach_all(text[])', 'pgmask.attach(text)', 'pgmask.attach_all()',
    'pgmask.my_reveals(text)', 'pgmask.my_ticket(uuid)', 'pgmask.reveal(uuid)',
    'pgmask.reveal_request(text,text[],text[],text,text)',
    'pgmask.reveal_request(text,text,text[],text,text)',
    'pgmask_note.read(text,text[],text[],boolean,text,bigint)',
    'pgmask_note.read_with_text(text,text[],text[],boolean,text,bigint)',
    'pgmask_note.subjects(text,text[],text[],boolean,text,bigint)',
    'pgmask_note.examined(text,text)', 'pgmask_note.backup(text)'
  ];
  -- No row of these is a secret, so pgmask_backup may have them all. Every other table needs
  -- row-level security.
  c_open CONSTANT text[] := ARRAY[
    'alembic_version', 'error_code', 'deployment', 'deployment_step', 'managed_object',
    'store_table', 'profile_column', 'register_rule', 'unit', 'person', 'post', 'post_profile',
    'person_post', 'document_form', 'document', 'training', 'assignment', 'designation',
    'unit_access', 'database_login', 'service', 'register_history', 'issuer', 'issuer_profile',
    'issuer_service', 'profile_path',
    'effective_profile', 'effective_login', 'unit_below', 'kek', 'data_key', 'environment',
    'runtime_object', 'migration_window', 'migration_hold', 'detached', 'detached_function',
    'rollout_step', 'base_use',
    'unseal_run', 'unseal_request', 'unseal_event', 'runtime_origin',
    'seal_run', 'seal_refused', 'reveal_rule', 'ticket',
    'era', 'access', 'change', 'activity', 'retention', 'collector', 'batch', 'anchor', 'signing_key',
    'archive', 'note_rule', 'turn', 'stall_rule', 'search_note', 'leaf', 'fingerprint', 'daily', 'monthly',
    'crossing', 'report_state', 'alert_rule', 'alert', 'alert_close'
  ];
  c_owners CONSTANT text[] := ARRAY[
    'pgmask_owner', 'pgmask_sealer', 'pgmask_migrator', 'pgmask_keyless', 'pgmask_lookup',
    'pgmask_recorder', 'pgmask_slots'];
BEGIN
  RETURN QUERY
  WITH ours AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace AS n
     WHERE n.nspname IN ('pgmask', 'pgmask_private', 'pgmask_crypto', 'pgmask_audit',
                         'pgmask_note', 'pgmask_report')
  ), fn AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.prosecdef, p.proconfig, p.provolatile,
           pg_get_userbyid(p.proowner)::text AS owner,
           EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
                    WHERE a.grantee = 0) AS public
      FROM pg_proc AS p
      JOIN ours AS n ON n.oid = p.pronamespace AND n.nspname <> 'pgmask_crypto'
     WHERE NOT EXISTS (SELECT FROM pg_depend AS d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                          AND d.deptype = 'e')
  ), rel AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relname, c.relkind, c.relrowsecurity,
           pg_get_userbyid(c.relowner)::text AS owner,
           EXISTS (SELECT FROM aclexplode(c.relacl) AS a WHERE a.grantee = 0) AS public
      FROM pg_class AS c
      JOIN ours AS n ON n.oid = c.relnamespace AND n.nspname <> 'pgmask_crypto'
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  ), trg AS (
    SELECT t.oid, format('trigger %I on %s', t.tgname, r.name) AS name, t.tgenabled,
           t.tgparentid <> 0 AS cloned
      FROM pg_trigger AS t
      JOIN rel AS r ON r.oid = t.tgrelid
     WHERE NOT t.tgisinternal
  )
  SELECT f.name, 'SECURITY DEFINER without search_path pinned to pg_catalog, pg_temp' FROM fn AS f
   WHERE f.prosecdef
     AND ('search_path=pg_catalog, pg_temp' = ANY (coalesce(f.proconfig, '{}'))) IS NOT TRUE
  UNION ALL
  SELECT f.name, 'SECURITY DEFINER and IMMUTABLE: its result would be folded into plans'
    FROM fn AS f WHERE f.prosecdef AND f.provolatile = 'i'
  UNION ALL
  SELECT f.name, 'everybody may execute it' FROM fn AS f
   WHERE f.public AND (f.name = ANY (c_public)) IS NOT TRUE
     AND (f.name LIKE 'pgmask.mask\_%' AND f.provolatile = 'i' AND NOT f.prosecdef) IS NOT TRUE
  UNION ALL
  SELECT f.name, format('owned by %s', f.owner) FROM fn AS f
   WHERE (f.owner = ANY (c_owners)) IS NOT TRUE
  UNION ALL
  SELECT f.name, 'has no comment' FROM fn AS f WHERE obj_description(f.oid, 'pg_proc') IS NULL
  UNION ALL
  SELECT w.name, 'is missing, or its callers may not execute it' FROM unnest(c_public) AS w (name)
   WHERE NOT EXISTS (SELECT FROM fn AS f WHERE f.name = w.name AND f.public)
  UNION ALL
  SELECT r.name, 'everybody has rights on it' FROM rel AS r
   WHERE r.public
     AND r.name NOT IN ('pgmask.deployed', 'pgmask.table_metadata', 'pgmask.column_metadata',
                        'pgmask.key_metadata')
  UNION ALL
  SELECT r.name, format('owned by %s', r.owner) FROM rel AS r
   WHERE (r.owner = ANY (c_owners)) IS NOT TRUE
  UNION ALL
  SELECT r.name, 'has neither row-level security nor a place among the tables without secrets'
    FROM rel AS r
   WHERE r.relkind IN ('r', 'p') AND NOT r.relrowsecurity
     AND (r.relname = ANY (c_open)) IS NOT TRUE
     AND r.name NOT LIKE 'pgmask\_audit.marker\__'
     AND r.name !~ '^pgmask_audit\.(access|change|activity)_([0-9]{4}_[0-9]{2}|default)$'
  UNION ALL
  SELECT r.name, 'has a policy: its rows are for its owner alone'
    FROM rel AS r
   WHERE r.relname IN ('token_key', 'issuer_key', 'loaded_key', 'audit_key')
     AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = r.oid)
  UNION ALL
  SELECT format('%s.%s', r.name, a.attname), 'statistics of a secret are collected'
    FROM rel AS r
    JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE r.relkind IN ('r', 'p')
     AND a.attname IN ('secret', 'wrapped', 'material', 'content')
     AND (a.attstattarget = 0) IS NOT TRUE
  UNION ALL
  SELECT r.name, 'has no comment' FROM rel AS r
   WHERE r.relkind <> 'S' AND obj_description(r.oid, 'pg_class') IS NULL
  UNION ALL
  SELECT format('%s.%s', r.name, a.attname), 'has no comment'
    FROM rel AS r
    JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE r.relkind IN ('r', 'p') AND col_description(r.oid, a.attnum) IS NULL
  UNION ALL
  SELECT t.name, 'is not ENABLE ALWAYS' FROM trg AS t WHERE t.tgenabled <> 'A'
  UNION ALL
  -- A dump leaves out comments on what a partition has from its parent.
  SELECT t.name, 'has no comment' FROM trg AS t
   WHERE NOT t.cloned AND obj_description(t.oid, 'pg_trigger') IS NULL
  UNION ALL
  SELECT format('schema %s', o.nspname), format('owned by %s', pg_get_userbyid(o.nspowner))
    FROM ours AS o WHERE pg_get_userbyid(o.nspowner) <> 'pgmask_owner'
  UNION ALL
  SELECT format('schema %s', o.nspname), format('everybody has %s on it', a.privilege_type)
    FROM ours AS o
   CROSS JOIN LATERAL aclexplode(o.nspacl) AS a
   WHERE a.grantee = 0 AND (o.nspname <> 'pgmask' OR a.privilege_type <> 'USAGE')
  UNION ALL
  SELECT format('schema %s', o.nspname), 'has no comment'
    FROM ours AS o WHERE obj_description(o.oid, 'pg_namespace') IS NULL
  UNION ALL
  SELECT format('type %s', format_type(t.oid, NULL)), 'has no comment'
    FROM pg_type AS t
    JOIN ours AS n ON n.oid = t.typnamespace AND n.nspname <> 'pgmask_crypto'
   WHERE t.typtype IN ('d', 'e', 'r')
     AND obj_description(t.oid, 'pg_type') IS NULL
  UNION ALL
  SELECT format('role %s', r.rolname), 'may log in, or has an attribute that bypasses protection'
    FROM pg_roles AS r
   WHERE r.rolname IN ('pgmask_owner', 'pgmask_sealer', 'pgmask_store', 'pgmask_backup',
                       'pgmask_register', 'pgmask_unseal', 'pgmask_migrator', 'pgmask_keyless',
                       'pgmask_lookup', 'pgmask_recorder', 'pgmask_collector', 'pgmask_slots',
                       'pgmask_record_sealer', 'pgmask_record_auditor',
                       'pgmask_record_unit', 'pgmask_record_high_value')
     AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
          OR r.rolreplication AND r.rolname <> 'pgmask_slots')
  ORDER BY 1, 2;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.self_check() FROM PUBLIC;
ALTER FUNCTION pgmask_private.self_check() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.self_check() IS
  'What is wrong with the marks that protect the runtime; no row when all is well.';

-- What the runtime looked like when it was installed, so that doctor can say what was changed by
-- hand. An owner could change both; this is for mistakes, not for enemies.
CREATE TABLE pgmask_private.runtime_object (
  kind text NOT NULL,
  identity text NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (kind, identity)
);
ALTER TABLE pgmask_private.runtime_object OWNER TO pgmask_owner;
REVOKE ALL ON TABLE pgmask_private.runtime_object FROM PUBLIC;
COMMENT ON TABLE pgmask_private.runtime_object IS
  'What the runtime looked like when it was installed; doctor compares.';
COMMENT ON COLUMN pgmask_private.runtime_object.kind IS 'function, view, trigger or table.';
COMMENT ON COLUMN pgmask_private.runtime_object.identity IS 'The object.';
COMMENT ON COLUMN pgmask_private.runtime_object.hash IS
  'SHA-256 of its definition, owner and privileges.';

-- What the runtime and everything generated beside it look like now.
--   result  one row per function, view, trigger and table of pgmask's schemas
CREATE FUNCTION pgmask_private.runtime_now()
  RETURNS TABLE (kind text, identity text, hash text)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN QUERY
  WITH found AS (
    SELECT 'function'::text AS kind, p.oid::regprocedure::text AS identity,
           concat_ws(E'\n', pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner),
             (SELECT string_agg(a.words, ',' ORDER BY a.words)
                FROM (SELECT format('%s %s', CASE x.grantee WHEN 0 THEN 'PUBLIC'
                                              ELSE pg_get_userbyid(x.grantee) END,
                                    x.privilege_type) AS words
                        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x
                     ) AS a)) AS words
      FROM pg_proc AS p
     WHERE p.pronamespace IN ('pgmask'::regnamespace, 'pgmask_private'::regnamespace,
                              'pgmask_note'::regnamespace, 'pgmask_report'::regnamespace)
    UNION ALL
    SELECT 'view', c.oid::regclass::text,
           concat_ws(E'\n', pg_get_viewdef(c.oid), pg_get_userbyid(c.relowner), c.reloptions::text)
      FROM pg_class AS c
     WHERE c.relnamespace IN ('pgmask'::regnamespace, 'pgmask_private'::regnamespace,
                              'pgmask_report'::regnamespace)
       AND c.relkind = 'v'
    UNION ALL
    SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
           concat_ws(E'\n', pg_get_triggerdef(t.oid), t.tgenabled)
      FROM pg_trigger AS t
      JOIN pg_class AS c ON c.oid = t.tgrelid
     WHERE c.relnamespace IN ('pgmask_private'::regnamespace, 'pgmask_audit'::regnamespace)
       AND NOT t.tgisinternal AND NOT c.relispartition
    UNION ALL
    -- Without the order of columns: a restore keeps it, a later revision may not.
    SELECT 'table', c.oid::regclass::text,
           concat_ws(E'\n', pg_get_userbyid(c.relowner), c.relrowsecurity::text,
             (SELECT string_agg(format('%s %s %s', a.attname, format_type(a.atttypid, a.atttypmod),
                                       a.attnotnull), ',' ORDER BY a.attname)
                FROM pg_attribute AS a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
             (SELECT string_agg(pg_get_constraintdef(k.oid), E'\n' ORDER BY k.conname)
                FROM pg_constraint AS k
               WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')))
      FROM pg_class AS c
     WHERE c.relnamespace IN ('pgmask'::regnamespace, 'pgmask_private'::regnamespace,
                              'pgmask_audit'::regnamespace)
       AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  )
  SELECT f.kind, f.identity, encode(sha256(convert_to(f.words, 'UTF8')), 'hex')
    FROM found AS f;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.runtime_now() FROM PUBLIC;
ALTER FUNCTION pgmask_private.runtime_now() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.runtime_now() IS
  'What the runtime and everything generated beside it look like now.';
