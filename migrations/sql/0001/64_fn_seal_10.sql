-- Sealing: where the next batch begins, and that it follows the last one.
--
-- A batch covers every row of the record whose transaction is in an interval, all of which are
-- finished: no row can be added to it any more, whatever the order in which transactions ended.
-- Numbers of transactions run on in one line through failovers and copies; restored into another
-- cluster they begin anew, and a new line begins: rows that were there already, known by their numbers
-- (era.last_ids), belong to the lines before, and its first batch takes over what was not sealed.

-- Registers a public key of the seal.
--   p_public  the raw Ed25519 public key
--   result    its id: the first 16 hexadecimal digits of its SHA-256
--   marks     for convenience: whoever verifies brings the key he trusts
CREATE FUNCTION pgmask_private.add_signing_key(p_public bytea)
  RETURNS text
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_key text := "left"(encode(sha256(p_public), 'hex'), 16);
  v_noted bigint;
BEGIN
  IF EXISTS (SELECT FROM pgmask_audit.signing_key AS k WHERE k.key_id = v_key) THEN
    RETURN v_key;
  END IF;
  INSERT INTO pgmask_audit.signing_key (key_id, public_key) VALUES (v_key, p_public);
  v_noted := pgmask_private.record_activity('key', 'seal', jsonb_build_object('added', v_key));
  RETURN v_key;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.add_signing_key(bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.add_signing_key(bytea) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.add_signing_key(bytea) TO pgmask_record_sealer;
COMMENT ON FUNCTION pgmask_private.add_signing_key(bytea) IS
  'Registers a public key of the seal; gives its id.';

-- What the next batch has to say: its number, the digest before it, where it begins and may end.
--   p_line, p_floors  the era with which the present line of transactions began, and era.last_ids of it
--   p_last_line       the line of the last batch; NULL: there is none
--   p_horizon         every transaction below it is finished; 0 while the era itself is being begun
CREATE FUNCTION pgmask_private.seal_state(
  OUT batch bigint, OUT previous text, OUT era integer, OUT system text, OUT line integer,
  OUT floors jsonb, OUT last_line integer, OUT last_floors jsonb, OUT last_xid bigint,
  OUT horizon bigint, OUT numbers jsonb, OUT fingerprint jsonb, OUT made_at timestamptz
)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_last pgmask_audit.batch;
  v_head jsonb;
  v_began bigint;
BEGIN
  SELECT e.era_id, e.system_identifier INTO STRICT era, system
    FROM pgmask_audit.era AS e ORDER BY e.era_id DESC LIMIT 1;
  SELECT e.era_id, e.last_ids, e.xid INTO STRICT line, floors, v_began
    FROM pgmask_audit.era AS e
   WHERE e.reason IN ('install', 'restore', 'upgrade')
   ORDER BY e.era_id DESC LIMIT 1;
  SELECT b.* INTO v_last FROM pgmask_audit.batch AS b ORDER BY b.batch_id DESC LIMIT 1;
  -- Where batches were deleted and their leaves were not, their numbers stay taken: a new batch of such
  -- a number could not be added, and the gap is what verification tells.
  batch := greatest(v_last.batch_id, (SELECT max(l.batch_id) FROM pgmask_audit.leaf AS l), 0) + 1;
  previous := coalesce(encode(v_last.digest, 'hex'), '');
  v_head := v_last.header::jsonb;
  last_line := (v_head ->> 'line')::integer;
  last_floors := v_head -> 'floors';
  last_xid := v_last.xid_to;
  fingerprint := v_head -> 'fingerprint';
  made_at := v_last.made_at;
  horizon := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  IF line IS DISTINCT FROM last_line AND (horizon > v_began) IS NOT TRUE THEN
    horizon := 0;
  END IF;
  numbers := pgmask_private.record_numbers();
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.seal_state() FROM PUBLIC;
ALTER FUNCTION pgmask_private.seal_state() OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.seal_state() TO pgmask_record_sealer, pgmask_backup;
COMMENT ON FUNCTION pgmask_private.seal_state() IS
  'Where the next batch begins, how far it may go, and what it follows.';

-- Adds a batch behind the last one.
--   p_header        the text that was signed
--   p_ids, p_hashes per part of the header, as pgmask_audit.leaf holds them
--   p_names, p_contents  parts of the fingerprint, of which those are kept that are new
--   errors          PM823 it does not follow the last one
CREATE FUNCTION pgmask_private.add_batch(
  p_header text, p_key text, p_signature bytea, p_ids bytea[], p_hashes bytea[], p_names text[],
  p_contents text[]
)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_head jsonb := p_header::jsonb;
  v_state record;
  v_batch bigint := (v_head ->> 'batch')::bigint;
BEGIN
  PERFORM FROM pgmask_audit.turn AS t WHERE t.name = 'seal' FOR UPDATE;
  SELECT s.* INTO STRICT v_state FROM pgmask_private.seal_state() AS s;
  IF (v_head ->> 'format' = 'pgmask-batch-1'
      AND v_batch = v_state.batch
      AND v_head ->> 'previous' = v_state.previous
      AND (v_head ->> 'era')::integer = pgmask_private.current_era()
      AND v_head ->> 'system' = v_state.system
      AND (v_head ->> 'line')::integer = v_state.line
      AND v_head -> 'floors' = v_state.floors
      AND (v_head ->> 'xid_from')::bigint
          = CASE WHEN v_state.line = v_state.last_line THEN v_state.last_xid ELSE 0 END
      AND (v_head ->> 'xid_to')::bigint >= (v_head ->> 'xid_from')::bigint
      AND (v_head ->> 'xid_to')::bigint <= v_state.horizon
      AND v_head ->> 'key' = p_key
      AND EXISTS (SELECT FROM pgmask_audit.signing_key AS k WHERE k.key_id = p_key)
      AND jsonb_array_length(v_head -> 'parts') = cardinality(p_ids)
      AND cardinality(p_ids) = cardinality(p_hashes)
      AND cardinality(p_names) = cardinality(p_contents)) IS NOT TRUE
  THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM823',
      MESSAGE = format('batch %s does not follow the last one', v_batch),
      HINT = 'One program seals at a time; the next run goes on behind the last batch.';
  END IF;
  INSERT INTO pgmask_audit.batch (
    batch_id, made_at, era_id, xid_from, xid_to, header, digest, key_id, signature
  )
  VALUES (
    v_batch, (v_head ->> 'made_at')::timestamptz, (v_head ->> 'era')::integer,
    (v_head ->> 'xid_from')::bigint, (v_head ->> 'xid_to')::bigint, p_header,
    sha256(convert_to(p_header, 'UTF8')), p_key, p_signature);
  INSERT INTO pgmask_audit.leaf (batch_id, part, ids, hashes)
  SELECT v_batch, l.part - 1, l.ids, l.hashes
    FROM unnest(p_ids, p_hashes) WITH ORDINALITY AS l (ids, hashes, part);
  INSERT INTO pgmask_audit.fingerprint (digest, part, lines)
  SELECT sha256(convert_to(f.lines, 'UTF8')), f.name, f.lines
    FROM unnest(p_names, p_contents) AS f (name, lines)
      ON CONFLICT DO NOTHING;
  RETURN v_batch;
END;
$pgmask$;
REVOKE ALL ON FUNCTION
  pgmask_private.add_batch(text, text, bytea, bytea[], bytea[], text[], text[]) FROM PUBLIC;
ALTER FUNCTION
  pgmask_private.add_batch(text, text, bytea, bytea[], bytea[], text[], text[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION
  pgmask_private.add_batch(text, text, bytea, bytea[], bytea[], text[], text[]) TO pgmask_record_sealer;
COMMENT ON FUNCTION
  pgmask_private.add_batch(text, text, bytea, bytea[], bytea[], text[], text[]) IS
  'Adds a batch behind the last one; PM823.';

-- Notes where the head of the chain was left outside the database.
CREATE FUNCTION pgmask_private.add_anchor(
  p_batch bigint, p_kind text, p_place text, p_receipt bytea
)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_anchor bigint;
BEGIN
  INSERT INTO pgmask_audit.anchor (batch_id, kind, place, receipt)
  VALUES (p_batch, p_kind, p_place, p_receipt)
  RETURNING anchor_id INTO v_anchor;
  RETURN v_anchor;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.add_anchor(bigint, text, text, bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.add_anchor(bigint, text, text, bytea) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.add_anchor(bigint, text, text, bytea) TO pgmask_record_sealer;
COMMENT ON FUNCTION pgmask_private.add_anchor(bigint, text, text, bytea) IS
  'Notes where the head of the chain was left outside the database.';

-- Records what the sealer noticed or did.
--   p_kind  right, definition, seal or command
CREATE FUNCTION pgmask_private.seal_note(p_kind text, p_object text, p_detail jsonb)
  RETURNS bigint
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF (p_kind IN ('right', 'definition', 'seal', 'command')) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'PM823', MESSAGE = 'this is not for the sealer to record';
  END IF;
  RETURN pgmask_private.record_activity(p_kind, p_object, p_detail);
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.seal_note(text, text, jsonb) FROM PUBLIC;
ALTER FUNCTION pgmask_private.seal_note(text, text, jsonb) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.seal_note(text, text, jsonb) TO pgmask_record_sealer;
COMMENT ON FUNCTION pgmask_private.seal_note(text, text, jsonb) IS
  'Records what the sealer noticed or did.';
