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
  'Default mask of a bank account or card number: the last four digits shown; shorter than 12, longer than 34 or not plain digits masked whole.';

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
  'Mask of a bank account or card number that shows the first four and the last four digits. The first digits name the bank.';

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
RETURN coalesce(
  pgmask.has_no_glyph(p_value) AND pgmask.compact(p_value) COLLATE "C" ~ '^[0-9]{8,34}$',
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_bank_account(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_bank_account(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_bank_account(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_bank_account(text) IS
  'True for 8 to 34 digits, with or without separators. Passbook and company accounts carry no check digit: see luhn_holds.';
