-- Months that leave the record: only what is past its retention, sealed in full, and archived; and the
-- way back for an investigation.

-- Sets how long a class of record is kept.
--   p_reason  why it is shortened; may be NULL where it is not
--   errors    PM828 shorter without a reason, below the floor, or no such class
CREATE FUNCTION pgmask.set_retention(p_class text, p_keep interval, p_reason text DEFAULT NULL)
  RETURNS interval
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_before pgmask_audit.retention;
  v_noted bigint;
BEGIN
  SELECT r.* INTO v_before
    FROM pgmask_audit.retention AS r WHERE r.record_class = p_class FOR UPDATE;
  IF (p_keep >= v_before.floor) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM828', MESSAGE = 'a retention may not go below its floor, and its class must be known',
      HINT = format('The floor of %s is %s.', p_class, v_before.floor);
  END IF;
  IF (p_keep >= v_before.keep OR char_length(btrim(p_reason)) BETWEEN 3 AND 500) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM828', MESSAGE = 'to shorten a retention needs a reason';
  END IF;
  UPDATE pgmask_audit.retention
     SET keep = p_keep,
         reason = CASE WHEN p_keep < v_before.keep THEN btrim(p_reason) ELSE v_before.reason END
   WHERE record_class = p_class;
  v_noted := pgmask_private.record_activity(
    'command', 'retention',
    jsonb_build_object('class', p_class, 'before', v_before.keep, 'after', p_keep,
                       'reason', btrim(p_reason)));
  RETURN p_keep;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.set_retention(text, interval, text) FROM PUBLIC;
ALTER FUNCTION pgmask.set_retention(text, interval, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask.set_retention(text, interval, text) TO pgmask_record_sealer;
COMMENT ON FUNCTION pgmask.set_retention(text, interval, text) IS
  'Sets how long a class of record is kept; shorter with a reason only; PM828.';

-- How many rows of a month batches have sealed.
CREATE FUNCTION pgmask_private.sealed_rows(p_table text, p_month date)
  RETURNS bigint
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN (
    SELECT coalesce(sum((p.part ->> 'rows')::bigint), 0)
      FROM pgmask_audit.batch AS b
     CROSS JOIN LATERAL jsonb_array_elements(b.header::jsonb -> 'parts') AS p (part)
     WHERE p.part ->> 'table' = p_table AND p.part ->> 'month' = to_char(p_month, 'YYYY-MM'));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.sealed_rows(text, date) FROM PUBLIC;
ALTER FUNCTION pgmask_private.sealed_rows(text, date) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.sealed_rows(text, date) IS
  'How many rows of a month batches have sealed.';

-- Notes that a month was archived, and takes it out of the database.
--   p_digest    SHA-256 of the file's lines, in hexadecimal digits
--   p_manifest  {manifest, signature} as it lies beside the file
--   p_remove    false: only note that a copy was made, the rows stay
--   errors      PM825 not past its retention, not sealed in full, or not what the manifest says
--   marks       a month that came back for an investigation leaves again by the same call
CREATE FUNCTION pgmask_private.archive_month(
  p_table text, p_month date, p_digest text, p_manifest jsonb, p_remove boolean
)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_name text := format('%s_%s', p_table, to_char(p_month, 'YYYY_MM'));
  v_end timestamptz := (p_month + interval '1 month')::timestamptz;
  v_said jsonb := p_manifest -> 'manifest';
  v_keep interval;
  v_known text;
  v_rows bigint;
  v_noted bigint;
BEGIN
  IF (p_table IN ('access', 'change', 'activity')
      AND extract(day FROM p_month) = 1
      AND EXISTS (SELECT FROM pg_inherits AS i
                   WHERE i.inhrelid = to_regclass(format('pgmask_audit.%I', v_name))
                     AND i.inhparent = to_regclass(format('pgmask_audit.%I', p_table)))) IS NOT TRUE
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM825',
      MESSAGE = format('there is no month %s of %s in the record', to_char(p_month, 'YYYY-MM'), p_table);
  END IF;
  -- The longest of the classes that the table belongs to.
  SELECT max(r.keep) INTO v_keep FROM pgmask_audit.retention AS r WHERE p_table = ANY (r.tables);
  IF NOT p_remove THEN
    v_keep := interval '0';
  END IF;
  IF (v_end + v_keep <= clock_timestamp()) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM825',
      MESSAGE = format('%s of %s is to be kept until %s', to_char(p_month, 'YYYY-MM'), p_table,
                       to_char(v_end + v_keep, 'YYYY-MM-DD')),
      HINT = 'A copy may be archived earlier: --copy';
  END IF;
  EXECUTE format('LOCK TABLE pgmask_audit.%I IN ACCESS EXCLUSIVE MODE', v_name);
  EXECUTE format('SELECT count(*) FROM pgmask_audit.%I', v_name) INTO STRICT v_rows;
  IF (v_rows = (v_said ->> 'rows')::bigint
      AND v_rows = pgmask_private.sealed_rows(p_table, p_month)
      AND v_said ->> 'format' = 'pgmask-archive-1'
      AND v_said ->> 'table' = p_table
      AND v_said ->> 'month' = to_char(p_month, 'YYYY-MM')
      AND v_said ->> 'sha256' = p_digest
      AND p_manifest ->> 'signature' ~ '^[0-9a-f]{128}$'
      AND EXISTS (SELECT FROM pgmask_audit.signing_key AS k WHERE k.key_id = v_said ->> 'key'))
     IS NOT TRUE
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM825',
      MESSAGE = format('%s of %s has %s rows, which is not what was sealed and archived',
                       to_char(p_month, 'YYYY-MM'), p_table, v_rows),
      HINT = 'pgmask audit seal, then pgmask audit verify, then archive again.';
  END IF;
  SELECT a.digest INTO v_known
    FROM pgmask_audit.archive AS a WHERE a.table_name = p_table AND a.month = p_month;
  IF v_known IS NULL AND p_remove THEN
    INSERT INTO pgmask_audit.archive (table_name, month, row_count, digest, manifest)
    VALUES (p_table, p_month, v_rows, p_digest, p_manifest);
  ELSIF v_known <> p_digest THEN
    RAISE EXCEPTION USING ERRCODE = 'PM825',
      MESSAGE = format('%s of %s was archived before, with other content',
                       to_char(p_month, 'YYYY-MM'), p_table);
  END IF;
  v_noted := pgmask_private.record_activity(
    'archive', p_table,
    jsonb_build_object('month', to_char(p_month, 'YYYY-MM'), 'rows', v_rows, 'digest', p_digest,
                       'removed', p_remove));
  IF p_remove THEN
    EXECUTE format('ALTER TABLE pgmask_audit.%I DETACH PARTITION pgmask_audit.%I', p_table, v_name);
    EXECUTE format('DROP TABLE pgmask_audit.%I', v_name);
  END IF;
  RETURN v_rows;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.archive_month(text, date, text, jsonb, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.archive_month(text, date, text, jsonb, boolean) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.archive_month(text, date, text, jsonb, boolean) TO pgmask_record_sealer;
COMMENT ON FUNCTION pgmask_private.archive_month(text, date, text, jsonb, boolean) IS
  'Notes that a month was archived, and takes it out of the database; PM825.';

-- Begins the way back: an empty table that the caller may fill until reattach_end.
--   errors  PM827 it was not archived, or is in the database
CREATE FUNCTION pgmask_private.reattach_begin(p_table text, p_month date)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_name text := format('%s_%s', p_table, to_char(p_month, 'YYYY_MM'));
  v_made integer;
BEGIN
  IF (to_regclass(format('pgmask_audit.%I', v_name)) IS NULL
      AND EXISTS (SELECT FROM pgmask_audit.archive AS a
                   WHERE a.table_name = p_table AND a.month = p_month)) IS NOT TRUE
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM827',
      MESSAGE = format('%s of %s was not archived, or is in the record',
                       to_char(p_month, 'YYYY-MM'), p_table);
  END IF;
  v_made := pgmask_private.make_partition(p_table, v_name, p_month);
  EXECUTE format('GRANT INSERT ON TABLE pgmask_audit.%I TO pgmask_record_sealer', v_name);
  RETURN v_name;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.reattach_begin(text, date) FROM PUBLIC;
ALTER FUNCTION pgmask_private.reattach_begin(text, date) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.reattach_begin(text, date) TO pgmask_record_sealer;
COMMENT ON FUNCTION pgmask_private.reattach_begin(text, date) IS
  'Begins to bring an archived month back; PM827.';

-- Ends the way back, in the transaction that began it.
--   errors  PM826 the rows are not as many as were archived
CREATE FUNCTION pgmask_private.reattach_end(p_table text, p_month date)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_name text := format('%s_%s', p_table, to_char(p_month, 'YYYY_MM'));
  v_rows bigint;
  v_noted bigint;
BEGIN
  EXECUTE format('REVOKE INSERT ON TABLE pgmask_audit.%I FROM pgmask_record_sealer', v_name);
  EXECUTE format('SELECT count(*) FROM pgmask_audit.%I', v_name) INTO STRICT v_rows;
  IF (v_rows = (SELECT a.row_count FROM pgmask_audit.archive AS a
                 WHERE a.table_name = p_table AND a.month = p_month)) IS NOT TRUE
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM826',
      MESSAGE = format('%s rows of %s came back, which is not what was archived', v_rows, p_table);
  END IF;
  v_noted := pgmask_private.record_activity(
    'archive', p_table,
    jsonb_build_object('month', to_char(p_month, 'YYYY-MM'), 'rows', v_rows, 'brought_back', true));
  RETURN v_rows;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.reattach_end(text, date) FROM PUBLIC;
ALTER FUNCTION pgmask_private.reattach_end(text, date) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.reattach_end(text, date) TO pgmask_record_sealer;
COMMENT ON FUNCTION pgmask_private.reattach_end(text, date) IS
  'Ends to bring an archived month back; PM826.';
