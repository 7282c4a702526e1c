-- What one person saw (H2), and the history of one row (C2, G1).

CREATE FUNCTION pgmask_report.what_person_saw(p_person bigint, p_from timestamptz, p_to timestamptz)
  RETURNS TABLE (
    certainty text, first_at timestamptz, last_at timestamptz, times bigint, subject_class text,
    subject_key text, table_id text, row_key text[], columns text[], levels text, profile text,
    unit_id text, purpose text, request text
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
  v_all boolean;
  v_during tstzmultirange;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('what_person_saw', false) AS s;
  IF (p_from < p_to AND p_person IS NOT NULL) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = 'a person, a begin and a later end are needed';
  END IF;
  PERFORM pgmask_private.refuse_unknown(NULL, NULL, p_person);
  v_all := v_scope.everything;
  -- While he belonged to the unit.
  SELECT coalesce(range_agg(m.during), '{}') INTO v_during
    FROM pgmask_private.persons_of(v_scope.unit_id) AS m WHERE m.person_id = p_person;
  RETURN QUERY
  WITH subject AS MATERIALIZED (
    -- Customers of the scope whom the person met, each with the time that he was in it.
    SELECT k.subject_class, k.subject_key, pgmask_private.scope_periods(
             v_scope.unit_id, v_scope.high_value, k.subject_class, k.subject_key) AS during
      FROM (
        SELECT t.subject_class, t.subject_key
          FROM pgmask_audit.ticket AS t
         WHERE t.person_id = p_person AND t.at >= p_from AND t.at < p_to AND t.kind = 'reveal'
           AND NOT v_during @> t.at
        UNION
        SELECT a.subject_class, a.subject_key
          FROM pgmask_audit.access AS a
         WHERE a.person_id = p_person AND a.at >= p_from AND a.at < p_to AND a.kind = 'subject'
           AND NOT v_during @> a.at
      ) AS k
     WHERE v_all IS NOT TRUE
  )
  SELECT f.certainty, f.first_at, f.last_at, f.times, f.subject_class, f.subject_key, f.table_id,
         f.row_key, f.columns, l.levels, f.profile, f.unit_id, f.purpose, f.request
    FROM (
      SELECT 1 AS place, 'shown' AS certainty, t.at AS first_at, t.at AS last_at, 1::bigint AS times,
             t.subject_class, t.subject_key, t.table_id, t.row_key, t.columns, t.profile, t.unit_id,
             t.purpose, t.reference AS request
        FROM pgmask_audit.ticket AS t
       WHERE t.person_id = p_person AND t.at >= p_from AND t.at < p_to AND t.kind = 'reveal'
         AND (v_all OR v_during @> t.at OR t.unit_id = v_scope.unit_id OR EXISTS (
               SELECT FROM subject AS s
                WHERE s.subject_class = t.subject_class AND s.subject_key = t.subject_key
                  AND s.during @> t.at))
      UNION ALL
      SELECT 2, 'examined', min(a.at), max(a.at), count(*), a.subject_class, a.subject_key, a.table_id,
             NULL, NULL, a.profile, a.unit_id, a.purpose, a.request
        FROM pgmask_audit.access AS a
       WHERE a.person_id = p_person AND a.at >= p_from AND a.at < p_to AND a.kind = 'subject'
         AND (v_all OR v_during @> a.at OR a.unit_id = v_scope.unit_id OR EXISTS (
               SELECT FROM subject AS s
                WHERE s.subject_class = a.subject_class AND s.subject_key = a.subject_key
                  AND s.during @> a.at))
       GROUP BY a.subject_class, a.subject_key, a.table_id, a.profile, a.unit_id, a.purpose, a.request
      UNION ALL
      SELECT 3, 'searched', min(t.at), max(t.at), count(*), NULL, NULL, t.table_id, NULL, t.columns,
             t.profile, t.unit_id, t.purpose, NULL
        FROM pgmask_audit.ticket AS t
       WHERE t.person_id = p_person AND t.at >= p_from AND t.at < p_to AND t.kind = 'search'
         AND (v_all OR v_during @> t.at OR t.unit_id = v_scope.unit_id)
       GROUP BY t.table_id, t.columns, t.profile, t.unit_id, t.purpose
      UNION ALL
      SELECT 4, 'read', min(a.at), max(a.at), count(*), NULL, NULL, a.table_id, NULL, NULL, a.profile,
             a.unit_id, a.purpose, a.request
        FROM pgmask_audit.access AS a
       WHERE a.person_id = p_person AND a.at >= p_from AND a.at < p_to AND a.kind = 'statement'
         AND (v_all OR v_during @> a.at OR a.unit_id = v_scope.unit_id)
       GROUP BY a.table_id, a.profile, a.unit_id, a.purpose, a.request
    ) AS f
    LEFT JOIN pgmask_private.profile_levels AS l
      ON l.profile = f.profile AND l.table_id = f.table_id
   ORDER BY f.place, f.first_at, f.subject_class, f.subject_key, f.table_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.what_person_saw(bigint, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask_report.what_person_saw(bigint, timestamptz, timestamptz) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.what_person_saw(bigint, timestamptz, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.what_person_saw(bigint, timestamptz, timestamptz) IS
  'What did this person see between two moments: which customers, tables, columns and levels, and when?';

-- Which rows of the record of changes are of one row: its key, and the keys it had before.
CREATE FUNCTION pgmask_private.keys_of_row(p_table text, p_key text[])
  RETURNS TABLE (row_key text[])
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  ROWS 2
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
  WITH RECURSIVE had AS (
    SELECT p_key AS row_key
    UNION
    SELECT c.row_key
      FROM had AS h
      JOIN pgmask_audit.change AS c ON c.new_key = h.row_key AND c.table_id = p_table
  )
  SELECT h.row_key FROM had AS h
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.keys_of_row(text, text[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.keys_of_row(text, text[]) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.keys_of_row(text, text[]) IS
  'The key of a row and the keys it had before.';

CREATE FUNCTION pgmask_report.history_of(p_table text, p_key text[], p_from timestamptz DEFAULT '-infinity',
  p_to timestamptz DEFAULT 'infinity')
  RETURNS TABLE (
    at timestamptz, operation text, column_name text, before text, after text, person_id bigint,
    person text, profile text, unit_id text, purpose text, request text, login text,
    application_name text, client_addr text, change_id bigint
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
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('history_of', false) AS s;
  IF (p_table <> '' AND cardinality(p_key) > 0 AND p_from < p_to) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = 'a table, a key, a begin and a later end are needed';
  END IF;
  PERFORM pgmask_private.refuse_unknown(NULL, p_table, NULL);
  RETURN QUERY
  WITH line AS MATERIALIZED (
    SELECT c.*
      FROM pgmask_private.keys_of_row(p_table, p_key) AS k
      JOIN pgmask_audit.change AS c ON c.row_key = k.row_key AND c.table_id = p_table
     WHERE c.at >= p_from AND c.at < p_to
  ), subject AS MATERIALIZED (
    SELECT k.subject_class, k.subject_key, pgmask_private.scope_periods(
             v_scope.unit_id, v_scope.high_value, k.subject_class, k.subject_key) AS during
      FROM (SELECT DISTINCT l.subject_class, l.subject_key FROM line AS l
             WHERE l.subject_key IS NOT NULL) AS k
     WHERE v_scope.everything IS NOT TRUE
  )
  SELECT c.at, c.operation, n.column_name, c.before ->> n.column_name, c.after ->> n.column_name,
         c.person_id, p.name, c.profile, c.unit_id, c.purpose, c.request, c.login,
         c.application_name, c.client_addr, c.change_id
    FROM line AS c
   CROSS JOIN LATERAL (
     SELECT j.column_name FROM jsonb_object_keys(c.before) AS j (column_name)
     UNION
     SELECT j.column_name FROM jsonb_object_keys(c.after) AS j (column_name)
   ) AS n
    LEFT JOIN pgmask_private.person AS p ON p.person_id = c.person_id
    LEFT JOIN pgmask_private.persons_of(v_scope.unit_id) AS m ON m.person_id = c.person_id
   WHERE (v_scope.everything
            OR c.unit_id = v_scope.unit_id
            OR m.during @> c.at
            OR EXISTS (
                 SELECT FROM subject AS s
                  WHERE s.subject_class = c.subject_class AND s.subject_key = c.subject_key
                    AND s.during @> c.at))
   ORDER BY c.at, c.change_id, n.column_name;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.history_of(text, text[], timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask_report.history_of(text, text[], timestamptz, timestamptz) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.history_of(text, text[], timestamptz, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.history_of(text, text[], timestamptz, timestamptz) IS
  'How did this row come to be as it is: who changed which column from what to what, in masks?';
