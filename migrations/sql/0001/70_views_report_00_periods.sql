-- When a customer could be seen by a statement that leaves no note of customers (H2).

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
    FROM pgmask_private.subject_timeline(p_class, p_key, 'high_value', false) AS t;
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
      FROM pgmask_private.subject_timeline(p_class, p_key, 'unit', false) AS t
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
          FROM pgmask_private.subject_timeline(p_class, p_key, 'owner', false) AS t
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
