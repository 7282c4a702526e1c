-- Notes out of a server's log, and how collecting stands.

-- Up to where a server's log is stored, in bytes.
CREATE FUNCTION pgmask_private.log_position(p_node text, p_file text)
  RETURNS bigint
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_position bigint;
BEGIN
  SELECT c.position::bigint INTO v_position FROM pgmask_audit.collector AS c
   WHERE c.source = concat('log ', p_node, ' ', p_file);
  RETURN coalesce(v_position, 0);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.log_position(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.log_position(text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.log_position(text, text) TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.log_position(text, text) IS
  'Up to where a server''s log is stored, in bytes.';

-- Stores notes that were found in a server's log.
--   p_node   the server; p_file: what names the file whatever it is called
--   p_from   where reading began, in bytes; p_to: where it goes on
--   p_audited  lines of pgaudit, as pgmask.audit.pgaudit parses them; times in the log's time zone
--   result   as store_notes; stored NULL: somebody else has stored from there on already
CREATE FUNCTION pgmask_private.collect_log(
  p_node text, p_file text, p_from bigint, p_to bigint, p_notes text[], p_audited jsonb,
  OUT stored bigint, OUT folded bigint, OUT rejected bigint
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_era integer := pgmask_private.current_era();
  v_source text := concat('log ', p_node, ' ', p_file);
  v_was text;
  v_bytes bytea[];
  v_audited bigint;
BEGIN
  PERFORM FROM pgmask_audit.turn AS t WHERE t.name = 'log' FOR UPDATE;
  SELECT c.position INTO v_was FROM pgmask_audit.collector AS c WHERE c.source = v_source FOR UPDATE;
  IF coalesce(v_was, '0') <> p_from::text THEN
    RETURN;
  END IF;
  stored := 0;
  folded := 0;
  rejected := 0;
  IF cardinality(p_notes) > 0 THEN
    SELECT array_agg(convert_to(u.note, 'UTF8') ORDER BY u.n) INTO v_bytes
      FROM unnest(p_notes) WITH ORDINALITY AS u (note, n);
    SELECT s.stored, s.folded, s.rejected INTO stored, folded, rejected
      FROM pgmask_private.store_notes(p_node, NULL, v_bytes) AS s;
  END IF;
  INSERT INTO pgmask_audit.activity (
    at, era_id, kind, login, application_name, client_addr, backend, object, detail, node
  )
  SELECT a.at::timestamp AT TIME ZONE current_setting('log_timezone'), v_era, 'pgaudit', a.login,
         NULLIF(a.application, ''), NULLIF(a.address, ''), a.backend, NULLIF(a.object, ''),
         jsonb_build_object('kind', a.kind, 'statement', a.statement, 'part', a.part, 'group', a."group",
                            'command', a.command, 'object_type', a.object_type),
         p_node
    FROM jsonb_to_recordset(p_audited) AS a (
           at text, login text, application text, address text, backend integer, object text,
           kind text, statement bigint, part bigint, "group" text, command text, object_type text);
  GET DIAGNOSTICS v_audited = ROW_COUNT;
  stored := stored + v_audited;
  INSERT INTO pgmask_audit.collector AS c (source, era_id, position, stored, rejected)
  VALUES (v_source, v_era, p_to::text, stored, rejected)
  ON CONFLICT (source) DO UPDATE
    SET era_id = EXCLUDED.era_id, position = EXCLUDED.position, moved_at = clock_timestamp(),
        stored = c.stored + EXCLUDED.stored, rejected = c.rejected + EXCLUDED.rejected;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[], jsonb) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[], jsonb) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[], jsonb) TO pgmask_collector;
COMMENT ON FUNCTION
  pgmask_private.collect_log(text, text, bigint, bigint, text[], jsonb) IS
  'Stores notes that were found in a server''s log, once.';

-- How collecting stands, for the collector's login and for doctor.
CREATE FUNCTION pgmask_private.collector_state(
  OUT wal_level text, OUT may_read_slots boolean, OUT publication boolean,
  OUT slot text, OUT wal_status text, OUT busy boolean,
  OUT behind bigint, OUT held bigint, OUT safe bigint, OUT keep text,
  OUT moved_at timestamptz, OUT stored bigint, OUT rejected bigint,
  OUT when_audit_stalls text, OUT reads_until timestamptz,
  OUT strays bigint, OUT months_ahead integer, OUT gaps bigint
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_position pg_lsn;
  v_here pg_lsn := CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                        ELSE pg_current_wal_lsn() END;
BEGIN
  wal_level := current_setting('wal_level');
  keep := current_setting('max_slot_wal_keep_size');
  SELECT r.rolreplication OR r.rolsuper INTO may_read_slots
    FROM pg_roles AS r WHERE r.rolname = 'pgmask_slots';
  publication := EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = 'pgmask_notes');
  SELECT c.position::pg_lsn, c.moved_at, c.stored, c.rejected
    INTO v_position, moved_at, stored, rejected
    FROM pgmask_audit.collector AS c WHERE c.source = 'slot';
  SELECT s.slot_name, s.wal_status, s.active, s.safe_wal_size,
         pg_wal_lsn_diff(v_here, s.restart_lsn)::bigint,
         pg_wal_lsn_diff(v_here, greatest(s.confirmed_flush_lsn, v_position))::bigint
    INTO slot, wal_status, busy, safe, held, behind
    FROM pg_replication_slots AS s WHERE s.slot_name = pgmask_private.slot_name();
  SELECT r.when_audit_stalls INTO when_audit_stalls FROM pgmask_audit.stall_rule AS r;
  when_audit_stalls := coalesce(when_audit_stalls, 'lose_with_alarm');
  SELECT r.reads_until INTO reads_until FROM pgmask_audit.note_rule AS r;
  SELECT (SELECT count(*) FROM pgmask_audit.access_default)
       + (SELECT count(*) FROM pgmask_audit.change_default)
       + (SELECT count(*) FROM pgmask_audit.activity_default) INTO strays;
  SELECT min(m.ahead) INTO months_ahead
    FROM (SELECT count(*) FILTER (WHERE to_regclass(format(
                   'pgmask_audit.%I', concat(t.name, '_', to_char(g.month, 'YYYY_MM')))) IS NOT NULL)
                 - 1 AS ahead
            FROM unnest(ARRAY['access', 'change', 'activity']) AS t (name)
           CROSS JOIN generate_series(
                   date_trunc('month', clock_timestamp()),
                   date_trunc('month', clock_timestamp()) + interval '12 months',
                   interval '1 month') AS g (month)
           GROUP BY t.name) AS m;
  SELECT count(*) INTO gaps FROM pgmask_audit.activity AS a
   WHERE a.kind = 'gap' AND a.at > clock_timestamp() - interval '7 days'
     AND a.detail ->> 'reason' <> 'notes were not collected before';
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.collector_state() FROM PUBLIC;
ALTER FUNCTION pgmask_private.collector_state() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.collector_state() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.collector_state() IS 'How collecting the notes stands.';
