-- What of the application's code a migration may not leave where roles of pgmask would run it:
-- casts of its types in what pgmask generated, and triggers that referential actions set off.

-- Refuses a column of a type of the application's that generated functions, policies or views would
-- cast: whoever owns a type makes its casts, and a cast runs as whoever casts. What pgmask apply
-- made for such a column casts nothing; this is about columns that became so since then.
--   p_store    the quoted name under which generated functions find the table
--   p_columns  as kept at detach: name and type of then
--   errors     PM218 with the columns, whatever follows: also where an apply follows, a reveal would
--              run before it
CREATE FUNCTION pgmask_private.refuse_own_types(
  p_table_id text, p_relation oid, p_store text, p_columns jsonb
)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_found text;
BEGIN
  WITH alien AS MATERIALIZED (
    SELECT a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) AS type
      FROM pg_attribute AS a
      JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = p_relation AND a.attnum > 0 AND NOT a.attisdropped
       AND t.typnamespace <> 'pg_catalog'::regnamespace
       -- A base type (citext) is a superuser's work, and so are its casts.
       AND NOT (t.typtype = 'b' AND t.typcategory <> 'A')
       AND NOT EXISTS (
         SELECT FROM jsonb_to_recordset(p_columns) AS c (name text, type bigint)
          WHERE c.name = a.attname AND c.type = a.atttypid::bigint)
  )
  SELECT string_agg(DISTINCT format('%s of type %s: %s:%s', f.attname, f.type, f.kind, f.identity), E'\n')
    INTO v_found
    FROM (
      SELECT a.attname, a.type, m.kind, m.identity
        FROM alien AS a
        JOIN pgmask_private.managed_object AS m ON m.kind = 'function'
        JOIN pg_namespace AS n ON n.nspname = m.address[1]
        JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname = m.address[2]
       WHERE (m.parent = p_table_id OR strpos(p.prosrc, p_store) > 0)
         AND (strpos(p.prosrc, '"' || replace(a.attname, '"', '""') || '"') > 0
              OR strpos(p.prosrc, quote_literal(a.attname)) > 0)
      UNION ALL
      SELECT a.attname, a.type, 'policy', format('%I on %s', p.polname, p.polrelid::regclass)
        FROM alien AS a
        JOIN pg_depend AS d
          ON d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass
         AND d.refobjid = p_relation AND d.refobjsubid = a.attnum
        JOIN pg_policy AS p ON p.oid = d.objid
    ) AS f;
  IF v_found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM218',
      MESSAGE = format('a type of the application''s came into what pgmask generated for %s', p_table_id),
      DETAIL = v_found,
      HINT = 'Nothing of this transaction was kept. Casts of the type would run with the rights that open values: '
             'use a type of PostgreSQL''s own, or add a column of the new type beside this one.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_own_types(text, oid, text, jsonb) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_own_types(text, oid, text, jsonb) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_own_types(text, oid, text, jsonb) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_own_types(text, oid, text, jsonb) IS
  'Raises PM218 where a column got a type of the application''s that generated code would cast.';

-- Refuses views and policies of pgmask that call what is neither PostgreSQL's nor pgmask's: made
-- again from their text, they take whatever casts there are by now.
--   errors  PM218 with the functions
CREATE FUNCTION pgmask_private.refuse_own_calls(p_table_id text, p_relation oid)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_found text;
BEGIN
  SELECT string_agg(DISTINCT format('%s:%s calls %s', m.kind, m.identity, d.refobjid::regprocedure), E'\n')
    INTO v_found
    FROM pgmask_private.managed_object AS m
    JOIN pg_namespace AS n ON n.nspname = m.address[1]
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = m.address[2]
    LEFT JOIN pg_policy AS p ON m.kind = 'policy' AND p.polrelid = c.oid AND p.polname = m.address[3]
    LEFT JOIN pg_rewrite AS w ON m.kind = 'view' AND w.ev_class = c.oid
    JOIN pg_depend AS d
      ON d.refclassid = 'pg_proc'::regclass
     AND (d.classid = 'pg_policy'::regclass AND d.objid = p.oid
          OR d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid)
    JOIN pg_proc AS f ON f.oid = d.refobjid
    JOIN pg_namespace AS s ON s.oid = f.pronamespace
   WHERE m.kind IN ('view', 'policy')
     AND (m.parent = p_table_id OR EXISTS (
       SELECT FROM pg_depend AS o
        WHERE o.classid = d.classid AND o.objid = d.objid
          AND o.refclassid = 'pg_class'::regclass AND o.refobjid = p_relation))
     AND s.nspname NOT IN ('pg_catalog', 'pgmask', 'pgmask_private', 'pgmask_note');
  IF v_found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM218',
      MESSAGE = format('what pgmask made again for %s would run a cast of the application''s', p_table_id),
      DETAIL = v_found,
      HINT = 'Nothing of this transaction was kept. Drop that cast, or leave the column''s type.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_own_calls(text, oid) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_own_calls(text, oid) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_own_calls(text, oid) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_own_calls(text, oid) IS
  'Raises PM218 where a view or policy that came back calls a function of the application''s.';

-- Refuses triggers of the application behind a referential action: the action runs as the owner of
-- the referencing table, without row-level security, and so does every trigger that it sets off.
--   p_members  the table with its partitions and children
--   errors     PM258 with triggers and foreign keys
CREATE FUNCTION pgmask_private.refuse_cascades(p_table_id text, p_members oid[])
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_found text;
BEGIN
  SELECT string_agg(DISTINCT format('trigger %I behind %I of %s', t.tgname, k.conname, k.conrelid::regclass), E'\n')
    INTO v_found
    FROM pg_constraint AS k
    JOIN pg_class AS c ON c.oid = k.conrelid
    JOIN pg_trigger AS t ON t.tgrelid = k.conrelid AND NOT t.tgisinternal
    JOIN pg_proc AS p ON p.oid = t.tgfoid
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
   WHERE k.conrelid = ANY (p_members) AND k.contype = 'f'
     AND n.nspname <> 'pgmask_private' AND p.proowner <> c.relowner
     -- Bits of tgtype: 8 DELETE, 16 UPDATE.
     AND (t.tgtype::integer & 8 > 0 AND k.confdeltype = 'c'
          OR t.tgtype::integer & 16 > 0 AND (k.confdeltype IN ('n', 'd') OR k.confupdtype IN ('c', 'n', 'd')));
  IF v_found IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM258',
      MESSAGE = format('triggers of %s would run as its owner', p_table_id),
      DETAIL = v_found,
      HINT = 'Nothing of this transaction was kept. Drop the trigger, or let the foreign key restrict and the '
             'application delete.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_cascades(text, oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_cascades(text, oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_cascades(text, oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_cascades(text, oid[]) IS
  'Raises PM258 where a trigger of the application stands behind a referential action.';
