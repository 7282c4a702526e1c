-- Who may read what of the record (G6).
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
