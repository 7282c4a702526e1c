-- The way back: two persons decide, the holder of the key file acts (C9).
--
-- Requests come from members of pgmask_unseal; another login, and another person where the register
-- knows both, approves. Who a login is, is session_user: SET ROLE does not change it. Every
-- decision is a row that nobody changes.

CREATE FUNCTION pgmask_private.refuse_change_of_record()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'PM339',
    MESSAGE = pg_catalog.format('%I.%I is a record: rows are added, never changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME),
    HINT = 'A request that is no longer wanted is cancelled: pgmask unseal cancel ID.';
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_change_of_record() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_change_of_record() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.refuse_change_of_record() IS
  'Trigger: rows of a record are neither changed nor removed (PM339). Never returns.';

CREATE TRIGGER unseal_request_stays
BEFORE UPDATE OR DELETE OR TRUNCATE ON pgmask_audit.unseal_request
FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_change_of_record();
ALTER TABLE pgmask_audit.unseal_request ENABLE ALWAYS TRIGGER unseal_request_stays;
COMMENT ON TRIGGER unseal_request_stays ON pgmask_audit.unseal_request IS 'Requests are never changed.';
CREATE TRIGGER unseal_event_stays
BEFORE UPDATE OR DELETE OR TRUNCATE ON pgmask_audit.unseal_event
FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.refuse_change_of_record();
ALTER TABLE pgmask_audit.unseal_event ENABLE ALWAYS TRIGGER unseal_event_stays;
COMMENT ON TRIGGER unseal_event_stays ON pgmask_audit.unseal_event IS 'Events are never changed.';

CREATE FUNCTION pgmask_private.login_person()
RETURNS bigint
LANGUAGE sql
STABLE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
RETURN (
  SELECT l.person_id FROM pgmask_private.database_login AS l
   WHERE l.login = SESSION_USER AND l.valid_from <= clock_timestamp()
     AND (l.valid_to IS NULL OR clock_timestamp() < l.valid_to));
REVOKE ALL ON FUNCTION pgmask_private.login_person() FROM PUBLIC;
ALTER FUNCTION pgmask_private.login_person() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.login_person() IS
  'The person behind the login of this session, NULL where the register knows none.';

CREATE FUNCTION pgmask_private.sealed_tables()
RETURNS SETOF text
LANGUAGE sql
STABLE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
BEGIN ATOMIC
  SELECT DISTINCT m.parent
    FROM pgmask_private.managed_object AS m
   WHERE m.kind = 'column' AND m.address[3] LIKE 'pgmask\_sealed%'
   ORDER BY m.parent;
END;
REVOKE ALL ON FUNCTION pgmask_private.sealed_tables() FROM PUBLIC;
ALTER FUNCTION pgmask_private.sealed_tables() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.sealed_tables() IS 'The protected tables that have sealed values.';

CREATE FUNCTION pgmask_private.require_unseal_member()
RETURNS void
LANGUAGE plpgsql
STABLE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
BEGIN
  IF (pg_catalog.pg_has_role(SESSION_USER, 'pgmask_unseal', 'MEMBER')) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM330',
      MESSAGE = 'this login may neither ask to unseal nor approve it',
      HINT = 'Two logins decide, each a member of pgmask_unseal: GRANT pgmask_unseal TO login.';
  END IF;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.require_unseal_member() FROM PUBLIC;
ALTER FUNCTION pgmask_private.require_unseal_member() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.require_unseal_member() IS
  'Raises PM330 unless the login of this session is a member of pgmask_unseal.';

CREATE FUNCTION pgmask.unseal_request(p_tables text[], p_purpose text, p_reference text)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_known text[] := ARRAY(SELECT t.t FROM pgmask_private.sealed_tables() AS t (t));
  v_wanted text[];
  v_strange text[];
  v_id bigint;
BEGIN
  PERFORM pgmask_private.require_unseal_member();
  v_wanted := CASE WHEN pg_catalog.cardinality(p_tables) > 0
    THEN ARRAY(SELECT DISTINCT w.w FROM pg_catalog.unnest(p_tables) AS w (w) ORDER BY w.w)
    ELSE v_known END;
  v_strange := ARRAY(SELECT w.w FROM pg_catalog.unnest(v_wanted) AS w (w)
                      WHERE (w.w = ANY (v_known)) IS NOT TRUE);
  IF (pg_catalog.cardinality(v_wanted) > 0 AND pg_catalog.cardinality(v_strange) = 0) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = CASE WHEN pg_catalog.cardinality(v_known) = 0 THEN 'no table of this database has sealed values'
        ELSE pg_catalog.format('no table with sealed values: %s', pg_catalog.array_to_string(v_strange, ', ', '?')) END,
      HINT = pg_catalog.format('Tables with sealed values: %s', pg_catalog.array_to_string(v_known, ', '));
  END IF;
  IF (pg_catalog.char_length(pg_catalog.btrim(p_purpose)) BETWEEN 3 AND 500
      AND pg_catalog.char_length(pg_catalog.btrim(p_reference)) BETWEEN 1 AND 200
      AND p_purpose || p_reference !~ '[[:cntrl:]]') IS NOT TRUE
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = 'a request names its purpose (3 to 500 characters) and a reference (up to 200)',
      HINT = 'pgmask unseal request TABLE --purpose "..." --reference "..."';
  END IF;
  INSERT INTO pgmask_audit.unseal_request (tables, purpose, reference, requested_by, person_id)
  VALUES (v_wanted, pg_catalog.btrim(p_purpose), pg_catalog.btrim(p_reference), SESSION_USER,
          pgmask_private.login_person())
  RETURNING request_id INTO v_id;
  RETURN v_id;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.unseal_request(text[], text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.unseal_request(text[], text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.unseal_request(text[], text, text) IS
  'Asks that truths be put back into the columns of these tables, of all with an empty list; its number. PM330, PM331.';

CREATE FUNCTION pgmask_private.unseal_decidable(p_id bigint)
RETURNS pgmask_audit.unseal_request
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_request pgmask_audit.unseal_request;
BEGIN
  SELECT r.* INTO v_request FROM pgmask_audit.unseal_request AS r WHERE r.request_id = p_id;
  IF v_request.request_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = pg_catalog.format('there is no request %s', p_id),
      HINT = 'pgmask unseal list shows the requests.';
  END IF;
  IF EXISTS (SELECT FROM pgmask_audit.unseal_event AS e
              WHERE e.request_id = p_id AND e.kind = 'cancelled')
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = pg_catalog.format('request %s was cancelled', p_id),
      HINT = 'Ask anew: pgmask unseal request.';
  END IF;
  RETURN v_request;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.unseal_decidable(bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.unseal_decidable(bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.unseal_decidable(bigint) IS
  'The request of that number; PM331 when there is none or it was cancelled.';

CREATE FUNCTION pgmask.unseal_approve(p_id bigint, p_said text DEFAULT NULL)
RETURNS timestamptz
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_request pgmask_audit.unseal_request;
  v_person bigint;
  v_at timestamptz;
BEGIN
  PERFORM pgmask_private.require_unseal_member();
  v_request := pgmask_private.unseal_decidable(p_id);
  v_person := pgmask_private.login_person();
  IF (v_request.requested_by <> SESSION_USER
      AND coalesce(v_request.person_id <> v_person, TRUE)) IS NOT TRUE
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM332',
      MESSAGE = pg_catalog.format('request %s was made by the same person', p_id),
      HINT = 'Another person approves, with a login of their own.';
  END IF;
  IF (clock_timestamp() < v_request.requested_at + INTERVAL '30 days') IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = pg_catalog.format('request %s is older than 30 days', p_id),
      HINT = 'Ask anew: pgmask unseal request.';
  END IF;
  INSERT INTO pgmask_audit.unseal_event (request_id, kind, login, person_id, said)
  VALUES (p_id, 'approved', SESSION_USER, v_person, p_said)
  ON CONFLICT DO NOTHING
  RETURNING at INTO v_at;
  IF v_at IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = pg_catalog.format('request %s is approved already', p_id),
      HINT = 'The holder of the key file goes on: pgmask unseal run.';
  END IF;
  RETURN v_at;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.unseal_approve(bigint, text) FROM PUBLIC;
ALTER FUNCTION pgmask.unseal_approve(bigint, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.unseal_approve(bigint, text) IS
  'Approves a request of another person; when. PM330 no right, PM331 not open, PM332 the same person.';

CREATE FUNCTION pgmask.unseal_cancel(p_id bigint, p_said text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_request pgmask_audit.unseal_request;
BEGIN
  PERFORM pgmask_private.require_unseal_member();
  v_request := pgmask_private.unseal_decidable(p_id);
  INSERT INTO pgmask_audit.unseal_event (request_id, kind, login, person_id, said)
  VALUES (p_id, 'cancelled', SESSION_USER, pgmask_private.login_person(), p_said);
  -- From here on pgmask plan wants these tables protected again.
  UPDATE pgmask_private.store_table AS s SET sealed_at = NULL
    FROM pgmask_private.unseal_run AS u
   WHERE u.request_id = v_request.request_id AND s.table_id = u.table_id;
  DELETE FROM pgmask_private.unseal_run AS u WHERE u.request_id = v_request.request_id;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.unseal_cancel(bigint, text) FROM PUBLIC;
ALTER FUNCTION pgmask.unseal_cancel(bigint, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.unseal_cancel(bigint, text) IS
  'Ends a request; what it has opened is sealed again by pgmask apply and pgmask seal. PM330, PM331.';

CREATE FUNCTION pgmask.unseal_requests()
RETURNS TABLE (
  request_id bigint, tables text[], purpose text, reference text, requested_by name,
  requested_at timestamptz, approved_by name, approved_at timestamptz, cancelled_at timestamptz,
  state text
)
LANGUAGE plpgsql
STABLE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  PERFORM pgmask_private.require_unseal_member();
  RETURN QUERY
  SELECT r.request_id, r.tables, r.purpose, r.reference, r.requested_by, r.requested_at,
         a.login, a.at, c.at,
         CASE WHEN c.at IS NOT NULL THEN 'cancelled'
              WHEN NOT EXISTS (
                SELECT FROM pg_catalog.unnest(r.tables) AS t (t)
                 WHERE NOT EXISTS (
                   SELECT FROM pgmask_audit.unseal_event AS o
                    WHERE o.request_id = r.request_id AND o.kind = 'opened' AND o.table_id = t.t))
              THEN 'opened'
              WHEN EXISTS (SELECT FROM pgmask_audit.unseal_event AS b
                            WHERE b.request_id = r.request_id AND b.kind = 'begun') THEN 'begun'
              WHEN a.at IS NOT NULL THEN 'approved'
              ELSE 'requested' END
    FROM pgmask_audit.unseal_request AS r
    LEFT JOIN pgmask_audit.unseal_event AS a ON a.request_id = r.request_id AND a.kind = 'approved'
    LEFT JOIN pgmask_audit.unseal_event AS c ON c.request_id = r.request_id AND c.kind = 'cancelled'
   ORDER BY r.request_id;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.unseal_requests() FROM PUBLIC;
ALTER FUNCTION pgmask.unseal_requests() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.unseal_requests() IS
  'Every request to unseal, with who asked, who approved and how far it is. PM330.';

CREATE FUNCTION pgmask_private.unseal_challenge(p_id bigint)
RETURNS text
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  RETURN pg_catalog.jsonb_build_array(
    'unseal', p_id, pg_catalog.current_database(), pg_catalog.pg_backend_pid(),
    pg_catalog.pg_current_xact_id()::text, pg_catalog.now())::text;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.unseal_challenge(bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.unseal_challenge(bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.unseal_challenge(bigint) IS
  'What the holder of the key file signs to begin: of this request, session and transaction only.';

CREATE FUNCTION pgmask_private.proves_key(p_message text, p_proof bytea)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_key bytea;
  v_proof bytea;
BEGIN
  -- One of the keys that the stash half of the root gives; 1 and 2 are those of stashes.
  v_key := pgmask_crypto.hmac(
    '\x03'::bytea,
    pg_catalog.substr(pgmask_private.key_content(pgmask_private.current_kek()), 109, 32), 'sha256');
  v_proof := pgmask_crypto.hmac(pg_catalog.convert_to(p_message, 'UTF8'), v_key, 'sha256');
  RETURN (v_proof = p_proof) IS TRUE;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.proves_key(text, bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.proves_key(text, bytea) OWNER TO pgmask_sealer;
GRANT EXECUTE ON FUNCTION pgmask_private.proves_key(text, bytea) TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.proves_key(text, bytea) IS
  'Whether the proof was made of the message with the key file that is registered as current. PM310 to PM313 when the server has no key to compare with.';

CREATE FUNCTION pgmask_private.unseal_begin(p_id bigint, p_table text, p_proof bytea)
RETURNS void
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_request pgmask_audit.unseal_request;
  v_approved pgmask_audit.unseal_event;
  v_run pgmask_private.unseal_run;
BEGIN
  v_request := pgmask_private.unseal_decidable(p_id);
  SELECT e.* INTO v_approved
    FROM pgmask_audit.unseal_event AS e WHERE e.request_id = p_id AND e.kind = 'approved';
  IF (v_approved.login <> v_request.requested_by
      AND coalesce(v_approved.person_id <> v_request.person_id, TRUE)) IS NOT TRUE
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM333',
      MESSAGE = pg_catalog.format('request %s is not approved', p_id),
      HINT = pg_catalog.format('Another person than %s approves it: pgmask unseal approve %s', v_request.requested_by, p_id);
  END IF;
  IF (p_table = ANY (v_request.tables)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = pg_catalog.format('request %s does not name %s', p_id, p_table),
      HINT = pg_catalog.format('It names %s.', pg_catalog.array_to_string(v_request.tables, ', '));
  END IF;
  IF (pgmask_private.proves_key(pgmask_private.unseal_challenge(p_id), p_proof)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM334',
      MESSAGE = 'the key file is not the one this database is sealed with',
      HINT = 'pgmask keys status shows the fingerprint of the registered key.';
  END IF;
  SELECT u.* INTO v_run FROM pgmask_private.unseal_run AS u WHERE u.table_id = p_table FOR UPDATE;
  IF v_run.table_id IS NULL THEN
    IF (clock_timestamp() < v_approved.at + INTERVAL '30 days') IS NOT TRUE THEN
      RAISE EXCEPTION USING ERRCODE = 'PM333',
        MESSAGE = pg_catalog.format('the approval of request %s is older than 30 days', p_id),
        HINT = 'Ask anew: pgmask unseal request.';
    END IF;
    INSERT INTO pgmask_private.unseal_run (table_id, request_id) VALUES (p_table, p_id);
    UPDATE pgmask_private.store_table AS s SET stage = 'views', sealed_at = NULL
     WHERE s.table_id = p_table;
    DELETE FROM pgmask_private.seal_run AS s WHERE s.table_id = p_table;
  ELSIF (v_run.request_id = p_id) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM331',
      MESSAGE = pg_catalog.format('%s is being unsealed under request %s', p_table, v_run.request_id),
      HINT = pg_catalog.format('pgmask unseal run %s --key-file FILE', v_run.request_id);
  END IF;
  INSERT INTO pgmask_audit.unseal_event (request_id, kind, login, person_id, table_id)
  VALUES (p_id, CASE WHEN v_run.table_id IS NULL THEN 'begun' ELSE 'resumed' END, SESSION_USER,
          pgmask_private.login_person(), p_table);
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.unseal_begin(bigint, text, bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.unseal_begin(bigint, text, bytea) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.unseal_begin(bigint, text, bytea) IS
  'Sets a table on its way back, or goes on: approved by another person (PM333), named by the request (PM331), with the key file at hand (PM334, PM310 to PM313).';

CREATE FUNCTION pgmask_private.unseal_end(p_table text, p_rows bigint, p_erased bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
STRICT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_run pgmask_private.unseal_run;
BEGIN
  SELECT u.* INTO v_run FROM pgmask_private.unseal_run AS u WHERE u.table_id = p_table FOR UPDATE;
  IF v_run.phase = 'verifying' THEN
    UPDATE pgmask_private.unseal_run AS u
       SET phase = 'done', last_key = NULL, updated_at = clock_timestamp()
     WHERE u.table_id = p_table;
    INSERT INTO pgmask_audit.unseal_event
      (request_id, kind, login, person_id, table_id, row_count, erased_count)
    VALUES (v_run.request_id, 'opened', SESSION_USER, pgmask_private.login_person(), p_table,
            p_rows, p_erased);
  END IF;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.unseal_end(text, bigint, bigint) FROM PUBLIC;
ALTER FUNCTION pgmask_private.unseal_end(text, bigint, bigint) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.unseal_end(text, bigint, bigint) IS
  'Records that a table holds its truths again, once: rows, and rows that keep masks.';

CREATE FUNCTION pgmask_private.open_bundle(p_class text, p_subject text, p_data text, p_sealed bytea, p_table text, p_bundle text)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_kek_id integer := pgmask_private.current_kek();
  v_epoch integer;
  v_key bytea;
  v_plain bytea;
  v_nothing text;
BEGIN
  IF (pg_catalog.octet_length(p_sealed) >= 38 AND pg_catalog.substr(p_sealed, 1, 2) = '\x0101'::bytea) IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_value(p_table, p_bundle, 'unopened');
  END IF;
  v_epoch := ('x' || pg_catalog.encode(pg_catalog.substr(p_sealed, 3, 4), 'hex'))::bit(32)::integer;
  IF EXISTS (
    SELECT FROM pgmask_private.data_key AS d
     WHERE d.subject_class = p_class AND d.subject_key = p_subject AND d.epoch = v_epoch
       AND d.state = 'erased')
  THEN
    RETURN NULL;
  END IF;
  v_key := pgmask_private.data_key_at(
    pgmask_private.key_content(v_kek_id), v_kek_id, p_class, p_subject, v_epoch);
  v_plain := pgmask_private.siv_open(v_key, p_data, p_sealed, 'pkcs');
  IF v_plain IS NULL THEN
    v_nothing := pgmask_private.refuse_value(p_table, p_bundle, 'unopened');
  END IF;
  RETURN pg_catalog.convert_from(v_plain, 'UTF8')::jsonb;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.open_bundle(text, text, text, bytea, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.open_bundle(text, text, text, bytea, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.open_bundle(text, text, text, bytea, text, text) IS
  'The truths of a sealed value, for the trigger that unseals; NULL where the subject was erased. PM310 to PM313, PM314 the data key is gone though nobody erased it, PM315 damaged.';

CREATE FUNCTION pgmask_private.refuse_stale_null(p_table text, p_column text)
RETURNS text
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  IF EXISTS (SELECT FROM pgmask_private.unseal_run AS u
              WHERE u.table_id = p_table AND u.phase <> 'done')
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM335',
      MESSAGE = pg_catalog.format('%s.%s: the row''s value has come back since it was read as NULL, perhaps', p_table, p_column),
      HINT = 'Nothing was written. Reload the row and repeat; NULL can be written once pgmask unseal has ended.',
      TABLE = p_table, COLUMN = p_column;
  END IF;
  RETURN NULL;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_stale_null(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_stale_null(text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.refuse_stale_null(text, text) IS
  'Raises PM335 while the table is being opened: a NULL that was only the stored form must not overwrite a truth.';
