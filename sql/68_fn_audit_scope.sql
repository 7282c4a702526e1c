-- Who may read what of the record (G6), and what reports ask of customers and of the policies of a time.
--
--   pgmask_record_auditor             customer management, compliance, audit: everything
--   pgmask_record_unit        the security responsible of a unit: what persons of the own unit did, and
--                              what concerns customers of the own unit; the unit is the identity's
--   pgmask_record_high_value  the high-value department: what concerns high-value customers
--
-- Every report asks audit_scope first, once; it refuses everybody else, and notes that the report was
-- read. Nobody has a right on the tables of the record itself.

-- What the session may read of the record, noted as a read of the report.
--   p_report  its name
--   p_whole   true: the report cannot be divided by units or customers, so it is for auditors alone
--   result    one row: everything, or a unit and/or high-value customers
--   errors    PM840, noted as refused; PM800
--   marks     who may is decided by session_user, so that no SET ROLE and no definer function widens it
CREATE FUNCTION pgmask_private.audit_scope(
  p_report text, p_whole boolean,
  OUT everything boolean, OUT unit_id text, OUT high_value boolean, OUT person_id bigint
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_unit text;
  v_noted boolean;
BEGIN
  SELECT s.person_id, s.unit_id INTO person_id, v_unit
    FROM pgmask_private.identity_state AS s WHERE s.standing = 'valid';
  everything := pg_has_role(SESSION_USER, 'pgmask_record_auditor', 'MEMBER');
  high_value := pg_has_role(SESSION_USER, 'pgmask_record_high_value', 'MEMBER');
  IF pg_has_role(SESSION_USER, 'pgmask_record_unit', 'MEMBER') THEN
    unit_id := v_unit;
  END IF;
  IF (everything OR (NOT p_whole AND (high_value OR unit_id IS NOT NULL))) IS NOT TRUE THEN
    PERFORM pgmask_private.refuse_report(p_report, NULL);
  END IF;
  v_noted := pgmask_private.note(
    'audit', pgmask_private.known_claims(), p_report, NULL, NULL);
  IF v_noted IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM800', MESSAGE = 'the read could not be noted';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.audit_scope(text, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.audit_scope(text, boolean) OWNER TO pgmask_owner;
-- Views call it with their reader's rights; by name nobody reaches it, who may not look in here.
GRANT EXECUTE ON FUNCTION pgmask_private.audit_scope(text, boolean)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_private.audit_scope(text, boolean) IS
  'What the session may read of the record, noted as a read of the report; PM840.';

-- Raises PM840, noted as refused.
--   p_detail  names only
CREATE FUNCTION pgmask_private.refuse_report(p_report text, p_detail text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_noted boolean;
BEGIN
  v_noted := pgmask_private.note(
    'refused', pgmask_private.known_claims(), p_report, 'PM840', p_detail);
  RAISE EXCEPTION USING
    ERRCODE = 'PM840',
    MESSAGE = format('report %s is not for login %I to read', p_report, SESSION_USER),
    DETAIL = coalesce(p_detail, ''),
    HINT = 'Auditors read all of it, a unit auditor with an identity what concerns the own unit.';
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_report(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_report(text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_report(text, text) IS 'Raises PM840, noted as refused.';

-- The catalogue of every time. Where one apply of a catalogue took some time, both may have been in
-- force: what was possible is never told too narrow.
CREATE VIEW pgmask_private.catalogue_period AS
SELECT d.id AS deployment_id, d.catalogue,
       pg_catalog.tstzrange(
         CASE WHEN d.first THEN '-infinity' ELSE d.started_at END, d.ended_at) AS during
FROM (
  SELECT d.id, d.catalogue, d.started_at, pg_catalog.row_number() OVER (ORDER BY d.id) = 1 AS first,
         pg_catalog.lead(d.finished_at) OVER (ORDER BY d.id) AS ended_at
  FROM (
    SELECT d.*, pg_catalog.lag(d.catalogue_hash) OVER (ORDER BY d.id) AS hash_before
    FROM pgmask_private.deployment AS d
    WHERE d.finished_at IS NOT NULL
  ) AS d
  WHERE d.hash_before IS DISTINCT FROM d.catalogue_hash
) AS d;
COMMENT ON VIEW pgmask_private.catalogue_period IS 'The deployed catalogue of every time.';

-- Which profile saw which table by which rule, and how its reads were noted.
--   noted  whether customers get notes of their own there: from stage sealing on
CREATE VIEW pgmask_private.policy_period AS
SELECT c.deployment_id, c.during, p ->> 'name' AS profile, o ->> 0 AS table_id,
       ARRAY(SELECT pg_catalog.jsonb_array_elements_text(p -> 'rows')) AS rows,
       (p ->> 'sees_high_value')::boolean AS sees_high_value,
       COALESCE((
         SELECT a ->> 1 FROM pg_catalog.jsonb_array_elements(p -> 'audit') AS a
         WHERE a ->> 0 = o ->> 0), 'statement') AS grade,
       COALESCE((
         SELECT t ->> 'rollout' IN ('sealing', 'enforced')
         FROM pg_catalog.jsonb_array_elements(c.catalogue -> 'tables') AS t
         WHERE pg_catalog.concat(t ->> 'schema', '.', t ->> 'name') = o ->> 0), false) AS noted
FROM pgmask_private.catalogue_period AS c
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(c.catalogue -> 'profiles') AS p
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(p -> 'operations') AS o
WHERE o -> 1 @> '["select"]';
COMMENT ON VIEW pgmask_private.policy_period IS
  'Which profile saw which table by which rule in each period, and how its reads were noted.';

-- Which tables speak of which class of customers.
CREATE VIEW pgmask_private.subject_table AS
SELECT DISTINCT c.deployment_id, pg_catalog.concat(t ->> 'schema', '.', t ->> 'name') AS table_id,
       COALESCE(s.subject_class, t ->> 'subject_class') AS subject_class
FROM pgmask_private.catalogue_period AS c
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(c.catalogue -> 'tables') AS t
CROSS JOIN LATERAL (
  SELECT t ->> 'subject_class' AS subject_class WHERE t ->> 'subject' IS NOT NULL
  UNION ALL
  SELECT n ->> 'subject_class'
  FROM pg_catalog.jsonb_array_elements(t -> 'columns') AS n
  WHERE n ->> 'subject' IS NOT NULL
) AS s;
COMMENT ON VIEW pgmask_private.subject_table IS
  'Which tables speak of which class of customers, per deployment.';

-- The table and columns that say whose a customer is, of the catalogue in force.
CREATE VIEW pgmask_private.subject_rule AS
SELECT s ->> 'name' AS subject_class, s ->> 'table' AS table_id, s ->> 'unit' AS unit_column,
       s ->> 'owner' AS owner_column, s #>> '{high_value,column}' AS grade_column,
       ARRAY(
         SELECT o.grade
         FROM pg_catalog.jsonb_array_elements_text(s #> '{high_value,order}')
           WITH ORDINALITY AS o (grade, place)
         WHERE o.place >= (
           SELECT m.place
           FROM pg_catalog.jsonb_array_elements_text(s #> '{high_value,order}')
             WITH ORDINALITY AS m (grade, place)
           WHERE m.grade = s #>> '{high_value,at_least}')
       ) AS grades
FROM (
  SELECT d.catalogue FROM pgmask_private.deployment AS d
  WHERE d.finished_at IS NOT NULL ORDER BY d.id DESC LIMIT 1
) AS d
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(d.catalogue -> 'subjects') AS s;
COMMENT ON VIEW pgmask_private.subject_rule IS
  'The table and columns that say whose a customer is, of the catalogue in force.';

-- In which form a profile sees a table, in words: such as "plain 2, 3; mask 1".
CREATE VIEW pgmask_private.profile_levels AS
SELECT f.profile, f.table_id,
       pg_catalog.string_agg(f.form || ' ' || f.levels, '; ' ORDER BY f.form DESC) AS levels
FROM (
  SELECT d.profile, d.table_id, d.form,
         pg_catalog.string_agg(d.level::text, ', ' ORDER BY d.level) AS levels
  FROM (
    SELECT DISTINCT c.profile, c.table_id, c.form, c.level
    FROM pgmask_private.profile_column AS c WHERE c.form <> 'hidden'
  ) AS d
  GROUP BY d.profile, d.table_id, d.form
) AS f
GROUP BY f.profile, f.table_id;
COMMENT ON VIEW pgmask_private.profile_levels IS
  'In which form a profile sees the levels of a table now, in words.';

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
--   p_what  unit, owner or high_value
--   result  per value the periods; from changes on record, and what is so now. A period runs an hour
--           longer than its change says: a change has effect at its commit, which is not on record
CREATE FUNCTION pgmask_private.subject_timeline(p_class text, p_key text, p_what text)
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
  c_slack CONSTANT interval := '1 hour';
  v_rule record;
  v_column text;
BEGIN
  SELECT r.* INTO v_rule FROM pgmask_private.subject_rule AS r WHERE r.subject_class = p_class;
  v_column := CASE p_what WHEN 'unit' THEN v_rule.unit_column WHEN 'owner' THEN v_rule.owner_column
                          WHEN 'high_value' THEN v_rule.grade_column END;
  RETURN QUERY
  WITH changed AS (
    SELECT c.at, c.before ->> v_column AS was, c.after ->> v_column AS became,
           row_number() OVER w AS place, lead(c.at) OVER w AS next_at
      FROM pgmask_audit.change AS c
     WHERE c.subject_key = p_key AND c.subject_class = p_class AND c.table_id = v_rule.table_id
       AND (jsonb_exists(c.before, v_column) OR jsonb_exists(c.after, v_column))
    WINDOW w AS (ORDER BY c.at, c.change_id)
  ), known AS (
    SELECT c.was AS value, tstzrange(NULL, c.at + c_slack) AS during FROM changed AS c WHERE c.place = 1
    UNION ALL
    SELECT c.became, tstzrange(c.at, c.next_at + c_slack) FROM changed AS c
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
REVOKE ALL ON FUNCTION pgmask_private.subject_timeline(text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.subject_timeline(text, text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.subject_timeline(text, text, text) IS
  'What a customer was when: unit, owner, or whether of high value; from the record and from now.';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_view text;
BEGIN
  FOREACH v_view IN ARRAY ARRAY[
    'catalogue_period', 'policy_period', 'subject_table', 'subject_rule', 'profile_levels'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER VIEW pgmask_private.%I OWNER TO pgmask_owner', v_view);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_private.%I FROM PUBLIC', v_view);
  END LOOP;
END;
$pgmask$;
