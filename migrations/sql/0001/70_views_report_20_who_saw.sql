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

-- Who saw each of these customers.
--   p_keys   keys as text, at most 1000
--   errors   PM840 where one of them is out of the caller's scope all the time; PM845
--   marks    who audits a unit sees of a customer the time that he was of that unit
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
  v_during tstzmultirange;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('who_saw', false) AS s;
  IF (p_from < p_to AND p_class <> '' AND cardinality(p_keys) BETWEEN 1 AND 1000
      AND array_position(p_keys, NULL) IS NULL) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = 'a class, one to 1000 keys, a begin and a later end are needed';
  END IF;
  PERFORM pgmask_private.refuse_unknown(p_class, NULL, NULL);
  FOR v_key IN SELECT DISTINCT k.key FROM unnest(p_keys) AS k (key) ORDER BY k.key LOOP
    v_during := tstzmultirange(tstzrange(p_from, p_to));
    IF v_scope.everything IS NOT TRUE THEN
      v_during := v_during * pgmask_private.scope_periods(
        v_scope.unit_id, v_scope.high_value, p_class, v_key);
    END IF;
    IF isempty(v_during) IS NOT FALSE THEN
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
           AND t.at >= p_from AND t.at < p_to AND v_during @> t.at
        UNION ALL
        SELECT 2, 'examined', a.at, a.at, 1, a.person_id, a.profile, a.unit_id, 'statement', a.table_id,
               NULL, a.purpose, a.request, a.login, a.client_addr, concat('access ', a.access_id)
          FROM pgmask_audit.access AS a
         WHERE a.subject_key = v_key AND a.subject_class = p_class AND a.kind = 'subject'
           AND a.at >= p_from AND a.at < p_to AND v_during @> a.at
        UNION ALL
        SELECT 3, 'possible', min(r.first_at), max(r.last_at), sum(r.count)::bigint, r.person_id,
               r.profile, r.unit_id, r.via, r.table_id, NULL, NULL, NULL, r.login, NULL, NULL
          FROM unnest(v_during) AS d (during)
         CROSS JOIN LATERAL pgmask_private.possible_reads(
           p_class, v_key, lower(d.during),
           CASE WHEN upper_inc(d.during) THEN upper(d.during) + interval '1 microsecond'
                ELSE upper(d.during) END) AS r
         GROUP BY r.person_id, r.profile, r.unit_id, r.via, r.table_id, r.login
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
