-- The text of statements, which profiles with audit_text note encrypted to the auditors' key. The private
-- key never comes to this server: an auditor decrypts what a report gives him, with OpenPGP.

-- Gives the key to which the text of statements is encrypted.
--   p_key   an armored OpenPGP public key that can encrypt (RSA or ElGamal)
--   result  its id, as messages name it
--   errors  PM840 the session is no auditor; PM805 it is no key that encrypts
--   marks   auditors give it themselves, and the record says who did
CREATE FUNCTION pgmask_report.set_text_key(p_key text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_scope record;
  v_key bytea;
  v_id text;
  v_before text;
  v_tried bytea;
  v_noted bigint;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('set_text_key', true) AS s;
  BEGIN
    v_key := pgmask_crypto.dearmor(p_key);
    v_id := pgmask_crypto.pgp_key_id(v_key);
    v_tried := pgmask_crypto.pgp_pub_encrypt('tried', v_key);
    -- A private key would encrypt as well, and has no business here.
    IF (v_id <> 'SYMKEY' AND strpos(p_key, 'PRIVATE KEY') = 0) IS NOT TRUE THEN
      RAISE EXCEPTION USING ERRCODE = 'PM805', MESSAGE = 'not a public key';
    END IF;
  EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION USING ERRCODE = 'PM805',
      MESSAGE = 'this is no OpenPGP public key that the server can encrypt to',
      HINT = 'An armored public key with an RSA or ElGamal subkey for encryption:'
             ' gpg --armor --export KEY';
  END;
  SELECT r.text_key_id INTO v_before FROM pgmask_audit.note_rule AS r;
  UPDATE pgmask_audit.note_rule AS r SET text_key = v_key, text_key_id = v_id;
  v_noted := pgmask_private.record_activity(
    'key', 'text', jsonb_build_object('set', v_id, 'before', v_before));
  RETURN v_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.set_text_key(text) FROM PUBLIC;
ALTER FUNCTION pgmask_report.set_text_key(text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.set_text_key(text) TO pgmask_record_auditor;
COMMENT ON FUNCTION pgmask_report.set_text_key(text) IS
  'Gives the OpenPGP public key to which the text of statements is encrypted; PM805, PM840.';

CREATE FUNCTION pgmask_report.statement_texts(
  p_from timestamptz, p_to timestamptz, p_person bigint DEFAULT NULL
)
  RETURNS TABLE (
    at timestamptz, person_id bigint, person text, profile text, login text, table_id text,
    key_id text, message text
  )
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET jit = off
AS $pgmask$
#variable_conflict use_column
DECLARE
  v_scope record;
BEGIN
  SELECT s.* INTO STRICT v_scope FROM pgmask_private.audit_scope('statement_texts', true) AS s;
  IF (p_from < p_to) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM845', MESSAGE = 'a begin and a later end are needed';
  END IF;
  RETURN QUERY
  SELECT a.at, a.person_id, p.name, a.profile, a.login, a.table_id,
         pgmask_crypto.pgp_key_id(a.statement_text), pgmask_crypto.armor(a.statement_text)
    FROM pgmask_audit.access AS a
    LEFT JOIN pgmask_private.person AS p ON p.person_id = a.person_id
   WHERE a.kind = 'statement' AND a.statement_text IS NOT NULL
     AND a.at >= p_from AND a.at < p_to
     AND (p_person IS NULL OR a.person_id = p_person)
   ORDER BY a.at, a.access_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_report.statement_texts(timestamptz, timestamptz, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_report.statement_texts(timestamptz, timestamptz, bigint) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_report.statement_texts(timestamptz, timestamptz, bigint)
  TO pgmask_record_auditor;
COMMENT ON FUNCTION pgmask_report.statement_texts(timestamptz, timestamptz, bigint) IS
  'Which statements were sent, as messages that auditors alone can decrypt?';
