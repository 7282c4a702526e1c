-- Changes while nobody knows the columns: inside a migration's window, and after it until an apply.
--
-- The functions that record changes are generated and name every column. pgmask.detach hangs the
-- triggers on this one instead, which asks the catalog for the columns; attach hangs them back, or,
-- where columns changed, leaves that to the next apply. It records which rows and columns changed,
-- and no value: it does not know what may be shown.

-- An owner needs CREATE to be given a function, and keeps none to replace it with.
GRANT CREATE ON SCHEMA pgmask_private TO pgmask_recorder;

-- Records changes without values: which rows, and which columns of them.
--   TG_ARGV  the protected table; own: of a statement of pgmask's own roles only what changes a
--            column of the application is recorded
--   marks    runs no code of the application: values are compared byte by byte, keys are written by
--            output functions
CREATE FUNCTION pgmask_private.record_unread_change()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET enable_nestloop = off
  SET jit = off
AS $pgmask$
DECLARE
  c_insert CONSTANT text :=
    'INSERT INTO pgmask_audit.change (at, era_id, operation, table_id, row_key, new_key, before, after,'
    ' person_id, profile, unit_id, grade, issuer, service, login, application_name, client_addr, backend,'
    ' statement_at, purpose)'
    ' SELECT clock_timestamp(), coalesce(w.era_id, 0), %L, %L, %s, %s, %s, %s,'
    ' w.person_id, w.profile, w.unit_id, w.grade, w.issuer, w.service, w.login, w.application_name,'
    ' w.client_addr, w.backend, statement_timestamp(), w.purpose'
    ' FROM %s CROSS JOIN pgmask_private.who() AS w %s';
  c_paired CONSTANT text :=
    '(SELECT t.*, row_number() OVER () AS pgmask_number FROM pgmask_old AS t) AS o'
    ' JOIN (SELECT t.*, row_number() OVER () AS pgmask_number FROM pgmask_new AS t) AS n'
    ' ON n.pgmask_number = o.pgmask_number';
  v_table text := TG_ARGV[0];
  v_old_key text;
  v_new_key text;
  v_changed text;
  v_any text;
  v_whole text;
  v_same bigint;
BEGIN
  SELECT 'ARRAY[' || string_agg(format('format(''%%s'', o.%I)', a.attname), ', ' ORDER BY k.place) || ']',
         'ARRAY[' || string_agg(format('format(''%%s'', n.%I)', a.attname), ', ' ORDER BY k.place) || ']'
    INTO v_old_key, v_new_key
    FROM pg_index AS i
   CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
   WHERE i.indrelid = TG_RELID AND i.indisprimary AND k.place <= i.indnkeyatts;
  SELECT string_agg(format(
           'CASE WHEN record_image_ne(ROW(o.%1$I), ROW(n.%1$I))'
           ' THEN jsonb_build_object(%2$L, ''•''::text) ELSE ''{}'' END', a.attname, a.attname), ' || '
           ORDER BY a.attnum),
         string_agg(format('record_image_ne(ROW(o.%1$I), ROW(n.%1$I))', a.attname), ' OR '),
         format('jsonb_object(ARRAY[%s], array_fill(''•''::text, ARRAY[%s]))',
                string_agg(quote_literal(a.attname), ', ' ORDER BY a.attnum), count(*))
    INTO v_changed, v_any, v_whole
    FROM pg_attribute AS a
   WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped
     AND NOT starts_with(a.attname::text, 'pgmask_');
  v_old_key := coalesce(v_old_key, 'NULL');
  v_new_key := coalesce(v_new_key, 'NULL');
  IF TG_OP = 'TRUNCATE' THEN
    EXECUTE format(c_insert, 'truncate', v_table, 'NULL', 'NULL', 'NULL', 'NULL',
                   '(SELECT) AS o', '');
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    EXECUTE 'SELECT (SELECT count(*) FROM pgmask_old) - (SELECT count(*) FROM pgmask_new)' INTO v_same;
    IF v_same = 0 THEN
      EXECUTE format(
        c_insert, 'update', v_table, v_old_key,
        CASE v_new_key WHEN 'NULL' THEN 'NULL' ELSE format('nullif(%s, %s)', v_new_key, v_old_key) END,
        coalesce(v_changed, '''{}''::jsonb'), coalesce(v_changed, '''{}''::jsonb'), c_paired,
        CASE WHEN TG_NARGS > 1 THEN 'WHERE ' || coalesce(v_any, 'false') ELSE '' END);
      RETURN NULL;
    END IF;
  END IF;
  IF TG_OP IN ('DELETE', 'UPDATE') THEN
    EXECUTE format(c_insert, 'delete', v_table, v_old_key, 'NULL', v_whole, 'NULL', 'pgmask_old AS o', '');
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    EXECUTE format(c_insert, 'insert', v_table, v_new_key, 'NULL', 'NULL', v_whole, 'pgmask_new AS n', '');
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.record_unread_change() FROM PUBLIC;
ALTER FUNCTION pgmask_private.record_unread_change() OWNER TO pgmask_recorder;
GRANT EXECUTE ON FUNCTION pgmask_private.record_unread_change() TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.record_unread_change() IS
  'Trigger: records which rows and columns changed, without values.';

REVOKE CREATE ON SCHEMA pgmask_private FROM pgmask_recorder;

-- Hangs the triggers that record changes on a table, as the compiler does it.
--   p_relation  the table, a partition or a child
--   p_function  as SQL, without its arguments
--   p_first     its first argument as a literal, '' without one
CREATE FUNCTION pgmask_private.hang_change_triggers(p_relation oid, p_function text, p_first text)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  c_ours CONSTANT text := 'CURRENT_USER IN (''pgmask_sealer'', ''pgmask_keyless'')';
  v_one record;
BEGIN
  FOR v_one IN
    SELECT t.*
      FROM (VALUES
        ('insert', 'INSERT', 'REFERENCING NEW TABLE AS pgmask_new', '', ''),
        ('update', 'UPDATE', 'REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new',
         format('WHEN (NOT (%s))', c_ours), ''),
        ('own', 'UPDATE', 'REFERENCING OLD TABLE AS pgmask_old NEW TABLE AS pgmask_new',
         format('WHEN (%s)', c_ours), quote_literal('own')),
        ('delete', 'DELETE', 'REFERENCING OLD TABLE AS pgmask_old', '', ''),
        ('truncate', 'TRUNCATE', '', '', '')
      ) AS t (part, event, tables, condition, argument)
  LOOP
    EXECUTE format(
      'CREATE OR REPLACE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT %s EXECUTE FUNCTION %s(%s)',
      'zzz_pgmask_change_' || v_one.part, v_one.event, p_relation::regclass, v_one.tables,
      v_one.condition, p_function,
      concat_ws(', ', nullif(p_first, ''), nullif(v_one.argument, '')));
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', p_relation::regclass,
                   'zzz_pgmask_change_' || v_one.part);
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.hang_change_triggers(oid, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.hang_change_triggers(oid, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.hang_change_triggers(oid, text, text) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.hang_change_triggers(oid, text, text) IS
  'Hangs the triggers that record changes on a table.';

-- Has the changes of a table recorded without values, from detach on.
CREATE FUNCTION pgmask_private.unread_changes(p_table_id text, p_members oid[])
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_member oid;
BEGIN
  FOREACH v_member IN ARRAY p_members LOOP
    IF EXISTS (SELECT FROM pg_trigger AS t
                WHERE t.tgrelid = v_member AND starts_with(t.tgname::text, 'zzz_pgmask_change_'))
    THEN
      PERFORM pgmask_private.hang_change_triggers(
        v_member, 'pgmask_private.record_unread_change', quote_literal(p_table_id));
    END IF;
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.unread_changes(text, oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.unread_changes(text, oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.unread_changes(text, oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.unread_changes(text, oid[]) IS
  'Has the changes of a table recorded without values.';

-- Has the changes of a table recorded by its generated function again; where its columns are not
-- those that the function names, without values until an apply.
--   p_members  the table with its partitions and children, new ones too
--   p_same     whether the columns are as they were
--   result     whether values are recorded
CREATE FUNCTION pgmask_private.read_changes(p_table_id text, p_members oid[], p_same boolean)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_member record;
  v_function text;
BEGIN
  FOR v_member IN
    SELECT c.oid, n.nspname, c.relname
      FROM unnest(p_members) AS u (oid)
      JOIN pg_class AS c ON c.oid = u.oid AND c.relkind IN ('r', 'p')
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE EXISTS (SELECT FROM pgmask_private.managed_object AS m
                    WHERE m.kind = 'trigger' AND m.parent = p_table_id
                      AND starts_with(m.address[3], 'zzz_pgmask_change_'))
  LOOP
    -- A new member records as its table does.
    SELECT substring(m.fingerprint ->> 'definition' FROM 'EXECUTE FUNCTION (.*)\(\)$')
      INTO v_function
      FROM pgmask_private.managed_object AS m
     WHERE m.kind = 'trigger' AND m.parent = p_table_id AND m.address[3] = 'zzz_pgmask_change_insert'
     ORDER BY m.address[1:2] = ARRAY[v_member.nspname, v_member.relname]::text[] DESC, m.identity
     LIMIT 1;
    IF p_same AND v_function IS NOT NULL THEN
      PERFORM pgmask_private.hang_change_triggers(v_member.oid, v_function, '');
    ELSE
      PERFORM pgmask_private.hang_change_triggers(
        v_member.oid, 'pgmask_private.record_unread_change', quote_literal(p_table_id));
    END IF;
    INSERT INTO pgmask_private.managed_object AS m
      (kind, identity, parent, phase, address, desired_hash, fingerprint, drop_sql)
    SELECT 'trigger', format('%s.%s.%s', v_member.nspname, v_member.relname, t.tgname), p_table_id,
           (SELECT min(o.phase) FROM pgmask_private.managed_object AS o
             WHERE o.kind = 'trigger' AND o.parent = p_table_id),
           ARRAY[v_member.nspname, v_member.relname, t.tgname]::text[], '',
           jsonb_build_object('enabled', t.tgenabled, 'definition', pg_get_triggerdef(t.oid),
                              'comment', obj_description(t.oid, 'pg_trigger')),
           ARRAY[format('DROP TRIGGER IF EXISTS %I ON %I.%I', t.tgname, v_member.nspname, v_member.relname)]
      FROM pg_trigger AS t
     WHERE t.tgrelid = v_member.oid AND starts_with(t.tgname::text, 'zzz_pgmask_change_')
    -- The next apply makes them anew.
    ON CONFLICT (kind, identity) DO UPDATE SET desired_hash = '', fingerprint = EXCLUDED.fingerprint
      WHERE m.fingerprint IS DISTINCT FROM EXCLUDED.fingerprint;
  END LOOP;
  RETURN p_same;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.read_changes(text, oid[], boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.read_changes(text, oid[], boolean) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.read_changes(text, oid[], boolean) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.read_changes(text, oid[], boolean) IS
  'Has the changes of a table recorded by its generated function again, where its columns are the same.';

-- What would be another if somebody switched a trigger of pgmask off and on again, or had a table's file
-- written anew: a trigger's place in its catalogue, and the number of the file.
--   result  {"triggers": [{"relation", "name", "place"}], "files": {relation: file}}
CREATE FUNCTION pgmask_private.marks_of(p_members oid[])
  RETURNS jsonb
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN jsonb_build_object(
    'triggers', (
      SELECT coalesce(jsonb_agg(jsonb_build_object(
               'relation', t.tgrelid::bigint, 'name', t.tgname, 'place', concat(t.oid, t.ctid))), '[]')
        FROM pg_trigger AS t
       WHERE t.tgrelid = ANY (p_members) AND starts_with(t.tgname::text, 'zzz_pgmask_')),
    'files', (
      SELECT coalesce(jsonb_object_agg(c.oid::bigint, pg_relation_filenode(c.oid)::bigint), '{}')
        FROM pg_class AS c WHERE c.oid = ANY (p_members) AND c.relkind = 'r'));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.marks_of(oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.marks_of(oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.marks_of(oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.marks_of(oid[]) IS
  'What would be another if a trigger of pgmask was switched off and on again, or a table written anew.';

-- Raises PM213 where a trigger of pgmask was switched off, dropped or made anew inside the window, even
-- if it stands there again: what was done meanwhile is on no record.
--   marks  triggers that PostgreSQL cloned go with a partition that leaves
CREATE FUNCTION pgmask_private.refuse_silenced(p_table_id text, p_marks jsonb, p_members oid[])
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_found text;
BEGIN
  SELECT string_agg(format('trigger %I on %s', k.name, c.oid::regclass), E'\n' ORDER BY k.name)
    INTO v_found
    FROM jsonb_to_recordset(p_marks -> 'triggers') AS k (relation bigint, name text, place text)
    JOIN pg_class AS c ON c.oid = k.relation::oid
   WHERE (c.oid = ANY (p_members) OR starts_with(k.name, 'zzz_pgmask_change_'))
     AND NOT EXISTS (SELECT FROM pg_trigger AS t
                      WHERE t.tgrelid = c.oid AND t.tgname = k.name
                        AND concat(t.oid, t.ctid) = k.place);
  IF v_found IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM213',
      MESSAGE = format('triggers of %s were switched off, dropped or changed inside the window', p_table_id),
      DETAIL = v_found,
      HINT = 'Nothing of this transaction was kept. Leave the triggers alone; DISABLE TRIGGER ALL and USER'
             ' reach them, too.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_silenced(text, jsonb, oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_silenced(text, jsonb, oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_silenced(text, jsonb, oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_silenced(text, jsonb, oid[]) IS
  'Raises PM213 where a trigger of pgmask was switched off inside a window.';

-- The tables whose file is another one: ALTER TABLE wrote every row anew.
CREATE FUNCTION pgmask_private.rewritten(p_marks jsonb)
  RETURNS jsonb
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(c.oid::regclass::text ORDER BY c.oid::regclass::text), '[]')
      FROM jsonb_each_text(p_marks -> 'files') AS f
      JOIN pg_class AS c ON c.oid = f.key::oid
     WHERE pg_relation_filenode(c.oid)::text <> f.value);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.rewritten(jsonb) FROM PUBLIC;
ALTER FUNCTION pgmask_private.rewritten(jsonb) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.rewritten(jsonb) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.rewritten(jsonb) IS 'The tables that ALTER TABLE has written anew.';
