-- Reads across units, and rights that nobody used.

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
    SELECT t.subject_class, t.subject_key, t.person_id, t.profile, t.unit_id, t.table_id, t.at
      FROM pgmask_audit.ticket AS t
     WHERE t.at >= p_from AND t.at < p_to AND t.kind = 'reveal'
  ), away AS MATERIALIZED (
    -- Whose unit is another one now; of these the unit at the time of the reveal decides.
    SELECT s.subject_class, s.subject_key
      FROM (SELECT m.subject_class, array_agg(DISTINCT m.subject_key) AS keys
              FROM shown AS m GROUP BY m.subject_class) AS k
     CROSS JOIN LATERAL pgmask_private.audit_subjects(k.subject_class, k.keys, NULL, false) AS s
     WHERE EXISTS (SELECT FROM shown AS t
                    WHERE t.subject_class = s.subject_class AND t.subject_key = s.subject_key
                      AND t.unit_id <> s.unit_id)
  ), home AS MATERIALIZED (
    SELECT w.subject_class, w.subject_key, l.value AS unit_id, l.during
      FROM away AS w
     CROSS JOIN LATERAL pgmask_private.subject_timeline(
       w.subject_class, w.subject_key, 'unit', true) AS l
  ), met AS MATERIALIZED (
    SELECT 'reveal' AS via, min(t.at) AS first_at, max(t.at) AS last_at, count(*) AS count, t.person_id,
           t.profile, t.unit_id, t.table_id, t.subject_class, t.subject_key, h.unit_id AS subject_unit
      FROM shown AS t
      JOIN home AS h ON h.subject_class = t.subject_class AND h.subject_key = t.subject_key
                    AND h.during @> t.at
     WHERE h.unit_id <> t.unit_id
     GROUP BY t.person_id, t.profile, t.unit_id, t.table_id, t.subject_class, t.subject_key, h.unit_id
    UNION ALL
    SELECT 'examined', c.first_at, c.last_at, c.count, c.person_id, c.profile, c.unit_id, c.table_id,
           c.subject_class, c.subject_key, c.subject_unit
      FROM pgmask_audit.crossing AS c
     WHERE c.day >= (greatest(p_from, '2000-01-01') AT TIME ZONE 'UTC')::date
       AND c.day <= (least(p_to, '9999-01-01') AT TIME ZONE 'UTC')::date
       AND c.last_at >= p_from AND c.first_at < p_to
  ), rich AS MATERIALIZED (
    SELECT k.subject_class, k.subject_key, pgmask_private.scope_periods(
             NULL, true, k.subject_class, k.subject_key) AS during
      FROM (SELECT DISTINCT m.subject_class, m.subject_key FROM met AS m) AS k
     WHERE v_scope.high_value AND v_scope.everything IS NOT TRUE
  )
  SELECT f.via, f.first_at, f.last_at, f.count, NULLIF(f.person_id, 0), p.name, f.profile, f.unit_id,
         f.table_id, f.subject_class, f.subject_key, f.subject_unit
    FROM met AS f
    LEFT JOIN pgmask_private.person AS p ON p.person_id = f.person_id
    LEFT JOIN pgmask_private.persons_of(v_scope.unit_id) AS m ON m.person_id = f.person_id
   WHERE (v_scope.everything
            OR f.unit_id = v_scope.unit_id
            OR m.during @> tstzrange(f.first_at, f.last_at, '[]')
            OR f.subject_unit = v_scope.unit_id
            OR EXISTS (
                 SELECT FROM rich AS r
                  WHERE r.subject_class = f.subject_class AND r.subject_key = f.subject_key
                    AND r.during @> tstzrange(f.first_at, f.last_at, '[]')))
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
