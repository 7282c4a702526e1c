-- Statements that may have shown a customer, counted (H2).

-- How often which person made a statement that may have shown a customer.
--   marks  whole months come from the counts per month, whole days of others from those per day; where
--          the period, or the begin or end of a right, cuts through a day, the notes themselves are
--          counted, and so is what is not counted yet
CREATE FUNCTION pgmask_private.possible_reads(
  p_class text, p_key text, p_from timestamptz, p_to timestamptz
)
  RETURNS TABLE (
    via text, person_id bigint, profile text, unit_id text, table_id text, login text, count bigint,
    first_at timestamptz, last_at timestamptz
  )
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET jit = off
  SET plan_cache_mode = force_custom_plan
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_days daterange := daterange((greatest(p_from, '2000-01-01'))::date, (least(p_to, '9999-01-01'))::date, '[]');
  v_next bigint;
  v_above bigint;
BEGIN
  SELECT s.next_xid, s.access_above INTO STRICT v_next, v_above FROM pgmask_audit.report_state AS s;
  RETURN QUERY
  WITH rule AS MATERIALIZED (
    SELECT * FROM pgmask_private.possible_periods(p_class, p_key, p_from, p_to)
  ), met AS (
    -- OFFSET 0: for each rule its own range of the index, not the whole of the counts for all.
    SELECT m.*, r.during
      FROM rule AS r
     CROSS JOIN LATERAL (
       SELECT m.table_id, m.profile, m.unit_id, m.person_id, m.month, m.count, m.first_at, m.last_at
         FROM pgmask_audit.monthly AS m
        WHERE m.table_id = r.table_id AND m.profile = r.profile
          AND m.unit_id = r.unit_id
          AND (r.person_id IS NULL OR m.person_id = r.person_id)
          AND m.month >= date_trunc('month', lower(v_days))::date AND m.month < upper(v_days)
       OFFSET 0
     ) AS m
     WHERE r.unit_id IS NOT NULL
    UNION ALL
    SELECT m.*, r.during
      FROM rule AS r
     CROSS JOIN LATERAL (
       SELECT m.table_id, m.profile, m.unit_id, m.person_id, m.month, m.count, m.first_at, m.last_at
         FROM pgmask_audit.monthly AS m
        WHERE m.table_id = r.table_id AND m.profile = r.profile
          AND m.person_id = r.person_id
          AND m.month >= date_trunc('month', lower(v_days))::date AND m.month < upper(v_days)
       OFFSET 0
     ) AS m
     WHERE r.unit_id IS NULL AND r.person_id IS NOT NULL
    UNION ALL
    SELECT m.*, r.during
      FROM rule AS r
     CROSS JOIN LATERAL (
       SELECT m.table_id, m.profile, m.unit_id, m.person_id, m.month, m.count, m.first_at, m.last_at
         FROM pgmask_audit.monthly AS m
        WHERE m.table_id = r.table_id AND m.profile = r.profile
          AND m.month >= date_trunc('month', lower(v_days))::date AND m.month < upper(v_days)
       OFFSET 0
     ) AS m
     WHERE r.unit_id IS NULL AND r.person_id IS NULL
  ), month AS MATERIALIZED (
    SELECT m.table_id, m.profile, m.unit_id, m.person_id, m.month, m.count, m.first_at, m.last_at,
           range_agg(m.during) AS during
      FROM met AS m
     WHERE m.during && tstzrange(m.first_at, m.last_at, '[]')
     GROUP BY m.table_id, m.profile, m.unit_id, m.person_id, m.month, m.count, m.first_at, m.last_at
  ), day AS MATERIALIZED (
    SELECT d.table_id, d.profile, d.unit_id, d.person_id, d.count, d.first_at, d.last_at, m.during
      FROM month AS m
     CROSS JOIN LATERAL (
       SELECT d.table_id, d.profile, d.unit_id, d.person_id, d.count, d.first_at, d.last_at
         FROM pgmask_audit.daily AS d
        WHERE d.kind = 'statement' AND d.table_id = m.table_id AND d.profile = m.profile
          AND d.unit_id = m.unit_id AND d.person_id = m.person_id
          AND d.day >= greatest(m.month, lower(v_days))
          AND d.day < least((m.month + interval '1 month')::date, upper(v_days))
       OFFSET 0
     ) AS d
     WHERE NOT m.during @> tstzrange(m.first_at, m.last_at, '[]')
       AND m.during && tstzrange(d.first_at, d.last_at, '[]')
  ), found AS (
    SELECT 'statement' AS via, m.person_id, m.profile, m.unit_id, m.table_id, NULL::text AS login,
           m.count, m.first_at, m.last_at
      FROM month AS m
     WHERE m.during @> tstzrange(m.first_at, m.last_at, '[]')
    UNION ALL
    SELECT 'statement', d.person_id, d.profile, d.unit_id, d.table_id, NULL,
           d.count, d.first_at, d.last_at
      FROM day AS d
     WHERE d.during @> tstzrange(d.first_at, d.last_at, '[]')
    UNION ALL
    SELECT 'statement', a.person_id, a.profile, a.unit_id, a.table_id, NULL, 1, a.at, a.at
      FROM day AS d
      JOIN pgmask_audit.access AS a
        ON a.person_id = d.person_id AND a.at >= d.first_at AND a.at <= d.last_at
     WHERE NOT d.during @> tstzrange(d.first_at, d.last_at, '[]')
       AND d.during @> a.at AND a.kind = 'statement' AND a.table_id = d.table_id
       AND a.profile = d.profile AND a.unit_id = d.unit_id
       AND (a.xid >= v_next AND a.access_id > v_above) IS NOT TRUE
    UNION ALL
    SELECT 'statement', a.person_id, a.profile, a.unit_id, a.table_id, NULL, 1, a.at, a.at
      FROM pgmask_audit.access AS a
     WHERE a.xid >= v_next AND a.access_id > v_above AND a.at >= p_from AND a.at < p_to
       AND a.kind = 'statement'
       AND EXISTS (
         SELECT FROM rule AS r
          WHERE r.table_id = a.table_id AND r.profile = a.profile AND r.during @> a.at
            AND coalesce(r.unit_id = a.unit_id, r.unit_id IS NULL)
            AND coalesce(r.person_id = a.person_id, r.person_id IS NULL))
    UNION ALL
    SELECT 'search', t.person_id, t.profile, t.unit_id, t.table_id, NULL, 1, t.at, t.at
      FROM pgmask_audit.ticket AS t
     WHERE t.kind = 'search' AND t.at >= p_from AND t.at < p_to
       AND EXISTS (
         SELECT FROM rule AS r
          WHERE r.table_id = t.table_id AND r.profile = t.profile AND r.during @> t.at
            AND coalesce(r.unit_id = t.unit_id, r.unit_id IS NULL)
            AND coalesce(r.person_id = t.person_id, r.person_id IS NULL))
    UNION ALL
    SELECT 'backup', a.person_id, a.profile, a.unit_id, a.table_id, a.login, 1, a.at, a.at
      FROM pgmask_audit.access AS a
     WHERE a.kind = 'backup' AND a.at >= p_from AND a.at < p_to
       AND a.table_id IN (
         SELECT s.table_id FROM pgmask_private.subject_table AS s WHERE s.subject_class = p_class)
  )
  SELECT f.via, f.person_id, f.profile, f.unit_id, f.table_id, f.login, sum(f.count)::bigint,
         min(f.first_at), max(f.last_at)
    FROM found AS f
   GROUP BY f.via, f.person_id, f.profile, f.unit_id, f.table_id, f.login;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.possible_reads(text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.possible_reads(text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.possible_reads(text, text, timestamptz, timestamptz) IS
  'How often which person made a statement that may have shown a customer.';
