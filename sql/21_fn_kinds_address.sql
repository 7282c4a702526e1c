-- Kind postal_address: shown to the district, never beyond.
--
-- Markers decide, every doubt shows less; pgmask/kinds/address.py states the same in Python.  The
-- floor of the rule books for contact fields (the middle four characters) holds besides, so a short
-- address shows less than its district.

CREATE FUNCTION pgmask.address_head(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN replace(replace(replace(replace(replace(replace(replace(replace(
  left(p_value COLLATE "C", 26),
  '自治区', '自治省'),
  '地区', '地州'),
  '市场', '街街'),
  '景德镇', '景德德'),
  '镇江', '江江'),
  '镇海', '海海'),
  '新乡', '新新'),
  '县', '区');
REVOKE ALL ON FUNCTION pgmask.address_head(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.address_head(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.address_head(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.address_head(text) IS
  'The first 26 characters of an address, names that contain a marker without being one '
  'replaced by stand-ins of the same length.';

CREATE FUNCTION pgmask.is_plain_place(p_head text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN p_head COLLATE "C" !~ '[0-9０-９A-Za-z号號栋棟幢室弄巷街路道镇鎮乡鄉村组座 　,，、.。—()（）#＃*•-]';
REVOKE ALL ON FUNCTION pgmask.is_plain_place(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.is_plain_place(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.is_plain_place(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.is_plain_place(text) IS
  'True when the beginning of an address has no sign of a street, a building or a number.';

CREATE FUNCTION pgmask.address_district_end(p_value text)
RETURNS integer
LANGUAGE plpgsql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  v_head text := pgmask.address_head(p_value);
  v_end integer := strpos(v_head COLLATE "C", '区');
BEGIN
  IF v_end >= 3
     AND strpos('小社园校院厂库业发假税护货宿生一二三四五六七八九十里苑庄坊' COLLATE "C", substr(v_head, v_end - 1, 1)) = 0
     AND NOT (
       strpos('东西南北中' COLLATE "C", substr(v_head, v_end - 1, 1)) > 0
       AND strpos('里园苑庄坊寓村' COLLATE "C", substr(v_head, v_end - 2, 1)) > 0
     )
     AND pgmask.is_plain_place(left(v_head, v_end))
  THEN
    RETURN v_end;
  END IF;
  v_end := strpos(v_head COLLATE "C", '市');
  IF v_end BETWEEN 3 AND 20 AND pgmask.is_plain_place(left(v_head, v_end)) THEN
    RETURN v_end;
  END IF;
  v_end := strpos(v_head COLLATE "C", '省');
  IF v_end BETWEEN 3 AND 8 AND pgmask.is_plain_place(left(v_head, v_end)) THEN
    RETURN v_end;
  END IF;
  RETURN 0;
END
$function$;
REVOKE ALL ON FUNCTION pgmask.address_district_end(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.address_district_end(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.address_district_end(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.address_district_end(text) IS
  'Number of characters up to the end of the district of an address that begins with a Chinese '
  'character; the city or the province where the district is not recognised, else 0.';

CREATE FUNCTION pgmask.mask_postal_address(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN CASE
  WHEN char_length(p_value) BETWEEN 9 AND 300
   AND ascii(p_value) BETWEEN 19968 AND 40959
  THEN rpad(
    left(
      p_value,
      least(
        pgmask.address_district_end(p_value),
        (char_length(p_value) - 4) / 2
      )
    ),
    char_length(p_value),
    '*'
  )
  ELSE repeat('*', char_length(p_value))
END;
REVOKE ALL ON FUNCTION pgmask.mask_postal_address(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.mask_postal_address(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.mask_postal_address(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.mask_postal_address(text) IS
  'Mask of a postal address: province, city and district shown, at most up to the middle four '
  'characters; an unknown shape, or shorter than nine characters, masked whole.';

CREATE FUNCTION pgmask.normal_postal_address(p_value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN lower(translate(pgmask.fold_width(p_value), E' \t\r\n\u00A0\u200B\uFEFF,，、', '') COLLATE "C");
REVOKE ALL ON FUNCTION pgmask.normal_postal_address(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.normal_postal_address(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.normal_postal_address(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.normal_postal_address(text) IS
  'Normal form of a postal address: ASCII width, no blanks and commas, lower case.';

CREATE FUNCTION pgmask.valid_postal_address(p_value text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
CALLED ON NULL INPUT
PARALLEL SAFE
SECURITY INVOKER
RETURN coalesce(
  pgmask.has_no_glyph(p_value)
  AND char_length(btrim(p_value)) BETWEEN 6 AND 300
  AND p_value COLLATE "C" ~ '[A-Za-z㐀-䶿一-鿿]{2}',
  FALSE
);
REVOKE ALL ON FUNCTION pgmask.valid_postal_address(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgmask.valid_postal_address(text) TO pgmask_sealer;
ALTER FUNCTION pgmask.valid_postal_address(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.valid_postal_address(text) IS
  'True for 6 to 300 characters with words in them.';
