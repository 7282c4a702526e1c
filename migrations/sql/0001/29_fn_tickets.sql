-- Reveal and search: what the generated functions of every profile and table have in common.
--
-- A reveal is two transactions. The first writes a ticket (write_ticket), the application commits,
-- the second brings it (redeem_ticket) and only then is anything opened. A search is one call,
-- because what it answers is whether a row is there, and leaves a signed note in the log of
-- transactions that no ROLLBACK takes back (note_search). ADR 0019 and 0020 tell why.
--
-- Secrets flow only through simple expressions, as everywhere.

-- Makes the key of the notes when there is none: at the first install, and after a restore.
--   result  true when it was made
--   marks   the secret arises inside the statement: it is neither its text nor a parameter
CREATE FUNCTION pgmask_private.ensure_audit_key()
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_era integer := pgmask_private.current_era();
BEGIN
  INSERT INTO pgmask_private.audit_key (secret, era_id)
  VALUES (pgmask_crypto.gen_random_bytes(32), v_era)
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.ensure_audit_key() FROM PUBLIC;
ALTER FUNCTION pgmask_private.ensure_audit_key() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.ensure_audit_key() IS
  'Makes the key of the notes of searches when there is none; true when it did.';

-- Raises a refusal of reveal or search, in the words of the registry of errors.
--   p_detail, p_hint  names and numbers only, never a value; NULL: none, the registry's way out
CREATE FUNCTION pgmask_private.refuse_reveal(p_code text, p_table text, p_detail text, p_hint text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_title text;
  v_way_out text;
  v_noted boolean;
BEGIN
  v_noted := pgmask_private.note(
    'refused', pgmask_private.known_claims(), p_table, p_code, p_detail);
  SELECT e.title, e.way_out INTO v_title, v_way_out
    FROM pgmask_private.error_code AS e WHERE e.code = p_code;
  -- An empty DETAIL would be shown as a line of its own.
  IF (p_detail <> '') IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = p_code,
      MESSAGE = coalesce(v_title, 'refused'),
      HINT = coalesce(p_hint, v_way_out, ''),
      TABLE = coalesce(p_table, '');
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = p_code,
    MESSAGE = coalesce(v_title, 'refused'),
    DETAIL = p_detail,
    HINT = coalesce(p_hint, v_way_out, ''),
    TABLE = coalesce(p_table, '');
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_reveal(text, text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_reveal(text, text, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_reveal(text, text, text, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.refuse_reveal(text, text, text, text) IS
  'Raises a refusal of reveal or search; never returns.';

-- Whether whoever is asking may reveal or search at all: strong identity, no outsourced person, a
-- fresh second factor where the profile asks for one, on a server that can keep a record.
--   p_second_factor  how long ago it may have been given; NULL: none is asked for
--   errors           PM401, PM402, PM413
CREATE FUNCTION pgmask_private.check_holder(
  p_grade text, p_outsourced boolean, p_second_factor_at timestamptz, p_second_factor interval,
  p_table text
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF (pg_is_in_recovery()) IS NOT FALSE THEN
    RETURN pgmask_private.refuse_reveal('PM413', p_table, NULL, NULL);
  END IF;
  IF (p_outsourced) IS NOT FALSE THEN
    RETURN pgmask_private.refuse_reveal('PM402', p_table, NULL, NULL);
  END IF;
  -- A login that stands for a service is no person, whoever answers for it.
  IF (p_grade = 'challenge' OR p_grade = 'login' AND EXISTS (
        SELECT FROM pgmask_private.database_login AS d
         WHERE d.login = SESSION_USER AND d.service IS NULL)) IS NOT TRUE THEN
    RETURN pgmask_private.refuse_reveal(
      'PM401', p_table,
      format('The identity of this transaction has the grade "%s".', p_grade), NULL);
  END IF;
  IF p_second_factor IS NOT NULL
     AND (p_second_factor_at > clock_timestamp() - p_second_factor) IS NOT TRUE THEN
    RETURN pgmask_private.refuse_reveal(
      'PM401', p_table,
      format('The profile asks for a second factor within %s seconds.',
             extract(epoch FROM p_second_factor)::bigint),
      'Give the second factor again, and log in with it.');
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.check_holder(text, boolean, timestamptz, interval, text) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.check_holder(text, boolean, timestamptz, interval, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.check_holder(text, boolean, timestamptz, interval, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.check_holder(text, boolean, timestamptz, interval, text) IS
  'Whether whoever is asking may reveal or search at all; PM401, PM402 or PM413 when not.';

-- The columns of a request: what was asked for, each once, or the profile's own for nothing asked.
--   errors  PM406 names what may not be revealed
CREATE FUNCTION pgmask_private.asked_columns(
  p_asked text[], p_allowed text[], p_default text[], p_table text
)
  RETURNS text[]
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_nothing text;
BEGIN
  IF coalesce(cardinality(p_asked), 0) = 0 THEN
    IF cardinality(p_default) = 0 THEN
      v_nothing := pgmask_private.refuse_reveal(
        'PM409', p_table, NULL,
        format('Name the columns: %s', array_to_string(p_allowed, ', ')));
    END IF;
    RETURN p_default;
  END IF;
  IF (p_asked <@ p_allowed) IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_reveal(
      'PM406', p_table, NULL,
      format('The profile may reveal: %s', array_to_string(p_allowed, ', ')));
  END IF;
  RETURN ARRAY(SELECT DISTINCT a.a FROM unnest(p_asked) AS a (a) ORDER BY a.a);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.asked_columns(text[], text[], text[], text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.asked_columns(text[], text[], text[], text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.asked_columns(text[], text[], text[], text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.asked_columns(text[], text[], text[], text) IS
  'The columns of a request, each once; PM406 for one that may not be revealed.';

-- Whether the purpose is one of the profile's, and the reference has the form of a key.
--   p_allowed   the purposes; p_with_case: those that need a business case
--   errors      PM403
CREATE FUNCTION pgmask_private.check_purpose(
  p_purpose text, p_reference text, p_allowed text[], p_with_case text[], p_table text
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF (p_purpose = ANY (p_allowed)) IS NOT TRUE THEN
    RETURN pgmask_private.refuse_reveal(
      'PM403', p_table, 'The purpose is not one of the profile''s.',
      format('Say one of: %s', array_to_string(p_allowed, ', ')));
  END IF;
  IF p_reference IS NULL AND p_purpose = ANY (p_with_case) THEN
    RETURN pgmask_private.refuse_reveal(
      'PM403', p_table, format('The purpose %s needs a reference.', p_purpose),
      'Give the key of the business case as the reference.');
  END IF;
  IF p_reference IS NOT NULL
     AND (p_reference COLLATE "C" ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$') IS NOT TRUE THEN
    RETURN pgmask_private.refuse_reveal(
      'PM403', p_table, 'The reference is not a key: at most 64 letters, digits and _.:/-', NULL);
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.check_purpose(text, text, text[], text[], text) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.check_purpose(text, text, text[], text[], text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.check_purpose(text, text, text[], text[], text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.check_purpose(text, text, text[], text[], text) IS
  'Whether the purpose is one of the profile''s and the reference a key; PM403 when not.';

-- Whom to call about a high-value customer: who is designated for him or for his unit, else the
-- unit's contact.
CREATE FUNCTION pgmask_private.whom_to_call(p_unit text, p_class text, p_subject text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_who text;
BEGIN
  SELECT string_agg(DISTINCT p.name, ', ' ORDER BY p.name) INTO v_who
    FROM pgmask_private.my_designations AS d
    JOIN pgmask_private.person AS p ON p.person_id = d.person_id AND p.standing = 'active'
   WHERE d.unit_id = p_unit AND d.subject_key IS NULL
      OR d.subject_class = p_class AND d.subject_key = p_subject;
  IF v_who IS NULL THEN
    SELECT coalesce(u.contact, u.security_responsible, u.head) INTO v_who
      FROM pgmask_private.unit AS u WHERE u.unit_id = p_unit;
  END IF;
  RETURN format('Call %s%s.', coalesce(v_who, 'customer management'),
                coalesce(' (unit ' || p_unit || ')', ''));
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.whom_to_call(text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.whom_to_call(text, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.whom_to_call(text, text, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.whom_to_call(text, text, text) IS
  'Whom to call about a high-value customer: the designated persons, else the unit''s contact.';

-- How many subjects a person has asked for this month, with the one he is asking for now. Until the
-- transaction ends nobody else asks for this person: the number is exact.
--   errors  PM414
CREATE FUNCTION pgmask_private.subjects_of_month(
  p_person bigint, p_class text, p_subject text, p_table text
)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_count bigint;
  v_nothing text;
BEGIN
  IF (current_setting('transaction_isolation') = 'read committed') IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_reveal('PM414', p_table, NULL, NULL);
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('pgmask reveals of ' || p_person, 0));
  SELECT count(*) INTO v_count
    FROM (
      SELECT t.subject_class, t.subject_key
        FROM pgmask_audit.ticket AS t
       WHERE t.person_id = p_person AND t.kind = 'reveal'
         AND t.at >= date_trunc('month', clock_timestamp())
      UNION
      SELECT p_class, p_subject
    ) AS s;
  RETURN v_count;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.subjects_of_month(bigint, text, text, text) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.subjects_of_month(bigint, text, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.subjects_of_month(bigint, text, text, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.subjects_of_month(bigint, text, text, text) IS
  'How many subjects a person has asked for this month, this one included.';

-- Refuses a reveal of a subject over the limit of the day, by whomever.
--   marks   the lock is on the subject's key, which is no secret, and lasts until the transaction
--           ends; a value is shown only for a committed ticket, so the count is exact
--   errors  PM405, PM414
CREATE FUNCTION pgmask_private.limit_subject(
  p_class text, p_subject text, p_limit integer, p_table text
)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
AS $pgmask$
DECLARE
  v_count bigint;
  v_nothing text;
BEGIN
  IF (current_setting('transaction_isolation') = 'read committed') IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_reveal('PM414', p_table, NULL, NULL);
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(jsonb_build_array(p_class, p_subject)::text, 0));
  SELECT count(*) INTO v_count
    FROM pgmask_audit.ticket AS t
   WHERE t.subject_class = p_class AND t.subject_key = p_subject AND t.kind = 'reveal'
     AND t.at >= date_trunc('day', clock_timestamp());
  IF (v_count < p_limit) IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_reveal(
      'PM405', p_table, format('Reveals of this customer today: %s of %s, none left.', v_count, p_limit),
      'Go on tomorrow (UTC).');
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.limit_subject(text, text, integer, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.limit_subject(text, text, integer, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.limit_subject(text, text, integer, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.limit_subject(text, text, integer, text) IS
  'Refuses a reveal of a subject over the limit of the day (PM405).';

-- Writes a ticket of whoever is asking.
CREATE FUNCTION pgmask_private.write_ticket(
  p_kind text, p_purpose text, p_reference text, p_table text, p_row_key text[], p_class text,
  p_subject text, p_columns text[], p_digest text
)
  RETURNS uuid
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_ticket uuid;
BEGIN
  INSERT INTO pgmask_audit.ticket (
    kind, person_id, profile, unit_id, grade, issuer, purpose, reference, table_id, row_key,
    subject_class, subject_key, columns, digest
  )
  SELECT p_kind, i.person_id, i.profile, i.unit_id, i.grade, i.issuer, p_purpose, p_reference,
         p_table, p_row_key, p_class, p_subject, p_columns, p_digest
    FROM pgmask_private.identity AS i
  RETURNING ticket_id INTO STRICT v_ticket;
  RETURN v_ticket;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.write_ticket(text, text, text, text, text[], text, text, text[], text) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.write_ticket(text, text, text, text, text[], text, text, text[], text)
  OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.write_ticket(text, text, text, text, text[], text, text, text[], text)
  TO pgmask_sealer;
COMMENT ON FUNCTION
  pgmask_private.write_ticket(text, text, text, text, text[], text, text, text[], text) IS
  'Writes a ticket of whoever is asking.';

-- What a row held when it was asked for, as a ticket keeps it: signed, so that nothing can be guessed
-- from it. A ticket is for one row as it was: who may change keys could otherwise have one row after
-- the other take the place of the row that was asked for.
--   p_state  the sealed values, and what is stored as it is, of the columns that may be revealed
--   errors   PM421
CREATE FUNCTION pgmask_private.ticket_state(p_state text, p_table text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_secret bytea;
  v_state text;
BEGIN
  SELECT k.secret INTO v_secret FROM pgmask_private.audit_key AS k;
  v_state := encode(
    pgmask_crypto.hmac(convert_to('state ' || p_state, 'UTF8'), v_secret, 'sha256'), 'hex');
  v_secret := NULL;
  IF v_state IS NULL THEN
    RETURN pgmask_private.refuse_reveal('PM421', p_table, NULL, NULL);
  END IF;
  RETURN v_state;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.ticket_state(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.ticket_state(text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.ticket_state(text, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.ticket_state(text, text) IS
  'What a row held when it was asked for, signed; PM421 without the key.';

-- The ticket that the second step of a reveal brings, if it holds.
--   p_profile, p_table  for which function it is brought
--   result   the ticket; its record is committed, and on disk
--   marks    who holds it: the same person, profile, login and database; any other answer is "no
--            such ticket". Committed: a row that is visible is either ours or committed, and its
--            top-level transaction tells which, in every subtransaction; pg_xact_status is a second
--            lock. On disk: from PostgreSQL 17 on by a note that is flushed here; before, the
--            ticket's commit was flushed by its marker
--   errors   PM410, PM411, PM412, PM413
CREATE FUNCTION pgmask_private.redeem_ticket(p_ticket uuid, p_profile text, p_table text)
  RETURNS pgmask_audit.ticket
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_ticket pgmask_audit.ticket;
  v_person bigint;
  v_profile text;
  v_nothing text;
BEGIN
  IF (pg_is_in_recovery()) IS NOT FALSE THEN
    v_nothing := pgmask_private.refuse_reveal('PM413', p_table, NULL, NULL);
  END IF;
  SELECT i.person_id, i.profile INTO v_person, v_profile FROM pgmask_private.identity AS i;
  SELECT t.* INTO v_ticket FROM pgmask_audit.ticket AS t WHERE t.ticket_id = p_ticket;
  IF (v_ticket.kind = 'reveal'
      AND v_ticket.person_id = v_person
      AND v_ticket.profile = v_profile
      AND v_ticket.profile = p_profile
      AND v_ticket.table_id = p_table
      AND v_ticket.login = SESSION_USER
      AND v_ticket.database = current_database()) IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_reveal('PM410', p_table, NULL, NULL);
  END IF;
  IF (v_ticket.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
      AND v_ticket.xid < pg_snapshot_xmax(pg_current_snapshot())
      AND pg_xact_status(v_ticket.xid) = 'committed') IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_reveal('PM412', p_table, NULL, NULL);
  END IF;
  IF (clock_timestamp() < v_ticket.expires_at) IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_reveal('PM411', p_table, NULL, NULL);
  END IF;
  IF current_setting('server_version_num')::integer >= 170000 THEN
    PERFORM pg_logical_emit_message(false, 'pgmask', '', true);
  END IF;
  RETURN v_ticket;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.redeem_ticket(uuid, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.redeem_ticket(uuid, text, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.redeem_ticket(uuid, text, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.redeem_ticket(uuid, text, text) IS
  'The ticket a reveal brings, if it is the caller''s, committed, on disk and not expired.';

-- Rows of the record are only added, by whomever.
CREATE FUNCTION pgmask_private.refuse_ticket_change()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PM418',
    MESSAGE = 'tickets are only added',
    HINT = 'The record of what was shown is never changed, deleted or emptied.',
    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_ticket_change() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_ticket_change() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_ticket_change() IS 'Trigger: tickets are only added (PM418).';

CREATE TRIGGER a_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON pgmask_audit.ticket
  FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_ticket_change();
ALTER TABLE pgmask_audit.ticket ENABLE ALWAYS TRIGGER a_only_added;
COMMENT ON TRIGGER a_only_added ON pgmask_audit.ticket IS 'Tickets are only added.';

-- Before a ticket is written: sees to it that its commit reaches the disk, where the second step
-- cannot (before PostgreSQL 17).
--   marks   takes a marker that nobody holds, if there is one; waits for its own otherwise
CREATE FUNCTION pgmask_private.force_commit()
  RETURNS trigger
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_own integer := pg_backend_pid() % 8;
  v_marker integer := v_own;
BEGIN
  IF current_setting('server_version_num')::integer < 170000 THEN
    FOR v_next IN 0 .. 7 LOOP
      IF pg_try_advisory_xact_lock(1886219115, -1 - (v_own + v_next) % 8) THEN
        v_marker := (v_own + v_next) % 8;
        EXIT;
      END IF;
    END LOOP;
    EXECUTE format('TRUNCATE pgmask_audit.marker_%s', v_marker);
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.force_commit() FROM PUBLIC;
ALTER FUNCTION pgmask_private.force_commit() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.force_commit() IS
  'Trigger: makes the commit of a ticket reach the disk, whatever synchronous_commit says.';

CREATE TRIGGER b_durable BEFORE INSERT ON pgmask_audit.ticket
  FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.force_commit();
ALTER TABLE pgmask_audit.ticket ENABLE ALWAYS TRIGGER b_durable;
COMMENT ON TRIGGER b_durable ON pgmask_audit.ticket IS 'Makes the ticket''s commit reach the disk.';

-- The truths of one bundle of a row.
--   p_data  the associated data; result: {column: value}
--   errors  PM310 to PM313 no key, PM314 the subject was erased, PM315 the value is damaged
--   marks   the result goes into assignments only
CREATE FUNCTION pgmask_private.open_for_reveal(
  p_class text, p_subject text, p_data text, p_sealed bytea, p_table text, p_bundle text
)
  RETURNS jsonb
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_kek_id integer := pgmask_private.current_kek();
  v_content bytea;
  v_key bytea;
  v_plain bytea;
  v_nothing text;
BEGIN
  IF (octet_length(p_sealed) >= 38) IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_value(p_table, p_bundle, 'unopened');
  END IF;
  v_content := pgmask_private.key_content(v_kek_id);
  v_key := pgmask_private.data_key_at(
    v_content, v_kek_id, p_class, p_subject,
    ('x' || encode(substr(p_sealed, 3, 4), 'hex'))::bit(32)::integer);
  v_plain := pgmask_private.siv_open(v_key, p_data, p_sealed, 'pkcs');
  IF v_plain IS NULL THEN
    v_nothing := pgmask_private.refuse_value(p_table, p_bundle, 'unopened');
  END IF;
  RETURN convert_from(v_plain, 'UTF8')::jsonb;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.open_for_reveal(text, text, text, bytea, text, text) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.open_for_reveal(text, text, text, bytea, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.open_for_reveal(text, text, text, bytea, text, text) IS
  'The truths of one bundle of a row, or why it cannot be opened: PM310 to PM315.';

-- What a search costs before it answers anything: the limit of the day, the limit of near misses,
-- and a note that no ROLLBACK takes back.
--   p_digest  the blind index of the value, never the value
--   marks     one search of a person at a time until the transaction ends, so that those that run
--             at once do not all pass the limit of near misses. The note is a message of prefix
--             pgmask in the log of transactions, signed with the key of audit_key; from PostgreSQL
--             17 on it is on disk before the answer
--   errors    PM405, PM416, PM421
CREATE FUNCTION pgmask_private.begin_search(
  p_person bigint, p_per_day integer, p_near_per_day integer, p_table text, p_column text,
  p_purposes text[], p_digest text
)
  RETURNS uuid
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_me record;
  v_left bigint;
  v_purpose text;
  v_ticket uuid;
  v_note text;
  v_secret bytea;
  v_nothing text;
BEGIN
  v_left := pgmask_private.spend('search_day', p_person, p_per_day, p_table);
  IF p_near_per_day IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('pgmask searches of ' || p_person, 0));
    IF (pgmask_private.counted('near_day', p_person) < p_near_per_day) IS NOT TRUE THEN
      v_nothing := pgmask_private.refuse_reveal('PM416', p_table, NULL, NULL);
    END IF;
  END IF;
  SELECT i.* INTO v_me FROM pgmask_private.identity AS i;
  v_purpose := CASE WHEN v_me.purpose = ANY (p_purposes) THEN v_me.purpose ELSE 'search' END;
  v_ticket := pgmask_private.write_ticket(
    'search', v_purpose, NULL, p_table, NULL, NULL, NULL, ARRAY[p_column], p_digest);
  v_note := jsonb_build_object(
    'ticket', v_ticket, 'at', extract(epoch FROM clock_timestamp()), 'kind', 'search',
    'person', v_me.person_id, 'profile', v_me.profile, 'unit', v_me.unit_id,
    'grade', v_me.grade, 'issuer', v_me.issuer, 'login', SESSION_USER,
    'database', current_database(), 'application', current_setting('application_name', true),
    'client', host(inet_client_addr()), 'purpose', v_purpose, 'table', p_table,
    'column', p_column, 'digest', p_digest)::text;
  SELECT k.secret INTO v_secret FROM pgmask_private.audit_key AS k;
  v_note := encode(pgmask_crypto.hmac(convert_to(v_note, 'UTF8'), v_secret, 'sha256'), 'hex')
    || v_note;
  v_secret := NULL;
  IF v_note IS NULL THEN
    v_nothing := pgmask_private.refuse_reveal('PM421', p_table, NULL, NULL);
  END IF;
  IF current_setting('server_version_num')::integer >= 170000 THEN
    PERFORM pg_logical_emit_message(false, 'pgmask', v_note, true);
  ELSE
    PERFORM pg_logical_emit_message(false, 'pgmask', v_note);
  END IF;
  RETURN v_ticket;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.begin_search(bigint, integer, integer, text, text, text[], text) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.begin_search(bigint, integer, integer, text, text, text[], text)
  OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.begin_search(bigint, integer, integer, text, text, text[], text)
  TO pgmask_sealer;
COMMENT ON FUNCTION
  pgmask_private.begin_search(bigint, integer, integer, text, text, text[], text) IS
  'Counts, records and notes a search before it answers anything.';

-- Counts a search that met a customer's mask and not the value.
--   errors  PM416 over the limit
CREATE FUNCTION pgmask_private.count_near(p_person bigint, p_limit integer, p_table text)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF (pgmask_private.count_up('near_day', p_person) <= p_limit) IS NOT TRUE THEN
    RETURN pgmask_private.refuse_reveal('PM416', p_table, NULL, NULL);
  END IF;
  RETURN NULL;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.count_near(bigint, integer, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.count_near(bigint, integer, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.count_near(bigint, integer, text) TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.count_near(bigint, integer, text) IS
  'Counts a search that met a mask and not the value; PM416 over the limit of the day.';

-- What the caller may reveal and search in a table, and how much of it is left.
--   p_table  as the application knows it: "schema.table", or a name that is there once; NULL: all
--   result   one row per table; none where the profile has neither
--   errors   PM101..PM103 without an identity
CREATE FUNCTION pgmask.my_reveals(p_table text DEFAULT NULL)
  RETURNS TABLE (
    table_id text, view_schema text, request_function text, reveal_function text,
    columns text[], purposes jsonb, per_day integer, left_today bigint, per_month integer,
    left_this_month bigint, searches jsonb, search_per_day integer, searches_left_today bigint,
    near_left_today bigint
  )
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_me record;
  v_table text := p_table;
BEGIN
  SELECT i.person_id, i.profile INTO v_me FROM pgmask_private.identity AS i;
  IF p_table IS NOT NULL THEN
    SELECT CASE WHEN count(DISTINCT c.table_id) = 1 THEN min(c.table_id) END INTO v_table
      FROM pgmask_private.profile_column AS c
     WHERE c.profile = v_me.profile
       AND (c.table_id = p_table OR substr(c.table_id, strpos(c.table_id, '.') + 1) = p_table);
    IF v_table IS NULL THEN
      RETURN;
    END IF;
  END IF;
  RETURN QUERY
  SELECT r.table_id, r.view_schema, r.request_function, r.reveal_function, r.columns, r.purposes,
         r.per_day, greatest(r.per_day - pgmask_private.counted('reveal_day', v_me.person_id), 0),
         r.per_month,
         greatest(r.per_month - pgmask_private.counted('reveal_month', v_me.person_id), 0),
         r.searches, r.search_per_day,
         greatest(r.search_per_day - pgmask_private.counted('search_day', v_me.person_id), 0),
         greatest(r.near_per_day - pgmask_private.counted('near_day', v_me.person_id), 0)
    FROM pgmask_private.reveal_rule AS r
   WHERE r.profile = v_me.profile AND (v_table IS NULL OR r.table_id = v_table)
   ORDER BY r.table_id;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.my_reveals(text) FROM PUBLIC;
ALTER FUNCTION pgmask.my_reveals(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.my_reveals(text) IS
  'What the caller may reveal and search in a table, and how much of it is left.';

-- The table of a ticket of the caller; NULL for any other ticket.
CREATE FUNCTION pgmask.my_ticket(p_ticket uuid, OUT table_id text, OUT columns text[])
  RETURNS record
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  SELECT t.table_id, t.columns
    INTO table_id, columns
    FROM pgmask_audit.ticket AS t
    JOIN pgmask_private.identity AS i ON i.person_id = t.person_id AND i.profile = t.profile
   WHERE t.ticket_id = p_ticket AND t.kind = 'reveal' AND t.login = SESSION_USER;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.my_ticket(uuid) FROM PUBLIC;
ALTER FUNCTION pgmask.my_ticket(uuid) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.my_ticket(uuid) IS
  'The table and columns of a ticket of the caller; NULL for any other.';

-- Step one of a reveal: asks for the complete values of one record and writes the ticket. Commit,
-- then bring the ticket to <view schema>.<table>_reveal or pgmask.reveal.
--   p_table      as the application knows it
--   p_key        the primary key as text, in the order of its columns
--   p_columns    NULL or empty: what the profile may reveal of the row's own subject
--   p_purpose    one of the profile's
--   p_reference  the key of the business case, where the purpose needs one
--   result       the ticket; it holds for 60 seconds
--   marks        SECURITY INVOKER: calls the table's own function with the caller's rights
CREATE FUNCTION pgmask.reveal_request(
  p_table text, p_key text[], p_columns text[], p_purpose text, p_reference text DEFAULT NULL
)
  RETURNS uuid
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_rule record;
  v_ticket uuid;
BEGIN
  SELECT r.view_schema, r.request_function INTO v_rule FROM pgmask.my_reveals(p_table) AS r;
  IF v_rule.request_function IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM419',
      MESSAGE = 'the profile reveals nothing of this table',
      HINT = 'SELECT * FROM pgmask.my_reveals() tells what it reveals.';
  END IF;
  EXECUTE format('SELECT %I.%I($1, $2, $3, $4)', v_rule.view_schema, v_rule.request_function)
    INTO v_ticket USING p_key, p_columns, p_purpose, p_reference;
  RETURN v_ticket;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.reveal_request(text, text[], text[], text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.reveal_request(text, text[], text[], text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.reveal_request(text, text[], text[], text, text) IS
  'Step one of a reveal: writes the ticket for the complete values of one record.';

-- The same for a table whose primary key is one column.
CREATE FUNCTION pgmask.reveal_request(
  p_table text, p_key text, p_columns text[], p_purpose text, p_reference text DEFAULT NULL
)
  RETURNS uuid
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN pgmask.reveal_request(p_table, ARRAY[p_key], p_columns, p_purpose, p_reference);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.reveal_request(text, text, text[], text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.reveal_request(text, text, text[], text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.reveal_request(text, text, text[], text, text) IS
  'Step one of a reveal, for a primary key of one column.';

-- Step two of a reveal, for tools that know no table: the asked columns and their values as text.
--   marks  SECURITY INVOKER: calls the table's own function with the caller's rights
CREATE FUNCTION pgmask.reveal(p_ticket uuid)
  RETURNS TABLE (column_name text, value text)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_ticket record;
  v_rule record;
  v_row jsonb;
BEGIN
  SELECT t.table_id, t.columns INTO v_ticket FROM pgmask.my_ticket(p_ticket) AS t;
  SELECT r.view_schema, r.reveal_function INTO v_rule
    FROM pgmask.my_reveals(v_ticket.table_id) AS r WHERE v_ticket.table_id IS NOT NULL;
  IF v_rule.reveal_function IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM410',
      MESSAGE = 'there is no such ticket',
      HINT = 'Ask first: SELECT pgmask.reveal_request(..), then COMMIT.';
  END IF;
  EXECUTE format('SELECT to_jsonb(r) FROM %I.%I($1) AS r', v_rule.view_schema, v_rule.reveal_function)
    INTO v_row USING p_ticket;
  FOREACH column_name IN ARRAY v_ticket.columns LOOP
    value := v_row ->> column_name;
    RETURN NEXT;
  END LOOP;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.reveal(uuid) FROM PUBLIC;
ALTER FUNCTION pgmask.reveal(uuid) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.reveal(uuid) IS
  'Step two of a reveal, for tools: the asked columns and their values as text.';
