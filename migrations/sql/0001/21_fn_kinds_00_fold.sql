-- Folding and digit helpers that the masks, validators and normalisers of the kinds share.
--
-- Masks, normal forms and most validators are one expression that PostgreSQL inlines: no call is
-- paid, and no value travels as a parameter of a nested statement.  What needs a variable (check
-- digits) is PL/pgSQL made of simple expressions only, for the same reason.  COLLATE "C" pins
-- comparisons and regular expressions, which raise or fold under a nondeterministic collation.
--
-- A trigger prepares each expression anew in every transaction, and pays for every function in it,
-- taken or not: one regular expression costs less than ten functions, and a helper is inlined as
-- often as it is named.

CREATE FUNCTION pgmask.fold_width(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN octet_length(p_value) = char_length(p_value)
    OR p_value COLLATE "C" !~ '[！-～　]'
  THEN p_value
  ELSE translate(
    p_value,
    E'！＂＃＄％＆＇（）＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～'
    '　',
    E'!"#$%&''()+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~ '
  )
END;
REVOKE ALL ON FUNCTION pgmask.fold_width(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.fold_width(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.fold_width(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.fold_width(text) IS
  'Full-width forms as their ASCII characters, the ideographic space as a space; a full-width '
  'asterisk stays, so that no mask glyph appears.';

CREATE FUNCTION pgmask.compact(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN octet_length(p_value) = char_length(p_value)
  THEN translate(p_value, E' \u0009\u000D\u000A-.()/,', '')
  ELSE translate(
    p_value,
    E'！＂＃＄％＆＇＋０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～'
    '·‧・\u00A0\u200B\uFEFF\u2010\u2011\u2012\u2013\u2014\u3000－．（）／， \u0009\u000D\u000A-.()/,',
    E'!"#$%&''+0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~'
  )
END;
REVOKE ALL ON FUNCTION pgmask.compact(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.compact(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.compact(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.compact(text) IS
  'Full-width forms as ASCII, separators (blanks, hyphens, dots, commas, brackets, slashes) '
  'left out: the base of the normal forms of numbers.';

CREATE FUNCTION pgmask.has_no_glyph(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN translate(p_value, '*•', '') COLLATE "C" = p_value;
REVOKE ALL ON FUNCTION pgmask.has_no_glyph(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.has_no_glyph(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.has_no_glyph(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.has_no_glyph(text) IS
  'True when a value has neither mask glyph (* and U+2022); NULL for NULL.';

CREATE FUNCTION pgmask.is_calendar_date(p_digits text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  p_digits COLLATE "C" ~ (
    '^(?:(?:1[89]|20)[0-9]{2}(?:'
    '(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])'
    '|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)'
    '|02(?:0[1-9]|1[0-9]|2[0-8]))'
    -- Leap years.
    '|(?:(?:1[89]|20)(?:0[48]|[2468][048]|[13579][26])|2000)0229)$'
  ),
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.is_calendar_date(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.is_calendar_date(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.is_calendar_date(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.is_calendar_date(text) IS
  'True when eight digits YYYYMMDD name a day of the calendar from 1800 to 2099; false for '
  'anything else.';
