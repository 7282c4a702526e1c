-- What is done to the protection itself: deployments, keys, stages, migrations, and, where a superuser
-- allows it, every definition and right (G1, G2, A4, C2).
--
-- Changes of the register are in register_history, those of unsealing in unseal_event, reveals and
-- searches in ticket: they are records already, and reports read them there.

-- Trigger: a row of activity for a row of one of pgmask's own tables.
--   arguments  the kind; the columns that name the object, and those told in detail, by commas
--   marks      secrets are not told: only the columns that are named
CREATE FUNCTION pgmask_private.record_row()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
  v_was jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) END;
  v_object text;
  v_detail jsonb;
  v_before jsonb;
  v_id bigint;
BEGIN
  SELECT string_agg(v_row ->> n.name, ' ' ORDER BY n.place) INTO v_object
    FROM unnest(string_to_array(TG_ARGV[1], ',')) WITH ORDINALITY AS n (name, place);
  SELECT jsonb_object_agg(n.name, v_row -> n.name), jsonb_object_agg(n.name, v_was -> n.name)
    INTO v_detail, v_before
    FROM unnest(string_to_array(TG_ARGV[2], ',')) AS n (name);
  IF TG_OP = 'UPDATE' AND v_detail IS NOT DISTINCT FROM v_before THEN
    RETURN NULL;
  END IF;
  v_id := pgmask_private.record_activity(
    TG_ARGV[0], v_object,
    v_detail || jsonb_build_object('operation', lower(TG_OP), 'of', TG_TABLE_NAME)
      || CASE WHEN TG_OP = 'UPDATE' THEN jsonb_build_object('before', v_before) ELSE '{}' END);
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.record_row() FROM PUBLIC;
ALTER FUNCTION pgmask_private.record_row() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.record_row() IS
  'Trigger: a row of activity for a row of one of pgmask''s own tables.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_one record;
BEGIN
  FOR v_one IN
    SELECT *
      FROM (VALUES
        ('deployment', 'deployment', 'INSERT OR UPDATE', 'id',
         'catalogue_hash,plan_hash,author,approver,approval_ref,pgmask_version,finished_at'),
        ('deployment_step', 'command', 'INSERT', 'deployment_id', 'table_id'),
        ('kek', 'key', 'INSERT OR UPDATE OR DELETE', 'kek_id', 'provider,state,escrow_place'),
        ('environment', 'command', 'INSERT OR UPDATE', 'name', 'production,declared,persons,escrow'),
        ('seal_run', 'command', 'INSERT OR UPDATE', 'table_id', 'phase'),
        ('rollout_step', 'command', 'INSERT', 'table_id', 'from_stage,to_stage'),
        ('migration_window', 'command', 'INSERT OR UPDATE', 'login',
         'owner,ticket,opened_by,ends_at,tool,exit_code,closed_at')
      ) AS t (table_name, kind, events, object, detail)
  LOOP
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER m_record AFTER %s ON pgmask_private.%I FOR EACH ROW'
      ' EXECUTE FUNCTION pgmask_private.record_row(%L, %L, %L)',
      v_one.events, v_one.table_name, v_one.kind, v_one.object, v_one.detail);
    EXECUTE pg_catalog.format(
      'ALTER TABLE pgmask_private.%I ENABLE ALWAYS TRIGGER m_record', v_one.table_name);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER m_record ON pgmask_private.%I IS ''Adds what was done to the record.''',
      v_one.table_name);
  END LOOP;
END;
$pgmask$;

-- Keys of customers: made with every new one, which is no news; told when they end.
CREATE TRIGGER m_record AFTER UPDATE ON pgmask_private.data_key
  FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state)
  EXECUTE FUNCTION pgmask_private.record_row(
    'key', 'subject_class,subject_key', 'epoch,kek_id,state,successor');
ALTER TABLE pgmask_private.data_key ENABLE ALWAYS TRIGGER m_record;
COMMENT ON TRIGGER m_record ON pgmask_private.data_key IS 'Adds what was done to the record.';
CREATE TRIGGER m_record_end AFTER DELETE ON pgmask_private.data_key
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.record_row(
    'key', 'subject_class,subject_key', 'epoch,kek_id,state,successor');
ALTER TABLE pgmask_private.data_key ENABLE ALWAYS TRIGGER m_record_end;
COMMENT ON TRIGGER m_record_end ON pgmask_private.data_key IS 'Adds what was done to the record.';

-- Which retention holds, and who changed it why.
CREATE TRIGGER m_record AFTER INSERT OR UPDATE OR DELETE ON pgmask_audit.retention
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.record_row(
    'command', 'record_class', 'keep,floor,reason');
ALTER TABLE pgmask_audit.retention ENABLE ALWAYS TRIGGER m_record;
COMMENT ON TRIGGER m_record ON pgmask_audit.retention IS 'Adds what was done to the record.';

-- Event trigger: definitions and rights in the schemas that pgmask answers for, and rights anywhere.
--   marks  an error here would refuse the definition; nothing is left out of the record silently
CREATE FUNCTION pgmask_private.record_definition()
  RETURNS event_trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_one record;
  v_ours text[] := ARRAY(
    SELECT s.schema_name FROM pgmask_private.store_table AS s
    UNION SELECT c.view_schema FROM pgmask_private.profile_column AS c
    UNION SELECT unnest(ARRAY['pgmask', 'pgmask_private', 'pgmask_audit', 'pgmask_note',
                              'pgmask_report', 'pgmask_crypto']));
  v_id bigint;
BEGIN
  IF TG_EVENT = 'sql_drop' THEN
    FOR v_one IN
      SELECT o.object_type, o.object_identity, o.schema_name FROM pg_event_trigger_dropped_objects() AS o
       WHERE o.original AND o.schema_name = ANY (v_ours)
    LOOP
      v_id := pgmask_private.record_activity('definition', v_one.object_identity,
        jsonb_build_object('command', TG_TAG, 'type', v_one.object_type));
    END LOOP;
    RETURN;
  END IF;
  FOR v_one IN
    SELECT c.command_tag, c.object_type, c.object_identity, c.schema_name
      FROM pg_event_trigger_ddl_commands() AS c
     WHERE c.command_tag IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES')
        OR c.schema_name = ANY (v_ours)
  LOOP
    v_id := pgmask_private.record_activity(
      CASE WHEN v_one.command_tag IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES')
           THEN 'right' ELSE 'definition' END,
      v_one.object_identity,
      jsonb_build_object('command', v_one.command_tag, 'type', v_one.object_type));
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.record_definition() FROM PUBLIC;
ALTER FUNCTION pgmask_private.record_definition() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.record_definition() IS
  'Event trigger: definitions and rights that concern pgmask, as rows of activity.';

-- Event trigger (PostgreSQL 17 and newer): who connects. A note, so that a standby takes it too.
CREATE FUNCTION pgmask_private.note_session()
  RETURNS event_trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_left boolean;
BEGIN
  v_left := pgmask_private.note('session', pgmask_private.known_claims(), NULL, NULL, NULL);
EXCEPTION
  WHEN OTHERS THEN
    RAISE WARNING USING MESSAGE = 'pgmask: the log-in could not be noted';  -- nobody is locked out
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.note_session() FROM PUBLIC;
ALTER FUNCTION pgmask_private.note_session() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.note_session() IS 'Event trigger: notes who connects.';

-- Has every definition and right recorded from now on. For a superuser: nobody else may make event
-- triggers. Without it the seal still notices what has changed between two batches, not who did it.
--   result  how many event triggers there are
--   marks   SECURITY INVOKER: acts with the superuser's own right
CREATE FUNCTION pgmask_private.watch_definitions()
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_one record;
  v_count integer := 0;
BEGIN
  FOR v_one IN
    SELECT *
      FROM (VALUES
        ('pgmask_record_definition', 'ddl_command_end', 'record_definition', 90000),
        ('pgmask_record_drop', 'sql_drop', 'record_definition', 90000),
        ('pgmask_note_session', 'login', 'note_session', 170000)
      ) AS t (name, event, function, since)
     WHERE t.since <= current_setting('server_version_num')::integer
  LOOP
    IF NOT EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = v_one.name) THEN
      EXECUTE format('CREATE EVENT TRIGGER %I ON %s EXECUTE FUNCTION pgmask_private.%I()',
                     v_one.name, v_one.event, v_one.function);
    END IF;
    EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', v_one.name);
    EXECUTE format('COMMENT ON EVENT TRIGGER %I IS %L', v_one.name, 'Part of the record of pgmask.');
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.watch_definitions() FROM PUBLIC;
ALTER FUNCTION pgmask_private.watch_definitions() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.watch_definitions() IS
  'Has every definition and right recorded from now on; for a superuser.';
