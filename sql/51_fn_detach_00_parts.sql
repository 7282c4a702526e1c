-- Taking the views of a table down for a migration, inside the migration's own transaction.
--
-- Views and policies on columns stand in the way of ALTER TYPE and DROP COLUMN, and under forced
-- row-level security a foreign key is validated against no row at all (it refuses a valid one and
-- accepts an invalid one), while the owner's UPDATE is refused. So for the rest of the transaction
-- the views are gone, their definitions are kept as data, and the owner is not under row-level
-- security. Nobody else can look: the table is locked. A deferred trigger refuses COMMIT (PM210)
-- until pgmask.attach has brought everything back and found every protection in its place.
--
-- The functions belong to pgmask_migrator, a role nobody logs in as: a member of the view owners
-- and of the stores' owner. The caller needs no right but membership in the stores' owner.

-- The entries of an access control list, as facts and fingerprints write them.
--   p_acl   NULL: none
--   result  grantee '' is PUBLIC; privileges as in aclitem, * marks the grant option
CREATE FUNCTION pgmask_private.acl_entries(p_acl aclitem[])
  RETURNS TABLE (grantee text, privileges text)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN QUERY
  SELECT CASE WHEN starts_with(e.part[1], '"')
              THEN replace(substr(e.part[1], 2, length(e.part[1]) - 2), '""', '"')
              ELSE e.part[1] END,
         e.part[2]
    FROM unnest(p_acl) AS a (item)
   CROSS JOIN LATERAL (
     SELECT regexp_match(a.item::text, '^((?:"(?:[^"]|"")*"|[^"=]*))=([a-zA-Z*]*)/') AS part) AS e;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.acl_entries(aclitem[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.acl_entries(aclitem[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.acl_entries(aclitem[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.acl_entries(aclitem[]) IS
  'The entries of an access control list, as fingerprints write them.';

-- A table with its partitions and children, itself first.
CREATE FUNCTION pgmask_private.table_family(p_relation oid)
  RETURNS oid[]
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN (
    WITH RECURSIVE family (oid, depth) AS (
      SELECT p_relation, 0
      UNION ALL
      SELECT h.inhrelid, f.depth + 1
        FROM family AS f
        JOIN pg_inherits AS h ON h.inhparent = f.oid
        JOIN pg_class AS c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p', 'f')
    )
    SELECT array_agg(m.oid ORDER BY m.depth, m.oid)
      FROM (SELECT f.oid, min(f.depth) AS depth FROM family AS f GROUP BY f.oid) AS m
  );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.table_family(oid) FROM PUBLIC;
ALTER FUNCTION pgmask_private.table_family(oid) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.table_family(oid) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.table_family(oid) IS
  'A table with its partitions and children, itself first.';

-- The protected table that somebody means.
--   p_table  as the application knows it, as its store is called, or the bare name where only one
--            protected table has it; quoted where the name needs it
--   errors   PM261: no protected table, or several
CREATE FUNCTION pgmask_private.migration_table(p_table text)
  RETURNS pgmask_private.store_table
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL SAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_names text[];
  v_found pgmask_private.store_table;
  v_count bigint;
BEGIN
  SELECT s.* INTO v_found FROM pgmask_private.store_table AS s WHERE s.table_id = p_table;
  IF FOUND THEN
    RETURN v_found;
  END IF;
  BEGIN
    v_names := parse_ident(p_table);
  EXCEPTION
    WHEN invalid_parameter_value THEN
      v_names := ARRAY[p_table];
  END;
  SELECT count(*) INTO v_count
    FROM pgmask_private.store_table AS s
   WHERE s.table_name = v_names[cardinality(v_names)]
     AND (cardinality(v_names) = 1 OR v_names[cardinality(v_names) - 1] IN (s.schema_name, s.original_schema));
  IF (v_count = 1) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM261',
      MESSAGE = CASE WHEN v_count > 1
                     THEN format('several protected tables are called %s', p_table)
                     ELSE format('%s is not a protected table', coalesce(p_table, 'NULL')) END,
      HINT = 'Write it as the application knows it: schema.table. Other tables need no window.';
  END IF;
  SELECT s.* INTO v_found
    FROM pgmask_private.store_table AS s
   WHERE s.table_name = v_names[cardinality(v_names)]
     AND (cardinality(v_names) = 1 OR v_names[cardinality(v_names) - 1] IN (s.schema_name, s.original_schema));
  RETURN v_found;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.migration_table(text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.migration_table(text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.migration_table(text) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.migration_table(text) IS
  'The protected table that a name means; raises PM261 where none or several do.';

-- What protects a table and is not as the last apply left it: attributes of the fingerprints that
-- pgmask.drift compares, as far as the protection at rest hangs on them.
--   p_table_id  the protected table
--   p_forced    whether forced row-level security is compared too: not inside a window
--   result      one row per object and attribute
--   marks       search_path: definitions are rendered as they were when they were recorded
CREATE FUNCTION pgmask_private.protection_difference(p_table_id text, p_forced boolean)
  RETURNS TABLE (object text, attribute text)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN QUERY
  WITH managed AS MATERIALIZED (
    SELECT m.kind, m.identity, m.address, m.fingerprint AS was, c.oid AS relation, c.relowner,
           c.relrowsecurity, c.relforcerowsecurity, c.relpersistence, c.relacl
      FROM pgmask_private.managed_object AS m
      LEFT JOIN pg_namespace AS n
        ON n.nspname = CASE m.kind WHEN 'grant' THEN m.address[2] ELSE m.address[1] END
      LEFT JOIN pg_class AS c
        ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
       AND c.relname = CASE m.kind WHEN 'grant' THEN m.address[3] ELSE m.address[2] END
     WHERE m.parent = p_table_id AND m.address <> '{}' AND m.fingerprint IS NOT NULL
       AND m.kind IN ('security', 'policy', 'trigger', 'check', 'column', 'place', 'function', 'index', 'grant')
  ), family AS (
    SELECT DISTINCT f.oid
      FROM managed AS m
     CROSS JOIN LATERAL unnest(pgmask_private.table_family(m.relation)) AS f (oid)
     WHERE m.kind = 'place' AND m.relation IS NOT NULL
  ), found (kind, identity, attribute, was, now) AS (
    SELECT m.kind, m.identity, v.attribute, m.was -> v.attribute, v.now
      FROM managed AS m
     CROSS JOIN LATERAL (VALUES
       ('enabled', to_jsonb(m.relrowsecurity)),
       ('forced', to_jsonb(m.relforcerowsecurity)),
       ('policies', (
         SELECT coalesce(jsonb_agg(p.polname ORDER BY p.polname), '[]')
           FROM pg_policy AS p
          WHERE p.polrelid = m.relation
            AND NOT EXISTS (
              SELECT FROM pgmask_private.managed_object AS o
               WHERE o.kind = 'policy' AND o.address = array_append(m.address, p.polname::text))))
     ) AS v (attribute, now)
     WHERE m.kind = 'security' AND (p_forced OR v.attribute <> 'forced')
    UNION ALL
    SELECT m.kind, m.identity, v.attribute, m.was -> v.attribute, v.now
      FROM managed AS m
      LEFT JOIN pg_policy AS p ON p.polrelid = m.relation AND p.polname = m.address[3]
     CROSS JOIN LATERAL (VALUES
       ('command', to_jsonb(p.polcmd)),
       ('permissive', to_jsonb(p.polpermissive)),
       ('roles', CASE WHEN p.polroles = '{0}' THEN '["PUBLIC"]'::jsonb ELSE (
          SELECT coalesce(jsonb_agg(r.name ORDER BY r.name), '[]')
            FROM (SELECT pg_get_userbyid(u)::text AS name FROM unnest(p.polroles) AS u) AS r) END),
       ('using', to_jsonb(pg_get_expr(p.polqual, p.polrelid))),
       ('check', to_jsonb(pg_get_expr(p.polwithcheck, p.polrelid)))
     ) AS v (attribute, now)
     WHERE m.kind = 'policy'
    UNION ALL
    SELECT m.kind, m.identity, v.attribute, m.was -> v.attribute, v.now
      FROM managed AS m
      LEFT JOIN pg_trigger AS t
        ON t.tgrelid = m.relation AND t.tgname = m.address[3] AND NOT t.tgisinternal
     CROSS JOIN LATERAL (VALUES
       ('enabled', to_jsonb(t.tgenabled)), ('definition', to_jsonb(pg_get_triggerdef(t.oid)))
     ) AS v (attribute, now)
     WHERE m.kind = 'trigger'
    UNION ALL
    -- Row triggers of a partition are clones; one that was switched off there lets plain values in.
    SELECT 'trigger', format('%s.%I', f.oid::regclass, m.address[3]), 'enabled',
           m.was -> 'enabled', to_jsonb(t.tgenabled)
      FROM managed AS m
      JOIN pg_trigger AS p
        ON p.tgrelid = m.relation AND p.tgname = m.address[3] AND p.tgtype::integer & 1 = 1
      JOIN family AS f ON f.oid <> m.relation
      JOIN pg_class AS c ON c.oid = f.oid AND c.relispartition
      LEFT JOIN pg_trigger AS t ON t.tgrelid = f.oid AND t.tgname = m.address[3]
     WHERE m.kind = 'trigger'
    UNION ALL
    SELECT m.kind, m.identity, 'definition', m.was -> 'definition',
           to_jsonb(regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''))
      FROM managed AS m
      LEFT JOIN pg_constraint AS k ON k.conrelid = m.relation AND k.conname = m.address[3]
     WHERE m.kind = 'check'
    UNION ALL
    SELECT m.kind, m.identity, v.attribute, m.was -> v.attribute, v.now
      FROM managed AS m
      LEFT JOIN pg_attribute AS a
        ON a.attrelid = m.relation AND a.attname = m.address[3] AND NOT a.attisdropped
      LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     CROSS JOIN LATERAL (VALUES
       ('type', to_jsonb(format_type(a.atttypid, a.atttypmod))),
       ('not_null', to_jsonb(a.attnotnull)),
       ('default', to_jsonb(pg_get_expr(d.adbin, d.adrelid)))
     ) AS v (attribute, now)
     WHERE m.kind = 'column'
    UNION ALL
    SELECT m.kind, m.identity, v.attribute, m.was -> v.attribute, v.now
      FROM managed AS m
      LEFT JOIN pg_proc AS p
        ON p.pronamespace = 'pgmask_private'::regnamespace AND p.proname = m.address[2]
     CROSS JOIN LATERAL (VALUES
       ('owner', to_jsonb(pg_get_userbyid(p.proowner))),
       ('source', to_jsonb(encode(sha256(convert_to(pg_get_functiondef(p.oid), 'UTF8')), 'hex')))
     ) AS v (attribute, now)
     WHERE m.kind = 'function' AND m.address[1] = 'pgmask_private'
    UNION ALL
    SELECT m.kind, m.identity, 'existence', 'true'::jsonb,
           to_jsonb(to_regclass(format('%I.%I', m.address[1], m.address[2])) IS NOT NULL)
      FROM managed AS m
     WHERE m.kind = 'index'
    UNION ALL
    SELECT m.kind, m.identity, v.attribute, m.was -> v.attribute, v.now
      FROM managed AS m
     CROSS JOIN LATERAL (
       SELECT array_append(coalesce(array_agg(o.address[4]), '{}'), pg_get_userbyid(m.relowner)::text) AS grantees
         FROM pgmask_private.managed_object AS o
        WHERE o.kind = 'grant' AND o.address[1:3] = ARRAY['relation'] || m.address[1:2]) AS k
     CROSS JOIN LATERAL (VALUES
       ('owner', to_jsonb(pg_get_userbyid(m.relowner))),
       ('persistence', to_jsonb(m.relpersistence)),
       ('grants', (
         SELECT coalesce(jsonb_agg(format('%s=%s', coalesce(nullif(e.grantee, ''), 'PUBLIC'), e.privileges)
                                   ORDER BY e.grantee COLLATE "C"), '[]')
           FROM pgmask_private.acl_entries(m.relacl) AS e
          WHERE (e.grantee = ANY (k.grantees)) IS NOT TRUE)),
       ('column_grants', (
         SELECT coalesce(jsonb_object_agg(g.name, g.extra), '{}')
           FROM (
             SELECT a.attname AS name,
                    jsonb_agg(format('%s=%s', coalesce(nullif(e.grantee, ''), 'PUBLIC'), e.privileges)
                              ORDER BY e.grantee COLLATE "C") AS extra
               FROM pg_attribute AS a
              CROSS JOIN LATERAL pgmask_private.acl_entries(a.attacl) AS e
              WHERE a.attrelid = m.relation AND a.attnum > 0 AND NOT a.attisdropped
                AND (e.grantee = ANY (k.grantees)) IS NOT TRUE
              GROUP BY a.attname) AS g)),
       ('rules', (
         SELECT coalesce(jsonb_agg(r.name ORDER BY r.name COLLATE "C"), '[]')
           FROM (
             SELECT CASE WHEN w.ev_class = m.relation THEN w.rulename::text
                         ELSE format('%s.%s.%s', n.nspname, c.relname, w.rulename) END AS name
               FROM pg_rewrite AS w
               JOIN pg_class AS c ON c.oid = w.ev_class
               JOIN pg_namespace AS n ON n.oid = c.relnamespace
              WHERE w.ev_class IN (SELECT f.oid FROM family AS f)) AS r))
     ) AS v (attribute, now)
     WHERE m.kind = 'place'
    UNION ALL
    SELECT m.kind, m.identity, v.attribute, m.was -> v.attribute, v.now
      FROM managed AS m
     CROSS JOIN LATERAL (VALUES
       ('privileges', (
         SELECT to_jsonb(coalesce(string_agg(e.privileges, '' ORDER BY e.privileges COLLATE "C"), ''))
           FROM pgmask_private.acl_entries(m.relacl) AS e WHERE e.grantee = m.address[4])),
       ('columns', (
         SELECT coalesce(jsonb_object_agg(g.name, g.letters), '{}')
           FROM (
             SELECT a.attname AS name,
                    string_agg(e.privileges, '' ORDER BY e.privileges COLLATE "C") AS letters
               FROM pg_attribute AS a
              CROSS JOIN LATERAL pgmask_private.acl_entries(a.attacl) AS e
              WHERE a.attrelid = m.relation AND a.attnum > 0 AND NOT a.attisdropped
                AND e.grantee = m.address[4]
              GROUP BY a.attname) AS g))
     ) AS v (attribute, now)
     WHERE m.kind = 'grant' AND m.address[1] = 'relation' AND m.relation IS NOT NULL
    UNION ALL
    -- A member of the family that nobody has protected yet.
    SELECT 'security', f.oid::regclass::text, 'enabled', 'true'::jsonb, to_jsonb(c.relrowsecurity)
      FROM family AS f
      JOIN pg_class AS c ON c.oid = f.oid
     -- Not at detach: that is how a partition of another tool gets its protection.
     WHERE p_forced AND NOT EXISTS (SELECT FROM managed AS m WHERE m.kind = 'security' AND m.relation = f.oid)
       AND EXISTS (SELECT FROM managed AS m WHERE m.kind = 'security')
  )
  SELECT format('%s:%s', d.kind, d.identity), d.attribute
    FROM found AS d
   WHERE coalesce(d.was, 'null') IS DISTINCT FROM coalesce(d.now, 'null')
   ORDER BY 1, 2;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.protection_difference(text, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.protection_difference(text, boolean) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.protection_difference(text, boolean) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.protection_difference(text, boolean) IS
  'What protects a table and is not as the last apply left it.';

-- Raises PM213 where a protection is off, naming each object and attribute.
CREATE FUNCTION pgmask_private.refuse_unprotected(p_table_id text, p_forced boolean)
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
  SELECT string_agg(format('%s: %s', d.object, d.attribute), E'\n')
    INTO v_found
    FROM pgmask_private.protection_difference(p_table_id, p_forced) AS d;
  IF v_found IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM213',
      MESSAGE = format('protections of %s are not as the last apply left them', p_table_id),
      DETAIL = v_found,
      HINT = CASE WHEN p_forced
                  THEN 'Nothing of this transaction was kept. Leave what pgmask made out of the migration.'
                  ELSE 'Nothing was detached. See pgmask drift; pgmask apply puts them back.' END;
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_unprotected(text, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_unprotected(text, boolean) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_unprotected(text, boolean) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_unprotected(text, boolean) IS
  'Raises PM213 where a protection of a table is not as the last apply left it.';

-- Lets the deferred checks of a table's own constraints run now, or be deferred again. Changed rows
-- leave them pending, and then no ALTER TABLE is possible. Never ALL: that would ask the guard of
-- pgmask.detach as well. Those in schemas that pgmask_migrator may not use are left to the caller.
-- Constraint triggers and exclusions would run the application's code as pgmask_migrator: they are
-- left to COMMIT, and a name that they share with another constraint is refused, because SET
-- CONSTRAINTS takes every constraint of that name in the schema.
--   p_members   the table with its partitions and children
--   p_deferred  true: give those back that are deferred by default
--   errors      PM260: a constraint trigger or exclusion has the name of such a constraint
CREATE FUNCTION pgmask_private.settle_constraints(p_members oid[], p_deferred boolean)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_names text;
  v_shared text;
BEGIN
  SELECT string_agg(DISTINCT format('%I.%I', n.nspname, k.conname), ', '),
         string_agg(DISTINCT format('%I on %s', o.conname, o.conrelid::regclass), E'\n')
           FILTER (WHERE o.oid IS NOT NULL)
    INTO v_names, v_shared
    FROM pg_constraint AS k
    JOIN pg_namespace AS n ON n.oid = k.connamespace
    LEFT JOIN pg_constraint AS o
      ON o.connamespace = k.connamespace AND o.conname = k.conname
     AND o.contype NOT IN ('f', 'u', 'p') AND o.condeferrable
   WHERE (k.conrelid = ANY (p_members) OR k.confrelid = ANY (p_members))
     AND k.contype IN ('f', 'u', 'p')
     AND k.condeferrable AND (k.condeferred OR NOT p_deferred)
     AND has_schema_privilege(n.oid, 'USAGE');
  IF v_shared IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'PM260',
      MESSAGE = 'a constraint trigger or exclusion has the name of a foreign key or unique key here',
      DETAIL = v_shared, HINT = 'Nothing of this transaction was kept. Give it another name.';
  END IF;
  IF v_names IS NOT NULL THEN
    EXECUTE format('SET CONSTRAINTS %s %s', v_names,
                   CASE WHEN p_deferred THEN 'DEFERRED' ELSE 'IMMEDIATE' END);
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.settle_constraints(oid[], boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.settle_constraints(oid[], boolean) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.settle_constraints(oid[], boolean) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.settle_constraints(oid[], boolean) IS
  'Lets the pending checks of a table''s own constraints run now, or be deferred again.';

-- The functions of pgmask that hang on views: their result is the row of one.
--   p_table_id  the protected table
--   p_views     its views
CREATE FUNCTION pgmask_private.functions_over(p_table_id text, p_views oid[])
  RETURNS TABLE (identity text, definition text, owner text, acl jsonb, comment text)
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN QUERY
  SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner)::text,
         (SELECT coalesce(jsonb_agg(pg_get_userbyid(a.grantee)), '[]')
            FROM aclexplode(p.proacl) AS a
           WHERE a.grantee NOT IN (0, p.proowner)),
         obj_description(p.oid, 'pg_proc')
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    JOIN pgmask_private.managed_object AS m
      ON m.kind = 'function' AND m.parent = p_table_id
     AND m.address[1] = n.nspname AND m.address[2] = p.proname
   WHERE EXISTS (
     SELECT FROM pg_depend AS d
       LEFT JOIN pg_type AS t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
       LEFT JOIN pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (p_views)
             OR t.typrelid = ANY (p_views) OR e.typrelid = ANY (p_views)))
   ORDER BY p.oid;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.functions_over(text, oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.functions_over(text, oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.functions_over(text, oid[]) TO pgmask_migrator, pgmask_sealer;
COMMENT ON FUNCTION pgmask_private.functions_over(text, oid[]) IS
  'The functions of pgmask whose result is a row of one of these views.';

-- Lets the owner of a store hang its sealing triggers on new partitions, inside a window only:
-- PostgreSQL clones them with the rights of whoever makes the partition.
--   p_give  false takes it back
CREATE FUNCTION pgmask_private.lend_triggers(p_table_id text, p_give boolean)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_names text;
  v_owner text;
BEGIN
  SELECT string_agg(DISTINCT p.oid::regprocedure::text, ', '), min(pg_get_userbyid(c.relowner))
    INTO v_names, v_owner
    FROM pgmask_private.managed_object AS m
    JOIN pg_namespace AS n ON n.nspname = m.address[1]
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = m.address[2]
    JOIN pg_trigger AS t ON t.tgrelid = c.oid AND t.tgname = m.address[3]
    JOIN pg_proc AS p
      ON p.oid = t.tgfoid AND p.pronamespace = 'pgmask_private'::regnamespace
     AND p.proowner = to_regrole('pgmask_sealer')
   WHERE m.kind = 'trigger' AND m.parent = p_table_id;
  IF v_names IS NOT NULL THEN
    EXECUTE format('%s EXECUTE ON FUNCTION %s %s %I', CASE WHEN p_give THEN 'GRANT' ELSE 'REVOKE' END,
                   v_names, CASE WHEN p_give THEN 'TO' ELSE 'FROM' END, v_owner);
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.lend_triggers(text, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.lend_triggers(text, boolean) OWNER TO pgmask_sealer;
GRANT EXECUTE ON FUNCTION pgmask_private.lend_triggers(text, boolean) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.lend_triggers(text, boolean) IS
  'Lets the owner of a store hang its sealing triggers on new partitions, inside a window only.';

-- Takes down the functions over views that pgmask_sealer owns, and keeps them in a table that only
-- pgmask_sealer can write: so pgmask_migrator need not be able to make functions of that role.
CREATE FUNCTION pgmask_private.take_sealer_functions(p_table_id text, p_views oid[])
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_names text;
BEGIN
  INSERT INTO pgmask_private.detached_function (table_id, identity, definition, owner, acl, comment)
  SELECT p_table_id, f.identity, f.definition, f.owner, f.acl, f.comment
    FROM pgmask_private.functions_over(p_table_id, p_views) AS f
   WHERE f.owner = CURRENT_USER;
  SELECT string_agg(f.identity, ', ') INTO v_names
    FROM pgmask_private.detached_function AS f WHERE f.table_id = p_table_id;
  IF v_names IS NOT NULL THEN
    EXECUTE format('DROP FUNCTION %s', v_names);
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.take_sealer_functions(text, oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.take_sealer_functions(text, oid[]) OWNER TO pgmask_sealer;
GRANT EXECUTE ON FUNCTION pgmask_private.take_sealer_functions(text, oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.take_sealer_functions(text, oid[]) IS
  'Takes down the functions over views that pgmask_sealer owns; bring_sealer_functions undoes it.';

-- Brings back what take_sealer_functions took down; p_make false only forgets it.
CREATE FUNCTION pgmask_private.bring_sealer_functions(p_table_id text, p_make boolean)
  RETURNS integer
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
DECLARE
  v_one record;
  v_grantee text;
  v_count integer := 0;
BEGIN
  FOR v_one IN
    SELECT f.* FROM pgmask_private.detached_function AS f WHERE f.table_id = p_table_id AND p_make
     ORDER BY f.identity
  LOOP
    EXECUTE v_one.definition;
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_one.identity);
    FOR v_grantee IN SELECT g FROM jsonb_array_elements_text(v_one.acl) AS g LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', v_one.identity, v_grantee);
    END LOOP;
    EXECUTE format('COMMENT ON FUNCTION %s IS %L', v_one.identity, v_one.comment);
    v_count := v_count + 1;
  END LOOP;
  DELETE FROM pgmask_private.detached_function AS f WHERE f.table_id = p_table_id;
  RETURN v_count;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.bring_sealer_functions(text, boolean) FROM PUBLIC;
ALTER FUNCTION pgmask_private.bring_sealer_functions(text, boolean) OWNER TO pgmask_sealer;
GRANT EXECUTE ON FUNCTION pgmask_private.bring_sealer_functions(text, boolean) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.bring_sealer_functions(text, boolean) IS
  'Brings back what take_sealer_functions took down.';

-- What of pgmask hangs on a table and stands in the way of a migration, as data.
--   p_members  the table with its partitions and children
--   result     policies on its columns, its own or another table's
CREATE FUNCTION pgmask_private.policies_on_columns(p_members oid[])
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'relation', p.polrelid::bigint, 'name', p.polname, 'identity', m.identity,
             'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                                      WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
             'permissive', p.polpermissive,
             'roles', (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC'
                                         ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
                         FROM unnest(p.polroles) AS r),
             'using', pg_get_expr(p.polqual, p.polrelid),
             'check', pg_get_expr(p.polwithcheck, p.polrelid),
             'comment', obj_description(p.oid, 'pg_policy')) ORDER BY p.polrelid, p.polname), '[]')
      FROM pg_policy AS p
      JOIN pg_class AS c ON c.oid = p.polrelid
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pgmask_private.managed_object AS m
        ON m.kind = 'policy' AND m.address = ARRAY[n.nspname, c.relname, p.polname]::text[]
     WHERE EXISTS (
       SELECT FROM pg_depend AS d
         JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (p_members)
          AND d.refobjsubid > 0 AND NOT starts_with(a.attname::text, 'pgmask_'))
  );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.policies_on_columns(oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.policies_on_columns(oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.policies_on_columns(oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.policies_on_columns(oid[]) IS
  'The policies of pgmask that hang on columns of these tables, as data.';

-- The profiles' views of a table as data.
--   p_views  their oids
CREATE FUNCTION pgmask_private.views_as_data(p_views oid[])
  RETURNS jsonb
  LANGUAGE plpgsql
  STABLE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'schema', n.nspname, 'name', c.relname, 'owner', pg_get_userbyid(c.relowner),
             'options', to_jsonb(c.reloptions), 'comment', obj_description(c.oid, 'pg_class'),
             'query', pg_get_viewdef(c.oid),
             'grants', (
               SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'to', CASE a.grantee WHEN 0 THEN 'PUBLIC'
                              ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                        'right', a.privilege_type, 'option', a.is_grantable)), '[]')
                 FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner),
             'columns', (
               SELECT jsonb_agg(jsonb_build_object(
                        'name', a.attname, 'default', pg_get_expr(d.adbin, d.adrelid),
                        'comment', col_description(c.oid, a.attnum),
                        'grants', (
                          SELECT coalesce(jsonb_agg(jsonb_build_object(
                                   'to', CASE x.grantee WHEN 0 THEN 'PUBLIC'
                                         ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
                                   'right', x.privilege_type, 'option', x.is_grantable)), '[]')
                            FROM aclexplode(a.attacl) AS x WHERE x.grantee <> c.relowner)
                      ) ORDER BY a.attnum)
                 FROM pg_attribute AS a
                 LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
           ) ORDER BY c.oid), '[]')
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.oid = ANY (p_views)
  );
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.views_as_data(oid[]) FROM PUBLIC;
ALTER FUNCTION pgmask_private.views_as_data(oid[]) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.views_as_data(oid[]) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.views_as_data(oid[]) IS 'The profiles'' views of a table, as data.';

-- Whether the caller may migrate; raises PM217 else.
--   p_owner  the role that owns the table
--   marks    session_user is who connected, whatever SET ROLE says now
CREATE FUNCTION pgmask_private.refuse_migration(p_owner oid, p_table_id text)
  RETURNS void
  LANGUAGE plpgsql
  VOLATILE
  CALLED ON NULL INPUT
  PARALLEL UNSAFE
  SECURITY INVOKER
  SET search_path = pg_catalog, pg_temp
AS $pgmask$
BEGIN
  IF pg_has_role(SESSION_USER, p_owner, 'MEMBER') IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM217',
      MESSAGE = format('login %I may not migrate %s', SESSION_USER, p_table_id),
      DETAIL = format('It is no member of %I, which owns the table.', pg_get_userbyid(p_owner)),
      HINT = format('Have the DBA open a window: pgmask migrate open --for 30m --ticket .. --login %I',
                    SESSION_USER);
  END IF;
  IF EXISTS (
    SELECT FROM pgmask_private.migration_window AS w
     WHERE w.login = SESSION_USER AND w.closed_at IS NULL AND w.ends_at <= clock_timestamp()
  ) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PM217',
      MESSAGE = format('the window of login %I is over', SESSION_USER),
      HINT = 'Have the DBA close it (pgmask migrate close) and open a new one.';
  END IF;
END;
$pgmask$;
REVOKE ALL ON FUNCTION pgmask_private.refuse_migration(oid, text) FROM PUBLIC;
ALTER FUNCTION pgmask_private.refuse_migration(oid, text) OWNER TO pgmask_owner;
GRANT EXECUTE ON FUNCTION pgmask_private.refuse_migration(oid, text) TO pgmask_migrator;
COMMENT ON FUNCTION pgmask_private.refuse_migration(oid, text) IS
  'Raises PM217 unless the login may act as the owner now.';
