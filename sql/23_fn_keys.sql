-- Reaching keys. Nothing here is callable by an application: the functions run inside the generated
-- triggers, as pgmask_sealer. What they return never goes into an SQL statement.

CREATE FUNCTION pgmask_private.dev_keys_allowed()
RETURNS boolean
LANGUAGE plpgsql
STABLE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
BEGIN
  RETURN (SELECT NOT e.production FROM pgmask_private.environment AS e) IS TRUE;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.dev_keys_allowed() FROM PUBLIC;
ALTER FUNCTION pgmask_private.dev_keys_allowed() OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.dev_keys_allowed() IS
  'Whether a key marked for development may be used here: only where it was said that the data is invented.';

CREATE FUNCTION pgmask_private.diagnose_key(p_kek_id integer, p_content bytea)
RETURNS void
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_kek pgmask_private.kek;
  v_size integer := pg_catalog.octet_length(p_content);
BEGIN
  SELECT k.* INTO v_kek FROM pgmask_private.kek AS k WHERE k.kek_id = p_kek_id;
  IF v_kek.kek_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM310',
      MESSAGE = CASE WHEN p_kek_id IS NULL THEN 'no key is registered'
                     ELSE pg_catalog.format('key %s is not registered', p_kek_id) END,
      HINT = 'Make and register one: pgmask keys create FILE. Masked reads need no key.';
  ELSIF v_kek.state = 'destroyed' THEN
    RAISE EXCEPTION USING ERRCODE = 'PM310',
      MESSAGE = pg_catalog.format('key %s was destroyed on purpose', p_kek_id),
      HINT = 'What it sealed can never be opened again.';
  ELSIF p_content IS NULL AND v_kek.provider IN ('loaded', 'dev') THEN
    RAISE EXCEPTION USING ERRCODE = 'PM310',
      MESSAGE = pg_catalog.format('key %s is not loaded', p_kek_id),
      DETAIL = 'A loaded key is gone after a crash or a restore, and is never on a standby.',
      HINT = 'pgmask keys load FILE, then repeat the write. Masked reads go on without it.';
  ELSIF p_content IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM310',
      MESSAGE = pg_catalog.format('the file of key %s is not there or may not be read', p_kek_id),
      DETAIL = pg_catalog.format('Looked for "%s", relative to the data directory.', v_kek.location),
      HINT = 'Put the file back. If it is there: GRANT EXECUTE ON FUNCTION '
             'pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO pgmask_sealer (a superuser).';
  ELSIF v_size < 156 THEN
    RAISE EXCEPTION USING ERRCODE = 'PM312',
      MESSAGE = pg_catalog.format('the file of key %s is truncated: %s of 156 bytes', p_kek_id, v_size),
      HINT = 'Restore the file from escrow.';
  ELSIF v_size > 156
     OR pg_catalog.substr(p_content, 1, 8) NOT IN ('PGMASK01'::bytea, 'PGMASKD1'::bytea)
     OR pg_catalog.substr(pg_catalog.sha256(pg_catalog.substr(p_content, 1, 140)), 1, 16) <> pg_catalog.substr(p_content, 141, 16)
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM313',
      MESSAGE = pg_catalog.format('the file of key %s is damaged', p_kek_id),
      HINT = 'Restore the file from escrow.';
  ELSIF pg_catalog.sha256(p_content) <> v_kek.fingerprint THEN
    RAISE EXCEPTION USING ERRCODE = 'PM311',
      MESSAGE = pg_catalog.format('the file of key %s holds another key than the one registered', p_kek_id),
      HINT = 'Put the right file back: pgmask keys status shows the registered fingerprints.';
  ELSIF (v_kek.provider = 'dev') <> (pg_catalog.substr(p_content, 1, 8) = 'PGMASKD1'::bytea) THEN
    RAISE EXCEPTION USING ERRCODE = 'PM351',
      MESSAGE = pg_catalog.format('key %s is registered with provider %s, which its file''s mark contradicts', p_kek_id, v_kek.provider),
      HINT = 'A file marked for development goes with the provider dev, and no other file does.';
  ELSIF v_kek.provider = 'dev' AND pgmask_private.dev_keys_allowed() IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM351',
      MESSAGE = pg_catalog.format('key %s is for development, and this database is not marked as a test', p_kek_id),
      HINT = 'Apply an environment of the catalogue that says data: fake, or use a key of production.';
  END IF;
  RETURN;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.diagnose_key(integer, bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.diagnose_key(integer, bytea) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.diagnose_key(integer, bytea) IS
  'Raises what is wrong with the content of a key: PM310 missing, PM311 another key, PM312 truncated, PM313 damaged, PM351 for development only. Nothing when it is right.';

CREATE FUNCTION pgmask_private.key_content(p_kek_id integer)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_provider text;
  v_location text;
  v_state text;
  v_fingerprint bytea;
  v_content bytea;
BEGIN
  SELECT k.provider, k.location, k.state, k.fingerprint, l.content
    INTO v_provider, v_location, v_state, v_fingerprint, v_content
    FROM pgmask_private.kek AS k
    LEFT JOIN pgmask_private.loaded_key AS l ON l.kek_id = k.kek_id AND k.provider IN ('loaded', 'dev')
   WHERE k.kek_id = p_kek_id;
  IF v_provider = 'file' AND v_state <> 'destroyed'
     AND pg_catalog.has_function_privilege('pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean)', 'EXECUTE')
  THEN
    -- One byte more than a key file has, so that a longer file is seen to be none.
    v_content := pg_catalog.pg_read_binary_file(v_location, 0, 157, TRUE);
  END IF;
  IF (v_state <> 'destroyed' AND pg_catalog.sha256(v_content) = v_fingerprint
      AND CASE WHEN v_provider = 'dev'
            THEN pg_catalog.substr(v_content, 1, 8) = 'PGMASKD1'::bytea AND pgmask_private.dev_keys_allowed()
            ELSE pg_catalog.substr(v_content, 1, 8) = 'PGMASK01'::bytea END) IS NOT TRUE
  THEN
    v_content := pgmask_private.refused_key(p_kek_id, v_content);
  END IF;
  RETURN v_content;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.key_content(integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.key_content(integer) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.key_content(integer) IS
  'The content of a registered key file, verified against its fingerprint; else PM310 to PM313, PM351.';

CREATE FUNCTION pgmask_private.refused_key(p_kek_id integer, p_content bytea)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_nothing text;
BEGIN
  v_nothing := pgmask_private.diagnose_key(p_kek_id, p_content)::text;
  RAISE EXCEPTION USING ERRCODE = 'PM311',
    MESSAGE = pg_catalog.format('key %s changed while it was read', p_kek_id),
    HINT = 'Repeat the statement.';
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refused_key(integer, bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refused_key(integer, bytea) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.refused_key(integer, bytea) IS
  'Raises why a key cannot be used; never returns.';

CREATE FUNCTION pgmask_private.unwrap(p_content bytea, p_class text, p_key text, p_wrapped bytea)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_data_key bytea;
BEGIN
  v_data_key := pgmask_private.siv_open(
    pg_catalog.substr(p_content, 13, 64),
    pg_catalog.jsonb_build_array('data key', p_class, p_key)::text, p_wrapped, 'none');
  IF (pg_catalog.octet_length(v_data_key) = 64) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM315',
      MESSAGE = pg_catalog.format('a wrapped data key of class %s is damaged or was moved', p_class),
      HINT = 'Restore the row of pgmask_private.data_key from a backup.';
  END IF;
  RETURN v_data_key;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.unwrap(bytea, text, text, bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.unwrap(bytea, text, text, bytea) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.unwrap(bytea, text, text, bytea) IS
  'The data key inside a wrapped one; PM315 when it does not open under this key for this subject.';

CREATE FUNCTION pgmask_private.data_key(p_content bytea, p_kek_id integer, p_class text, p_key text)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_epoch integer;
  v_kek_id integer;
  v_wrapped bytea;
  v_data_key bytea;
  v_content bytea := p_content;
BEGIN
  FOR v_round IN 1 .. 2 LOOP
    SELECT d.epoch, d.kek_id, d.wrapped
      INTO v_epoch, v_kek_id, v_wrapped
      FROM pgmask_private.data_key AS d
     WHERE d.subject_class = p_class AND d.subject_key = p_key AND d.state <> 'retired';
    IF v_epoch IS NOT NULL THEN
      IF v_wrapped IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PM314',
          MESSAGE = pg_catalog.format('the data key of this subject of class %s was erased', p_class),
          HINT = 'Erasure is final: nothing more is sealed for this subject under the same key.';
      END IF;
      IF v_kek_id IS DISTINCT FROM p_kek_id THEN
        v_content := pgmask_private.key_content(v_kek_id);
      END IF;
      v_data_key := pgmask_private.unwrap(v_content, p_class, p_key, v_wrapped);
      RETURN pg_catalog.int4send(v_epoch) || v_data_key;
    END IF;
    EXIT WHEN v_round = 2;
    SELECT coalesce(pg_catalog.max(d.epoch), 0) + 1
      INTO v_epoch
      FROM pgmask_private.data_key AS d
     WHERE d.subject_class = p_class AND d.subject_key = p_key;
    v_data_key := pgmask_crypto.gen_random_bytes(64);
    v_wrapped := pgmask_private.siv_seal(
      pg_catalog.substr(p_content, 13, 64), v_epoch,
      pg_catalog.jsonb_build_array('data key', p_class, p_key)::text, v_data_key, 'none');
    -- Of several sessions one makes the key; the others wait for its commit and read it.
    INSERT INTO pgmask_private.data_key (subject_class, subject_key, epoch, kek_id, wrapped)
    VALUES (p_class, p_key, v_epoch, p_kek_id, v_wrapped)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
      RETURN pg_catalog.int4send(v_epoch) || v_data_key;
    END IF;
  END LOOP;
  RAISE EXCEPTION USING ERRCODE = '40001',
    MESSAGE = 'another transaction made the data key of this subject at the same time',
    HINT = 'Repeat the transaction.';
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.data_key(bytea, integer, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.data_key(bytea, integer, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.data_key(bytea, integer, text, text) IS
  'Epoch (4 bytes) and data key (64 bytes) with which a subject is sealed now; made on first use. PM314 when it was erased.';

CREATE FUNCTION pgmask_private.first_data_key(p_content bytea, p_kek_id integer, p_class text, p_key text)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_data_key bytea := pgmask_crypto.gen_random_bytes(64);
  v_head bytea := '\x010100000001'::bytea;
  v_tag bytea;
  v_wrapped bytea;
BEGIN
  -- The bytes of siv_seal, without the call: this stands in the way of every new subject's row.
  v_tag := pg_catalog.substr(pgmask_crypto.hmac(
    v_head || pg_catalog.convert_to(pg_catalog.jsonb_build_array('data key', p_class, p_key)::text, 'UTF8')
    || '\x00'::bytea || v_data_key,
    pg_catalog.substr(p_content, 13, 32), 'sha256'), 1, 16);
  v_wrapped := v_head || v_tag || pgmask_crypto.encrypt_iv(
    v_data_key, pg_catalog.substr(p_content, 45, 32), v_tag, 'aes-cbc/pad:none');
  INSERT INTO pgmask_private.data_key (subject_class, subject_key, epoch, kek_id, wrapped)
  VALUES (p_class, p_key, 1, p_kek_id, v_wrapped)
  ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RETURN '\x00000001'::bytea || v_data_key;
  END IF;
  -- There is one after all, or there was one: the long way knows what to do.
  RETURN pgmask_private.data_key(p_content, p_kek_id, p_class, p_key);
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.first_data_key(bytea, integer, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.first_data_key(bytea, integer, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.first_data_key(bytea, integer, text, text) IS
  'As data_key, for a subject that had none a moment ago.';

CREATE FUNCTION pgmask_private.data_key_at(p_content bytea, p_kek_id integer, p_class text, p_key text, p_epoch integer)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_kek_id integer;
  v_wrapped bytea;
  v_content bytea := p_content;
BEGIN
  SELECT d.kek_id, d.wrapped
    INTO v_kek_id, v_wrapped
    FROM pgmask_private.data_key AS d
   WHERE d.subject_class = p_class AND d.subject_key = p_key AND d.epoch = p_epoch;
  IF v_wrapped IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM314',
      MESSAGE = pg_catalog.format(
        'the data key of this subject of class %s was erased or never restored', p_class),
      HINT = 'If it was erased on purpose, this is final. Else restore the key tables.';
  END IF;
  IF v_kek_id IS DISTINCT FROM p_kek_id THEN
    v_content := pgmask_private.key_content(v_kek_id);
  END IF;
  RETURN pgmask_private.unwrap(v_content, p_class, p_key, v_wrapped);
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.data_key_at(bytea, integer, text, text, integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.data_key_at(bytea, integer, text, text, integer) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.data_key_at(bytea, integer, text, text, integer) IS
  'The data key of an epoch that a sealed value names, retired ones too; PM314 when it is gone.';

CREATE FUNCTION pgmask_private.current_kek()
RETURNS integer
LANGUAGE sql
STABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN (SELECT k.kek_id FROM pgmask_private.kek AS k WHERE k.state = 'current');
REVOKE ALL ON FUNCTION pgmask_private.current_kek() FROM PUBLIC;
ALTER FUNCTION pgmask_private.current_kek() OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.current_kek() IS 'The id of the key that wraps new data keys; NULL when none is registered.';

CREATE FUNCTION pgmask_private.key_condition(p_kek_id integer)
RETURNS text
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_content bytea;
  v_canary bytea;
BEGIN
  v_content := pgmask_private.key_content(p_kek_id);
  SELECT k.canary INTO v_canary FROM pgmask_private.kek AS k WHERE k.kek_id = p_kek_id;
  IF (pgmask_private.siv_open(pg_catalog.substr(v_content, 13, 64),
        pg_catalog.jsonb_build_array('canary', p_kek_id)::text, v_canary, 'none')
      = pg_catalog.convert_to(pg_catalog.rpad('pgmask canary: this key is the one that was registered', 64, '.'), 'UTF8'))
     IS NOT TRUE
  THEN
    RETURN 'PM315';
  END IF;
  RETURN 'ok';
EXCEPTION
  WHEN SQLSTATE 'PM310' OR SQLSTATE 'PM311' OR SQLSTATE 'PM312' OR SQLSTATE 'PM313' OR SQLSTATE 'PM351' THEN
    RETURN SQLSTATE;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.key_condition(integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.key_condition(integer) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.key_condition(integer) IS
  'ok, or the code of what is wrong with a key: PM310 missing, PM311 another key, PM312 truncated, PM313 damaged, PM315 the canary does not open, PM351 for development only.';

CREATE FUNCTION pgmask_private.check_key(p_kek_id integer)
RETURNS void
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_content bytea;
BEGIN
  v_content := pgmask_private.key_content(p_kek_id);
  RETURN;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.check_key(integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.check_key(integer) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.check_key(integer) IS
  'Raises PM310 to PM313 or PM351 unless the key can be used now; gives nothing back.';

CREATE FUNCTION pgmask_private.make_data_keys(p_class text, p_keys text[])
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
STRICT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_kek_id integer := pgmask_private.current_kek();
  v_content bytea;
  v_key text;
  v_keys text[];
  v_wrapped bytea[] := '{}';
  v_made bigint;
BEGIN
  v_content := pgmask_private.key_content(v_kek_id);
  v_keys := ARRAY(
    SELECT DISTINCT k.k
      FROM pg_catalog.unnest(p_keys) AS k (k)
     WHERE k.k IS NOT NULL
       AND NOT EXISTS (
         SELECT FROM pgmask_private.data_key AS d
          WHERE d.subject_class = p_class AND d.subject_key = k.k)
     ORDER BY k.k);
  FOREACH v_key IN ARRAY v_keys LOOP
    v_wrapped := v_wrapped || pgmask_private.siv_seal(
      pg_catalog.substr(v_content, 13, 64), 1,
      pg_catalog.jsonb_build_array('data key', p_class, v_key)::text,
      pgmask_crypto.gen_random_bytes(64), 'none');
  END LOOP;
  INSERT INTO pgmask_private.data_key (subject_class, subject_key, epoch, kek_id, wrapped)
  SELECT p_class, n.k, 1, v_kek_id, n.w
    FROM ROWS FROM (pg_catalog.unnest(v_keys), pg_catalog.unnest(v_wrapped)) AS n (k, w)
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS v_made = ROW_COUNT;
  RETURN v_made;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.make_data_keys(text, text[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.make_data_keys(text, text[]) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.make_data_keys(text, text[]) IS
  'Makes the first data keys of many subjects at once, in key order, for pgmask seal; gives how many.';

CREATE FUNCTION pgmask_private.set_environment(p_name text, p_production boolean, p_persons text, p_escrow boolean, p_declared boolean)
RETURNS void
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.environment AS e (name, production, persons, escrow, declared)
  VALUES (p_name, p_production, p_persons, p_escrow, p_declared)
  ON CONFLICT (only_one) DO UPDATE
     SET name = EXCLUDED.name, production = EXCLUDED.production, persons = EXCLUDED.persons,
         escrow = EXCLUDED.escrow, declared = e.declared OR EXCLUDED.declared,
         set_at = pg_catalog.clock_timestamp(), set_by = SESSION_USER
   WHERE (e.name, e.production, e.persons, e.escrow, e.declared)
         IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.production, EXCLUDED.persons, EXCLUDED.escrow,
                           e.declared OR EXCLUDED.declared);
  RETURN;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.set_environment(text, boolean, text, boolean, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.set_environment(text, boolean, text, boolean, boolean) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.set_environment(text, boolean, text, boolean, boolean) IS
  'Writes what this database is for, when it differs from what is written; PM352 where it may not become that.';

CREATE FUNCTION pgmask_private.guard_environment()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
    RAISE EXCEPTION USING ERRCODE = 'PM352',
      MESSAGE = 'what a database is for is not taken back',
      HINT = 'Make a new database for another purpose.';
  END IF;
  IF NEW.production AND EXISTS (
    SELECT FROM pgmask_private.kek AS k WHERE k.provider = 'dev' AND k.state <> 'destroyed')
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM352',
      MESSAGE = 'a database with a key for development cannot become production',
      HINT = 'Its truths are invented. Make a new database, or apply the environment it had.';
  ELSIF NEW.production IS NOT TRUE AND TG_OP = 'UPDATE' AND OLD.declared THEN
    RAISE EXCEPTION USING ERRCODE = 'PM352',
      MESSAGE = 'this database was declared to be production',
      HINT = 'Apply an environment whose data is real. Make a new database for tests.';
  ELSIF NEW.production IS NOT TRUE
    AND (TG_OP = 'INSERT' OR OLD.production)
    AND EXISTS (SELECT FROM pgmask_private.kek AS k WHERE k.provider <> 'dev')
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM352',
      MESSAGE = 'a database with a key of production cannot become one for tests',
      HINT = 'Its truths may be real. Make a new database for tests: docs/howto/test-with-pgmask.md';
  END IF;
  RETURN NEW;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.guard_environment() FROM PUBLIC;
ALTER FUNCTION pgmask_private.guard_environment() OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.guard_environment() IS
  'Trigger: production stays production, and a database with a key for development never becomes it; PM352.';

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON pgmask_private.environment
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.guard_environment();
ALTER TABLE pgmask_private.environment ENABLE ALWAYS TRIGGER guard;
COMMENT ON TRIGGER guard ON pgmask_private.environment IS 'Production stays production.';
CREATE TRIGGER guard_all BEFORE TRUNCATE ON pgmask_private.environment
  FOR EACH STATEMENT EXECUTE FUNCTION pgmask_private.guard_environment();
ALTER TABLE pgmask_private.environment ENABLE ALWAYS TRIGGER guard_all;
COMMENT ON TRIGGER guard_all ON pgmask_private.environment IS 'Nothing is taken back.';

CREATE FUNCTION pgmask_private.guard_kek()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.provider = 'dev') IS DISTINCT FROM (NEW.provider = 'dev') THEN
    RAISE EXCEPTION USING ERRCODE = 'PM351',
      MESSAGE = pg_catalog.format('key %s cannot change to or from the provider dev', NEW.kek_id),
      HINT = 'What a key is for stands in its file and does not change.';
  ELSIF NEW.provider = 'dev' AND pgmask_private.dev_keys_allowed() IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM351',
      MESSAGE = 'a key for development is refused: this database is not marked as a test',
      HINT = 'First apply an environment of the catalogue that says data: fake.';
  ELSIF EXISTS (
    SELECT FROM pgmask_private.kek AS k
     WHERE k.kek_id <> NEW.kek_id AND (k.provider = 'dev') <> (NEW.provider = 'dev'))
  THEN
    RAISE EXCEPTION USING ERRCODE = 'PM351',
      MESSAGE = 'a key for development and a key of production never stand in one database',
      HINT = 'Make a new database for the other kind.';
  END IF;
  RETURN NEW;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.guard_kek() FROM PUBLIC;
ALTER FUNCTION pgmask_private.guard_kek() OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.guard_kek() IS
  'Trigger: a key for development is registered only where the data is invented, and never beside another; PM351.';

CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON pgmask_private.kek
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.guard_kek();
ALTER TABLE pgmask_private.kek ENABLE ALWAYS TRIGGER guard;
COMMENT ON TRIGGER guard ON pgmask_private.kek IS 'Keys for development and keys of production do not meet.';

CREATE FUNCTION pgmask_private.guard_loaded_key()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_provider text;
  v_dev boolean := pg_catalog.substr(NEW.content, 1, 8) = 'PGMASKD1'::bytea;
BEGIN
  SELECT k.provider INTO v_provider FROM pgmask_private.kek AS k WHERE k.kek_id = NEW.kek_id;
  IF v_dev AND (v_provider = 'dev' AND pgmask_private.dev_keys_allowed()) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM351',
      MESSAGE = pg_catalog.format('the file of key %s is marked for development and is not loaded here', NEW.kek_id),
      HINT = 'Such a key is for databases whose environment says data: fake.';
  END IF;
  RETURN NEW;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.guard_loaded_key() FROM PUBLIC;
ALTER FUNCTION pgmask_private.guard_loaded_key() OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.guard_loaded_key() IS
  'Trigger: the content of a key file marked for development is loaded only where the data is invented; PM351.';

CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON pgmask_private.loaded_key
  FOR EACH ROW EXECUTE FUNCTION pgmask_private.guard_loaded_key();
ALTER TABLE pgmask_private.loaded_key ENABLE ALWAYS TRIGGER guard;
COMMENT ON TRIGGER guard ON pgmask_private.loaded_key IS 'No key for development where the data is real.';
