-- Makes the token key when there is none: at the first install, and after a restore.
--   result  true when it was made
--   marks   the secret flows by assignment and by the default of a column, never through the text
--           or the parameters of a statement, where a custom plan would show it as a constant
CREATE FUNCTION pgmask_private.ensure_token_key()
  RETURNS boolean
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  INSERT INTO pgmask_private.token_key (secret)
  SELECT encode(pgmask_crypto.gen_random_bytes(32), 'hex')
  ON CONFLICT (only_row) DO NOTHING;
  RETURN FOUND;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.ensure_token_key() FROM PUBLIC;
ALTER FUNCTION pgmask_private.ensure_token_key() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask_private.ensure_token_key() IS
  'Makes the token key when there is none; true when it was made.';
