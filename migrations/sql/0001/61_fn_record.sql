-- Rows of the record: who acts, eras, partitions, and that nothing is changed.

GRANT USAGE ON SCHEMA pgmask_private, pgmask_audit
  TO pgmask_recorder, pgmask_collector, pgmask_record_sealer;
GRANT INSERT ON TABLE pgmask_audit.change TO pgmask_recorder;

-- The reports are all that auditors see of the record.
CREATE SCHEMA pgmask_report;
ALTER SCHEMA pgmask_report OWNER TO pgmask_owner;
REVOKE ALL ON SCHEMA pgmask_report FROM PUBLIC;
GRANT USAGE ON SCHEMA pgmask_report
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON SCHEMA pgmask_report IS 'What auditors ask: one view or function per question.';

-- Who acts in this transaction and from where, as rows of the record name him.
CREATE FUNCTION pgmask_private.who(
  OUT era_id integer, OUT person_id bigint, OUT profile text, OUT unit_id text, OUT grade text,
  OUT issuer text, OUT service text, OUT purpose text, OUT login text, OUT application_name text,
  OUT client_addr text, OUT backend integer
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_claims text := pgmask_private.known_claims();
BEGIN
  SELECT k.era_id INTO era_id FROM pgmask_private.audit_key AS k;
  person_id := NULLIF(split_part(v_claims, U&'\001F', 2), '')::bigint;
  profile := NULLIF(split_part(v_claims, U&'\001F', 3), '');
  unit_id := NULLIF(split_part(v_claims, U&'\001F', 4), '');
  grade := NULLIF(split_part(v_claims, U&'\001F', 5), '');
  purpose := NULLIF(split_part(v_claims, U&'\001F', 6), '');
  issuer := NULLIF(split_part(v_claims, U&'\001F', 9), '');
  service := NULLIF(split_part(v_claims, U&'\001F', 11), '');
  login := SESSION_USER;
  application_name := NULLIF(current_setting('application_name'), '');
  client_addr := host(inet_client_addr());
  backend := pg_backend_pid();
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.who() FROM PUBLIC;
ALTER FUNCTION pgmask_private.who() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.who() TO pgmask_recorder, pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.who() IS
  'Who acts in this transaction and from where, as rows of the record name him.';

-- Adds a row of activity in this transaction: for what changes something and is undone with it.
--   p_detail  names and numbers, never a value of a protected row
CREATE FUNCTION pgmask_private.record_activity(
  p_kind text, p_object text, p_detail jsonb, p_code text DEFAULT NULL
)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_id bigint;
BEGIN
  INSERT INTO pgmask_audit.activity (
    era_id, kind, code, person_id, profile, unit_id, grade, issuer, service, login,
    application_name, client_addr, backend, purpose, object, detail
  )
  SELECT coalesce(w.era_id, 0), p_kind, p_code, w.person_id, w.profile, w.unit_id, w.grade, w.issuer,
         w.service, w.login, w.application_name, w.client_addr, w.backend, w.purpose, p_object,
         coalesce(p_detail, '{}')
    FROM pgmask_private.who() AS w
  RETURNING activity_id INTO v_id;
  RETURN v_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.record_activity(text, text, jsonb, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.record_activity(text, text, jsonb, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.record_activity(text, text, jsonb, text) TO pgmask_sealer, pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.record_activity(text, text, jsonb, text) IS
  'Adds a row of activity in this transaction.';

-- Per table of the record the last number that has been given out.
CREATE FUNCTION pgmask_private.record_numbers()
  RETURNS jsonb
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_table text;
  v_sequence text;
  v_number bigint;
  v_found jsonb := '{}';
BEGIN
  FOR v_table, v_sequence IN
    VALUES ('access', 'pgmask_audit.access_access_id_seq'),
           ('change', 'pgmask_audit.change_change_id_seq'),
           ('activity', 'pgmask_audit.activity_activity_id_seq'),
           ('ticket', 'pgmask_audit.ticket_ticket_number_seq'),
           ('register_history', 'pgmask_private.register_history_history_id_seq'),
           ('unseal_request', 'pgmask_audit.unseal_request_request_id_seq'),
           ('unseal_event', 'pgmask_audit.unseal_event_event_id_seq')
  LOOP
    EXECUTE format('SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END FROM %s AS s', v_sequence)
      INTO STRICT v_number;
    v_found := v_found || jsonb_build_object(v_table, v_number);
  END LOOP;
  RETURN v_found;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.record_numbers() FROM PUBLIC;
ALTER FUNCTION pgmask_private.record_numbers() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.record_numbers() TO pgmask_record_sealer, pgmask_backup;
COMMENT ON FUNCTION pgmask_private.record_numbers() IS
  'Per table of the record the last number that has been given out.';

-- The era the database lives in now. Begins a new one where it is not the last one's: another cluster,
-- another timeline, another name.
--   result  the number of the era
--   marks   asked by install, the collector and the sealer, before they compare anything
CREATE FUNCTION pgmask_private.current_era()
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_last pgmask_audit.era;
  v_system text;
  v_timeline bigint := ('x' || "left"(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint;
  v_reason text;
  v_era integer;
BEGIN
  PERFORM FROM pgmask_audit.turn AS t WHERE t.name = 'era' FOR UPDATE;
  SELECT s.system_identifier::text INTO v_system FROM pg_control_system() AS s;
  SELECT e.* INTO v_last FROM pgmask_audit.era AS e ORDER BY e.era_id DESC LIMIT 1;
  v_reason := CASE
    WHEN v_last.era_id IS NULL THEN 'install'
    WHEN v_last.system_identifier <> v_system THEN
      CASE WHEN split_part(v_last.server_version, '.', 1)
              = split_part(current_setting('server_version'), '.', 1)
           THEN 'restore' ELSE 'upgrade' END
    WHEN v_last.timeline <> v_timeline THEN 'failover'
    WHEN v_last.database <> current_database() THEN 'copy'
  END;
  IF v_reason IS NOT NULL THEN
    INSERT INTO pgmask_audit.era (system_identifier, timeline, reason, last_ids)
    VALUES (v_system, v_timeline, v_reason, pgmask_private.record_numbers())
    RETURNING era_id INTO v_era;
    UPDATE pgmask_private.audit_key SET era_id = v_era;
    RETURN v_era;
  END IF;
  RETURN v_last.era_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.current_era() FROM PUBLIC;
ALTER FUNCTION pgmask_private.current_era() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.current_era() TO pgmask_collector, pgmask_record_sealer;
COMMENT ON FUNCTION pgmask_private.current_era() IS
  'The era the database lives in now; begins a new one after a restore, failover, upgrade or copy.';

-- Rows of the record are only added, by whomever.
CREATE FUNCTION pgmask_private.refuse_record_change()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PM801',
    MESSAGE = 'rows of the record are only added',
    HINT = 'What is older than its retention leaves by pgmask audit archive.',
    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_record_change() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_record_change() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_record_change() IS
  'Trigger: rows of the record are only added (PM801).';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY['era', 'batch', 'anchor', 'signing_key', 'archive'] LOOP
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER a_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON pgmask_audit.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_record_change()', v_table);
    EXECUTE pg_catalog.format(
      'ALTER TABLE pgmask_audit.%I ENABLE ALWAYS TRIGGER a_only_added', v_table);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER a_only_added ON pgmask_audit.%I IS ''Rows are only added.''', v_table);
  END LOOP;
  FOREACH v_table IN ARRAY ARRAY['access', 'change', 'activity'] LOOP
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER a_only_added BEFORE UPDATE OR DELETE ON pgmask_audit.%I'
      ' FOR EACH ROW EXECUTE FUNCTION pgmask_private.refuse_record_change()', v_table);
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER a_never_emptied BEFORE TRUNCATE ON pgmask_audit.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_record_change()', v_table);
    EXECUTE pg_catalog.format(
      'ALTER TABLE pgmask_audit.%I ENABLE ALWAYS TRIGGER a_only_added,'
      ' ENABLE ALWAYS TRIGGER a_never_emptied', v_table);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER a_only_added ON pgmask_audit.%I IS ''Rows are only added.''', v_table);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER a_never_emptied ON pgmask_audit.%I IS ''Rows are only added.''', v_table);
  END LOOP;
END;
$pgmask$;

-- Makes the partitions that are missing: this month, those to come, and the DEFAULT one.
--   p_months  how many months ahead
--   result    how many were made
--   marks     a month whose rows already went to the DEFAULT partition is taken care of by turning
--             that partition into the month's: no row is moved
CREATE FUNCTION pgmask_private.ensure_partitions(p_months integer DEFAULT 6)
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_table text;
  v_month date;
  v_name text;
  v_made integer := 0;
BEGIN
  PERFORM FROM pgmask_audit.turn AS t WHERE t.name = 'partitions' FOR UPDATE;
  FOREACH v_table IN ARRAY ARRAY['access', 'change', 'activity'] LOOP
    FOR v_month IN
      SELECT g::date
        FROM generate_series(
               date_trunc('month', clock_timestamp()),
               date_trunc('month', clock_timestamp()) + make_interval(months => p_months),
               interval '1 month') AS g
    LOOP
      v_name := format('%s_%s', v_table, to_char(v_month, 'YYYY_MM'));
      IF to_regclass(format('pgmask_audit.%I', v_name)) IS NULL THEN
        v_made := v_made + pgmask_private.make_partition(v_table, v_name, v_month);
      END IF;
    END LOOP;
    IF to_regclass(format('pgmask_audit.%I', v_table || '_default')) IS NULL THEN
      v_made := v_made + pgmask_private.make_partition(v_table, v_table || '_default', NULL);
    END IF;
  END LOOP;
  RETURN v_made;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.ensure_partitions(integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.ensure_partitions(integer) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.ensure_partitions(integer) TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.ensure_partitions(integer) IS
  'Makes the partitions of the record that are missing, some months ahead; gives how many.';

-- Makes one partition of the record, of a month or the DEFAULT one.
--   p_month  its first day; NULL: the DEFAULT one
--   result   1
CREATE FUNCTION pgmask_private.make_partition(p_table text, p_name text, p_month date)
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_bounds text := coalesce(
    format('FOR VALUES FROM (%L) TO (%L)', p_month::timestamptz, (p_month + interval '1 month')::timestamptz),
    'DEFAULT');
  v_default text := p_table || '_default';
  v_strays boolean := false;
  v_column text;
  v_says text;
BEGIN
  IF p_month IS NULL THEN
    v_bounds := 'DEFAULT';
  ELSIF to_regclass(format('pgmask_audit.%I', v_default)) IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM pgmask_audit.%I WHERE at >= %L AND at < %L)',
                   v_default, p_month::timestamptz, (p_month + interval '1 month')::timestamptz)
      INTO v_strays;
    IF v_strays THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM pgmask_audit.%I WHERE at < %L OR at >= %L)',
                     v_default, p_month::timestamptz, (p_month + interval '1 month')::timestamptz)
        INTO v_strays;
      IF v_strays THEN
        -- Rows of several months: they stay where they are, and so will this month's.
        RETURN 0;
      END IF;
      EXECUTE format('ALTER TABLE pgmask_audit.%I DETACH PARTITION pgmask_audit.%I', p_table, v_default);
      EXECUTE format('ALTER TABLE pgmask_audit.%I RENAME TO %I', v_default, p_name);
      EXECUTE format('ALTER TABLE pgmask_audit.%I ATTACH PARTITION pgmask_audit.%I %s',
                     p_table, p_name, v_bounds);
      RETURN 1 + pgmask_private.make_partition(p_table, v_default, NULL);
    END IF;
  END IF;
  EXECUTE format('CREATE TABLE pgmask_audit.%I PARTITION OF pgmask_audit.%I %s',
                 p_name, p_table, v_bounds);
  EXECUTE format('REVOKE ALL ON TABLE pgmask_audit.%I FROM PUBLIC', p_name);
  EXECUTE format('GRANT SELECT ON TABLE pgmask_audit.%I TO pgmask_backup', p_name);
  EXECUTE format('COMMENT ON TABLE pgmask_audit.%I IS %L', p_name,
                 format('%s: %s.', p_table, coalesce(to_char(p_month, 'YYYY-MM'), 'rows of no other partition')));
  FOR v_column, v_says IN
    SELECT a.attname, col_description(a.attrelid, a.attnum)
      FROM pg_attribute AS a
     WHERE a.attrelid = format('pgmask_audit.%I', p_table)::regclass AND a.attnum > 0
       AND NOT a.attisdropped
  LOOP
    EXECUTE format('COMMENT ON COLUMN pgmask_audit.%I.%I IS %L', p_name, v_column, v_says);
  END LOOP;
  EXECUTE format(
    'CREATE TRIGGER a_never_emptied BEFORE TRUNCATE ON pgmask_audit.%I'
    ' FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_record_change()', p_name);
  EXECUTE format('ALTER TABLE pgmask_audit.%I ENABLE ALWAYS TRIGGER a_never_emptied', p_name);
  EXECUTE format('COMMENT ON TRIGGER a_never_emptied ON pgmask_audit.%I IS %L', p_name, 'Rows are only added.');
  RETURN 1;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.make_partition(text, text, date) FROM PUBLIC;
ALTER FUNCTION pgmask_private.make_partition(text, text, date) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.make_partition(text, text, date) IS
  'Makes one partition of the record; gives how many tables were made.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_made integer;
  v_key boolean;
BEGIN
  v_key := pgmask_private.ensure_audit_key();
  v_made := pgmask_private.ensure_partitions(6);
END;
$pgmask$;
