-- Complete values that were shown, and what was refused. Views over all time: say WHERE at >= .. AND at
-- < .., it reaches the tables. Each asks audit_scope before any row, once a statement; security_barrier
-- keeps conditions of the reader behind it. Of a customer a unit sees the time that he was of that unit.

CREATE VIEW pgmask_report.reveals WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('reveals', false) AS s
)
SELECT t.at, t.ticket_id, t.person_id, p.name AS person, t.profile, t.unit_id, t.subject_class,
       t.subject_key, t.table_id, t.row_key, t.columns, t.purpose, t.reference AS request, t.grade,
       t.issuer, t.login, t.application_name, pg_catalog.host(t.client_addr) AS client_addr
FROM pgmask_audit.ticket AS t
LEFT JOIN pgmask_private.person AS p ON p.person_id = t.person_id
LEFT JOIN pgmask_private.persons_of((SELECT s.unit_id FROM scope AS s)) AS m
  ON m.person_id = t.person_id
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s)
  AND t.kind = 'reveal'
  AND ((SELECT s.everything FROM scope AS s)
    OR t.unit_id = (SELECT s.unit_id FROM scope AS s)
    OR m.during OPERATOR(pg_catalog.@>) t.at
    OR (t.subject_class, t.subject_key) IN (
      SELECT k.subject_class, k.subject_key FROM scope AS s
      CROSS JOIN LATERAL pgmask_private.audit_subjects(NULL, NULL, s.unit_id, s.high_value) AS k)
    AND (SELECT pgmask_private.scope_has_moment(
      s.unit_id, s.high_value, t.subject_class, t.subject_key, t.at) FROM scope AS s));
COMMENT ON VIEW pgmask_report.reveals IS
  'Which complete values were shown to whom, why, of which customer?';

CREATE VIEW pgmask_report.reveals_counted WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('reveals_counted', false) AS s
)
SELECT pg_catalog.date_trunc('hour', t.at) AS at, t.unit_id, t.person_id, p.name AS person, t.profile,
       t.purpose, t.table_id, pg_catalog.count(*) AS reveals,
       pg_catalog.count(DISTINCT (t.subject_class, t.subject_key)) AS customers
FROM pgmask_audit.ticket AS t
LEFT JOIN pgmask_private.person AS p ON p.person_id = t.person_id
LEFT JOIN pgmask_private.persons_of((SELECT s.unit_id FROM scope AS s)) AS m
  ON m.person_id = t.person_id
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s)
  AND t.kind = 'reveal'
  AND ((SELECT s.everything FROM scope AS s)
    OR t.unit_id = (SELECT s.unit_id FROM scope AS s)
    OR m.during OPERATOR(pg_catalog.@>) t.at
    OR (t.subject_class, t.subject_key) IN (
      SELECT k.subject_class, k.subject_key FROM scope AS s
      CROSS JOIN LATERAL pgmask_private.audit_subjects(NULL, NULL, s.unit_id, s.high_value) AS k)
    AND (SELECT pgmask_private.scope_has_moment(
      s.unit_id, s.high_value, t.subject_class, t.subject_key, t.at) FROM scope AS s))
GROUP BY 1, 2, 3, 4, 5, 6, 7;
COMMENT ON VIEW pgmask_report.reveals_counted IS
  'How many complete values were shown, by unit, person, purpose and hour?';

CREATE VIEW pgmask_report.downloads WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('downloads', false) AS s
)
SELECT pg_catalog.date_trunc('day', t.at, r.zone) AS at, t.unit_id, t.person_id, p.name AS person,
       t.profile, t.table_id, pg_catalog.count(*) FILTER (WHERE t.kind = 'reveal') AS reveals,
       pg_catalog.count(DISTINCT (t.subject_class, t.subject_key)) FILTER (WHERE t.kind = 'reveal')
         AS customers,
       pg_catalog.count(*) FILTER (WHERE t.kind = 'search') AS searches
FROM pgmask_audit.ticket AS t
CROSS JOIN pgmask_audit.report_state AS r
LEFT JOIN pgmask_private.person AS p ON p.person_id = t.person_id
LEFT JOIN pgmask_private.persons_of((SELECT s.unit_id FROM scope AS s)) AS m
  ON m.person_id = t.person_id
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s)
  AND ((SELECT s.everything FROM scope AS s)
    OR t.unit_id = (SELECT s.unit_id FROM scope AS s)
    OR m.during OPERATOR(pg_catalog.@>) t.at
    OR (t.subject_class, t.subject_key) IN (
      SELECT k.subject_class, k.subject_key FROM scope AS s
      CROSS JOIN LATERAL pgmask_private.audit_subjects(NULL, NULL, s.unit_id, s.high_value) AS k)
    AND (SELECT pgmask_private.scope_has_moment(
      s.unit_id, s.high_value, t.subject_class, t.subject_key, t.at) FROM scope AS s))
GROUP BY 1, 2, 3, 4, 5, 6;
COMMENT ON VIEW pgmask_report.downloads IS
  'Who took much at once: reveals and searches per person and day? An extract by COPY or by a long SELECT is in accesses, as reads.';

CREATE VIEW pgmask_report.refused_attempts WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('refused_attempts', false) AS s
)
SELECT a.at, a.code, e.title AS says, a.person_id, p.name AS person, a.profile, a.unit_id, a.object,
       a.login, a.application_name, a.client_addr, a.purpose, a.issuer, a.activity_id
FROM pgmask_audit.activity AS a
LEFT JOIN pgmask_private.person AS p ON p.person_id = a.person_id
LEFT JOIN pgmask_private.persons_of((SELECT s.unit_id FROM scope AS s)) AS m
  ON m.person_id = a.person_id
LEFT JOIN pgmask_private.error_code AS e ON e.code = a.code
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s)
  AND a.kind = 'refused'
  AND ((SELECT s.everything FROM scope AS s)
    OR a.unit_id = (SELECT s.unit_id FROM scope AS s)
    OR m.during OPERATOR(pg_catalog.@>) a.at);
COMMENT ON VIEW pgmask_report.refused_attempts IS
  'Who was refused what, and by which code?';

CREATE VIEW pgmask_report.alerts WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('alerts', false) AS s
)
SELECT a.at, a.alert_id, a.severity, a.rule, a.about, a.person_id, p.name AS person, a.profile,
       a.unit_id, a.login, a.window_from, a.window_to, a.detail, a.action, c.closed_at,
       c.person_id AS closed_by_id, q.name AS closed_by, c.reason
FROM pgmask_audit.alert AS a
LEFT JOIN pgmask_audit.alert_close AS c ON c.alert_id = a.alert_id
LEFT JOIN pgmask_private.person AS p ON p.person_id = a.person_id
LEFT JOIN pgmask_private.persons_of((SELECT s.unit_id FROM scope AS s)) AS m
  ON m.person_id = a.person_id
LEFT JOIN pgmask_private.person AS q ON q.person_id = c.person_id
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s)
  AND ((SELECT s.everything FROM scope AS s)
    OR a.unit_id = (SELECT s.unit_id FROM scope AS s)
    OR m.during OPERATOR(pg_catalog.@>) a.window_from);
COMMENT ON VIEW pgmask_report.alerts IS
  'What was unusual, and who closed it with which reason?';

CREATE VIEW pgmask_report.alert_rules WITH (security_barrier) AS
WITH scope AS MATERIALIZED (
  SELECT s.* FROM pgmask_private.audit_scope('alert_rules', true) AS s
)
SELECT r.rule, r.kind, r.parameters, r.severity, r.enabled, r.action, r.says
FROM pgmask_audit.alert_rule AS r
WHERE (SELECT s.everything IS NOT NULL FROM scope AS s);
COMMENT ON VIEW pgmask_report.alert_rules IS 'By which rules are alerts raised?';

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_view text;
BEGIN
  FOREACH v_view IN ARRAY ARRAY[
    'reveals', 'reveals_counted', 'downloads', 'refused_attempts', 'alerts', 'alert_rules'
  ] LOOP
    EXECUTE pg_catalog.format('ALTER VIEW pgmask_report.%I OWNER TO pgmask_owner', v_view);
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pgmask_report.%I FROM PUBLIC', v_view);
    EXECUTE pg_catalog.format(
      'GRANT SELECT ON TABLE pgmask_report.%I'
      ' TO pgmask_record_auditor, pgmask_record_unit, pgmask_record_high_value', v_view);
  END LOOP;
END;
$pgmask$;
