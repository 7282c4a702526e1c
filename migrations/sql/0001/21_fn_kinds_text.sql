-- Kinds made of words: person_name, free_text, json, media, secret, date.

CREATE FUNCTION pgmask.mask_person_name(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 2 AND 200
   AND (
     ascii(p_value) BETWEEN 65 AND 90
     OR ascii(p_value) BETWEEN 97 AND 122
     OR ascii(p_value) BETWEEN 192 AND 591
     OR ascii(p_value) BETWEEN 13312 AND 40959
     OR ascii(p_value) BETWEEN 131072 AND 205743
   )
  THEN CASE
    WHEN char_length(p_value) > 2
     AND strpos(
       '|欧阳|司马|上官|诸葛|司徒|东方|独孤|南宫|夏侯|尉迟|皇甫|慕容'
       '|令狐|公孙|轩辕|宇文|长孙|司空|鲜于|闾丘|太史|申屠|钟离|淳于'
       '|单于|公羊|公冶|濮阳|赫连|澹台|宗政|太叔|仲孙|百里|东郭|南门'
       '|呼延|羊舌|微生|梁丘|左丘|西门|第五|拓跋|端木|巫马|公西|漆雕'
       '|乐正|壤驷|公良|夹谷|宰父|谷梁|段干|司寇|子车|颛孙|亓官|万俟'
       '|闻人|歐陽|司馬|諸葛|東方|獨孤|南宮|長孫|軒轅|鍾離|公孫|淳於'
       '|單于|閭丘|濮陽|赫連|澹臺|東郭|南門|西門|聞人|尉遲|'
       COLLATE "C",
       '|' || left(p_value, 2) || '|'
     ) > 0
    THEN left(p_value, 2) || repeat('*', char_length(p_value) - 2)
    ELSE left(p_value, 1) || repeat('*', char_length(p_value) - 1)
  END
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_person_name(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_person_name(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_person_name(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_person_name(text) IS
  'Mask of a persons name: the surname shown, compound surnames too (欧阳*); of Latin names and '
  'names with a middle dot the first letter, because the surnames place is not known; one '
  'character or no letter first masked whole.';

CREATE FUNCTION pgmask.person_surname(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN pgmask.mask_person_name(p_value);
REVOKE ALL ON FUNCTION pgmask.person_surname(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.person_surname(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.person_surname(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.person_surname(text) IS
  'Surname shown, given name hidden: the form in which the name of a high-value customer may '
  'appear (Taikang, Article 39(2)).';

CREATE FUNCTION pgmask.normal_person_name(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN lower(translate(pgmask.fold_width(p_value), E'•・‧∙⋅. \t\u00A0\u200B', '·····') COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_person_name(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_person_name(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_person_name(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_person_name(text) IS
  'Normal form of a person''s name: one form of the middle dot, no blanks, lower case.';

CREATE FUNCTION pgmask.valid_person_name(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND (
    btrim(p_value) COLLATE "C" ~ '^[㐀-䶿一-鿿𠀀-𲎯〇·・]{2,40}$'
    OR btrim(p_value) COLLATE "C" ~ '^[A-Za-zÀ-ÖØ-öø-ɏ][-A-Za-zÀ-ÖØ-öø-ɏ .,''’]{1,80}$'
  ),
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_person_name(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_person_name(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_person_name(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_person_name(text) IS
  'True for a name of two or more Chinese characters (middle dot allowed) or of Latin letters; '
  'no digits.';

CREATE FUNCTION pgmask.mask_free_text(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN repeat('*', char_length(p_value));
REVOKE ALL ON FUNCTION pgmask.mask_free_text(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_free_text(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_free_text(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_free_text(text) IS
  'Mask of free text: every character hidden.';

CREATE FUNCTION pgmask.normal_free_text(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN btrim(pgmask.fold_width(p_value));
REVOKE ALL ON FUNCTION pgmask.normal_free_text(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_free_text(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_free_text(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_free_text(text) IS
  'Normal form of free text: ASCII width, no outer blanks.';

CREATE FUNCTION pgmask.valid_free_text(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(pgmask.has_no_glyph(p_value), FALSE);
REVOKE ALL ON FUNCTION pgmask.valid_free_text(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_free_text(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_free_text(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_free_text(text) IS
  'True for any free text without a mask glyph.';

CREATE FUNCTION pgmask.mask_date(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) = 10
   AND translate(p_value, '0123456789-/', '') COLLATE "C" = ''
  THEN left(p_value, 4) || '******'
  WHEN char_length(p_value) = 8
   AND translate(p_value, '0123456789', '') COLLATE "C" = ''
  THEN left(p_value, 4) || '****'
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_date(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_date(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_date(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_date(text) IS
  'Mask of a date in a character column: the year of YYYY-MM-DD and YYYYMMDD shown.';

CREATE FUNCTION pgmask.normal_date(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN translate(pgmask.compact(p_value), '年月日', '');
REVOKE ALL ON FUNCTION pgmask.normal_date(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_date(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_date(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_date(text) IS
  'Normal form of a date: YYYYMMDD.';

CREATE FUNCTION pgmask.valid_date(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND pgmask.is_calendar_date(translate(pgmask.compact(p_value), '年月日', '')),
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_date(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_date(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_date(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_date(text) IS
  'True for a day of the calendar written year, month, day in eight digits, with or without '
  'separators.';

CREATE FUNCTION pgmask.mask_json(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN repeat('*', char_length(p_value));
REVOKE ALL ON FUNCTION pgmask.mask_json(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_json(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_json(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_json(text) IS
  'Mask of a JSON document in a character column: every character hidden.';

CREATE FUNCTION pgmask.normal_json(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN p_value;
REVOKE ALL ON FUNCTION pgmask.normal_json(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_json(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_json(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_json(text) IS
  'Normal form of a JSON document in a character column: the value itself.';

CREATE FUNCTION pgmask.valid_json(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(pgmask.has_no_glyph(p_value), FALSE);
REVOKE ALL ON FUNCTION pgmask.valid_json(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_json(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_json(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_json(text) IS
  'True for a JSON document in a character column without a mask glyph.';

CREATE FUNCTION pgmask.mask_media(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN repeat('*', char_length(p_value));
REVOKE ALL ON FUNCTION pgmask.mask_media(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_media(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_media(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_media(text) IS
  'Mask of a media or file reference: every character hidden.';

CREATE FUNCTION pgmask.normal_media(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN p_value;
REVOKE ALL ON FUNCTION pgmask.normal_media(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_media(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_media(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_media(text) IS
  'Normal form of a media or file reference: the value itself.';

CREATE FUNCTION pgmask.valid_media(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(pgmask.has_no_glyph(p_value), FALSE);
REVOKE ALL ON FUNCTION pgmask.valid_media(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_media(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_media(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_media(text) IS
  'True for a media or file reference without a mask glyph.';

CREATE FUNCTION pgmask.mask_secret(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN repeat('*', char_length(p_value));
REVOKE ALL ON FUNCTION pgmask.mask_secret(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_secret(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_secret(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_secret(text) IS
  'Mask of a secret: every character hidden.';

CREATE FUNCTION pgmask.normal_secret(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN p_value;
REVOKE ALL ON FUNCTION pgmask.normal_secret(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_secret(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_secret(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_secret(text) IS
  'Normal form of a secret: the value itself.';

CREATE FUNCTION pgmask.valid_secret(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(pgmask.has_no_glyph(p_value), FALSE);
REVOKE ALL ON FUNCTION pgmask.valid_secret(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_secret(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_secret(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_secret(text) IS
  'True for a secret without a mask glyph.';
