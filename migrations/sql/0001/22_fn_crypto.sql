-- SIV sealing (AES-256-CBC + HMAC-SHA-256) and blind indexes over pgcrypto. pgmask/sealing.py makes
-- and reads the same bytes; the generated triggers have these expressions inline.
--
-- Secrets flow only through simple expressions: a variable inside an SQL statement would be a
-- constant of its custom plan, which any caller may have printed (debug_print_plan).

CREATE FUNCTION pgmask_private.siv_seal(p_key bytea, p_epoch integer, p_data text, p_plain bytea, p_padding text)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
STRICT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_head bytea := '\x0101'::bytea || pg_catalog.int4send(p_epoch);
  v_tag bytea;
BEGIN
  v_tag := pg_catalog.substr(pgmask_crypto.hmac(
    v_head || pg_catalog.convert_to(p_data, 'UTF8') || '\x00'::bytea || p_plain,
    pg_catalog.substr(p_key, 1, 32), 'sha256'), 1, 16);
  RETURN v_head || v_tag || pgmask_crypto.encrypt_iv(
    p_plain, pg_catalog.substr(p_key, 33, 32), v_tag, 'aes-cbc/pad:' || p_padding);
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.siv_seal(bytea, integer, text, bytea, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.siv_seal(bytea, integer, text, bytea, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.siv_seal(bytea, integer, text, bytea, text) IS
  'Seals bytes under a 64-byte key: header, tag, ciphertext. Padding pkcs, or none for multiples of 16 bytes.';

CREATE FUNCTION pgmask_private.siv_open(p_key bytea, p_data text, p_sealed bytea, p_padding text)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
STRICT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
DECLARE
  v_tag bytea := pg_catalog.substr(p_sealed, 7, 16);
  v_plain bytea;
  v_fill integer;
BEGIN
  IF (pg_catalog.octet_length(p_sealed) >= 38
      AND (pg_catalog.octet_length(p_sealed) - 22) % 16 = 0
      AND pg_catalog.substr(p_sealed, 1, 2) = '\x0101'::bytea
      AND pg_catalog.octet_length(p_key) = 64) IS NOT TRUE
  THEN
    RETURN NULL;
  END IF;
  -- Never with pgcrypto's own unpadding: what it raises on a damaged value is not ours to word.
  v_plain := pgmask_crypto.decrypt_iv(
    pg_catalog.substr(p_sealed, 23), pg_catalog.substr(p_key, 33, 32), v_tag, 'aes-cbc/pad:none');
  IF p_padding = 'pkcs' THEN
    v_fill := pg_catalog.get_byte(v_plain, pg_catalog.octet_length(v_plain) - 1);
    IF (v_fill BETWEEN 1 AND 16
        AND pg_catalog.substr(v_plain, pg_catalog.octet_length(v_plain) - v_fill + 1)
            = pg_catalog.decode(pg_catalog.repeat(pg_catalog.lpad(pg_catalog.to_hex(v_fill), 2, '0'), v_fill), 'hex'))
       IS NOT TRUE
    THEN
      RETURN NULL;
    END IF;
    v_plain := pg_catalog.substr(v_plain, 1, pg_catalog.octet_length(v_plain) - v_fill);
  END IF;
  IF (pg_catalog.substr(pgmask_crypto.hmac(
        pg_catalog.substr(p_sealed, 1, 6) || pg_catalog.convert_to(p_data, 'UTF8') || '\x00'::bytea || v_plain,
        pg_catalog.substr(p_key, 1, 32), 'sha256'), 1, 16) = v_tag) IS NOT TRUE
  THEN
    RETURN NULL;
  END IF;
  RETURN v_plain;
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.siv_open(bytea, text, bytea, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.siv_open(bytea, text, bytea, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.siv_open(bytea, text, bytea, text) IS
  'Opens what siv_seal made; NULL when the value is not whole, not of this place or not of this key. Never raises.';

CREATE FUNCTION pgmask_private.blind_digest(p_content bytea, p_table_id text, p_column text, p_normal text)
RETURNS bytea
LANGUAGE plpgsql
VOLATILE
STRICT
PARALLEL RESTRICTED
SECURITY INVOKER
AS $pgmask$
BEGIN
  RETURN pgmask_crypto.hmac(
    pg_catalog.convert_to(pg_catalog.jsonb_build_array(p_table_id, p_column)::text || p_normal, 'UTF8'),
    pg_catalog.substr(p_content, 77, 32), 'sha256');
END
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.blind_digest(bytea, text, text, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.blind_digest(bytea, text, text, text) OWNER TO pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.blind_digest(bytea, text, text, text) IS
  'HMAC of a normal form under the root of a key file: its first 8 bytes are the blind index, its first 16 that of a unique column.';
