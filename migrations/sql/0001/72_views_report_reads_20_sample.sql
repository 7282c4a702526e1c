-- A sample of reads for an auditor's working papers.

-- Draws notes: of statements, and of customers whose row one examined.
--   result  population: how many notes there are in the period, counted per day or not
--   marks   the same seed draws the same notes, whether they are counted yet or not
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
  SET timezone = 'UTC'
  SET jit = off
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_scope record;
  -- The whole days of the period: from the one, and before the other.
  v_from timestamptz := date_trunc('day', greatest(p_from, '2000-01-01') + interval '1 day'
                                          - interval '1 microsecond');
  v_to timestamptz := date_trunc('day', least(p_to, '9999-01-01'));
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('sample', true) AS s;
  IF (p_from < p_to) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a begin and a later end are needed';
  END IF;
  IF (p_size BETWEEN 1 AND 10000 AND p_seed IS NOT NULL) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a size from 1 to 10000 and a seed are needed';
  END IF;
  RETURN QUERY
  WITH fresh AS (
    -- What is not counted yet, and the first and the last day, which the period may cut.
    SELECT a.at::date AS day, a.kind, a.person_id, coalesce(a.profile, '') AS profile,
           coalesce(a.unit_id, '') AS unit_id, coalesce(a.table_id, '') AS table_id, count(*) AS count
      FROM pgmask_audit.access AS a
     WHERE a.xid >= (SELECT s.next_xid FROM pgmask_audit.report_state AS s)
       AND a.access_id > (SELECT s.access_above FROM pgmask_audit.report_state AS s)
       AND a.at >= v_from AND a.at < v_to
       AND a.kind IN ('statement', 'subject') AND a.person_id <> 0
     GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    SELECT a.at::date, a.kind, a.person_id, coalesce(a.profile, ''), coalesce(a.unit_id, ''),
           coalesce(a.table_id, ''), count(*)
      FROM pgmask_audit.access AS a
     WHERE (a.at >= p_from AND a.at < least(v_from, p_to) OR a.at >= greatest(v_to, v_from) AND a.at < p_to)
       AND a.at >= p_from AND a.at < p_to
       AND a.kind IN ('statement', 'subject') AND a.person_id <> 0
     GROUP BY 1, 2, 3, 4, 5, 6
  ), line AS MATERIALIZED (
    SELECT d.*, sum(d.count) OVER w AS upto, sum(d.count) OVER () AS total
      FROM (
        SELECT x.day, x.kind, x.person_id, x.profile, x.unit_id, x.table_id, sum(x.count) AS count
          FROM (
            SELECT d.day, d.kind, d.person_id, d.profile, d.unit_id, d.table_id, d.count
              FROM pgmask_audit.daily AS d
             WHERE d.day >= v_from::date AND d.day < v_to::date
               AND d.kind IN ('statement', 'subject') AND d.person_id <> 0
            UNION ALL
            SELECT f.day, f.kind, f.person_id, f.profile, f.unit_id, f.table_id, f.count
              FROM fresh AS f
          ) AS x
         GROUP BY x.day, x.kind, x.person_id, x.profile, x.unit_id, x.table_id
      ) AS d
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
      WHERE a.person_id = l.person_id AND a.at >= greatest(l.day::timestamptz, p_from)
        AND a.at < least((l.day + 1)::timestamptz, p_to)
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
