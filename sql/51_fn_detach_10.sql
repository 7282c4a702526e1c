-- The begin of a migration's window: see 51_fn_detach_00_parts.sql for how it works.

-- Takes the profiles' views of a table down until pgmask.attach in the same transaction.
--   p_table  as the application knows it (crm.customer); see pgmask_private.migration_table
--   result   where the table stands (crm_store.customer): what ALTER TABLE is given
--   errors   PM261 not protected; PM217 no window; PM213 a protection is off already;
--            PM260 something that pgmask does not own hangs on the views; 55P03 the table is busy
--   marks    a second call in the same transaction changes nothing; that a window was opened is noted,
--            whatever becomes of the transaction
CREATE FUNCTION pgmask.detach(p_table text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_store pgmask_private.store_table;
  v_relation oid;
  v_owner oid;
  v_members oid[];
  v_views oid[];
  v_kept jsonb;
  v_policies jsonb;
  v_functions jsonb;
  v_one jsonb;
  v_names text;
  v_said text;
  v_oid oid;
  v_locked timestamptz;
  v_noted boolean;
BEGIN
  v_store := pgmask_private.migration_table(p_table);
  v_relation := to_regclass(format('%I.%I', v_store.schema_name, v_store.table_name));
  IF EXISTS (SELECT FROM pgmask_private.detached AS d WHERE d.table_id = v_store.table_id) THEN
    RETURN v_relation::regclass::text;
  END IF;
  SELECT c.relowner INTO v_owner FROM pg_class AS c WHERE c.oid = v_relation;
  IF v_owner IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM261',
      MESSAGE = format('the store of %s is not there', v_store.table_id), HINT = 'See pgmask drift.';
  END IF;
  PERFORM pgmask_private.refuse_migration(v_owner, v_store.table_id);
  -- Not while a plan is being applied; and no apply while this transaction lasts.
  PERFORM pg_advisory_xact_lock_shared(123589519045483);
  PERFORM pgmask_private.refuse_unprotected(v_store.table_id, false);

  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', v_relation::regclass);
  v_locked := clock_timestamp();
  v_members := pgmask_private.table_family(v_relation);
  SELECT coalesce(array_agg(c.oid ORDER BY c.oid), '{}') INTO v_views
    FROM pgmask_private.managed_object AS m
    JOIN pg_namespace AS n ON n.nspname = m.address[1]
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = m.address[2] AND c.relkind = 'v'
   WHERE m.kind = 'view' AND m.parent = v_store.table_id;

  -- What would go with the views without a word: triggers and rules somebody put on them.
  SELECT string_agg(x.name, E'\n' ORDER BY x.name) INTO v_names
    FROM (
      SELECT format('trigger %I on view %s', t.tgname, t.tgrelid::regclass)
        FROM pg_trigger AS t WHERE t.tgrelid = ANY (v_views) AND NOT t.tgisinternal
      UNION ALL
      SELECT format('rule %I on view %s', w.rulename, w.ev_class::regclass)
        FROM pg_rewrite AS w WHERE w.ev_class = ANY (v_views) AND w.rulename <> '_RETURN'
    ) AS x (name);
  IF v_names IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM260',
      MESSAGE = format('the views of %s carry what pgmask does not own', v_store.table_id),
      DETAIL = v_names, HINT = 'Nothing was detached. Drop it in the migration and make it again after attach.';
  END IF;

  PERFORM pgmask_private.settle_constraints(v_members, false);
  v_kept := pgmask_private.views_as_data(v_views);
  v_policies := pgmask_private.policies_on_columns(v_members);
  PERFORM pgmask_private.take_sealer_functions(v_store.table_id, v_views);
  SELECT coalesce(jsonb_agg(to_jsonb(f)), '[]'), string_agg(f.identity, ', ')
    INTO v_functions, v_names
    FROM pgmask_private.functions_over(v_store.table_id, v_views) AS f;
  INSERT INTO pgmask_private.detached
    (table_id, relation, at, columns, members, views, policies, functions, marks)
  SELECT v_store.table_id, v_relation, v_locked,
         (SELECT jsonb_agg(jsonb_build_object(
                   'number', a.attnum, 'name', a.attname, 'type', a.atttypid::bigint, 'typmod', a.atttypmod)
                   ORDER BY a.attnum)
            FROM pg_attribute AS a
           WHERE a.attrelid = v_relation AND a.attnum > 0 AND NOT a.attisdropped),
         v_members, v_kept, v_policies, v_functions, '{}';
  IF v_names IS NOT NULL THEN
    EXECUTE format('DROP FUNCTION %s', v_names);
  END IF;
  IF v_views <> '{}' THEN
    SELECT string_agg(v.oid::regclass::text, ', ') INTO v_names FROM unnest(v_views) AS v (oid);
    BEGIN
      EXECUTE format('DROP VIEW %s', v_names);
    EXCEPTION
      WHEN dependent_objects_still_exist THEN
        GET STACKED DIAGNOSTICS v_said = PG_EXCEPTION_DETAIL;
        RAISE EXCEPTION USING ERRCODE = 'PM260',
          MESSAGE = format('something that pgmask does not own hangs on the views of %s', v_store.table_id),
          DETAIL = v_said,
          HINT = 'Nothing was detached. Drop it in the migration and make it again after attach.';
    END;
  END IF;
  FOR v_one IN SELECT p FROM jsonb_array_elements(v_policies) AS p LOOP
    EXECUTE format('DROP POLICY %I ON %s', v_one ->> 'name', (v_one ->> 'relation')::oid::regclass);
  END LOOP;
  FOREACH v_oid IN ARRAY v_members LOOP
    IF (SELECT c.relforcerowsecurity FROM pg_class AS c WHERE c.oid = v_oid) THEN
      EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', v_oid::regclass);
    END IF;
  END LOOP;
  PERFORM pgmask_private.unread_changes(v_store.table_id, v_members);
  PERFORM pgmask_private.lend_triggers(v_store.table_id, true);
  PERFORM pgmask_private.settle_constraints(v_members, true);
  UPDATE pgmask_private.detached AS d SET marks = pgmask_private.marks_of(v_members)
   WHERE d.table_id = v_store.table_id;
  -- From here on the login reads the store as its owner. A note outlives a ROLLBACK.
  v_noted := pgmask_private.note(
    'migration', pgmask_private.known_claims(), v_store.table_id, NULL, 'detached');
  RETURN v_relation::regclass::text;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.detach(text) FROM PUBLIC;
ALTER FUNCTION pgmask.detach(text) OWNER TO pgmask_migrator;
COMMENT ON FUNCTION pgmask.detach(text) IS
  'Takes the views of a protected table down for a migration, until pgmask.attach in the same transaction.';

-- Detaches several tables: of the given ones those that are protected, or all protected ones that
-- the login may migrate.
--   p_tables  names; those of unprotected tables are passed over, so that a tool may give all it touches
--   result    where the detached tables stand
CREATE FUNCTION pgmask.detach_all(p_tables text[] DEFAULT NULL)
  RETURNS SETOF text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_store pgmask_private.store_table;
  v_name text;
BEGIN
  IF p_tables IS NULL THEN
    FOR v_store IN SELECT s.* FROM pgmask_private.store_table AS s ORDER BY s.table_id LOOP
      IF pg_has_role(SESSION_USER,
           (SELECT c.relowner FROM pg_class AS c
             WHERE c.oid = to_regclass(format('%I.%I', v_store.schema_name, v_store.table_name))),
           'MEMBER')
      THEN
        RETURN NEXT pgmask.detach(v_store.table_id);
      END IF;
    END LOOP;
    RETURN;
  END IF;
  FOREACH v_name IN ARRAY p_tables LOOP
    BEGIN
      v_store := pgmask_private.migration_table(v_name);
    EXCEPTION
      WHEN SQLSTATE 'PM261' THEN
        CONTINUE;
    END;
    RETURN NEXT pgmask.detach(v_store.table_id);
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.detach_all(text[]) FROM PUBLIC;
ALTER FUNCTION pgmask.detach_all(text[]) OWNER TO pgmask_migrator;
COMMENT ON FUNCTION pgmask.detach_all(text[]) IS
  'Detaches the protected ones of the given tables, or all that the login may migrate.';
