-- Reads in numbers, and what is unusual about them: per day, outside office hours, across units, not at
-- all; and a sample for an auditor's working papers. Hours are whole hours of UTC, which office hours
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
    LEFT JOIN pgmask_private.profile_levels AS l
      ON l.profile = h.profile AND l.table_id = h.table_id
   WHERE h.kind IN ('statement', 'subject')
     AND (v_scope.everything
            OR h.unit_id = v_scope.unit_id
            OR h.person_id IN (SELECT n.person_id FROM pgmask_private.person AS n
                            WHERE n.unit_id = v_scope.unit_id))
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
      SELECT h.hour AS at, h.unit_id, h.person_id, h.profile, h.count AS reads, 0 AS reveals
        FROM pgmask_private.hourly(p_from, p_to) AS h WHERE h.kind = 'statement'
      UNION ALL
      SELECT t.at, t.unit_id, t.person_id, t.profile, 0, 1
        FROM pgmask_audit.ticket AS t
       WHERE t.at >= p_from AND t.at < p_to AND t.kind = 'reveal'
    ) AS f
    LEFT JOIN pgmask_private.person AS p ON p.person_id = f.person_id
   WHERE pgmask_private.is_office_hour(f.at, z.zone, z.opens, z.closes, z.workdays) IS NOT TRUE
     AND (v_scope.everything
            OR f.unit_id = v_scope.unit_id
            OR f.person_id IN (SELECT n.person_id FROM pgmask_private.person AS n
                            WHERE n.unit_id = v_scope.unit_id))
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

CREATE FUNCTION pgmask_report.cross_unit(p_from timestamptz, p_to timestamptz)
  RETURNS TABLE (
    via text, first_at timestamptz, last_at timestamptz, times bigint, person_id bigint, person text,
    profile text, unit_id text, table_id text, subject_class text, subject_key text,
    subject_unit text
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
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('cross_unit', false) AS s;
  IF (p_from < p_to) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a begin and a later end are needed';
  END IF;
  RETURN QUERY
  WITH shown AS MATERIALIZED (
    SELECT t.subject_class, t.subject_key, t.person_id, t.profile, t.unit_id, t.table_id,
           min(t.at) AS first_at, max(t.at) AS last_at, count(*) AS count
      FROM pgmask_audit.ticket AS t
     WHERE t.at >= p_from AND t.at < p_to AND t.kind = 'reveal'
     GROUP BY t.subject_class, t.subject_key, t.person_id, t.profile, t.unit_id, t.table_id
  ), home AS MATERIALIZED (
    SELECT s.subject_class, s.subject_key, s.unit_id
      FROM (SELECT m.subject_class, array_agg(DISTINCT m.subject_key) AS keys
              FROM shown AS m GROUP BY m.subject_class) AS k
     CROSS JOIN LATERAL pgmask_private.audit_subjects(k.subject_class, k.keys, NULL, false) AS s
  )
  SELECT f.via, f.first_at, f.last_at, f.count, NULLIF(f.person_id, 0), p.name, f.profile, f.unit_id,
         f.table_id, f.subject_class, f.subject_key, f.subject_unit
    FROM (
      SELECT 'reveal' AS via, t.first_at, t.last_at, t.count, t.person_id, t.profile, t.unit_id,
             t.table_id, t.subject_class, t.subject_key, h.unit_id AS subject_unit
        FROM shown AS t
        JOIN home AS h ON h.subject_class = t.subject_class AND h.subject_key = t.subject_key
       WHERE h.unit_id <> t.unit_id
      UNION ALL
      SELECT 'examined', c.first_at, c.last_at, c.count, c.person_id, c.profile, c.unit_id, c.table_id,
             c.subject_class, c.subject_key, c.subject_unit
        FROM pgmask_audit.crossing AS c
       WHERE c.day >= (greatest(p_from, '2000-01-01') AT TIME ZONE 'UTC')::date
         AND c.day <= (least(p_to, '9999-01-01') AT TIME ZONE 'UTC')::date
         AND c.last_at >= p_from AND c.first_at < p_to
    ) AS f
    LEFT JOIN pgmask_private.person AS p ON p.person_id = f.person_id
   WHERE (v_scope.everything
            OR f.unit_id = v_scope.unit_id
            OR f.person_id IN (SELECT n.person_id FROM pgmask_private.person AS n
                            WHERE n.unit_id = v_scope.unit_id)
            OR (f.subject_class, f.subject_key) IN (
                 SELECT k.subject_class, k.subject_key
                   FROM pgmask_private.audit_subjects(NULL, NULL, v_scope.unit_id, v_scope.high_value) AS k))
   ORDER BY f.first_at, f.person_id, f.subject_class, f.subject_key;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.cross_unit(timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask_report.cross_unit(timestamptz, timestamptz) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.cross_unit(timestamptz, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.cross_unit(timestamptz, timestamptz) IS
  'Who revealed or examined customers whose unit was another one than that acted for?';

CREATE FUNCTION pgmask_report.dormant_permissions(p_days integer DEFAULT 90)
  RETURNS TABLE (
    person_id bigint, person text, unit_id text, profile text, valid_from timestamptz,
    valid_until timestamptz, last_act timestamptz
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
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('dormant_permissions', false) AS s;
  IF (p_days > 0) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a number of days is needed';
  END IF;
  RETURN QUERY
  SELECT e.person_id, p.name, e.unit_id, e.profile, e.valid_from, NULLIF(e.valid_until, 'infinity'),
         l.at
    FROM pgmask_private.effective_profile AS e
    JOIN pgmask_private.person AS p ON p.person_id = e.person_id
   CROSS JOIN LATERAL (
     SELECT max(x.at) AS at
       FROM (
         SELECT max(d.last_at) AS at FROM pgmask_audit.daily AS d
          WHERE d.person_id = e.person_id AND d.profile = e.profile AND d.unit_id = e.unit_id
         UNION ALL
         SELECT max(a.at) FROM pgmask_audit.access AS a
          WHERE a.person_id = e.person_id AND a.profile = e.profile AND a.unit_id = e.unit_id
            AND a.at >= clock_timestamp() - interval '2 days'
         UNION ALL
         SELECT max(t.at) FROM pgmask_audit.ticket AS t
          WHERE t.person_id = e.person_id AND t.profile = e.profile AND t.unit_id = e.unit_id
         UNION ALL
         SELECT max(a.at) FROM pgmask_audit.activity AS a
          WHERE a.person_id = e.person_id AND a.profile = e.profile AND a.unit_id = e.unit_id
            AND a.kind = 'login'
       ) AS x
   ) AS l
   WHERE e.valid_from <= clock_timestamp() AND clock_timestamp() < e.valid_until
     AND coalesce(l.at, e.valid_from) < clock_timestamp() - make_interval(days => p_days)
     AND (v_scope.everything
            OR e.unit_id = v_scope.unit_id
            OR e.person_id IN (SELECT n.person_id FROM pgmask_private.person AS n
                            WHERE n.unit_id = v_scope.unit_id))
   ORDER BY l.at NULLS FIRST, e.person_id, e.profile, e.unit_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.dormant_permissions(integer) FROM PUBLIC;
ALTER FUNCTION pgmask_report.dormant_permissions(integer) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.dormant_permissions(integer)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.dormant_permissions(integer) IS
  'Who may, and has not for so many days: profiles in force that nobody used?';

CREATE FUNCTION pgmask_report.sample(p_from timestamptz, p_to timestamptz, p_size integer DEFAULT 25,
  p_seed text DEFAULT '')
  RETURNS TABLE (
    number integer, population bigint, at timestamptz, access_id bigint, kind text, person_id bigint,
    person text, profile text, unit_id text, table_id text, subject_class text, subject_key text,
    purpose text, request text, login text, client_addr text
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
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('sample', true) AS s;
  IF (p_from < p_to) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a begin and a later end are needed';
  END IF;
  IF (p_size BETWEEN 1 AND 10000 AND p_seed IS NOT NULL) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a size from 1 to 10000 and a seed are needed';
  END IF;
  RETURN QUERY
  WITH line AS MATERIALIZED (
    SELECT d.*, sum(d.count) OVER w AS upto, sum(d.count) OVER () AS total
      FROM pgmask_audit.daily AS d
     WHERE d.day >= (p_from AT TIME ZONE 'UTC')::date AND d.day < (p_to AT TIME ZONE 'UTC')::date
       AND d.kind IN ('statement', 'subject') AND d.person_id <> 0
    WINDOW w AS (ORDER BY d.day, d.person_id, d.profile, d.unit_id, d.table_id, d.kind)
  ), drawn AS (
    -- Numbers from the seed: the same seed draws the same notes. More than enough, for doubles.
    SELECT DISTINCT ON (x.pick) x.pick, x.place
      FROM (
        SELECT g AS place,
               ('x' || encode(substr(sha256(convert_to(concat(p_seed, ' ', g), 'UTF8')), 1, 7), 'hex'))
                 ::bit(56)::bigint % (SELECT max(l.total) FROM line AS l)::bigint AS pick
          FROM generate_series(1, p_size * 3 + 20) AS g
      ) AS x
     ORDER BY x.pick, x.place
  ), chosen AS (
    SELECT d.pick, row_number() OVER (ORDER BY d.place) AS number
      FROM drawn AS d ORDER BY d.place LIMIT p_size
  )
  SELECT c.number::integer, l.total::bigint, a.at, a.access_id, a.kind, a.person_id, p.name, a.profile,
         a.unit_id, a.table_id, a.subject_class, a.subject_key, a.purpose, a.request, a.login,
         a.client_addr
    FROM chosen AS c
    JOIN line AS l ON c.pick >= l.upto - l.count AND c.pick < l.upto
   CROSS JOIN LATERAL (
     SELECT a.*
       FROM pgmask_audit.access AS a
      WHERE a.person_id = l.person_id AND a.at >= l.first_at AND a.at <= l.last_at
        AND a.kind = l.kind AND coalesce(a.table_id, '') = l.table_id
        AND coalesce(a.profile, '') = l.profile AND coalesce(a.unit_id, '') = l.unit_id
      ORDER BY a.at, a.access_id
     OFFSET greatest(c.pick - (l.upto - l.count), 0)::bigint LIMIT 1
   ) AS a
    LEFT JOIN pgmask_private.person AS p ON p.person_id = a.person_id
   ORDER BY c.number;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.sample(timestamptz, timestamptz, integer, text) FROM PUBLIC;
ALTER FUNCTION pgmask_report.sample(timestamptz, timestamptz, integer, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.sample(timestamptz, timestamptz, integer, text)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.sample(timestamptz, timestamptz, integer, text) IS
  'Which accesses shall be looked at by hand: a sample that the same seed draws again?';
