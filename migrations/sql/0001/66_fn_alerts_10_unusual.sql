-- What the rules find unusual in what is new (G5).

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
       WHERE a.xid >= p_activity AND NOT jsonb_exists(a.detail, 'after_batch')
         AND jsonb_exists(v_rule.parameters -> 'kinds', a.kind)
       GROUP BY a.kind, a.object, a.person_id, a.at::date
      UNION ALL
      -- What the sealer found otherwise than at its last batch: who did it is not known, and not he.
      SELECT v_rule.rule, format('%s %s %s', a.kind, a.object, a.at::date), NULL, NULL, NULL, NULL,
             coalesce((SELECT max(b.made_at) FROM pgmask_audit.batch AS b WHERE b.made_at < min(a.at)),
                      min(a.at)),
             max(a.at),
             jsonb_build_object('kind', a.kind, 'object', a.object, 'times', count(*),
                                'by', 'not known: the sealer noticed it',
                                'objects', jsonb_agg(a.detail -> 'objects'))
        FROM pgmask_audit.activity AS a
       WHERE a.xid >= p_activity AND jsonb_exists(a.detail, 'after_batch')
         AND jsonb_exists(v_rule.parameters -> 'kinds', a.kind)
       GROUP BY a.kind, a.object, a.at::date;
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
