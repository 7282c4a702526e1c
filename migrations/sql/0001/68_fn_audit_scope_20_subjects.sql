-- What reports ask of customers: as they are now, what each was when, and when he was in scope.

-- Customers as they are now: by key, or all of a unit and/or all high-value ones.
--   p_class  NULL: every class
--   result   nothing for a class whose table is not at stage sealing yet
--   marks    the function that reads the store is the compiler's, and runs as pgmask_keyless
CREATE FUNCTION pgmask_private.audit_subjects(
  p_class text, p_keys text[], p_unit text, p_high_value boolean
)
  RETURNS TABLE (
    subject_class text, subject_key text, unit_id text, high_value boolean, owner_id text
  )
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  ROWS 100
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_class text;
BEGIN
  FOR v_class IN
    SELECT r.subject_class FROM pgmask_private.subject_rule AS r
     WHERE p_class IS NULL OR r.subject_class = p_class
  LOOP
    IF pgmask_private.knows_subjects(v_class) THEN
      RETURN QUERY EXECUTE format(
        'SELECT %L::text, s.* FROM pgmask_private.%I($1, $2, $3) AS s',
        v_class, 'audit_subjects_' || v_class)
        USING p_keys, p_unit, p_high_value;
    END IF;
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.audit_subjects(text, text[], text, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.audit_subjects(text, text[], text, boolean) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.audit_subjects(text, text[], text, boolean)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_private.audit_subjects(text, text[], text, boolean) IS
  'Customers as they are now: by key, or all of a unit and/or all high-value ones.';

-- Whether customers of a class can be looked up.
CREATE FUNCTION pgmask_private.knows_subjects(p_class text)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  RETURN EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = 'pgmask_private'::pg_catalog.regnamespace
       AND p.proname = 'audit_subjects_' || p_class);
REVOKE ALL ON FUNCTION pgmask_private.knows_subjects(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.knows_subjects(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.knows_subjects(text) IS
  'Whether customers of a class can be looked up: their table is at stage sealing or further.';

-- What a customer was when: unit, owner, or whether of high value ("true", "false").
--   p_what    unit, owner or high_value
--   p_strict  false: what may have been so. A period runs an hour longer than its change says, as a change
--             has effect at its commit, which is not on record.
--             true: what was so for sure. A key that is given up or taken, by insert, delete or
--             renumbering, is another customer's from then on; a change itself is of both
--   result    per value the periods; from changes on record, and what is so now
CREATE FUNCTION pgmask_private.subject_timeline(
  p_class text, p_key text, p_what text, p_strict boolean
)
  RETURNS TABLE (value text, during tstzmultirange)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  ROWS 3
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_slack CONSTANT interval := CASE WHEN p_strict THEN '0' ELSE '1 hour' END;
  v_ends CONSTANT text := CASE WHEN p_strict THEN '[]' ELSE '[)' END;
  v_rule record;
  v_column text;
BEGIN
  SELECT r.* INTO v_rule FROM pgmask_private.subject_rule AS r WHERE r.subject_class = p_class;
  v_column := CASE p_what WHEN 'unit' THEN v_rule.unit_column WHEN 'owner' THEN v_rule.owner_column
                          WHEN 'high_value' THEN v_rule.grade_column END;
  RETURN QUERY
  WITH event AS (
    SELECT c.at, c.change_id, c.before ->> v_column AS was, c.after ->> v_column AS became
      FROM pgmask_audit.change AS c
     WHERE c.subject_key = p_key AND c.subject_class = p_class AND c.table_id = v_rule.table_id
       AND (jsonb_exists(c.before, v_column) OR jsonb_exists(c.after, v_column)
            OR (p_strict AND (c.operation <> 'update' OR jsonb_exists(c.before, v_rule.key_column))))
    UNION ALL
    -- The row was renumbered, or came or went while changes were recorded without values.
    SELECT c.at, c.change_id, NULL, NULL
      FROM pgmask_audit.change AS c
     WHERE p_strict AND c.row_key = ARRAY[p_key] AND c.table_id = v_rule.table_id
       AND (c.new_key IS NOT NULL OR (c.operation <> 'update' AND c.subject_key IS NULL))
    UNION ALL
    SELECT c.at, c.change_id, NULL, NULL
      FROM pgmask_audit.change AS c
     WHERE p_strict AND c.new_key = ARRAY[p_key] AND c.table_id = v_rule.table_id
       AND c.subject_key IS NULL
  ), changed AS (
    SELECT e.at, e.was,
           CASE WHEN p_strict THEN coalesce(e.became, lead(e.was) OVER w) ELSE e.became END AS became,
           row_number() OVER w AS place, lead(e.at) OVER w AS next_at
      FROM event AS e
    WINDOW w AS (ORDER BY e.at, e.change_id)
  ), known AS (
    SELECT c.was AS value, tstzrange(NULL, c.at + v_slack, v_ends) AS during
      FROM changed AS c WHERE c.place = 1
    UNION ALL
    SELECT c.became, tstzrange(c.at, c.next_at + v_slack, v_ends) FROM changed AS c
  ), judged AS (
    SELECT CASE WHEN p_what <> 'high_value' THEN k.value
                ELSE (k.value = ANY (v_rule.grades))::text END AS value, k.during
      FROM known AS k
     WHERE k.value IS NOT NULL
    UNION ALL
    SELECT CASE p_what WHEN 'unit' THEN s.unit_id WHEN 'owner' THEN s.owner_id
                       ELSE s.high_value::text END,
           tstzrange((SELECT max(c.at) FROM changed AS c), NULL)
      FROM pgmask_private.audit_subjects(p_class, ARRAY[p_key], NULL, false) AS s
  )
  SELECT j.value, range_agg(j.during) FROM judged AS j WHERE j.value IS NOT NULL GROUP BY j.value;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.subject_timeline(text, text, text, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.subject_timeline(text, text, text, boolean) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.subject_timeline(text, text, text, boolean) IS
  'What a customer was when: unit, owner, or whether of high value; from the record and from now.';

-- When a customer was in the scope of a unit's auditor, or of the high-value department.
--   p_unit, p_high_value  as audit_scope gives them
--   result  empty: never
--   marks   each row of the record is tested by its own moment. A key that had another customer before
--           opens nothing of that one
CREATE FUNCTION pgmask_private.scope_periods(
  p_unit text, p_high_value boolean, p_class text, p_key text
)
  RETURNS tstzmultirange
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
  SELECT coalesce(range_agg(x.during), '{}')
    FROM (
      SELECT t.during FROM pgmask_private.subject_timeline(p_class, p_key, 'unit', true) AS t
       WHERE t.value = p_unit
      UNION ALL
      SELECT t.during FROM pgmask_private.subject_timeline(p_class, p_key, 'high_value', true) AS t
       WHERE p_high_value AND t.value = 'true'
    ) AS x
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.scope_periods(text, boolean, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.scope_periods(text, boolean, text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.scope_periods(text, boolean, text, text) IS
  'When a customer was in the scope of a unit''s auditor, or of the high-value department.';

-- Whether a customer was in scope at a moment; as scope_periods.
CREATE FUNCTION pgmask_private.scope_has_moment(
  p_unit text, p_high_value boolean, p_class text, p_key text, p_at timestamptz
)
  RETURNS boolean
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
  SELECT pgmask_private.scope_periods(p_unit, p_high_value, p_class, p_key) @> p_at
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.scope_has_moment(text, boolean, text, text, timestamptz) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.scope_has_moment(text, boolean, text, text, timestamptz) OWNER TO pgmask_owner;
-- As audit_scope: views call it with their reader's rights.
GRANT EXECUTE ON FUNCTION pgmask_private.scope_has_moment(text, boolean, text, text, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION
  pgmask_private.scope_has_moment(text, boolean, text, text, timestamptz) IS
  'Whether a customer was in the scope of the session at a moment.';
