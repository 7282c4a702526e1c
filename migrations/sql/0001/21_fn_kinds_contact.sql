-- Contact kinds: mobile, landline, email, postal_address.
--
-- Floor of the rule books: at least the middle four characters are hidden (Taikang, Article 12).
-- A value that is not in plain canonical form (prefix, separators, full-width digits) is masked
-- whole: positions say nothing about it.

CREATE FUNCTION pgmask.mask_mobile(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) = 11
   AND translate(p_value, '0123456789', '') COLLATE "C" = ''
   AND left(p_value, 1) COLLATE "C" = '1'
  THEN left(p_value, 3) || '****' || right(p_value, 4)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_mobile(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_mobile(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_mobile(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_mobile(text) IS
  'Mask of a mobile number: 138****5678; anything but eleven plain digits that begin with 1 is '
  'masked whole.';

CREATE FUNCTION pgmask.normal_mobile(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN regexp_replace(
  pgmask.compact(p_value) COLLATE "C", '^(?:[+]|00)?86(1[0-9]{10})$', '\1');
REVOKE ALL ON FUNCTION pgmask.normal_mobile(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_mobile(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_mobile(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_mobile(text) IS
  'Normal form of a mobile number: digits only, without the prefix +86, 0086 or 86.';

CREATE FUNCTION pgmask.valid_mobile(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
-- The normal form without its prefix; there is no room for a mask glyph.
RETURN coalesce(
  pgmask.compact(p_value) COLLATE "C" ~ '^(?:(?:[+]|00)?86)?1[3-9][0-9]{9}$',
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_mobile(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_mobile(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_mobile(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_mobile(text) IS
  'True for a mainland mobile number, with or without country prefix and separators.';

CREATE FUNCTION pgmask.mask_landline(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 10 AND 13
   AND translate(p_value, '0123456789-', '') COLLATE "C" = ''
   AND left(p_value, 1) COLLATE "C" = '0'
  THEN left(p_value, 3) || repeat('*', char_length(p_value) - 5) || right(p_value, 2)
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_landline(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_landline(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_landline(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_landline(text) IS
  'Mask of a fixed-line number with area code: first three and last two characters shown; '
  'without area code, with extension or prefix masked whole.';

CREATE FUNCTION pgmask.normal_landline(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN left(pgmask.compact(p_value), 3) COLLATE "C" = '+86'
  THEN '0' || substr(pgmask.compact(p_value), 4)
  WHEN left(pgmask.compact(p_value), 4) COLLATE "C" = '0086'
  THEN '0' || substr(pgmask.compact(p_value), 5)
  ELSE pgmask.compact(p_value)
END;
REVOKE ALL ON FUNCTION pgmask.normal_landline(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_landline(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_landline(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_landline(text) IS
  'Normal form of a fixed-line number: digits with the area code, without country prefix and '
  'separators.';

CREATE FUNCTION pgmask.valid_landline(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND (
    pgmask.normal_landline(p_value) COLLATE "C" ~ '^(?:0[1-9][0-9]{1,2})?[2-9][0-9]{6,7}$'
    OR pgmask.normal_landline(p_value) COLLATE "C" ~ '^[48]00[0-9]{7}$'
    OR pgmask.fold_width(p_value) COLLATE "C"
      ~ '^0[1-9][0-9]{1,2}-?[2-9][0-9]{6,7}(?:[-#xX]|转)[0-9]{1,6}$'
  ),
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_landline(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_landline(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_landline(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_landline(text) IS
  'True for a mainland fixed-line number (area code optional, extension allowed) or a 400/800 '
  'number.';

CREATE FUNCTION pgmask.mask_email(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 12 AND 320
   AND strpos(p_value COLLATE "C", '@') > 1
   AND pgmask.has_no_glyph(left(p_value, 1) || right(p_value, 4))
  THEN left(p_value, 1) || CASE
    WHEN substr(right(p_value, 4), 1, 1) COLLATE "C" = '.'
    THEN repeat('*', char_length(p_value) - 5) || right(p_value, 4)
    WHEN substr(right(p_value, 4), 2, 1) COLLATE "C" = '.'
    THEN repeat('*', char_length(p_value) - 4) || right(p_value, 3)
    ELSE repeat('*', char_length(p_value) - 1)
  END
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_email(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_email(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_email(text) IS
  'Mask of an e-mail address: first character and a top-level part of two or three letters '
  'shown (z***************.com); shorter than 12 characters or without @ masked whole.';

CREATE FUNCTION pgmask.normal_email(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN lower(btrim(pgmask.fold_width(p_value)) COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_email(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_email(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_email(text) IS
  'Normal form of an e-mail address: ASCII width, no outer blanks, lower case.';

CREATE FUNCTION pgmask.valid_email(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND char_length(p_value) <= 254
  AND pgmask.normal_email(p_value) COLLATE "C" ~ (
    '^[^[:space:][:cntrl:]@<>(),;:"]+'
    '@(?:[^[:space:][:cntrl:]@.,;]+\.)+[^[:space:][:cntrl:]@.,;0-9]{2,}$'
  ),
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_email(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_email(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_email(text) IS
  'True for one e-mail address of the usual form.';
