-- Which persons belonged to a unit when, for what its auditor reads.

-- Persons who belong or belonged to a unit, each with the time of it.
--   p_unit  NULL: nobody
--   marks   from the history of the register. Before the first change that it knows of a person it is
--           the unit of then; a clock that was set back makes no period end before it began.
--           Views call it with their reader's rights
CREATE FUNCTION pgmask_private.persons_of(p_unit text)
  RETURNS TABLE (person_id bigint, during tstzmultirange)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  ROWS 100
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
#variable_conflict use_column
BEGIN
  IF p_unit IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH change AS MATERIALIZED (
    SELECT s.person_id, max(s.was) AS was, max(s.became) AS became, h.history_id, h.changed_at
      FROM pgmask_private.register_history AS h
     CROSS JOIN LATERAL (VALUES
       (h.old_row ->> 'person_id', h.old_row ->> 'unit_id', NULL),
       (h.new_row ->> 'person_id', NULL, h.new_row ->> 'unit_id')
     ) AS s (person_id, was, became)
     WHERE h.table_name = 'person' AND s.person_id IS NOT NULL
     GROUP BY h.history_id, h.changed_at, s.person_id
  ), step AS (
    SELECT c.person_id::bigint AS person_id, c.was, c.became, c.history_id,
           max(c.changed_at) OVER (PARTITION BY c.person_id ORDER BY c.history_id) AS at
      FROM change AS c
     WHERE c.was IS DISTINCT FROM c.became
  ), placed AS (
    SELECT s.person_id, s.was, s.became, s.at, row_number() OVER w AS place, lead(s.at) OVER w AS next_at
      FROM step AS s
    WINDOW w AS (PARTITION BY s.person_id ORDER BY s.history_id)
  ), period AS (
    SELECT p.person_id, coalesce(p.was, p.became) AS unit_id, tstzrange(NULL, p.at) AS during
      FROM placed AS p WHERE p.place = 1
    UNION ALL
    SELECT p.person_id, p.became, tstzrange(p.at, p.next_at) FROM placed AS p
    UNION ALL
    SELECT p.person_id, p.unit_id, tstzrange(NULL, NULL)
      FROM pgmask_private.person AS p
     WHERE p.person_id NOT IN (SELECT s.person_id FROM step AS s)
  )
  SELECT p.person_id, range_agg(p.during)
    FROM period AS p
   WHERE p.unit_id = p_unit
   GROUP BY p.person_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.persons_of(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.persons_of(text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.persons_of(text)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_private.persons_of(text) IS
  'Persons who belong or belonged to a unit, each with the time of it.';
