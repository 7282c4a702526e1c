-- Notes: what a read, a log-in and a refusal leave behind, whatever becomes of their transaction.
--
-- A note is a message in the log of transactions (pg_logical_emit_message, not transactional, prefix
-- pgmask): it survives ROLLBACK, and works in READ ONLY and parallel statements. On a standby, and
-- where wal_level is not logical, it is a line of the server's log instead. `pgmask audit collect` moves
-- notes into the record. Everybody may emit messages, so each is signed; what does not verify is
-- counted and dropped.
--
--   64 hexadecimal digits: HMAC-SHA-256 under audit_key of the rest, up to U+001E
--   then, each led by U+001F:
--     n1, kind, era, time, backend, time of the statement (both in microseconds since 1970), login,
--     application, address, table, query, code, detail,
--     and the claims of the identity as 20_fn_identity.sql lays them out:
--     person, profile, unit, grade, purpose, second factor, outsourced, issuer, end, service
--     (detail of kind statement: the text of the statement as an OpenPGP message, in base64)
--   then, of kind subject, one or more times: U+001E, class, U+001F, key
--
-- The part before U+001E is made once a statement and is known to the statement's executor only; the
-- customers are added row by row without a signature of their own. Who could add one would have to know
-- the signed part of a statement of his own, and could add to what he has seen, and take nothing away.

CREATE SCHEMA pgmask_note;
ALTER SCHEMA pgmask_note OWNER TO pgmask_owner;
REVOKE ALL ON SCHEMA pgmask_note FROM PUBLIC;
-- Views and policies call these by reference; by name nobody reaches them, who may not look in here.
GRANT USAGE ON SCHEMA pgmask_note TO pgmask_migrator, pgmask_lookup;
COMMENT ON SCHEMA pgmask_note IS 'What views and policies call to leave notes. Nobody calls it by name.';

-- Writes a note into the server's log.
--   marks  client_min_messages is set so that whoever asks does not get to see it
CREATE FUNCTION pgmask_private.log_note(p_note text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET client_min_messages = 'error'
AS $pgmask$
BEGIN
  RAISE LOG USING MESSAGE = 'pgmask note ' || p_note;
  RETURN true;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.log_note(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.log_note(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.log_note(text) IS 'Writes a note into the server''s log.';

-- The signed part of a note.
--   p_claims  of whoever acts, as identity_claims gives them; NULL: nobody is known
--   p_stops   whether the note is of a read, which is refused when the collector has stalled
--   result    NULL without a key to sign with, as after a restore, where the note is of no read
--   errors    of a read: PM800 no key to sign with; PM802 reads are stopped
--   marks     the secret flows through assignments only
CREATE FUNCTION pgmask_private.sign_note(
  p_kind text, p_claims text, p_table text, p_query bigint, p_code text, p_detail text,
  p_stops boolean
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_secret bytea;
  v_era integer;
  v_until timestamptz;
  v_body text;
BEGIN
  SELECT k.secret, k.era_id, r.reads_until INTO v_secret, v_era, v_until
    FROM pgmask_private.audit_key AS k CROSS JOIN pgmask_audit.note_rule AS r;
  IF p_stops AND (clock_timestamp() < v_until) IS NOT TRUE THEN
    v_secret := NULL;
    RAISE EXCEPTION USING
      ERRCODE = CASE WHEN v_until IS NULL THEN 'PM800' ELSE 'PM802' END,
      MESSAGE = CASE WHEN v_until IS NULL THEN 'there is no key to sign notes with'
                     ELSE 'reads are stopped: the record is not being collected' END,
      HINT = CASE WHEN v_until IS NULL THEN 'pgmask install makes one.'
                  ELSE 'The catalogue says when_audit_stalls: stop_reads. pgmask audit collect' END;
  END IF;
  v_body := concat(
    U&'\001Fn1\001F', p_kind,
    U&'\001F', v_era,
    U&'\001F', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    U&'\001F', pg_backend_pid(),
    U&'\001F', (extract(epoch FROM statement_timestamp()) * 1000000)::bigint,
    U&'\001F', translate(SESSION_USER, U&'\001E\001F', '??'),
    U&'\001F', current_setting('application_name'),
    U&'\001F', host(inet_client_addr()),
    U&'\001F', p_table,
    U&'\001F', p_query,
    U&'\001F', p_code,
    U&'\001F', translate(p_detail, U&'\001E\001F', '  '),
    CASE WHEN p_claims IS NULL THEN repeat(U&'\001F', 10)
         ELSE substr(p_claims, strpos(p_claims, U&'\001F')) END);
  v_body := encode(pgmask_crypto.hmac(convert_to(v_body, 'UTF8'), v_secret, 'sha256'), 'hex') || v_body;
  v_secret := NULL;
  IF p_stops AND v_body IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM800', MESSAGE = 'there is no key to sign notes with',
      HINT = 'pgmask install makes one.';
  END IF;
  RETURN v_body;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.sign_note(text, text, text, bigint, text, text, boolean) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.sign_note(text, text, text, bigint, text, text, boolean) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.sign_note(text, text, text, bigint, text, text, boolean) IS
  'The signed part of a note; PM800, PM802.';

-- Leaves a note: in the log of transactions, or in the server's where that can't be.
--   result  whether there was one
CREATE FUNCTION pgmask_private.leave_note(p_note text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_position pg_lsn;
BEGIN
  IF p_note IS NULL THEN
    RETURN false;
  END IF;
  IF pg_is_in_recovery() OR current_setting('wal_level') <> 'logical' THEN
    RETURN pgmask_private.log_note(p_note);
  END IF;
  v_position := pg_logical_emit_message(false, 'pgmask', p_note);
  RETURN v_position IS NOT NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.leave_note(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.leave_note(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.leave_note(text) IS
  'Leaves a note in the log of transactions, or in the server''s log.';

-- The claims of whoever acts in this transaction, or NULL: never an error.
CREATE FUNCTION pgmask_private.known_claims()
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_claims text := current_setting('pgmask.token', true);
  v_secret bytea;
BEGIN
  IF v_claims <> '' THEN
    SELECT k.secret INTO v_secret FROM pgmask_private.token_key AS k;
    IF ("left"(v_claims, 64) = encode(
          pgmask_crypto.hmac(
            convert_to("right"(v_claims, -64), 'UTF8') || int4send(pg_backend_pid())
              || timestamptz_send(now()) || convert_to(current_database()::text, 'UTF8'),
            v_secret, 'sha256'),
          'hex')) IS TRUE THEN
      v_secret := NULL;
      RETURN v_claims;
    END IF;
    v_secret := NULL;
    RETURN NULL;
  END IF;
  SELECT l.claims INTO v_claims
    FROM pgmask_private.effective_login AS l
   WHERE l.login = SESSION_USER
     AND l.valid_from <= clock_timestamp() AND clock_timestamp() < l.valid_until;
  RETURN v_claims;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.known_claims() FROM PUBLIC;
ALTER FUNCTION pgmask_private.known_claims() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.known_claims() TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.known_claims() IS
  'The claims of whoever acts in this transaction, expired ones too; NULL where nobody is known.';

-- Who is asking, with a note that this statement reads a relation: what every view asks first.
--   p_query  the statement's number, where the profile asks for it
--   result   the signed part of the note; never NULL
--   errors   PM101..PM103 as identity_claims; PM800, PM802
CREATE FUNCTION pgmask_note.read(
  p_profile text, p_grades text[], p_issuers text[], p_login boolean, p_table text, p_query bigint
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_note text;
  v_position pg_lsn;
BEGIN
  v_note := pgmask_private.sign_note(
    'statement', pgmask.identity_claims(p_profile, p_grades, p_issuers, p_login),
    p_table, p_query, NULL, NULL, true);
  -- As leave_note does; a call less, in every statement.
  IF pg_is_in_recovery() OR current_setting('wal_level') <> 'logical' THEN
    IF pgmask_private.log_note(v_note) THEN
      RETURN v_note;
    END IF;
  END IF;
  v_position := pg_logical_emit_message(false, 'pgmask', v_note);
  IF v_position IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM800', MESSAGE = 'the read could not be noted';
  END IF;
  RETURN v_note;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_note.read(text, text[], text[], boolean, text, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_note.read(text, text[], text[], boolean, text, bigint) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_note.read(text, text[], text[], boolean, text, bigint) TO PUBLIC;
COMMENT ON FUNCTION pgmask_note.read(text, text[], text[], boolean, text, bigint) IS
  'Who is asking, noted as a read of the relation, or PM101, PM102, PM103.';

-- The text of the statement that the client sent, encrypted to the auditors' key: base64 of an OpenPGP
-- message. Values bound to a prepared statement are not in it; of a longer text it is the first 32,768 characters.
--   errors  PM804 there is no key
--   marks   the text flows through assignments only; nobody on this server can read it again
CREATE FUNCTION pgmask_private.encrypted_statement()
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_key bytea;
BEGIN
  SELECT r.text_key INTO v_key FROM pgmask_audit.note_rule AS r;
  IF v_key IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM804',
      MESSAGE = 'statements are to be noted with their text, and auditors have given no key for it',
      HINT = 'pgmask audit text-key set FILE';
  END IF;
  RETURN translate(
    encode(pgmask_crypto.pgp_pub_encrypt("left"(current_query(), 32768), v_key), 'base64'),
    E'\n', '');
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.encrypted_statement() FROM PUBLIC;
ALTER FUNCTION pgmask_private.encrypted_statement() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.encrypted_statement() IS
  'The text of the client''s statement, encrypted to the auditors'' key; PM804.';

-- As read, and the note holds the statement's text, which auditors alone can decrypt.
--   errors  PM804 there is no key, and those of read
CREATE FUNCTION pgmask_note.read_with_text(
  p_profile text, p_grades text[], p_issuers text[], p_login boolean, p_table text, p_query bigint
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_note text;
BEGIN
  v_note := pgmask_private.sign_note(
    'statement', pgmask.identity_claims(p_profile, p_grades, p_issuers, p_login),
    p_table, p_query, NULL, pgmask_private.encrypted_statement(), true);
  IF pgmask_private.leave_note(v_note) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM800', MESSAGE = 'the read could not be noted';
  END IF;
  RETURN v_note;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_note.read_with_text(text, text[], text[], boolean, text, bigint) FROM PUBLIC;
ALTER FUNCTION
  pgmask_note.read_with_text(text, text[], text[], boolean, text, bigint) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_note.read_with_text(text, text[], text[], boolean, text, bigint) TO PUBLIC;
COMMENT ON FUNCTION pgmask_note.read_with_text(text, text[], text[], boolean, text, bigint) IS
  'As read; the note holds the statement''s text, encrypted to the auditors'' key. PM804.';

-- The signed part of the notes about the customers whose rows a statement examines: asked once a
-- statement, by the policy, when it meets the first row.
CREATE FUNCTION pgmask_note.subjects(
  p_profile text, p_grades text[], p_issuers text[], p_login boolean, p_table text, p_query bigint
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN pgmask_private.sign_note(
    'subject', pgmask.identity_claims(p_profile, p_grades, p_issuers, p_login),
    p_table, p_query, NULL, NULL, true);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_note.subjects(text, text[], text[], boolean, text, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_note.subjects(text, text[], text[], boolean, text, bigint) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_note.subjects(text, text[], text[], boolean, text, bigint) TO PUBLIC;
COMMENT ON FUNCTION pgmask_note.subjects(text, text[], text[], boolean, text, bigint) IS
  'The signed part of the notes about the customers that a statement examines.';

-- Notes the customers of one row that a statement examines.
--   p_note      what pgmask_note.subjects gave
--   p_subjects  class U+001F key, more of them behind U+001E; NULL: the row speaks of nobody
--   result      true
--   marks       PARALLEL SAFE: workers note what they examine. COST: after every other condition of the
--               policy, so that rows that it keeps back are not noted
CREATE FUNCTION pgmask_note.examined(p_note text, p_subjects text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  COST 50
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_position pg_lsn;
BEGIN
  IF p_subjects IS NULL THEN
    RETURN true;
  END IF;
  IF p_note IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM800', MESSAGE = 'the read could not be noted';
  END IF;
  IF pg_is_in_recovery() OR current_setting('wal_level') <> 'logical' THEN
    RETURN pgmask_private.log_note(p_note || U&'\001E' || p_subjects);
  END IF;
  v_position := pg_logical_emit_message(false, 'pgmask', p_note || U&'\001E' || p_subjects);
  RETURN true;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_note.examined(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_note.examined(text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_note.examined(text, text) TO PUBLIC;
COMMENT ON FUNCTION pgmask_note.examined(text, text) IS
  'Notes the customers of one row that a statement examines.';

-- Notes that a login which makes backups read a relation. Works without an identity.
CREATE FUNCTION pgmask_note.backup(p_table text)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  -- True also where there is no key to sign with: a backup must be whole.
  RETURN pgmask_private.leave_note(pgmask_private.sign_note(
    'backup', pgmask_private.known_claims(), p_table, NULL, NULL, NULL, false)) IS NOT NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_note.backup(text) FROM PUBLIC;
ALTER FUNCTION pgmask_note.backup(text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_note.backup(text) TO PUBLIC;
COMMENT ON FUNCTION pgmask_note.backup(text) IS 'Notes that a backup read a relation.';

-- Notes a log-in, a refusal, or that a report of the record was read.
--   p_kind    login, refused, audit or migration
--   p_detail  names and numbers only
--   marks     never an error of its own: whatever is refused is refused with its own code
CREATE FUNCTION pgmask_private.note(
  p_kind text, p_claims text, p_object text, p_code text, p_detail text
)
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN pgmask_private.leave_note(pgmask_private.sign_note(
    p_kind, p_claims, p_object, NULL, p_code, p_detail, false));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.note(text, text, text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.note(text, text, text, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.note(text, text, text, text, text) TO pgmask_sealer, pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.note(text, text, text, text, text) IS
  'Notes a log-in, a refusal, or that a report of the record was read.';
