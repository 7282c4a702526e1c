-- Who saw a customer (H2): shown, examined and possible told apart.
--
--   shown      a complete value was asked for, by a ticket (kind reveal)
--   examined   a statement examined a row that speaks of the customer (access, kind subject)
--   possible   a statement read a table that speaks of such customers, by somebody who could have seen
--              this one, by the catalogue, the register and the customer's unit at that time; a search
--              or a backup that may have met the customer
--
-- Where every examined customer is noted (profiles with audit: subject, and high-value customers, from
-- stage sealing on) a statement without such a note has not seen the customer, and is not possible.

-- Since when and until when which profile, person or unit could see a customer by a statement that
-- leaves no note of customers.
--   result  unit_id, person_id NULL: any
--   marks   the tree of units and the reach of posts are those of now; every other period is of its time
CREATE FUNCTION pgmask_private.possible_periods(
  p_class text, p_key text, p_from timestamptz, p_to timestamptz
)
  RETURNS TABLE (
    profile text, table_id text, unit_id text, person_id bigint, during tstzmultirange
  )
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  ROWS 20
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_ordinary tstzmultirange;
  v_known boolean := pgmask_private.knows_subjects(p_class);
BEGIN
  SELECT coalesce(range_agg(t.during) FILTER (WHERE t.value = 'false'),
                  CASE WHEN bool_or(t.value IS NOT NULL) IS NOT TRUE AND NOT v_known
                       THEN tstzmultirange(tstzrange(NULL, NULL)) END,
                  '{}')
    INTO v_ordinary
    FROM pgmask_private.subject_timeline(p_class, p_key, 'high_value') AS t;
  RETURN QUERY
  WITH policy AS (
    SELECT p.profile, p.table_id, p.rows, p.sees_high_value, p.noted,
           p.during * tstzrange(p_from, p_to) AS during
      FROM pgmask_private.policy_period AS p
      JOIN pgmask_private.subject_table AS s
        ON s.deployment_id = p.deployment_id AND s.table_id = p.table_id
       AND s.subject_class = p_class
     WHERE p.during && tstzrange(p_from, p_to)
       AND NOT (p.grade = 'subject' AND p.noted)
  ), unit AS MATERIALIZED (
    -- What is no unit of the register (a catalogue may have the record hide it) may be any.
    SELECT (SELECT u.unit_id FROM pgmask_private.unit AS u WHERE u.unit_id = t.value) AS unit_id,
           t.during
      FROM pgmask_private.subject_timeline(p_class, p_key, 'unit') AS t
    UNION ALL
    SELECT NULL, tstzmultirange(tstzrange(NULL, NULL)) WHERE NOT v_known
  ), designated AS (
    SELECT d.person_id, range_agg(d.during) AS during
      FROM (
        SELECT d.person_id, tstzmultirange(tstzrange(d.valid_from, d.valid_to)) AS during
          FROM pgmask_private.designation AS d
         WHERE d.subject_class = p_class AND d.subject_key = p_key
        UNION ALL
        SELECT d.person_id, tstzmultirange(tstzrange(d.valid_from, d.valid_to)) * u.during
          FROM pgmask_private.designation AS d
          JOIN unit AS u ON u.unit_id = d.unit_id
         WHERE d.subject_key IS NULL
      ) AS d
     GROUP BY d.person_id
  ), reached AS (
    SELECT r.person_id, range_agg(r.during) AS during
      FROM (
        SELECT pp.person_id, tstzmultirange(tstzrange(pp.valid_from, pp.valid_to)) * u.during AS during
          FROM pgmask_private.person_post AS pp
          JOIN pgmask_private.post AS po ON po.post_id = pp.post_id
          JOIN unit AS u
            ON u.unit_id IS NULL OR u.unit_id = pp.unit_id
            OR (po.reach = 'subtree' AND EXISTS (
                 SELECT FROM pgmask_private.unit_below AS b
                  WHERE b.ancestor = pp.unit_id AND b.unit_id = u.unit_id))
        UNION ALL
        SELECT pp.person_id,
               tstzmultirange(tstzrange(pp.valid_from, pp.valid_to)
                              * tstzrange(a.valid_from, a.valid_to)) * u.during
          FROM pgmask_private.person_post AS pp
          JOIN pgmask_private.unit_access AS a ON a.unit_id = pp.unit_id
          JOIN unit AS u ON u.unit_id = a.provider
      ) AS r
     GROUP BY r.person_id
  ), assigned AS (
    SELECT a.person_id, range_agg(a.during) AS during
      FROM (
        SELECT a.person_id, tstzmultirange(tstzrange(a.valid_from, a.valid_to)) AS during
          FROM pgmask_private.assignment AS a
         WHERE a.subject_class = p_class AND a.subject_key = p_key
        UNION ALL
        SELECT t.value::bigint, t.during
          FROM pgmask_private.subject_timeline(p_class, p_key, 'owner') AS t
         WHERE t.value ~ '^[0-9]{1,18}$'
      ) AS a
     GROUP BY a.person_id
  ), chosen AS (
    SELECT p.profile, p.table_id, p.sees_high_value, p.noted, NULL::text AS unit_id,
           NULL::bigint AS person_id, tstzmultirange(p.during) AS during, false AS own
      FROM policy AS p WHERE 'all' = ANY (p.rows)
    UNION ALL
    SELECT p.profile, p.table_id, p.sees_high_value, p.noted, u.unit_id, NULL,
           tstzmultirange(p.during) * u.during, false
      FROM policy AS p CROSS JOIN unit AS u WHERE 'own_unit' = ANY (p.rows)
    UNION ALL
    SELECT p.profile, p.table_id, p.sees_high_value, p.noted, NULL, r.person_id,
           tstzmultirange(p.during) * r.during, false
      FROM policy AS p CROSS JOIN reached AS r WHERE 'units' = ANY (p.rows)
    UNION ALL
    -- Of a high-value customer the one who is assigned gets a note, where customers get notes.
    SELECT p.profile, p.table_id, p.sees_high_value, p.noted, NULL, a.person_id,
           tstzmultirange(p.during) * a.during, NOT p.noted
      FROM policy AS p CROSS JOIN assigned AS a WHERE 'assigned' = ANY (p.rows)
  ), allowed AS (
    SELECT c.profile, c.table_id, c.unit_id, c.person_id,
           CASE WHEN c.own THEN c.during ELSE c.during * v_ordinary END AS during
      FROM chosen AS c
    UNION ALL
    SELECT c.profile, c.table_id, c.unit_id, d.person_id, c.during * d.during
      FROM chosen AS c
      JOIN designated AS d ON c.person_id IS NULL OR c.person_id = d.person_id
     WHERE c.sees_high_value AND NOT c.noted
  )
  SELECT a.profile, a.table_id, a.unit_id, a.person_id, range_agg(a.during)
    FROM allowed AS a
   WHERE NOT isempty(a.during)
   GROUP BY a.profile, a.table_id, a.unit_id, a.person_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.possible_periods(text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.possible_periods(text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.possible_periods(text, text, timestamptz, timestamptz) IS
  'Who could see a customer when, by a statement that leaves no note of customers.';

-- How often which person made a statement that may have shown a customer.
--   marks  whole days come from the counts per day; where a day, or the begin or end of a right, cuts
--          through them, the notes themselves are counted, and so is what is not counted yet
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
    SELECT d.*, r.during
      FROM rule AS r
     CROSS JOIN LATERAL (
       SELECT d.table_id, d.profile, d.unit_id, d.person_id, d.count, d.first_at, d.last_at
         FROM pgmask_audit.daily AS d
        WHERE d.kind = 'statement' AND d.table_id = r.table_id AND d.profile = r.profile
          AND d.unit_id = r.unit_id
          AND (r.person_id IS NULL OR d.person_id = r.person_id)
          AND d.day >= lower(v_days) AND d.day < upper(v_days)
       OFFSET 0
     ) AS d
     WHERE r.unit_id IS NOT NULL
    UNION ALL
    SELECT d.*, r.during
      FROM rule AS r
     CROSS JOIN LATERAL (
       SELECT d.table_id, d.profile, d.unit_id, d.person_id, d.count, d.first_at, d.last_at
         FROM pgmask_audit.daily AS d
        WHERE d.kind = 'statement' AND d.table_id = r.table_id AND d.profile = r.profile
          AND d.person_id = r.person_id
          AND d.day >= lower(v_days) AND d.day < upper(v_days)
       OFFSET 0
     ) AS d
     WHERE r.unit_id IS NULL AND r.person_id IS NOT NULL
    UNION ALL
    SELECT d.*, r.during
      FROM rule AS r
     CROSS JOIN LATERAL (
       SELECT d.table_id, d.profile, d.unit_id, d.person_id, d.count, d.first_at, d.last_at
         FROM pgmask_audit.daily AS d
        WHERE d.kind = 'statement' AND d.table_id = r.table_id AND d.profile = r.profile
          AND d.day >= lower(v_days) AND d.day < upper(v_days)
       OFFSET 0
     ) AS d
     WHERE r.unit_id IS NULL AND r.person_id IS NULL
  ), day AS (
    SELECT m.table_id, m.profile, m.unit_id, m.person_id, m.count, m.first_at, m.last_at,
           range_agg(m.during) AS during
      FROM met AS m
     WHERE m.during && tstzrange(m.first_at, m.last_at, '[]')
     GROUP BY m.table_id, m.profile, m.unit_id, m.person_id, m.count, m.first_at, m.last_at
  ), found AS (
    SELECT 'statement' AS via, d.person_id, d.profile, d.unit_id, d.table_id, NULL::text AS login,
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

-- Whether a report about one customer is within the scope of the session.
--   marks  of a customer who changed units, each unit of the period counts
CREATE FUNCTION pgmask_private.scope_has_subject(
  p_unit text, p_high_value boolean, p_class text, p_key text, p_from timestamptz, p_to timestamptz
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
  SELECT (p_unit IS NOT NULL AND EXISTS (
            SELECT FROM pgmask_private.subject_timeline(p_class, p_key, 'unit') AS t
             WHERE t.value = p_unit AND t.during && tstzrange(p_from, p_to)))
      OR (p_high_value AND EXISTS (
            SELECT FROM pgmask_private.subject_timeline(p_class, p_key, 'high_value') AS t
             WHERE t.value = 'true' AND t.during && tstzrange(p_from, p_to)))
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.scope_has_subject(text, boolean, text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.scope_has_subject(text, boolean, text, text, timestamptz, timestamptz)
  OWNER TO pgmask_owner;
COMMENT ON FUNCTION
  pgmask_private.scope_has_subject(text, boolean, text, text, timestamptz, timestamptz) IS
  'Whether a report about one customer is within the scope of the session.';

-- Who saw each of these customers.
--   p_keys   keys as text, at most 1000
--   errors   PM840 where one of them is out of the caller's scope; PM845
CREATE FUNCTION pgmask_report.who_saw_many(
  p_class text, p_keys text[], p_from timestamptz, p_to timestamptz
)
  RETURNS TABLE (
    subject_key text, certainty text, first_at timestamptz, last_at timestamptz, times bigint,
    person_id bigint, person text, profile text, unit_id text, via text, table_id text,
    columns text[], levels text, purpose text, request text, login text, client_addr text,
    evidence text
  )
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_scope record;
  v_key text;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('who_saw', false) AS s;
  IF (p_from < p_to AND p_class <> '' AND cardinality(p_keys) BETWEEN 1 AND 1000
      AND array_position(p_keys, NULL) IS NULL) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = 'a class, one to 1000 keys, a begin and a later end are needed';
  END IF;
  FOR v_key IN SELECT DISTINCT k.key FROM unnest(p_keys) AS k (key) ORDER BY k.key LOOP
    IF NOT v_scope.everything AND pgmask_private.scope_has_subject(
         v_scope.unit_id, v_scope.high_value, p_class, v_key, p_from, p_to) IS NOT TRUE THEN
      PERFORM pgmask_private.refuse_report('who_saw', 'a customer of another unit');
    END IF;
    RETURN QUERY
    SELECT v_key, f.certainty, f.first_at, f.last_at, f.times, NULLIF(f.person_id, 0), p.name,
           NULLIF(f.profile, ''), NULLIF(f.unit_id, ''), f.via, f.table_id, f.columns, l.levels,
           f.purpose, f.request, f.login, f.client_addr, f.evidence
      FROM (
        SELECT 1 AS place, 'shown' AS certainty, t.at AS first_at, t.at AS last_at, 1::bigint AS times,
               t.person_id, t.profile, t.unit_id, t.kind AS via, t.table_id, t.columns, t.purpose,
               t.reference AS request, t.login::text AS login, host(t.client_addr) AS client_addr,
               concat('ticket ', t.ticket_id) AS evidence
          FROM pgmask_audit.ticket AS t
         WHERE t.subject_class = p_class AND t.subject_key = v_key AND t.kind = 'reveal'
           AND t.at >= p_from AND t.at < p_to
        UNION ALL
        SELECT 2, 'examined', a.at, a.at, 1, a.person_id, a.profile, a.unit_id, 'statement', a.table_id,
               NULL, a.purpose, a.request, a.login, a.client_addr, concat('access ', a.access_id)
          FROM pgmask_audit.access AS a
         WHERE a.subject_key = v_key AND a.subject_class = p_class AND a.kind = 'subject'
           AND a.at >= p_from AND a.at < p_to
        UNION ALL
        SELECT 3, 'possible', r.first_at, r.last_at, r.count, r.person_id, r.profile, r.unit_id, r.via,
               r.table_id, NULL, NULL, NULL, r.login, NULL, NULL
          FROM pgmask_private.possible_reads(p_class, v_key, p_from, p_to) AS r
      ) AS f
      LEFT JOIN pgmask_private.person AS p ON p.person_id = f.person_id
      LEFT JOIN pgmask_private.profile_levels AS l
        ON l.profile = f.profile AND l.table_id = f.table_id
     ORDER BY f.place, f.first_at, f.person_id, f.table_id;
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_report.who_saw_many(text, text[], timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION
  pgmask_report.who_saw_many(text, text[], timestamptz, timestamptz) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.who_saw_many(text, text[], timestamptz, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.who_saw_many(text, text[], timestamptz, timestamptz) IS
  'Who saw any of these customers between two moments: shown, examined and possible told apart?';

CREATE FUNCTION pgmask_report.who_saw(
  p_class text, p_key text, p_from timestamptz, p_to timestamptz
)
  RETURNS TABLE (
    certainty text, first_at timestamptz, last_at timestamptz, times bigint, person_id bigint,
    person text, profile text, unit_id text, via text, table_id text, columns text[], levels text,
    purpose text, request text, login text, client_addr text, evidence text
  )
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.certainty, w.first_at, w.last_at, w.times, w.person_id, w.person, w.profile, w.unit_id,
         w.via, w.table_id, w.columns, w.levels, w.purpose, w.request, w.login, w.client_addr,
         w.evidence
    FROM pgmask_report.who_saw_many(p_class, ARRAY[p_key], p_from, p_to) AS w;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.who_saw(text, text, timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask_report.who_saw(text, text, timestamptz, timestamptz) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.who_saw(text, text, timestamptz, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.who_saw(text, text, timestamptz, timestamptz) IS
  'Who saw this customer between two moments: shown, examined and possible told apart?';
