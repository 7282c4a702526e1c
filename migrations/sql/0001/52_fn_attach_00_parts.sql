-- Bringing the views of a table back at the end of a migration, and refusing it (PM213) where a
-- protection was taken off.
--
-- Definitions were kept under the columns' names of then. Where the migration renamed columns they
-- get their old names for a moment, views and policies are made, and the new names come back: what
-- hangs on a column follows it by its number, as PostgreSQL does it, and nothing is parsed. The
-- table is locked all the while.

-- Gives columns the names they had at detach, or back the ones the migration gave them.
--   p_relation  the table; partitions and children follow
--   p_columns   as kept at detach
--   p_names     NULL: go back to the old names; else what the first call gave
--   result      [{number, name}] of the columns that were renamed, with the migration's names
CREATE FUNCTION pgmask_private.old_names(p_relation oid, p_columns jsonb, p_names jsonb)
  RETURNS jsonb
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_moved jsonb := p_names;
  v_one record;
BEGIN
  IF v_moved IS NULL THEN
    -- Renamed ones; and new ones under a name that another column had, lest anything bind to them.
    SELECT coalesce(jsonb_agg(jsonb_build_object('number', a.attnum, 'name', a.attname)), '[]')
      INTO v_moved
      FROM pg_attribute AS a
      LEFT JOIN jsonb_to_recordset(p_columns) AS c (number int2, name text) ON c.number = a.attnum
     WHERE a.attrelid = p_relation AND a.attnum > 0 AND NOT a.attisdropped
       AND (c.name <> a.attname
            OR c.name IS NULL AND a.attname IN (
                 SELECT o.name FROM jsonb_to_recordset(p_columns) AS o (name text)));
  END IF;
  FOR v_one IN
    SELECT a.attname, m.number
      FROM jsonb_to_recordset(v_moved) AS m (number int2)
      JOIN pg_attribute AS a ON a.attrelid = p_relation AND a.attnum = m.number
     WHERE a.attname <> 'pgmask_moved_' || m.number
  LOOP
    EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', p_relation::regclass, v_one.attname,
                   'pgmask_moved_' || v_one.number);
  END LOOP;
  FOR v_one IN
    SELECT m.number, CASE WHEN p_names IS NULL THEN c.name ELSE m.name END AS name
      FROM jsonb_to_recordset(v_moved) AS m (number int2, name text)
      LEFT JOIN jsonb_to_recordset(p_columns) AS c (number int2, name text) ON c.number = m.number
  LOOP
    IF v_one.name IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', p_relation::regclass,
                     'pgmask_moved_' || v_one.number, v_one.name);
    END IF;
  END LOOP;
  RETURN v_moved;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.old_names(oid, jsonb, jsonb) FROM PUBLIC;
ALTER FUNCTION pgmask_private.old_names(oid, jsonb, jsonb) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.old_names(oid, jsonb, jsonb) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.old_names(oid, jsonb, jsonb) IS
  'Gives the columns of a detached table their old names for a moment, or their new ones back.';

-- The select list of a view's query as the server renders it, item by item, and what follows it.
--   result  the items without their AS; the last element is the rest, from FROM on
CREATE FUNCTION pgmask_private.select_items(p_query text)
  RETURNS text[]
  LANGUAGE plpgsql
  IMMUTABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  c_from CONSTANT text := E'\n   FROM ';
  v_items text[] := '{}';
  v_item text := '';
  v_rest text := '';
  v_depth integer := 0;
  v_ended boolean := false;
  v_token text;
BEGIN
  FOR v_token IN
    SELECT t[1]
      FROM regexp_matches(
        rtrim(regexp_replace(p_query, '^\s*SELECT\s', ''), '; '),
        $re$('(?:[^']|'')*'|"(?:[^"]|"")*"|[(),\[\]]|[^'"(),\[\]]+)$re$, 'g') AS t
  LOOP
    IF v_ended THEN
      v_rest := v_rest || v_token;
      CONTINUE;
    END IF;
    IF v_token IN ('(', '[') THEN
      v_depth := v_depth + 1;
    ELSIF v_token IN (')', ']') THEN
      v_depth := v_depth - 1;
    ELSIF v_depth = 0 AND v_token = ',' THEN
      v_items := v_items || v_item;
      v_item := '';
      CONTINUE;
    ELSIF v_depth = 0 AND strpos(v_token, c_from) > 0 THEN
      v_items := v_items || (v_item || left(v_token, strpos(v_token, c_from) - 1));
      v_rest := substr(v_token, strpos(v_token, c_from));
      v_ended := true;
      CONTINUE;
    END IF;
    v_item := v_item || v_token;
  END LOOP;
  SELECT array_agg(trim(E' \n' FROM regexp_replace(
           i.item, '\sAS\s+("(?:[^"]|"")*"|[^\s"]+)\s*$', '')) ORDER BY i.place)
    INTO v_items
    FROM unnest(v_items) WITH ORDINALITY AS i (item, place);
  RETURN v_items || v_rest;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.select_items(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.select_items(text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.select_items(text) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.select_items(text) IS
  'The select list of a view''s query, item by item, and the rest of the query.';

-- The statement that makes a view again over the columns as they are now.
--   p_view     as kept at detach
--   p_columns  one row per column of then: name, now (NULL: dropped), type (NULL: as it was),
--              hidden: NULL in the new type, text_like: whether the new type can hold a mask
--   p_hide     every computed column becomes NULL: its expression does not fit any more
CREATE FUNCTION pgmask_private.view_again(p_view jsonb, p_columns jsonb, p_hide boolean)
  RETURNS text
  LANGUAGE plpgsql
  IMMUTABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_names text;
  v_items text[];
  v_list text;
  v_same boolean;
BEGIN
  SELECT string_agg(quote_ident(coalesce(t.now, o.name)), ', ' ORDER BY o.place)
           FILTER (WHERE t.name IS NULL OR t.now IS NOT NULL),
         bool_and(t.name IS NULL OR t.now IS NOT NULL AND t.type IS NULL)
    INTO v_names, v_same
    FROM (SELECT c ->> 'name' AS name, p AS place
            FROM jsonb_array_elements(p_view -> 'columns') WITH ORDINALITY AS x (c, p)) AS o
    LEFT JOIN jsonb_to_recordset(p_columns) AS t (name text, now text, type text) ON t.name = o.name;
  IF v_same AND NOT p_hide THEN
    RETURN format('CREATE VIEW %I.%I (%s) AS %s', p_view ->> 'schema', p_view ->> 'name', v_names,
                  rtrim(p_view ->> 'query', '; '));
  END IF;
  v_items := pgmask_private.select_items(p_view ->> 'query');
  SELECT string_agg(
           CASE
             WHEN i.plain OR t.name IS NULL THEN i.item
             WHEN p_hide OR t.type IS NOT NULL AND (i.item ~ '^\(*(NULL|ARRAY\[\])' OR NOT t.text_like)
               THEN t.hidden
             WHEN t.type IS NOT NULL THEN format('(%s)::%s', i.item, t.type)
             ELSE i.item
           END, E',\n  ' ORDER BY o.place)
    INTO v_list
    FROM (SELECT c ->> 'name' AS name, p AS place
            FROM jsonb_array_elements(p_view -> 'columns') WITH ORDINALITY AS x (c, p)) AS o
   CROSS JOIN LATERAL (
     SELECT v_items[o.place] AS item,
            v_items[o.place] ~ '^(\w+\.)?(\w+|"(?:[^"]|"")*")$' AS plain) AS i
    LEFT JOIN jsonb_to_recordset(p_columns)
                AS t (name text, now text, type text, hidden text, text_like boolean)
      ON t.name = o.name
   WHERE t.name IS NULL OR t.now IS NOT NULL;
  RETURN format(E'CREATE VIEW %I.%I (%s) AS SELECT\n  %s%s', p_view ->> 'schema', p_view ->> 'name',
                v_names, v_list, v_items[cardinality(v_items)]);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.view_again(jsonb, jsonb, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.view_again(jsonb, jsonb, boolean) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.view_again(jsonb, jsonb, boolean) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.view_again(jsonb, jsonb, boolean) IS
  'The statement that makes a view again over the columns as they are now.';

-- Makes one view again, with owner, rights, options, defaults and comments.
--   result  whether a computed column had to be hidden because its expression does not fit any more
CREATE FUNCTION pgmask_private.bring_view(p_view jsonb, p_columns jsonb)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_name text := format('%I.%I', p_view ->> 'schema', p_view ->> 'name');
  v_hidden boolean := false;
  v_one record;
BEGIN
  BEGIN
    EXECUTE pgmask_private.view_again(p_view, p_columns, false);
  EXCEPTION
    WHEN undefined_column OR undefined_function OR datatype_mismatch OR cannot_coerce THEN
      v_hidden := true;
      EXECUTE pgmask_private.view_again(p_view, p_columns, true);
  END;
  IF jsonb_typeof(p_view -> 'options') = 'array' THEN
    FOR v_one IN SELECT o FROM jsonb_array_elements_text(p_view -> 'options') AS o LOOP
      EXECUTE format('ALTER VIEW %s SET (%I = %L)', v_name, split_part(v_one.o, '=', 1),
                     substr(v_one.o, strpos(v_one.o, '=') + 1));
    END LOOP;
  END IF;
  EXECUTE format('ALTER VIEW %s OWNER TO %I', v_name, p_view ->> 'owner');
  EXECUTE format('COMMENT ON VIEW %s IS %L', v_name, p_view ->> 'comment');
  FOR v_one IN
    SELECT g."to", g."right", g.option, NULL::text AS name
      FROM jsonb_to_recordset(p_view -> 'grants') AS g ("to" text, "right" text, option boolean)
    UNION ALL
    SELECT g."to", g."right", g.option, coalesce(t.now, c.name)
      FROM jsonb_to_recordset(p_view -> 'columns') AS c (name text, grants jsonb)
      LEFT JOIN jsonb_to_recordset(p_columns) AS t (name text, now text) ON t.name = c.name
     CROSS JOIN LATERAL jsonb_to_recordset(c.grants) AS g ("to" text, "right" text, option boolean)
     WHERE t.name IS NULL OR t.now IS NOT NULL
  LOOP
    EXECUTE format('GRANT %s%s ON TABLE %s TO %s%s', v_one."right",
                   CASE WHEN v_one.name IS NOT NULL THEN format(' (%I)', v_one.name) END,
                   v_name, v_one."to", CASE WHEN v_one.option THEN ' WITH GRANT OPTION' END);
  END LOOP;
  FOR v_one IN
    SELECT coalesce(t.now, c.name) AS name, c."default", c.comment
      FROM jsonb_to_recordset(p_view -> 'columns') AS c (name text, "default" text, comment text)
      LEFT JOIN jsonb_to_recordset(p_columns) AS t (name text, now text) ON t.name = c.name
     WHERE (t.name IS NULL OR t.now IS NOT NULL) AND (c."default" IS NOT NULL OR c.comment IS NOT NULL)
  LOOP
    IF v_one."default" IS NOT NULL THEN
      EXECUTE format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', v_name, v_one.name, v_one."default");
    END IF;
    IF v_one.comment IS NOT NULL THEN
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', v_name, v_one.name, v_one.comment);
    END IF;
  END LOOP;
  RETURN v_hidden;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.bring_view(jsonb, jsonb) FROM PUBLIC;
ALTER FUNCTION pgmask_private.bring_view(jsonb, jsonb) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.bring_view(jsonb, jsonb) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.bring_view(jsonb, jsonb) IS
  'Makes a view again, with owner, rights, options, defaults and comments.';

-- Makes one policy again. Where its condition does not fit the columns any more it shows and takes
-- no row, until an apply makes it anew.
--   result  whether it fits
CREATE FUNCTION pgmask_private.bring_policy(p_policy jsonb)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_head text := format(
    'CREATE POLICY %I ON %s AS %s FOR %s TO %s', p_policy ->> 'name',
    (p_policy ->> 'relation')::oid::regclass,
    CASE WHEN (p_policy ->> 'permissive')::boolean THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    p_policy ->> 'command', p_policy ->> 'roles');
  v_fits boolean := true;
BEGIN
  BEGIN
    EXECUTE v_head || coalesce(' USING (' || (p_policy ->> 'using') || ')', '')
                   || coalesce(' WITH CHECK (' || (p_policy ->> 'check') || ')', '');
  EXCEPTION
    WHEN undefined_column OR undefined_function OR datatype_mismatch OR cannot_coerce THEN
      v_fits := false;
      EXECUTE v_head || CASE WHEN p_policy ->> 'using' IS NOT NULL THEN ' USING (false)' ELSE '' END
                     || CASE WHEN p_policy ->> 'check' IS NOT NULL THEN ' WITH CHECK (false)' ELSE '' END;
  END;
  EXECUTE format('COMMENT ON POLICY %I ON %s IS %L', p_policy ->> 'name',
                 (p_policy ->> 'relation')::oid::regclass, p_policy ->> 'comment');
  RETURN v_fits;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.bring_policy(jsonb) FROM PUBLIC;
ALTER FUNCTION pgmask_private.bring_policy(jsonb) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.bring_policy(jsonb) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.bring_policy(jsonb) IS 'Makes a policy again; false where it does not fit any more.';

-- Protects a partition or child that joined the family since the last apply, as its parent is:
-- policies of a parent do not hold for a child that is reached directly. Triggers of partitions,
-- columns and CHECKs come from the parent by themselves.
--   errors  PM218: a foreign table, a child by inheritance of a sealed table; PM262: another owner
CREATE FUNCTION pgmask_private.protect_member(p_table_id text, p_parent oid, p_member oid)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_parent record;
  v_member record;
  v_one record;
BEGIN
  SELECT c.relowner, n.nspname, c.relname INTO v_parent
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p_parent;
  SELECT c.relowner, n.nspname, c.relname, c.relkind, c.relispartition, c.relacl INTO v_member
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = p_member;
  IF v_member.relkind = 'f' OR NOT v_member.relispartition AND EXISTS (
    SELECT FROM pgmask_private.managed_object AS m WHERE m.kind = 'trigger' AND m.parent = p_table_id
       AND NOT starts_with(m.address[3], 'zzz_pgmask_change_')
  ) THEN
    RAISE EXCEPTION USING ERRCODE = 'PM218',
      MESSAGE = format('%s cannot be protected as a child of %s', p_member::regclass, p_table_id),
      HINT = 'Nothing of this transaction was kept. Make it a partition, and no foreign table.';
  END IF;
  IF v_member.relowner <> v_parent.relowner THEN
    BEGIN
      EXECUTE format('ALTER TABLE %s OWNER TO %I', p_member::regclass, pg_get_userbyid(v_parent.relowner));
    EXCEPTION
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION USING ERRCODE = 'PM262',
          MESSAGE = format('%s belongs to another role than %s', p_member::regclass, p_table_id),
          HINT = format('In the migration: ALTER TABLE %s OWNER TO %I; or SET ROLE %I first.',
                        p_member::regclass, pg_get_userbyid(v_parent.relowner),
                        pg_get_userbyid(v_parent.relowner));
    END;
  END IF;
  FOR v_one IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
      FROM (SELECT v_member.relacl AS acl
            UNION ALL SELECT t.attacl FROM pg_attribute AS t WHERE t.attrelid = p_member AND t.attnum > 0) AS x
     CROSS JOIN LATERAL aclexplode(x.acl) AS a
     WHERE a.grantee NOT IN (v_member.relowner, v_parent.relowner)
  LOOP
    EXECUTE format('REVOKE ALL PRIVILEGES ON TABLE %s FROM %s CASCADE', p_member::regclass, v_one.grantee);
  END LOOP;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_member::regclass);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_member::regclass);
  -- The standing policies: the ones that hang on no column.
  FOR v_one IN
    SELECT p.polname, p.polcmd, p.polroles, pg_get_expr(p.polqual, p.polrelid) AS condition,
           obj_description(p.oid, 'pg_policy') AS says
      FROM pg_policy AS p
     WHERE p.polrelid = p_parent AND (starts_with(p.polname::text, 'pgmask_all_') OR p.polname = 'pgmask_owner_refused')
       AND NOT EXISTS (SELECT FROM pg_policy AS o WHERE o.polrelid = p_member AND o.polname = p.polname)
  LOOP
    EXECUTE format('CREATE POLICY %I ON %s FOR %s TO %s USING (%s)', v_one.polname, p_member::regclass,
                   CASE v_one.polcmd WHEN 'r' THEN 'SELECT' ELSE 'ALL' END,
                   (SELECT string_agg(quote_ident(pg_get_userbyid(r)), ', ') FROM unnest(v_one.polroles) AS r),
                   v_one.condition);
    EXECUTE format('COMMENT ON POLICY %I ON %s IS %L', v_one.polname, p_member::regclass, v_one.says);
  END LOOP;
  FOR v_one IN
    SELECT pg_get_userbyid(a.grantee) AS grantee, string_agg(a.privilege_type, ', ') AS rights
      FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
     WHERE c.oid = p_parent AND a.grantee IN (to_regrole('pgmask_sealer'), to_regrole('pgmask_backup'))
     GROUP BY a.grantee
  LOOP
    EXECUTE format('GRANT %s ON TABLE %s TO %I', v_one.rights, p_member::regclass, v_one.grantee);
  END LOOP;
  -- Recorded, so that drift watches it from now on; the next apply makes it over once.
  INSERT INTO pgmask_private.managed_object (kind, identity, parent, phase, address, desired_hash, fingerprint, drop_sql)
  SELECT m.kind,
         CASE m.kind
           WHEN 'security' THEN format('%s.%s', v_member.nspname, v_member.relname)
           WHEN 'policy' THEN format('%s.%s.%s', v_member.nspname, v_member.relname, m.address[3])
           ELSE format('relation %s.%s to %s', v_member.nspname, v_member.relname, m.address[4])
         END,
         m.parent, m.phase,
         CASE m.kind
           WHEN 'security' THEN ARRAY[v_member.nspname, v_member.relname]::text[]
           WHEN 'policy' THEN ARRAY[v_member.nspname, v_member.relname, m.address[3]]::text[]
           ELSE ARRAY['relation', v_member.nspname, v_member.relname, m.address[4]]::text[]
         END,
         '', CASE m.kind WHEN 'grant' THEN m.fingerprint || '{"columns": {}}' ELSE m.fingerprint END,
         CASE m.kind
           WHEN 'security' THEN m.drop_sql
           WHEN 'policy' THEN ARRAY[format('DROP POLICY %I ON %I.%I', m.address[3], v_member.nspname, v_member.relname)]
           ELSE ARRAY[format('REVOKE ALL PRIVILEGES ON TABLE %I.%I FROM %I',
                             v_member.nspname, v_member.relname, m.address[4])]
         END
    FROM pgmask_private.managed_object AS m
   WHERE m.parent = p_table_id
     AND (m.kind = 'security' AND m.address = ARRAY[v_parent.nspname, v_parent.relname]::text[]
          OR m.kind = 'policy' AND m.address[1:2] = ARRAY[v_parent.nspname, v_parent.relname]::text[]
             AND (starts_with(m.address[3], 'pgmask_all_') OR m.address[3] = 'pgmask_owner_refused')
          OR m.kind = 'grant' AND m.address[1:3] = ARRAY['relation', v_parent.nspname, v_parent.relname]::text[]
             AND m.address[4] IN ('pgmask_sealer', 'pgmask_backup'))
  ON CONFLICT (kind, identity) DO NOTHING;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.protect_member(text, oid, oid) FROM PUBLIC;
ALTER FUNCTION pgmask_private.protect_member(text, oid, oid) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.protect_member(text, oid, oid) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.protect_member(text, oid, oid) IS
  'Protects a partition or child that joined a protected table.';

-- Refuses code that PostgreSQL may call while it plans a query on a store: functions of index
-- expressions and predicates, statistics, CHECKs and partition keys that neither a superuser nor
-- pgmask owns. Their owner could put anything in their place later.
--   p_members  the table with its partitions and children
--   errors     PM257
CREATE FUNCTION pgmask_private.refuse_planned_code(p_table_id text, p_members oid[])
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_found text;
BEGIN
  SELECT string_agg(DISTINCT format('%s calls %s of %I', x.name, p.oid::regprocedure, pg_get_userbyid(p.proowner)), E'\n')
    INTO v_found
    FROM (
      SELECT format('index %s', i.indexrelid::regclass) AS name, 'pg_class'::regclass AS class, i.indexrelid AS oid
        FROM pg_index AS i WHERE i.indrelid = ANY (p_members)
      UNION ALL
      SELECT format('statistics %I', s.stxname), 'pg_statistic_ext'::regclass, s.oid
        FROM pg_statistic_ext AS s WHERE s.stxrelid = ANY (p_members)
      UNION ALL
      SELECT format('CHECK %I', k.conname), 'pg_constraint'::regclass, k.oid
        FROM pg_constraint AS k WHERE k.contype = 'c' AND k.conrelid = ANY (p_members)
      UNION ALL
      SELECT format('partition key of %s', t.partrelid::regclass), 'pg_class'::regclass, t.partrelid
        FROM pg_partitioned_table AS t WHERE t.partrelid = ANY (p_members)
    ) AS x
    JOIN pg_depend AS d ON d.classid = x.class AND d.objid = x.oid
     AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
    LEFT JOIN pg_operator AS o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    JOIN pg_proc AS p ON p.oid = CASE d.refclassid WHEN 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END
    JOIN pg_roles AS r ON r.oid = p.proowner
   WHERE NOT r.rolsuper AND r.rolname NOT IN ('pgmask_owner', 'pgmask_sealer');
  IF v_found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM257',
      MESSAGE = format('code of the application would run while a query on %s is planned', p_table_id),
      DETAIL = v_found,
      HINT = 'Nothing of this transaction was kept. Use PostgreSQL''s own functions, or have a superuser take the function over.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_planned_code(text, oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_planned_code(text, oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_planned_code(text, oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_planned_code(text, oid[]) IS
  'Raises PM257 where planning a query on a store would run code of the application.';

-- What the generated functions say of a column: they are text and do not follow a change.
--   p_column  the name it had
--   result    table_id: whose sealing; key: the name is a key inside sealed values
CREATE FUNCTION pgmask_private.sealing_uses(p_table_id text, p_store text, p_column text)
  RETURNS TABLE (table_id text, key boolean)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN QUERY
  SELECT m.parent, bool_or(m.parent = p_table_id AND strpos(p.prosrc, quote_literal(p_column)) > 0)
    FROM pgmask_private.managed_object AS m
    JOIN pg_proc AS p
      ON p.pronamespace = 'pgmask_private'::regnamespace AND p.proname = m.address[2]
   WHERE m.kind = 'function' AND m.address[1] = 'pgmask_private' AND NOT starts_with(m.address[2], 'read_')
     AND (m.parent = p_table_id OR strpos(p.prosrc, p_store) > 0)
     -- What records changes waits for no apply; attach takes care of it.
     AND p.proowner <> to_regrole('pgmask_recorder')
     AND (strpos(p.prosrc, '"' || replace(p_column, '"', '""') || '"') > 0
          OR strpos(p.prosrc, quote_literal(p_column)) > 0)
   GROUP BY m.parent;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.sealing_uses(text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.sealing_uses(text, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.sealing_uses(text, text, text) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.sealing_uses(text, text, text) IS
  'The tables whose generated functions name a column.';

-- Whether a CHECK of pgmask still says what was recorded, after PostgreSQL made it anew for a
-- column's new type: the recorded text is read over the columns as they are, and compared.
--   marks  asked while the columns have their old names
CREATE FUNCTION pgmask_private.same_check(p_relation oid, p_name text, p_recorded text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_now text;
  v_again text;
BEGIN
  SELECT regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') INTO v_now
    FROM pg_constraint AS k WHERE k.conrelid = p_relation AND k.conname = p_name;
  IF v_now = p_recorded THEN
    RETURN true;
  ELSIF v_now IS NULL OR p_recorded IS NULL THEN
    RETURN false;
  END IF;
  BEGIN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT pgmask_moved_check %s NOT VALID', p_relation::regclass, p_recorded);
  EXCEPTION
    WHEN undefined_column OR undefined_function OR datatype_mismatch OR cannot_coerce THEN
      RETURN false;
  END;
  SELECT regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') INTO v_again
    FROM pg_constraint AS k WHERE k.conrelid = p_relation AND k.conname = 'pgmask_moved_check';
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT pgmask_moved_check', p_relation::regclass);
  RETURN (v_now = v_again) IS TRUE;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.same_check(oid, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.same_check(oid, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.same_check(oid, text, text) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.same_check(oid, text, text) IS
  'Whether a CHECK still says what was recorded, over columns of another type.';

-- Writes down how the server describes now what attach made or found followed.
--   p_map    {old name: new name, NULL where dropped} of the columns that changed
--   p_checks names of the CHECKs that still say what was recorded
CREATE FUNCTION pgmask_private.record_attached(
  p_table_id text, p_relation oid, p_map jsonb, p_policies jsonb, p_checks text[]
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  UPDATE pgmask_private.managed_object AS m
     SET fingerprint = m.fingerprint || jsonb_build_object(
           'definition', pg_get_viewdef(c.oid),
           'defaults', (
             SELECT coalesce(jsonb_object_agg(a.attname, pg_get_expr(d.adbin, d.adrelid)), '{}')
               FROM pg_attrdef AS d
               JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
              WHERE d.adrelid = c.oid))
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE m.kind = 'view' AND m.parent = p_table_id AND c.relkind = 'v'
     AND n.nspname = m.address[1] AND c.relname = m.address[2];
  UPDATE pgmask_private.managed_object AS m
     SET fingerprint = m.fingerprint || jsonb_build_object(
           'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid))
    FROM jsonb_to_recordset(p_policies) AS k (identity text, relation bigint, name text)
    JOIN pg_policy AS p ON p.polrelid = k.relation::oid AND p.polname = k.name
   WHERE m.kind = 'policy' AND m.identity = k.identity;
  UPDATE pgmask_private.managed_object AS m
     SET fingerprint = m.fingerprint || jsonb_build_object(
           'definition', regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''))
    FROM pg_constraint AS k
   WHERE m.kind = 'check' AND m.parent = p_table_id AND k.conrelid = p_relation
     AND k.conname = m.address[3] AND k.conname = ANY (p_checks);
  UPDATE pgmask_private.managed_object AS m
     SET fingerprint = m.fingerprint || jsonb_build_object(
           'required', (
             SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]')
               FROM pg_attribute AS a
              WHERE a.attrelid = p_relation AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attnotnull AND NOT starts_with(a.attname::text, 'pgmask_')),
           'children', (
             SELECT coalesce(jsonb_agg(format('%s.%s', n.nspname, c.relname)
                                       ORDER BY n.nspname, c.relname), '[]')
               FROM pg_inherits AS h
               JOIN pg_class AS c ON c.oid = h.inhrelid
               JOIN pg_namespace AS n ON n.oid = c.relnamespace
              WHERE h.inhparent = p_relation))
   WHERE m.kind = 'place' AND m.parent = p_table_id;
  IF p_map <> '{}' THEN
    UPDATE pgmask_private.managed_object AS m
       SET fingerprint = m.fingerprint || jsonb_build_object('columns', (
             SELECT coalesce(jsonb_object_agg(coalesce(p_map ->> c.key, c.key), c.value), '{}')
               FROM jsonb_each(m.fingerprint -> 'columns') AS c
              WHERE NOT (p_map ? c.key AND p_map ->> c.key IS NULL)))
     WHERE m.kind = 'grant' AND m.parent = p_table_id AND jsonb_typeof(m.fingerprint -> 'columns') = 'object';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.record_attached(text, oid, jsonb, jsonb, text[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.record_attached(text, oid, jsonb, jsonb, text[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.record_attached(text, oid, jsonb, jsonb, text[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.record_attached(text, oid, jsonb, jsonb, text[]) IS
  'Writes down how the server describes what attach brought back.';

-- Makes a table refuse every write until an apply: its generated functions name columns that are not
-- as they were. Reads go on. Where no apply follows in this window, attach refuses instead.
--   errors  PM218 with the columns
CREATE FUNCTION pgmask_private.hold_or_refuse(p_table_id text, p_tables text[], p_because text[])
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_store pgmask_private.store_table;
  v_oid oid;
BEGIN
  IF NOT EXISTS (
    SELECT FROM pgmask_private.migration_window AS w
     WHERE w.login = SESSION_USER AND w.closed_at IS NULL AND w.ends_at > clock_timestamp() AND w.apply_follows
  ) THEN
    RAISE EXCEPTION USING ERRCODE = 'PM218',
      MESSAGE = format('the sealing of %s was made for columns that this migration changed', p_table_id),
      DETAIL = array_to_string(p_because, E'\n'),
      HINT = 'Nothing of this transaction was kept. Run it as: pgmask migrate --catalogue CATALOGUE -- TOOL, '
             'which applies the catalogue with the new columns right after it.';
  END IF;
  FOR v_store IN SELECT s.* FROM pgmask_private.store_table AS s WHERE s.table_id = ANY (p_tables) LOOP
    FOREACH v_oid IN ARRAY pgmask_private.table_family(
      to_regclass(format('%I.%I', v_store.schema_name, v_store.table_name)))
    LOOP
      EXECUTE format('CREATE OR REPLACE TRIGGER aaa_pgmask_hold BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
                     'FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_held()', v_oid::regclass);
      EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER aaa_pgmask_hold', v_oid::regclass);
    END LOOP;
    INSERT INTO pgmask_private.migration_hold (table_id, because) VALUES (v_store.table_id, p_because)
    ON CONFLICT (table_id) DO UPDATE SET because = migration_hold.because || EXCLUDED.because, at = clock_timestamp();
    -- So that the next plan makes them anew, whatever the catalogue says.
    UPDATE pgmask_private.managed_object AS m SET desired_hash = ''
     WHERE m.parent = v_store.table_id AND m.kind IN ('function', 'policy', 'view');
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.hold_or_refuse(text, text[], text[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.hold_or_refuse(text, text[], text[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.hold_or_refuse(text, text[], text[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.hold_or_refuse(text, text[], text[]) IS
  'Makes tables refuse writes until an apply, or raises PM218 where none follows.';
