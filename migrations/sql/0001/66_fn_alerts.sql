-- Counting reads per day, and noticing what is unusual (G5).
--
-- Both take up what finished transactions have stored since the last time: a row of the record names the
-- transaction that wrote it, and all below the oldest one that still runs are finished. Called by the
-- collector's loop and by `pgmask audit alerts evaluate`.

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY['alert', 'alert_close'] LOOP
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER a_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON pgmask_audit.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_record_change()', v_table);
    EXECUTE pg_catalog.format(
      'ALTER TABLE pgmask_audit.%I ENABLE ALWAYS TRIGGER a_only_added', v_table);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER a_only_added ON pgmask_audit.%I IS ''Rows are only added.''', v_table);
  END LOOP;
END;
$pgmask$;

-- Adds what finished transactions have stored to the counts per day and to the crossings of units.
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

-- What the rules find in what is new: at most one row per rule, person or login, and day or hour.
--   p_since     when alerts were last evaluated
--   p_activity  the first transaction whose activity was not looked at
CREATE FUNCTION pgmask_private.unusual(p_since timestamptz, p_activity bigint)
  RETURNS TABLE (
    rule text, about text, person_id bigint, profile text, unit_id text, login text,
    window_from timestamptz, window_to timestamptz, detail jsonb
  )
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
#variable_conflict use_column
DECLARE
  c_look_back CONSTANT integer := 31;  -- days: what is older and comes late is in the reports
  v_rule pgmask_audit.alert_rule;
  v_state pgmask_audit.report_state;
BEGIN
  SELECT s.* INTO STRICT v_state FROM pgmask_audit.report_state AS s;
  FOR v_rule IN SELECT r.* FROM pgmask_audit.alert_rule AS r WHERE r.enabled ORDER BY r.rule LOOP
    IF v_rule.kind IN ('volume_own', 'volume_peers', 'unusual_hour', 'breadth') THEN
      RETURN QUERY
      WITH day AS MATERIALIZED (
        SELECT d.person_id, d.day, min(d.profile) AS profile, min(d.unit_id) AS unit_id,
               sum(d.count) AS count, sum(d.count) FILTER (WHERE d.kind = 'subject') AS subjects,
               min(d.first_at) AS first_at, max(d.last_at) AS last_at
          FROM (SELECT DISTINCT n.person_id, n.day FROM pgmask_audit.daily AS n
                 WHERE n.refreshed_at > p_since AND n.person_id <> 0
                   AND n.day >= current_date - c_look_back) AS n
          JOIN pgmask_audit.daily AS d USING (person_id, day)
         WHERE d.kind IN ('statement', 'subject')
         GROUP BY d.person_id, d.day
        HAVING sum(d.count) >= (v_rule.parameters ->> 'minimum')::numeric
      ), judged AS (
        SELECT d.*, j.compared
          FROM day AS d
         CROSS JOIN LATERAL pgmask_private.judge_day(v_rule, v_state, d.person_id, d.day, d.count,
                                                     coalesce(d.subjects, 0)) AS j (compared)
         WHERE j.compared IS NOT NULL
      )
      SELECT v_rule.rule, format('person %s %s', j.person_id, j.day), j.person_id, j.profile,
             j.unit_id, NULL::text, j.first_at, j.last_at, j.compared
        FROM judged AS j;
    ELSIF v_rule.kind = 'cross_unit' THEN
      RETURN QUERY
      SELECT v_rule.rule, format('person %s %s', c.person_id, c.day), c.person_id, min(c.profile),
             c.unit_id, NULL::text, min(c.first_at), max(c.last_at),
             jsonb_build_object('customers', count(DISTINCT (c.subject_class, c.subject_key)),
                                'units', jsonb_agg(DISTINCT c.subject_unit))
        FROM (SELECT DISTINCT n.person_id, n.day, n.unit_id FROM pgmask_audit.crossing AS n
               WHERE n.refreshed_at > p_since) AS n
        JOIN pgmask_audit.crossing AS c USING (person_id, day, unit_id)
       GROUP BY c.person_id, c.day, c.unit_id
      HAVING count(DISTINCT (c.subject_class, c.subject_key))
             >= (v_rule.parameters ->> 'minimum')::numeric;
    ELSIF v_rule.kind IN ('refusals', 'quota') THEN
      RETURN QUERY
      SELECT v_rule.rule,
             format('%s %s', coalesce('person ' || a.person_id, 'login ' || a.login), w.hour),
             a.person_id, min(a.profile), min(a.unit_id), min(a.login), min(a.at), max(a.at),
             jsonb_build_object('refusals', count(*), 'codes', jsonb_agg(DISTINCT a.code))
        FROM (SELECT DISTINCT date_trunc(p.unit, n.at) AS hour, p.unit
                FROM pgmask_audit.activity AS n
               CROSS JOIN (SELECT CASE v_rule.kind WHEN 'quota' THEN 'day' ELSE 'hour' END AS unit) AS p
               WHERE n.kind = 'refused' AND n.xid >= p_activity) AS w
        JOIN pgmask_audit.activity AS a
          ON a.kind = 'refused' AND a.at >= w.hour AND a.at < w.hour + ('1 ' || w.unit)::interval
         AND (v_rule.kind <> 'quota' OR a.code = 'PM405')
       GROUP BY a.person_id, CASE WHEN a.person_id IS NULL THEN a.login END,
                coalesce('person ' || a.person_id, 'login ' || a.login), w.hour
      HAVING count(*) >= (v_rule.parameters ->> 'minimum')::numeric;
    ELSIF v_rule.kind = 'probing' THEN
      RETURN QUERY
      SELECT v_rule.rule, format('near misses, person %s %s', a.person_id, a.at::date), a.person_id,
             min(a.profile), min(a.unit_id), min(a.login), min(a.at), max(a.at),
             jsonb_build_object('near_misses', count(*))
        FROM pgmask_audit.activity AS a
       WHERE a.kind = 'refused' AND a.code = 'PM416' AND a.xid >= p_activity
       GROUP BY a.person_id, a.at::date
      HAVING count(*) >= (v_rule.parameters ->> 'near')::numeric
      UNION ALL
      SELECT v_rule.rule, format('%s, person %s %s %s h', d.table_id, d.person_id, d.day, h.hour - 1),
             d.person_id, d.profile, d.unit_id, NULL,
             d.day::timestamptz + make_interval(hours => h.hour::integer - 1),
             d.day::timestamptz + make_interval(hours => h.hour::integer),
             jsonb_build_object('statements', h.count, 'table', d.table_id)
        FROM pgmask_audit.daily AS d
       CROSS JOIN LATERAL unnest(d.by_hour) WITH ORDINALITY AS h (count, hour)
       WHERE d.refreshed_at > p_since AND d.kind = 'statement' AND d.person_id <> 0
         AND d.day >= current_date - c_look_back
         AND h.count >= (v_rule.parameters ->> 'statements')::numeric
         AND NOT EXISTS (
           SELECT FROM pgmask_audit.daily AS o
            WHERE o.kind = 'subject' AND o.table_id = d.table_id AND o.person_id = d.person_id
              AND o.day = d.day);
    ELSIF v_rule.kind = 'definition' THEN
      RETURN QUERY
      SELECT v_rule.rule, format('%s %s %s', a.kind, a.object, a.at::date), a.person_id,
             min(a.profile), min(a.unit_id), min(a.login), min(a.at), max(a.at),
             jsonb_build_object('kind', a.kind, 'object', a.object, 'times', count(*))
        FROM pgmask_audit.activity AS a
       WHERE a.xid >= p_activity
         AND jsonb_exists(v_rule.parameters -> 'kinds', a.kind)
       GROUP BY a.kind, a.object, a.person_id, a.at::date;
    ELSIF v_rule.kind = 'stalled' THEN
      RETURN QUERY
      SELECT v_rule.rule, format('%s since %s', c.source, c.moved_at), NULL::bigint, NULL::text,
             NULL::text, NULL::text, c.moved_at, clock_timestamp(),
             jsonb_build_object('source', c.source, 'position', c.position)
        FROM pgmask_audit.collector AS c
       WHERE c.moved_at < clock_timestamp()
                          - make_interval(mins => (v_rule.parameters ->> 'minutes')::integer)
      UNION ALL
      SELECT v_rule.rule, format('gap %s', a.activity_id), NULL, NULL, NULL, a.login, a.at, a.at,
             jsonb_build_object('object', a.object, 'activity', a.activity_id)
        FROM pgmask_audit.activity AS a
       WHERE a.kind = 'gap' AND a.xid >= p_activity;
    END IF;
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.unusual(timestamptz, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.unusual(timestamptz, bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.unusual(timestamptz, bigint) IS
  'What the rules find in what is new: rows for pgmask_audit.alert.';

-- Judges one day of one person by one rule.
--   result  the numbers that were compared; NULL: nothing unusual
CREATE FUNCTION pgmask_private.judge_day(
  p_rule pgmask_audit.alert_rule, p_state pgmask_audit.report_state, p_person bigint, p_day date,
  p_count numeric, p_subjects numeric
)
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_minimum numeric := (p_rule.parameters ->> 'minimum')::numeric;
  v_factor numeric := (p_rule.parameters ->> 'factor')::numeric;
  v_usual numeric;
  v_days bigint;
  v_found bigint;
BEGIN
  IF p_rule.kind = 'volume_own' THEN
    SELECT avg(h.count), count(*) INTO v_usual, v_days
      FROM (
        SELECT sum(d.count) AS count
          FROM pgmask_audit.daily AS d
         WHERE d.person_id = p_person AND d.kind IN ('statement', 'subject')
           AND d.day >= p_day - (p_rule.parameters ->> 'days')::integer AND d.day < p_day
         GROUP BY d.day
      ) AS h;
    IF (v_days >= (p_rule.parameters ->> 'least_days')::integer
        AND p_count > v_factor * v_usual) IS TRUE THEN
      RETURN jsonb_build_object('reads', p_count, 'usual', round(v_usual, 1), 'days', v_days);
    END IF;
  ELSIF p_rule.kind = 'volume_peers' THEN
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.count), count(*) INTO v_usual, v_days
      FROM (
        SELECT sum(d.count) AS count
          FROM pgmask_audit.daily AS d
         WHERE d.day = p_day AND d.kind IN ('statement', 'subject')
           AND d.person_id NOT IN (0, p_person)
           AND d.profile IN (
             SELECT m.profile FROM pgmask_audit.daily AS m
              WHERE m.person_id = p_person AND m.day = p_day)
         GROUP BY d.person_id
      ) AS o;
    IF (v_days >= (p_rule.parameters ->> 'peers')::integer
        AND p_count > v_factor * v_usual) IS TRUE THEN
      RETURN jsonb_build_object('reads', p_count, 'peers_median', round(v_usual, 1), 'peers', v_days);
    END IF;
  ELSIF p_rule.kind = 'unusual_hour' THEN
    SELECT sum(h.count) INTO v_found
      FROM pgmask_audit.daily AS d
     CROSS JOIN LATERAL unnest(d.by_hour) WITH ORDINALITY AS h (count, hour)
     WHERE d.person_id = p_person AND d.day = p_day AND d.kind IN ('statement', 'subject')
       AND h.count > 0
       AND pgmask_private.is_office_hour(
             p_day::timestamptz + make_interval(hours => h.hour::integer - 1),
             p_state.zone, p_state.opens, p_state.closes, p_state.workdays) IS NOT TRUE;
    IF (v_found >= v_minimum) IS TRUE THEN
      RETURN jsonb_build_object('reads', v_found, 'zone', p_state.zone);
    END IF;
  ELSIF p_rule.kind = 'breadth' AND p_subjects >= v_minimum THEN
    SELECT count(DISTINCT (a.subject_class, a.subject_key)) INTO v_found
      FROM pgmask_audit.access AS a
     WHERE a.person_id = p_person AND a.at >= p_day::timestamptz AND a.at < (p_day + 1)::timestamptz
       AND a.kind = 'subject';
    IF (v_found >= v_minimum) IS TRUE THEN
      RETURN jsonb_build_object('customers', v_found);
    END IF;
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.judge_day(
  pgmask_audit.alert_rule, pgmask_audit.report_state, bigint, date, numeric, numeric) FROM PUBLIC;
ALTER FUNCTION pgmask_private.judge_day(
  pgmask_audit.alert_rule, pgmask_audit.report_state, bigint, date, numeric, numeric)
  OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.judge_day(
  pgmask_audit.alert_rule, pgmask_audit.report_state, bigint, date, numeric, numeric) IS
  'Judges one day of one person by one rule: the numbers compared, NULL where nothing is unusual.';

-- Whether a moment lies in office hours.
CREATE FUNCTION pgmask_private.is_office_hour(
  p_at timestamptz, p_zone text, p_opens time, p_closes time, p_workdays integer[]
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  RETURN extract(isodow FROM p_at AT TIME ZONE p_zone)::integer = ANY (p_workdays)
    AND (p_at AT TIME ZONE p_zone)::time >= p_opens
    AND (p_at AT TIME ZONE p_zone)::time < p_closes;
REVOKE ALL ON FUNCTION
  pgmask_private.is_office_hour(timestamptz, text, time, time, integer[]) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.is_office_hour(timestamptz, text, time, time, integer[]) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.is_office_hour(timestamptz, text, time, time, integer[]) IS
  'Whether a moment lies in office hours.';

-- Counts what is new, raises an alert for what is unusual in it, and freezes where the rule says so.
--   result  how many alerts were raised
--   marks   a rule raises one alert per person and day or hour, however often it is evaluated; each is
--           an activity as well, so that the seal covers it
CREATE FUNCTION pgmask_private.evaluate_alerts()
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_counted bigint;
  v_now timestamptz;
  v_to bigint;
  v_since timestamptz;
  v_activity bigint;
  v_found record;
  v_rule pgmask_audit.alert_rule;
  v_alert bigint;
  v_noted bigint;
  v_raised integer := 0;
BEGIN
  v_counted := pgmask_private.refresh_daily();
  v_now := clock_timestamp();
  v_to := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  SELECT s.evaluated_at, CASE WHEN s.activity_xid <= v_to THEN s.activity_xid ELSE 0 END
    INTO STRICT v_since, v_activity
    FROM pgmask_audit.report_state AS s;
  FOR v_found IN SELECT u.* FROM pgmask_private.unusual(v_since, v_activity) AS u LOOP
    SELECT r.* INTO STRICT v_rule FROM pgmask_audit.alert_rule AS r WHERE r.rule = v_found.rule;
    IF v_rule.action = 'freeze' AND NOT EXISTS (
         SELECT FROM pgmask_private.person AS p
          WHERE p.person_id = v_found.person_id AND p.standing = 'active') THEN
      v_rule.action := 'none';
    END IF;
    INSERT INTO pgmask_audit.alert (
      rule, kind, severity, about, person_id, profile, unit_id, login, window_from, window_to, detail,
      action
    ) VALUES (
      v_rule.rule, v_rule.kind, v_rule.severity, v_found.about, v_found.person_id,
      NULLIF(v_found.profile, ''), NULLIF(v_found.unit_id, ''), v_found.login, v_found.window_from,
      v_found.window_to, v_found.detail, v_rule.action
    )
    ON CONFLICT (rule, about) DO NOTHING
    RETURNING alert_id INTO v_alert;
    IF FOUND THEN
      v_raised := v_raised + 1;
      IF v_rule.action = 'freeze' THEN
        PERFORM pgmask.register_standing(
          v_found.person_id, 'suspended', format('alert %s (%s)', v_alert, v_rule.rule));
      END IF;
      v_noted := pgmask_private.record_activity('alert', format('alert %s', v_alert),
        jsonb_build_object('rule', v_rule.rule, 'person', v_found.person_id,
                           'action', v_rule.action));
    END IF;
  END LOOP;
  UPDATE pgmask_audit.report_state SET evaluated_at = v_now, activity_xid = v_to;
  RETURN v_raised;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.evaluate_alerts() FROM PUBLIC;
ALTER FUNCTION pgmask_private.evaluate_alerts() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.evaluate_alerts() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.evaluate_alerts() IS
  'Counts what is new and raises alerts for what is unusual in it; gives how many.';

-- Puts a rule of alerts.
--   p_parameters  numbers of its kind; what is not given stays as the kind's first rule has it
--   errors        PM840; PM847
CREATE FUNCTION pgmask_report.put_alert_rule(
  p_rule text, p_kind text, p_parameters jsonb, p_severity text, p_enabled boolean, p_action text,
  p_says text
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_scope record;
  v_known jsonb;
  v_given jsonb := coalesce(p_parameters, '{}');
  v_noted bigint;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('alert_rules', true) AS s;
  SELECT r.parameters INTO v_known
    FROM pgmask_audit.alert_rule AS r WHERE r.kind = p_kind ORDER BY r.rule = p_kind DESC LIMIT 1;
  IF (v_known IS NOT NULL AND jsonb_typeof(v_given) = 'object'
      AND NOT EXISTS (
        SELECT FROM jsonb_each(v_given) AS g
         WHERE NOT jsonb_exists(v_known, g.key)
            OR jsonb_typeof(g.value) <> jsonb_typeof(v_known -> g.key))) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM847', MESSAGE = 'the rule has an unknown kind or number',
      HINT = format('Numbers of this kind: %s', v_known);
  END IF;
  BEGIN
    INSERT INTO pgmask_audit.alert_rule AS r (rule, kind, parameters, severity, enabled, action, says)
    VALUES (p_rule, p_kind, v_known || v_given, p_severity, p_enabled, p_action, p_says)
    ON CONFLICT (rule) DO UPDATE
      SET kind = excluded.kind, parameters = excluded.parameters, severity = excluded.severity,
          enabled = excluded.enabled, action = excluded.action, says = excluded.says;
  EXCEPTION
    WHEN check_violation OR not_null_violation THEN
      RAISE EXCEPTION USING ERRCODE = 'PM847',
        MESSAGE = 'the rule has an unknown severity or action, a bad name or no words';
  END;
  v_noted := pgmask_private.record_activity('alert', format('rule %s', p_rule),
    jsonb_build_object('kind', p_kind, 'parameters', v_known || v_given, 'severity', p_severity,
                       'enabled', p_enabled, 'action', p_action));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) TO pgmask_record_auditor;
COMMENT ON FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) IS 'Puts a rule of alerts; recorded.';

-- Puts the office hours that reports and alerts go by.
CREATE FUNCTION pgmask_report.put_office_hours(
  p_zone text, p_opens time, p_closes time, p_workdays integer[]
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_scope record;
  v_noted bigint;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('office_hours', true) AS s;
  IF (EXISTS (SELECT FROM pg_timezone_names AS z WHERE z.name = p_zone) AND p_opens < p_closes
      AND p_workdays <@ '{1,2,3,4,5,6,7}') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = 'a time zone by name, a begin, a later end, and days from 1 (Monday) to 7 are needed';
  END IF;
  UPDATE pgmask_audit.report_state
     SET zone = p_zone, opens = p_opens, closes = p_closes, workdays = p_workdays;
  v_noted := pgmask_private.record_activity('alert', 'office hours',
    jsonb_build_object('zone', p_zone, 'opens', p_opens, 'closes', p_closes, 'workdays', p_workdays));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.put_office_hours(text, time, time, integer[]) FROM PUBLIC;
ALTER FUNCTION pgmask_report.put_office_hours(text, time, time, integer[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_report.put_office_hours(text, time, time, integer[]) TO pgmask_record_auditor;
COMMENT ON FUNCTION pgmask_report.put_office_hours(text, time, time, integer[]) IS
  'Puts the office hours that reports and alerts go by; recorded.';

-- Closes an alert.
--   errors  PM840; PM841 the caller is the one it is about, or nobody of the register; PM842 no reason;
--           PM843 no such open alert in the caller's scope
CREATE FUNCTION pgmask_report.close_alert(p_alert bigint, p_reason text)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_scope record;
  v_alert pgmask_audit.alert;
  v_noted bigint;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('alerts', false) AS s;
  SELECT a.* INTO v_alert
    FROM pgmask_audit.alert AS a
   WHERE a.alert_id = p_alert
     AND (v_scope.everything OR a.unit_id = v_scope.unit_id
          OR a.person_id IN (SELECT p.person_id FROM pgmask_private.person AS p
                              WHERE p.unit_id = v_scope.unit_id));
  IF v_alert.alert_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM843', MESSAGE = format('there is no open alert %s', p_alert);
  END IF;
  IF (v_scope.person_id IS NOT NULL
      AND v_scope.person_id IS DISTINCT FROM v_alert.person_id) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM841',
      MESSAGE = 'an alert is closed by another person than the one it is about',
      DETAIL = CASE WHEN v_scope.person_id IS NULL
                    THEN 'This login is no person of the register.' ELSE '' END,
      HINT = 'Have a colleague with a registered login close it.';
  END IF;
  IF (p_reason ~ '[^[:space:]]') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM842', MESSAGE = 'an alert is closed with a reason';
  END IF;
  INSERT INTO pgmask_audit.alert_close (alert_id, person_id, reason)
  VALUES (p_alert, v_scope.person_id, p_reason)
  ON CONFLICT (alert_id) DO NOTHING;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'PM843', MESSAGE = format('alert %s is closed already', p_alert);
  END IF;
  v_noted := pgmask_private.record_activity('alert', format('alert %s closed', p_alert),
    jsonb_build_object('rule', v_alert.rule, 'person', v_alert.person_id));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.close_alert(bigint, text) FROM PUBLIC;
ALTER FUNCTION pgmask_report.close_alert(bigint, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.close_alert(bigint, text)
  TO pgmask_record_auditor, pgmask_record_unit;
COMMENT ON FUNCTION pgmask_report.close_alert(bigint, text) IS
  'Closes an alert with a reason; never by the person it is about.';
