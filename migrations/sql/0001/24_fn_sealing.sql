-- What the generated sealing triggers share: refusals in their own words, and the stash in which
-- one upsert carries its truths from the INSERT trigger to the UPDATE trigger.
--
-- No message holds a value: tables and columns are named, nothing else.

CREATE FUNCTION pgmask_private.refuse_value(p_table text, p_column text, p_why text)
RETURNS text
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  CASE p_why
    WHEN 'missing' THEN
      RAISE EXCEPTION USING ERRCODE = 'PM045',
        MESSAGE = pg_catalog.format('%s.%s: a required value is missing', p_table, p_column),
        HINT = 'Nothing was written. Send the value.', TABLE = p_table, COLUMN = p_column;
    WHEN 'hidden' THEN
      RAISE EXCEPTION USING ERRCODE = 'PM044',
        MESSAGE = pg_catalog.format('%s.%s is hidden from this profile and cannot be written', p_table, p_column),
        HINT = 'Nothing was written. Leave the column out, or send NULL as it was read.',
        TABLE = p_table, COLUMN = p_column;
    WHEN 'glyph' THEN
      RAISE EXCEPTION USING ERRCODE = 'PM042',
        MESSAGE = pg_catalog.format('%s.%s: the value looks masked, and this row has no such mask', p_table, p_column),
        HINT = 'Nothing was written. Send the full value, or leave the column out.',
        TABLE = p_table, COLUMN = p_column;
    WHEN 'carried' THEN
      RAISE EXCEPTION USING ERRCODE = 'PM047',
        MESSAGE = pg_catalog.format('%s.%s: the stored form does not belong to the sealed value that came with it', p_table, p_column),
        HINT = 'Nothing was written. Restore the row as it was dumped, or write it without pgmask''s columns.',
        TABLE = p_table, COLUMN = p_column;
    WHEN 'unopened' THEN
      RAISE EXCEPTION USING ERRCODE = 'PM315',
        MESSAGE = pg_catalog.format('%s: a sealed value of this row does not open', p_table),
        DETAIL = pg_catalog.format('Bundle %s. It was changed, moved from another row, or cut.', p_column),
        HINT = 'Nothing was written. Find the rows with pgmask seal TABLE --verify.', TABLE = p_table;
    WHEN 'appeared' THEN
      RAISE EXCEPTION USING ERRCODE = '40001',
        MESSAGE = pg_catalog.format('%s: another transaction wrote this row at the same moment', p_table),
        HINT = 'Repeat the transaction.', TABLE = p_table;
    ELSE
      RAISE EXCEPTION USING ERRCODE = 'PM041',
        MESSAGE = pg_catalog.format('%s.%s: the value is not valid (%s)', p_table, p_column, p_why),
        HINT = 'Nothing was written. Send a valid value, or leave the column out.',
        TABLE = p_table, COLUMN = p_column;
  END CASE;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_value(text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_value(text, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.refuse_value(text, text, text) IS
  'Raises why a write was refused: PM041, PM042, PM044, PM045, PM047, PM315 or 40001. Never returns.';

CREATE FUNCTION pgmask_private.refuse_mask(p_table text, p_column text, p_new text, p_old text)
RETURNS text
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  -- Same places hidden, other characters shown: this was the mask of the row when it was read.
  IF pg_catalog.regexp_replace(p_new COLLATE "C", '[^*]', 'x', 'g') = pg_catalog.regexp_replace(p_old COLLATE "C", '[^*]', 'x', 'g') THEN
    RAISE EXCEPTION USING ERRCODE = 'PM043',
      MESSAGE = pg_catalog.format('%s.%s: the mask of this row has changed meanwhile', p_table, p_column),
      HINT = 'Nothing was written. Reload the row and repeat the change.',
      TABLE = p_table, COLUMN = p_column;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'PM042',
    MESSAGE = pg_catalog.format('%s.%s: the value looks masked but is not the mask of this row', p_table, p_column),
    HINT = 'Nothing was written. Send the unchanged value, the full value, or leave the column out.',
    TABLE = p_table, COLUMN = p_column;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_mask(text, text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_mask(text, text, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.refuse_mask(text, text, text, text) IS
  'Raises PM043 where the masked-looking value hides the same places as the stored mask, else PM042. Never returns.';

CREATE FUNCTION pgmask_private.refuse_marked_row()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
BEGIN
  -- The row that was in the way is gone, or the unique index that made it be in the way.
  RAISE EXCEPTION USING ERRCODE = '40001',
    MESSAGE = pg_catalog.format('%s.%s: the row this upsert met has gone meanwhile', TG_TABLE_SCHEMA, TG_TABLE_NAME),
    HINT = 'Repeat the transaction. If that does not help, a unique index has been dropped: run pgmask drift.';
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_marked_row() FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_marked_row() OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.refuse_marked_row() IS
  'Trigger: a row that was only proposed by an upsert must never be stored. Raises 40001.';

CREATE FUNCTION pgmask_private.stash_key(p_content bytea)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
STRICT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
BEGIN
  RETURN pgmask_crypto.hmac('\x01'::bytea, pg_catalog.substr(p_content, 109, 32), 'sha256')
      || pgmask_crypto.hmac('\x02'::bytea, pg_catalog.substr(p_content, 109, 32), 'sha256');
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.stash_key(bytea) FROM PUBLIC;
ALTER FUNCTION pgmask_private.stash_key(bytea) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.stash_key(bytea) IS 'The 64-byte key of stashes, from the root of a key file.';

CREATE FUNCTION pgmask_private.stash_data(p_setting text, p_depth integer)
RETURNS text
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
BEGIN
  RETURN pg_catalog.jsonb_build_array(
    'stash', p_setting, pg_catalog.pg_backend_pid(), pg_catalog.pg_current_xact_id()::text, p_depth)::text;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.stash_data(text, integer) FROM PUBLIC;
ALTER FUNCTION pgmask_private.stash_data(text, integer) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.stash_data(text, integer) IS
  'What a stash is bound to: table, session, transaction, trigger depth.';

CREATE FUNCTION pgmask_private.stash_leave(p_setting text, p_depth integer, p_stash jsonb)
RETURNS text
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_forms text := coalesce(p_stash ->> 'forms', '');
  v_key bytea;
  v_sealed bytea;
  v_fill integer;
  v_nothing text;
BEGIN
  -- The row that is met may be hidden from who writes. So nothing may tell its masks or its key by
  -- length either: the other glyph is longer than '*', and keys have digits.
  v_fill := 3 * pg_catalog.octet_length(pg_catalog.translate(v_forms, U&'\2022', '*'))
    - pg_catalog.octet_length(v_forms)
    + 256 - pg_catalog.octet_length(coalesce(p_stash ->> 'rows', '')) % 256;
  v_key := pgmask_private.stash_key(pgmask_private.key_content(pgmask_private.current_kek()));
  -- The random part keeps two equal stashes from being seen to be equal.
  v_sealed := pgmask_private.siv_seal(
    v_key, p_depth, pgmask_private.stash_data(p_setting, p_depth),
    pg_catalog.convert_to((p_stash || pg_catalog.jsonb_build_object(
      'random', pg_catalog.gen_random_uuid(), 'fill', pg_catalog.repeat('x', v_fill)))::text, 'UTF8'),
    'pkcs');
  v_nothing := pg_catalog.set_config(p_setting, pg_catalog.jsonb_build_object(
    'depth', p_depth, 'sealed', pg_catalog.encode(v_sealed, 'hex'))::text, TRUE);
  RETURN NULL;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.stash_leave(text, integer, jsonb) FROM PUBLIC;
ALTER FUNCTION pgmask_private.stash_leave(text, integer, jsonb) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.stash_leave(text, integer, jsonb) IS
  'Leaves what an upsert carries, sealed whole, in a setting of this transaction. Anybody may read or forge it; it only opens here.';

CREATE FUNCTION pgmask_private.stash_open(p_setting text, p_depth integer, p_text text)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_stash jsonb := p_text::jsonb;
  v_hex text := v_stash ->> 'sealed';
  v_key bytea;
  v_plain bytea;
BEGIN
  IF (v_stash -> 'depth' = pg_catalog.to_jsonb(p_depth)) IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  IF v_hex COLLATE "C" ~ '^([0-9a-f]{2})+$' THEN
    v_key := pgmask_private.stash_key(pgmask_private.key_content(pgmask_private.current_kek()));
    v_plain := pgmask_private.siv_open(
      v_key, pgmask_private.stash_data(p_setting, p_depth), pg_catalog.decode(v_hex, 'hex'), 'pkcs');
  END IF;
  IF v_plain IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM046',
      MESSAGE = 'what this upsert carries was changed on its way',
      DETAIL = pg_catalog.format('The setting %s is pgmask''s own and no statement may touch it.', p_setting),
      HINT = 'Nothing was written. Repeat the statement without writing to that setting.';
  END IF;
  RETURN pg_catalog.convert_from(v_plain, 'UTF8')::jsonb;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.stash_open(text, integer, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.stash_open(text, integer, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.stash_open(text, integer, text) IS
  'The stash of this transaction at this depth; NULL where it is of another depth; PM046 when it was changed, or comes from elsewhere.';

CREATE FUNCTION pgmask_private.open_carried(p_class text, p_subject text, p_data text, p_sealed bytea, p_table text, p_bundle text)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
CALLED ON NULL INPUT
PARALLEL UNSAFE
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_kek_id integer := pgmask_private.current_kek();
  v_content bytea;
  v_key bytea;
  v_plain bytea;
  v_nothing text;
BEGIN
  IF (pg_catalog.octet_length(p_sealed) >= 38 AND pg_catalog.substr(p_sealed, 1, 2) = '\x0101'::bytea) IS NOT TRUE THEN
    v_nothing := pgmask_private.refuse_value(p_table, p_bundle, 'unopened');
  END IF;
  BEGIN
    v_content := pgmask_private.key_content(v_kek_id);
    v_key := pgmask_private.data_key_at(
      v_content, v_kek_id, p_class, p_subject,
      ('x' || pg_catalog.encode(pg_catalog.substr(p_sealed, 3, 4), 'hex'))::bit(32)::integer);
  EXCEPTION
    -- A restore brings rows before keys. Only the store's owners can send a sealed value, and it is
    -- verified when it is used and by pgmask seal --verify.
    WHEN SQLSTATE 'PM310' OR SQLSTATE 'PM314' THEN
      RETURN NULL;
  END;
  v_plain := pgmask_private.siv_open(v_key, p_data, p_sealed, 'pkcs');
  IF v_plain IS NULL THEN
    v_nothing := pgmask_private.refuse_value(p_table, p_bundle, 'unopened');
  END IF;
  RETURN pg_catalog.convert_from(v_plain, 'UTF8')::jsonb;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.open_carried(text, text, text, bytea, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.open_carried(text, text, text, bytea, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.open_carried(text, text, text, bytea, text, text) IS
  'The truths of a row that comes with its sealed value (partition move, restore); NULL where the key is not there yet; PM315 when it does not open.';
