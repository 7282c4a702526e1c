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
  'Default mask of a resident identity card number: region and year of birth shown '
  '(1101011990********; 15 digits: 11010190*******); any other form masked whole.';

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
  'The weakest mask of a resident identity card number that the rule books allow: only the last '
  'four characters hidden. It identifies; prefer mask_cn_id_card.';

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
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
DECLARE
  v_bytes bytea := convert_to(p_digits, 'UTF8');
BEGIN
  IF (length(v_bytes) >= 17) IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  -- The weights are 7 9 10 5 8 4 2 1 6 3, and from there again: 100 in all, times 48 for the digit 0.
  RETURN substr('10X98765432', 1 + (
        (get_byte(v_bytes, 0) + get_byte(v_bytes, 10)) * 7 +
        (get_byte(v_bytes, 1) + get_byte(v_bytes, 11)) * 9 +
        (get_byte(v_bytes, 2) + get_byte(v_bytes, 12)) * 10 +
        (get_byte(v_bytes, 3) + get_byte(v_bytes, 13)) * 5 +
        (get_byte(v_bytes, 4) + get_byte(v_bytes, 14)) * 8 +
        (get_byte(v_bytes, 5) + get_byte(v_bytes, 15)) * 4 +
        (get_byte(v_bytes, 6) + get_byte(v_bytes, 16)) * 2 +
        get_byte(v_bytes, 7) + get_byte(v_bytes, 8) * 6 + get_byte(v_bytes, 9) * 3 - 4800
      ) % 11, 1);
END
$function$;
REVOKE ALL ON FUNCTION pgmask.cn_id_check_character(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.cn_id_check_character(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.cn_id_check_character(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.cn_id_check_character(text) IS
  'Check character (ISO 7064 MOD 11-2) over the first 17 digits of a resident identity card '
  'number; of anything else a meaningless one or none, never an error.';

CREATE FUNCTION pgmask.normal_cn_id_card(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN pgmask.compact(p_value) COLLATE "C" ~ '^[0-9]{15}$'
  THEN overlay(pgmask.compact(p_value) PLACING '19' FROM 7 FOR 0)
    || pgmask.cn_id_check_character(overlay(pgmask.compact(p_value) PLACING '19' FROM 7 FOR 0))
  ELSE upper(pgmask.compact(p_value) COLLATE "C")
END;
REVOKE ALL ON FUNCTION pgmask.normal_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_cn_id_card(text) IS
  'Normal form of a resident identity card number: 18 characters, X upper case, without '
  'separators; the 15-digit form of the same person gives the same value.';

CREATE FUNCTION pgmask.valid_cn_id_card(p_value text)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
DECLARE
  v_code text := upper(pgmask.compact(p_value) COLLATE "C");
  v_born text;
BEGIN
  -- No form below has room for a mask glyph.
  IF v_code COLLATE "C" ~ '^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{15}[0-9X]$' THEN
    IF right(v_code, 1) <> pgmask.cn_id_check_character(v_code) THEN
      RETURN FALSE;
    END IF;
    v_born := substr(v_code, 7, 8);
    RETURN pgmask.is_calendar_date(v_born);
  ELSIF v_code COLLATE "C" ~ '^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{13}$' THEN
    v_born := '19' || substr(v_code, 7, 6);
    RETURN pgmask.is_calendar_date(v_born);
  END IF;
  RETURN FALSE;
END
$function$;
REVOKE ALL ON FUNCTION pgmask.valid_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_cn_id_card(text) IS
  'True for a resident identity card number of 18 characters (province, calendar date and check '
  'character) or 15 digits (province and calendar date).';

CREATE FUNCTION pgmask.birth_date_of_cn_id_card(p_value text)
RETURNS date
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
DECLARE
  v_code text;
BEGIN
  IF pgmask.valid_cn_id_card(p_value) IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  v_code := pgmask.normal_cn_id_card(p_value);
  RETURN make_date(
    substr(v_code, 7, 4)::integer,
    substr(v_code, 11, 2)::integer,
    substr(v_code, 13, 2)::integer
  );
END
$function$;
REVOKE ALL ON FUNCTION pgmask.birth_date_of_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.birth_date_of_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.birth_date_of_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.birth_date_of_cn_id_card(text) IS
  'Date of birth that a valid resident identity card number states; NULL for any other value.';

CREATE FUNCTION pgmask.sex_of_cn_id_card(p_value text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
BEGIN
  IF pgmask.valid_cn_id_card(p_value) IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  RETURN CASE
    WHEN ascii(substr(pgmask.normal_cn_id_card(p_value), 17, 1)) % 2 = 1 THEN 'male'
    ELSE 'female'
  END;
END
$function$;
REVOKE ALL ON FUNCTION pgmask.sex_of_cn_id_card(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.sex_of_cn_id_card(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.sex_of_cn_id_card(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.sex_of_cn_id_card(text) IS
  'Sex that a valid resident identity card number states, ''male'' or ''female''; NULL for any '
  'other value.';

CREATE FUNCTION pgmask.mask_identity_paper(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 6 AND 32
   AND translate(upper(p_value COLLATE "C"), '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', '') = ''
  THEN left(p_value, 1) || repeat('*', char_length(p_value) - 1)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_identity_paper(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_identity_paper(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_identity_paper(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_identity_paper(text) IS
  'Mask of another identity paper (passport, permits, military): the first character of six or '
  'more plain letters and digits shown; other forms masked whole.';

CREATE FUNCTION pgmask.normal_identity_paper(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN upper(pgmask.compact(p_value) COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_identity_paper(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_identity_paper(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_identity_paper(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_identity_paper(text) IS
  'Normal form of an identity paper number: upper case, without separators.';

CREATE FUNCTION pgmask.valid_identity_paper(p_value text)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
DECLARE
  v_code text;
  v_born text;
BEGIN
  IF pgmask.has_no_glyph(p_value) IS NOT TRUE OR char_length(p_value) > 60 THEN
    RETURN FALSE;
  END IF;
  v_code := upper(pgmask.compact(p_value) COLLATE "C");
  IF v_code COLLATE "C" ~ '^(?:8[1-3]|9[0-9])[0-9]{15}[0-9X]$' THEN
    v_born := substr(v_code, 7, 8);
    RETURN pgmask.is_calendar_date(v_born)
      AND right(v_code, 1) = pgmask.cn_id_check_character(v_code);
  ELSIF v_code COLLATE "C" ~ '^[A-Z]{3}[0-9]{12}$' THEN
    v_born := '20' || substr(v_code, 8, 6);
    RETURN pgmask.is_calendar_date(v_born);
  END IF;
  RETURN v_code COLLATE "C" ~ '^(?=.*[0-9])[A-Z0-9]{6,12}$'
    OR v_code COLLATE "C" ~ '^[一-鿿]字第[0-9]{6,8}号?$';
END
$function$;
REVOKE ALL ON FUNCTION pgmask.valid_identity_paper(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_identity_paper(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_identity_paper(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_identity_paper(text) IS
  'True for the forms of passports, permits for Hong Kong, Macau and Taiwan (residence permits '
  'with check character), foreigners'' permanent residence cards and military papers.';

CREATE FUNCTION pgmask.mask_org_code(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) = 18
   AND translate(upper(p_value COLLATE "C"), '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', '') = ''
  THEN left(p_value, 8) || repeat('*', char_length(p_value) - 8)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_org_code(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_org_code(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_org_code(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_org_code(text) IS
  'Mask of a unified social credit code: authority, type and region (the first eight) shown; '
  'the nine-character organisation code masked whole.';

CREATE FUNCTION pgmask.normal_org_code(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN upper(pgmask.compact(p_value) COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_org_code(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_org_code(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_org_code(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_org_code(text) IS
  'Normal form of an organisation code: upper case, without separators.';

CREATE FUNCTION pgmask.credit_code_check_character(p_code text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
BEGIN
  RETURN substr('0123456789ABCDEFGHJKLMNPQRTUWXY', 1 + (31 - (
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 1, 1)) - 1) * 1 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 2, 1)) - 1) * 3 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 3, 1)) - 1) * 9 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 4, 1)) - 1) * 27 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 5, 1)) - 1) * 19 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 6, 1)) - 1) * 26 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 7, 1)) - 1) * 16 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 8, 1)) - 1) * 17 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 9, 1)) - 1) * 20 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 10, 1)) - 1) * 29 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 11, 1)) - 1) * 25 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 12, 1)) - 1) * 13 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 13, 1)) - 1) * 8 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 14, 1)) - 1) * 24 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 15, 1)) - 1) * 10 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 16, 1)) - 1) * 30 +
      (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY' COLLATE "C", substr(p_code, 17, 1)) - 1) * 28
    ) % 31) % 31, 1);
END
$function$;
REVOKE ALL ON FUNCTION pgmask.credit_code_check_character(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.credit_code_check_character(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.credit_code_check_character(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.credit_code_check_character(text) IS
  'Check character (GB 32100, MOD 31) over the first 17 characters of a unified social credit '
  'code; a character outside its alphabet gives a meaningless one, never an error.';

CREATE FUNCTION pgmask.org_code_check_character(p_code text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
BEGIN
  RETURN substr('0X987654321', 1 + (
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 1, 1)) - 1) * 3 +
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 2, 1)) - 1) * 7 +
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 3, 1)) - 1) * 9 +
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 4, 1)) - 1) * 10 +
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 5, 1)) - 1) * 5 +
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 6, 1)) - 1) * 8 +
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 7, 1)) - 1) * 4 +
      (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' COLLATE "C", substr(p_code, 8, 1)) - 1) * 2
    ) % 11, 1);
END
$function$;
REVOKE ALL ON FUNCTION pgmask.org_code_check_character(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.org_code_check_character(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.org_code_check_character(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.org_code_check_character(text) IS
  'Check character (GB 11714, MOD 11) over the first eight characters of an organisation code.';

CREATE FUNCTION pgmask.valid_org_code(p_value text)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
AS $function$
DECLARE
  v_code text;
BEGIN
  IF pgmask.has_no_glyph(p_value) IS NOT TRUE OR char_length(p_value) > 60 THEN
    RETURN FALSE;
  END IF;
  v_code := upper(pgmask.compact(p_value) COLLATE "C");
  IF v_code COLLATE "C" ~ '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$' THEN
    RETURN right(v_code, 1) = pgmask.credit_code_check_character(v_code);
  ELSIF v_code COLLATE "C" ~ '^[0-9A-Z]{8}[0-9X]$' THEN
    RETURN right(v_code, 1) = pgmask.org_code_check_character(v_code);
  END IF;
  RETURN FALSE;
END
$function$;
REVOKE ALL ON FUNCTION pgmask.valid_org_code(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_org_code(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_org_code(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_org_code(text) IS
  'True for a unified social credit code (18 characters) or an organisation code (9) whose '
  'check character holds.';

CREATE FUNCTION pgmask.mask_plate(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 7 AND 8
   AND ascii(p_value) BETWEEN 19968 AND 40959
   AND ascii(substr(p_value, 2, 1)) BETWEEN 65 AND 90
  THEN left(p_value, 2) || repeat('*', char_length(p_value) - 2)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_plate(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_plate(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_plate(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_plate(text) IS
  'Mask of a vehicle plate: province and issuing city shown.';

CREATE FUNCTION pgmask.normal_plate(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN upper(pgmask.compact(p_value) COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_plate(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_plate(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_plate(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_plate(text) IS
  'Normal form of a vehicle plate: upper case, without separators and dot.';

CREATE FUNCTION pgmask.valid_plate(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND upper(pgmask.compact(p_value) COLLATE "C") ~ (
    '^[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]'
    '(?:[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])$'
  ),
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_plate(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_plate(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_plate(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_plate(text) IS
  'True for a plate of seven characters or, new energy, eight.';
