-- Reads in numbers: per day, and outside office hours. Hours are whole hours of UTC, which office hours
-- of a zone that is whole hours from it meet exactly.

-- Reads per hour, from the counts per day and what is not counted yet.
--   result  person_id 0, profile and unit_id '': none
CREATE FUNCTION pgmask_private.hourly(p_from timestamptz, p_to timestamptz)
  RETURNS TABLE (
    hour timestamptz, kind text, person_id bigint, profile text, unit_id text, table_id text,
    count bigint
  )
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
  SELECT h.hour, d.kind, d.person_id, d.profile, d.unit_id, d.table_id, h.count
    FROM pgmask_audit.daily AS d
   CROSS JOIN LATERAL (
     SELECT d.day::timestamptz + make_interval(hours => x.place::integer - 1) AS hour, x.count
       FROM unnest(d.by_hour) WITH ORDINALITY AS x (count, place)
   ) AS h
   WHERE d.day >= greatest(p_from, '2000-01-01')::date AND d.day <= least(p_to, '9999-01-01')::date
     AND h.count > 0 AND h.hour >= date_trunc('hour', p_from) AND h.hour < p_to
  UNION ALL
  SELECT date_trunc('hour', a.at), a.kind, coalesce(a.person_id, 0), coalesce(a.profile, ''),
         coalesce(a.unit_id, ''), coalesce(a.table_id, ''), count(*)
    FROM pgmask_audit.access AS a
   WHERE a.xid >= (SELECT s.next_xid FROM pgmask_audit.report_state AS s)
     AND a.access_id > (SELECT s.access_above FROM pgmask_audit.report_state AS s)
     AND a.at >= date_trunc('hour', p_from) AND a.at < p_to
   GROUP BY 1, 2, 3, 4, 5, 6
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.hourly(timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask_private.hourly(timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.hourly(timestamptz, timestamptz) IS
  'Reads per hour, from the counts per day and what is not counted yet.';

CREATE FUNCTION pgmask_report.accesses(p_from timestamptz, p_to timestamptz)
  RETURNS TABLE (
    day date, unit_id text, person_id bigint, person text, profile text, table_id text, levels text,
    statements bigint, customers_examined bigint
  )
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET jit = off
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_scope record;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('accesses', false) AS s;
  IF (p_from < p_to) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a begin and a later end are needed';
  END IF;
  RETURN QUERY
  SELECT (h.hour AT TIME ZONE r.zone)::date, NULLIF(h.unit_id, ''), NULLIF(h.person_id, 0), p.name,
         NULLIF(h.profile, ''), h.table_id, l.levels,
         coalesce(sum(h.count) FILTER (WHERE h.kind = 'statement'), 0)::bigint,
         coalesce(sum(h.count) FILTER (WHERE h.kind = 'subject'), 0)::bigint
    FROM pgmask_private.hourly(p_from, p_to) AS h
   CROSS JOIN pgmask_audit.report_state AS r
    LEFT JOIN pgmask_private.person AS p ON p.person_id = h.person_id
    LEFT JOIN pgmask_private.persons_of(v_scope.unit_id) AS m ON m.person_id = h.person_id
    LEFT JOIN pgmask_private.profile_levels AS l
      ON l.profile = h.profile AND l.table_id = h.table_id
   WHERE h.kind IN ('statement', 'subject')
     AND (v_scope.everything
            OR h.unit_id = v_scope.unit_id
            OR m.during @> tstzrange(h.hour, h.hour + interval '1 hour', '[]'))
   GROUP BY 1, 2, 3, 4, 5, 6, 7
   ORDER BY 1, 2, 3, 5, 6;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.accesses(timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask_report.accesses(timestamptz, timestamptz) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.accesses(timestamptz, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.accesses(timestamptz, timestamptz) IS
  'Who browsed how much: reads per day, unit, person, profile, table and level?';

CREATE FUNCTION pgmask_report.accesses_outside_hours(p_from timestamptz, p_to timestamptz, p_opens time DEFAULT NULL,
  p_closes time DEFAULT NULL, p_workdays integer[] DEFAULT NULL, p_zone text DEFAULT NULL)
  RETURNS TABLE (
    day date, unit_id text, person_id bigint, person text, profile text, reads bigint,
    reveals bigint, first_hour time, last_hour time
  )
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET jit = off
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_scope record;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('accesses_outside_hours', false) AS s;
  IF (p_from < p_to) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a begin and a later end are needed';
  END IF;
  IF p_workdays <@ '{1,2,3,4,5,6,7}' IS FALSE OR array_position(p_workdays, NULL) IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'workdays are numbers from 1 (Monday) to 7';
  END IF;
  IF p_zone IS NOT NULL AND NOT EXISTS (SELECT FROM pg_timezone_names AS z WHERE z.name = p_zone) THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'zone is a time zone by name',
      HINT = 'Such as Asia/Shanghai.';
  END IF;
  IF EXISTS (SELECT FROM pgmask_audit.report_state AS s
              WHERE coalesce(p_opens, s.opens) >= coalesce(p_closes, s.closes)) THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'office hours close later than they open';
  END IF;
  RETURN QUERY
  SELECT (f.at AT TIME ZONE z.zone)::date, NULLIF(f.unit_id, ''), NULLIF(f.person_id, 0), p.name,
         NULLIF(f.profile, ''), sum(f.reads)::bigint, sum(f.reveals)::bigint,
         min((f.at AT TIME ZONE z.zone)::time), max((f.at AT TIME ZONE z.zone)::time)
    FROM (
      SELECT coalesce(p_zone, s.zone) AS zone, coalesce(p_opens, s.opens) AS opens,
             coalesce(p_closes, s.closes) AS closes, coalesce(p_workdays, s.workdays) AS workdays
        FROM pgmask_audit.report_state AS s
    ) AS z
   CROSS JOIN (
      SELECT h.hour AS at, h.hour + interval '1 hour' AS until, h.unit_id, h.person_id, h.profile,
             h.count AS reads, 0 AS reveals
        FROM pgmask_private.hourly(p_from, p_to) AS h WHERE h.kind = 'statement'
      UNION ALL
      SELECT t.at, t.at, t.unit_id, t.person_id, t.profile, 0, 1
        FROM pgmask_audit.ticket AS t
       WHERE t.at >= p_from AND t.at < p_to AND t.kind = 'reveal'
    ) AS f
    LEFT JOIN pgmask_private.person AS p ON p.person_id = f.person_id
    LEFT JOIN pgmask_private.persons_of(v_scope.unit_id) AS m ON m.person_id = f.person_id
   WHERE pgmask_private.is_office_hour(f.at, z.zone, z.opens, z.closes, z.workdays) IS NOT TRUE
     AND (v_scope.everything
            OR f.unit_id = v_scope.unit_id
            OR m.during @> tstzrange(f.at, f.until, '[]'))
   GROUP BY 1, 2, 3, 4, 5
   ORDER BY 1, 2, 3;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.accesses_outside_hours(timestamptz, timestamptz, time, time, integer[], text) FROM PUBLIC;
ALTER FUNCTION pgmask_report.accesses_outside_hours(timestamptz, timestamptz, time, time, integer[], text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.accesses_outside_hours(timestamptz, timestamptz, time, time, integer[], text)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.accesses_outside_hours(timestamptz, timestamptz, time, time, integer[], text) IS
  'Who read or revealed outside office hours? Hours, days and zone are parameters or the settings.';
