-- The one place that decides which stage a table has reached. The catalogue says which is wanted;
-- a table that should be enforced is sealing until pgmask seal has verified it.

CREATE FUNCTION pgmask_private.refuse_sealed(p_table text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_column record;
  v_found boolean;
BEGIN
  -- What was opened and compared is not sealed any more, though the sealed value is still beside it.
  IF EXISTS (SELECT FROM pgmask_private.unseal_run AS u
              WHERE u.table_id = p_table AND u.phase = 'done')
  THEN
    RETURN;
  END IF;
  FOR v_column IN
    SELECT n.nspname AS schema_name, c.relname AS table_name, a.attname AS column_name
      FROM pgmask_private.store_table AS s
      JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schema_name
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.table_name
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
     WHERE s.table_id = p_table AND a.attname LIKE 'pgmask\_sealed%'
       AND a.atttypid = 'pg_catalog.bytea'::pg_catalog.regtype
  LOOP
    EXECUTE pg_catalog.format(
      'SELECT EXISTS (SELECT FROM %I.%I AS t WHERE t.%I IS NOT NULL)',
      v_column.schema_name, v_column.table_name, v_column.column_name)
      INTO v_found;
    IF v_found IS NOT FALSE THEN
      RAISE EXCEPTION USING ERRCODE = 'PM272',
        MESSAGE = pg_catalog.format('%s: values are sealed; there is no way back past them', p_table),
        HINT = pg_catalog.format('Nothing was changed. pgmask unseal %s, then plan again.', p_table),
        TABLE = p_table;
    END IF;
  END LOOP;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_sealed(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_sealed(text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.refuse_sealed(text) IS
  'PM272 when any value of the table is sealed: before a stage that has no sealed columns.';

CREATE FUNCTION pgmask_private.enter_stage(p_table text, p_wanted text)
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
  v_before text;
  v_reached text;
BEGIN
  IF (p_wanted IN ('observe', 'views', 'sealing', 'enforced')) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM274',
      MESSAGE = 'no such stage', HINT = 'observe, views, sealing or enforced.';
  END IF;
  SELECT s.* INTO v_store
    FROM pgmask_private.store_table AS s WHERE s.table_id = p_table FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'PM274',
      MESSAGE = pg_catalog.format('%s is not a protected table here', p_table), TABLE = p_table;
  END IF;
  SELECT r.to_stage INTO v_before
    FROM pgmask_private.rollout_step AS r WHERE r.table_id = p_table ORDER BY r.id DESC LIMIT 1;
  v_reached := CASE
    WHEN p_wanted IN ('observe', 'views') THEN p_wanted
    WHEN p_wanted = 'enforced' AND v_store.sealed_at IS NOT NULL THEN 'enforced'
    ELSE 'sealing'
  END;
  UPDATE pgmask_private.store_table AS s
     SET stage = v_reached,
         sealed_at = CASE WHEN v_reached IN ('sealing', 'enforced') THEN s.sealed_at END
   WHERE s.table_id = p_table;
  IF v_reached IN ('observe', 'views') THEN
    -- What pgmask seal remembers is of columns that are not there any more.
    DELETE FROM pgmask_private.seal_run AS r WHERE r.table_id = p_table;
    DELETE FROM pgmask_private.seal_refused AS r WHERE r.table_id = p_table;
    DELETE FROM pgmask_private.unseal_run AS u WHERE u.table_id = p_table;
  END IF;
  IF v_before IS DISTINCT FROM v_reached THEN
    INSERT INTO pgmask_private.rollout_step (table_id, from_stage, to_stage, wanted)
    VALUES (p_table, v_before, v_reached, p_wanted);
  END IF;
  RETURN v_reached;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.enter_stage(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.enter_stage(text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.enter_stage(text, text) IS
  'Records the stage that a table reaches when this one is wanted, and gives it.';
