-- Raising alerts, and closing them with a reason (G5). Their rows are only added.

DO LANGUAGE plpgsql $pgmask$
DECLARE
  v_table text;
BEGIN
  FOREACH v_table IN ARRAY ARRAY['alert', 'alert_close'] LOOP
    EXECUTE pg_catalog.format(
      'CREATE TRIGGER a_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON pgmask_audit.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_record_change()', v_table);
    EXECUTE pg_catalog.format(
      'ALTER TABLE pgmask_audit.%I ENABLE ALWAYS TRIGGER a_only_added', v_table);
    EXECUTE pg_catalog.format(
      'COMMENT ON TRIGGER a_only_added ON pgmask_audit.%I IS ''Rows are only added.''', v_table);
  END LOOP;
END;
$pgmask$;

-- Counts what is new, raises an alert for what is unusual in it, and freezes where the rule says so.
--   result  how many alerts were raised
--   marks   a rule raises one alert per person and day or hour, however often it is evaluated; each is
--           an activity as well, so that the seal covers it
CREATE FUNCTION pgmask_private.evaluate_alerts()
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_counted bigint;
  v_now timestamptz;
  v_to bigint;
  v_since timestamptz;
  v_activity bigint;
  v_found record;
  v_rule pgmask_audit.alert_rule;
  v_alert bigint;
  v_noted bigint;
  v_raised integer := 0;
BEGIN
  v_counted := pgmask_private.refresh_daily();
  v_now := clock_timestamp();
  v_to := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  SELECT s.evaluated_at, CASE WHEN s.activity_xid <= v_to THEN s.activity_xid ELSE 0 END
    INTO STRICT v_since, v_activity
    FROM pgmask_audit.report_state AS s;
  FOR v_found IN SELECT u.* FROM pgmask_private.unusual(v_since, v_activity) AS u LOOP
    SELECT r.* INTO STRICT v_rule FROM pgmask_audit.alert_rule AS r WHERE r.rule = v_found.rule;
    IF v_rule.action = 'freeze' AND NOT EXISTS (
         SELECT FROM pgmask_private.person AS p
          WHERE p.person_id = v_found.person_id AND p.standing = 'active') THEN
      v_rule.action := 'none';
    END IF;
    INSERT INTO pgmask_audit.alert (
      rule, kind, severity, about, person_id, profile, unit_id, login, window_from, window_to, detail,
      action
    ) VALUES (
      v_rule.rule, v_rule.kind, v_rule.severity, v_found.about, v_found.person_id,
      NULLIF(v_found.profile, ''), NULLIF(v_found.unit_id, ''), v_found.login, v_found.window_from,
      v_found.window_to, v_found.detail, v_rule.action
    )
    ON CONFLICT (rule, about) DO NOTHING
    RETURNING alert_id INTO v_alert;
    IF FOUND THEN
      v_raised := v_raised + 1;
      IF v_rule.action = 'freeze' THEN
        PERFORM pgmask.register_standing(
          v_found.person_id, 'suspended', format('alert %s (%s)', v_alert, v_rule.rule));
      END IF;
      v_noted := pgmask_private.record_activity('alert', format('alert %s', v_alert),
        jsonb_build_object('rule', v_rule.rule, 'person', v_found.person_id,
                           'action', v_rule.action));
    END IF;
  END LOOP;
  UPDATE pgmask_audit.report_state SET evaluated_at = v_now, activity_xid = v_to;
  RETURN v_raised;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.evaluate_alerts() FROM PUBLIC;
ALTER FUNCTION pgmask_private.evaluate_alerts() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.evaluate_alerts() TO pgmask_collector;
COMMENT ON FUNCTION pgmask_private.evaluate_alerts() IS
  'Counts what is new and raises alerts for what is unusual in it; gives how many.';

-- Closes an alert.
--   errors  PM840; PM841 the caller is the one it is about, or nobody of the register; PM842 no reason;
--           PM843 no such open alert in the caller's scope
CREATE FUNCTION pgmask_report.close_alert(p_alert bigint, p_reason text)
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
  v_alert pgmask_audit.alert;
  v_noted bigint;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('alerts', false) AS s;
  SELECT a.* INTO v_alert
    FROM pgmask_audit.alert AS a
   WHERE a.alert_id = p_alert
     AND (v_scope.everything OR a.unit_id = v_scope.unit_id
          OR EXISTS (SELECT FROM pgmask_private.persons_of(v_scope.unit_id) AS m
                      WHERE m.person_id = a.person_id AND m.during @> a.window_from));
  IF v_alert.alert_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM843', MESSAGE = format('there is no open alert %s', p_alert);
  END IF;
  IF (v_scope.person_id IS NOT NULL
      AND v_scope.person_id IS DISTINCT FROM v_alert.person_id) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM841',
      MESSAGE = 'an alert is closed by another person than the one it is about',
      DETAIL = CASE WHEN v_scope.person_id IS NULL
                    THEN 'This login is no person of the register.' ELSE '' END,
      HINT = 'Have a colleague with a registered login close it.';
  END IF;
  IF (p_reason ~ '[^[:space:]]') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM842', MESSAGE = 'an alert is closed with a reason';
  END IF;
  INSERT INTO pgmask_audit.alert_close (alert_id, person_id, reason)
  VALUES (p_alert, v_scope.person_id, p_reason)
  ON CONFLICT (alert_id) DO NOTHING;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'PM843', MESSAGE = format('alert %s is closed already', p_alert);
  END IF;
  v_noted := pgmask_private.record_activity('alert', format('alert %s closed', p_alert),
    jsonb_build_object('rule', v_alert.rule, 'person', v_alert.person_id));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.close_alert(bigint, text) FROM PUBLIC;
ALTER FUNCTION pgmask_report.close_alert(bigint, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.close_alert(bigint, text)
  TO pgmask_record_auditor, pgmask_record_unit;
COMMENT ON FUNCTION pgmask_report.close_alert(bigint, text) IS
  'Closes an alert with a reason; never by the person it is about.';
