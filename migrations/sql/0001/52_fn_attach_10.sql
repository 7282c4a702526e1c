-- The end of a migration's window: everything comes back, and what was taken off is refused.

-- Brings the views of a detached table back and checks that every protection is in its place.
--   p_table  as for pgmask.detach
--   result   what came back and what the migration changed, one row each
--   errors   PM261 not detached; PM262 the table was moved or renamed; PM213 a protection was taken
--            off; PM218 generated functions name columns that changed; PM257 what PostgreSQL calls
--            while it plans a query on the table is the application's; PM258 a trigger behind a
--            referential action. Nothing is kept then
CREATE FUNCTION pgmask.attach(p_table text)
  RETURNS TABLE (object text, what text)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_store pgmask_private.store_table;
  v_kept pgmask_private.detached;
  v_members oid[];
  v_columns jsonb;
  v_moved jsonb;
  v_one jsonb;
  v_row record;
  v_oid oid;
  v_hidden boolean := false;
  v_read boolean;
  v_stale text[] := '{}';
  v_tables text[] := '{}';
  v_checks text[];
  v_functions integer;
  v_recorded bigint;
BEGIN
  v_store := pgmask_private.migration_table(p_table);
  SELECT d.* INTO v_kept FROM pgmask_private.detached AS d WHERE d.table_id = v_store.table_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'PM261',
      MESSAGE = format('%s is not detached in this transaction', v_store.table_id),
      HINT = 'Call SELECT pgmask.detach(..) first, in the same transaction.';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = v_kept.relation) THEN
    -- Generated functions find stores by name and with the sealer's rights: another relation
    -- must not stand where the store stood.
    IF (to_regclass(format('%I.%I', v_store.schema_name, v_store.table_name)) IS NULL) IS NOT TRUE THEN
      RAISE EXCEPTION USING ERRCODE = 'PM262',
        MESSAGE = format('the store of %s was dropped, and another relation bears its name', v_store.table_id),
        HINT = 'Nothing of this transaction was kept. Change the table with ALTER TABLE; see docs/howto/migrations.md.';
    END IF;
    v_functions := pgmask_private.bring_sealer_functions(v_store.table_id, false);
    DELETE FROM pgmask_private.detached AS d WHERE d.table_id = v_store.table_id;
    v_recorded := pgmask_private.record_activity(
      'migration', v_store.table_id, jsonb_build_object('dropped', true));
    RETURN QUERY SELECT v_store.table_id, 'DROPPED: take the table out of the catalogue'::text;
    RETURN;
  END IF;
  PERFORM pgmask_private.lend_triggers(v_store.table_id, false);
  IF (v_kept.relation = to_regclass(format('%I.%I', v_store.schema_name, v_store.table_name))) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM262',
      MESSAGE = format('the store of %s was renamed or moved', v_store.table_id),
      DETAIL = format('It is %s now.', v_kept.relation::regclass),
      HINT = 'Nothing of this transaction was kept. Leave its schema and name; see docs/howto/migrations.md.';
  END IF;

  v_members := pgmask_private.table_family(v_kept.relation);
  PERFORM pgmask_private.refuse_silenced(v_store.table_id, v_kept.marks, v_members);
  PERFORM pgmask_private.refuse_planned_code(v_store.table_id, v_members);
  PERFORM pgmask_private.settle_constraints(v_members, false);
  FOREACH v_oid IN ARRAY v_members LOOP
    IF (v_oid = ANY (v_kept.members)) IS NOT TRUE OR NOT EXISTS (
      SELECT FROM pgmask_private.managed_object AS m
        JOIN pg_class AS c ON c.oid = v_oid AND c.relname = m.address[2]
        JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = m.address[1]
       WHERE m.kind = 'security' AND m.parent = v_store.table_id)
    THEN
      PERFORM pgmask_private.protect_member(v_store.table_id, v_kept.relation, v_oid);
      RETURN QUERY SELECT v_oid::regclass::text, 'NEW PARTITION OR CHILD: protected as its parent is'::text;
    END IF;
  END LOOP;

  -- What became of every column: its name now, and its type where that changed.
  SELECT jsonb_agg(jsonb_build_object(
           'name', c.name, 'now', a.attname,
           'type', CASE WHEN (a.atttypid, a.atttypmod) <> (c.type::oid, c.typmod) THEN t.words END,
           'hidden', CASE WHEN y.typtype = 'd'
                          THEN format('(ARRAY[]::%s[])[1]', format_type(a.atttypid, a.atttypmod))
                          ELSE 'NULL::' || t.words END,
           -- A domain's CHECK would run with the rights of whoever reads.
           'text_like', b.typcategory = 'S' AND y.typtype = 'b') ORDER BY c.number)
    INTO v_columns
    FROM jsonb_to_recordset(v_kept.columns) AS c (number int2, name text, type bigint, typmod integer)
    LEFT JOIN pg_attribute AS a
      ON a.attrelid = v_kept.relation AND a.attnum = c.number AND NOT a.attisdropped
    LEFT JOIN pg_type AS y ON y.oid = a.atttypid
    LEFT JOIN pg_type AS b ON b.oid = CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END
    LEFT JOIN pg_collation AS o ON o.oid = a.attcollation AND o.oid <> y.typcollation
    LEFT JOIN pg_namespace AS s ON s.oid = o.collnamespace
   CROSS JOIN LATERAL (
     SELECT format_type(a.atttypid, a.atttypmod) || coalesce(' COLLATE ' || quote_ident(s.nspname) || '.' || quote_ident(o.collname), '')
   ) AS t (words);

  -- What records changes is generated text too, but nobody need wait for it: until the next apply
  -- changes are recorded without values.
  v_read := pgmask_private.read_changes(v_store.table_id,
    -- A partition that has left stays shut, and under the trigger that it had.
    ARRAY(SELECT DISTINCT u.oid FROM unnest(v_members || v_kept.members) AS u (oid)), NOT EXISTS (
    SELECT FROM jsonb_to_recordset(v_columns) AS c (name text, now text, type text)
     WHERE c.now IS DISTINCT FROM c.name OR c.type IS NOT NULL
    UNION ALL
    SELECT FROM pg_attribute AS a
     WHERE a.attrelid = v_kept.relation AND a.attnum > 0 AND NOT a.attisdropped
       AND NOT EXISTS (SELECT FROM jsonb_to_recordset(v_kept.columns) AS c (number int2)
                        WHERE c.number = a.attnum)));

  IF EXISTS (
    SELECT FROM jsonb_to_recordset(v_columns) AS c (name text, now text, type text)
     WHERE starts_with(c.name, 'pgmask_') AND (c.now IS DISTINCT FROM c.name OR c.type IS NOT NULL)
  ) THEN
    -- Nothing can be brought back over them; the names are in the comparison.
    PERFORM pgmask_private.refuse_unprotected(v_store.table_id, true);
  END IF;

  v_moved := pgmask_private.old_names(v_kept.relation, v_kept.columns, NULL);
  FOR v_one IN SELECT v FROM jsonb_array_elements(v_kept.views) AS v LOOP
    v_hidden := pgmask_private.bring_view(v_one, v_columns) OR v_hidden;
  END LOOP;
  FOR v_one IN SELECT p FROM jsonb_array_elements(v_kept.policies) AS p LOOP
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = (v_one ->> 'relation')::oid);
    IF NOT pgmask_private.bring_policy(v_one) THEN
      v_stale := v_stale || format('policy %s does not fit the columns', v_one ->> 'identity');
      v_tables := v_tables || (
        SELECT m.parent FROM pgmask_private.managed_object AS m
         WHERE m.kind = 'policy' AND m.identity = v_one ->> 'identity');
    END IF;
  END LOOP;
  SELECT coalesce(array_agg(m.address[3]), '{}') INTO v_checks
    FROM pgmask_private.managed_object AS m
   WHERE m.kind = 'check' AND m.parent = v_store.table_id
     AND pgmask_private.same_check(v_kept.relation, m.address[3], m.fingerprint ->> 'definition');
  v_moved := pgmask_private.old_names(v_kept.relation, v_kept.columns, v_moved);

  v_functions := pgmask_private.bring_sealer_functions(v_store.table_id, true);
  FOR v_row IN
    SELECT f.*
      FROM jsonb_to_recordset(v_kept.functions)
             AS f (identity text, definition text, owner text, acl jsonb, comment text)
  LOOP
    EXECUTE v_row.definition;
    EXECUTE format('ALTER FUNCTION %s OWNER TO %I', v_row.identity, v_row.owner);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_row.identity);
    FOR v_one IN SELECT to_jsonb(g) FROM jsonb_array_elements_text(v_row.acl) AS g LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', v_row.identity, v_one #>> '{}');
    END LOOP;
    EXECUTE format('COMMENT ON FUNCTION %s IS %L', v_row.identity, v_row.comment);
    v_functions := v_functions + 1;
  END LOOP;
  -- A partition that left keeps what protects it from being read.
  FOR v_oid IN SELECT DISTINCT u FROM unnest(v_members || v_kept.members) AS u LOOP
    IF (SELECT NOT c.relforcerowsecurity FROM pg_class AS c WHERE c.oid = v_oid) THEN
      EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', v_oid::regclass);
    END IF;
  END LOOP;

  -- What went with a dropped column is no protection that was taken off.
  DELETE FROM pgmask_private.managed_object AS m
   USING jsonb_to_recordset(v_columns) AS c (name text, now text)
   WHERE m.kind IN ('check', 'index') AND m.parent = v_store.table_id AND c.now IS NULL
     AND regexp_replace(m.fingerprint ->> 'definition', '[^[:alnum:]_$]+', ' ', 'g')
         ~ format('(^| )%s( |$)', regexp_replace(c.name, '[^[:alnum:]_$]+', ' ', 'g'))
     AND CASE m.kind
           WHEN 'index' THEN to_regclass(format('%I.%I', m.address[1], m.address[2])) IS NULL
           ELSE NOT EXISTS (SELECT FROM pg_constraint AS k
                             WHERE k.conrelid = v_kept.relation AND k.conname = m.address[3]) END;
  PERFORM pgmask_private.record_attached(
    v_store.table_id, v_kept.relation,
    (SELECT coalesce(jsonb_object_agg(c.name, c.now), '{}')
       FROM jsonb_to_recordset(v_columns) AS c (name text, now text) WHERE c.now IS DISTINCT FROM c.name),
    v_kept.policies, v_checks);

  -- Generated functions are text: they do not follow a column.
  FOR v_row IN
    SELECT c.name, c.now, u.table_id, u.key,
           CASE WHEN c.now IS NULL THEN 'dropped' WHEN c.now <> c.name THEN 'renamed' ELSE 'changed its type' END AS done
      FROM jsonb_to_recordset(v_columns) AS c (name text, now text, type text)
     CROSS JOIN LATERAL pgmask_private.sealing_uses(
       v_store.table_id, format('"%s"."%s"', replace(v_store.schema_name, '"', '""'), replace(v_store.table_name, '"', '""')),
       c.name) AS u
     WHERE c.now IS DISTINCT FROM c.name OR c.type IS NOT NULL
  LOOP
    IF v_row.done = 'renamed' AND v_row.key THEN
      RAISE EXCEPTION USING ERRCODE = 'PM218',
        MESSAGE = format('%s.%s cannot be renamed: the name is part of sealed values', v_store.table_id, v_row.name),
        HINT = 'Nothing of this transaction was kept. Add a column, let the application copy, drop the old one.';
    END IF;
    v_stale := v_stale || format('%s.%s was %s, and the sealing of %s names it',
                                 v_store.table_id, v_row.name, v_row.done, v_row.table_id);
    v_tables := v_tables || v_row.table_id;
  END LOOP;
  IF v_stale <> '{}' THEN
    PERFORM pgmask_private.hold_or_refuse(v_store.table_id, v_tables, v_stale);
    RETURN QUERY SELECT DISTINCT t.id, 'WAITS FOR pgmask apply: every write is refused until then (PM219)'
                   FROM unnest(v_tables) AS t (id);
  END IF;
  PERFORM pgmask_private.refuse_unprotected(v_store.table_id, true);
  PERFORM pgmask_private.refuse_own_types(
    v_store.table_id, v_kept.relation,
    format('"%s"."%s"', replace(v_store.schema_name, '"', '""'), replace(v_store.table_name, '"', '""')),
    v_kept.columns);
  PERFORM pgmask_private.refuse_own_calls(v_store.table_id, v_kept.relation);
  PERFORM pgmask_private.refuse_cascades(v_store.table_id, v_members);
  DELETE FROM pgmask_private.detached AS d WHERE d.table_id = v_store.table_id;
  PERFORM pgmask_private.settle_constraints(v_members, true);
  v_recorded := pgmask_private.record_activity('migration', v_store.table_id, jsonb_build_object(
    'detached_by', v_kept.login,
    -- No trigger sees what ALTER TABLE writes.
    'rewritten', pgmask_private.rewritten(v_kept.marks)));

  RETURN QUERY
  SELECT format('%s.%s', v_store.table_id, coalesce(c.now, c.name)),
         CASE WHEN c.now IS NULL THEN 'DROPPED: take it out of the catalogue'
              WHEN c.now <> c.name THEN format('RENAMED from %s: rename it in the catalogue', c.name)
              WHEN strpos(c.type, '.') > 0
              THEN format('TYPE CHANGED to %s, which is not PostgreSQL''s own: its owner makes its casts', c.type)
              ELSE format('TYPE CHANGED to %s', c.type) END
    FROM jsonb_to_recordset(v_columns) AS c (name text, now text, type text)
   WHERE c.now IS DISTINCT FROM c.name OR c.type IS NOT NULL;
  RETURN QUERY
  SELECT format('%s.%s', v_store.table_id, a.attname),
         'NEW COLUMN, not classified: invisible to every profile until the catalogue names it'::text
    FROM pg_attribute AS a
   WHERE a.attrelid = v_kept.relation AND a.attnum > 0 AND NOT a.attisdropped
     AND NOT starts_with(a.attname::text, 'pgmask_')
     AND NOT EXISTS (SELECT FROM jsonb_to_recordset(v_kept.columns) AS c (number int2) WHERE c.number = a.attnum)
   ORDER BY a.attnum;
  RETURN QUERY
  SELECT u.oid::regclass::text,
         'LEFT THE TABLE: keeps row-level security and CHECKs, is sealed by no trigger any more'::text
    FROM unnest(v_kept.members) AS u (oid)
    JOIN pg_class AS c ON c.oid = u.oid
   WHERE (u.oid = ANY (v_members)) IS NOT TRUE;
  RETURN QUERY
  SELECT format('%s on %s', t.tgname, v_store.table_id),
         'NEW TRIGGER: what fires before zzz_pgmask sees plain values; pgmask plan names it'::text
    FROM pg_trigger AS t
    JOIN pgmask_private.managed_object AS m ON m.kind = 'place' AND m.parent = v_store.table_id
   WHERE t.tgrelid = v_kept.relation AND NOT t.tgisinternal AND t.tgname <> 'aaa_pgmask_hold'
     AND NOT starts_with(t.tgname::text, 'zzz_pgmask_change_')
     AND NOT m.fingerprint -> 'triggers' ? t.tgname::text
     AND NOT EXISTS (SELECT FROM pgmask_private.managed_object AS o
                      WHERE o.kind = 'trigger' AND o.parent = v_store.table_id AND o.address[3] = t.tgname);
  IF NOT v_read THEN
    RETURN QUERY SELECT v_store.table_id, 'CHANGES RECORDED WITHOUT VALUES until the next apply'::text;
  END IF;
  IF v_hidden THEN
    RETURN QUERY SELECT v_store.table_id, 'COMPUTED COLUMNS HIDDEN until the next apply: their masks do not fit'::text;
  END IF;
  RETURN QUERY
  SELECT v_store.table_id,
         format('attached: %s views, %s policies, %s functions', jsonb_array_length(v_kept.views),
                jsonb_array_length(v_kept.policies), v_functions);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.attach(text) FROM PUBLIC;
ALTER FUNCTION pgmask.attach(text) OWNER TO pgmask_migrator;
COMMENT ON FUNCTION pgmask.attach(text) IS
  'Brings the views of a detached table back, and refuses where a protection was taken off.';

-- Attaches every table that this transaction has detached.
CREATE FUNCTION pgmask.attach_all()
  RETURNS TABLE (object text, what text)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_table text;
BEGIN
  FOR v_table IN SELECT d.table_id FROM pgmask_private.detached AS d ORDER BY d.table_id LOOP
    RETURN QUERY SELECT a.object, a.what FROM pgmask.attach(v_table) AS a;
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.attach_all() FROM PUBLIC;
ALTER FUNCTION pgmask.attach_all() OWNER TO pgmask_migrator;
COMMENT ON FUNCTION pgmask.attach_all() IS 'Attaches every table that this transaction has detached.';

-- Everybody may call them; they act for members of the stores' owner only (PM217).
GRANT EXECUTE ON FUNCTION
  pgmask.detach(text),
  pgmask.detach_all(text[]),
  pgmask.attach(text),
  pgmask.attach_all()
TO PUBLIC;
