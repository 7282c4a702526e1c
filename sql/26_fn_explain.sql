-- What a caller may ask about himself: who am I here, and why do I see what I see. Nothing here
-- tells of a row or a person but the caller's own.

-- Who the caller is in this transaction.
--   result  one row always; without an identity `problem` says what is wrong and what to do
--   marks   SECURITY DEFINER to read the register; shows the caller's own row only
CREATE FUNCTION pgmask.whoami()
  RETURNS TABLE (
    person bigint, name text, profile text, unit text, grade text, issuer text, purpose text,
    second_factor timestamptz, expires timestamptz, outsourced boolean, agreement text,
    login name, problem text, service text
  )
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_state record;
  v_person pgmask_private.person;
  v_signed boolean;
BEGIN
  SELECT s.* INTO v_state FROM pgmask_private.identity_state AS s;
  IF v_state.standing IN ('valid', 'expired') THEN
    SELECT p.* INTO v_person FROM pgmask_private.person AS p WHERE p.person_id = v_state.person_id;
    v_signed := EXISTS (
      SELECT FROM pgmask_private.document_period AS d
       WHERE d.person_id = v_state.person_id
         AND d.kind = 'confidentiality_agreement'
         AND d.period @> clock_timestamp());
  END IF;
  RETURN QUERY SELECT
    v_state.person_id, v_person.name, v_state.profile, v_state.unit_id, v_state.grade,
    v_state.issuer, v_state.purpose, v_state.second_factor_at,
    NULLIF(v_state.expires_at, 'infinity'),
    v_state.outsourced,
    CASE WHEN v_signed THEN 'valid' WHEN NOT v_signed THEN 'missing' END,
    SESSION_USER,
    CASE v_state.standing
      WHEN 'valid' THEN NULL
      WHEN 'expired' THEN 'PM102 the identity has expired: log in again with a new assertion'
      WHEN 'refused' THEN 'PM103 the token is not of this transaction: SELECT pgmask.login($1)'
      WHEN 'unregistered'
        THEN 'PM103 the register does not honour this login now: see the unit''s responsible'
      ELSE 'PM101 nobody has logged in to this transaction: SELECT pgmask.login($1)'
    END,
    v_state.service;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.whoami() FROM PUBLIC;
ALTER FUNCTION pgmask.whoami() OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.whoami() IS
  'Who the caller is in this transaction: person, profile, unit, and what is wrong if nobody.';

-- What the caller's profile sees of a table, column by column, as compiled. Reads no row of it.
--   p_table  as the application knows it: "schema.table", or a name that is there once
--   result   in the order of the view; no row when the profile has no view of such a table
--   errors   PM101..PM103 without an identity
CREATE FUNCTION pgmask.my_columns(p_table text)
  RETURNS TABLE (
    "column" text, level integer, you_see text, because text, to_see_more text,
    view_schema text, view_name text, key_column name, rows text[], unit text
  )
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL RESTRICTED
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_me record;
  v_table text;
  v_key name;
  v_reveal record;
  v_revealed bigint;
BEGIN
  SELECT i.person_id, i.profile, i.unit_id INTO v_me FROM pgmask_private.identity AS i;
  SELECT CASE WHEN count(DISTINCT c.table_id) = 1 THEN min(c.table_id) END
    INTO v_table
    FROM pgmask_private.profile_column AS c
   WHERE c.profile = v_me.profile
     AND (c.table_id = p_table OR substr(c.table_id, strpos(c.table_id, '.') + 1) = p_table);
  SELECT a.attname INTO v_key
    FROM pgmask_private.store_table AS t
    JOIN pg_namespace AS n ON n.nspname = t.schema_name
    JOIN pg_class AS r ON r.relnamespace = n.oid AND r.relname = t.table_name
    JOIN pg_index AS x ON x.indrelid = r.oid AND x.indisprimary
    JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = x.indkey[0]
   WHERE t.table_id = v_table;
  SELECT r.columns, r.per_day,
         (SELECT string_agg(p.key, ', ' ORDER BY p.key) FROM jsonb_each(r.purposes) AS p) AS purposes
    INTO v_reveal
    FROM pgmask_private.reveal_rule AS r
   WHERE r.profile = v_me.profile AND r.table_id = v_table;
  v_revealed := pgmask_private.counted('reveal_day', v_me.person_id);
  RETURN QUERY
  SELECT c.column_name, c.level,
         CASE c.form WHEN 'hidden' THEN 'NULL' ELSE c.form END,
         CASE
           WHEN c.form = 'hidden' THEN format('level %s is hidden for profile %s', c.level, c.profile)
           WHEN c.form = 'mask' OR c.sealed
             THEN format('level %s is stored masked, the truth is encrypted beside it', c.level)
           ELSE format('level %s is plain for profile %s', c.level, c.profile)
         END,
         CASE
           WHEN c.column_name = ANY (v_reveal.columns)
             THEN format('reveal: purposes %s; %s of %s left today', v_reveal.purposes,
                         greatest(v_reveal.per_day - v_revealed, 0), v_reveal.per_day)
           WHEN c.sealed THEN 'nothing in the database; who holds the key opens it outside'
           WHEN c.form <> 'plain' THEN 'a change of the catalogue, approved'
         END,
         c.view_schema, c.view_name, coalesce(v_key, (first_value(c.column_name) OVER (ORDER BY c.position))::name),
         c.rows, v_me.unit_id
    FROM pgmask_private.profile_column AS c
   WHERE c.profile = v_me.profile AND c.table_id = v_table
   ORDER BY c.position;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.my_columns(text) FROM PUBLIC;
ALTER FUNCTION pgmask.my_columns(text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.my_columns(text) IS
  'What the caller''s profile sees of a table, column by column, as compiled.';

-- Why the caller sees what he sees of one row.
--   p_table  as the application knows it
--   p_key    the value, as text, of the first column of the table's primary key (without one: of
--            its first column)
--   result   a line per column, and one named * for the row itself; a row that is hidden from the
--            caller and one that does not exist give the same line
--   marks    SECURITY INVOKER: looks for the row with the caller's own rights, through his view
CREATE FUNCTION pgmask.why(p_table text, p_key text)
  RETURNS TABLE ("column" text, level integer, you_see text, because text, to_see_more text)
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_column record;
  v_view regclass;
  v_type text;
  v_seen boolean := false;
BEGIN
  SELECT c.* INTO v_column FROM pgmask.my_columns(p_table) AS c LIMIT 1;
  IF NOT FOUND THEN
    RETURN QUERY SELECT
      '*'::text, NULL::integer, 'no table'::text,
      'your profile has no view of a table with this name, or of several'::text,
      'schema.table as the application knows it'::text;
    RETURN;
  END IF;
  RETURN QUERY
  SELECT c."column", c.level, c.you_see, c.because, c.to_see_more FROM pgmask.my_columns(p_table) AS c;

  SELECT format_type(a.atttypid, a.atttypmod), c.oid
    INTO v_type, v_view
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid
   WHERE n.nspname = v_column.view_schema
     AND c.relname = v_column.view_name
     AND a.attname = v_column.key_column;
  BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s AS v WHERE v.%I = $1::%s)',
                   v_view, v_column.key_column, v_type)
      INTO v_seen USING p_key;
  EXCEPTION
    WHEN data_exception THEN
      v_seen := false;  -- not a value of the key's type: no such row
    WHEN undefined_function THEN
      -- A type from outside pg_catalog, whose operator the pinned path does not see.
      EXECUTE format('SELECT EXISTS (SELECT FROM %s AS v WHERE v.%I::text = $1)',
                     v_view, v_column.key_column)
        INTO v_seen USING p_key;
  END;
  RETURN QUERY SELECT
    '*'::text, NULL::integer,
    CASE WHEN v_seen THEN 'the row' ELSE 'no row' END,
    CASE WHEN v_seen THEN format('you reach rows by: %s', array_to_string(v_column.rows, ', '))
         ELSE format('no row with this key is visible to you (unit %s, rows by: %s)',
                     v_column.unit, array_to_string(v_column.rows, ', ')) END,
    CASE WHEN NOT v_seen THEN 'nothing; somebody of its unit may see it, if it exists' END;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask.why(text, text) FROM PUBLIC;
ALTER FUNCTION pgmask.why(text, text) OWNER TO pgmask_owner;
COMMENT ON FUNCTION pgmask.why(text, text) IS
  'Why the caller sees what he sees of one row; a hidden and an absent row say the same.';
