-- Identity kinds: cn_id_card (GB 11643), identity_paper, org_code (GB 32100, GB 11714), plate.
--
-- Floor of the rule books: at least the last four characters are hidden (Taikang, Article 12).  The
-- default for the resident identity card hides month and day of birth as well: region and whole
-- birth date leave some five hundred people.

CREATE FUNCTION pgmask.mask_cn_id_card(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) = 18
   AND translate(left(p_value, 17), '0123456789', '') COLLATE "C" = ''
   AND translate(right(p_value, 1), '0123456789Xx', '') COLLATE "C" = ''
  THEN left(p_value, 10) || '********'
  WHEN char_length(p_value) = 15
   AND translate(p_value, '0123456789', '') COLLATE "C" = ''
  THEN left(p_value, 8) || '*******'
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_cn_id_card(text) IS
  'Default mask of a resident identity card number: region and year of birth shown (1101011990********; 15 digits: 11010190*******); any other form masked whole.';

CREATE FUNCTION pgmask.mask_cn_id_card_last4(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) = 18
   AND translate(left(p_value, 17), '0123456789', '') COLLATE "C" = ''
   AND translate(right(p_value, 1), '0123456789Xx', '') COLLATE "C" = ''
  THEN left(p_value, 14) || '****'
  WHEN char_length(p_value) = 15
   AND translate(p_value, '0123456789', '') COLLATE "C" = ''
  THEN left(p_value, 11) || '****'
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_cn_id_card_last4(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_cn_id_card_last4(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_cn_id_card_last4(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_cn_id_card_last4(text) IS
  'The weakest mask of a resident identity card number that the rule books allow: only the last four characters hidden. It identifies; prefer mask_cn_id_card.';

CREATE FUNCTION pgmask.mask_cn_id_card_region(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) IN (15, 18)
   AND translate(left(p_value, -1), '0123456789', '') COLLATE "C" = ''
   AND translate(right(p_value, 1), '0123456789Xx', '') COLLATE "C" = ''
  THEN left(p_value, 6) || repeat('*', char_length(p_value) - 6)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_cn_id_card_region(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_cn_id_card_region(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_cn_id_card_region(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_cn_id_card_region(text) IS
  'Mask of a resident identity card number that shows the region only.';

CREATE FUNCTION pgmask.cn_id_check_character(p_digits text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN p_digits COLLATE "C" ~ '^[0-9]{17}'
  THEN substr('10X98765432', 1 + (
      (ascii(substr(p_digits, 1, 1)) - 48) * 7 + (ascii(substr(p_digits, 2, 1)) - 48) * 9 + (ascii(substr(p_digits, 3, 1)) - 48) * 10 +
      (ascii(substr(p_digits, 4, 1)) - 48) * 5 + (ascii(substr(p_digits, 5, 1)) - 48) * 8 + (ascii(substr(p_digits, 6, 1)) - 48) * 4 +
      (ascii(substr(p_digits, 7, 1)) - 48) * 2 + (ascii(substr(p_digits, 8, 1)) - 48) * 1 + (ascii(substr(p_digits, 9, 1)) - 48) * 6 +
      (ascii(substr(p_digits, 10, 1)) - 48) * 3 + (ascii(substr(p_digits, 11, 1)) - 48) * 7 + (ascii(substr(p_digits, 12, 1)) - 48) * 9 +
      (ascii(substr(p_digits, 13, 1)) - 48) * 10 + (ascii(substr(p_digits, 14, 1)) - 48) * 5 + (ascii(substr(p_digits, 15, 1)) - 48) * 8 +
      (ascii(substr(p_digits, 16, 1)) - 48) * 4 + (ascii(substr(p_digits, 17, 1)) - 48) * 2
    ) % 11, 1)
END;
REVOKE ALL ON FUNCTION pgmask.cn_id_check_character(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.cn_id_check_character(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.cn_id_check_character(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.cn_id_check_character(text) IS
  'Check character (ISO 7064 MOD 11-2) over the first 17 digits of a resident identity card number; NULL when they are not digits.';

CREATE FUNCTION pgmask.normal_cn_id_card(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN pgmask.compact(p_value) COLLATE "C" ~ '^[0-9]{15}$'
  THEN left(pgmask.compact(p_value), 6) || '19' || right(pgmask.compact(p_value), 9)
    || pgmask.cn_id_check_character(left(pgmask.compact(p_value), 6) || '19' || right(pgmask.compact(p_value), 9))
  ELSE upper(pgmask.compact(p_value) COLLATE "C")
END;
REVOKE ALL ON FUNCTION pgmask.normal_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_cn_id_card(text) IS
  'Normal form of a resident identity card number: 18 characters, X upper case, without separators; the 15-digit form of the same person gives the same value.';

CREATE FUNCTION pgmask.valid_cn_id_card(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND CASE
    WHEN pgmask.compact(p_value) COLLATE "C" ~ '^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{15}[0-9Xx]$'
    THEN pgmask.is_calendar_date(substr(pgmask.compact(p_value), 7, 8))
     AND upper(right(pgmask.compact(p_value), 1) COLLATE "C")
       = pgmask.cn_id_check_character(left(pgmask.compact(p_value), 17))
    WHEN pgmask.compact(p_value) COLLATE "C" ~ '^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{13}$'
    THEN pgmask.is_calendar_date('19' || substr(pgmask.compact(p_value), 7, 6))
    ELSE FALSE
  END,
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_cn_id_card(text) IS
  'True for a resident identity card number of 18 characters (province, calendar date and check character) or 15 digits (province and calendar date).';

CREATE FUNCTION pgmask.birth_date_of_cn_id_card(p_value text)
RETURNS date
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN pgmask.valid_cn_id_card(p_value)
  THEN make_date(
    substr(pgmask.normal_cn_id_card(p_value), 7, 4)::integer,
    substr(pgmask.normal_cn_id_card(p_value), 11, 2)::integer,
    substr(pgmask.normal_cn_id_card(p_value), 13, 2)::integer
  )
END;
REVOKE ALL ON FUNCTION pgmask.birth_date_of_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.birth_date_of_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.birth_date_of_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.birth_date_of_cn_id_card(text) IS
  'Date of birth that a valid resident identity card number states; NULL for any other value.';

CREATE FUNCTION pgmask.sex_of_cn_id_card(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN pgmask.valid_cn_id_card(p_value)
  THEN CASE
    WHEN ascii(substr(pgmask.normal_cn_id_card(p_value), 17, 1)) % 2 = 1
    THEN 'male'
    ELSE 'female'
  END
END;
REVOKE ALL ON FUNCTION pgmask.sex_of_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.sex_of_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.sex_of_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.sex_of_cn_id_card(text) IS
  'Sex that a valid resident identity card number states, ''male'' or ''female''; NULL for any other value.';
