-- What reports ask of the catalogue of every time: policies, customers' tables, levels.

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
SELECT s ->> 'name' AS subject_class, s ->> 'table' AS table_id, s ->> 'key' AS key_column,
       s ->> 'unit' AS unit_column,
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

-- Refuses a name that no catalogue and no register knows: an answer without rows would be an alibi.
--   p_class, p_table, p_person  NULL: not asked about
--   errors  PM845 with the names that are known
CREATE FUNCTION pgmask_private.refuse_unknown(p_class text, p_table text, p_person bigint)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_known text[];
BEGIN
  SELECT array_agg(DISTINCT x.name ORDER BY x.name) INTO v_known
    FROM (
      SELECT s.subject_class AS name FROM pgmask_private.subject_table AS s WHERE p_class IS NOT NULL
      UNION ALL
      SELECT concat(t ->> 'schema', '.', t ->> 'name')
        FROM pgmask_private.catalogue_period AS c
       CROSS JOIN LATERAL jsonb_array_elements(c.catalogue -> 'tables') AS t
       WHERE p_table IS NOT NULL
    ) AS x;
  IF coalesce(p_class, p_table) IS NOT NULL
     AND (coalesce(p_class, p_table) = ANY (v_known)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = CASE WHEN p_class IS NOT NULL THEN 'no catalogue has such a class of customers'
                     ELSE 'no catalogue has such a table; name it with its schema' END,
      HINT = format('Known: %s', coalesce(array_to_string(v_known, ', '), 'none'));
  END IF;
  IF p_person IS NOT NULL
     AND NOT EXISTS (SELECT FROM pgmask_private.person AS p WHERE p.person_id = p_person) THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = format('the register has no person %s', p_person),
      HINT = 'pgmask report accesses shows numbers and names of who read in a period.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_unknown(text, text, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_unknown(text, text, bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_unknown(text, text, bigint) IS
  'Refuses a name that no catalogue and no register knows; PM845.';

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
