-- Counting reads per day, and statements per month.
--
-- What finished transactions have stored since the last time is taken up: a row of the record names the
-- transaction that wrote it, and all below the oldest one that still runs are finished. Called by the
-- collector's loop and by `pgmask audit alerts evaluate`, which evaluates rules on the counts (G5).

-- Adds what finished transactions have stored to the counts and to the crossings of units.
--   result  how many notes were counted
--   marks   one at a time. Where numbers of transactions went back (a restore into another cluster) it
--           goes on above the highest row it has counted
CREATE FUNCTION pgmask_private.refresh_daily()
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_state pgmask_audit.report_state;
  v_to bigint;
  v_now timestamptz := clock_timestamp();
  v_counted bigint;
  v_seen bigint;
BEGIN
  PERFORM FROM pgmask_audit.turn AS t WHERE t.name = 'daily' FOR UPDATE;
  v_to := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  SELECT s.* INTO STRICT v_state FROM pgmask_audit.report_state AS s;
  IF v_to < v_state.next_xid THEN
    v_state.access_above := v_state.access_seen;
    v_state.next_xid := 0;
  END IF;

  WITH fresh AS (
    SELECT a.kind, coalesce(a.table_id, '') AS table_id, coalesce(a.profile, '') AS profile,
           coalesce(a.unit_id, '') AS unit_id, coalesce(a.person_id, 0) AS person_id,
           a.at::date AS day, extract(hour FROM a.at)::integer AS hour, count(*) AS count,
           min(a.at) AS first_at, max(a.at) AS last_at, max(a.access_id) AS seen
      FROM pgmask_audit.access AS a
     WHERE a.xid >= v_state.next_xid AND a.xid < v_to AND a.access_id > v_state.access_above
     GROUP BY 1, 2, 3, 4, 5, 6, 7
  ), day AS (
    SELECT f.kind, f.table_id, f.profile, f.unit_id, f.person_id, f.day,
           sum(f.count)::bigint AS count, jsonb_object_agg(f.hour, f.count) AS hours,
           min(f.first_at) AS first_at, max(f.last_at) AS last_at, max(f.seen) AS seen
      FROM fresh AS f
     GROUP BY f.kind, f.table_id, f.profile, f.unit_id, f.person_id, f.day
  ), put AS (
    INSERT INTO pgmask_audit.daily AS t (
      kind, table_id, profile, unit_id, person_id, day, count, by_hour, first_at, last_at,
      refreshed_at
    )
    SELECT d.kind, d.table_id, d.profile, d.unit_id, d.person_id, d.day, d.count,
           ARRAY(SELECT coalesce((d.hours ->> h::text)::bigint, 0)
                   FROM generate_series(0, 23) AS h ORDER BY h),
           d.first_at, d.last_at, v_now
      FROM day AS d
    ON CONFLICT (kind, table_id, profile, unit_id, person_id, day) DO UPDATE
      SET count = t.count + excluded.count,
          by_hour = ARRAY(
            SELECT x.a + x.b
              FROM unnest(t.by_hour, excluded.by_hour) WITH ORDINALITY AS x (a, b, place)
             ORDER BY x.place),
          first_at = least(t.first_at, excluded.first_at),
          last_at = greatest(t.last_at, excluded.last_at),
          refreshed_at = excluded.refreshed_at
  ), put_month AS (
    INSERT INTO pgmask_audit.monthly AS t (
      table_id, profile, unit_id, person_id, month, count, first_at, last_at
    )
    SELECT d.table_id, d.profile, d.unit_id, d.person_id, date_trunc('month', d.day)::date,
           sum(d.count)::bigint, min(d.first_at), max(d.last_at)
      FROM day AS d
     WHERE d.kind = 'statement'
     GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (table_id, profile, unit_id, person_id, month) DO UPDATE
      SET count = t.count + excluded.count,
          first_at = least(t.first_at, excluded.first_at),
          last_at = greatest(t.last_at, excluded.last_at)
  )
  SELECT coalesce(sum(d.count), 0), max(d.seen) INTO v_counted, v_seen FROM day AS d;

  WITH met AS MATERIALIZED (
    SELECT a.at::date AS day, coalesce(a.person_id, 0) AS person_id,
           coalesce(a.profile, '') AS profile, coalesce(a.unit_id, '') AS unit_id,
           coalesce(a.table_id, '') AS table_id, a.subject_class, a.subject_key, count(*) AS count,
           min(a.at) AS first_at, max(a.at) AS last_at
      FROM pgmask_audit.access AS a
     WHERE a.xid >= v_state.next_xid AND a.xid < v_to AND a.access_id > v_state.access_above
       AND a.kind = 'subject'
       AND a.subject_class IN (SELECT r.subject_class FROM pgmask_private.subject_rule AS r)
     GROUP BY 1, 2, 3, 4, 5, 6, 7
  ), home AS MATERIALIZED (
    SELECT s.subject_class, s.subject_key, s.unit_id
      FROM (SELECT m.subject_class, array_agg(DISTINCT m.subject_key) AS keys
              FROM met AS m GROUP BY m.subject_class) AS k
     CROSS JOIN LATERAL pgmask_private.audit_subjects(k.subject_class, k.keys, NULL, false) AS s
  )
  INSERT INTO pgmask_audit.crossing AS t (
    day, person_id, profile, unit_id, table_id, subject_class, subject_key, subject_unit, count,
    first_at, last_at, refreshed_at
  )
  SELECT m.day, m.person_id, m.profile, m.unit_id, m.table_id, m.subject_class, m.subject_key,
         h.unit_id, m.count, m.first_at, m.last_at, v_now
    FROM met AS m
    JOIN home AS h ON h.subject_class = m.subject_class AND h.subject_key = m.subject_key
   WHERE h.unit_id <> m.unit_id
  ON CONFLICT (day, person_id, profile, unit_id, table_id, subject_class, subject_key, subject_unit)
    DO UPDATE SET count = t.count + excluded.count,
                  first_at = least(t.first_at, excluded.first_at),
                  last_at = greatest(t.last_at, excluded.last_at),
                  refreshed_at = excluded.refreshed_at;

  UPDATE pgmask_audit.report_state
     SET next_xid = v_to, access_above = v_state.access_above,
         access_seen = greatest(access_seen, v_seen);
  RETURN v_counted;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refresh_daily() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refresh_daily() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refresh_daily() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.refresh_daily() IS
  'Adds what finished transactions have stored to the counts per day; gives how many notes.';
