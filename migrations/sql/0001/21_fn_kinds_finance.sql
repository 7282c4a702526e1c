-- Finance and agreement kinds: bank_account, policy_number, number.
--
-- Floor of the rule books: at least the middle four characters of a bank account are hidden
-- (Taikang, Article 12).  The first digits name the bank, which PICC Article 9(1) puts at level 1:
-- the default shows the last four only.

CREATE FUNCTION pgmask.mask_bank_account(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 12 AND 34
   AND translate(p_value, '0123456789', '') COLLATE "C" = ''
  THEN repeat('*', char_length(p_value) - 4) || right(p_value, 4)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_bank_account(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_bank_account(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_bank_account(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_bank_account(text) IS
  'Default mask of a bank account or card number: the last four digits shown; shorter than 12, '
  'longer than 34 or not plain digits masked whole.';

CREATE FUNCTION pgmask.mask_bank_account_ends(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 14 AND 34
   AND translate(p_value, '0123456789', '') COLLATE "C" = ''
  THEN left(p_value, 4) || repeat('*', char_length(p_value) - 8) || right(p_value, 4)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_bank_account_ends(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_bank_account_ends(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_bank_account_ends(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_bank_account_ends(text) IS
  'Mask of a bank account or card number that shows the first four and the last four digits. '
  'The first digits name the bank.';

CREATE FUNCTION pgmask.normal_bank_account(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN upper(pgmask.compact(p_value) COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_bank_account(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_bank_account(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_bank_account(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_bank_account(text) IS
  'Normal form of a bank account or card number: without separators.';

CREATE FUNCTION pgmask.valid_bank_account(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
-- There is no room for a mask glyph.
RETURN coalesce(pgmask.compact(p_value) COLLATE "C" ~ '^[0-9]{8,34}$', FALSE);
REVOKE ALL ON FUNCTION pgmask.valid_bank_account(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_bank_account(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_bank_account(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_bank_account(text) IS
  'True for 8 to 34 digits, with or without separators. Passbook and company accounts carry no '
  'check digit: see luhn_holds.';

CREATE FUNCTION pgmask.luhn_holds(p_value text)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
DECLARE
  v_digits text;
  v_doubled text;
BEGIN
  IF p_value IS NULL OR char_length(p_value) > 60 THEN
    RETURN FALSE;
  END IF;
  v_digits := pgmask.compact(p_value);
  IF v_digits COLLATE "C" !~ '^[0-9]{12,19}$' THEN
    RETURN FALSE;
  END IF;
  v_digits := lpad(v_digits, 20, '0');
  v_doubled := translate(v_digits, '0123456789', '0246813579');
  RETURN (
      ascii(substr(v_digits, 2, 1)) + ascii(substr(v_doubled, 1, 1)) +
      ascii(substr(v_digits, 4, 1)) + ascii(substr(v_doubled, 3, 1)) +
      ascii(substr(v_digits, 6, 1)) + ascii(substr(v_doubled, 5, 1)) +
      ascii(substr(v_digits, 8, 1)) + ascii(substr(v_doubled, 7, 1)) +
      ascii(substr(v_digits, 10, 1)) + ascii(substr(v_doubled, 9, 1)) +
      ascii(substr(v_digits, 12, 1)) + ascii(substr(v_doubled, 11, 1)) +
      ascii(substr(v_digits, 14, 1)) + ascii(substr(v_doubled, 13, 1)) +
      ascii(substr(v_digits, 16, 1)) + ascii(substr(v_doubled, 15, 1)) +
      ascii(substr(v_digits, 18, 1)) + ascii(substr(v_doubled, 17, 1)) +
      ascii(substr(v_digits, 20, 1)) + ascii(substr(v_doubled, 19, 1))
      - 20 * 48
    ) % 10 = 0;
END
$function$;
REVOKE ALL ON FUNCTION pgmask.luhn_holds(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.luhn_holds(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.luhn_holds(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.luhn_holds(text) IS
  'True for a card number of 12 to 19 digits whose check digit holds. A quality flag: passbook '
  'and company accounts have no check digit.';

CREATE FUNCTION pgmask.mask_policy_number(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 10 AND 40
   AND translate(upper(p_value COLLATE "C"), '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', '') = ''
  THEN repeat('*', char_length(p_value) - 4) || right(p_value, 4)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_policy_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_policy_number(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_policy_number(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_policy_number(text) IS
  'Mask of a policy number: the last four of ten or more plain letters and digits shown; other '
  'forms masked whole.';

CREATE FUNCTION pgmask.normal_policy_number(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN upper(pgmask.compact(p_value) COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_policy_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_policy_number(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_policy_number(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_policy_number(text) IS
  'Normal form of a policy number: upper case, without separators.';

CREATE FUNCTION pgmask.valid_policy_number(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND upper(pgmask.compact(p_value) COLLATE "C") ~ '^(?=.*[0-9])[A-Z0-9]{6,40}$',
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_policy_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_policy_number(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_policy_number(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_policy_number(text) IS
  'True for 6 to 40 letters and digits with a digit among them.';

CREATE FUNCTION pgmask.mask_number(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN repeat('*', char_length(p_value));
REVOKE ALL ON FUNCTION pgmask.mask_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_number(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_number(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_number(text) IS
  'Mask of a number in a character column: every character hidden.';

CREATE FUNCTION pgmask.normal_number(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN translate(pgmask.fold_width(p_value), E' ,\t\u00A0', '');
REVOKE ALL ON FUNCTION pgmask.normal_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_number(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_number(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_number(text) IS
  'Normal form of a number: ASCII width, no blanks and thousands separators.';

CREATE FUNCTION pgmask.valid_number(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND pgmask.normal_number(p_value) COLLATE "C"
    ~ '^[-+]?[0-9]{1,100}(?:\.[0-9]{1,100})?$',
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_number(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_number(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_number(text) IS
  'True for a decimal number.';
