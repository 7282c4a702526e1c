-- The record about itself: who read it, where it has gaps, rights, keys, deployments, how reads are noted.
-- But for the reading of the record they cannot be divided by units: auditors alone read them.

-- Rows that went to the DEFAULT partitions, for want of a month's.
--   marks  by name, as that partition may become a month's and another one take its place
CREATE FUNCTION pgmask_private.default_rows()
  RETURNS TABLE (name text, at timestamptz, count bigint)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY['access_default', 'change_default', 'activity_default'] LOOP
    IF to_regclass(format('pgmask_audit.%I', v_table)) IS NOT NULL THEN
      RETURN QUERY EXECUTE format(
        'SELECT %L::text, min(x.at), count(*) FROM pgmask_audit.%I AS x', v_table, v_table);
    END IF;
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.default_rows() FROM PUBLIC;
ALTER FUNCTION pgmask_private.default_rows() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.default_rows()
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_private.default_rows() IS
  'Rows of the record that went to the DEFAULT partitions.';

CREATE VIEW pgmask_report.audit_readers WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('audit_readers', false) AS s
)
SELECT a.at, a.table_id AS report, a.person_id, p.name AS person, a.profile, a.unit_id, a.login,
       a.application_name, a.client_addr, a.access_id
FROM pgmask_audit.access AS a
LEFT JOIN pgmask_private.person AS p ON p.person_id = a.person_id
LEFT JOIN pgmask_private.persons_of((SELECT s.unit_id FROM scope AS s)) AS m
  ON m.person_id = a.person_id
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s)
  AND a.kind = 'audit'
  AND ((SELECT s.everything FROM scope AS s)
    OR a.unit_id = (SELECT s.unit_id FROM scope AS s)
    OR m.during OPERATOR(pg_catalog.@>) a.at);
COMMENT ON VIEW pgmask_report.audit_readers IS
  'Who read the record, which report and when?';

CREATE VIEW pgmask_report.gaps WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('gaps', true) AS s
)
SELECT g.at, g.what, g.subject, g.since, g.until, g.says
FROM (
  -- Positions of the log and the signature stand in the record alone.
  SELECT a.at, 'gap' AS what, a.object AS subject, (a.detail ->> 'since')::timestamptz AS since,
         (a.detail ->> 'until')::timestamptz AS until,
         pg_catalog.concat_ws(': ', 'notes are missing', a.detail ->> 'reason') AS says
  FROM pgmask_audit.activity AS a WHERE a.kind = 'gap'
  UNION ALL
  SELECT e.began_at, 'era', e.era_id::text, e.began_at, NULL,
         'the database began a new life: ' || e.reason || ', server ' || e.server_version
  FROM pgmask_audit.era AS e
  UNION ALL
  SELECT m.month, 'partition', pg_catalog.concat(t.name, '_', pg_catalog.to_char(m.month, 'YYYY_MM')),
         m.month, m.month + '1 month'::interval, 'this month has no partition: rows go to the DEFAULT one'
  FROM (VALUES ('access'), ('change'), ('activity')) AS t (name)
  CROSS JOIN LATERAL pg_catalog.generate_series(
    pg_catalog.date_trunc('month', pg_catalog.now(), 'UTC'),
    pg_catalog.date_trunc('month', pg_catalog.now() + '2 months'::interval, 'UTC'), '1 month'
  ) AS m (month)
  WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n
                            WHERE n.nspname = 'pgmask_audit')
      AND c.relname = pg_catalog.concat(
            t.name, '_', pg_catalog.to_char(m.month AT TIME ZONE 'UTC', 'YYYY_MM')))
  UNION ALL
  SELECT d.at, 'default', d.name, d.at, NULL, 'rows of no month''s partition: ' || d.count
  FROM pgmask_private.default_rows() AS d
  WHERE d.count > 0
  UNION ALL
  SELECT b.made_at, 'batch', b.batch_id::text, b.made_before, b.made_at,
         pg_catalog.concat('transactions from ', b.ended, ' to ', b.xid_from, ' are in no batch')
  FROM (
    SELECT b.*, pg_catalog.lag(b.xid_to) OVER w AS ended,
           pg_catalog.lag(b.made_at) OVER w AS made_before
    FROM pgmask_audit.batch AS b
    WINDOW w AS (PARTITION BY b.era_id ORDER BY b.batch_id)
  ) AS b
  WHERE b.ended <> b.xid_from
  UNION ALL
  SELECT pg_catalog.max(b.made_at), 'seal', 'last batch', pg_catalog.max(b.made_at), NULL,
         COALESCE('sealed ' || (pg_catalog.now() - pg_catalog.max(b.made_at))::interval(0)::text || ' ago',
                  'nothing was ever sealed')
  FROM pgmask_audit.batch AS b
  UNION ALL
  SELECT c.moved_at, 'collector', c.source, c.moved_at, NULL,
         pg_catalog.concat('last moved ', (pg_catalog.now() - c.moved_at)::interval(0), ' ago; ',
                           c.rejected, ' notes did not verify')
  FROM pgmask_audit.collector AS c
  UNION ALL
  SELECT NULL, 'collector', 'none', NULL, NULL, 'notes were never collected'
  WHERE NOT EXISTS (SELECT FROM pgmask_audit.collector AS c)
) AS g
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s);
COMMENT ON VIEW pgmask_report.gaps IS
  'Where is the record not whole: gaps, eras, missing or DEFAULT partitions, rows no batch covers, a late collector?';

-- Since when there is a record, and how many of its gaps lie in a period: what an answer without rows is
-- worth.
--   p_from, p_to  NULL: without a bound
--   marks         no report: it tells nothing about anybody, and leaves no note
CREATE FUNCTION pgmask_report.extent(
  p_from timestamptz, p_to timestamptz, OUT begins timestamptz, OUT gaps bigint
)
  LANGUAGE sql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
  SELECT (SELECT min(e.began_at) FROM pgmask_audit.era AS e),
         (SELECT count(*) FROM pgmask_audit.activity AS a
           WHERE a.kind = 'gap'
             AND coalesce((a.detail ->> 'since')::timestamptz, a.at) < coalesce(p_to, 'infinity')
             AND coalesce((a.detail ->> 'until')::timestamptz, a.at) >= coalesce(p_from, '-infinity'))
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.extent(timestamptz, timestamptz) FROM PUBLIC;
ALTER FUNCTION pgmask_report.extent(timestamptz, timestamptz) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.extent(timestamptz, timestamptz)
  TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value;
COMMENT ON FUNCTION pgmask_report.extent(timestamptz, timestamptz) IS
  'Since when there is a record, and how many of its gaps lie in a period.';

CREATE VIEW pgmask_report.changes_of_rights WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('changes_of_rights', true) AS s
)
SELECT r.at, r.source, r.object, r.operation, r.before, r.after, r.person_id, p.name AS person, r.login
FROM (
  SELECT h.changed_at AS at, 'register' AS source, h.table_name::text AS object,
         pg_catalog.lower(h.operation) AS operation, h.old_row AS before, h.new_row AS after,
         h.person_id, h.login::text AS login
  FROM pgmask_private.register_history AS h
  UNION ALL
  SELECT a.at, 'database', a.object, a.kind, NULL, a.detail, a.person_id, a.login
  FROM pgmask_audit.activity AS a WHERE a.kind = 'right'
) AS r
LEFT JOIN pgmask_private.person AS p ON p.person_id = r.person_id
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s);
COMMENT ON VIEW pgmask_report.changes_of_rights IS
  'Who gave or took which right: in the register, and of roles of the database?';

CREATE VIEW pgmask_report.keys_and_deployments WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('keys_and_deployments', true) AS s
)
SELECT r.at, r.what, r.object, r.says, r.login
FROM (
  SELECT d.finished_at AS at, 'deployment' AS what, d.id::text AS object,
         pg_catalog.concat('catalogue ', pg_catalog."left"(d.catalogue_hash, 12), ', author ',
           COALESCE(d.author, '-'), ', approved by ', COALESCE(d.approver, '-'), ' ', d.approval_ref)
           AS says, d.applied_by AS login
  FROM pgmask_private.deployment AS d WHERE d.finished_at IS NOT NULL
  UNION ALL
  SELECT a.at, a.kind, a.object, a.detail::text, a.login
  FROM pgmask_audit.activity AS a
  WHERE a.kind IN ('key', 'definition', 'command', 'migration')
) AS r
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s);
COMMENT ON VIEW pgmask_report.keys_and_deployments IS
  'Which catalogues, keys and definitions came when, by whom, approved by whom?';

CREATE VIEW pgmask_report.coverage WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('coverage', true) AS s
)
SELECT c.profile, c.table_id, c.rows, c.operations, l.levels,
       COALESCE(p.grade, 'statement') AS grade,
       COALESCE(p.noted, false) AND (COALESCE(p.grade, 'statement') = 'subject'
         OR p.sees_high_value OR 'assigned' = ANY (c.rows)) AS notes_high_value
FROM (
  SELECT DISTINCT c.profile, c.table_id, c.rows, c.operations FROM pgmask_private.profile_column AS c
) AS c
LEFT JOIN pgmask_private.profile_levels AS l ON l.profile = c.profile AND l.table_id = c.table_id
LEFT JOIN pgmask_private.policy_period AS p
  ON p.profile = c.profile AND p.table_id = c.table_id
  AND p.deployment_id = (SELECT pg_catalog.max(x.deployment_id) FROM pgmask_private.catalogue_period AS x)
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s);
COMMENT ON VIEW pgmask_report.coverage IS
  'How are the reads of which profile and table noted: per statement, or per customer?';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_view text;
BEGIN
  FOREACH v_view IN ARRAY ARRAY[
    'audit_readers', 'gaps', 'changes_of_rights', 'keys_and_deployments', 'coverage'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER VIEW pgmask_report.%I OWNER TO pgmask_owner', v_view);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_report.%I FROM PUBLIC', v_view);
    EXECUTE pg_catalog.format(
      'GRANT SELECT ON TABLE pgmask_report.%I'
      ' TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value', v_view);
  END LOOP;
END;
$pgmask$;
