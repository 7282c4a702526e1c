-- The rules of alerts and the office hours: put by auditors, and recorded (G5).

-- Puts a rule of alerts.
--   p_kind        a rule keeps the one it was made with
--   p_parameters  numbers of its kind; what is not given stays as the kind's first rule has it
--   errors        PM840; PM847
CREATE FUNCTION pgmask_report.put_alert_rule(
  p_rule text, p_kind text, p_parameters jsonb, p_severity text, p_enabled boolean, p_action text,
  p_says text
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_scope record;
  v_known jsonb;
  v_given jsonb := coalesce(p_parameters, '{}');
  v_noted bigint;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('alert_rules', true) AS s;
  SELECT r.parameters INTO v_known
    FROM pgmask_audit.alert_rule AS r WHERE r.kind = p_kind ORDER BY r.rule = p_kind DESC LIMIT 1;
  IF (v_known IS NOT NULL AND jsonb_typeof(v_given) = 'object'
      AND NOT EXISTS (
        SELECT FROM jsonb_each(v_given) AS g
         WHERE NOT jsonb_exists(v_known, g.key)
            OR jsonb_typeof(g.value) <> jsonb_typeof(v_known -> g.key))) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM847', MESSAGE = 'the rule has an unknown kind or number',
      HINT = format('Numbers of this kind: %s', v_known);
  END IF;
  IF (NOT EXISTS (
        SELECT FROM jsonb_each(v_given) AS g
         WHERE CASE jsonb_typeof(g.value)
                 WHEN 'number' THEN (g.value #>> '{}')::numeric NOT BETWEEN 0.001 AND 1000000000
                   OR (g.key <> 'factor' AND (g.value #>> '{}')::numeric % 1 <> 0)
                 WHEN 'array' THEN jsonb_array_length(g.value) = 0
                   OR jsonb_path_exists(g.value, '$[*] ? (@.type() != "string")')
                 ELSE true END)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM847',
      MESSAGE = 'a number of a rule is whole and 1 or more; factor alone may be a fraction',
      HINT = format('Numbers of this kind: %s', v_known);
  END IF;
  IF EXISTS (SELECT FROM pgmask_audit.alert_rule AS r WHERE r.rule = p_rule AND r.kind <> p_kind) THEN
    RAISE EXCEPTION USING ERRCODE = 'PM847', MESSAGE = 'a rule keeps its kind',
      HINT = 'Give another kind another name, and switch this one off.';
  END IF;
  BEGIN
    INSERT INTO pgmask_audit.alert_rule AS r (rule, kind, parameters, severity, enabled, action, says)
    VALUES (p_rule, p_kind, v_known || v_given, p_severity, p_enabled, p_action, p_says)
    ON CONFLICT (rule) DO UPDATE
      SET parameters = excluded.parameters, severity = excluded.severity,
          enabled = excluded.enabled, action = excluded.action, says = excluded.says;
  EXCEPTION
    WHEN check_violation OR not_null_violation THEN
      RAISE EXCEPTION USING ERRCODE = 'PM847',
        MESSAGE = 'the rule has an unknown severity or action, a bad name or no words';
  END;
  v_noted := pgmask_private.record_activity('alert', format('rule %s', p_rule),
    jsonb_build_object('kind', p_kind, 'parameters', v_known || v_given, 'severity', p_severity,
                       'enabled', p_enabled, 'action', p_action));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) TO pgmask_record_auditor;
COMMENT ON FUNCTION pgmask_report.put_alert_rule(
  text, text, jsonb, text, boolean, text, text) IS 'Puts a rule of alerts; recorded.';

-- Puts the office hours that reports and alerts go by.
CREATE FUNCTION pgmask_report.put_office_hours(
  p_zone text, p_opens time, p_closes time, p_workdays integer[]
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_scope record;
  v_noted bigint;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('office_hours', true) AS s;
  IF (EXISTS (SELECT FROM pg_timezone_names AS z WHERE z.name = p_zone) AND p_opens < p_closes
      AND p_workdays <@ '{1,2,3,4,5,6,7}') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845',
      MESSAGE = 'a time zone by name, a begin, a later end, and days from 1 (Monday) to 7 are needed';
  END IF;
  UPDATE pgmask_audit.report_state
     SET zone = p_zone, opens = p_opens, closes = p_closes, workdays = p_workdays;
  v_noted := pgmask_private.record_activity('alert', 'office hours',
    jsonb_build_object('zone', p_zone, 'opens', p_opens, 'closes', p_closes, 'workdays', p_workdays));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.put_office_hours(text, time, time, integer[]) FROM PUBLIC;
ALTER FUNCTION pgmask_report.put_office_hours(text, time, time, integer[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_report.put_office_hours(text, time, time, integer[]) TO pgmask_record_auditor;
COMMENT ON FUNCTION pgmask_report.put_office_hours(text, time, time, integer[]) IS
  'Puts the office hours that reports and alerts go by; recorded.';
